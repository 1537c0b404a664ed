//! The state of the view: what is on the screen, and what a key does to it.

use std::cell::Cell as Shared;

use mapistore::{
    Choice, Conflict, EntryId, FolderKind, MergeChoices, PropertyTag, PropertyValue, Resolution,
    Store,
};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::compare::Compared;
use super::editor::Editor;
use super::{confirm, inspect};
use crate::report::{Item, Report, Row, line};
use crate::values;

/// Lines that Page Up and Page Down move by.
const PAGE: usize = 10;

/// What becomes of the view after a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// It goes on.
    Stay,
    /// The user has chosen.
    Chosen(Resolution),
    /// The user wants none of it: yours stay pending.
    Cancelled,
}

/// What it means to leave the view without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// Nothing is saved, and the command ends.
    Cancels,
    /// The questions at the prompt go on.
    GoesBack,
}

impl Leaving {
    /// What the keys are called that leave.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Leaving::Cancels => "cancel",
            Leaving::GoesBack => "back to the questions",
        }
    }

    fn notice(self) -> &'static str {
        match self {
            Leaving::Cancels => "q leaves without saving; yours stay in a file",
            Leaving::GoesBack => "q goes back to the questions",
        }
    }
}

/// How far a text is scrolled. How far it can be is known by whoever draws it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scroll {
    at: usize,
    limit: Shared<usize>,
}

impl Scroll {
    /// The first line to draw, when so many of `lines` fit.
    pub(crate) fn first(&self, lines: usize, height: usize) -> usize {
        self.limit.set(lines.saturating_sub(height));
        self.at.min(self.limit.get())
    }

    fn press(&mut self, key: KeyCode) {
        let limit = self.limit.get();
        self.at = match key {
            KeyCode::Up => self.at.saturating_sub(1),
            KeyCode::Down => self.at + 1,
            KeyCode::PageUp => self.at.saturating_sub(PAGE),
            KeyCode::PageDown => self.at + PAGE,
            KeyCode::Home => 0,
            KeyCode::End => limit,
            _ => self.at,
        }
        .min(limit);
    }
}

/// One difference, looked at closely.
#[derive(Debug, Clone)]
pub(crate) struct Detail {
    pub(crate) compared: Vec<Compared>,
    pub(crate) scroll: Scroll,
}

/// A value that the user writes.
#[derive(Debug, Clone)]
pub(crate) struct Writing {
    pub(crate) tag: PropertyTag,
    pub(crate) editor: Editor,
    /// Why what is written is no value yet.
    pub(crate) wrong: Option<String>,
}

/// What a merge would save.
#[derive(Debug, Clone)]
pub(crate) struct Preview {
    pub(crate) lines: Vec<String>,
    pub(crate) scroll: Scroll,
}

/// A folder to save yours in.
#[derive(Debug, Clone)]
pub(crate) struct Picker {
    pub(crate) filter: String,
    pub(crate) selected: usize,
}

/// What is asked before something is done.
#[derive(Debug, Clone)]
pub(crate) struct Confirmation {
    pub(crate) question: String,
    pub(crate) lines: Vec<String>,
    pub(crate) resolution: Resolution,
}

/// What lies over the overview.
#[derive(Debug, Clone)]
pub(crate) enum Screen {
    Detail(Detail),
    Writing(Writing),
    Preview(Preview),
    Folders(Picker),
    Confirmation(Confirmation),
}

/// A conflict on the screen.
#[derive(Debug)]
pub(crate) struct View<'c> {
    pub(super) conflict: &'c Conflict,
    pub(crate) report: Report,
    folders: Vec<(String, EntryId)>,
    /// For each row.
    pub(super) choices: Vec<Option<Choice>>,
    pub(crate) selected: usize,
    pub(crate) is_merging: bool,
    screens: Vec<Screen>,
    pub(crate) is_helping: bool,
    /// Said once, in the last line.
    pub(crate) notice: Option<String>,
    /// Where yours stay when theirs are kept.
    pub(super) dropped: String,
    pub(crate) leaving: Leaving,
}

