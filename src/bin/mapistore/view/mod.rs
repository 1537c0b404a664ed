//! A conflict on the full screen: base, theirs and yours side by side, and the keys that say what becomes of them.
//!
//! It is shown a [`Conflict`](mapistore::Conflict) and answers with a [`Resolution`](mapistore::Resolution), by the
//! library's public interface alone: a host's own window does the same.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`compare`] | three versions of a text, by line and by word |
//! | [`inspect`] | what one screen shows, read from the conflict |
//! | [`confirm`] | what is asked before something is done |
//! | [`editor`] | a value that is written |
//! | [`model`] | the state, and what a key does to it |
//! | [`draw`] | the state as a screen |
//! | [`terminal`] | the terminal: taken, and given back on every way out |

mod compare;
mod confirm;
mod draw;
mod editor;
mod inspect;
mod model;
mod terminal;

#[cfg(test)]
mod tests;

pub(crate) use model::Leaving;
pub(crate) use terminal::{Answer, Signals, check_terminal, end_by, run};
