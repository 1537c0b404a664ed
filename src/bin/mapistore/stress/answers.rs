//! The store's answers as histories have them.

use mapistore::{Error, Outcomes, SaveOutcome, Saved};

use super::history::Answer;

pub(super) fn answer_of_saved(saved: &Saved) -> Answer {
    let (version, change) = (saved.row_version.get(), saved.change_number.get());
    match saved.outcome {
        SaveOutcome::NothingPending => Answer::NothingPending { version },
        SaveOutcome::SavedBefore => Answer::SavedBefore { version, change },
        _ => Answer::Saved { version, change },
    }
}

pub(super) fn answer_of(error: &Error) -> Answer {
    match error {
        Error::ObjectChanged {
            current_version,
            saved_by,
            ..
        } => Answer::ObjectChanged {
            current: current_version.get(),
            saved_by: saved_by.clone(),
        },
        Error::ObjectDeleted { .. } => Answer::ObjectDeleted,
        Error::NotFound { .. } => Answer::NotFound,
        Error::OutcomeUnknown { .. } | Error::CommitUnknown { .. } => Answer::OutcomeUnknown,
        Error::Busy { .. } => Answer::Busy,
        other => Answer::Failed {
            error: format!("{}: {other}", other.name()),
        },
    }
}

pub(super) fn answer_of_outcomes(outcomes: mapistore::Result<Outcomes>) -> Answer {
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => return answer_of(&error),
    };
    match outcomes.into_iter().find_map(|(_, outcome)| outcome.err()) {
        Some(error) => answer_of(&error),
        None => Answer::Done,
    }
}

pub(super) fn failed(error: &std::io::Error) -> Answer {
    Answer::Failed {
        error: format!("reading a stream: {error}"),
    }
}
