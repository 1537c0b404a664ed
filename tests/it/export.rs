//! Messages as mail files: new ones, changed ones, and hostile ones.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use mapistore::mime::{Importer, ParsedMessage, export, parse_message};
use mapistore::{
    Access, ChangeNumber, EmbeddedAccess, EntryId, FileTime, Folder, Message, PropertyKind,
    Recipient, RecipientKind, SaveFlags, SpecialFolder, Store, Tag, pr,
};
use tempfile::TempDir;

use crate::export_corpus::differences;

fn inbox() -> (TempDir, Store, Folder) {
    let folder = tempfile::tempdir().unwrap();
    let options = Store::options().create_if_missing();
    let store = options.open(folder.path().join("mail.store")).unwrap();
    let inbox = store.special_folder(SpecialFolder::Inbox).unwrap();
    (folder, store, inbox)
}

/// Imports one mail and opens it.
fn imported(store: &Store, mail: &[u8]) -> Message {
    let mut importer = Importer::new(&store.special_folder(SpecialFolder::Inbox).unwrap());
    importer.add(mail).unwrap();
    importer.flush().unwrap();
    let journal = store.changes_after(ChangeNumber::ZERO, u32::MAX).unwrap();
    let newest = journal.last().unwrap();
    let id = EntryId::new(store.uid(), newest.objects[0]);
    store.open_message(&id, Access::Modify).unwrap()
}

fn written(message: &Message) -> String {
    let mut mail = Vec::new();
    export(message, &mut mail).unwrap();
    String::from_utf8(mail).unwrap()
}

fn read_again(message: &Message) -> ParsedMessage {
    parse_message(written(message).as_bytes())
}

fn value<T: PropertyKind>(message: &ParsedMessage, tag: Tag<T>) -> Option<T> {
    let mut properties = message.properties.iter();
    T::from_value(properties.find(|(found, _)| *found == tag.tag())?.1.clone())
}

/// The header of a mail, line by line; folds stay folds.
fn header(mail: &str) -> Vec<&str> {
    mail.split("\r\n\r\n")
        .next()
        .unwrap()
        .split("\r\n")
        .collect()
}

#[test]
fn example_mails_come_back_as_they_were() {
    let (_folder, store, _inbox) = inbox();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mail");
    let mut count = 0;
    for entry in fs::read_dir(examples).unwrap() {
        let mail = fs::read(entry.unwrap().path()).unwrap();
        let message = imported(&store, &mail);
        assert_eq!(
            differences(&parse_message(&mail), &read_again(&message)),
            [""; 0]
        );
        count += 1;
    }
    assert_eq!(count, 4);
}

const PICTURE: &str = "Received: by mx; Thu, 1 Jan 1970 00:01:00 +0000\n\
    From: =?utf-8?q?Zo=C3=AB?= <zoe@x>\nSender: desk@x\nReply-To: Answers <a@x>\nTo: G: a@x, b@x;\n\
    Cc: \"C, D\" <cd@x>\nBcc: hidden@x\nSubject: =?utf-8?q?caf=C3=A9?=\nThread-Topic: cafe\n\
    Thread-Index: AQIDBAU=\nMessage-ID: <1@x>\nX-Unknown:  kept \n\tas it is\nX-Priority: 1 (Highest)\n\
    Sensitivity: private\nDisposition-Notification-To: zoe@x\nMIME-Version: 1.0\n\
    Content-Type: multipart/mixed; boundary=b\n\n\
    --b\nContent-Type: multipart/related; boundary=c\n\n\
    --c\nContent-Type: multipart/alternative; boundary=d\n\n\
    --d\nContent-Type: text/plain; charset=utf-8\n\ncaf\u{e9}  \n--x\n\
    --d\nContent-Type: text/html; charset=utf-8\n\n<p>caf\u{e9}<img src=\"cid:p@x\">\n--d--\n\
    --c\nContent-Type: image/png; name=p.png\nContent-ID: <p@x>\nContent-Transfer-Encoding: base64\n\n\
    iVBORw0KGgo=\n--c--\n\
    --b\nContent-Type: text/csv; charset=iso-8859-1\nContent-Description: kept\n\
    Content-Disposition: attachment; filename*=utf-8''%E2%82%AC.csv\n\n1;2\r3\n\
    --b\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: multipart/mixed; boundary=e\n\n\
    --e\n\ninner text\n--e\nContent-Type: message/rfc822\n\nSubject: innermost\n\nx\n--e--\n\
    --b--\n";

