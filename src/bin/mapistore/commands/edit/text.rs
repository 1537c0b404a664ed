//! A message as text, and what somebody changed in it.
//!
//! What was not touched stays as it was, also where the text shows it imperfectly: a recipient without an Internet
//! address, a subject with a control character.

use anyhow::{Context, bail, ensure};
use mapistore::{Message, Recipient, RecipientKind, RowId, pr};

use crate::harmless;
use crate::names::Address;

const KINDS: [(RecipientKind, &str); 3] = [
    (RecipientKind::To, "To"),
    (RecipientKind::Cc, "Cc"),
    (RecipientKind::Bcc, "Bcc"),
];

/// What a name must not have to stand without quotation marks.
const SPECIAL: &[char] = &[',', ';', '<', '>', '"', '\\', '(', ')', '@', ':'];

/// Begins a line above the body that is not part of the message.
const REMARK: char = '#';

/// What the text shows of a message.
#[derive(Debug)]
pub(super) struct Shown {
    subject: String,
    recipients: Vec<ShownRecipient>,
    body: String,
    line_ends: LineEnds,
    other_bodies: OtherBodies,
}

#[derive(Debug)]
struct ShownRecipient {
    row_id: RowId,
    recipient: Recipient,
    text: String,
}

/// How the lines of a stored body end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    /// All with CR LF: the editor sees LF.
    CrLf,
    AsTheyAre,
}

/// Whether the message has its text in other forms too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OtherBodies {
    None,
    /// Beside the plain text.
    Beside,
    /// In place of it.
    Alone,
}

impl OtherBodies {
    /// What somebody should know before changing the text.
    fn remark(self) -> Option<&'static str> {
        match self {
            OtherBodies::None => None,
            OtherBodies::Beside => Some(
                "This message also has its text as HTML or RTF. Changing the text below drops that for good.",
            ),
            OtherBodies::Alone => Some(
                "The text of this message is HTML or RTF only. It is not shown here, and stays as it is.",
            ),
        }
    }
}

/// Whether a message has its text in other forms than plain text.
pub(super) fn has_other_bodies(message: &Message) -> mapistore::Result<bool> {
    let others = [pr::HTML.tag(), pr::RTF_COMPRESSED.tag()];
    let properties = message.properties()?;
    let mut tags = properties.iter().map(|(tag, _)| tag.id());
    Ok(tags.any(|id| others.iter().any(|other| other.id() == id)))
}

/// What somebody changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    subject: Option<String>,
    removed: Vec<RowId>,
    moved: Vec<(RowId, Recipient)>,
    added: Vec<Recipient>,
    body: Option<String>,
    /// The body has other forms, which would go on showing what it was.
    drops_other_bodies: bool,
}

impl Shown {
    pub(super) fn of(message: &Message) -> mapistore::Result<Shown> {
        let mut recipients = Vec::new();
        for entry in message.recipients()? {
            if KINDS.iter().any(|(kind, _)| *kind == entry.recipient.kind) {
                recipients.push(ShownRecipient {
                    row_id: entry.row_id,
                    text: recipient_text(&entry.recipient),
                    recipient: entry.recipient,
                });
            }
        }
        let stored = message.get(pr::BODY)?;
        let other_bodies = match (has_other_bodies(message)?, &stored) {
            (false, _) => OtherBodies::None,
            (true, Some(_)) => OtherBodies::Beside,
            (true, None) => OtherBodies::Alone,
        };
        let body = stored.unwrap_or_default();
        let breaks = body.matches('\n').count();
        let line_ends = if breaks > 0 && breaks == body.matches("\r\n").count() {
            LineEnds::CrLf
        } else {
            LineEnds::AsTheyAre
        };
        Ok(Shown {
            subject: harmless::line(&message.get(pr::SUBJECT)?.unwrap_or_default()).into_owned(),
            recipients,
            body: match line_ends {
                LineEnds::CrLf => body.replace("\r\n", "\n"),
                LineEnds::AsTheyAre => body,
            },
            line_ends,
            other_bodies,
        })
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("Subject: {}\n", self.subject);
        for (kind, name) in KINDS {
            let addresses: Vec<&str> = self
                .recipients
                .iter()
                .filter(|shown| shown.recipient.kind == kind)
                .map(|shown| &*shown.text)
                .collect();
            text.push_str(&format!("{name}: {}\n", addresses.join(", ")));
        }
        if let Some(remark) = self.other_bodies.remark() {
            text.push_str(&format!("{REMARK} {remark}\n"));
        }
        text.push('\n');
        text.push_str(&self.body);
        if self.ends_within_a_line() {
            text.push('\n');
        }
        text
    }

