use std::io::{self, Cursor, Write};
use std::sync::Arc;

use mapistore::{Access, EntryId, Message, Recipient, SaveFlags, SpecialFolder, pr};

use super::*;
use crate::exit::{Exit, code_of};
use crate::person::Lines;

/// What was shown, for who holds the other end.
#[derive(Debug, Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shown {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A message whose subject two clients changed.
struct Two {
    folder: tempfile::TempDir,
    store: Store,
    id: EntryId,
    mine: Message,
    shown: Shown,
}

fn two() -> Two {
    two_with(
        |theirs| theirs.set(pr::SUBJECT, "their \u{1b}[2Jsubject").unwrap(),
        |mine| {
            mine.set(pr::SUBJECT, "my subject").unwrap();
            mine.set(pr::IMPORTANCE, 2).unwrap();
        },
    )
}

fn two_with(change: impl FnOnce(&mut Message), changed_here: impl FnOnce(&mut Message)) -> Two {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let options = Store::options().client_name("ana").create_if_missing();
    let store = options.open(&path).unwrap();
    let drafts = store.special_folder(SpecialFolder::Drafts).unwrap();
    let mut draft = drafts.create_message().unwrap();
    draft.set(pr::SUBJECT, "base subject").unwrap();
    let id = draft.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let mut mine = store.open_message(&id, Access::Modify).unwrap();
    changed_here(&mut mine);
    let ben = Store::options().client_name("ben").open(&path).unwrap();
    let mut theirs = ben.open_message(&id, Access::Modify).unwrap();
    change(&mut theirs);
    theirs.save_changes(SaveFlags::empty()).unwrap();
    Two {
        folder,
        store,
        id,
        mine,
        shown: Shown::default(),
    }
}

impl Two {
    /// Saves with a prompt that gets these lines; the changes are in a file already.
    fn answer(&mut self, answers: &'static str) -> anyhow::Result<Saved> {
        let person = Lines {
            answers: Box::new(Cursor::new(answers)),
            shown: Box::new(self.shown.clone()),
        };
        let kept = Kept::write_into(self.folder.path(), &self.id, Form::Changes, b"mine").unwrap();
        let prompt = Prompt::new(&self.store, Box::new(person), Some(kept));
        let result = self
            .mine
            .save_changes_with(SaveFlags::KEEP_OPEN_READWRITE, &prompt);
        prompt.conclude(result)
    }

    fn subject(&self) -> String {
        let stored = self.store.open_message(&self.id, Access::ReadOnly).unwrap();
        stored.get(pr::SUBJECT).unwrap().unwrap()
    }

    /// How many files with pending changes there are.
    fn files(&self) -> usize {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let is_kept = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".json");
        files
            .filter(|file| is_kept(&file.as_ref().unwrap().file_name()))
            .count()
    }
}

#[test]
fn prompt_shows_three_versions_and_who_saved_and_nothing_drives_the_terminal() {
    let mut two = two();
    two.answer("\n").unwrap();
    let shown = two.shown.text();
    let heading = "theirs  version 2, saved by ben at ";
    let first = "Another client changed this message meanwhile; base is what both began with.\n";
    let rest = shown.strip_prefix(first).unwrap();
    assert!(rest.starts_with(heading), "{shown}");
    let mine = "\nyours   built on version 1; not saved yet\n";
    assert!(shown.contains(mine), "{shown}");
    let row = shown
        .lines()
        .find(|line| line.starts_with("PR_SUBJECT"))
        .unwrap();
    for cell in ["base sub", "their", "my subj", "both"] {
        assert!(row.contains(cell), "{row}");
    }
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert!(shown.lines().all(|line| line.chars().count() <= 300));
}

#[test]
fn enter_makes_a_copy_and_loses_nothing() {
    let mut two = two();
    let saved = two.answer("\n").unwrap();
    let SaveOutcome::SavedElsewhere(copy) = saved.outcome else {
        panic!("{saved:?}")
    };
    let copy = two.store.open_message(&copy, Access::ReadOnly).unwrap();
    assert_eq!(
        copy.get(pr::SUBJECT).unwrap().as_deref(),
        Some("my subject")
    );
    assert_eq!(two.subject(), "their \u{1b}[2Jsubject");
    assert_eq!(two.files(), 0);
}

#[test]
fn theirs_are_kept_and_mine_stay_in_a_file() {
    let mut two = two();
    assert_eq!(
        two.answer("k\n").unwrap().outcome,
        SaveOutcome::KeptOriginal
    );
    assert_eq!(two.subject(), "their \u{1b}[2Jsubject");
    assert_eq!(two.files(), 1);
}

