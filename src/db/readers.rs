//! The connections that read, and how long is waited for one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use r2d2::{HandleError, Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use scheduled_thread_pool::ScheduledThreadPool;

use crate::db::failure::sqlite;
use crate::error::{Error, Result};

/// How many connections read at the same time.
const MOST: u32 = 8;

/// How often who waits for a connection looks whether making one has failed.
const LOOK: Duration = Duration::from_millis(20);

/// How long is waited at least while a connection is being made: that ends by itself, with a failure that is heard of, but may take
/// its time where there is little processor to be had.
const LONGEST_MAKING: Duration = Duration::from_secs(10);

/// The pool tries a connection that could not be made again, ever later up to half of this.
const LONGEST_RETRY: Duration = Duration::from_secs(1);

/// How long closing a store waits for a thread that may not have let go of it yet.
pub(crate) const LONGEST_CLOSE: Duration = Duration::from_secs(1);

/// The connections of one process that read one file, not to be dropped in a forked child (P7).
#[derive(Debug)]
pub(crate) struct Readers {
    pool: Pool<SqliteConnectionManager>,
    failure: LastFailure,
    timeout: Duration,
}

/// A connection that reads, which goes back to the others when it is dropped.
pub(crate) type PooledReader = PooledConnection<SqliteConnectionManager>;

/// Why the last connection could not be made. The pool would try on until the time is over, and keep the reason to
/// itself.
#[derive(Debug, Clone, Default)]
struct LastFailure(Arc<Mutex<Option<rusqlite::Error>>>);

impl HandleError<rusqlite::Error> for LastFailure {
    fn handle_error(&self, error: rusqlite::Error) {
        *self.0.lock() = Some(error);
    }
}

impl Readers {
    /// None is made before it is needed. By itself the pool opens ten at once and tests each whenever it is taken out,
    /// which costs a quarter of a short read.
    pub(crate) fn new(manager: SqliteConnectionManager, timeout: Duration) -> Readers {
        let failure = LastFailure::default();
        let pool = Pool::builder()
            .max_size(MOST)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(LONGEST_RETRY)
            .error_handler(Box::new(failure.clone()))
            .thread_pool(pool_threads())
            .build_unchecked(manager);
        Readers {
            pool,
            failure,
            timeout,
        }
    }

    /// A connection; waits while all are in use, but not once making one has failed. Where none is free, this must come to a good
    /// end before one is made.
    pub(crate) fn take(&self, may_make: impl FnOnce() -> Result<()>) -> Result<PooledReader> {
        if let Some(reader) = self.pool.try_get() {
            return Ok(reader);
        }
        may_make()?;
        // One that nobody waited for says nothing about now.
        self.failure.0.lock().take();
        let began = Instant::now();
        loop {
            let missing = match self.pool.get_timeout(LOOK) {
                Ok(reader) => return Ok(reader),
                Err(missing) => missing,
            };
            if let Some(error) = self.failure.0.lock().take() {
                return Err(sqlite("opening a connection for reading", error));
            }
            let patience = if self.pool.state().connections < MOST {
                self.timeout.max(LONGEST_MAKING)
            } else {
                self.timeout
            };
            if began.elapsed() >= patience {
                return Err(Error::CallFailed {
                    detail: "waiting for a connection for reading".to_owned(),
                    source: Some(Box::new(missing)),
                });
            }
        }
    }
}

impl Drop for Readers {
    /// The thread that made the last connection may not have let go of the pool yet, and would then close its connections
    /// after presence was given up.
    fn drop(&mut self) {
        let (done, wait) = std::sync::mpsc::channel();
        pool_threads().execute(move || {
            let _ = done.send(());
        });
        let _ = wait.recv_timeout(LONGEST_CLOSE);
    }
}

/// One worker thread makes the connections of all stores of the process. A forked child has no threads but the one
/// that forked, so it begins with a pool of its own; the parent's is leaked there, since nobody would answer it.
fn pool_threads() -> Arc<ScheduledThreadPool> {
    static THREADS: Mutex<Option<(u32, Arc<ScheduledThreadPool>)>> = Mutex::new(None);
    let process = std::process::id();
    let new = || Arc::new(ScheduledThreadPool::builder().num_threads(1).build());
    let Some(mut threads) = THREADS.try_lock_for(LONGEST_CLOSE) else {
        // A thread that was not forked along has it, and will have it for ever.
        return new();
    };
    match &*threads {
        Some((made_by, pool)) if *made_by == process => Arc::clone(pool),
        _ => {
            let pool = new();
            std::mem::forget(threads.replace((process, Arc::clone(&pool))));
            pool
        }
    }
}
