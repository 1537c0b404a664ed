//! A host with its own answer to conflicts: it shows on stdout what both sides changed, combines what does not touch,
//! lets the longer text win where both wrote one, and else puts its own version beside the stored one.
//!
//! Run it with `cargo run --example resolver`; it makes a store of its own in a temporary folder.

use std::sync::Arc;

use mapistore::{
    Access, Choice, Conflict, MergeChoices, PropertyTag, PropertyValue, Resolution, Resolver,
    SaveFlags, SaveOutcome, Side, SpecialFolder, Store, Theirs, Touching, pr,
};

/// What a host would do with a dialog, this does with a rule.
#[derive(Debug)]
struct LongerTextWins;

impl LongerTextWins {
    /// Nothing if the two sides are no texts.
    fn choose(conflict: &Conflict, tag: PropertyTag) -> mapistore::Result<Option<Choice>> {
        let length = |side| -> mapistore::Result<Option<usize>> {
            Ok(match conflict.value(side, tag)? {
                Some(PropertyValue::Unicode(text)) => Some(text.chars().count()),
                _ => None,
            })
        };
        let (theirs, mine) = (length(Side::Theirs)?, length(Side::Mine)?);
        Ok(match (theirs, mine) {
            (Some(theirs), Some(mine)) if mine > theirs => Some(Choice::Mine),
            (Some(_), Some(_)) => Some(Choice::Theirs),
            _ => None,
        })
    }

    fn decide(conflict: &Conflict) -> mapistore::Result<Option<Resolution>> {
        let elsewhere = Resolution::SaveElsewhere(conflict.conflicts_folder());
        let mut choices = MergeChoices::new();
        if conflict.is_deleted() {
            return Ok(Some(elsewhere));
        }
        for touching in conflict.preview(&choices)?.touching {
            let Touching::Property(tag) = touching else {
                return Ok(Some(elsewhere));
            };
            match Self::choose(conflict, tag)? {
                Some(choice) => choices = choices.property(tag, choice),
                None => return Ok(Some(elsewhere)),
            }
        }
        Ok(Some(Resolution::Merge(choices)))
    }
}

impl Resolver for LongerTextWins {
    fn resolve(&self, conflict: &Conflict) -> Option<Resolution> {
        if let Theirs::Changed(theirs) = conflict.theirs() {
            println!(
                "{} saved version {} while this host worked on version {}",
                theirs.saved_by,
                theirs.row_version,
                conflict.base_version()
            );
        }
        for difference in &conflict.differences().properties {
            println!(
                "  {} was changed: {:?}",
                difference.tag, difference.changed_by
            );
        }
        // Without an answer the save fails with its own error, and loses nothing.
        Self::decide(conflict).unwrap_or_default()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mail.store");
    let host = Store::options()
        .client_name("host")
        .create_if_missing()
        .resolver(Arc::new(LongerTextWins))
        .open(&path)?;
    let other = Store::options().client_name("phone").open(&path)?;

    let mut draft = host
        .special_folder(SpecialFolder::Drafts)?
        .create_message()?;
    draft.set(pr::SUBJECT, "Figures")?;
    let id = draft.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?.entry_id;

    let mut theirs = other.open_message(&id, Access::Modify)?;
    theirs.set(pr::SUBJECT, "Figures!")?;
    theirs.set(pr::IMPORTANCE, 2)?;
    theirs.save_changes(SaveFlags::empty())?;

    draft.set(pr::SUBJECT, "Figures of November")?;
    let saved = draft.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
    assert_eq!(saved.outcome, SaveOutcome::Merged);
    println!(
        "version {} has the subject {:?} and the importance {:?}",
        saved.row_version,
        draft.get(pr::SUBJECT)?.unwrap_or_default(),
        draft.get(pr::IMPORTANCE)?.unwrap_or_default()
    );
    Ok(())
}