#[test]
fn a_mail_with_everything_comes_back_as_it_was() {
    let (_folder, store, _inbox) = inbox();
    let message = imported(&store, PICTURE.as_bytes());
    let mail = written(&message);
    assert_eq!(
        differences(
            &parse_message(PICTURE.as_bytes()),
            &parse_message(mail.as_bytes())
        ),
        [""; 0]
    );
    assert!(
        mail.contains("X-Unknown:  kept \r\n\tas it is\r\n"),
        "{mail}"
    );
    assert!(!mail.replace("\r\n", "").contains(['\r', '\n']));
    // Text, HTML, picture: each where mail programs look for it.
    let order: Vec<_> = mail
        .match_indices("Content-Type: ")
        .map(|(at, _)| &mail[at + 14..at + 31])
        .collect();
    assert_eq!(
        order[..8],
        [
            "multipart/mixed; ",
            "multipart/alterna",
            "text/plain; chars",
            "multipart/related",
            "text/html; charse",
            "image/png; name=p",
            "text/csv; charset",
            "message/rfc822\r\nC",
        ]
    );
}

#[test]
fn each_export_of_a_version_has_the_same_bytes() {
    let (_folder, store, _inbox) = inbox();
    let mut message = imported(&store, PICTURE.as_bytes());
    let mail = written(&message);
    assert_eq!(written(&message), mail);
    assert!(!message.has_pending_changes());
    // Whoever wrote the content could not know the delimiters: another message has others.
    assert_ne!(written(&imported(&store, PICTURE.as_bytes())), mail);
    message.set(pr::SUBJECT, "other").unwrap();
    message.save_changes(SaveFlags::KEEP_OPEN_READONLY).unwrap();
    assert!(written(&message).contains("\r\nSubject: other\r\n"));
}

#[test]
fn only_what_was_changed_after_the_import_is_written_anew() {
    let (_folder, store, _inbox) = inbox();
    let mut message = imported(&store, PICTURE.as_bytes());
    let before = written(&message);
    message.set(pr::SUBJECT, "Neu: \u{e9}").unwrap();
    message.set(pr::IMPORTANCE, 0).unwrap();
    message.set(pr::PRIORITY, -1).unwrap();
    message.set(pr::READ_RECEIPT_REQUESTED, false).unwrap();
    message.delete_property(pr::SENSITIVITY.tag()).unwrap();
    message
        .add_recipient(Recipient::cc("\u{e9}, f", "new@x"))
        .unwrap();
    let after = written(&message);
    let again = parse_message(after.as_bytes());
    assert_eq!(value(&again, pr::SUBJECT).as_deref(), Some("Neu: \u{e9}"));
    assert_eq!(
        value(&again, pr::CONVERSATION_TOPIC).as_deref(),
        Some("cafe")
    );
    assert_eq!(value(&again, pr::IMPORTANCE), Some(0));
    assert_eq!(value(&again, pr::PRIORITY), Some(-1));
    assert_eq!(value(&again, pr::SENSITIVITY), None);
    assert_eq!(value(&again, pr::READ_RECEIPT_REQUESTED), None);
    let copies: Vec<_> = again
        .recipients
        .iter()
        .filter(|one| one.kind == RecipientKind::Cc)
        .collect();
    assert_eq!(copies.len(), 2);
    assert_eq!(
        (copies[1].name.as_str(), copies[1].address.as_str()),
        ("\u{e9}, f", "new@x")
    );
    let gone: Vec<_> = header(&before)
        .into_iter()
        .filter(|line| !after.contains(*line))
        .collect();
    let is_changed = |line: &&str| {
        [
            "Subject",
            "Cc",
            "X-Priority",
            "Sensitivity",
            "Disposition-N",
            "Content-Type",
            " ",
        ]
        .iter()
        .any(|name| line.starts_with(name))
    };
    assert!(gone.iter().all(is_changed), "{gone:?}");
}

