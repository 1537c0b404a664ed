//! Bytes and texts that nobody would write in good faith: an answer or an error, never a panic, and a sound store.

use mapistore::mime::{Importer, export, parse_message};
use mapistore::{
    Access, ChangeKey, ChangeNumber, Deletion, EntryId, MapiCode, Message, ObjectUid,
    PredecessorChangeList, PropertyName, PropertySet, PropertyTag, PropertyType, PropertyValue,
    Recipient, SaveFlags, SaveId, SpecialFolder, Store, StreamHash, pr, property_sets,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rusqlite::Connection;

use crate::support::{Size, TestStore, view};

/// Many cases with one store, since making one takes longer than most of them.
fn for_any<T: std::fmt::Debug>(
    strategy: &impl Strategy<Value = T>,
    case: impl Fn(T) -> Result<(), TestCaseError>,
) {
    let config = ProptestConfig {
        cases: Size::of_run().choose(20_000, 1_500, 100),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(strategy, case);
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Pieces of mails, so that chance makes what a parser has to think about.
const PIECES: &[&str] = &[
    "From: ",
    "To: ",
    "Subject: ",
    "Date: ",
    "Content-Type: ",
    "MIME-Version: 1.0\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Transfer-Encoding: quoted-printable\r\n",
    "Content-Disposition: attachment; filename*0*=utf-8''%00%0d; filename=\"../../x\"\r\n",
    "multipart/mixed; boundary=b\r\n",
    "multipart/alternative; boundary=\"b\"\r\n",
    "multipart/digest; boundary=\r\n",
    "message/rfc822\r\n",
    "text/html; charset=utf-7\r\n",
    "text/plain; charset=\"\u{0}\"\r\n",
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "--b\r\n",
    "--b--\r\n",
    "--\r\n",
    "=?utf-8?b?AA==?=",
    "=?utf-8?q?=0D=0A?=",
    "=?x?y?z?=",
    "ana@example.org",
    "<",
    ">",
    "\"",
    "(",
    ")",
    ";",
    ",",
    ":",
    "\\",
    "=\r\n",
    "=FF",
    "AAAA",
    "\t",
    "a: ",
    "group: ana@x, ben@y;",
    "\u{1F600}",
    "Tue, 31 Feb 99999 25:61:61 +9999\r\n",
    "\u{0}",
    "Message-ID: <",
    "References: ",
    "Resent-From: ",
];

/// Any bytes, pieces of mails in any order, and mails of people with some bytes changed.
fn mails() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..80);
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    let changed = (
        prop::sample::select(originals()),
        prop::collection::vec(change, 1..20),
    );
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..400),
        3 => pieces.prop_map(|pieces| pieces.concat().into_bytes()),
        3 => changed.prop_map(|(mut mail, changes)| {
            for (at, byte, how) in changes {
                let at = at.index(mail.len().max(1));
                match how {
                    0 if at < mail.len() => mail[at] = byte,
                    1 => mail.truncate(at.max(8)),
                    _ => mail.insert(at.min(mail.len()), byte),
                }
            }
            mail
        }),
    ]
}

fn originals() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mail");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut mails: Vec<Vec<u8>> = Vec::new();
    for path in paths.into_iter().filter(|path| path.is_file()) {
        mails.push(std::fs::read(path).unwrap());
    }
    assert!(!mails.is_empty());
    mails
}

/// The message that was made after a change.
fn made_after(store: &Store, change: ChangeNumber) -> Message {
    let entry = store.changes_after(change, 1).unwrap().remove(0);
    let id = EntryId::new(store.uid(), entry.objects[0]);
    store.open_message(&id, Access::ReadOnly).unwrap()
}

