//! How much is done, on how many threads, and what is done when one hangs.

#[path = "../common/size.rs"]
mod common;

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

pub(crate) use common::{Size, workshop};

/// No point takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

impl Size {
    /// All points, or so many of them, evenly spread and the same in each run.
    pub(crate) fn some_of<T>(self, points: Vec<T>, gate: usize, quick: usize) -> Vec<T> {
        let all = points.len();
        let wanted = self.choose(all, gate, quick).min(all);
        let is_chosen = |at: usize| (at + 1) * wanted / all > at * wanted / all;
        let numbered = points.into_iter().enumerate();
        numbered
            .filter(|(at, _)| is_chosen(*at))
            .map(|(_, point)| point)
            .collect()
    }
}

/// Does the work for all points, on as many threads as there are processors.
///
/// # Panics
///
/// With the first panic of the work. A point that hangs is named, and ends the process.
pub(crate) fn in_parallel<T: Sync + Debug>(points: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (next, work) = (&next, &work);
            let (tell, told) = channel::<usize>();
            scope.spawn(move || {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    tell.send(0).unwrap();
                    let ended =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(point)));
                    if let Err(panic) = ended {
                        // The other threads need not go on.
                        next.store(points.len(), Ordering::Relaxed);
                        eprintln!("at {point:?}");
                        std::panic::resume_unwind(panic);
                    }
                }
            });
            scope.spawn(move || {
                loop {
                    match told.recv_timeout(PATIENCE) {
                        Ok(_) => {}
                        Err(RecvTimeoutError::Disconnected) => return,
                        Err(RecvTimeoutError::Timeout) => {
                            let reached = next.load(Ordering::Relaxed).min(points.len());
                            eprintln!(
                                "hangs at one of {:?}",
                                &points[reached.saturating_sub(threads)..reached]
                            );
                            std::process::abort();
                        }
                    }
                }
            });
        }
    });
}