    /// Then editors give it a line break of their own.
    fn ends_within_a_line(&self) -> bool {
        !self.body.is_empty() && !self.body.ends_with('\n')
    }

    /// Reads an edited text, and finds out what was changed.
    pub(super) fn changes(&self, edited: &[u8]) -> anyhow::Result<Changes> {
        let edited = std::str::from_utf8(edited).context("it is not UTF-8")?;
        let parsed = Parsed::read(edited)?;
        let mut changes = Changes::default();
        if parsed.subject.trim() != self.subject.trim() {
            changes.subject = Some(parsed.subject.trim().to_owned());
        }
        self.compare_recipients(&parsed, &mut changes)?;
        let mut body = parsed.body;
        if self.line_ends == LineEnds::CrLf {
            body = body.replace("\r\n", "\n");
        }
        if self.ends_within_a_line() && body.ends_with('\n') {
            body.pop();
        }
        let is_blank = self.body.is_empty() && body.trim().is_empty();
        if body != self.body && !is_blank {
            ensure!(
                self.other_bodies != OtherBodies::Alone,
                "the text of this message is HTML or RTF only, which `edit` does not change; its subject and recipients \
                 it does"
            );
            changes.drops_other_bodies = self.other_bodies == OtherBodies::Beside;
            changes.body = Some(match self.line_ends {
                LineEnds::CrLf => body.replace('\n', "\r\n"),
                LineEnds::AsTheyAre => body,
            });
        }
        Ok(changes)
    }

    /// Each text that is there already stays the recipient that it was, also under another heading.
    fn compare_recipients(&self, parsed: &Parsed, changes: &mut Changes) -> anyhow::Result<()> {
        let mut left: Vec<&ShownRecipient> = self.recipients.iter().collect();
        let mut new = Vec::new();
        for (kind, text) in &parsed.recipients {
            let same =
                |shown: &&ShownRecipient| shown.text == *text && shown.recipient.kind == *kind;
            match left.iter().position(same) {
                Some(at) => {
                    left.remove(at);
                }
                None => new.push((*kind, text)),
            }
        }
        for (kind, text) in new {
            if let Some(at) = left.iter().position(|shown| shown.text == *text) {
                let shown = left.remove(at);
                let recipient = Recipient {
                    kind,
                    ..shown.recipient.clone()
                };
                changes.moved.push((shown.row_id, recipient));
                continue;
            }
            let address: Address = text.parse()?;
            let name = address.name.replace("\\\"", "\"").replace("\\\\", "\\");
            let address = Address { name, ..address };
            let make = match kind {
                RecipientKind::Cc => Recipient::cc as fn(String, String) -> Recipient,
                RecipientKind::Bcc => Recipient::bcc,
                _ => Recipient::to,
            };
            changes.added.push(address.as_recipient(make));
        }
        changes
            .removed
            .extend(left.iter().map(|shown| shown.row_id));
        Ok(())
    }
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.subject.is_none()
            && self.body.is_none()
            && self.removed.is_empty()
            && self.moved.is_empty()
            && self.added.is_empty()
    }

    /// What somebody should know who did not ask for it.
    pub(super) fn note(&self) -> Option<&'static str> {
        self.drops_other_bodies.then_some(
            "the message had its text as HTML or RTF too, which is gone: it was the former text",
        )
    }

    /// Makes the changes, as pending ones.
    pub(super) fn apply(&self, message: &mut Message) -> mapistore::Result<()> {
        match self.subject.as_deref() {
            Some("") => message.delete_property(pr::SUBJECT.tag())?,
            Some(subject) => message.set(pr::SUBJECT, subject)?,
            None => {}
        }
        for row_id in &self.removed {
            message.remove_recipient(*row_id)?;
        }
        for (row_id, recipient) in &self.moved {
            message.modify_recipient(*row_id, recipient)?;
        }
        for recipient in &self.added {
            message.add_recipient(recipient.clone())?;
        }
        if let Some(body) = &self.body {
            message.set(pr::BODY, body.as_str())?;
        }
        if self.drops_other_bodies {
            for tag in [
                pr::HTML.tag(),
                pr::RTF_COMPRESSED.tag(),
                pr::RTF_IN_SYNC.tag(),
                pr::NATIVE_BODY_INFO.tag(),
            ] {
                message.delete_property(tag)?;
            }
        }
        Ok(())
    }
}