#[test]
fn mine_replace_theirs_only_by_their_own_key() {
    let mut two = two();
    assert_eq!(
        two.answer("x\no\n").unwrap().outcome,
        SaveOutcome::Overwritten
    );
    assert_eq!(two.subject(), "my subject");
    assert_eq!(two.files(), 0);
}

#[test]
fn merge_asks_about_what_both_changed() {
    // Where mine are not all in the store, the file with them stays.
    for (answers, subject, files) in [
        ("m\nt\n", "their \u{1b}[2Jsubject", 1),
        ("m\ny\n", "my subject", 0),
        ("m\nq\nm\n\ne\nboth\n", "both", 1),
    ] {
        let mut two = two();
        let saved = two.answer(answers).unwrap();
        assert_eq!(saved.outcome, SaveOutcome::Merged, "{answers:?}");
        assert_eq!(two.subject(), subject);
        let stored = two.store.open_message(&two.id, Access::ReadOnly).unwrap();
        assert_eq!(stored.get(pr::IMPORTANCE).unwrap(), Some(2));
        assert_eq!(two.files(), files, "{answers:?}");
    }
}

#[test]
fn who_cancels_or_goes_away_keeps_the_changes_in_a_file_that_is_named() {
    for answers in ["q\n", "", "m\n", "m\ne\n"] {
        let mut two = two();
        let error = two.answer(answers).unwrap_err();
        assert_eq!(code_of(&error), Exit::ObjectChanged, "{answers:?}");
        let KeptIn { path, .. } = error.downcast_ref().unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"mine");
        assert_eq!(two.subject(), "their \u{1b}[2Jsubject");
        assert!(two.mine.has_pending_changes());
    }
}

#[test]
fn deleted_message_can_only_become_a_copy() {
    let mut two = two();
    let deletion = mapistore::Deletion::Hard;
    two.store.delete_messages(&[two.id], deletion).unwrap();
    let saved = two.answer("k\no\nm\nc\n").unwrap();
    assert!(matches!(saved.outcome, SaveOutcome::SavedElsewhere(_)));
    assert!(two.shown.text().contains("theirs  deleted;"));
}

#[test]
fn sender_that_two_clients_gave_is_asked_for_once_and_comes_from_one_side() {
    // K2
    for (answers, name, address) in [
        ("m\nt\n", "Ben", "ben@example.org"),
        ("m\ne\ny\n", "Ana", "ana@example.org"),
    ] {
        let mut two = two_with(
            |theirs| {
                theirs.set(pr::SENDER_NAME, "Ben").unwrap();
                theirs
                    .set(pr::SENDER_EMAIL_ADDRESS, "ben@example.org")
                    .unwrap();
            },
            |mine| {
                mine.set(pr::SENDER_NAME, "Ana").unwrap();
                mine.set(pr::SENDER_EMAIL_ADDRESS, "ana@example.org")
                    .unwrap();
            },
        );
        let saved = two.answer(answers).unwrap();
        assert_eq!(saved.outcome, SaveOutcome::Merged);
        let shown = two.shown.text();
        let asked = "Both changed PR_SENDER_NAME, PR_SENDER_EMAIL_ADDRESS, which belong together.";
        assert_eq!(shown.matches(asked).count(), 1, "{shown}");
        assert!(!shown.contains("another value"), "{shown}");
        assert!(shown.contains("    Ben · ben@example.org\n"), "{shown}");
        let stored = two.store.open_message(&two.id, Access::ReadOnly).unwrap();
        let sender =
            [pr::SENDER_NAME, pr::SENDER_EMAIL_ADDRESS].map(|tag| stored.get(tag).unwrap());
        assert_eq!(sender.map(Option::unwrap), [name, address]);
    }
}

#[test]
fn recipient_that_both_changed_is_shown_on_its_three_sides() {
    let mut two = two_with(
        |theirs| {
            let eva = Recipient::cc("Eva", "eva@example.org");
            theirs.add_recipient(eva).unwrap();
        },
        |mine| {
            let eva = Recipient::to("Eva M.", "eva@example.org");
            mine.add_recipient(eva).unwrap();
        },
    );
    two.answer("m\ny\n").unwrap();
    let shown = two.shown.text();
    let sides = "Both changed a recipient.\n  base:\n    (none)\n  theirs:\n    cc: Eva <eva@example.org>\n  \
                 yours:\n    to: Eva M. <eva@example.org>\n";
    assert!(shown.contains(sides), "{shown}");
}
