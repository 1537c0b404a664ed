//! Import and export meet: mail that was imported and exported reads as it did before.

use std::fs;
use std::path::{Path, PathBuf};

use mapistore::mime::{Importer, ParsedAttachment, ParsedMessage, export, parse_message};
use mapistore::{
    Access, ChangeKind, ChangeNumber, EntryId, PropertyTag, PropertyValue, SpecialFolder, Store, pr,
};

use crate::support::shared::shared_folder;

/// A file that does not come back as it was, with the reason.
struct Accepted {
    file: &'static str,
    reason: &'static str,
}

const NO_HEADER: &str = "a file without any header gets the date that every mail has";
const NO_MULTIPART: &str = "data that is called a multipart and is none becomes \
    application/octet-stream: nothing but a multipart may be called so";
const DIGEST: &str =
    "a message without a part header of its own gets one: it is in no digest any more";
const OLD_SYNTAX: &str = "a field in a syntax that is read differently once its line ends are mended \
    is written anew";
const NO_BODY: &str = "a text that an import would take for the body, and that was none, is marked as \
    an attachment";

/// All that may differ besides the line ends of texts, headers and parts of messages, and besides the fields for the
/// MIME structure, which is made anew.
const ACCEPTED: &[Accepted] = &[
    accepted("chatmail-core/gmx-quote-body.eml", NO_HEADER),
    accepted("mime4j/malformedHeader-noheader.msg.eml", NO_HEADER),
    accepted("mail-parser/malformed-001.eml", NO_MULTIPART),
    accepted("mail-parser/malformed-003.eml", NO_MULTIPART),
    accepted("mail-parser/malformed-005.eml", NO_MULTIPART),
    accepted("mail-parser/malformed-013.eml", NO_MULTIPART),
    accepted("mime4j/missing-inner-boundary.msg.eml", NO_MULTIPART),
    accepted("mime4j/missing-inner-start-boundary.msg.eml", NO_MULTIPART),
    accepted("mimekit/empty-multipart.txt.eml", NO_MULTIPART),
    accepted("sisimai/lhost-apachejames-01.eml", NO_MULTIPART),
    accepted("mail-parser/rfc-004.eml", DIGEST),
    accepted("mail-parser/thirdparty-007.eml", DIGEST),
    accepted("mime4j/multi-digest.msg.eml", DIGEST),
    accepted("mikel-mail/example13.eml", OLD_SYNTAX),
    accepted("mikel-mail/example14.eml", OLD_SYNTAX),
    accepted("mime4j/obsolete.msg.eml", OLD_SYNTAX),
    accepted("mimekit/multipart-related-mhtml.txt.eml", NO_BODY),
];

const fn accepted(file: &'static str, reason: &'static str) -> Accepted {
    Accepted { file, reason }
}

/// The fields of a header but those of some names, without line ends.
fn fields(header: &[u8], left_out: &[&str]) -> Vec<String> {
    let end = if header.contains(&b'\n') {
        b'\n'
    } else {
        b'\r'
    };
    let mut fields: Vec<String> = Vec::new();
    let mut is_wanted = false;
    for line in header.split(|&byte| byte == end) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches('\r');
        if line.trim().is_empty() || line.starts_with("From ") || line.starts_with(">From ") {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let (true, Some(field)) = (is_wanted, fields.last_mut()) {
                field.push('\n');
                field.push_str(line);
            }
            continue;
        }
        let name = line.split(':').next().unwrap_or_default().trim_end();
        is_wanted = !left_out.iter().any(|out| out.eq_ignore_ascii_case(name));
        if is_wanted {
            fields.push(line.to_owned());
        }
    }
    fields
}

const OF_THE_MESSAGE: &[&str] = &[
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-ID",
    "Content-Location",
    "Content-MD5",
    "Content-Length",
    "Lines",
];
const OF_A_PART: &[&str] = &["Content-Transfer-Encoding"];

/// A value in the form in which it must be the same.
fn comparable(tag: PropertyTag, value: &PropertyValue, structure: &[&str]) -> String {
    let crlf = |text: &str| without_cr(text.as_bytes());
    match value {
        PropertyValue::Unicode(text) if tag == pr::BODY.tag() => crlf(text),
        PropertyValue::Unicode(text) if tag == pr::TRANSPORT_MESSAGE_HEADERS.tag() => {
            format!("{:?}", fields(text.as_bytes(), structure))
        }
        PropertyValue::Binary(text) if tag == pr::HTML.tag() => {
            crlf(&String::from_utf8_lossy(text))
        }
        PropertyValue::Binary(text) if tag == pr::INTERNET_HEADERS_RAW.tag() => {
            format!("{:?}", fields(text, structure))
        }
        other => format!("{other:?}"),
    }
}

