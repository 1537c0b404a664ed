use proptest::prelude::*;
use uuid::Uuid;

use super::strategies::{contents, values_of};
use super::write::write_properties;
use super::*;
use crate::model::content::AttachmentTable;
use crate::model::{
    AppTime, AttachmentRow, Currency, FileTime, Properties, PropertyId, PropertyTag, PropertyType,
    PropertyValue, RecipientRow, StoredValue, StreamHash, StreamReference, String8, pr,
};

fn read(properties: &str, recipients: &str, attachments: &str) -> Result<Content, DocumentError> {
    super::read(&Documents {
        properties: properties.to_owned(),
        recipients: recipients.to_owned(),
        attachments: attachments.to_owned(),
    })
}

fn read_properties(properties: &str) -> Result<Properties, DocumentError> {
    read(properties, "[]", r#"{"next_number":0,"rows":[]}"#).map(|content| content.properties)
}

/// Reads a set of properties that cannot be read, and gives the reason.
fn refusal(text: &str) -> String {
    match read_properties(text) {
        Ok(properties) => panic!("{text} was read as {properties:?}"),
        Err(error) => {
            assert_eq!(error.document, DocumentKind::Properties);
            error.reason
        }
    }
}

fn inline(tag: u32, value: PropertyValue) -> Properties {
    [(PropertyTag::new(tag), value)].into_iter().collect()
}

/// Says how a value is written, and checks that it is read back.
fn form(value: PropertyValue) -> String {
    let tag = PropertyTag::from_parts(PropertyId(0x6655), value.property_type());
    let properties: Properties = [(tag, value)].into_iter().collect();
    let text = write_properties(&properties);
    assert_eq!(read_properties(&text).unwrap(), properties, "{text}");
    let key = format!("{{\"{}\":", tag.document_key());
    text.strip_prefix(&key)
        .unwrap()
        .strip_suffix('}')
        .unwrap()
        .to_owned()
}

#[test]
fn values_have_the_documented_form() {
    let uuid = Uuid::from_u128(0x6B29_FC40_CA47_1067_B31D_00DD_0106_62DA);
    for (value, expected) in [
        (PropertyValue::I2(i16::MIN), "-32768"),
        (PropertyValue::Long(i32::MIN), "-2147483648"),
        (PropertyValue::I8(i64::MIN), "-9223372036854775808"),
        (PropertyValue::I8(i64::MAX), "9223372036854775807"),
        (PropertyValue::Currency(Currency(12_345)), "12345"),
        (PropertyValue::Float(0.1), "0.1"),
        (PropertyValue::Double(-0.0), "-0.0"),
        (PropertyValue::Double(f64::NAN), "\"NaN\""),
        (PropertyValue::Float(f32::INFINITY), "\"Infinity\""),
        (
            PropertyValue::AppTime(AppTime(f64::NEG_INFINITY)),
            "\"-Infinity\"",
        ),
        (PropertyValue::AppTime(AppTime(1.5)), "1.5"),
        (PropertyValue::Boolean(true), "true"),
        (
            PropertyValue::from("a\0\u{1F600}\"é"),
            "\"a\\u0000\u{1F600}\\\"é\"",
        ),
        (PropertyValue::String8(String8(vec![0xFF, 0])), "\"/wA=\""),
        (PropertyValue::Binary(vec![]), "\"\""),
        (
            PropertyValue::SysTime(FileTime::new(1)),
            "\"1601-01-01T00:00:00.0000001Z\"",
        ),
        (
            PropertyValue::SysTime(FileTime::new(u64::MAX)),
            "\"filetime:18446744073709551615\"",
        ),
        (
            PropertyValue::Clsid(uuid),
            "\"6b29fc40-ca47-1067-b31d-00dd010662da\"",
        ),
        (PropertyValue::MvLong(vec![1, -1]), "[1,-1]"),
        (
            PropertyValue::MvDouble(vec![f64::NAN, 1.0]),
            "[\"NaN\",1.0]",
        ),
        (
            PropertyValue::MvUnicode(vec!["a".into(), String::new()]),
            "[\"a\",\"\"]",
        ),
    ] {
        assert_eq!(form(value), expected);
    }
}

#[test]
fn every_character_is_escaped_as_serde_json_escapes_it() {
    for character in ('\0'..='\u{FF}').chain(['\u{2028}', '\u{FFFF}', '\u{1F600}']) {
        // Alone, at the border of what is looked at together, and beside others.
        for before in [0, 1, 31, 32, 127] {
            let text = format!(
                "{}{character}{character}a",
                "é".repeat(before % 2) + &"b".repeat(before)
            );
            let expected = serde_json::to_string(&text).unwrap();
            assert_eq!(form(PropertyValue::from(text.as_str())), expected);
        }
    }
}

#[test]
fn documents_have_the_documented_form() {
    let mut content = Content::default();
    assert_eq!(Documents::default().properties, "{}");
    assert_eq!(Documents::default().recipients, "[]");
    assert_eq!(
        Documents::default().attachments,
        r#"{"next_number":0,"rows":[]}"#
    );
    content.properties = [
        (pr::MESSAGE_FLAGS.tag(), PropertyValue::Long(8)),
        (pr::SUBJECT.tag(), PropertyValue::from("Hello")),
    ]
    .into_iter()
    .collect();
    content.recipients.push(RecipientRow {
        row_id: 7,
        properties: Properties::new(),
    });
    let stream = StreamReference {
        hash: StreamHash::from_bytes([0xAB; 32]),
        size: 5000,
    };
    let mut row = AttachmentRow {
        number: 2,
        ..AttachmentRow::default()
    };
    row.properties
        .set(pr::ATTACH_DATA_BIN.tag(), StoredValue::Stream(stream));
    content.attachments = AttachmentTable {
        next_number: 3,
        rows: vec![row],
    };
    let documents = write(&content);
    assert_eq!(documents.properties, r#"{"0037001F":"Hello","0E070003":8}"#);
    assert_eq!(documents.recipients, r#"[{"row_id":7,"properties":{}}]"#);
    let hash = "ab".repeat(32);
    assert_eq!(
        documents.attachments,
        format!(
            r#"{{"next_number":3,"rows":[{{"number":2,"properties":{{"37010102":{{"stream":"{hash}","size":5000}}}}}}]}}"#
        )
    );
    let Documents {
        properties,
        recipients,
        attachments,
    } = &documents;
    assert_eq!(read(properties, recipients, attachments).unwrap(), content);
}

#[test]
fn order_of_members_and_white_space_do_not_matter() {
    let hash = "0".repeat(64);
    let text = format!(
        "\n{{ \"0E070003\" : 8, \"1000001F\": {{\"size\":1,\"stream\":\"{hash}\"}}, \"0037001F\":\"a\" }} "
    );
    let properties = read_properties(&text).unwrap();
    assert!(
        write_properties(&properties).starts_with(r#"{"0037001F":"a","0E070003":8,"1000001F":"#)
    );
    let content = read(
        "{}",
        r#"[{"properties":{},"row_id":1}]"#,
        r#"{"rows":[],"next_number":1}"#,
    );
    assert_eq!(content.unwrap().recipients.len(), 1);
}

#[test]
fn hand_written_numbers_are_numbers() {
    let read = |text: &str| read_properties(text).unwrap();
    assert_eq!(
        read(r#"{"66550005":5}"#),
        inline(0x6655_0005, PropertyValue::Double(5.0))
    );
    assert_eq!(
        read(r#"{"66550005":-0}"#),
        inline(0x6655_0005, PropertyValue::Double(-0.0))
    );
    assert_eq!(
        read(r#"{"66550004":-5e-1}"#),
        inline(0x6655_0004, PropertyValue::Float(-0.5))
    );
}

#[test]
fn the_one_float_that_rounds_wrongly_in_two_steps_survives() {
    for bits in [0x15AE_43FD, 0x95AE_43FD, 0x15AE_43FC, 0x15AE_43FE] {
        form(PropertyValue::Float(f32::from_bits(bits)));
    }
    assert_eq!(
        form(PropertyValue::Float(f32::from_bits(0x15AE_43FD))),
        "7.038531e-26"
    );
}

#[test]
fn wrong_values_are_refused_with_their_property_and_place() {
    let reason = refusal(r#"{"0037001F":8}"#);
    assert!(reason.starts_with("PR_SUBJECT: "), "{reason}");
    assert!(reason.ends_with("at line 1 column 13"), "{reason}");
    for (text, part) in [
        (r#"{"0E070003":"8"}"#, "PR_MESSAGE_FLAGS"),
        (r#"{"0E070003":2147483648}"#, "2147483648"),
        (r#"{"0E070003":8.0}"#, "floating point"),
        (r#"{"66550004":1e300}"#, "32-bit"),
        (r#"{"66550005":1e400}"#, "0x66550005"),
        (r#"{"66550005":"inf"}"#, "inf"),
        (
            r#"{"66550005":{"$serde_json::private::Number":"inf"}}"#,
            "inf",
        ),
        (r#"{"66550005":{"a":1}}"#, "map"),
        (r#"{"0E1B000B":1}"#, "PR_HASATTACH"),
        (r#"{"00390040":"yesterday"}"#, "yesterday"),
        (r#"{"66550048":"6b29fc40ca471067b31d00dd010662da"}"#, "GUID"),
        (r#"{"66550102":"/wA"}"#, "base64"),
        (r#"{"66550102":"/wB="}"#, "base64"),
        (r#"{"66551003":7}"#, "array"),
        (r#"{"66551003":[1,"2"]}"#, "0x66551003"),
        (r#"{"0E12000D":1}"#, "PT_OBJECT"),
        (r#"{"0037001F":null}"#, "null"),
        (r#"{"0037001F":{"stream":"00","size":1}}"#, "64 hexadecimal"),
        (r#"{"0037001F":{"size":1}}"#, "stream"),
        (r#"{"0E070003":{"stream":"00","size":1}}"#, "map"),
        (r#"{"66551102":[{"stream":"00","size":1}]}"#, "map"),
        ("{\"0037001F\":\"\\ud800\"}", "hex escape"),
    ] {
        let reason = refusal(text);
        assert!(reason.contains(part), "{text}: {reason}");
    }
}

#[test]
fn wrong_keys_are_refused() {
    for (text, part) in [
        (r#"{"0037001f":"a"}"#, "upper-case"),
        (r#"{"37001F":"a"}"#, "eight"),
        (r#"{"PR_SUBJECT":"a"}"#, "PR_SUBJECT"),
        (r#"{"0037000A":1}"#, "known type"),
        (r#"{"0037001F":"a","0037001F":"b"}"#, "already"),
        (r#"{"0037001F":"a","0037001E":""}"#, "already"),
    ] {
        let reason = refusal(text);
        assert!(reason.contains(part), "{text}: {reason}");
    }
}

#[test]
fn wrong_shapes_are_refused_and_the_document_is_named() {
    for text in [
        "",
        "[]",
        "null",
        "{",
        "{}x",
        "{}{}",
        "{\"0037001F\":\"a\",}",
        "7",
    ] {
        refusal(text);
    }
    let table = r#"{"next_number":0,"rows":[]}"#;
    for text in [
        "{}",
        "[[0,{}]]",
        "[{}]",
        r#"[{"row_id":0}]"#,
        r#"[{"row_id":-1,"properties":{}}]"#,
        r#"[{"row_id":0,"row_id":0,"properties":{}}]"#,
        r#"[{"row_id":0,"properties":{},"more":1}]"#,
    ] {
        let error = read("{}", text, table).unwrap_err();
        assert_eq!(error.document, DocumentKind::Recipients, "{text}");
        assert!(
            error
                .to_string()
                .starts_with("the recipients document cannot be read: ")
        );
    }
    for text in [
        "[]",
        r#"{"next_number":0}"#,
        r#"{"next_number":0,"rows":[{}]}"#,
    ] {
        let error = read("{}", "[]", text).unwrap_err();
        assert_eq!(error.document, DocumentKind::Attachments, "{text}");
    }
}

#[test]
fn place_of_a_mistake_is_counted_from_one() {
    let error = read_properties("{\"0037001F\":\"a\",\n\"0E070003\":true}").unwrap_err();
    assert_eq!((error.line, error.column), (2, 15));
}

#[test]
fn lengths_are_those_of_the_document() {
    let content = sample();
    let documents = write(&content);
    let properties: u64 = content
        .properties
        .iter()
        .map(|(tag, value)| property_len(tag, value))
        .sum();
    assert_eq!(
        documents.properties.len() as u64,
        properties + 1,
        "two braces, and one comma less"
    );
    let rows: u64 = content.recipients.iter().map(|row| row_len(row) + 1).sum();
    assert_eq!(documents.recipients.len() as u64, rows + 1);
    let rows: u64 = content
        .attachments
        .rows
        .iter()
        .map(|row| attachment_row_len(row) + 1)
        .sum();
    let frame = r#"{"next_number":2,"rows":[]}"#.len() as u64;
    assert_eq!(documents.attachments.len() as u64, frame + rows - 1);
}

/// A message with two of everything.
fn sample() -> Content {
    let mut properties = inline(0x0037_001F, PropertyValue::from("a\n\0"));
    properties.set(
        PropertyTag::new(0x6655_1102),
        PropertyValue::MvBinary(vec![vec![1], vec![]]),
    );
    Content {
        recipients: (0..2)
            .map(|row_id| RecipientRow {
                row_id,
                properties: properties.clone(),
            })
            .collect(),
        attachments: AttachmentTable {
            next_number: 2,
            rows: (0..2)
                .map(|number| AttachmentRow {
                    number,
                    properties: properties.clone(),
                    embedded: None,
                })
                .collect(),
        },
        properties,
    }
}

#[test]
fn checksum_sees_every_part_and_its_place() {
    let entry = ObjectUid::from_bytes([1; 16]);
    let documents = |properties: &str, recipients: &str, attachments: &str| Documents {
        properties: properties.to_owned(),
        recipients: recipients.to_owned(),
        attachments: attachments.to_owned(),
    };
    let all = [
        checksum(&entry, &documents("a", "b", "c")),
        checksum(&ObjectUid::from_bytes([2; 16]), &documents("a", "b", "c")),
        checksum(&entry, &documents("b", "a", "c")),
        checksum(&entry, &documents("ab", "", "c")),
        checksum(&entry, &documents("", "ab", "c")),
        checksum(&entry, &documents("a", "", "bc")),
    ];
    let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn checksum_stays_what_stored_rows_have() {
    assert_eq!(
        checksum(&ObjectUid::from_bytes([7; 16]), &Documents::default()),
        CHECKSUM_OF_NOTHING
    );
}

#[test]
fn every_type_survives_its_document() {
    let config = ProptestConfig::with_cases(256);
    for &property_type in PropertyType::ALL {
        if property_type == PropertyType::Object {
            continue;
        }
        let mut runner = proptest::test_runner::TestRunner::new(config.clone());
        let outcome = runner.run(&values_of(property_type), |value| {
            prop_assert_eq!(value.property_type(), property_type);
            let tag = PropertyTag::from_parts(PropertyId(0x6655), property_type);
            let properties: Properties = [(tag, value)].into_iter().collect();
            let text = write_properties(&properties);
            let back = read_properties(&text).unwrap();
            prop_assert_eq!(&back, &properties);
            prop_assert_eq!(write_properties(&back), text);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{property_type}: {error}"));
    }
}

proptest! {
    #[test]
    fn values_are_written_as_serde_json_writes_them(properties in strategies::property_sets()) {
        let alone = properties.iter().map(|(tag, value)| {
            let value = serde_json::to_string(value).unwrap();
            format!("\"{}\":{value}", tag.document_key())
        });
        let expected = format!("{{{}}}", alone.collect::<Vec<_>>().join(","));
        prop_assert_eq!(write_properties(&properties), expected);
    }

    #[test]
    fn long_texts_are_written_as_serde_json_writes_them(
        pieces in proptest::collection::vec(("[a-zé\u{1F600}]{0,150}", strategies::texts()), 0..6),
    ) {
        let text: String = pieces.into_iter().flat_map(|(plain, odd)| [plain, odd]).collect();
        prop_assert_eq!(form(PropertyValue::from(text.as_str())), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn content_survives_its_documents(content in contents()) {
        let documents = write(&content);
        let Documents { properties, recipients, attachments } = &documents;
        let back = read(properties, recipients, attachments).unwrap();
        prop_assert_eq!(&back, &content);
        prop_assert_eq!(write(&back), documents);
    }

    #[test]
    fn lengths_of_any_content_are_those_of_its_documents(content in contents()) {
        let written = write(&content).properties.len() as u64;
        let counted: u64 = content.properties.iter().map(|(tag, value)| property_len(tag, value)).sum();
        // Two braces, and one comma less.
        prop_assert_eq!(written, (counted + 1).max(2));
    }

    #[test]
    fn damaged_document_is_read_or_refused_without_panic(
        content in contents(),
        at in any::<prop::sample::Index>(),
        byte in 0x20_u8..0x7F,
    ) {
        let Documents { properties, recipients, attachments } = write(&content);
        for text in [properties, recipients, attachments] {
            let mut damaged = text.into_bytes();
            let place = at.index(damaged.len());
            damaged[place] = byte;
            let damaged = String::from_utf8_lossy(&damaged);
            for content in [
                read(&damaged, "[]", r#"{"next_number":0,"rows":[]}"#),
                read("{}", &damaged, r#"{"next_number":0,"rows":[]}"#),
                read("{}", "[]", &damaged),
            ]
            .into_iter()
            .flatten()
            {
                let Documents { properties, recipients, attachments } = write(&content);
                prop_assert_eq!(read(&properties, &recipients, &attachments), Ok(content));
            }
        }
    }
}

/// The checksum of a message without content, whose object uid is 16 times 7.
const CHECKSUM_OF_NOTHING: i64 = 6_796_200_626_260_107_995;

#[test]
fn rows_that_could_be_taken_for_each_other_are_refused() {
    let none = r#"{"next_number":0,"rows":[]}"#;
    for recipients in [
        r#"[{"row_id":1,"properties":{}},{"row_id":1,"properties":{}}]"#,
        r#"[{"row_id":1,"properties":{}},{"row_id":0,"properties":{}}]"#,
    ] {
        let error = read("{}", recipients, none).unwrap_err();
        assert_eq!(error.document, DocumentKind::Recipients);
    }
    for attachments in [
        r#"{"next_number":1,"rows":[{"number":1,"properties":{}}]}"#,
        r#"{"next_number":3,"rows":[{"number":2,"properties":{}},{"number":2,"properties":{}}]}"#,
    ] {
        let error = read("{}", "[]", attachments).unwrap_err();
        assert_eq!(error.document, DocumentKind::Attachments);
    }
}

#[test]
fn nesting_by_hand_is_read_as_deep_as_messages_go_and_then_refused_without_harm() {
    let nested = |depth: usize| {
        let row = r#"{"number":0,"properties":{},"message":{"properties":{},"recipients":[],"next_number":"#;
        let inner = format!(r#"1,"attachments":[{row}"#).repeat(depth - 1);
        let after = "}}]".repeat(depth);
        format!(r#"{{"next_number":1,"rows":[{row}{inner}0,"attachments":[]{after}}}"#)
    };
    for depth in [1, 32] {
        let content = read("{}", "[]", &nested(depth)).unwrap();
        assert_eq!(content.depth(), depth);
        assert_eq!(write(&content).attachments, nested(depth));
    }
    for depth in [50, 1_000, 100_000] {
        let error = read("{}", "[]", &nested(depth)).unwrap_err();
        assert_eq!(error.document, DocumentKind::Attachments);
    }
    // Deeper than any document of the store is anywhere.
    let brackets = "[".repeat(1_000_000);
    assert!(read(&brackets, "[]", r#"{"next_number":0,"rows":[]}"#).is_err());
    assert!(read("{}", &brackets, r#"{"next_number":0,"rows":[]}"#).is_err());
    let unfinished = format!(r#"{{"66011003":{brackets}"#);
    assert!(read_properties(&unfinished).is_err());
}

#[test]
fn values_without_members_that_were_written_by_hand_are_empty_lists() {
    let properties = read_properties(r#"{"66011003":[],"6602101F":[]}"#).unwrap();
    let value = |tag| properties.get(PropertyTag::new(tag)).cloned();
    let empty = PropertyValue::MvLong(Vec::new());
    assert_eq!(value(0x6601_1003), Some(StoredValue::Inline(empty)));
    let empty = PropertyValue::MvUnicode(Vec::new());
    assert_eq!(value(0x6602_101F), Some(StoredValue::Inline(empty)));
    assert_eq!(
        write_properties(&properties),
        r#"{"66011003":[],"6602101F":[]}"#
    );
}
