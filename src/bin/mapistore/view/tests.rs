//! Screens compared with the texts in `screens/`, and keys that lead from one to the next. A screen that is meant to be
//! different is written anew by a run with `MAPISTORE_NEW_SCREENS=1`.

use std::path::Path;
use std::{env, fs};

use mapistore::{
    Access, Choice, Conflict, EntryId, MergeChoices, Message, PropertyValue, Recipient, Resolution,
    Resolved, SaveFlags, SpecialFolder, Store, pr,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tempfile::TempDir;

use super::draw::{Theme, draw};
use super::model::{Leaving, Screen, Step, View};

const BODY: &str =
    "Dear Ana,\nthe figures are ready.\nThey are in the file.\nSee you\non Monday.\n";

/// A message that two clients changed; the first has saved.
struct Scene {
    _folder: TempDir,
    store: Store,
    mine: Message,
    conflict: Conflict,
}

fn keep() -> SaveFlags {
    SaveFlags::KEEP_OPEN_READWRITE
}

fn scene(theirs: impl FnOnce(&mut Message), mine: impl FnOnce(&mut Message)) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let ben = Store::options().client_name("ben").create_if_missing();
    let ben = ben.open(&path).unwrap();
    let store = Store::options().client_name("me").open(&path).unwrap();
    let mut draft = ben
        .special_folder(SpecialFolder::Drafts)
        .unwrap()
        .create_message()
        .unwrap();
    draft.set(pr::SUBJECT, "Figures").unwrap();
    draft.set(pr::BODY, BODY).unwrap();
    draft
        .add_recipient(Recipient::to("Ana", "ana@example.org"))
        .unwrap();
    let id = draft.save_changes(keep()).unwrap().entry_id;
    let mut my = store.open_message(&id, Access::Modify).unwrap();
    theirs(&mut draft);
    mine(&mut my);
    let conflict = my.conflict().unwrap();
    Scene {
        _folder: folder,
        store,
        mine: my,
        conflict,
    }
}

/// Both changed the subject and the body; each also something of its own.
fn both() -> Scene {
    scene(
        |theirs| {
            theirs.set(pr::IMPORTANCE, 2).unwrap();
            theirs.save_changes(keep()).unwrap();
            theirs.set(pr::SUBJECT, "Figures for October").unwrap();
            let body = BODY.replace("are ready", "were ready");
            theirs.set(pr::BODY, &*body).unwrap();
            theirs
                .add_recipient(Recipient::cc("Ben", "ben@example.org"))
                .unwrap();
            theirs.save_changes(keep()).unwrap();
        },
        |mine| {
            mine.set(pr::SUBJECT, "Figures, second part").unwrap();
            let body = BODY.replace("are ready", "are nearly ready");
            mine.set(pr::BODY, &*body).unwrap();
            mine.set(pr::SENSITIVITY, 1).unwrap();
        },
    )
}

/// Nothing that they changed touches: theirs the subject, mine the body's end, and both other lines of the body.
fn apart() -> Scene {
    scene(
        |theirs| {
            theirs.set(pr::SUBJECT, "Figures for October").unwrap();
            let body = BODY.replace("Dear Ana", "Dear Ana, dear Eva");
            theirs.set(pr::BODY, &*body).unwrap();
            theirs.save_changes(keep()).unwrap();
        },
        |mine| {
            let body = BODY.replace("Monday", "Tuesday");
            mine.set(pr::BODY, &*body).unwrap();
        },
    )
}

impl Scene {
    fn view(&self) -> View<'_> {
        let mut view = View::new(
            &self.conflict,
            &self.store,
            "They stay in a file.",
            Leaving::Cancels,
        )
        .unwrap();
        // What is another in each run.
        view.report.entry = "3f2a9c0112345678".to_owned();
        let timeless = |text: &mut String| {
            if let Some(at) = text.find(" at ") {
                text.replace_range(at + 4..at + 24, "2026-11-22 15:20:11Z");
            }
        };
        view.report.theirs.iter_mut().for_each(timeless);
        view.report.current.iter_mut().for_each(timeless);
        view
    }
}

fn key(view: &mut View<'_>, code: KeyCode) -> Step {
    view.press(KeyEvent::from(code))
}

