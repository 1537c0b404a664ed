//! The terminal: taken for as long as the view is open, and given back on every way out, a panic and a signal included.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Stderr, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mapistore::{Conflict, Resolution, Store};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyEventKind,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::draw::{Theme, draw};
use super::model::{Leaving, Step, View};

/// How soon a signal is noticed: it sets a mark and nothing else, so that it cannot come at a wrong moment.
const SIGNAL_CHECK: Duration = Duration::from_millis(200);

/// How the view was left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// What the user chose; nothing is done yet.
    Chosen(Resolution),
    /// The user wants none of it.
    Cancelled,
    /// A signal, by its number, told the program to end.
    Interrupted(i32),
}

/// Whether there is a terminal to take.
pub(crate) fn check_terminal() -> anyhow::Result<()> {
    anyhow::ensure!(
        io::stdin().is_terminal() && io::stderr().is_terminal(),
        "the full-screen view needs a terminal; nothing was written"
    );
    Ok(())
}

/// Ends the program as a signal would have, which came while the terminal was taken.
pub(crate) fn end_by(signal: i32) -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(signal)
}

/// Shows a conflict until the user has chosen. `dropped` is a sentence that says where yours stay when theirs are kept;
/// `notice` stands in the last line until the first key: why the question comes again. Draws on stderr, so that stdout
/// is the command's own.
pub(crate) fn run(
    conflict: &Conflict,
    store: &Store,
    dropped: &str,
    leaving: Leaving,
    notice: Option<&str>,
) -> anyhow::Result<Answer> {
    check_terminal()?;
    let mut view = View::new(conflict, store, dropped, leaving)?;
    view.notice = notice.map(str::to_owned);
    let signals = Signals::watch()?;
    let _taken = Taken::take()?;
    let backend = CrosstermBackend::new(BufWriter::new(io::stderr()));
    let mut terminal = Terminal::new(backend)?;
    let theme = theme();
    // The first look for events is what begins to listen for a changed size: one between drawing and that look would
    // never be heard of.
    event::poll(Duration::ZERO)?;
    loop {
        terminal.draw(|frame| draw(&view, theme, frame))?;
        let event = loop {
            if let Some(signal) = signals.came() {
                return Ok(Answer::Interrupted(signal));
            }
            if event::poll(SIGNAL_CHECK)? {
                break event::read()?;
            }
        };
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => match view.press(key) {
                Step::Stay => {}
                Step::Chosen(resolution) => return Ok(Answer::Chosen(resolution)),
                Step::Cancelled => return Ok(Answer::Cancelled),
            },
            Event::Paste(text) => view.paste(&text),
            _ => {}
        }
    }
}

fn theme() -> Theme {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    match refused || dumb {
        true => Theme::Plain,
        false => Theme::Colour,
    }
}

/// Signals that would end the program, marked as long as this lives.
#[derive(Debug)]
pub(crate) struct Signals {
    mark: Arc<AtomicUsize>,
    ids: Vec<SigId>,
}

impl Signals {
    /// Those that tell the program to end while the terminal is taken.
    pub(crate) fn watch() -> io::Result<Signals> {
        // Not SIGHUP, which ends the program at once: the terminal is gone then, there is nothing to give back to it, and
        // looking for its keys would take all of a processor for ever.
        Signals::watch_for(&[SIGINT, SIGTERM])
    }

    /// Ctrl-C alone.
    pub(crate) fn watch_for_interrupt() -> io::Result<Signals> {
        Signals::watch_for(&[SIGINT])
    }

    fn watch_for(watched: &[i32]) -> io::Result<Signals> {
        let mut signals = Signals {
            mark: Arc::default(),
            ids: Vec::new(),
        };
        for &signal in watched {
            let mark = Arc::clone(&signals.mark);
            let number = usize::try_from(signal).unwrap_or_default();
            signals
                .ids
                .push(signal_hook::flag::register_usize(signal, mark, number)?);
        }
        Ok(signals)
    }

    pub(crate) fn came(&self) -> Option<i32> {
        let signal = i32::try_from(self.mark.load(Ordering::Relaxed)).ok()?;
        (signal != 0).then_some(signal)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// The terminal in raw mode, on its other screen.
#[derive(Debug)]
struct Taken;

impl Taken {
    fn take() -> io::Result<Taken> {
        enable_raw_mode()?;
        let taken = Taken;
        // A panic's report has to be read on the ordinary screen.
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            give_back(&mut io::stderr());
            report(panic);
        }));
        execute!(
            io::stderr(),
            EnterAlternateScreen,
            // Some terminals show on the other screen what stood there before.
            Clear(ClearType::All),
            EnableBracketedPaste,
            Hide
        )?;
        Ok(taken)
    }
}

/// Nothing can be done where this fails: the terminal is gone.
fn give_back(stderr: &mut Stderr) {
    let _ = execute!(stderr, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = stderr.flush();
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back(&mut io::stderr());
        if !std::thread::panicking() {
            // The program has no hook of its own to put back.
            let _ = panic::take_hook();
        }
    }
}
