//! Mail of many programs, read and compared with what an independent reader sees in it.

use std::fs;
use std::path::{Path, PathBuf};

use mapistore::mime::{ParsedAttachment, ParsedMessage, parse_message};
use mapistore::{PropertyKind, PropertyTag, PropertyValue, RecipientKind, Tag, pr};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::support::shared::shared_folder;

/// A file in which the two readers differ in one field, with the reason.
struct Accepted {
    file: &'static str,
    field: &'static str,
    reason: &'static str,
}

const LATIN_1: &str = "ISO-8859-1 is read as windows-1252, as mail programs do: \
    bytes from 0x80 to 0x9F are quotation marks and letters, not control characters";
const NO_CHARSET: &str = "text that is not US-ASCII although it should be is read as UTF-8 or \
    windows-1252; the other reader replaces each such byte with U+FFFD";
const ENCODING_SPACE: &str = "white space follows the name of the transfer encoding; \
    the other reader then does not decode";
const COMMENT_IN_DATE: &str = "a comment stands before the time zone; \
    the other reader then takes the time as UTC";

/// The files in which the two readers may differ. At most ten.
const ACCEPTED: &[Accepted] = &[
    accepted(
        "mail-parser/thirdparty-003.eml",
        "attachment",
        ENCODING_SPACE,
    ),
    accepted("mikel-mail/attachment_pdf_non_ascii.eml", "body", LATIN_1),
    accepted(
        "mikel-mail/content_transfer_encoding_7-bit.eml",
        "body",
        LATIN_1,
    ),
    accepted(
        "mikel-mail/content_transfer_encoding_plain.eml",
        "body",
        NO_CHARSET,
    ),
    accepted("mikel-mail/raw_email5.eml", "body", NO_CHARSET),
    accepted("mikel-mail/raw_email6.eml", "body", NO_CHARSET),
    accepted("mime4j/infinite.msg.eml", "body", NO_CHARSET),
    accepted(
        "mimekit/disposition-notification.anonymized.eml",
        "date",
        COMMENT_IN_DATE,
    ),
    accepted(
        "mimekit/disposition-notification.txt.eml",
        "date",
        COMMENT_IN_DATE,
    ),
    accepted("sisimai/lhost-mailmarshalsmtp-01.eml", "body", LATIN_1),
];

const fn accepted(file: &'static str, field: &'static str, reason: &'static str) -> Accepted {
    Accepted {
        file,
        field,
        reason,
    }
}

/// What the independent reader sees in one file: a line of `expected.jsonl`.
#[derive(Debug, Deserialize)]
pub(crate) struct Expected {
    /// The path below `corpus/eml`.
    pub(crate) file: String,
    subject: Option<String>,
    from: Vec<String>,
    to: Vec<String>,
    cc: Vec<String>,
    bcc: Vec<String>,
    date_unix: Option<i64>,
    message_id: Option<String>,
    plain_body_sha256: Option<String>,
    attachments: Vec<ExpectedAttachment>,
}

#[derive(Debug, Deserialize)]
struct ExpectedAttachment {
    name: Option<String>,
    #[serde(rename = "type")]
    media_type: String,
    bytes: Option<u64>,
    sha256: Option<String>,
}

/// What this project sees in one file, wherever it was read from.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// PidTagSubject.
    pub(crate) subject: Option<String>,
    /// PidTagSentRepresentingEmailAddress.
    pub(crate) from: Option<String>,
    /// The addresses of the primary recipients.
    pub(crate) to: Vec<String>,
    /// The addresses of the recipients of copies.
    pub(crate) cc: Vec<String>,
    /// The addresses of the recipients of hidden copies.
    pub(crate) bcc: Vec<String>,
    /// PidTagClientSubmitTime in Unix seconds.
    pub(crate) date_unix: Option<i64>,
    /// PidTagInternetMessageId.
    pub(crate) message_id: Option<String>,
    /// PidTagBody.
    pub(crate) plain_body: Option<String>,
    /// The attachments in their order.
    pub(crate) attachments: Vec<SeenAttachment>,
}

