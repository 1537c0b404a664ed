//! How a call ends: exit codes, and errors for people and for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use mapistore::{EntryId, Error, MapiCode, ObjectKind};

use crate::harmless;
use crate::json::{self, ErrorObject};
use crate::kept::{Form, KeptIn};
use crate::output::Format;
use crate::values;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    /// Any other failure; also: some of several inputs failed, and the rest was done.
    Failure = 1,
    Usage = 2,
    ObjectChanged = 3,
    ObjectDeleted = 4,
    NoAccess = 5,
    NotFound = 6,
    Busy = 7,
    Damaged = 8,
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// What goes wrong in the program itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The arguments make no sense together, or not for this store.
    #[error("{0}")]
    Usage(String),
    /// Several entries begin with the digits that were given.
    #[error("{digits} is the beginning of {} entries", several(candidates))]
    Ambiguous {
        digits: String,
        candidates: Vec<EntryId>,
    },
    /// A conflict that `merge` leaves to the user.
    #[error("{}", touched(properties))]
    NotMerged {
        properties: Vec<String>,
        source: Error,
    },
    /// Somebody pressed Ctrl-C instead of resolving a conflict.
    #[error("interrupted")]
    Interrupted { source: Error },
    /// `demo` saw something that the contract does not allow.
    #[error("the contract did not hold: {0}")]
    Broken(String),
}

/// How many candidates the library tells at most.
const CANDIDATES: usize = 10;

fn several(candidates: &[EntryId]) -> String {
    let more = if candidates.len() < CANDIDATES {
        ""
    } else {
        " or more"
    };
    format!("{}{more}", candidates.len())
}

fn touched(properties: &[String]) -> String {
    if properties.is_empty() {
        return "not merged: the journal does not say what changed since".to_owned();
    }
    format!("not merged: {} changed since", properties.join(", "))
}

/// A usage error.
pub(crate) fn wrong(message: impl Into<String>) -> anyhow::Error {
    Refusal::Usage(message.into()).into()
}

/// The library's error at the root of another one.
pub(crate) fn store_error(error: &anyhow::Error) -> Option<&Error> {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Error>())
}

/// The exit code of an error.
pub(crate) fn code_of(error: &anyhow::Error) -> Exit {
    match error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Refusal>())
    {
        Some(Refusal::Usage(_) | Refusal::Ambiguous { .. }) => return Exit::Usage,
        Some(Refusal::Broken(_)) => return Exit::Failure,
        Some(Refusal::Interrupted { .. }) => return Exit::Interrupted,
        Some(Refusal::NotMerged { .. }) | None => {}
    }
    match store_error(error).map(Error::code) {
        Some(MapiCode::MAPI_E_OBJECT_CHANGED) => Exit::ObjectChanged,
        Some(MapiCode::MAPI_E_OBJECT_DELETED) => Exit::ObjectDeleted,
        Some(MapiCode::MAPI_E_NO_ACCESS) => Exit::NoAccess,
        Some(
            MapiCode::MAPI_E_NOT_FOUND
            | MapiCode::MAPI_E_INVALID_ENTRYID
            | MapiCode::MAPI_E_UNKNOWN_ENTRYID,
        ) => Exit::NotFound,
        Some(MapiCode::MAPI_E_BUSY) => Exit::Busy,
        Some(MapiCode::MAPI_E_CORRUPT_STORE | MapiCode::MAPI_E_VERSION) => Exit::Damaged,
        Some(MapiCode::MAPI_E_INVALID_PARAMETER | MapiCode::MAPI_E_UNEXPECTED_TYPE) => Exit::Usage,
        _ => Exit::Failure,
    }
}

