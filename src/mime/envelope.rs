//! The header of a message as MAPI properties ([MS-OXCMAIL] section 2.2.3.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::DateTime;

use crate::model::{FileTime, PropertyKind, PropertyTag, PropertyValue, Subject, Tag, pr};

use super::addresses::map_senders;
use super::header_block::HeaderBlock;

/// Adds a property, typed by its tag.
pub(super) fn set<T: PropertyKind>(
    properties: &mut Vec<(PropertyTag, PropertyValue)>,
    tag: Tag<T>,
    value: T,
) {
    properties.push((tag.tag(), value.into_value()));
}

fn set_some<T: PropertyKind>(
    properties: &mut Vec<(PropertyTag, PropertyValue)>,
    tag: Tag<T>,
    value: Option<T>,
) {
    if let Some(value) = value {
        set(properties, tag, value);
    }
}

/// Maps the header of a message. `written` is the header as the file has it.
pub(super) fn map_envelope(
    header: &HeaderBlock<'_>,
    written: &[u8],
    properties: &mut Vec<(PropertyTag, PropertyValue)>,
) {
    map_senders(header, properties);
    map_subject(header, properties);
    map_times(header, properties);
    map_wishes(header, properties);
    set_some(
        properties,
        pr::INTERNET_MESSAGE_ID,
        header.text("Message-ID"),
    );
    set_some(properties, pr::IN_REPLY_TO_ID, header.text("In-Reply-To"));
    set_some(
        properties,
        pr::INTERNET_REFERENCES,
        header.text("References"),
    );
    set_some(properties, pr::LIST_HELP, header.text("List-Help"));
    set_some(
        properties,
        pr::LIST_SUBSCRIBE,
        header.text("List-Subscribe"),
    );
    set_some(
        properties,
        pr::LIST_UNSUBSCRIBE,
        header.text("List-Unsubscribe"),
    );
    let headers = String::from_utf8_lossy(written).into_owned();
    set(properties, pr::TRANSPORT_MESSAGE_HEADERS, headers);
    set(properties, pr::MIME_HEADERS, written.to_vec());
}

/// Maps `Subject`, and what conversations are grouped by ([MS-OXCMAIL] sections 2.2.3.2.6 and
/// 2.2.3.2.7; [MS-OXOMSG] sections 2.2.1.3 and 2.2.1.5).
fn map_subject(header: &HeaderBlock<'_>, properties: &mut Vec<(PropertyTag, PropertyValue)>) {
    let subject = header.decoded_text("Subject");
    let topic = header
        .decoded_text("Thread-Topic")
        .or_else(|| subject.as_deref().map(without_prefix));
    set_some(properties, pr::SUBJECT, subject);
    set_some(properties, pr::CONVERSATION_TOPIC, topic);
    let index = header.text("Thread-Index").and_then(|index| {
        let characters: Vec<u8> = index
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        STANDARD.decode(characters).ok()
    });
    set_some(
        properties,
        pr::CONVERSATION_INDEX,
        index.filter(|index| !index.is_empty()),
    );
}

/// The subject without its prefix.
pub(super) fn without_prefix(subject: &str) -> String {
    let subject = Subject::new(subject.to_owned(), None);
    subject.normalized().trim_start().to_owned()
}

/// Maps `Date`, and the time of the topmost `Received`, which the last transport wrote
/// ([MS-OXCMAIL] section 2.2.3.2.1). A message without `Received` counts as delivered when it was
/// sent, so that a folder can be sorted by one property.
fn map_times(header: &HeaderBlock<'_>, properties: &mut Vec<(PropertyTag, PropertyValue)>) {
    let submitted = header.date("Date").and_then(file_time);
    let delivered = header.date("Received").and_then(file_time);
    set_some(properties, pr::CLIENT_SUBMIT_TIME, submitted);
    set_some(
        properties,
        pr::MESSAGE_DELIVERY_TIME,
        delivered.or(submitted),
    );
}

/// A date of a mail as a MAPI time.
fn file_time(date: DateTime) -> Option<FileTime> {
    jiff::Timestamp::from_second(date.to_timestamp())
        .ok()
        .map(FileTime::from_timestamp)
}

/// Maps what the sender wishes: importance, priority, sensitivity and receipts ([MS-OXCMAIL]
/// sections 2.2.3.2.3 to 2.2.3.2.5).
fn map_wishes(header: &HeaderBlock<'_>, properties: &mut Vec<(PropertyTag, PropertyValue)>) {
    let urgency = |field: &str| header.text(field).as_deref().and_then(urgency);
    let first = |fields: [&str; 4]| fields.into_iter().find_map(urgency);
    let importance = first(["Importance", "X-MSMail-Priority", "X-Priority", "Priority"]);
    let priority = first(["Priority", "X-Priority", "X-MSMail-Priority", "Importance"]);
    // Importance counts from 0 to 2, priority from -1 to 1 ([MS-OXCMSG] sections 2.2.1.11, 2.2.1.12).
    set_some(
        properties,
        pr::IMPORTANCE,
        importance.map(|urgency| urgency + 1),
    );
    set_some(properties, pr::PRIORITY, priority);
    let sensitivity =
        header
            .text("Sensitivity")
            .and_then(|text| match text.to_ascii_lowercase().as_str() {
                "personal" => Some(1),
                "private" => Some(2),
                "company-confidential" => Some(3),
                _ => None,
            });
    set_some(properties, pr::SENSITIVITY, sensitivity);
    if header.text("Disposition-Notification-To").is_some() {
        set(properties, pr::READ_RECEIPT_REQUESTED, true);
    }
    if header.text("Return-Receipt-To").is_some() {
        set(properties, pr::ORIGINATOR_DELIVERY_REPORT_REQUESTED, true);
    }
}

