//! Real mail through the importer, into a store, and back out of it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mapistore::mime::{Importer, ParsedMessage, parse_message};
use mapistore::{
    Access, AttachMethod, ChangeKind, ChangeNumber, MapiCode, Message, PropertyValue, ReadState,
    RecipientKind, SaveFlags, SpecialFolder, Store, pr,
};

use crate::mime_corpus::{Seen, SeenAttachment, assert_only_accepted, compare, expectations};
use crate::support::TestStore;
use crate::support::shared::shared_folder;

/// A message as it is read back.
fn seen(message: &Message) -> Seen {
    let addresses = |kind: RecipientKind| {
        let recipients = message.recipients().unwrap().into_iter();
        let of_kind = recipients.filter(|entry| entry.recipient.kind == kind);
        of_kind.map(|entry| entry.recipient.address).collect()
    };
    let attachments = message.attachments().unwrap().into_iter().map(|info| {
        let mut data = Vec::new();
        if info.method == AttachMethod::EmbeddedMessage {
            assert!(message.open_attached_message(info.number).is_ok());
        } else {
            message
                .open_attachment_data(info.number)
                .unwrap()
                .read_to_end(&mut data)
                .unwrap();
            assert_eq!(info.data.unwrap().size, data.len() as u64);
        }
        SeenAttachment::new(info.name, info.mime_type, &data)
    });
    let date = message.get(pr::CLIENT_SUBMIT_TIME).unwrap();
    Seen {
        subject: message.get(pr::SUBJECT).unwrap(),
        from: message.get(pr::SENT_REPRESENTING_EMAIL_ADDRESS).unwrap(),
        to: addresses(RecipientKind::To),
        cc: addresses(RecipientKind::Cc),
        bcc: addresses(RecipientKind::Bcc),
        date_unix: date.and_then(|date| Some(date.to_timestamp()?.as_second())),
        message_id: message.get(pr::INTERNET_MESSAGE_ID).unwrap(),
        plain_body: message.get(pr::BODY).unwrap(),
        attachments: attachments.collect(),
    }
}

/// Imports files in one go, and reads them back, in their order, from the store opened anew.
fn import_and_reopen(folder: &Path, files: &[PathBuf]) -> (Store, Vec<Message>) {
    let path = folder.join("mail.store");
    let store = Store::options().create_if_missing().open(&path).unwrap();
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    let mut importer = Importer::new(&inbox);
    for file in files {
        importer.add(&fs::read(file).unwrap()).unwrap();
    }
    importer.flush().unwrap();
    drop((importer, inbox, store));

    let store = Store::options().open(&path).unwrap();
    let journal = store.changes_after(ChangeNumber::ZERO, u32::MAX).unwrap();
    let messages = journal
        .iter()
        .filter(|entry| entry.kind == ChangeKind::MessageCreated)
        .map(|entry| {
            let id = mapistore::EntryId::new(store.uid(), entry.objects[0]);
            store.open_message(&id, Access::Modify).unwrap()
        })
        .collect();
    (store, messages)
}

#[test]
fn imported_mail_reads_back_as_an_independent_reader_sees_it() {
    let Some(shared) = shared_folder() else {
        return;
    };
    let expectations = expectations(&shared);
    let mail = shared.join("corpus/eml");
    let files: Vec<PathBuf> = expectations
        .iter()
        .map(|expected| mail.join(&expected.file))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (_store, messages) = import_and_reopen(folder.path(), &files);
    assert_eq!(messages.len(), 351);
    let mut differences = Vec::new();
    for (expected, message) in expectations.into_iter().zip(&messages) {
        let found = compare(&seen(message), &expected);
        if !found.is_empty() {
            differences.push((expected.file, found));
        }
    }
    assert_only_accepted(&differences);
}

/// Asserts that a message holds what was parsed, also in the messages that are embedded in it, and counts these.
fn assert_holds(message: &mut Message, parsed: &ParsedMessage, place: &str) -> usize {
    let mut embedded = 0;
    for (tag, value) in &parsed.properties {
        let stored = message.get_value(*tag).unwrap();
        assert_eq!(stored.as_ref(), Some(value), "{tag} of {place}");
    }
    let recipients: Vec<_> = message
        .recipients()
        .unwrap()
        .into_iter()
        .map(|entry| entry.recipient)
        .collect();
    assert_eq!(recipients, parsed.recipients, "{place}");
    let infos = message.attachments().unwrap();
    assert_eq!(infos.len(), parsed.attachments.len(), "{place}");
    for (info, parsed) in infos.iter().zip(&parsed.attachments) {
        let attachment = message.open_attachment(info.number).unwrap();
        for (tag, value) in &parsed.properties {
            assert_eq!(attachment.get_value(*tag).unwrap().as_ref(), Some(value));
        }
        let data = attachment.get_value(pr::ATTACH_DATA_BIN.tag()).unwrap();
        if info.method == AttachMethod::EmbeddedMessage {
            assert_eq!(data, None);
            let mut inner = message.open_attached_message(info.number).unwrap();
            let place = format!("{place}, attachment {}", info.number.0);
            embedded += 1 + assert_holds(&mut inner, &parse_message(&parsed.data), &place);
        } else {
            assert_eq!(data, Some(PropertyValue::Binary(parsed.data.clone())));
        }
    }
    embedded
}

