//! The body of a multipart, cut at its delimiter lines (RFC 2046, section 5.1.1).

/// The parts of one multipart, from its first delimiter on.
#[derive(Debug)]
pub(super) struct Parts<'x> {
    delimiter: Vec<u8>,
    rest: &'x [u8],
}

/// What a line is to a multipart.
#[derive(PartialEq, Eq)]
enum Line {
    Content,
    Delimiter,
    CloseDelimiter,
}

impl<'x> Parts<'x> {
    /// Goes to the first part of a multipart; `None` if there is none.
    pub(super) fn new(body: &'x [u8], boundary: &str) -> Option<Self> {
        let mut parts = Self {
            delimiter: format!("--{boundary}").into_bytes(),
            rest: body,
        };
        let (_preamble, found) = parts.until_delimiter();
        (found == Line::Delimiter).then_some(parts)
    }

    /// All that has not been handed out yet.
    pub(super) fn rest(&self) -> &'x [u8] {
        self.rest
    }

    /// Takes everything up to the next delimiter line, and that line with the line end before it.
    fn until_delimiter(&mut self) -> (&'x [u8], Line) {
        let all = self.rest;
        let mut start = 0;
        while let Some(rest) = all.get(start..).filter(|rest| !rest.is_empty()) {
            let length = rest
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(rest.len(), |at| at + 1);
            let line = rest.get(..length).unwrap_or_default();
            let kind = self.kind(line);
            if kind != Line::Content {
                self.rest = match kind {
                    Line::CloseDelimiter => &[],
                    _ => rest.get(length..).unwrap_or_default(),
                };
                return (without_line_end(all.get(..start).unwrap_or_default()), kind);
            }
            start += length;
        }
        self.rest = &[];
        (all, Line::Content)
    }

    fn kind(&self, line: &[u8]) -> Line {
        let Some(tail) = line.strip_prefix(self.delimiter.as_slice()) else {
            return Line::Content;
        };
        // White space may follow a delimiter: transports add it (RFC 2046, 5.1.1).
        match tail.trim_ascii_end() {
            b"" => Line::Delimiter,
            b"--" => Line::CloseDelimiter,
            _ => Line::Content,
        }
    }
}

impl<'x> Iterator for Parts<'x> {
    type Item = &'x [u8];

    fn next(&mut self) -> Option<&'x [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        Some(self.until_delimiter().0)
    }
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str) -> Vec<&str> {
        let found = Parts::new(body.as_bytes(), "b").into_iter().flatten();
        found
            .filter_map(|part| std::str::from_utf8(part).ok())
            .collect()
    }

    #[test]
    fn only_the_line_end_before_a_delimiter_belongs_to_it() {
        assert_eq!(
            parts("x\r\n--b\r\none\r\n\r\n--b\r\ntwo\r\n--b--\r\nend"),
            ["one\r\n", "two"]
        );
        assert_eq!(parts("--b\n--b\n\n--b--"), ["", ""]);
    }

    #[test]
    fn a_delimiter_is_a_whole_line() {
        assert_eq!(
            parts("--b \t\none\n --b\n--bb\n--b---\n--b-- \n"),
            ["one\n --b\n--bb\n--b---"]
        );
    }

    #[test]
    fn the_last_part_may_lack_its_delimiter() {
        assert_eq!(parts("--b\none\n--b\ntwo\n"), ["one", "two\n"]);
    }

    #[test]
    fn without_a_part_there_is_nothing() {
        assert!(Parts::new(b"text", "b").is_none());
        assert!(Parts::new(b"--b--\ntext", "b").is_none());
    }
}