/// -1, 0 or 1 for what the four fields call low, normal and high. `X-Priority` has a digit first,
/// often with a word after it.
fn urgency(text: &str) -> Option<i32> {
    let word = text.split([' ', '(']).next().unwrap_or_default();
    match word.to_ascii_lowercase().as_str() {
        "low" | "non-urgent" | "4" | "5" => Some(-1),
        "normal" | "3" => Some(0),
        "high" | "urgent" | "highest" | "1" | "2" => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::header_block::HeaderOf;
    use super::*;

    fn mapped(text: &str) -> Vec<(PropertyTag, PropertyValue)> {
        let (header, _) = HeaderBlock::split(text.as_bytes(), HeaderOf::Message);
        let mut properties = Vec::new();
        map_envelope(&header, header.bytes, &mut properties);
        properties
    }

    fn value<T: PropertyKind>(text: &str, tag: Tag<T>) -> Option<T> {
        let mut properties = mapped(text).into_iter();
        T::from_value(properties.find(|(found, _)| *found == tag.tag())?.1)
    }

    fn seconds(text: &str, tag: Tag<FileTime>) -> Option<i64> {
        value(text, tag)?
            .to_timestamp()
            .map(jiff::Timestamp::as_second)
    }

    #[test]
    fn subjects_are_decoded_and_one_line() {
        let text = "Subject: =?utf-8?q?caf=C3=A9?=\r\n =?utf-8?q?_noir?= and\r\n\tmore\r\n";
        assert_eq!(
            value(text, pr::SUBJECT).as_deref(),
            Some("café noir and more")
        );
        assert_eq!(value("To: a@b\n", pr::SUBJECT), None);
    }

    #[test]
    fn the_topic_is_the_subject_without_its_prefix() {
        let topic = |subject: &str| value(&format!("Subject: {subject}\n"), pr::CONVERSATION_TOPIC);
        assert_eq!(topic("Re: lunch").as_deref(), Some("lunch"));
        assert_eq!(topic("12: lunch").as_deref(), Some("12: lunch"));
        assert_eq!(topic("Lunch: when").as_deref(), Some("Lunch: when"));
        let text = "Thread-Topic: supper\nSubject: Re: lunch\n";
        assert_eq!(
            value(text, pr::CONVERSATION_TOPIC).as_deref(),
            Some("supper")
        );
    }

    #[test]
    fn the_topmost_trace_is_the_delivery() {
        let sent = "Date: Thu, 1 Jan 1970 01:00:00 +0100\n";
        assert_eq!(seconds(sent, pr::CLIENT_SUBMIT_TIME), Some(0));
        assert_eq!(seconds(sent, pr::MESSAGE_DELIVERY_TIME), Some(0));
        let traced = format!(
            "Received: by b;\n Thu, 1 Jan 1970 00:01:00 +0000\n\
             Received: by a; Thu, 1 Jan 1970 00:00:30 +0000\n{sent}"
        );
        assert_eq!(seconds(&traced, pr::MESSAGE_DELIVERY_TIME), Some(60));
        assert_eq!(seconds(&traced, pr::CLIENT_SUBMIT_TIME), Some(0));
    }

    #[test]
    fn a_date_without_a_zone_is_in_utc() {
        let text = "Date: Thu, 1 Jan 1970 00:00:07\n";
        assert_eq!(seconds(text, pr::CLIENT_SUBMIT_TIME), Some(7));
    }

    #[test]
    fn dates_that_do_not_exist_are_left_out() {
        assert_eq!(value("Date: yesterday\n", pr::CLIENT_SUBMIT_TIME), None);
        assert_eq!(
            value("Date: 1 Jan 2020 99:00:00 +0000\n", pr::CLIENT_SUBMIT_TIME),
            None
        );
    }

    #[test]
    fn each_urgency_field_sets_importance_and_priority() {
        for (text, importance) in [
            ("Importance: high\n", 2),
            ("X-Priority: 1 (Highest)\n", 2),
            ("X-Priority: 3\n", 1),
            ("Priority: non-urgent\n", 0),
            ("X-MSMail-Priority: Low\n", 0),
        ] {
            assert_eq!(value(text, pr::IMPORTANCE), Some(importance), "{text}");
            assert_eq!(value(text, pr::PRIORITY), Some(importance - 1), "{text}");
        }
        assert_eq!(value("X-Priority: soon\n", pr::IMPORTANCE), None);
    }

    #[test]
    fn identifiers_keep_their_brackets() {
        let text = "Message-ID: <a@x>\nIn-Reply-To:\n <b@x>\nReferences: <c@x>\n\t<b@x>\n";
        assert_eq!(
            value(text, pr::INTERNET_MESSAGE_ID).as_deref(),
            Some("<a@x>")
        );
        assert_eq!(value(text, pr::IN_REPLY_TO_ID).as_deref(), Some("<b@x>"));
        assert_eq!(
            value(text, pr::INTERNET_REFERENCES).as_deref(),
            Some("<c@x> <b@x>")
        );
    }

    #[test]
    fn the_conversation_index_is_bytes() {
        let text = "Thread-Index: AQID\n BAU=\n";
        assert_eq!(
            value(text, pr::CONVERSATION_INDEX),
            Some(vec![1, 2, 3, 4, 5])
        );
        assert_eq!(value("Thread-Index: ?\n", pr::CONVERSATION_INDEX), None);
    }

    #[test]
    fn wishes_are_mapped() {
        let text = "Sensitivity: Company-Confidential\nDisposition-Notification-To: a@b\n";
        assert_eq!(value(text, pr::SENSITIVITY), Some(3));
        assert_eq!(value(text, pr::READ_RECEIPT_REQUESTED), Some(true));
    }
}
