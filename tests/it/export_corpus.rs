//! Import and export meet: mail that was imported and exported reads as it did before.

use std::fs;
use std::path::{Path, PathBuf};

use mapistore::mime::{Importer, ParsedAttachment, ParsedMessage, export, parse_message};
use mapistore::{
    Access, ChangeKind, ChangeNumber, EntryId, PropertyTag, PropertyValue, SpecialFolder, Store, pr,
};

use crate::support::shared::shared_folder;

/// What may differ, with the reason. Everything else must be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Allowed {
    /// Lines of texts and headers end in CRLF, whatever they ended in.
    LineEnds,
    /// The fields for the MIME structure are made anew, since the structure is.
    StructureFields,
}

/// A field name in lower case, and the text as lines without their ends.
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
    let crlf = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
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

fn differences(before: &ParsedMessage, after: &ParsedMessage) -> Vec<String> {
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
    if was.data != is.data {
        found.push(format!(
            "attachment {number}: {} bytes became {}",
            was.data.len(),
            is.data.len()
        ));
    }
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
    let mut all = Vec::new();
    for ((file, mail), id) in files.iter().zip(&mails).zip(&ids) {
        let mut message = store.open_message(id, Access::ReadOnly).unwrap();
        let mut exported = Vec::new();
        export(&mut message, &mut exported).unwrap();
        if let Ok(out) = std::env::var("EXPORTED") {
            fs::write(Path::new(&out).join(file.file_name().unwrap()), &exported).unwrap();
        }
        for difference in differences(&parse_message(mail), &parse_message(&exported)) {
            all.push(format!(
                "{}: {difference}",
                file.strip_prefix(&shared).unwrap().display()
            ));
        }
    }
    for line in &all {
        println!("{}", line.chars().take(400).collect::<String>());
    }
    assert!(all.is_empty(), "{} differences", all.len());
}