#[test]
fn a_message_that_was_never_a_mail_becomes_one() {
    let (_folder, _store, inbox) = inbox();
    let mut message = inbox.create_message().unwrap();
    message.set(pr::SUBJECT, "RE: \u{1F600} figures").unwrap();
    message.set(pr::SENDER_NAME, "Desk").unwrap();
    message.set(pr::SENDER_EMAIL_ADDRESS, "desk@x").unwrap();
    message
        .set(pr::SENT_REPRESENTING_NAME, "Ana \"A\" Lund")
        .unwrap();
    message.set(pr::SENT_REPRESENTING_ADDRTYPE, "EX").unwrap();
    message
        .set(pr::SENT_REPRESENTING_EMAIL_ADDRESS, "/o=A/cn=Ana")
        .unwrap();
    message
        .set(
            pr::CLIENT_SUBMIT_TIME,
            FileTime::from_unix_100ns(12_345_678_901_234_567),
        )
        .unwrap();
    message.set(pr::INTERNET_MESSAGE_ID, "<1@x>").unwrap();
    message
        .set(pr::INTERNET_REFERENCES, "<0@x> <00@x>")
        .unwrap();
    message.set(pr::IMPORTANCE, 2).unwrap();
    message.set(pr::SENSITIVITY, 3).unwrap();
    message.set(pr::BODY, "a\0b\n\u{e9} \n").unwrap();
    message.set(pr::BODY_HTML, "<p>\u{e9}").unwrap();
    message.add_recipient(Recipient::to("", "to@x")).unwrap();
    message
        .add_recipient(Recipient::bcc("Only a name", ""))
        .unwrap();
    message.attach("\u{20AC}.txt", &b"1\n2"[..]).unwrap();
    let again = read_again(&message);
    assert_eq!(
        value(&again, pr::SUBJECT).as_deref(),
        Some("RE: \u{1F600} figures")
    );
    assert_eq!(
        value(&again, pr::SENDER_EMAIL_ADDRESS).as_deref(),
        Some("desk@x")
    );
    assert_eq!(
        value(&again, pr::SENT_REPRESENTING_NAME).as_deref(),
        Some("Ana \"A\" Lund")
    );
    assert_eq!(
        value(&again, pr::SENT_REPRESENTING_EMAIL_ADDRESS).as_deref(),
        Some("IMCEAEX-_o=A_cn=Ana@encapsulated.invalid")
    );
    // A mail has whole seconds.
    assert_eq!(
        value(&again, pr::CLIENT_SUBMIT_TIME),
        Some(FileTime::from_unix_100ns(12_345_678_900_000_000))
    );
    assert_eq!(
        value(&again, pr::INTERNET_REFERENCES).as_deref(),
        Some("<0@x> <00@x>")
    );
    assert_eq!(value(&again, pr::IMPORTANCE), Some(2));
    assert_eq!(value(&again, pr::SENSITIVITY), Some(3));
    assert_eq!(
        value(&again, pr::BODY).as_deref(),
        Some("a\0b\r\n\u{e9} \r\n")
    );
    assert_eq!(value(&again, pr::HTML), Some("<p>\u{e9}".into()));
    let shown: Vec<_> = again
        .recipients
        .iter()
        .map(|one| (one.kind, one.name.as_str(), one.address.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (RecipientKind::To, "to@x", "to@x"),
            (RecipientKind::Bcc, "Only a name", "")
        ]
    );
    assert_eq!(again.attachments[0].data, b"1\n2");
}