/// Presses characters; `⏎` is Enter, `⎋` Esc, `↓` and `→` the arrows.
fn press(view: &mut View<'_>, keys: &str) -> Step {
    let mut step = Step::Stay;
    for one in keys.chars() {
        assert_eq!(step, Step::Stay, "before {one}");
        step = key(
            view,
            match one {
                '⏎' => KeyCode::Enter,
                '⎋' => KeyCode::Esc,
                '↓' => KeyCode::Down,
                '→' => KeyCode::Right,
                other => KeyCode::Char(other),
            },
        );
    }
    step
}

fn screen(view: &View<'_>, theme: Theme, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(view, theme, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = (0..height).map(|row| {
        let cells = (0..width).map(|column| buffer[(column, row)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    });
    lines.map(|line| line + "\n").collect()
}

const NARROW: (u16, u16) = (80, 24);
const BROAD: (u16, u16) = (120, 40);

/// Compares a screen without colour with the text of this name; colour changes no character but the marks of words.
fn is_screen(view: &View<'_>, size: (u16, u16), name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/bin/mapistore/view/screens")
        .join(format!("{name}-{}x{}.txt", size.0, size.1));
    let shown = screen(view, Theme::Plain, size);
    if env::var_os("MAPISTORE_NEW_SCREENS").is_some() {
        fs::write(&path, &shown).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shown == expected,
        "{name} is\n{shown}\ninstead of\n{expected}"
    );
}

#[test]
fn overview_shows_three_sides_and_what_both_changed_comes_first() {
    // K1
    let scene = both();
    let view = scene.view();
    is_screen(&view, NARROW, "overview");
    is_screen(&view, BROAD, "overview");
}

#[test]
fn colour_says_nothing_that_the_text_does_not() {
    let scene = both();
    let mut view = scene.view();
    for keys in ["", "m", "⎋o", "⎋?"] {
        press(&mut view, keys);
        for size in [NARROW, BROAD] {
            assert_eq!(
                screen(&view, Theme::Colour, size),
                screen(&view, Theme::Plain, size)
            );
        }
    }
}

#[test]
fn body_is_compared_by_line_and_by_word() {
    let scene = both();
    let mut view = scene.view();
    let body = view
        .report
        .rows
        .iter()
        .position(|row| row.label == "PR_BODY");
    view.selected = body.unwrap();
    press(&mut view, "⏎");
    is_screen(&view, NARROW, "body");
    is_screen(&view, BROAD, "body");
}

#[test]
fn help_and_questions_fit_a_small_terminal() {
    // K2, K4
    let scene = both();
    let mut view = scene.view();
    press(&mut view, "?");
    is_screen(&view, NARROW, "help");
    press(&mut view, " k");
    is_screen(&view, NARROW, "keep-theirs");
    press(&mut view, "⎋o");
    is_screen(&view, NARROW, "replace-theirs");
    press(&mut view, "⎋c");
    is_screen(&view, NARROW, "folders");
    press(&mut view, "⏎");
    is_screen(&view, NARROW, "elsewhere");
    press(&mut view, "⎋⎋");
    is_screen(&view, NARROW, "overview");
    assert!(screen(&view, Theme::Plain, (20, 5)).contains("smaller than"));
}

#[test]
fn each_resolution_needs_its_question_answered() {
    // K2
    let scene = both();
    for (keys, expected) in [
        ("k⏎", Step::Chosen(Resolution::KeepOriginal)),
        ("o⏎", Step::Chosen(Resolution::Overwrite)),
        ("k⎋o⎋", Step::Stay),
        ("q", Step::Cancelled),
        ("⎋", Step::Stay),
        ("m⎋q", Step::Cancelled),
    ] {
        assert_eq!(press(&mut scene.view(), keys), expected, "{keys}");
    }
    let stop = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    for keys in ["", "o", "c", "me", "?"] {
        let mut view = scene.view();
        press(&mut view, keys);
        assert_eq!(view.press(stop), Step::Cancelled, "{keys}");
    }
}

#[test]
fn merge_waits_for_every_choice_and_shows_its_result_first() {
    // K2
    let scene = both();
    let mut view = scene.view();
    press(&mut view, "m");
    is_screen(&view, NARROW, "merge");
    let open = view.open_choices();
    assert!(open >= 2, "{open}");
    press(&mut view, "t");
    assert_eq!(view.open_choices(), open - 1);
    press(&mut view, "m");
    assert!(view.screen().is_none() && view.notice.is_some());
    press(&mut view, "Ym");
    assert!(matches!(view.screen(), Some(Screen::Preview(_))));
    is_screen(&view, NARROW, "result");
    let Step::Chosen(Resolution::Merge(choices)) = press(&mut view, "⏎") else {
        panic!("no merge")
    };
    assert_eq!(scene.conflict.preview(&choices).unwrap().touching, []);
}