fn compare_properties(
    place: &str,
    before: &[(PropertyTag, PropertyValue)],
    after: &[(PropertyTag, PropertyValue)],
    structure: &[&str],
    found: &mut Vec<String>,
) {
    let of = |all: &[(PropertyTag, PropertyValue)], tag: PropertyTag| {
        let value = all.iter().find(|(found, _)| *found == tag);
        let value = value.map(|(_, value)| comparable(tag, value, structure));
        // A header of structure fields alone is as good as none.
        value.filter(|value| {
            !(tag == pr::INTERNET_HEADERS_RAW.tag() || tag == pr::TRANSPORT_MESSAGE_HEADERS.tag())
                || value != "[]"
        })
    };
    let mut tags: Vec<_> = before.iter().chain(after).map(|(tag, _)| *tag).collect();
    tags.sort();
    tags.dedup();
    for tag in tags {
        let (was, is) = (of(before, tag), of(after, tag));
        if was != is {
            found.push(format!("{place}{tag}: {was:?} became {is:?}"));
        }
    }
}

/// What a mail says otherwise after an export, with what is embedded in it.
pub(crate) fn differences(before: &ParsedMessage, after: &ParsedMessage) -> Vec<String> {
    let mut found = Vec::new();
    compare_properties(
        "",
        &before.properties,
        &after.properties,
        OF_THE_MESSAGE,
        &mut found,
    );
    if before.recipients != after.recipients {
        found.push(format!(
            "recipients: {:?} became {:?}",
            before.recipients, after.recipients
        ));
    }
    if before.attachments.len() != after.attachments.len() {
        found.push(format!(
            "attachments: {} became {}",
            before.attachments.len(),
            after.attachments.len()
        ));
    }
    for (number, (was, is)) in before
        .attachments
        .iter()
        .zip(&after.attachments)
        .enumerate()
    {
        compare_attachments(number, was, is, &mut found);
    }
    found
}

fn compare_attachments(
    number: usize,
    was: &ParsedAttachment,
    is: &ParsedAttachment,
    found: &mut Vec<String>,
) {
    compare_properties(
        &format!("attachment {number}: "),
        &was.properties,
        &is.properties,
        OF_A_PART,
        found,
    );
    let method = (pr::ATTACH_METHOD.tag(), PropertyValue::Long(5));
    if was.properties.contains(&method) && is.properties.contains(&method) {
        let inner = differences(&parse_message(&was.data), &parse_message(&is.data));
        found.extend(
            inner
                .into_iter()
                .map(|difference| format!("attachment {number}: {difference}")),
        );
    } else if is_part_of_message(was) {
        if without_cr(&was.data) != without_cr(&is.data) {
            found.push(format!(
                "attachment {number}: another {:?}",
                String::from_utf8_lossy(&is.data)
            ));
        }
    } else if was.data != is.data {
        found.push(format!(
            "attachment {number}: {} bytes became {}",
            was.data.len(),
            is.data.len()
        ));
    }
}

/// Whether the data is lines, which may not be encoded.
fn is_part_of_message(attachment: &ParsedAttachment) -> bool {
    attachment.properties.iter().any(|(tag, value)| {
        *tag == pr::ATTACH_MIME_TAG.tag()
            && matches!(value, PropertyValue::Unicode(name) if name.starts_with("message/"))
    })
}

fn without_cr(data: &[u8]) -> String {
    String::from_utf8_lossy(data)
        .replace("\r\n", "\n")
        .replace('\r', "\n")
}

fn mail_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
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
fn imported_mail_is_exported_as_it_was_read() {
    let Some(shared) = shared_folder() else {
        return;
    };
    let files = mail_files(&shared.join("corpus/eml"));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::options()
        .create_if_missing()
        .open(folder.path().join("mail.store"))
        .unwrap();
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    let mut importer = Importer::new(&inbox);
    let mails: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for mail in &mails {
        importer.add(mail).unwrap();
    }
    importer.flush().unwrap();
    let journal = store.changes_after(ChangeNumber::ZERO, u32::MAX).unwrap();
    let ids: Vec<EntryId> = journal
        .iter()
        .filter(|entry| entry.kind == ChangeKind::MessageCreated)
        .map(|entry| EntryId::new(store.uid(), entry.objects[0]))
        .collect();
    assert_eq!(ids.len(), files.len());
    let mut unexpected = Vec::new();
    let mut differ = Vec::new();
    for ((file, mail), id) in files.iter().zip(&mails).zip(&ids) {
        let message = store.open_message(id, Access::ReadOnly).unwrap();
        let mut exported = Vec::new();
        export(&message, &mut exported).unwrap();
        let file = file.strip_prefix(shared.join("corpus/eml")).unwrap();
        let found = differences(&parse_message(mail), &parse_message(&exported));
        if !found.is_empty() {
            differ.push(file);
        }
        if !ACCEPTED.iter().any(|one| Path::new(one.file) == file) {
            unexpected.extend(
                found
                    .into_iter()
                    .map(|found| format!("{}: {found}", file.display())),
            );
        }
    }
    assert!(
        unexpected.is_empty(),
        "{} differences: {unexpected:#?}",
        unexpected.len()
    );
    for Accepted { file, reason } in ACCEPTED {
        assert!(
            differ.contains(&Path::new(file)),
            "{file} does not differ any more, although {reason}"
        );
    }
}
