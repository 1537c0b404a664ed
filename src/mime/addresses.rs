//! Who sent a message, and to whom ([MS-OXCMAIL] section 2.2.3.1).

use std::collections::HashSet;

use mail_parser::Addr;

use crate::model::{PropertyTag, PropertyValue, Recipient, RecipientKind, pr};

use super::envelope::set;
use super::header_block::HeaderBlock;

/// A mailbox as MAPI sees it: a name to show, and an SMTP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mailbox {
    /// What to show.
    pub(super) name: String,
    /// Where to send to; may be empty.
    pub(super) address: String,
}

impl Mailbox {
    /// Reads one mailbox. Without a name the address is shown; what is written without an `@` and
    /// in one word is a local address.
    fn read(found: &Addr<'_>) -> Option<Self> {
        let name = found.name.as_deref().map(one_line).unwrap_or_default();
        let address = found
            .address
            .as_deref()
            .map(without_space)
            .unwrap_or_default();
        match (name.is_empty(), address.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Self {
                name: address.clone(),
                address,
            }),
            (false, true) if !name.contains(' ') => Some(Self {
                address: name.clone(),
                name,
            }),
            _ => Some(Self { name, address }),
        }
    }

    /// Whether this is a comment that stands alone (RFC 5322, 3.2.2), as behind a group: the parser
    /// gives it as a name, which cannot be told from a recipient without an address.
    fn is_comment(&self, comment_words: &HashSet<&[u8]>) -> bool {
        let is_bare = self.address.is_empty() || self.address == self.name;
        is_bare
            && !self.address.contains('@')
            && self
                .name
                .split([' ', '('])
                .next()
                .is_some_and(|word| comment_words.contains(word.as_bytes()))
    }
}

/// All mailboxes of the fields of one name; groups give their members (RFC 5322, 3.4).
pub(super) fn mailboxes(header: &HeaderBlock<'_>, field: &str) -> Vec<Mailbox> {
    let comment_words = header.comment_words(field);
    header
        .addresses(field)
        .flat_map(mail_parser::Address::iter)
        .filter_map(Mailbox::read)
        .filter(|mailbox| !mailbox.is_comment(&comment_words))
        .collect()
}

/// The recipients of `To`, `Cc` and `Bcc`, in this order; one that is named twice is kept twice.
pub(super) fn recipients(header: &HeaderBlock<'_>) -> Vec<Recipient> {
    [
        ("To", RecipientKind::To),
        ("Cc", RecipientKind::Cc),
        ("Bcc", RecipientKind::Bcc),
    ]
    .into_iter()
    .flat_map(|(field, kind)| {
        mailboxes(header, field)
            .into_iter()
            .map(move |mailbox| Recipient {
                kind,
                name: mailbox.name,
                address_type: SMTP.to_owned(),
                address: mailbox.address,
            })
    })
    .collect()
}

/// Maps `From` to PidTagSentRepresenting…, `Sender` to PidTagSender… and `Reply-To`
/// ([MS-OXCMAIL] sections 2.2.3.1.1 to 2.2.3.1.3). Whichever of the first two is missing takes the
/// other's place. MAPI has room for one author: of several in `From` it is the first.
pub(super) fn map_senders(
    header: &HeaderBlock<'_>,
    properties: &mut Vec<(PropertyTag, PropertyValue)>,
) {
    let from = mailboxes(header, "From").into_iter().next();
    let sender = mailboxes(header, "Sender").into_iter().next();
    if let Some(author) = from.as_ref().or(sender.as_ref()) {
        set(properties, pr::SENT_REPRESENTING_NAME, author.name.clone());
        set(properties, pr::SENT_REPRESENTING_ADDRTYPE, SMTP.to_owned());
        set(
            properties,
            pr::SENT_REPRESENTING_EMAIL_ADDRESS,
            author.address.clone(),
        );
        set(
            properties,
            pr::SENT_REPRESENTING_SMTP_ADDRESS,
            author.address.clone(),
        );
    }
    if let Some(sender) = sender.or(from) {
        set(properties, pr::SENDER_NAME, sender.name);
        set(properties, pr::SENDER_ADDRTYPE, SMTP.to_owned());
        set(properties, pr::SENDER_EMAIL_ADDRESS, sender.address.clone());
        set(properties, pr::SENDER_SMTP_ADDRESS, sender.address);
    }
    let reply_to = mailboxes(header, "Reply-To");
    if !reply_to.is_empty() {
        let names: Vec<_> = reply_to.into_iter().map(|mailbox| mailbox.name).collect();
        set(properties, pr::REPLY_RECIPIENT_NAMES, names.join("; "));
    }
}

/// The address type of Internet mail.
pub(super) const SMTP: &str = "SMTP";

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::super::header_block::HeaderOf;
    use super::*;

    fn header(text: &str) -> HeaderBlock<'_> {
        HeaderBlock::split(text.as_bytes(), HeaderOf::Message).0
    }

    fn shown(header: &HeaderBlock<'_>) -> Vec<(RecipientKind, String, String)> {
        let recipients = recipients(header).into_iter();
        recipients
            .map(|one| (one.kind, one.name, one.address))
            .collect()
    }

    #[test]
    fn recipients_keep_kind_order_and_repetition() {
        let header =
            header("Cc: c@x\nTo: =?utf-8?q?Zo=C3=AB?= <z@x>, a@x,\n a@x\nBcc: b@x\nTo: d@x\n");
        let expected = [
            (RecipientKind::To, "Zoë", "z@x"),
            (RecipientKind::To, "a@x", "a@x"),
            (RecipientKind::To, "a@x", "a@x"),
            (RecipientKind::To, "d@x", "d@x"),
            (RecipientKind::Cc, "c@x", "c@x"),
            (RecipientKind::Bcc, "b@x", "b@x"),
        ];
        let expected = expected.map(|(kind, name, at)| (kind, name.to_owned(), at.to_owned()));
        assert_eq!(shown(&header), expected);
    }

    #[test]
    fn groups_give_their_members() {
        let header = header("To: A Group: Ed <ed@x>, joe@y;\nCc: undisclosed-recipients:;\n");
        let expected = [("Ed", "ed@x"), ("joe@y", "joe@y")]
            .map(|(n, a)| (RecipientKind::To, n.into(), a.into()));
        assert_eq!(shown(&header), expected);
    }

    #[test]
    fn comments_are_no_recipients() {
        let header =
            header("To: G: a@x; (the end)\nCc: (nobody)\nBcc: Ana Lund, root\nX: (root)\n");
        let expected = [
            (RecipientKind::To, "a@x", "a@x"),
            (RecipientKind::Bcc, "Ana Lund", ""),
            (RecipientKind::Bcc, "root", "root"),
        ];
        let expected = expected.map(|(kind, name, at)| (kind, name.to_owned(), at.to_owned()));
        assert_eq!(shown(&header), expected);
    }

    #[test]
    fn a_missing_sender_or_author_takes_the_others_place() {
        for field in ["From", "Sender"] {
            let text = format!("{field}: Ana <ana@x>\n");
            let mut properties = Vec::new();
            map_senders(&header(&text), &mut properties);
            let name = PropertyValue::Unicode("Ana".to_owned());
            assert!(properties.contains(&(pr::SENDER_NAME.into(), name.clone())));
            assert!(properties.contains(&(pr::SENT_REPRESENTING_NAME.into(), name)));
        }
    }
}