/// An attachment as this project sees it.
#[derive(Debug)]
pub(crate) struct SeenAttachment {
    /// PidTagAttachLongFilename.
    pub(crate) name: Option<String>,
    /// PidTagAttachMimeTag.
    pub(crate) media_type: Option<String>,
    /// The SHA-256 of the data, in lower-case hex.
    pub sha256: String,
    /// The length of the data.
    pub(crate) bytes: u64,
}

impl SeenAttachment {
    /// Describes an attachment with this data.
    pub(crate) fn new(name: Option<String>, media_type: Option<String>, data: &[u8]) -> Self {
        let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
        Self {
            name,
            media_type,
            sha256: sha256(data),
            bytes,
        }
    }
}

impl From<&ParsedMessage> for Seen {
    fn from(message: &ParsedMessage) -> Self {
        let all = &message.properties;
        let addresses = |kind: RecipientKind| {
            let of_kind = message
                .recipients
                .iter()
                .filter(|recipient| recipient.kind == kind);
            of_kind.map(|recipient| recipient.address.clone()).collect()
        };
        let attachment = |found: &ParsedAttachment| {
            let name = value(&found.properties, pr::ATTACH_LONG_FILENAME);
            let media_type = value(&found.properties, pr::ATTACH_MIME_TAG);
            SeenAttachment::new(name, media_type, &found.data)
        };
        let date = value(all, pr::CLIENT_SUBMIT_TIME);
        Self {
            subject: value(all, pr::SUBJECT),
            from: value(all, pr::SENT_REPRESENTING_EMAIL_ADDRESS),
            to: addresses(RecipientKind::To),
            cc: addresses(RecipientKind::Cc),
            bcc: addresses(RecipientKind::Bcc),
            date_unix: date.and_then(|date| Some(date.to_timestamp()?.as_second())),
            message_id: value(all, pr::INTERNET_MESSAGE_ID),
            plain_body: value(all, pr::BODY),
            attachments: message.attachments.iter().map(attachment).collect(),
        }
    }
}

/// Says in which fields the two readers differ.
///
/// MAPI has room for one author, so of several only the first is compared. The independent reader
/// lists only the attachments that stand directly in the outermost multipart; each of them must be
/// found, in this order. It opens every `message/…` part, so that the bytes of such a part cannot be
/// compared: its name and type are.
pub(crate) fn compare(seen: &Seen, expected: &Expected) -> Vec<String> {
    let mut differences = Vec::new();
    let mut same = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            differences.push(format!("{what}: {ours} instead of {theirs}"));
        }
    };
    let line = |text: &Option<String>| {
        text.as_deref()
            .map(one_line)
            .filter(|text| !text.is_empty())
    };
    same(
        "subject",
        format!("{:?}", line(&seen.subject)),
        format!("{:?}", line(&expected.subject)),
    );
    same(
        "from",
        format!("{:?}", seen.from.as_ref()),
        format!("{:?}", expected.from.first()),
    );
    same("to", format!("{:?}", seen.to), format!("{:?}", expected.to));
    same("cc", format!("{:?}", seen.cc), format!("{:?}", expected.cc));
    same(
        "bcc",
        format!("{:?}", seen.bcc),
        format!("{:?}", expected.bcc),
    );
    same(
        "date",
        format!("{:?}", seen.date_unix),
        format!("{:?}", expected.date_unix),
    );
    let ids = (line(&seen.message_id), line(&expected.message_id));
    same("message id", format!("{:?}", ids.0), format!("{:?}", ids.1));
    let body = seen
        .plain_body
        .as_deref()
        .map(|body| sha256(comparable(body).as_bytes()));
    same(
        "body",
        format!("{body:?}"),
        format!("{:?}", expected.plain_body_sha256),
    );

    let mut ours = seen.attachments.iter();
    for theirs in &expected.attachments {
        if !ours.any(|ours| is_same_attachment(ours, theirs)) {
            differences.push(format!(
                "attachment: {theirs:?} not among {:?}",
                seen.attachments
            ));
        }
    }
    differences
}