#[test]
fn an_empty_draft_becomes_a_mail_with_a_date_and_an_empty_body() {
    let (_folder, _store, inbox) = inbox();
    let again = read_again(&inbox.create_message().unwrap());
    assert!(value(&again, pr::CLIENT_SUBMIT_TIME).is_some());
    assert_eq!(value(&again, pr::BODY).as_deref(), Some(""));
    assert!(again.attachments.is_empty());
}

#[test]
fn html_in_another_code_page_is_written_in_utf_8() {
    let (_folder, _store, inbox) = inbox();
    for (code_page, bytes, text) in [
        (Some(1251), &b"\xc4\xe0"[..], "\u{414}\u{430}"),
        (Some(932), b"\x83n", "\u{30CF}"),
        (Some(99_999), b"\xe9", "\u{e9}"),
        (None, "\u{e9}".as_bytes(), "\u{e9}"),
    ] {
        let mut message = inbox.create_message().unwrap();
        message.set(pr::HTML, bytes.to_vec()).unwrap();
        if let Some(code_page) = code_page {
            message.set(pr::INTERNET_CPID, code_page).unwrap();
        }
        assert_eq!(
            value(&read_again(&message), pr::HTML),
            Some(text.into()),
            "{code_page:?}"
        );
    }
}

const HOSTILE: &[&str] = &[
    "a\r\nBcc: evil@y",
    "a\r\n\r\nevil body",
    "a\nBcc: evil@y",
    "a\rBcc: evil@y",
    "a\0b",
    "\r\n\r\n",
    "a@x>, <evil@y",
    "\"a\" <evil@y>, b",
    "a; name=evil\r\n--b",
    "=?utf-8?q?a=0D=0ABcc:_evil@y?=",
    "a\u{2028}Bcc: evil@y\u{85}x",
    "a\\",
    "(",
];

#[test]
fn hostile_values_stay_where_they_are() {
    let (_folder, _store, inbox) = inbox();
    for hostile in HOSTILE {
        let mut message = inbox.create_message().unwrap();
        for tag in [
            pr::SUBJECT,
            pr::SENDER_NAME,
            pr::SENDER_EMAIL_ADDRESS,
            pr::SENT_REPRESENTING_NAME,
            pr::SENT_REPRESENTING_EMAIL_ADDRESS,
            pr::REPLY_RECIPIENT_NAMES,
            pr::CONVERSATION_TOPIC,
            pr::INTERNET_MESSAGE_ID,
            pr::IN_REPLY_TO_ID,
            pr::INTERNET_REFERENCES,
            pr::LIST_UNSUBSCRIBE,
            pr::MESSAGE_CLASS,
        ] {
            message.set(tag, *hostile).unwrap();
        }
        message.set(pr::BODY, "the body").unwrap();
        message.set(pr::READ_RECEIPT_REQUESTED, true).unwrap();
        message
            .add_recipient(Recipient::to(*hostile, *hostile))
            .unwrap();
        let mut attachment = message.create_attachment().unwrap();
        for tag in [
            pr::ATTACH_LONG_FILENAME,
            pr::ATTACH_MIME_TAG,
            pr::ATTACH_CONTENT_ID,
            pr::ATTACH_CONTENT_LOCATION,
        ] {
            attachment.set(tag, *hostile).unwrap();
        }
        attachment.set_data(&b"data"[..]).unwrap();
        attachment.save_changes(SaveFlags::empty()).unwrap();

        let mail = written(&message);
        assert!(
            !mail.replace("\r\n", "").contains(['\r', '\n', '\0']),
            "{mail:?}"
        );
        for line in header(&mail) {
            let name = line.split(':').next().unwrap();
            let is_field = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            assert!(
                line.starts_with([' ', '\t']) || is_field,
                "{hostile:?}: {line:?} in {mail}"
            );
            assert_ne!(name, "Bcc", "{hostile:?}: {mail}");
        }
        let again = parse_message(mail.as_bytes());
        assert_eq!(
            value(&again, pr::BODY).as_deref(),
            Some("the body"),
            "{hostile:?}: {mail}"
        );
        assert_eq!(
            again.recipients.len(),
            usize::from(!hostile.trim().is_empty()),
            "{hostile:?}: {:?} in {mail}",
            again.recipients
        );
        assert_eq!(again.attachments.len(), 1, "{hostile:?}: {mail}");
        assert_eq!(again.attachments[0].data, b"data");
    }
}

