//! Where an export goes, piece by piece.

use std::io::{BufWriter, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};
use crate::store::{StreamReader, from_io};

/// The bytes in a line of base64, which then has 76 characters (RFC 2045, 6.8).
const BASE64_LINE: usize = 57;

/// So much of a stream is in memory at a time: whole lines of base64, about 64 KiB.
const PIECE: usize = BASE64_LINE * 1150;

/// The longest line of a mail, without its line end (RFC 5322, 2.1.1).
const LONGEST_LINE: usize = 998;

/// The file that is written.
pub(super) struct Output<'w> {
    inner: BufWriter<&'w mut dyn Write>,
}

impl<'w> Output<'w> {
    /// Writes to this writer, through a buffer.
    pub(super) fn new(writer: &'w mut dyn Write) -> Self {
        Self {
            inner: BufWriter::new(writer),
        }
    }

    /// Writes bytes as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.inner.write_all(bytes).map_err(write_failed)
    }

    /// Copies a stream of lines, each of which then ends in CRLF.
    pub(super) fn copy_lines(&mut self, data: &mut StreamReader) -> Result<()> {
        let mut lines = LineEnds::default();
        let mut canonical = Vec::new();
        pieces(data, |piece| {
            canonical.clear();
            lines.take(piece, &mut canonical);
            self.write(&canonical)
        })
    }

    /// Copies a stream in base64.
    pub(super) fn copy_base64(&mut self, data: &mut StreamReader) -> Result<()> {
        let mut encoded = String::new();
        pieces(data, |piece| {
            encoded.clear();
            base64_lines(piece, &mut encoded);
            self.write(encoded.as_bytes())
        })
    }

    /// Hands on what is buffered.
    pub(super) fn finish(mut self) -> Result<()> {
        self.inner.flush().map_err(write_failed)
    }
}

/// Adds lines of base64, each ending in CRLF.
pub(super) fn base64_lines(bytes: &[u8], written: &mut String) {
    for line in bytes.chunks(BASE64_LINE) {
        STANDARD.encode_string(line, written);
        written.push_str("\r\n");
    }
}

fn write_failed(error: std::io::Error) -> Error {
    Error::DiskError {
        detail: "writing an exported mail".to_owned(),
        source: Box::new(error),
    }
}

/// Hands out a stream in pieces, all but the last of the same size.
fn pieces(data: &mut StreamReader, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        piece.clear();
        data.take(PIECE as u64)
            .read_to_end(&mut piece)
            .map_err(|error| from_io(error, "reading a stream to export it"))?;
        if piece.is_empty() {
            return Ok(());
        }
        take(&piece)?;
    }
}

/// What is written in the place of an encoding (RFC 2045, 6.2): the least that lines of data are without one.
pub(super) fn plain_encoding(data: &mut StreamReader) -> Result<&'static str> {
    let mut seen = Lines::default();
    let (mut lines, mut canonical) = (LineEnds::default(), Vec::new());
    pieces(data, |piece| {
        canonical.clear();
        lines.take(piece, &mut canonical);
        seen.take(&canonical);
        Ok(())
    })?;
    Ok(seen.encoding())
}

/// Makes CRLF of every line end in text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct LineEnds {
    after_cr: bool,
}

impl LineEnds {
    /// Adds a piece to what was written before.
    pub(super) fn take(&mut self, piece: &[u8], written: &mut Vec<u8>) {
        for &byte in piece {
            match byte {
                b'\n' if self.after_cr => {}
                b'\r' | b'\n' => written.extend_from_slice(b"\r\n"),
                other => written.push(other),
            }
            self.after_cr = byte == b'\r';
        }
    }
}

/// What lines, each ending in CRLF, have shown so far.
#[derive(Debug, Default)]
struct Lines {
    length: usize,
    has_high: bool,
    is_binary: bool,
}

impl Lines {
    fn take(&mut self, piece: &[u8]) {
        for &byte in piece {
            self.has_high |= !byte.is_ascii();
            self.length = match byte {
                b'\n' => 0,
                b'\r' => self.length,
                _ => self.length + 1,
            };
            self.is_binary |= byte == 0 || self.length > LONGEST_LINE;
        }
    }

    fn encoding(&self) -> &'static str {
        match (self.is_binary, self.has_high) {
            (true, _) => "binary",
            (false, true) => "8bit",
            (false, false) => "7bit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(pieces: &[&str]) -> &'static str {
        let mut lines = Lines::default();
        for piece in pieces {
            lines.take(piece.as_bytes());
        }
        lines.encoding()
    }

    #[test]
    fn every_line_end_becomes_crlf_also_between_two_pieces() {
        let mut lines = LineEnds::default();
        let mut written = Vec::new();
        for piece in ["a\nb\r", "\nc\rd\n\r", "", "\re"] {
            lines.take(piece.as_bytes(), &mut written);
        }
        assert_eq!(written, b"a\r\nb\r\nc\r\nd\r\n\r\n\r\ne");
    }

    #[test]
    fn data_is_called_what_it_is() {
        assert_eq!(encoding(&["a\r", "\nb"]), "7bit");
        assert_eq!(encoding(&["\u{e9}\r\n"]), "8bit");
        for binary in ["\0", &"a".repeat(999)] {
            assert_eq!(encoding(&[binary]), "binary", "{binary:?}");
        }
        let longest = "a".repeat(998);
        assert_eq!(encoding(&[&longest, "\r\n", &longest]), "7bit");
    }
}
