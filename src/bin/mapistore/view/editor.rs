//! A text that its reader changes: the smallest editor that is enough for a value.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A text with a cursor.
#[derive(Debug, Clone)]
pub(crate) struct Editor {
    /// At least one.
    lines: Vec<Vec<char>>,
    line: usize,
    column: usize,
}

impl Editor {
    /// The cursor stands at the end.
    pub(crate) fn new(text: &str) -> Editor {
        let text = text.replace("\r\n", "\n");
        let lines: Vec<Vec<char>> = text
            .split('\n')
            .map(|line| line.chars().collect())
            .collect();
        let line = lines.len().saturating_sub(1);
        let column = lines.last().map_or(0, Vec::len);
        Editor {
            lines,
            line,
            column,
        }
    }

    pub(crate) fn text(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|line| line.iter().collect::<String>());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The lines, and where the cursor stands: its line, and the text that stands before it there.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.lines.iter().map(|line| line.iter().collect())
    }

    pub(crate) fn cursor_line(&self) -> usize {
        self.line
    }

    pub(crate) fn before_cursor(&self) -> String {
        let line = self.lines.get(self.line).map(Vec::as_slice);
        line.and_then(|line| line.get(..self.column))
            .map(|before| before.iter().collect())
            .unwrap_or_default()
    }

    fn length(&self, line: usize) -> usize {
        self.lines.get(line).map_or(0, Vec::len)
    }

    /// Does what a key says; keys that mean nothing here change nothing.
    pub(crate) fn press(&mut self, key: KeyEvent) {
        let is_command = key
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Char(character) if !is_command => self.insert(character),
            KeyCode::Enter => self.insert('\n'),
            KeyCode::Backspace if self.step_back() => self.delete(),
            KeyCode::Delete => self.delete(),
            KeyCode::Left => {
                self.step_back();
            }
            KeyCode::Right if self.column < self.length(self.line) => self.column += 1,
            KeyCode::Right if self.line + 1 < self.lines.len() => {
                (self.line, self.column) = (self.line + 1, 0);
            }
            KeyCode::Up => self.go_to_line(self.line.saturating_sub(1)),
            KeyCode::Down => self.go_to_line(self.line + 1),
            KeyCode::Home => self.column = 0,
            KeyCode::End => self.column = self.length(self.line),
            _ => {}
        }
    }

    fn go_to_line(&mut self, line: usize) {
        self.line = line.min(self.lines.len().saturating_sub(1));
        self.column = self.column.min(self.length(self.line));
    }

    /// Whether there was anything before.
    fn step_back(&mut self) -> bool {
        if self.column > 0 {
            self.column -= 1;
        } else if self.line > 0 {
            self.line -= 1;
            self.column = self.length(self.line);
        } else {
            return false;
        }
        true
    }

    pub(crate) fn insert(&mut self, character: char) {
        let column = self.column;
        let Some(line) = self.lines.get_mut(self.line) else {
            return;
        };
        if character == '\n' {
            let rest = line.split_off(column.min(line.len()));
            self.line += 1;
            self.lines.insert(self.line, rest);
            self.column = 0;
        } else {
            line.insert(column.min(line.len()), character);
            self.column += 1;
        }
    }

    fn delete(&mut self) {
        if self.column < self.length(self.line) {
            if let Some(line) = self.lines.get_mut(self.line) {
                line.remove(self.column);
            }
        } else if self.line + 1 < self.lines.len() {
            let next = self.lines.remove(self.line + 1);
            if let Some(line) = self.lines.get_mut(self.line) {
                line.extend(next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(text: &str, keys: &[KeyCode]) -> Editor {
        let mut editor = Editor::new(text);
        for key in keys {
            editor.press(KeyEvent::from(*key));
        }
        editor
    }

    #[test]
    fn text_is_written_where_the_cursor_stands() {
        use KeyCode::{Backspace, Char, Delete, Down, End, Enter, Home, Left, Right, Up};
        for (keys, expected) in [
            (vec![Char('!')], "one\ntwo!"),
            (vec![Home, Backspace], "onetwo"),
            (vec![Up, End, Delete], "onetwo"),
            (vec![Up, Home, Right, Enter], "o\nne\ntwo"),
            (
                vec![Up, Up, Left, Left, Left, Left, Backspace, Char('x')],
                "xone\ntwo",
            ),
            (vec![Home, Left, Char('x')], "onex\ntwo"),
            (vec![Up, Right, Char('x'), Down, Down, Delete], "one\nxwo"),
        ] {
            assert_eq!(pressed("one\ntwo", &keys).text(), expected, "{keys:?}");
        }
    }

    #[test]
    fn commands_are_not_text() {
        let mut editor = Editor::new("");
        editor.press(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL));
        assert_eq!(editor.text(), "");
    }

    #[test]
    fn cursor_is_told_by_what_stands_before_it() {
        let editor = pressed("ab\ncd", &[KeyCode::Left]);
        assert_eq!((editor.cursor_line(), &*editor.before_cursor()), (1, "c"));
        assert_eq!(
            pressed("", &[KeyCode::Delete, KeyCode::Up])
                .lines()
                .collect::<Vec<_>>(),
            [""]
        );
    }
}
