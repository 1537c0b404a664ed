//! Large data that need not be carried about: both sides make it from a seed and a length.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

/// Data of a given length; two seeds give different data. All bytes are printable ASCII, so it is a text too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blob {
    pub(crate) seed: u64,
    pub(crate) len: u64,
}

pub(crate) const MIB: u64 = 1024 * 1024;

impl Blob {
    pub(crate) const fn new(seed: u64, len: u64) -> Blob {
        Blob { seed, len }
    }

    /// The eight bytes at a multiple of eight.
    fn word(self, index: u64) -> [u8; 8] {
        // SplitMix64: every position can be asked for by itself.
        let mut word = self.seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31))
            .to_le_bytes()
            .map(|byte| b' ' + (byte & 0x3F))
    }

    pub(crate) fn reader(self) -> BlobReader {
        BlobReader {
            blob: self,
            position: 0,
        }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes).unwrap();
        bytes
    }

    pub(crate) fn text(self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }
}

#[derive(Debug)]
pub(crate) struct BlobReader {
    blob: Blob,
    position: u64,
}

impl BlobReader {
    /// Goes on from another place.
    pub(crate) fn at(mut self, position: u64) -> BlobReader {
        self.position = position;
        self
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.blob.len.saturating_sub(self.position)).unwrap();
        let count = buffer.len().min(left);
        let mut filled = 0;
        while filled < count {
            let within = (self.position % 8) as usize;
            let word = self.blob.word(self.position / 8);
            let taken = (8 - within).min(count - filled);
            buffer[filled..filled + taken].copy_from_slice(&word[within..within + taken]);
            filled += taken;
            self.position += taken as u64;
        }
        Ok(count)
    }
}

#[test]
fn blob_is_the_same_from_every_place() {
    let blob = Blob::new(7, 1_003);
    let whole = blob.bytes();
    assert_eq!(whole.len(), 1_003);
    assert_ne!(whole, Blob::new(8, 1_003).bytes());
    for from in [0, 1, 8, 500, 1_002, 1_003] {
        let mut rest = Vec::new();
        blob.reader()
            .at(from as u64)
            .read_to_end(&mut rest)
            .unwrap();
        assert_eq!(rest, whole[from..]);
    }
}