/// A text, taken apart.
#[derive(Debug, Default)]
struct Parsed {
    subject: String,
    recipients: Vec<(RecipientKind, String)>,
    body: String,
}

impl Parsed {
    fn read(text: &str) -> anyhow::Result<Parsed> {
        let mut parsed = Parsed::default();
        let mut seen: Vec<String> = Vec::new();
        let mut headings: Vec<(String, String)> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = after;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if line.starts_with(REMARK) {
                continue;
            }
            if let (true, Some((_, value))) = (line.starts_with([' ', '\t']), headings.last_mut()) {
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                bail!("{line:?} is none of Subject, To, Cc and Bcc; the body follows a blank line");
            };
            let name = name.trim().to_ascii_lowercase();
            ensure!(!seen.contains(&name), "{name:?} is there twice");
            seen.push(name.clone());
            headings.push((name, value.trim().to_owned()));
        }
        for (name, value) in headings {
            let kind = KINDS
                .iter()
                .find(|(_, known)| known.eq_ignore_ascii_case(&name));
            match kind {
                Some((kind, _)) => {
                    let texts = addresses(&value).into_iter();
                    parsed.recipients.extend(texts.map(|text| (*kind, text)));
                }
                None if name == "subject" => parsed.subject = value,
                None => bail!(
                    "{name:?} is none of Subject, To, Cc and Bcc; the body follows a blank line"
                ),
            }
        }
        parsed.body = rest.to_owned();
        Ok(parsed)
    }
}

