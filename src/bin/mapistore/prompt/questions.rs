//! The questions at the prompt, one key for each answer.

use std::path::Path;

use mapistore::{
    Choice, Conflict, MergeChoices, PropertyTag, PropertyValue, Resolution, Side, Store,
    StoredValue, Touching,
};

use super::{Answer, table};
use crate::person::{Person, Pressed};
use crate::report::{Report, Row};
use crate::values;

/// Why there are questions.
const FIRST: &str = "Another client changed this message meanwhile; base is what both began with.";

/// How many lines of a value are shown where it is chosen.
const LINES_SHOWN: usize = 12;

/// One conflict, and who is asked about it.
pub(super) struct Questions<'a> {
    conflict: &'a Conflict,
    report: Report,
    person: &'a mut dyn Person,
    /// Where yours are meanwhile.
    file: &'a Path,
}

/// What came of asking for the choices of a merge.
enum Asked<T> {
    Answered(T),
    /// Back to where the question came from.
    Back,
    Interrupted,
}

impl<'a> Questions<'a> {
    pub(super) fn new(
        store: &Store,
        conflict: &'a Conflict,
        person: &'a mut dyn Person,
        file: &'a Path,
    ) -> anyhow::Result<Questions<'a>> {
        Ok(Questions {
            conflict,
            report: Report::of(conflict, store)?,
            person,
            file,
        })
    }

    /// Asks until there is an answer. `notice`: why the question comes again.
    pub(super) fn ask(&mut self, notice: Option<&str>) -> anyhow::Result<Answer> {
        self.person.show(notice.unwrap_or(FIRST))?;
        for line in table(&self.report, self.person.width()) {
            self.person.show(&line)?;
        }
        let is_deleted = self.conflict.is_deleted();
        loop {
            self.show_choices()?;
            match self.person.key("Your choice [c]: ")? {
                Pressed::Enter | Pressed::Key('c') => {
                    let folder = self.conflict.conflicts_folder();
                    return Ok(Answer::Chosen(Resolution::SaveElsewhere(folder)));
                }
                Pressed::Key('k') if !is_deleted => {
                    return Ok(Answer::Chosen(Resolution::KeepOriginal));
                }
                Pressed::Key('o') if !is_deleted => {
                    return Ok(Answer::Chosen(Resolution::Overwrite));
                }
                Pressed::Key('m') if !is_deleted => match self.ask_for_choices()? {
                    Asked::Answered(choices) => {
                        return Ok(Answer::Chosen(Resolution::Merge(choices)));
                    }
                    Asked::Back => {}
                    Asked::Interrupted => return Ok(Answer::Interrupted),
                },
                Pressed::Key('v') if self.person.has_screen() => return Ok(Answer::OnScreen),
                Pressed::Key('q') | Pressed::End => return Ok(Answer::Later),
                Pressed::Interrupt => return Ok(Answer::Interrupted),
                Pressed::Key(_) => self.person.show("That is none of the keys.")?,
            }
        }
    }

    fn show_choices(&mut self) -> anyhow::Result<()> {
        let path = self.file.display();
        let mut choices = vec!["  c  save yours as a new message in Conflicts (Enter)".to_owned()];
        if !self.conflict.is_deleted() {
            choices.extend([
                "  k  keep theirs; yours stay in the file below".to_owned(),
                "  m  merge both; you are asked where both changed the same".to_owned(),
                "  o  replace theirs with yours; theirs are kept as a version".to_owned(),
            ]);
        }
        if self.person.has_screen() {
            choices.push("  v  view all of it on the full screen, and choose there".to_owned());
        }
        choices
            .push("  q  decide later: nothing is saved, yours stay in the file below".to_owned());
        choices.push(format!("Yours are in {path}"));
        Ok(self.person.show(&choices.join("\n"))?)
    }

    /// Asks about each thing that touches.
    fn ask_for_choices(&mut self) -> anyhow::Result<Asked<MergeChoices>> {
        let mut choices = MergeChoices::new();
        loop {
            let touching = self.conflict.preview(&choices)?.touching;
            let Some(first) = touching.into_iter().next() else {
                return Ok(Asked::Answered(choices));
            };
            let choice = match self.ask_for_choice(first)? {
                Asked::Answered(choice) => choice,
                Asked::Back => return Ok(Asked::Back),
                Asked::Interrupted => return Ok(Asked::Interrupted),
            };
            choices = match first {
                Touching::Property(tag) => choices.property(tag, choice),
                Touching::Recipient(index) => choices.recipient(index, choice),
                Touching::Attachment(index) => choices.attachment(index, choice),
                other => anyhow::bail!("{other} cannot be chosen for here"),
            };
        }
    }

    fn ask_for_choice(&mut self, touching: Touching) -> anyhow::Result<Asked<Choice>> {
        let Some(row) = self.report.row_of(touching).cloned() else {
            anyhow::bail!("{touching} cannot be chosen for here");
        };
        // A value can be written for one property only; those that belong together come from one side.
        let written = match &row.tags[..] {
            [tag] => Some(*tag),
            _ => None,
        };
        self.show_row(&row)?;
        let question = match written {
            Some(_) => "Take [t]heirs, [y]ours, [e] another value, or go [q] back: ",
            None => "Take [t]heirs, [y]ours, or go [q] back: ",
        };
        loop {
            match (self.person.key(question)?, written) {
                (Pressed::Key('t'), _) => return Ok(Asked::Answered(Choice::Theirs)),
                (Pressed::Key('y'), _) => return Ok(Asked::Answered(Choice::Mine)),
                (Pressed::Key('e'), Some(tag)) => {
                    return Ok(match self.ask_for_value(tag)? {
                        Some(value) => Asked::Answered(Choice::Value(value)),
                        None => Asked::Back,
                    });
                }
                (Pressed::Key('q') | Pressed::End, _) => return Ok(Asked::Back),
                (Pressed::Interrupt, _) => return Ok(Asked::Interrupted),
                (Pressed::Enter | Pressed::Key(_), _) => {
                    self.person.show("That is none of the keys.")?;
                }
            }
        }
    }

    fn show_row(&mut self, row: &Row) -> anyhow::Result<()> {
        let more = match row.tags.len() {
            0 | 1 => "",
            _ => ", which belong together",
        };
        self.person
            .show(&format!("Both changed {}{more}.", row.names))?;
        let sides = [
            (Side::Base, "base", &row.base),
            (Side::Theirs, "theirs", &row.theirs),
            (Side::Mine, "yours", &row.mine),
        ];
        for (side, label, cell) in sides {
            self.person.show(&format!("  {label}:"))?;
            match &row.tags[..] {
                // A long value is shown with its lines.
                [tag] => {
                    let value = self.conflict.value(side, *tag)?;
                    let text = value.map(|value| values::to_text(&StoredValue::Inline(value)));
                    self.show_lines(text.as_deref().unwrap_or(cell.text()))?;
                }
                _ => self.show_lines(cell.text())?,
            }
        }
        Ok(())
    }

    fn show_lines(&mut self, text: &str) -> anyhow::Result<()> {
        for line in text.lines().take(LINES_SHOWN) {
            self.person.show(&format!("    {line}"))?;
        }
        let more = text.lines().count().saturating_sub(LINES_SHOWN);
        if more > 0 {
            self.person.show(&format!("    … and {more} lines more"))?;
        }
        Ok(())
    }

    fn ask_for_value(&mut self, tag: PropertyTag) -> anyhow::Result<Option<PropertyValue>> {
        let Some(property_type) = tag.property_type() else {
            return Ok(None);
        };
        loop {
            let Some(text) = self.person.line("Value: ")? else {
                return Ok(None);
            };
            match values::parse(property_type, &text) {
                Ok(value) => return Ok(Some(value)),
                Err(error) => {
                    let complaint = format!("{tag} takes a {property_type}: {error:#}");
                    self.person.show(&complaint)?;
                }
            }
        }
    }
}