fn is_same_attachment(ours: &SeenAttachment, theirs: &ExpectedAttachment) -> bool {
    // An unnamed message may get a name from its subject; nothing else does.
    let is_message = theirs.media_type.starts_with("message/");
    let name = ours.name == theirs.name || (theirs.name.is_none() && is_message);
    let content = if is_message {
        theirs.bytes.is_none_or(|bytes| bytes == 0)
    } else {
        Some(&ours.sha256) == theirs.sha256.as_ref() && Some(ours.bytes) == theirs.bytes
    };
    name && content && ours.media_type.as_ref() == Some(&theirs.media_type)
}

/// A body as both readers see it: LF, and no white space at the end of lines or around the text.
fn comparable(body: &str) -> String {
    let lf = body.replace("\r\n", "\n").replace('\r', "\n");
    lf.split('\n')
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sha256(data: &[u8]) -> String {
    Sha256::digest(data)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn value<T: PropertyKind>(all: &[(PropertyTag, PropertyValue)], tag: Tag<T>) -> Option<T> {
    T::from_value(all.iter().find(|(found, _)| *found == tag.tag())?.1.clone())
}

/// Reads what the independent reader expects, in the order of its file.
pub(crate) fn expectations(shared: &Path) -> Vec<Expected> {
    let lines = fs::read_to_string(shared.join("corpus/expected.jsonl")).expect("a readable file");
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of the format"))
        .collect()
}

/// Asserts that only the accepted files differ, and only in the accepted field; and that each of
/// them still does: a difference that is gone must leave the list.
pub(crate) fn assert_only_accepted(differences: &[(String, Vec<String>)]) {
    assert!(ACCEPTED.len() <= 10);
    let is_accepted = |file: &str, difference: &str| {
        ACCEPTED
            .iter()
            .any(|one| one.file == file && difference.starts_with(one.field))
    };
    let unexpected: Vec<_> = differences
        .iter()
        .flat_map(|(file, found)| found.iter().map(move |difference| (file, difference)))
        .filter(|(file, difference)| !is_accepted(file, difference))
        .collect();
    assert!(
        unexpected.is_empty(),
        "{} differences: {unexpected:#?}",
        unexpected.len()
    );
    for Accepted { file, reason, .. } in ACCEPTED {
        let differs = differences.iter().any(|(found, _)| found == file);
        assert!(
            differs,
            "{file} does not differ any more, although {reason}"
        );
    }
}

fn mail_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files.extend(mail_files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn messages_look_as_an_independent_reader_sees_them() {
    let Some(shared) = shared_folder() else {
        return;
    };
    let expectations = expectations(&shared);
    assert_eq!(expectations.len(), 351);
    let mut differences = Vec::new();
    for expected in expectations {
        let bytes = fs::read(shared.join("corpus/eml").join(&expected.file)).expect("a mail");
        let found = compare(&Seen::from(&parse_message(&bytes)), &expected);
        if !found.is_empty() {
            differences.push((expected.file, found));
        }
    }
    assert_only_accepted(&differences);
}

#[test]
fn every_file_becomes_a_message_and_no_header_byte_is_lost() {
    let Some(shared) = shared_folder() else {
        return;
    };
    let files = mail_files(&shared.join("corpus/eml"));
    assert_eq!(files.len(), 541);
    for file in files {
        let bytes = fs::read(&file).expect("a mail");
        let message = parse_message(&bytes);
        let header = value(&message.properties, pr::MIME_HEADERS);
        let has_body = value(&message.properties, pr::BODY).is_some()
            || value(&message.properties, pr::HTML).is_some();
        assert!(
            has_body || !message.attachments.is_empty() || header.is_some(),
            "nothing of {} is kept",
            file.display()
        );
        if let Some(header) = header {
            let kept = bytes
                .windows(header.len().max(1))
                .any(|window| window == header);
            assert!(
                kept && !header.is_empty(),
                "the header of {} was changed",
                file.display()
            );
        }
        let mut tags: Vec<_> = message.properties.iter().map(|(tag, _)| tag.id()).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), message.properties.len(), "{}", file.display());
    }
}
