//! What a client shows of a handle and of a stream.

use std::io::{Read, Seek};

use mapistore::{
    AccessLevel, AttachMethod, Error, Message, RowVersion, StoredValue, StreamHash, StreamReader,
};
use serde_json::json;

use super::blob::Blob;
use super::executor::Said;
use super::protocol::*;
use super::samples;

/// Reads the next bytes of a stream and compares them with a blob's; answers where the stream stands.
pub(super) fn compare(reader: &mut StreamReader, blob: Blob, bytes: u64) -> Said {
    let failed = |error: std::io::Error| Failure::other(format!("reading a stream: {error}"));
    let from = reader.stream_position().map_err(failed)?;
    if reader.size() != blob.len {
        let sizes = format!("{} bytes instead of {}", reader.size(), blob.len);
        return Err(Failure::other(sizes));
    }
    let mut expected = blob.reader().at(from).take(bytes);
    let mut reader_part = reader.by_ref().take(bytes);
    let (mut theirs, mut ours) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut at = from;
    loop {
        let count = expected.read(&mut theirs).map_err(failed)?;
        if count == 0 {
            break;
        }
        reader_part.read_exact(&mut ours[..count]).map_err(failed)?;
        if theirs[..count] != ours[..count] {
            return Err(Failure::other(format!("other bytes after position {at}")));
        }
        at += count as u64;
    }
    Ok(json!(at))
}

/// All that a handle shows, with every stream read to its end.
pub(crate) fn view(message: &Message) -> Result<View, Error> {
    let (computed, content) = parts(message)?;
    Ok(View {
        entry_id: message.entry_id().to_string(),
        folder: message.folder_id().to_string(),
        row_version: message.row_version().map(RowVersion::get),
        access: match message.access_level() {
            AccessLevel::ReadOnly => "read-only".to_owned(),
            AccessLevel::Modify => "modify".to_owned(),
        },
        pending: message.has_pending_changes(),
        save_id: message.save_id().to_string(),
        deleted: message.deleted_at().is_some(),
        computed,
        content,
    })
}

/// What the store computes, and the content with all that is embedded.
fn parts(message: &Message) -> Result<(Vec<(String, String)>, ContentView), Error> {
    let mut computed = Vec::new();
    let mut properties = Vec::new();
    for (tag, value) in message.properties()? {
        let shown = match &value {
            StoredValue::Inline(value) => format!("{value:?}"),
            StoredValue::Stream(reference) => {
                let read = hash_of(message.open_stream(tag)?)?;
                format!("{} bytes with hash {read}", reference.size)
            }
        };
        let list = if samples::is_computed(tag) {
            &mut computed
        } else {
            &mut properties
        };
        list.push((tag.to_string(), shown));
    }
    let recipients = message
        .recipients()?
        .into_iter()
        .map(|row| (row.row_id.0, row.recipient.name, row.recipient.address));
    let mut attachments = Vec::new();
    for row in message.attachments()? {
        let embedded = match row.method {
            AttachMethod::EmbeddedMessage => {
                let (_, content) = parts(&message.open_attached_message(row.number)?)?;
                Some(Box::new(content))
            }
            _ => None,
        };
        attachments.push(AttachmentView {
            number: row.number.0,
            name: row.name,
            size: row.data.map_or(0, |data| data.size),
            hash: match row.data {
                Some(_) => hash_of(message.open_attachment_data(row.number)?)?,
                None => String::new(),
            },
            embedded,
        });
    }
    let content = ContentView {
        properties,
        recipients: recipients.collect(),
        attachments,
    };
    Ok((computed, content))
}

fn hash_of(mut reader: StreamReader) -> Result<String, Error> {
    let mut bytes = Vec::new();
    reader
        .read_to_end(&mut bytes)
        .map_err(|error| Error::DiskError {
            detail: "reading a stream".to_owned(),
            source: Box::new(error),
        })?;
    Ok(StreamHash::of(&bytes).to_string())
}
