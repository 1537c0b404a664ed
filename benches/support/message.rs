//! The message that is saved and opened: a mail as clients keep it, with 40 properties and two recipients.

use mapistore::{FileTime, Message, Recipient, pr};

use super::Result;

/// How many properties the message has, the two that every new message is given among them.
pub(crate) const PROPERTIES: usize = 40;

/// How many texts of the same message there are, so that a save always changes something.
pub(crate) const VARIANTS: usize = 64;

/// The three properties that a save changes.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    subject: String,
    importance: i32,
    body: String,
}

impl Changes {
    /// The changes that lead to a variant.
    pub(crate) fn to(variant: usize) -> Changes {
        let variant = variant % VARIANTS;
        Changes {
            subject: format!("Figures of the third quarter, draft {variant:02}"),
            importance: if variant.is_multiple_of(2) { 1 } else { 2 },
            body: format!("Draft {variant:02}. ")
                + &"The figures are as they were when we met, but for the two below. ".repeat(15),
        }
    }

    /// All of them, in order.
    pub(crate) fn all() -> Vec<Changes> {
        (0..VARIANTS).map(Changes::to).collect()
    }

    /// Makes them pending.
    pub(crate) fn set(&self, message: &mut Message) -> Result<()> {
        message.set(pr::SUBJECT, self.subject.as_str())?;
        message.set(pr::IMPORTANCE, self.importance)?;
        message.set(pr::BODY, self.body.as_str())?;
        Ok(())
    }

    /// The same three as the journal names them.
    pub(crate) const JOURNAL: &str = r#"["00170003","0037001F","1000001F"]"#;
}

/// Fills a new message.
pub(crate) fn fill(message: &mut Message, changes: &Changes) -> Result<()> {
    changes.set(message)?;
    for (tag, text) in [
        (pr::SUBJECT_PREFIX, ""),
        (pr::NORMALIZED_SUBJECT, "Figures of the third quarter"),
        (pr::CONVERSATION_TOPIC, "Figures of the third quarter"),
        (pr::SENDER_NAME, "Ana Moreno"),
        (pr::SENDER_ADDRTYPE, "SMTP"),
        (pr::SENDER_EMAIL_ADDRESS, "ana.moreno@example.org"),
        (pr::SENDER_SMTP_ADDRESS, "ana.moreno@example.org"),
        (pr::SENT_REPRESENTING_NAME, "Ana Moreno"),
        (pr::SENT_REPRESENTING_ADDRTYPE, "SMTP"),
        (
            pr::SENT_REPRESENTING_EMAIL_ADDRESS,
            "ana.moreno@example.org",
        ),
        (pr::SENT_REPRESENTING_SMTP_ADDRESS, "ana.moreno@example.org"),
        (pr::RECEIVED_BY_NAME, "Jonas Weber"),
        (pr::RECEIVED_BY_ADDRTYPE, "SMTP"),
        (pr::RECEIVED_BY_EMAIL_ADDRESS, "jonas.weber@example.com"),
        (pr::RECEIVED_BY_SMTP_ADDRESS, "jonas.weber@example.com"),
        (pr::REPLY_RECIPIENT_NAMES, "Ana Moreno"),
        (pr::RCVD_REPRESENTING_NAME, "Jonas Weber"),
    ] {
        message.set(tag, text)?;
    }
    for (tag, length) in [
        (pr::CONVERSATION_INDEX, 22),
        (pr::CONVERSATION_ID, 16),
        (pr::SENDER_ENTRYID, 60),
        (pr::SENDER_SEARCH_KEY, 28),
        (pr::SENT_REPRESENTING_ENTRYID, 60),
        (pr::SENT_REPRESENTING_SEARCH_KEY, 28),
    ] {
        message.set(tag, (0..length).collect::<Vec<u8>>())?;
    }
    for (tag, number) in [
        (pr::PRIORITY, 0),
        (pr::SENSITIVITY, 0),
        (pr::ICON_INDEX, -1),
        (pr::NATIVE_BODY_INFO, 1),
        (pr::INTERNET_CPID, 65_001),
        (pr::MESSAGE_CODEPAGE, 1_200),
        (pr::MESSAGE_LOCALE_ID, 1_031),
        (pr::MSG_EDITOR_FORMAT, 1),
    ] {
        message.set(tag, number)?;
    }
    for tag in [pr::CLIENT_SUBMIT_TIME, pr::MESSAGE_DELIVERY_TIME] {
        message.set(tag, FileTime::new(134_000_000_000_000_000))?;
    }
    for tag in [pr::READ_RECEIPT_REQUESTED, pr::DELETE_AFTER_SUBMIT] {
        message.set(tag, false)?;
    }
    message.add_recipient(Recipient::to("Jonas Weber", "jonas.weber@example.com"))?;
    message.add_recipient(Recipient::cc("Mira Castel", "mira.castel@example.net"))?;
    Ok(())
}
