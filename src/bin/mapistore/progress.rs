//! Bars for what takes long.

use indicatif::{ProgressBar, ProgressStyle};
use mapistore::Progress;

/// A bar on stderr, where that is a terminal.
pub(crate) fn bar(doing: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(doing);
    match ProgressStyle::with_template("{msg} [{bar:40}] {human_pos}/{human_len} {eta}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Does something of the library's that takes long, with a bar that goes when it is done.
pub(crate) fn with_bar<T>(
    doing: &'static str,
    work: impl FnOnce(&mut dyn FnMut(Progress)) -> T,
) -> T {
    let bar = bar(doing);
    let done = work(&mut |progress| {
        bar.set_length(progress.total.max(progress.done));
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    done
}