/// The error as an object, with the fields that apply.
pub(crate) fn object_of(error: &anyhow::Error) -> ErrorObject {
    let refusal = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Refusal>());
    let code = match (refusal, store_error(error)) {
        (Some(Refusal::Usage(_) | Refusal::Ambiguous { .. }), _) => {
            MapiCode::MAPI_E_INVALID_PARAMETER
        }
        (_, Some(error)) => error.code(),
        (_, None) => MapiCode::MAPI_E_CALL_FAILED,
    };
    let mut object = ErrorObject::new(code, message_of(error));
    match refusal {
        Some(Refusal::Ambiguous { candidates, .. }) => {
            object.candidates = candidates.iter().map(EntryId::object).collect();
        }
        Some(Refusal::NotMerged { properties, .. }) => {
            object.properties.clone_from(properties);
        }
        _ => {}
    }
    object.file = error
        .downcast_ref::<KeptIn>()
        .map(|kept| kept.path.display().to_string());
    match store_error(error) {
        Some(Error::ObjectChanged {
            entry_id,
            base_version,
            current_version,
            saved_by,
            saved_at,
        }) => {
            object.entry_id = Some(entry_id.object());
            object.base_version = Some(*base_version);
            object.current_version = Some(*current_version);
            object.saved_by = Some(saved_by.clone());
            object.saved_at = Some(saved_at.to_string());
        }
        Some(
            Error::ObjectDeleted { entry_id, .. }
            | Error::UnknownEntryId { entry_id }
            | Error::OutcomeUnknown { entry_id, .. },
        ) => object.entry_id = Some(entry_id.object()),
        _ => {}
    }
    object
}

/// What happened, in one sentence or two.
pub(crate) fn message_of(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        if !text.is_empty() {
            text.push_str(": ");
        }
        match cause.downcast_ref::<Error>() {
            // The library's own sentence speaks to programmers, and names entries by 72 digits.
            Some(Error::ObjectChanged {
                entry_id,
                base_version,
                current_version,
                saved_by,
                saved_at,
            }) => {
                let _ = write!(
                    text,
                    "message {} was saved by {saved_by} at {}: it is at version {current_version}, and this save \
                     was built on version {base_version}; nothing was written",
                    entry_id.object(),
                    values::time_for_people(*saved_at)
                );
            }
            Some(Error::ObjectDeleted { kind, entry_id }) => {
                let _ = write!(
                    text,
                    "{kind} {} was deleted meanwhile; nothing was written",
                    entry_id.object()
                );
            }
            Some(Error::UnknownEntryId { entry_id }) => {
                let _ = write!(text, "entry id {entry_id} belongs to another store");
            }
            _ => {
                let _ = write!(text, "{cause}");
            }
        }
    }
    text
}

