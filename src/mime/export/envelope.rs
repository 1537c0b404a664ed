//! The header of an exported message: what its stored header still says rightly stays as it is
//! written, the rest is written anew ([MS-OXCMAIL] section 2.1, "MAPI to MIME conversion").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Result;
use crate::model::{
    FileTime, PropertyKind, PropertyTag, PropertyValue, Recipient, RecipientKind, Tag, pr,
};
use crate::store::Message;

use super::super::addresses::{Mailbox, SMTP, mailboxes, recipients};
use super::super::envelope::{map_envelope, without_prefix};
use super::super::header_block::{HeaderBlock, HeaderOf};
use super::fields::Fields;
use super::kept::KeptHeader;

/// What a header says, or what a message holds that a header should say.
#[derive(Debug, Default)]
struct Said {
    properties: Vec<(PropertyTag, PropertyValue)>,
    recipients: Vec<Recipient>,
    /// `Thread-Topic` itself: without it the topic follows from the subject.
    thread_topic: Option<String>,
    reply_to: Vec<Mailbox>,
}

/// Fields that say one thing together, and the properties that they say it of.
#[derive(Clone, Copy, Debug)]
enum Group {
    Date,
    /// `From` and `Sender`.
    Authors,
    ReplyTo,
    To(RecipientKind),
    Subject,
    Topic,
    ConversationIndex,
    Urgency,
    Sensitivity,
    ReadReceipt,
    DeliveryReport,
    Line(&'static str, Tag<String>),
}

const GROUPS: &[Group] = &[
    Group::Date,
    Group::Authors,
    Group::ReplyTo,
    Group::To(RecipientKind::To),
    Group::To(RecipientKind::Cc),
    Group::To(RecipientKind::Bcc),
    Group::Subject,
    Group::Topic,
    Group::ConversationIndex,
    Group::Line("Message-ID", pr::INTERNET_MESSAGE_ID),
    Group::Line("In-Reply-To", pr::IN_REPLY_TO_ID),
    Group::Line("References", pr::INTERNET_REFERENCES),
    Group::Urgency,
    Group::Sensitivity,
    Group::ReadReceipt,
    Group::DeliveryReport,
    Group::Line("List-Help", pr::LIST_HELP),
    Group::Line("List-Subscribe", pr::LIST_SUBSCRIBE),
    Group::Line("List-Unsubscribe", pr::LIST_UNSUBSCRIBE),
];

/// What describes the body of the file that the header came from, and not the message.
const STRUCTURE: &[&str] = &[
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

/// The header that a message was imported with, if it has one. The bytes are taken unless a client
/// changed the text since.
pub(super) fn stored_header(message: &Message) -> Result<KeptHeader> {
    let bytes = message.get(pr::INTERNET_HEADERS_RAW)?;
    let text = message.get(pr::TRANSPORT_MESSAGE_HEADERS)?;
    Ok(match (bytes, text) {
        (Some(bytes), Some(text)) if String::from_utf8_lossy(&bytes) != text => {
            KeptHeader::read(text.as_bytes())
        }
        (Some(bytes), _) => KeptHeader::read(&bytes),
        (None, Some(text)) => KeptHeader::read(text.as_bytes()),
        (None, None) => KeptHeader::default(),
    })
}

/// The fields of a message but those of its MIME structure.
pub(super) fn envelope(message: &Message, stored: &KeptHeader) -> Result<Vec<u8>> {
    let mut held = Said::by_message(message)?;
    if stored.is_empty() && held.seconds(pr::CLIENT_SUBMIT_TIME).is_none() {
        held.take_a_date(message)?;
    }
    let bytes = stored.bytes();
    let said = Said::by_header(&bytes);
    let changed: Vec<Group> = GROUPS
        .iter()
        .copied()
        .filter(|group| !group.is_same(&said, &held))
        .collect();
    let mut left_out = STRUCTURE.to_vec();
    left_out.extend(changed.iter().flat_map(|group| group.fields()));
    let mut fields = Fields::after(stored.without(&left_out));
    for group in changed {
        group.write(&held, &mut fields);
    }
    Ok(fields.into_bytes())
}

impl Group {
    fn fields(self) -> Vec<&'static str> {
        match self {
            Group::Date => vec!["Date"],
            Group::Authors => vec!["From", "Sender"],
            Group::ReplyTo => vec!["Reply-To"],
            Group::To(kind) => vec![field_of(kind)],
            Group::Subject => vec!["Subject"],
            Group::Topic => vec!["Thread-Topic"],
            Group::ConversationIndex => vec!["Thread-Index"],
            Group::Urgency => vec!["Importance", "X-MSMail-Priority", "X-Priority", "Priority"],
            Group::Sensitivity => vec!["Sensitivity"],
            Group::ReadReceipt => vec!["Disposition-Notification-To"],
            Group::DeliveryReport => vec!["Return-Receipt-To"],
            Group::Line(field, _) => vec![field],
        }
    }

    /// Whether a stored header says what the message holds.
    fn is_same(self, said: &Said, held: &Said) -> bool {
        match self {
            Group::Date => {
                said.seconds(pr::CLIENT_SUBMIT_TIME) == held.seconds(pr::CLIENT_SUBMIT_TIME)
            }
            Group::Authors => said.authors() == held.authors(),
            Group::ReplyTo => {
                said.text(pr::REPLY_RECIPIENT_NAMES) == held.text(pr::REPLY_RECIPIENT_NAMES)
            }
            Group::To(kind) => said.of_kind(kind).eq(held.of_kind(kind)),
            Group::Subject => said.text(pr::SUBJECT) == held.text(pr::SUBJECT),
            Group::Topic => {
                let topic = said.thread_topic.clone();
                topic.or_else(|| held.implied_topic()) == held.text(pr::CONVERSATION_TOPIC)
            }
            Group::ConversationIndex => {
                said.value(pr::CONVERSATION_INDEX) == held.value(pr::CONVERSATION_INDEX)
            }
            Group::Urgency => said.urgency() == held.urgency(),
            Group::Sensitivity => said.number(pr::SENSITIVITY) == held.number(pr::SENSITIVITY),
            Group::ReadReceipt => {
                said.wish(pr::READ_RECEIPT_REQUESTED) == held.wish(pr::READ_RECEIPT_REQUESTED)
            }
            Group::DeliveryReport => {
                let tag = pr::ORIGINATOR_DELIVERY_REPORT_REQUESTED;
                said.wish(tag) == held.wish(tag)
            }
            Group::Line(_, tag) => said.text(tag) == held.text(tag),
        }
    }

    /// Writes what the message holds; nothing if it holds nothing.
    fn write(self, held: &Said, fields: &mut Fields) {
        match self {
            Group::Date => {
                if let Some(seconds) = held.seconds(pr::CLIENT_SUBMIT_TIME) {
                    fields.date("Date", seconds);
                }
            }
            Group::Authors => {
                let (author, sender) = held.authors();
                if sender != author {
                    fields.mailboxes("Sender", sender.as_slice());
                }
                fields.mailboxes("From", author.as_slice());
            }
            Group::ReplyTo => fields.mailboxes("Reply-To", &held.reply_to),
            Group::To(kind) => {
                let mailboxes: Vec<_> = held.of_kind(kind).map(mailbox_of).collect();
                fields.mailboxes(field_of(kind), &mailboxes);
            }
            Group::Subject => {
                if let Some(subject) = held.text(pr::SUBJECT) {
                    fields.text("Subject", &subject);
                }
            }
            Group::Topic => {
                if let Some(topic) = held.text(pr::CONVERSATION_TOPIC)
                    && Some(&topic) != held.implied_topic().as_ref()
                {
                    fields.text("Thread-Topic", &topic);
                }
            }
            Group::ConversationIndex => {
                if let Some(index) = held.value(pr::CONVERSATION_INDEX) {
                    fields.line("Thread-Index", &STANDARD.encode(index));
                }
            }
            Group::Urgency => {
                let (importance, priority) = held.urgency();
                let word = |number: i32, words: [&'static str; 3]| {
                    usize::try_from(number)
                        .ok()
                        .and_then(|number| words.get(number).copied())
                };
                if let Some(word) = word(importance, ["low", "normal", "high"]) {
                    fields.line("Importance", word);
                }
                if let Some(word) = word(priority + 1, ["non-urgent", "normal", "urgent"]) {
                    fields.line("Priority", word);
                }
            }
            Group::Sensitivity => {
                let word = match held.number(pr::SENSITIVITY) {
                    Some(1) => "Personal",
                    Some(2) => "Private",
                    Some(3) => "Company-Confidential",
                    _ => "",
                };
                fields.line("Sensitivity", word);
            }
            Group::ReadReceipt => {
                if held.wish(pr::READ_RECEIPT_REQUESTED) {
                    fields.mailboxes("Disposition-Notification-To", held.authors().1.as_slice());
                }
            }
            Group::DeliveryReport => {
                if held.wish(pr::ORIGINATOR_DELIVERY_REPORT_REQUESTED) {
                    fields.mailboxes("Return-Receipt-To", held.authors().1.as_slice());
                }
            }
            Group::Line(field, tag) => {
                fields.line(field, &held.text(tag).unwrap_or_default());
            }
        }
    }
}

/// What the groups are about.
const ENVELOPE: &[PropertyTag] = &[
    pr::CLIENT_SUBMIT_TIME.tag(),
    pr::SENT_REPRESENTING_NAME.tag(),
    pr::SENT_REPRESENTING_ADDRTYPE.tag(),
    pr::SENT_REPRESENTING_EMAIL_ADDRESS.tag(),
    pr::SENT_REPRESENTING_SMTP_ADDRESS.tag(),
    pr::SENDER_NAME.tag(),
    pr::SENDER_ADDRTYPE.tag(),
    pr::SENDER_EMAIL_ADDRESS.tag(),
    pr::SENDER_SMTP_ADDRESS.tag(),
    pr::REPLY_RECIPIENT_NAMES.tag(),
    pr::SUBJECT.tag(),
    pr::CONVERSATION_TOPIC.tag(),
    pr::CONVERSATION_INDEX.tag(),
    pr::INTERNET_MESSAGE_ID.tag(),
    pr::IN_REPLY_TO_ID.tag(),
    pr::INTERNET_REFERENCES.tag(),
    pr::IMPORTANCE.tag(),
    pr::PRIORITY.tag(),
    pr::SENSITIVITY.tag(),
    pr::READ_RECEIPT_REQUESTED.tag(),
    pr::ORIGINATOR_DELIVERY_REPORT_REQUESTED.tag(),
    pr::LIST_HELP.tag(),
    pr::LIST_SUBSCRIBE.tag(),
    pr::LIST_UNSUBSCRIBE.tag(),
];

impl Said {
    fn by_header(bytes: &[u8]) -> Self {
        let (header, _) = HeaderBlock::split(bytes, HeaderOf::Message);
        let mut said = Self {
            recipients: recipients(&header),
            thread_topic: header.decoded_text("Thread-Topic"),
            reply_to: mailboxes(&header, "Reply-To"),
            ..Self::default()
        };
        map_envelope(&header, &[], &mut said.properties);
        said
    }