#[test]
fn a_stored_header_that_a_client_made_up_adds_no_body_and_no_structure() {
    let (_folder, _store, inbox) = inbox();
    let mut message = inbox.create_message().unwrap();
    let header = "X-Mine: 1\r\nContent-Type: multipart/mixed; boundary=evil\r\nTo: evil@y\r\n\r\nX-Evil: evil\r\n\r\n--evil\r\n\r\nevil";
    message.set(pr::TRANSPORT_MESSAGE_HEADERS, header).unwrap();
    message.set(pr::BODY, "the body").unwrap();
    let mail = written(&message);
    assert!(mail.starts_with("X-Mine: 1\r\n"), "{mail}");
    assert!(!mail.contains("evil"), "{mail}");
    assert!(mail.ends_with("\r\n\r\nthe body"), "{mail}");
}

#[test]
fn embedded_messages_are_mails_in_the_mail() {
    let (_folder, store, inbox) = inbox();
    let mut message = inbox.create_message().unwrap();
    message.set(pr::BODY, "outer").unwrap();
    let mut attachment = message.create_attachment().unwrap();
    let mut inner = attachment
        .open_embedded_message(EmbeddedAccess::Create)
        .unwrap();
    inner.set(pr::SUBJECT, "inner \u{e9}").unwrap();
    inner.set(pr::BODY, "inner body").unwrap();
    inner.add_recipient(Recipient::to("Ana", "ana@x")).unwrap();
    inner.attach("a.bin", &[0, 255][..]).unwrap();
    inner.save_changes(SaveFlags::empty()).unwrap();
    attachment.save_changes(SaveFlags::empty()).unwrap();

    let again = read_again(&message);
    assert_eq!(again.attachments.len(), 1);
    let inner = parse_message(&again.attachments[0].data);
    assert_eq!(value(&inner, pr::SUBJECT).as_deref(), Some("inner \u{e9}"));
    assert_eq!(value(&inner, pr::BODY).as_deref(), Some("inner body"));
    assert_eq!(inner.recipients, [Recipient::to("Ana", "ana@x")]);
    assert_eq!(inner.attachments[0].data, [0, 255]);
    assert_eq!(
        imported(&store, written(&message).as_bytes())
            .attachments()
            .unwrap()[0]
            .name
            .as_deref(),
        Some("inner \u{e9}.eml")
    );
}

#[test]
fn attachments_of_many_pieces_keep_every_byte() {
    let (_folder, _store, inbox) = inbox();
    let mut message = inbox.create_message().unwrap();
    let data: Vec<u8> = (0..3_000_001_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    message.attach("large.bin", &data[..]).unwrap();
    let mail = written(&message);
    assert!(mail.lines().all(|line| line.len() <= 78));
    assert!(parse_message(mail.as_bytes()).attachments[0].data == data);
}

/// Takes so many bytes, and then fails.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => {
                self.0 = left;
                Ok(bytes.len())
            }
            None => Err(io::Error::other("full")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_fails_and_a_closed_handle_are_errors() {
    let (_folder, store, _inbox) = inbox();
    let mut message = imported(&store, PICTURE.as_bytes());
    message.attach("large.bin", &[7; 300_000][..]).unwrap();
    for room in [0, 10, 200_000] {
        let error = export(&message, Full(room)).unwrap_err();
        assert_eq!(error.name(), "MAPI_E_DISK_ERROR");
    }
    assert!(message.has_pending_changes());
    message.save_changes(SaveFlags::empty()).unwrap();
    let error = export(&message, io::sink()).unwrap_err();
    assert_eq!(error.name(), "MAPI_E_INVALID_OBJECT");
}
