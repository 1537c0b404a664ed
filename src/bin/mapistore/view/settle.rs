//! Shows a conflict, does what was chosen, and shows the newer one if a third client was faster.

use mapistore::{Error, Message, Resolved, Store};

use super::terminal::{Answer, run};

/// Why the question comes again (K3).
const AGAIN: &str = "somebody saved meanwhile, so nothing was done: this is the newer state";

/// Lets the user settle the conflict of a stale handle on the full screen. `None`: the user wants none of it, and the
/// handle is as it was. `dropped` says what becomes of yours when theirs are kept.
pub(crate) fn settle(
    store: &Store,
    message: &mut Message,
    dropped: &str,
) -> anyhow::Result<Option<Resolved>> {
    let mut notice = None;
    loop {
        let conflict = message.conflict()?;
        let resolution = match run(&conflict, store, dropped, notice)? {
            Answer::Chosen(resolution) => resolution,
            Answer::Cancelled => return Ok(None),
            Answer::Interrupted(signal) => {
                // The terminal is as it was: now the signal may do what it does.
                signal_hook::low_level::emulate_default_handler(signal)?;
                return Ok(None);
            }
        };
        match message.resolve(&conflict, resolution) {
            Err(Error::ObjectChanged { .. } | Error::ObjectDeleted { .. }) => notice = Some(AGAIN),
            resolved => return Ok(Some(resolved?)),
        }
    }
}
