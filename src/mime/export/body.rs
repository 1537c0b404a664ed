//! The bodies of a message as the text parts of a mail.

use mail_builder::headers::content_type::ContentType;
use mail_builder::mime::MimePart;

use crate::error::Result;
use crate::model::pr;
use crate::store::Message;

use super::super::content::decode_text;
use super::output::{LineEnds, base64_lines};

/// The plain text of a message.
pub(super) fn plain(message: &Message) -> Result<Option<String>> {
    message.get(pr::BODY)
}

/// The HTML of a message, however it is stored.
pub(super) fn html(message: &Message) -> Result<Option<String>> {
    if let Some(text) = message.get(pr::BODY_HTML)? {
        return Ok(Some(text));
    }
    let Some(bytes) = message.get(pr::HTML)? else {
        return Ok(None);
    };
    let charset = message.get(pr::INTERNET_CPID)?.and_then(charset);
    Ok(Some(decode_text(&bytes, charset)))
}

/// The character set of a Windows code page; `None` for one that is not known, which is then guessed.
fn charset(code_page: i32) -> Option<&'static str> {
    Some(match code_page {
        65001 => "utf-8",
        65000 => "utf-7",
        1200 => "utf-16le",
        1201 => "utf-16be",
        932 => "shift_jis",
        936 => "gbk",
        949 => "euc-kr",
        950 => "big5",
        1250 => "windows-1250",
        1251 => "windows-1251",
        1252 => "windows-1252",
        1253 => "windows-1253",
        1254 => "windows-1254",
        1255 => "windows-1255",
        1256 => "windows-1256",
        1257 => "windows-1257",
        1258 => "windows-1258",
        874 => "windows-874",
        20866 => "koi8-r",
        21866 => "koi8-u",
        28591 => "iso-8859-1",
        28592 => "iso-8859-2",
        28593 => "iso-8859-3",
        28594 => "iso-8859-4",
        28595 => "iso-8859-5",
        28596 => "iso-8859-6",
        28597 => "iso-8859-7",
        28598 => "iso-8859-8",
        28599 => "iso-8859-9",
        28603 => "iso-8859-13",
        28605 => "iso-8859-15",
        50220..=50222 => "iso-2022-jp",
        51932 => "euc-jp",
        51949 => "euc-kr",
        54936 => "gb18030",
        _ => return None,
    })
}

/// A text part whole: its fields, the empty line, and the text in UTF-8 with CRLF at the end of lines.
pub(super) fn text_part(
    media_type: &'static str,
    parameters: &[(&str, &str)],
    text: &str,
) -> Vec<u8> {
    let text = with_crlf(text);
    let mut content = ContentType::new(media_type).attribute("charset", "utf-8");
    for (key, value) in parameters {
        content = content.attribute(*key, *value);
    }
    let part = if text.contains('\0') {
        // NUL may stand in no text that is written as it is.
        let mut lines = String::new();
        base64_lines(text.as_bytes(), &mut lines);
        MimePart::new(content, lines.trim_end().to_owned()).transfer_encoding("base64")
    } else {
        MimePart::new(content, text)
    };
    let mut written = Vec::new();
    part.write_part(&mut written);
    written
}

/// The text with CRLF at the end of each line, as mail has it (RFC 2046, 4.1.1).
fn with_crlf(text: &str) -> String {
    let mut lines = Vec::with_capacity(text.len() + text.len() / 32);
    LineEnds::default().take(text.as_bytes(), &mut lines);
    // Only whole characters were exchanged.
    String::from_utf8(lines).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_nul_is_encoded() {
        let part = String::from_utf8(text_part("text/plain", &[], "a\0b")).unwrap();
        assert!(
            part.ends_with("Content-Transfer-Encoding: base64\r\n\r\nYQBi"),
            "{part}"
        );
    }
}