/// What the user may do about it.
fn hints(error: &anyhow::Error) -> Vec<String> {
    if let Some(Refusal::Ambiguous { candidates, .. }) =
        error.chain().find_map(|cause| cause.downcast_ref())
    {
        return candidates
            .iter()
            .map(|entry| entry.object().to_string())
            .collect();
    }
    match store_error(error) {
        Some(Error::ObjectChanged { entry_id, .. }) => {
            let uid = entry_id.object().to_string();
            let short = uid.get(..8).unwrap_or(&uid);
            if let Some(KeptIn {
                form: Form::Text, ..
            }) = error.downcast_ref()
            {
                return vec![
                    format!("mapistore show {short}     shows what is there now"),
                    format!("mapistore edit {short}     opens that; your text stays in its file"),
                ];
            }
            vec![
                format!("mapistore show {short}     shows what is there now"),
                "--on-conflict ask           shows both sides, and asks".to_owned(),
                "--on-conflict merge         puts yours on top, if they changed other properties"
                    .to_owned(),
                "--on-conflict copy:FOLDER   makes a new message of theirs with your changes"
                    .to_owned(),
                "--force                     puts yours on top, and keeps what it replaces"
                    .to_owned(),
            ]
        }
        Some(Error::NotFound {
            kind: ObjectKind::Store,
            what,
        }) => {
            vec![format!("make it:   mapistore --store {what} init")]
        }
        Some(Error::NotFound {
            kind: ObjectKind::Folder,
            ..
        }) => {
            vec!["see the folders that there are:   mapistore folders".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// Tells stderr of an error, and gives its exit code.
pub(crate) fn report(error: &anyhow::Error, format: Format) -> Exit {
    match format {
        Format::Json => say(&json::to_string(&object_of(error)).unwrap_or_default()),
        Format::People => {
            let name = store_error(error).map(|error| format!(" [{}]", error.code()));
            let message = format!("error: {}{}", message_of(error), name.unwrap_or_default());
            say(&harmless::line(&message));
            for hint in hints(error) {
                say(&harmless::line(&format!("  {hint}")));
            }
        }
    }
    code_of(error)
}

/// Ends after arguments that do not parse, and after a page of help, which is an answer and goes to stdout.
pub(crate) fn usage(error: &clap::Error, format: Format) -> ExitCode {
    let text = error.to_string();
    let shown = harmless::lines(&text);
    if error.use_stderr() && format == Format::Json {
        // What follows the first paragraph is how to get help.
        let message = text
            .split("\n\n")
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let object = ErrorObject::new(MapiCode::MAPI_E_INVALID_PARAMETER, message);
        say(&json::to_string(&object).unwrap_or_default());
    } else if error.use_stderr() && shown != text {
        // It repeats an argument that may be a name which somebody else chose: then it is shown without colours.
        say(shown.trim_end());
    } else {
        // What a help page or an error about arguments cannot be written to is closed.
        let _ = error.print();
    }
    if error.use_stderr() {
        Exit::Usage.into()
    } else {
        Exit::Done.into()
    }
}

/// A line on stderr. There is nobody to tell when that is closed.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether an error is only that the reader of stdout has gone.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use mapistore::{FileTime, ObjectUid, RowVersion, StoreUid};

    use super::*;

    fn entry_id() -> EntryId {
        EntryId::new(
            StoreUid::from_bytes([1; 16]),
            ObjectUid::from_bytes([2; 16]),
        )
    }

    #[test]
    fn errors_have_the_exit_codes_that_are_promised() {
        let entry_id = entry_id();
        let detail = String::new;
        let changed = Error::ObjectChanged {
            entry_id,
            base_version: RowVersion::FIRST,
            current_version: RowVersion::FIRST.next(),
            saved_by: "ana".to_owned(),
            saved_at: FileTime::new(0),
        };
        for (error, exit) in [
            (changed, Exit::ObjectChanged),
            (
                Error::ObjectDeleted {
                    kind: ObjectKind::Message,
                    entry_id,
                },
                Exit::ObjectDeleted,
            ),
            (Error::NoAccess { detail: detail() }, Exit::NoAccess),
            (
                Error::NotFound {
                    kind: ObjectKind::Message,
                    what: detail(),
                },
                Exit::NotFound,
            ),
            (Error::InvalidEntryId { detail: detail() }, Exit::NotFound),
            (Error::UnknownEntryId { entry_id }, Exit::NotFound),
            (
                Error::Busy {
                    waited: std::time::Duration::ZERO,
                    source: None,
                },
                Exit::Busy,
            ),
            (
                Error::CorruptStore {
                    detail: detail(),
                    source: None,
                },
                Exit::Damaged,
            ),
            (Error::Version { detail: detail() }, Exit::Damaged),
            (Error::InvalidParameter { detail: detail() }, Exit::Usage),
            (Error::TooBig { detail: detail() }, Exit::Failure),
        ] {
            let error = anyhow::Error::from(error).context("while doing something");
            assert_eq!(code_of(&error), exit, "{error:#}");
        }
        assert_eq!(code_of(&wrong("nonsense")), Exit::Usage);
        assert_eq!(code_of(&anyhow::anyhow!("anything else")), Exit::Failure);
    }

    #[test]
    fn object_of_a_conflict_has_who_when_and_which_versions() {
        let error = Error::ObjectChanged {
            entry_id: entry_id(),
            base_version: RowVersion::FIRST,
            current_version: RowVersion::FIRST.next(),
            saved_by: "ana".to_owned(),
            saved_at: FileTime::new(0),
        };
        let json = json::to_string(&object_of(&error.into())).unwrap();
        assert!(
            json.starts_with(r#"{"error":"MAPI_E_OBJECT_CHANGED","code":"0x80040109","message":""#),
            "{json}"
        );
        assert!(
            json.ends_with(
                r#""entry_id":"02020202020202020202020202020202","base_version":1,"current_version":2,"saved_by":"ana","saved_at":"1601-01-01T00:00:00.0000000Z"}"#
            ),
            "{json}"
        );
    }
}