#[test]
fn written_value_is_what_the_merge_saves() {
    let mut scene = both();
    let mut view = scene.view();
    let subject = view
        .report
        .rows
        .iter()
        .position(|row| row.label == "PR_SUBJECT");
    view.selected = subject.unwrap();
    press(&mut view, "me");
    view.selected = subject.unwrap();
    assert!(matches!(view.screen(), Some(Screen::Writing(_))));
    press(&mut view, "?!");
    is_screen(&view, NARROW, "writing");
    view.press(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL));
    let written = PropertyValue::from("Figures, second part?!");
    assert_eq!(view.choices[view.selected], Some(Choice::Value(written)));
    press(&mut view, "Tm");
    let Step::Chosen(resolution) = press(&mut view, "⏎") else {
        panic!("no merge")
    };
    let conflict = scene.conflict.clone();
    let done = scene.mine.resolve(&conflict, resolution).unwrap();
    assert!(matches!(done, Resolved::Merged(_)));
    let subject = scene.mine.get(pr::SUBJECT).unwrap();
    assert_eq!(subject.as_deref(), Some("Figures, second part?!"));
    assert_eq!(scene.mine.get(pr::IMPORTANCE).unwrap(), Some(2));
    assert_eq!(scene.mine.get(pr::SENSITIVITY).unwrap(), Some(1));
}

#[test]
fn value_that_is_none_is_not_taken() {
    let scene = scene(
        |theirs| {
            theirs.set(pr::IMPORTANCE, 2).unwrap();
            theirs.save_changes(keep()).unwrap();
        },
        |mine| mine.set(pr::IMPORTANCE, 0).unwrap(),
    );
    let mut view = scene.view();
    press(&mut view, "mex");
    key(&mut view, KeyCode::F(2));
    let Some(Screen::Writing(writing)) = view.screen() else {
        panic!("taken")
    };
    assert!(writing.wrong.is_some());
    key(&mut view, KeyCode::Backspace);
    key(&mut view, KeyCode::Backspace);
    press(&mut view, "1");
    key(&mut view, KeyCode::F(2));
    assert_eq!(view.choices, [Some(Choice::Value(PropertyValue::Long(1)))]);
}

#[test]
fn merge_without_anything_that_touches_goes_to_its_result() {
    let scene = apart();
    let mut view = scene.view();
    press(&mut view, "m");
    is_screen(&view, BROAD, "result");
    assert_eq!(
        press(&mut view, "⏎"),
        Step::Chosen(Resolution::Merge(MergeChoices::new()))
    );
}

#[test]
fn what_one_side_changed_alone_needs_no_choice() {
    let scene = apart();
    let mut view = scene.view();
    let subject = view
        .report
        .rows
        .iter()
        .position(|row| row.label == "PR_SUBJECT");
    view.selected = subject.unwrap();
    press(&mut view, "y");
    assert!(view.notice.is_some());
    assert!(view.choices.iter().all(Option::is_none));
    assert!(!view.is_merging);
}

#[test]
fn folder_is_found_by_a_part_of_its_path() {
    let scene = both();
    let mut view = scene.view();
    assert_eq!(press(&mut view, "cnowhere⏎"), Step::Stay);
    assert!(matches!(view.screen(), Some(Screen::Folders(_))));
    let mut view = scene.view();
    let Step::Chosen(Resolution::SaveElsewhere(folder)) = press(&mut view, "cDRAF⏎⏎") else {
        panic!("no folder")
    };
    let drafts = scene.store.special_folder(SpecialFolder::Drafts).unwrap();
    assert_eq!(folder, drafts.entry_id());
    let Step::Chosen(Resolution::SaveElsewhere(first)) = press(&mut scene.view(), "c⏎⏎") else {
        panic!("no folder")
    };
    let conflicts = scene
        .store
        .special_folder(SpecialFolder::Conflicts)
        .unwrap();
    assert_eq!(first, conflicts.entry_id());
}