    fn by_message(message: &Message) -> Result<Self> {
        let mut held = Self::default();
        for tag in ENVELOPE {
            if let Some(value) = message.get_value(*tag)? {
                held.properties.push((*tag, value));
            }
        }
        let entries = message.recipients()?.into_iter();
        held.recipients = entries.map(|entry| entry.recipient).collect();
        held.reply_to = held.answer_mailboxes();
        Ok(held)
    }

    /// The names of those who get the answers are all that there is of them: only one that is an
    /// address can be written.
    fn answer_mailboxes(&self) -> Vec<Mailbox> {
        let names = self.text(pr::REPLY_RECIPIENT_NAMES).unwrap_or_default();
        let addresses = names.split(';').map(str::trim);
        addresses
            .filter(|name| name.contains('@') && !name.contains(' '))
            .map(|name| Mailbox {
                name: name.to_owned(),
                address: name.to_owned(),
            })
            .collect()
    }

    /// A mail has a date (RFC 5322, 3.6): a message that was not sent has that of its last change.
    fn take_a_date(&mut self, message: &Message) -> Result<()> {
        let tags = [
            pr::MESSAGE_DELIVERY_TIME,
            pr::LAST_MODIFICATION_TIME,
            pr::CREATION_TIME,
        ];
        for tag in tags {
            if let Some(time) = message.get(tag)? {
                let tag = pr::CLIENT_SUBMIT_TIME;
                self.properties.push((tag.tag(), time.into_value()));
                return Ok(());
            }
        }
        Ok(())
    }