impl<'c> View<'c> {
    /// `dropped` is a sentence that says where yours stay when theirs are kept.
    pub(crate) fn new(
        conflict: &'c Conflict,
        store: &Store,
        dropped: &str,
        leaving: Leaving,
    ) -> anyhow::Result<View<'c>> {
        let report = Report::of(conflict, store)?;
        let mut folders = store.folders()?;
        // Where such copies go unless the user says otherwise stands first.
        folders.sort_by_key(|folder| folder.kind != FolderKind::Conflicts);
        let folders = folders.into_iter();
        Ok(View {
            conflict,
            choices: vec![None; report.rows.len()],
            report,
            folders: folders
                .map(|folder| (line(&folder.path), folder.entry_id))
                .collect(),
            selected: 0,
            is_merging: false,
            screens: Vec::new(),
            is_helping: false,
            notice: None,
            dropped: line(dropped),
            leaving,
        })
    }

    /// What is drawn; none is the overview.
    pub(crate) fn screen(&self) -> Option<&Screen> {
        self.screens.last()
    }

    pub(crate) fn row(&self) -> Option<&Row> {
        self.report.rows.get(self.selected)
    }

    /// How many differences a merge still needs a choice for.
    pub(crate) fn open_choices(&self) -> usize {
        let rows = self.report.rows.iter().zip(&self.choices);
        rows.filter(|(row, choice)| row.needs_choice && choice.is_none())
            .count()
    }

    /// What a merge takes in a row, in a word.
    pub(crate) fn taken(&self, at: usize) -> &'static str {
        use mapistore::ChangedBy::{BothAlike, BothDifferently, Mine, Theirs};
        let Some(row) = self.report.rows.get(at) else {
            return "";
        };
        match (
            row.changed_by,
            self.choices.get(at).and_then(Option::as_ref),
        ) {
            (Theirs, _) | (BothDifferently, Some(Choice::Theirs)) => "theirs",
            (Mine, _) | (BothDifferently, Some(Choice::Mine)) => "yours",
            (BothAlike, _) => "both",
            (_, Some(_)) => "written",
            (_, None) if row.needs_choice => "choose!",
            (_, None) => "both",
        }
    }

    /// The folders whose paths hold what was typed.
    pub(crate) fn matching(&self, filter: &str) -> Vec<&(String, EntryId)> {
        let filter = filter.to_lowercase();
        let folders = self.folders.iter();
        folders
            .filter(|(path, _)| path.to_lowercase().contains(&filter))
            .collect()
    }

    pub(super) fn merge_choices(&self) -> MergeChoices {
        let rows = self.report.rows.iter().zip(&self.choices);
        rows.fold(MergeChoices::new(), |all, (row, choice)| match choice {
            None => all,
            Some(choice) => match row.item {
                Item::Property(tag) => all.property(tag, choice.clone()),
                Item::Recipient(index) => all.recipient(index, choice.clone()),
                Item::Attachment(index) => all.attachment(index, choice.clone()),
            },
        })
    }

    /// Does what a key says. What cannot be read is told, and changes nothing.
    pub(crate) fn press(&mut self, key: KeyEvent) -> Step {
        self.notice = None;
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if is_control && key.code == KeyCode::Char('c') {
            return Step::Cancelled;
        }
        if self.is_helping {
            self.is_helping = false;
            return Step::Stay;
        }
        let is_typing = matches!(self.screen(), Some(Screen::Writing(_) | Screen::Folders(_)));
        if key.code == KeyCode::F(1) || (key.code == KeyCode::Char('?') && !is_typing) {
            self.is_helping = true;
            return Step::Stay;
        }
        let Some(screen) = self.screens.pop() else {
            return self.in_overview(key.code);
        };
        if key.code == KeyCode::Esc {
            return Step::Stay;
        }
        match screen {
            Screen::Detail(detail) => self.in_detail(detail, key.code),
            Screen::Writing(writing) => self.in_writing(writing, key),
            Screen::Preview(mut preview) => {
                if key.code == KeyCode::Enter {
                    return Step::Chosen(Resolution::Merge(self.merge_choices()));
                }
                preview.scroll.press(key.code);
                self.go_to(Screen::Preview(preview))
            }
            Screen::Folders(picker) => self.in_folders(picker, key.code),
            Screen::Confirmation(confirmation) => match key.code {
                KeyCode::Enter => Step::Chosen(confirmation.resolution),
                KeyCode::Char('n' | 'q') => Step::Stay,
                _ => self.go_to(Screen::Confirmation(confirmation)),
            },
        }
    }

    /// Text that was pasted stands where it can be written, and is no command anywhere.
    pub(crate) fn paste(&mut self, text: &str) {
        match self.screens.last_mut() {
            Some(Screen::Writing(writing)) => {
                let text = text.replace("\r\n", "\n").replace('\r', "\n");
                text.chars().for_each(|one| writing.editor.insert(one));
            }
            Some(Screen::Folders(picker)) => {
                let shown = text.chars().filter(|one| !one.is_control());
                picker.filter.extend(shown);
                picker.selected = 0;
            }
            _ => {}
        }
    }

    fn go_to(&mut self, screen: Screen) -> Step {
        self.screens.push(screen);
        Step::Stay
    }

    fn say(&mut self, notice: impl Into<String>) -> Step {
        self.notice = Some(notice.into());
        Step::Stay
    }

    fn in_overview(&mut self, key: KeyCode) -> Step {
        let last = self.report.rows.len().saturating_sub(1);
        match key {
            KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down => self.selected = (self.selected + 1).min(last),
            KeyCode::PageUp => self.selected = self.selected.saturating_sub(PAGE),
            KeyCode::PageDown => self.selected = (self.selected + PAGE).min(last),
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = last,
            KeyCode::Enter => return self.look_closer(),
            KeyCode::Char('q') => return Step::Cancelled,
            KeyCode::Esc if self.is_merging => self.is_merging = false,
            KeyCode::Esc => return self.say(self.leaving.notice()),
            KeyCode::Char('c') => {
                return self.go_to(Screen::Folders(Picker {
                    filter: String::new(),
                    selected: 0,
                }));
            }
            KeyCode::Char('k' | 'o' | 'm') if self.conflict.is_deleted() => {
                return self.say("the message was deleted; c saves yours as a new message");
            }
            KeyCode::Char('k') => return self.confirm(Resolution::KeepOriginal),
            KeyCode::Char('o') => return self.confirm(Resolution::Overwrite),
            KeyCode::Char('m') => return self.merge(),
            KeyCode::Char(key) => return self.choose_key(key),
            _ => {}
        }
        Step::Stay
    }

    fn in_detail(&mut self, mut detail: Detail, key: KeyCode) -> Step {
        let last = self.report.rows.len().saturating_sub(1);
        match key {
            KeyCode::Left if self.selected > 0 => {
                self.selected -= 1;
                return self.look_closer();
            }
            KeyCode::Right if self.selected < last => {
                self.selected += 1;
                return self.look_closer();
            }
            KeyCode::Enter | KeyCode::Char('q') => return Step::Stay,
            _ => {}
        }
        detail.scroll.press(key);
        self.screens.push(Screen::Detail(detail));
        match key {
            KeyCode::Char(key) => self.choose_key(key),
            _ => Step::Stay,
        }
    }

    fn in_writing(&mut self, mut writing: Writing, key: KeyEvent) -> Step {
        let is_done = key.code == KeyCode::F(2)
            || (key.code == KeyCode::Char('s') && key.modifiers.contains(KeyModifiers::CONTROL));
        if !is_done {
            writing.editor.press(key);
            writing.wrong = None;
            return self.go_to(Screen::Writing(writing));
        }
        match written(&writing) {
            Ok(value) => {
                self.choose(Some(Choice::Value(value)));
                Step::Stay
            }
            Err(error) => {
                writing.wrong = Some(line(&format!("{error:#}")));
                self.go_to(Screen::Writing(writing))
            }
        }
    }

    fn in_folders(&mut self, mut picker: Picker, key: KeyCode) -> Step {
        let matching = self.matching(&picker.filter);
        let last = matching.len().saturating_sub(1);
        match key {
            KeyCode::Enter => {
                if let Some((path, folder)) = matching.get(picker.selected).copied().cloned() {
                    self.screens.push(Screen::Folders(picker));
                    let confirmation = confirm::elsewhere(&self.report, &path, folder);
                    return self.go_to(Screen::Confirmation(confirmation));
                }
            }
            KeyCode::Up => picker.selected = picker.selected.saturating_sub(1),
            KeyCode::Down => picker.selected = (picker.selected + 1).min(last),
            KeyCode::PageUp => picker.selected = picker.selected.saturating_sub(PAGE),
            KeyCode::PageDown => picker.selected = (picker.selected + PAGE).min(last),
            KeyCode::Backspace => {
                picker.filter.pop();
                picker.selected = 0;
            }
            KeyCode::Char(character) if !character.is_control() => {
                picker.filter.push(character);
                picker.selected = 0;
            }
            _ => {}
        }
        self.go_to(Screen::Folders(picker))
    }

    fn confirm(&mut self, resolution: Resolution) -> Step {
        let confirmation = confirm::of(self, resolution);
        self.go_to(Screen::Confirmation(confirmation))
    }

    /// Begins a merge, or shows what it would save if nothing needs a choice any more.
    fn merge(&mut self) -> Step {
        let open = self.open_choices();
        let began = !std::mem::replace(&mut self.is_merging, true);
        if open > 0 {
            let rows = self.report.rows.iter().zip(&self.choices);
            let first = rows
                .enumerate()
                .find(|(_, (row, choice))| row.needs_choice && choice.is_none());
            self.selected = first.map_or(self.selected, |(at, _)| at);
            return match began {
                true => Step::Stay,
                false => self.say(format!("{} first: t, y or e", still_open(open))),
            };
        }
        match inspect::preview(self) {
            Ok(lines) => self.go_to(Screen::Preview(Preview {
                lines,
                scroll: Scroll::default(),
            })),
            Err(error) => self.say(line(&format!("{error:#}"))),
        }
    }

    fn look_closer(&mut self) -> Step {
        let Some(row) = self.row() else {
            return Step::Stay;
        };
        match inspect::compare_row(self.conflict, row) {
            Ok(compared) => self.go_to(Screen::Detail(Detail {
                compared,
                scroll: Scroll::default(),
            })),
            Err(error) => self.say(line(&format!("{error:#}"))),
        }
    }

    fn choose_key(&mut self, key: char) -> Step {
        let Some(row) = self.row() else {
            return Step::Stay;
        };
        if !matches!(key, 't' | 'y' | 'e' | 'u' | 'T' | 'Y') || self.conflict.is_deleted() {
            return Step::Stay;
        }
        if let 'T' | 'Y' = key {
            self.is_merging = true;
            let choice = if key == 'T' {
                Choice::Theirs
            } else {
                Choice::Mine
            };
            for (row, chosen) in self.report.rows.iter().zip(&mut self.choices) {
                if row.needs_choice && chosen.is_none() {
                    *chosen = Some(choice.clone());
                }
            }
            return Step::Stay;
        }
        if !row.is_choosable() {
            let status = row.status();
            return self.say(format!(
                "{status}: a merge takes that, there is nothing to choose"
            ));
        }
        self.is_merging = true;
        match key {
            't' => self.choose(Some(Choice::Theirs)),
            'y' => self.choose(Some(Choice::Mine)),
            'u' => self.choose(None),
            _ => return self.write(),
        }
        Step::Stay
    }

    fn choose(&mut self, choice: Option<Choice>) {
        if let Some(chosen) = self.choices.get_mut(self.selected) {
            *chosen = choice;
        }
    }

    /// Lets the user write a value, beginning with the one that stands in the merge so far.
    fn write(&mut self) -> Step {
        let Some(Item::Property(tag)) = self.row().map(|row| row.item) else {
            return self.say("theirs or yours: a recipient or an attachment is not written here");
        };
        if self.row().is_some_and(|row| row.tags.len() > 1) {
            return self.say("these belong together: t or y takes all of them from one side");
        }
        let chosen = self.choices.get(self.selected).and_then(Option::as_ref);
        match inspect::editable(self.conflict, tag, chosen) {
            Ok(Some(text)) => self.go_to(Screen::Writing(Writing {
                tag,
                editor: Editor::new(&text),
                wrong: None,
            })),
            Ok(None) => self.say("this value cannot be written here; t or y takes theirs or yours"),
            Err(error) => self.say(line(&format!("{error:#}"))),
        }
    }
}

/// How many choices a merge waits for, as a sentence begins.
pub(crate) fn still_open(count: usize) -> String {
    match count {
        1 => "1 difference needs your choice".to_owned(),
        _ => format!("{count} differences need your choice"),
    }
}

fn written(writing: &Writing) -> anyhow::Result<PropertyValue> {
    let Some(property_type) = writing.tag.property_type() else {
        anyhow::bail!("the type of {} is unknown", writing.tag);
    };
    values::parse(property_type, &writing.editor.text())
}
