//! How much of a long test is run.

/// `MAPISTORE_TORTURE` says how much: `full`, `gate`, or by itself what the build has the time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Everything.
    Full,
    /// What every release build is tested with.
    Gate,
    /// What a build without optimisation has the time for.
    Quick,
}

impl Size {
    pub(crate) fn of_run() -> Size {
        match std::env::var("MAPISTORE_TORTURE").as_deref() {
            Ok("full") => Size::Full,
            Ok("gate") => Size::Gate,
            _ if cfg!(debug_assertions) => Size::Quick,
            _ => Size::Gate,
        }
    }

    /// One of three numbers.
    pub(crate) fn choose<T>(self, full: T, gate: T, quick: T) -> T {
        match self {
            Size::Full => full,
            Size::Gate => gate,
            Size::Quick => quick,
        }
    }
}

/// The seed of a run: `MAPISTORE_SEED`, else always the same.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("MAPISTORE_SEED").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// Random numbers that a seed decides (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}
