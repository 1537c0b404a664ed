//! A stored header, cleaned: the fields that an export takes over as they are written.

use super::super::header_block::{is_field, is_mailbox_mark};

/// The fields of a stored header in their order, each ending in CRLF.
///
/// A client can set a stored header to any bytes, so only what is a field comes in: nothing behind an
/// empty line or a line that is no field, no NUL, no line end inside a line, and no line of blanks
/// alone, which some readers take for the end of the header.
#[derive(Debug, Default)]
pub(super) struct KeptHeader {
    fields: Vec<KeptField>,
}

#[derive(Debug)]
struct KeptField {
    name: String,
    written: Vec<u8>,
}

impl KeptHeader {
    /// Reads the fields of a stored header, whatever its line ends are.
    pub(super) fn read(header: &[u8]) -> Self {
        let line_end = if header.contains(&b'\n') {
            b'\n'
        } else {
            b'\r'
        };
        let mut fields: Vec<KeptField> = Vec::new();
        for line in header.split(|&byte| byte == line_end) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            let clean: Vec<u8> = line.iter().map(|&byte| without_control(byte)).collect();
            if clean.trim_ascii().is_empty() || is_mailbox_mark(&clean) {
                continue;
            }
            let continues = matches!(clean.first(), Some(b' ' | b'\t'));
            match fields.last_mut() {
                Some(field) if continues => field.add_line(&clean),
                _ if is_field(&clean) => fields.push(KeptField::new(&clean)),
                _ => break,
            }
        }
        Self { fields }
    }

    /// Whether there is no field at all.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The fields, as a header that can be read again.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.without(&[])
    }

    /// The fields of the given names.
    pub(super) fn only(&self, names: &[&str]) -> Vec<u8> {
        self.written(|field| field.is_among(names))
    }

    /// The fields but those of the given names.
    pub(super) fn without(&self, names: &[&str]) -> Vec<u8> {
        self.written(|field| !field.is_among(names))
    }

    fn written(&self, is_wanted: impl Fn(&KeptField) -> bool) -> Vec<u8> {
        let wanted = self.fields.iter().filter(|field| is_wanted(field));
        wanted
            .flat_map(|field| field.written.iter().copied())
            .collect()
    }
}

impl KeptField {
    fn new(line: &[u8]) -> Self {
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
        let mut field = Self {
            name: String::from_utf8_lossy(name.trim_ascii()).into_owned(),
            written: Vec::with_capacity(line.len() + 2),
        };
        field.add_line(line);
        field
    }

    fn is_among(&self, names: &[&str]) -> bool {
        names
            .iter()
            .any(|name| self.name.eq_ignore_ascii_case(name))
    }

    fn add_line(&mut self, line: &[u8]) {
        self.written.extend_from_slice(line);
        self.written.extend_from_slice(b"\r\n");
    }
}

fn without_control(byte: u8) -> u8 {
    if matches!(byte, 0 | b'\r' | b'\n') {
        b' '
    } else {
        byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(header: &[u8]) -> String {
        String::from_utf8(KeptHeader::read(header).bytes()).unwrap()
    }

    #[test]
    fn fields_keep_their_order_folds_and_repetition() {
        let header = b"Received: by a;\n\tMonday\nX: 1\r\nReceived: by b\n";
        assert_eq!(
            kept(header),
            "Received: by a;\r\n\tMonday\r\nX: 1\r\nReceived: by b\r\n"
        );
        assert_eq!(kept(b"A: 1\rB: 2\r"), "A: 1\r\nB: 2\r\n");
    }

    #[test]
    fn nothing_comes_in_that_is_no_field() {
        assert_eq!(kept(b"A: 1\r\n\r\nB: 2\r\n"), "A: 1\r\n");
        assert_eq!(kept(b"A: 1\r\nno field\r\nB: 2\r\n"), "A: 1\r\n");
        assert_eq!(kept(b"From a@b Mon\r\n A: 1\r\n"), "");
        assert_eq!(kept(b"A: 1\r2\0\r\n \t \r\n b\r\n"), "A: 1 2 \r\n b\r\n");
    }

    #[test]
    fn fields_are_left_out_by_name() {
        let header = KeptHeader::read(b"subject : 1\r\n x\r\nTo: a@b\r\n");
        assert_eq!(header.without(&["Subject"]), b"To: a@b\r\n");
        assert!(!header.is_empty());
    }
}