/// The texts between commas; those within quotation marks or angle brackets are no separators.
fn addresses(list: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let (mut is_quoted, mut is_bracketed, mut is_escaped) = (false, false, false);
    for character in list.chars() {
        let separates = character == ',' && !is_quoted && !is_bracketed;
        match character {
            _ if is_escaped => {}
            '"' => is_quoted = !is_quoted,
            '<' if !is_quoted => is_bracketed = true,
            '>' if !is_quoted => is_bracketed = false,
            _ => {}
        }
        is_escaped = is_quoted && character == '\\' && !is_escaped;
        if separates {
            all.push(String::new());
        } else if let Some(last) = all.last_mut() {
            last.push(character);
        }
    }
    let texts = all.into_iter().map(|text| text.trim().to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}

fn recipient_text(recipient: &Recipient) -> String {
    let name = harmless::line(&recipient.name);
    let address = harmless::line(&recipient.address);
    let name = if name.contains(SPECIAL) {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        name.trim().to_owned()
    };
    let is_plain = |address: &str| !address.contains([',', '<', '>', '"', ' ']);
    if address.is_empty() {
        name
    } else if (recipient.name.is_empty() || recipient.name == recipient.address)
        && is_plain(&address)
    {
        address.into_owned()
    } else {
        format!("{name} <{address}>").trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(subject: &str, recipients: &[Recipient], body: &str) -> Shown {
        let recipients = recipients
            .iter()
            .enumerate()
            .map(|(row, recipient)| ShownRecipient {
                row_id: RowId(u32::try_from(row).unwrap()),
                text: recipient_text(recipient),
                recipient: recipient.clone(),
            });
        Shown {
            subject: subject.to_owned(),
            recipients: recipients.collect(),
            body: body.to_owned(),
            line_ends: LineEnds::AsTheyAre,
            other_bodies: OtherBodies::None,
        }
    }

    fn some() -> Shown {
        let unusual = Recipient {
            kind: RecipientKind::To,
            name: "Böhm, \"Ben\"".to_owned(),
            address_type: "EX".to_owned(),
            address: "/o=a, b/cn=ben".to_owned(),
        };
        shown(
            "Figures",
            &[
                Recipient::to("Ana", "ana@example.org"),
                unusual,
                Recipient::unresolved(RecipientKind::Cc, "Cem"),
            ],
            "one\n\ntwo: 2",
        )
    }

    #[test]
    fn text_shows_the_message() {
        assert_eq!(
            some().to_text(),
            "Subject: Figures\nTo: Ana <ana@example.org>, \"Böhm, \\\"Ben\\\"\" </o=a, b/cn=ben>\nCc: Cem\nBcc: \n\n\
             one\n\ntwo: 2\n"
        );
    }

    #[test]
    fn text_that_was_not_changed_changes_nothing() {
        for message in [some(), shown("", &[], ""), shown("a", &[], "\n\na\n")] {
            let text = message.to_text();
            assert!(message.changes(text.as_bytes()).unwrap().is_empty());
            let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
            let trimmed = trimmed.join("\n") + "\n";
            assert!(message.changes(trimmed.as_bytes()).unwrap().is_empty());
        }
    }

    #[test]
    fn changes_are_found_and_recipients_that_stay_keep_their_rows() {
        let text = "subject: Figures,\n corrected\nCc: Ana <ana@example.org>, Cem\nBcc: \"Day, D\" <d@example.org>\n\none";
        let changes = some().changes(text.as_bytes()).unwrap();
        assert_eq!(changes.subject.as_deref(), Some("Figures, corrected"));
        assert_eq!(changes.removed, [RowId(1)]);
        assert_eq!(
            changes.moved,
            [(RowId(0), Recipient::cc("Ana", "ana@example.org"))]
        );
        assert_eq!(changes.added, [Recipient::bcc("Day, D", "d@example.org")]);
        assert_eq!(changes.body.as_deref(), Some("one"));
    }

    #[test]
    fn text_that_is_no_message_is_refused() {
        for text in [
            &b"Figures\n\none"[..],
            b"Subject: a\nSubject: b\n\n",
            b"Reply-To: ana@example.org\n\n",
            b"To: Nobody\n\n",
            b"Subject: \xff\n\n",
        ] {
            assert!(some().changes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn body_keeps_the_ends_of_its_lines() {
        let mut message = shown("", &[], "one\ntwo\n");
        message.line_ends = LineEnds::CrLf;
        let changes = message.changes(b"\none\n2\n").unwrap();
        assert_eq!(changes.body.as_deref(), Some("one\r\n2\r\n"));
    }

    #[test]
    fn text_says_what_changing_it_takes_from_the_message() {
        let mut message = shown("a", &[], "old\n# heading\n");
        assert!(!message.to_text().contains("HTML"));
        for (bodies, says) in [
            (
                OtherBodies::Beside,
                "\n# This message also has its text as HTML or RTF.",
            ),
            (
                OtherBodies::Alone,
                "\n# The text of this message is HTML or RTF only.",
            ),
        ] {
            message.other_bodies = bodies;
            let text = message.to_text();
            assert!(text.split("\n\n").next().unwrap().contains(says), "{text}");
            assert!(message.changes(text.as_bytes()).unwrap().is_empty());
        }
    }

    #[test]
    fn body_that_is_html_only_is_not_replaced() {
        let mut message = shown("", &[], "");
        message.other_bodies = OtherBodies::Alone;
        assert!(message.changes(b"Subject: a\n\n").unwrap().body.is_none());
        assert!(message.changes(b"\nnew text\n").is_err());
        message.body = "old".to_owned();
        message.other_bodies = OtherBodies::Beside;
        assert!(message.changes(b"\nnew text\n").unwrap().note().is_some());
    }
}
