//! Somebody who is asked: at a terminal, or through a pipe, one line for each answer.

use std::env;
use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};

use console::{Key, Term};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use crate::harmless;
use crate::output::Format;
use crate::view::{self, Signals};

/// What was answered to a question with a key for each choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressed {
    Key(char),
    Enter,
    /// Ctrl-C.
    Interrupt,
    /// Nobody answers any more.
    End,
}

/// Who is asked.
pub(crate) trait Person: fmt::Debug + Send {
    /// Shows lines of text.
    fn show(&mut self, text: &str) -> io::Result<()>;

    /// Asks for one key.
    fn key(&mut self, question: &str) -> io::Result<Pressed>;

    /// Asks for a line; `None`: nobody answers any more.
    fn line(&mut self, question: &str) -> io::Result<Option<String>>;

    /// How many columns can be seen.
    fn width(&self) -> usize;

    /// Whether there is a whole screen to show something on.
    fn has_screen(&self) -> bool;
}

/// Whoever sits at the terminal; nobody if stdin or stderr is something else, or the answer is for a program.
pub(crate) fn at_terminal(format: Format) -> Option<Box<dyn Person>> {
    let is_there = io::stdin().is_terminal() && io::stderr().is_terminal();
    (is_there && format == Format::People)
        .then(|| Box::new(AtTerminal(Term::stderr())) as Box<dyn Person>)
}

/// The same, or else whoever writes to stdin.
pub(crate) fn at_hand(format: Format) -> Box<dyn Person> {
    at_terminal(format).unwrap_or_else(|| {
        Box::new(Lines {
            answers: Box::new(io::BufReader::new(io::stdin())),
            shown: Box::new(io::stderr()),
        })
    })
}

#[derive(Debug)]
struct AtTerminal(Term);

impl Person for AtTerminal {
    fn show(&mut self, text: &str) -> io::Result<()> {
        self.0.write_line(&harmless::lines(text))
    }

    fn key(&mut self, question: &str) -> io::Result<Pressed> {
        // Before the question: whoever sees it can answer, also with Ctrl-C.
        let signals = Signals::watch()?;
        let raw = Raw::take()?;
        self.0.write_str(&harmless::line(question))?;
        let pressed = match self.0.read_key_raw() {
            Ok(Key::Enter) => Pressed::Enter,
            Ok(Key::Char('\u{3}') | Key::CtrlC) => Pressed::Interrupt,
            Ok(Key::Char('\u{4}')) => Pressed::End,
            Ok(Key::Char(key)) => Pressed::Key(key),
            Ok(Key::Escape) => Pressed::Key('q'),
            Ok(_) => Pressed::Key('?'),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Pressed::Interrupt,
            Err(error) => return Err(error),
        };
        let echo = match pressed {
            Pressed::Key(key) => key.to_string(),
            _ => String::new(),
        };
        drop(raw);
        self.0.write_line(&harmless::line(&echo))?;
        if let Some(signal) = signals.came() {
            // The terminal is as it was: now the signal may do what it does.
            view::end_by(signal)?;
        }
        Ok(pressed)
    }

    fn line(&mut self, question: &str) -> io::Result<Option<String>> {
        self.0.write_str(&harmless::line(question))?;
        read_line(&mut io::stdin().lock())
    }

    fn width(&self) -> usize {
        self.0.size().1.into()
    }

    fn has_screen(&self) -> bool {
        env::var_os("TERM").is_none_or(|term| term != "dumb")
    }
}

/// The terminal gives keys as they are pressed, as long as this lives.
struct Raw;

impl Raw {
    fn take() -> io::Result<Raw> {
        enable_raw_mode()?;
        Ok(Raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing can be done where this fails: the terminal is gone.
        let _ = disable_raw_mode();
    }
}

/// Answers that come line by line; of a key the first character counts.
pub(crate) struct Lines {
    pub(crate) answers: Box<dyn BufRead + Send>,
    pub(crate) shown: Box<dyn Write + Send>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl Person for Lines {
    fn show(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.shown, "{}", harmless::lines(text))
    }

    fn key(&mut self, question: &str) -> io::Result<Pressed> {
        Ok(match self.line(question)? {
            None => Pressed::End,
            Some(line) => line.chars().next().map_or(Pressed::Enter, Pressed::Key),
        })
    }

    fn line(&mut self, question: &str) -> io::Result<Option<String>> {
        writeln!(self.shown, "{}", harmless::line(question))?;
        self.shown.flush()?;
        read_line(&mut self.answers)
    }

    fn width(&self) -> usize {
        80
    }

    fn has_screen(&self) -> bool {
        false
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}