#[test]
fn any_bytes_become_a_message_that_is_exported_as_a_mail() {
    let test = TestStore::new();
    let inbox = test.store.special_folder(SpecialFolder::Inbox).unwrap();
    for_any(&mails(), |mail| {
        let parsed = parse_message(&mail);
        let before = test.store.last_change().unwrap();
        let mut importer = Importer::new(&inbox);
        importer.add(&mail).unwrap();
        importer.flush().unwrap();
        let message = made_after(&test.store, before);
        prop_assert_eq!(message.recipients().unwrap().len(), parsed.recipients.len());
        prop_assert_eq!(
            message.attachments().unwrap().len(),
            parsed.attachments.len()
        );
        let mut exported = Vec::new();
        export(&message, &mut exported).unwrap();
        // What others read is a mail that says as much.
        let again = parse_message(&exported);
        prop_assert_eq!(again.attachments.len(), parsed.attachments.len());
        Ok(())
    });
    test.assert_sound();
}

/// A text that reads back as what it says, or is refused.
fn reads_back<T>(text: &str) -> Result<(), TestCaseError>
where
    T: std::str::FromStr<Err = mapistore::Error> + ToString + PartialEq + std::fmt::Debug,
{
    match text.parse::<T>() {
        Ok(value) => prop_assert_eq!(value.to_string().parse::<T>().ok(), Some(value)),
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

/// Texts that look like what programs write: hex digits of about the right number, names, and anything else.
fn texts() -> impl Strategy<Value = String> {
    let pieces = [
        "0x",
        "0037",
        "001F",
        "PR_",
        "SUBJECT",
        "PidTag",
        "PS_PUBLIC_STRINGS",
        ":",
        "\"",
        "{",
        "}",
        "-",
        "00020329-0000-0000-C000-000000000046",
        "0x8503",
        "Keywords",
        "/",
        "//",
        "..",
        ".",
        " ",
        "\0",
        "\u{202e}",
        "\u{1b}[2J",
        "Inbox",
        "INBOX",
        "Sent Items",
        "'",
        "';DROP TABLE folders;--",
        "%",
        "_",
        "\u{0130}",
        "\u{1F600}",
        "a",
        "\\",
        "*",
        "?",
    ];
    let pieces = prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..8);
    prop_oneof![
        "[0-9a-fA-F]{0,80}",
        "[0-9a-fA-F]{48}|[0-9a-fA-F]{32}|[0-9a-fA-F]{64}|0x[0-9a-fA-F]{8}",
        pieces.prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

#[test]
fn any_text_is_an_id_a_name_or_an_error() {
    for_any(&texts(), |text| {
        reads_back::<EntryId>(&text)?;
        reads_back::<ObjectUid>(&text)?;
        reads_back::<SaveId>(&text)?;
        reads_back::<StreamHash>(&text)?;
        reads_back::<PropertyTag>(&text)?;
        reads_back::<PropertySet>(&text)?;
        reads_back::<PropertyName>(&text)
    });
}

#[test]
fn any_bytes_are_an_entry_id_or_none() {
    // O4
    let test = TestStore::new();
    let id = test.draft("there").to_bytes().to_vec();
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let near =
        (prop::collection::vec(change, 0..3), 0..30_usize).prop_map(move |(changes, cut)| {
            let mut id = id.clone();
            for (at, byte) in changes {
                let at = at.index(id.len());
                id[at] = byte;
            }
            id.truncate(id.len().saturating_sub(cut.saturating_sub(20)));
            id
        });
    let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..80), near];
    for_any(&bytes, |bytes| {
        if let Ok(id) = EntryId::from_bytes(&bytes) {
            prop_assert_eq!(id.to_bytes().to_vec(), bytes.clone());
        }
        let _ = ChangeKey::from_bytes(&bytes);
        let _ = PredecessorChangeList::from_bytes(&bytes);
        if let Err(error) = test.store.open_entry(&bytes, Access::Best).map(drop) {
            let code = error.code();
            let expected = [
                MapiCode::MAPI_E_INVALID_ENTRYID,
                MapiCode::MAPI_E_UNKNOWN_ENTRYID,
                MapiCode::MAPI_E_NOT_FOUND,
            ];
            prop_assert!(expected.contains(&code), "{code}");
        }
        Ok(())
    });
}

#[test]
fn any_text_is_a_path_to_one_folder_or_an_error() {
    let test = TestStore::new();
    let store = &test.store;
    for_any(&texts(), |path| {
        let found = store.folder_by_path(&path);
        match store.ensure_folder(&path) {
            Ok(folder) => {
                let id = folder.entry_id();
                prop_assert!(found.is_err() || found.unwrap().entry_id() == id);
                prop_assert_eq!(store.folder_by_path(&path).unwrap().entry_id(), id);
                let told = store.folder_path(&id).unwrap();
                prop_assert_eq!(store.folder_by_path(&told).unwrap().entry_id(), id);
            }
            Err(error) => {
                prop_assert_eq!(
                    error.code(),
                    MapiCode::MAPI_E_INVALID_PARAMETER,
                    "{}",
                    error
                );
                prop_assert!(found.is_err());
            }
        }
        Ok(())
    });
    test.assert_sound();
}

/// SQL, and what else means something to somebody, in every text that a message and a folder have.
#[test]
fn sql_in_texts_is_text() {
    let test = TestStore::new();
    let store = &test.store;
    let by_hand = Connection::open(store.path()).unwrap();
    let tables = || -> i64 {
        let count = "SELECT count(*) FROM sqlite_schema";
        by_hand.query_row(count, [], |row| row.get(0)).unwrap()
    };
    let before = tables();
    for text in [
        "'; DROP TABLE messages; --",
        "\"; DROP TABLE folders; --",
        "a' OR '1'='1",
        "%",
        "_",
        "?1",
        ":base",
        "$.\"0037001F\"",
        "x' || (SELECT store_uid FROM store_info) || '",
        "]]>",
        "\u{0}",
    ] {
        let folder = store.ensure_folder(&text.replace('\0', "0")).unwrap();
        let mut message = folder.create_message().unwrap();
        let name = PropertyName::text(property_sets::PS_PUBLIC_STRINGS, text).ok();
        message.set(pr::SUBJECT, text).unwrap();
        message.set(pr::BODY, text).unwrap();
        message.add_recipient(Recipient::to(text, text)).unwrap();
        message.attach(text, text.as_bytes()).unwrap();
        if let Some(tag) = name.map(|name| store.named_tag(&name, PropertyType::Unicode)) {
            let value = PropertyValue::Unicode(text.to_owned());
            message.set_value(tag.unwrap(), value).unwrap();
        }
        let id = message
            .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
            .unwrap()
            .entry_id;
        let again = store.open_message(&id, Access::ReadOnly).unwrap();
        assert!(
            view(&again).unwrap().content == view(&message).unwrap().content,
            "{text}"
        );
        assert_eq!(again.get(pr::SUBJECT).unwrap().as_deref(), Some(text));
        assert_eq!(again.attachments().unwrap()[0].name.as_deref(), Some(text));
        assert_eq!(folder.info().unwrap().total, 1, "{text}");
    }
    assert_eq!(tables(), before);
    test.assert_sound();
}

/// Writes documents into a message as somebody does who knows its tables.
fn write_by_hand(
    test: &TestStore,
    column: &str,
    document: &str,
) -> (EntryId, Result<usize, rusqlite::Error>) {
    let id = test.draft("by hand");
    let by_hand = Connection::open(test.store.path()).unwrap();
    let statement = format!(
        "UPDATE messages SET {column} = ?, content_checksum = NULL, row_version = row_version + 1 \
         WHERE entry_uid = ?"
    );
    let written = by_hand.execute(&statement, (document, id.object().as_bytes()));
    (id, written)
}

/// An attachment table with messages nested so deep.
fn nested(depth: usize) -> String {
    let row = r#"{"number":0,"properties":{"37050003":5},"message":{"properties":{},"recipients":[],"next_number":"#;
    let before = format!(r#"{{"next_number":1,"rows":[{row}"#);
    let inner = format!(r#"1,"attachments":[{row}"#).repeat(depth - 1);
    let after = "}}]".repeat(depth);
    format!(r#"{before}{inner}0,"attachments":[]{after}}}"#)
}

/// Reads all that there is, as deep as it goes, and answers how deep that was.
fn depth_of(message: &Message) -> usize {
    view(message).unwrap();
    let row = message.attachments().unwrap().into_iter().next();
    row.map_or(0, |row| {
        1 + depth_of(&message.open_attached_message(row.number).unwrap())
    })
}

#[test]
fn documents_that_were_nested_by_hand_are_read_or_refused() {
    // S15
    let test = TestStore::new();
    for depth in [1, 2, 31, 32, 33, 40, 41, 42, 43, 100, 330, 1_000, 100_000] {
        let (id, written) = write_by_hand(&test, "attachments", &nested(depth));
        match test.store.open_message(&id, Access::Modify) {
            Ok(mut message) if written.is_ok() => {
                assert_eq!(depth_of(&message), depth);
                let mut mail = Vec::new();
                export(&message, &mut mail).unwrap();
                message.set(pr::SUBJECT, "changed").unwrap();
                message.save_changes(SaveFlags::empty()).unwrap();
                let again = test.store.open_message(&id, Access::ReadOnly).unwrap();
                assert_eq!(depth_of(&again), depth);
            }
            Ok(_) => {}
            Err(error) => {
                assert_eq!(
                    error.code(),
                    MapiCode::MAPI_E_CORRUPT_STORE,
                    "{depth}: {error}"
                );
                assert!(depth > 32, "{depth}: {error}");
            }
        }
        // Whatever it is, check reads it without harm, and says so if others would be refused.
        let report = test.store.check(&mut |_| {}).unwrap();
        let is_readable = test.store.open_message(&id, Access::ReadOnly).is_ok();
        assert_eq!(
            report.is_sound(),
            is_readable,
            "{depth}: {:?}",
            report.problems
        );
        test.store.delete_messages(&[id], Deletion::Hard).unwrap();
    }
}

#[test]
fn odd_documents_that_were_written_by_hand_are_read_or_refused() {
    let test = TestStore::new();
    for document in [
        r#"{"66011003":[]}"#,
        r#"{"6601101F":[]}"#,
        r#"{"66011102":[]}"#,
        r#"{"66010003":1e400}"#,
        r#"{"66010014":18446744073709551615}"#,
        r#"{"66010005":"NaN"}"#,
        r#"{"66010040":"9999-12-31T23:59:59.9999999Z"}"#,
        r#"{"66010040":"filetime:18446744073709551615"}"#,
        r#"{"6601001F":"\ud800"}"#,
        r#"{"6601001F":{"stream":"00","size":1}}"#,
        r#"{"66010102":{"stream":"0000000000000000000000000000000000000000000000000000000000000000","size":9}}"#,
        r#"{"0037001F":null}"#,
        r#"{"0037001F":["a"]}"#,
        r#"{"0037001F":{"a":1}}"#,
        r#"{"0037001F":"a","0037001E":"YQ=="}"#,
        r#"{"0037001F":"a","0037001F":"b"}"#,
        r#"{"66010001":1}"#,
        r#"{"66010000":0}"#,
        r#"{"6601000D":null}"#,
        r#"{"0E080003":5}"#,
        "[]",
        "0",
        "null",
        "{}",
    ] {
        let (id, written) = write_by_hand(&test, "properties", document);
        if written.is_err() {
            continue;
        }
        let opened = test.store.open_message(&id, Access::Modify);
        let is_readable = match opened {
            Ok(mut message) => {
                let is_whole = view(&message).is_ok();
                let _ = export(&message, std::io::sink());
                message.set(pr::BODY, "changed").unwrap();
                message
                    .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
                    .unwrap();
                is_whole
            }
            Err(error) => {
                assert_eq!(error.code(), MapiCode::MAPI_E_CORRUPT_STORE, "{document}");
                false
            }
        };
        let report = test.store.check(&mut |_| {}).unwrap();
        assert_eq!(
            report.is_sound(),
            is_readable,
            "{document}: {:?}",
            report.problems
        );
        test.store.delete_messages(&[id], Deletion::Hard).unwrap();
    }
    test.assert_sound();
}