#[test]
fn every_file_of_the_corpus_becomes_a_message_that_holds_all_that_was_parsed() {
    let Some(shared) = shared_folder() else {
        return;
    };
    let mut files = Vec::new();
    let mut folders = vec![shared.join("corpus/eml")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    files.sort();
    assert_eq!(files.len(), 541);
    let folder = tempfile::tempdir().unwrap();
    let (store, mut messages) = import_and_reopen(folder.path(), &files);
    assert_eq!(messages.len(), 541);
    let mut embedded = 0;
    for (file, message) in files.iter().zip(&mut messages) {
        let parsed = parse_message(&fs::read(file).unwrap());
        embedded += assert_holds(message, &parsed, &file.display().to_string());
    }
    assert!(embedded > 50, "{embedded} embedded messages");
    let inbox = store
        .special_folder(SpecialFolder::Inbox)
        .unwrap()
        .info()
        .unwrap();
    assert_eq!((inbox.total, inbox.unread), (541, 541));
    let report = store.check(&mut |_| {}).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
}

#[test]
fn imported_mail_is_received_and_unread_and_can_be_changed_like_any_message() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::options()
        .create_if_missing()
        .open(folder.path().join("mail.store"))
        .unwrap();
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    let mut importer = Importer::new(&inbox);
    importer
        .add(b"From: Ana <ana@example.org>\r\nTo: bo@example.org\r\nSubject: Figures\r\n\r\nHere.\r\n")
        .unwrap();
    assert_eq!(importer.pending(), 1);
    assert!(
        inbox
            .messages(mapistore::Page::default())
            .unwrap()
            .is_empty()
    );
    importer.flush().unwrap();
    let page = inbox.messages(mapistore::Page::default()).unwrap();
    assert_eq!(page[0].read_state, ReadState::Unread);
    assert_eq!(page[0].sender.as_deref(), Some("Ana"));
    let mut message = store
        .open_message(&page[0].entry_id, Access::Modify)
        .unwrap();
    assert_eq!(message.get(pr::MESSAGE_FLAGS).unwrap(), Some(0));
    message.set(pr::SUBJECT, "Figures, corrected").unwrap();
    let saved = message.save_changes(SaveFlags::empty()).unwrap();
    assert_eq!(saved.row_version.get(), 2);
}

/// A mail with a picture of its own, in a forwarded mail, in a mail.
const FORWARDED: &str = "Subject: outer\n\
    Content-Type: multipart/mixed; boundary=a\n\n--a\n\nsee below\n--a\n\
    Content-Type: message/rfc822\nContent-Disposition: inline\n\n\
    Subject: inner\nTo: ana@x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nthe text\n--b\n\
    Content-Type: image/png; name=p.png\n\nPNG\n--b--\n--a--\n";

fn import_one(mail: &[u8]) -> (tempfile::TempDir, Store, Message) {
    let folder = tempfile::tempdir().unwrap();
    let options = Store::options().create_if_missing();
    let store = options.open(folder.path().join("mail.store")).unwrap();
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    let mut importer = Importer::new(&inbox);
    importer.add(mail).unwrap();
    importer.flush().unwrap();
    let page = inbox.messages(mapistore::Page::default()).unwrap();
    let message = store
        .open_message(&page[0].entry_id, Access::Modify)
        .unwrap();
    (folder, store, message)
}

#[test]
fn a_nested_mail_becomes_an_embedded_message_in_the_same_save() {
    let (_folder, store, message) = import_one(FORWARDED.as_bytes());
    assert_eq!(message.row_version().unwrap().get(), 1);
    let saves = store.changes_after(ChangeNumber::ZERO, u32::MAX).unwrap();
    let created = |entry: &&mapistore::JournalEntry| entry.kind == ChangeKind::MessageCreated;
    assert_eq!(saves.iter().filter(created).count(), 1);

    let infos = message.attachments().unwrap();
    assert_eq!(infos.len(), 1);
    assert_eq!(infos[0].method, AttachMethod::EmbeddedMessage);
    assert_eq!(infos[0].name.as_deref(), Some("inner.eml"));
    let inner = message.open_attached_message(infos[0].number).unwrap();
    assert_eq!(inner.get(pr::SUBJECT).unwrap().as_deref(), Some("inner"));
    assert_eq!(inner.get(pr::BODY).unwrap().as_deref(), Some("the text"));
    assert_eq!(inner.recipients().unwrap()[0].recipient.address, "ana@x");
    assert_eq!(
        inner.attachments().unwrap()[0].name.as_deref(),
        Some("p.png")
    );
    // Received mail, and no draft that nobody sent.
    let flags = inner.get(pr::MESSAGE_FLAGS).unwrap().unwrap();
    assert_eq!(flags & mapistore::MessageFlags::UNSENT.bits(), 0);
}