#[test]
fn properties_that_belong_together_are_one_row_with_one_choice() {
    // K2
    let scene = scene(
        |theirs| {
            theirs.set(pr::SENDER_NAME, "Ben").unwrap();
            theirs.set(pr::SENDER_EMAIL_ADDRESS, "ben@x").unwrap();
            theirs.save_changes(keep()).unwrap();
        },
        |mine| mine.set(pr::SENDER_NAME, "Ana").unwrap(),
    );
    let mut view = scene.view();
    assert_eq!(view.report.rows.len(), 1);
    let row = &view.report.rows[0];
    assert_eq!(row.label, "PR_SENDER_NAME + 1");
    let sides = [&row.base, &row.theirs, &row.mine].map(|cell| cell.text().to_owned());
    assert_eq!(sides, ["(none) · (none)", "Ben · ben@x", "Ana · (none)"]);
    press(&mut view, "m");
    assert_eq!(view.open_choices(), 1);
    press(&mut view, "e");
    assert!(view.screen().is_none() && view.notice.is_some());
    press(&mut view, "⏎");
    let shown = screen(&view, Theme::Plain, NARROW);
    for line in [
        "PR_SENDER_NAME:",
        "PR_SENDER_EMAIL_ADDRESS:",
        "theirs + {+ben@x+}",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    press(&mut view, "⎋ym");
    let shown = screen(&view, Theme::Plain, NARROW);
    for line in [
        "PR_SENDER_NAME: Ana  [yours]",
        "PR_SENDER_EMAIL_ADDRESS: (none)  [yours]",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn deleted_message_can_only_be_saved_elsewhere() {
    // S4, K2
    let folder = tempfile::tempdir().unwrap();
    let store = Store::options().create_if_missing();
    let store = store.open(folder.path().join("mail.store")).unwrap();
    let drafts = store.special_folder(SpecialFolder::Drafts).unwrap();
    let mut mine = drafts.create_message().unwrap();
    mine.set(pr::SUBJECT, "Figures").unwrap();
    let id: EntryId = mine.save_changes(keep()).unwrap().entry_id;
    mine.set(pr::SUBJECT, "Mine").unwrap();
    store
        .delete_messages(&[id], mapistore::Deletion::Soft)
        .unwrap();
    let conflict = mine.conflict().unwrap();
    let mut view = View::new(&conflict, &store, "", Leaving::Cancels).unwrap();
    for keys in ["k", "o", "m", "t"] {
        press(&mut view, keys);
        assert!(view.screen().is_none() && !view.is_merging, "{keys}");
    }
    assert!(screen(&view, Theme::Plain, NARROW).contains("deleted"));
    let step = press(&mut view, "c⏎⏎");
    assert!(matches!(step, Step::Chosen(Resolution::SaveElsewhere(_))));
}

#[test]
fn text_of_a_message_drives_no_terminal() {
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}gpj.exe\r\u{7}";
    let scene = scene(
        |theirs| {
            theirs.set(pr::SUBJECT, evil).unwrap();
            theirs.set(pr::BODY, evil).unwrap();
            theirs.save_changes(keep()).unwrap();
        },
        |mine| {
            mine.set(pr::SUBJECT, format!("my {evil}")).unwrap();
            mine.set(pr::BODY, format!("{BODY}{evil}")).unwrap();
        },
    );
    let mut view = scene.view();
    for keys in ["", "⏎", "→", "⎋me", "⎋Ym"] {
        press(&mut view, keys);
        for size in [NARROW, BROAD] {
            let shown = screen(&view, Theme::Plain, size);
            let harmful = |one: &char| *one != '\n' && crate::harmless::is_harmful(*one);
            assert_eq!(shown.chars().find(harmful), None, "{keys}:\n{shown}");
            // Seen for what it is, rather than left out.
            let below_heading = shown.lines().skip(1).collect::<String>();
            let seen = below_heading.contains("\\u{1b}[2J");
            assert!(seen, "{keys}:\n{shown}");
        }
    }
}

#[test]
fn pasted_text_is_no_command() {
    let scene = both();
    let mut view = scene.view();
    view.paste("q\no\n");
    assert!(view.screen().is_none());
    press(&mut view, "c");
    view.paste("draf\n");
    let step = press(&mut view, "⏎⏎");
    assert!(matches!(step, Step::Chosen(Resolution::SaveElsewhere(_))));
}

#[test]
fn documentation_shows_the_screens_as_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/conflicts.md")).unwrap();
    let folder = root.join("src/bin/mapistore/view/screens");
    for name in ["overview", "body", "replace-theirs", "result"] {
        let screen = fs::read_to_string(folder.join(format!("{name}-80x24.txt"))).unwrap();
        assert!(page.contains(&format!("```text\n{screen}```")), "{name}");
    }
}
