//! Time that all processes of a host agree on, so that what they recorded can be put in one order.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the host's monotonic clock: the same for every process, and never set back.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // Neither part is negative: the clock counts from the start of the host.
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
