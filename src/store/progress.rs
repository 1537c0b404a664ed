//! How far a long call has come.

/// How far a long call has come, for a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is done so far, in units that the call names.
    pub done: u64,
    /// How much there is to do, as far as was known when the call began; `done` may come out higher.
    pub total: u64,
}
