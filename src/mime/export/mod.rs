//! One message out, as a mail.
//!
//! * `envelope` makes the header: what the stored one still says rightly stays, the rest is new,
//! * `kept` takes a stored header apart, `fields` writes values that anybody may have set,
//! * `structure` plans the MIME structure, `body` its texts, `part` its attachments,
//! * `output` is where all of it goes.

use std::io::Write;

use crate::error::{Error, Result};
use crate::model::pr;
use crate::store::Message;

use envelope::{envelope, stored_header};
use output::{Output, plain_encoding};
use part::{Part, Writing};
use structure::Node;

mod body;
mod envelope;
mod fields;
mod kept;
mod output;
mod part;
mod structure;

/// Writes a message as a mail (RFC 5322, RFC 2045 to 2049), as it is on this handle, pending changes
/// included.
///
/// * The header that a message was imported with stays as it was, unknown fields included, but for
///   the fields that say something else than the properties and recipients do: these are written
///   anew. `Bcc` is among the fields; strip it where hidden recipients must stay hidden.
/// * Line ends are CRLF, texts are UTF-8. The structure is made anew: the texts, with what the HTML
///   shows beside it, then the other attachments in their order, embedded messages as `message/rfc822`.
/// * No value can begin a field or a part of its own: line ends and NUL are encoded, or become blanks.
/// * The same version of a message gives the same bytes each time.
///
/// What has no place in a mail is left out: RTF, which only a compressed property holds; named
/// properties; the time of delivery, but for what the stored header says; fractions of a second;
/// and the part of an attachment that is a link. A message that was never sent has the date of its
/// last change.
///
/// Attachments are copied in pieces of 64 KiB, whatever their size. The texts and the header are in
/// memory while they are written, about three times the size of the two texts together.
///
/// ```
/// # use mapistore::{Recipient, SpecialFolder, Store, pr};
/// # let folder = tempfile::tempdir()?;
/// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
/// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
/// draft.set(pr::SUBJECT, "Figures")?;
/// draft.set(pr::BODY, "Here they are.\r\n")?;
/// draft.add_recipient(Recipient::to("Ana", "ana@example.org"))?;
/// let mut mail = Vec::new();
/// mapistore::mime::export(&draft, &mut mail)?;
/// let mail = String::from_utf8(mail)?;
/// assert!(mail.contains("To: \"Ana\" <ana@example.org>\r\n"));
/// assert!(mail.ends_with("\r\n\r\nHere they are.\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// `MAPI_E_INVALID_OBJECT`: the handle is closed. `MAPI_E_DISK_ERROR`: the writer failed; it holds the
/// beginning of a mail. For large values also the errors of reading the store.
pub fn export(message: &Message, mut writer: impl Write) -> Result<()> {
    let mut output = Output::new(&mut writer);
    let mut boundaries = Boundaries::of(message)?;
    write_message(message, &mut output, &mut boundaries)?;
    output.finish()
}

fn write_message(
    message: &Message,
    output: &mut Output<'_>,
    boundaries: &mut Boundaries,
) -> Result<()> {
    let stored = stored_header(message)?;
    let node = Node::plan(message, &stored)?;
    output.write(&envelope(message, &stored)?)?;
    output.write(b"MIME-Version: 1.0\r\n")?;
    write_node(node, message, output, boundaries)
}

fn write_node(
    node: Node,
    message: &Message,
    output: &mut Output<'_>,
    boundaries: &mut Boundaries,
) -> Result<()> {
    match node {
        Node::Text(written) => output.write(&written),
        Node::Attachment(part) => write_part(&part, message, output, boundaries),
        Node::Multipart(multipart) => {
            let boundary = boundaries.next();
            output.write(&multipart.header(&boundary))?;
            for child in multipart.children {
                output.write(format!("\r\n--{boundary}\r\n").as_bytes())?;
                write_node(child, message, output, boundaries)?;
            }
            output.write(format!("\r\n--{boundary}--\r\n").as_bytes())
        }
    }
}

fn write_part(
    part: &Part,
    message: &Message,
    output: &mut Output<'_>,
    boundaries: &mut Boundaries,
) -> Result<()> {
    output.write(&part.header)?;
    let data = || found(message.open_attachment_data(part.number));
    let mut encoding =
        |name: &str| output.write(format!("Content-Transfer-Encoding: {name}\r\n\r\n").as_bytes());
    match part.writing {
        Writing::Base64 => {
            encoding("base64")?;
            data()?.map_or(Ok(()), |mut data| output.copy_base64(&mut data))
        }
        Writing::Lines => {
            encoding(data()?.map_or(Ok("7bit"), |mut data| plain_encoding(&mut data))?)?;
            data()?.map_or(Ok(()), |mut data| output.copy_lines(&mut data))
        }
        Writing::Message => {
            encoding("8bit")?;
            let embedded = found(message.open_attached_message(part.number))?;
            embedded.map_or(Ok(()), |embedded| {
                write_message(&embedded, output, boundaries)
            })
        }
    }
}

/// An attachment may hold nothing.
fn found<T>(opened: Result<T>) -> Result<Option<T>> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The delimiters of the multiparts of one export.
///
/// They come from the message's ids, of which the entry id is random: who wrote the content of a message
/// could not know them. So no content can hold one, and yet each export of a version has the same.
#[derive(Debug)]
struct Boundaries {
    common: String,
    given: u32,
}

impl Boundaries {
    fn of(message: &Message) -> Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&message.entry_id().to_bytes());
        hasher.update(&message.get(pr::CHANGE_KEY)?.unwrap_or_default());
        let hex = hasher.finalize().to_hex();
        // `=_` stands in no text in quoted-printable or base64 (RFC 2045, 6.7).
        Ok(Self {
            common: format!("=_{}", hex.get(..32).unwrap_or_default()),
            given: 0,
        })
    }

    fn next(&mut self) -> String {
        self.given += 1;
        format!("{}_{}", self.common, self.given)
    }
}