#[test]
fn a_digest_becomes_embedded_messages() {
    let (_folder, _store, message) = import_one(
        b"Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: one\n\n1\n--a\n\nSubject: two\n\n2\n--a--\n",
    );
    let subjects: Vec<_> = message
        .attachments()
        .unwrap()
        .into_iter()
        .map(|info| message.open_attached_message(info.number).unwrap())
        .map(|inner| inner.get(pr::SUBJECT).unwrap().unwrap())
        .collect();
    assert_eq!(subjects, ["one", "two"]);
}

#[test]
fn what_is_nested_deeper_than_messages_may_be_embedded_stays_a_file() {
    // S15
    let nested =
        "Subject: x\nContent-Type: message/rfc822\n\n".repeat(40) + "Subject: last\n\nend\n";
    let (_folder, _store, mut message) = import_one(nested.as_bytes());
    for _ in 0..32 {
        let info = message.attachments().unwrap().remove(0);
        assert_eq!(info.method, AttachMethod::EmbeddedMessage);
        message = message.open_attached_message(info.number).unwrap();
    }
    let info = message.attachments().unwrap().remove(0);
    assert_eq!(info.method, AttachMethod::ByValue);
    let mut data = String::new();
    message
        .open_attachment_data(info.number)
        .unwrap()
        .read_to_string(&mut data)
        .unwrap();
    assert_eq!(data.matches("Subject: x").count(), 7);
    assert!(data.ends_with("Subject: last\n\nend\n"));
}

#[test]
fn nested_mail_that_is_too_large_for_the_documents_stays_a_file() {
    // S15
    let unit = format!(
        "--a\nContent-Type: message/rfc822\n\nX: {}\n\n{}\n",
        "h".repeat(3_900),
        "b".repeat(3_900)
    );
    let mail = format!(
        "Content-Type: multipart/mixed; boundary=a\n\n{}--a--\n",
        unit.repeat(1_500)
    );
    let (_folder, _store, message) = import_one(mail.as_bytes());
    let infos = message.attachments().unwrap();
    assert_eq!(infos.len(), 1_500);
    let of = |method| infos.iter().filter(|info| info.method == method).count();
    assert_eq!(
        (of(AttachMethod::EmbeddedMessage), of(AttachMethod::ByValue)),
        (0, 1_500)
    );
}

#[test]
fn import_that_found_the_store_busy_can_be_repeated_and_loses_nothing() {
    // P3, S8
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let options = Store::options().create_if_missing();
    let busy_store = options
        .busy_timeout(std::time::Duration::from_millis(50))
        .open(&path)
        .unwrap();
    let inbox = busy_store.special_folder(SpecialFolder::Inbox).unwrap();
    let mut importer = Importer::new(&inbox);
    for number in 0..10 {
        importer
            .add(format!("Subject: {number}\r\n\r\nHere.\r\n").as_bytes())
            .unwrap();
    }
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(importer.flush().unwrap_err().name(), "MAPI_E_BUSY");
    assert_eq!(importer.pending(), 10);
    other.execute_batch("ROLLBACK").unwrap();
    importer.flush().unwrap();
    assert_eq!((importer.pending(), inbox.info().unwrap().total), (0, 10));
}

#[test]
fn mails_that_waited_for_a_busy_store_are_stored_when_it_is_free() {
    // S8, P3
    let test = TestStore::new();
    let store = Store::options()
        .busy_timeout(Duration::from_millis(5))
        .open(test.store.path())
        .unwrap();
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    let other = rusqlite::Connection::open(test.store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut importer = Importer::new(&inbox);
    // Few bytes of mail, and many of recipients: together more than one commit takes.
    let to: Vec<String> = (0..20_000).map(|n| format!("a{n}@b")).collect();
    let mail = format!("Subject: x\r\nTo: {}\r\n\r\nx\r\n", to.join(","));
    let mut waited = 0;
    for _ in 0..25 {
        if let Err(error) = importer.add(mail.as_bytes()) {
            assert_eq!(error.code(), MapiCode::MAPI_E_BUSY);
            waited += 1;
        }
    }
    assert!(waited > 0);
    assert_eq!(importer.pending(), 25);
    other.execute_batch("ROLLBACK").unwrap();
    importer.flush().unwrap();
    assert_eq!((importer.pending(), inbox.info().unwrap().total), (0, 25));
}