    fn value<T: PropertyKind>(&self, tag: Tag<T>) -> Option<T> {
        let mut all = self.properties.iter();
        T::from_value(all.find(|(found, _)| *found == tag.tag())?.1.clone())
    }

    /// An empty text says as much as none.
    fn text(&self, tag: Tag<String>) -> Option<String> {
        self.value(tag).filter(|text| !text.is_empty())
    }

    /// Zero says as much as nothing.
    fn number(&self, tag: Tag<i32>) -> Option<i32> {
        self.value(tag).filter(|number| *number != 0)
    }

    fn wish(&self, tag: Tag<bool>) -> bool {
        self.value(tag).unwrap_or(false)
    }

    /// The time as a mail has it.
    fn seconds(&self, tag: Tag<FileTime>) -> Option<i64> {
        Some(self.value(tag)?.to_timestamp()?.as_second())
    }

    /// Importance and priority; what is not said is normal.
    fn urgency(&self) -> (i32, i32) {
        let priority = self.value(pr::PRIORITY).unwrap_or(0);
        (self.value(pr::IMPORTANCE).unwrap_or(1), priority)
    }

    /// The topic that follows from the subject where no field says another.
    fn implied_topic(&self) -> Option<String> {
        let subject = self.text(pr::SUBJECT);
        subject.as_deref().map(without_prefix)
    }

    fn of_kind(&self, kind: RecipientKind) -> impl Iterator<Item = &Recipient> {
        let all = self.recipients.iter();
        all.filter(move |recipient| recipient.kind == kind)
    }

    /// The one in whose name the message was sent, and the one who sent it; each stands in for the
    /// other.
    fn authors(&self) -> (Option<Mailbox>, Option<Mailbox>) {
        let author = self.mailbox(
            pr::SENT_REPRESENTING_NAME,
            pr::SENT_REPRESENTING_ADDRTYPE,
            [
                pr::SENT_REPRESENTING_SMTP_ADDRESS,
                pr::SENT_REPRESENTING_EMAIL_ADDRESS,
            ],
        );
        let sender = self.mailbox(
            pr::SENDER_NAME,
            pr::SENDER_ADDRTYPE,
            [pr::SENDER_SMTP_ADDRESS, pr::SENDER_EMAIL_ADDRESS],
        );
        let first = author.clone().or_else(|| sender.clone());
        (first, sender.or(author))
    }

    fn mailbox(
        &self,
        name: Tag<String>,
        address_type: Tag<String>,
        [smtp, address]: [Tag<String>; 2],
    ) -> Option<Mailbox> {
        let name = self.text(name).unwrap_or_default();
        let address = match self.text(smtp) {
            Some(smtp) => smtp,
            None => {
                let address = self.text(address).unwrap_or_default();
                internet_address(&self.text(address_type).unwrap_or_default(), &address)
            }
        };
        (!name.is_empty() || !address.is_empty()).then_some(Mailbox { name, address })
    }
}

fn field_of(kind: RecipientKind) -> &'static str {
    match kind {
        RecipientKind::Cc => "Cc",
        RecipientKind::Bcc => "Bcc",
        RecipientKind::To | RecipientKind::Originator => "To",
    }
}

fn mailbox_of(recipient: &Recipient) -> Mailbox {
    Mailbox {
        name: recipient.name.clone(),
        address: internet_address(&recipient.address_type, &recipient.address),
    }
}

/// An address of another mail system, wrapped so that a mail can carry it ([MS-OXCMAIL] section
/// 2.1.3.1.7, IMCEA encapsulation). No host answers to the domain (RFC 2606).
fn internet_address(address_type: &str, address: &str) -> String {
    let is_internet = address_type.is_empty() || address_type.eq_ignore_ascii_case(SMTP);
    if is_internet || address.is_empty() || address.contains('@') {
        return address.to_owned();
    }
    let mut wrapped = String::from("IMCEA");
    wrapped.extend(address_type.chars().filter(char::is_ascii_alphanumeric));
    wrapped.push('-');
    for byte in address.bytes() {
        match byte {
            b'/' => wrapped.push('_'),
            b'-' | b'=' | b'.' => wrapped.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => wrapped.push(char::from(byte)),
            _ => wrapped.push_str(&format!("+{byte:02X}")),
        }
    }
    wrapped + "@encapsulated.invalid"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_addresses_are_wrapped() {
        assert_eq!(
            internet_address("EX", "/o=A/cn=B c"),
            "IMCEAEX-_o=A_cn=B+20c@encapsulated.invalid"
        );
        assert_eq!(internet_address("smtp", "root"), "root");
        assert_eq!(internet_address("EX", "a@x"), "a@x");
    }
}
