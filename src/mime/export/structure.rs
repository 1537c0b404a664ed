//! The MIME structure of an exported message: which part stands where.

use crate::error::Result;
use crate::model::pr;
use crate::store::Message;

use super::super::header_block::{HeaderBlock, HeaderOf};
use super::body::{html, plain, text_part};
use super::fields::Fields;
use super::kept::KeptHeader;
use super::part::{Around, Part};

/// A part of the mail, or the whole of it.
#[derive(Debug)]
pub(super) enum Node {
    /// A text: fields, the empty line, and the content.
    Text(Vec<u8>),
    /// An attachment, whose data is copied when it is written.
    Attachment(Part),
    /// Parts under a delimiter.
    Multipart(Multipart),
}

/// A multipart that has no delimiter yet.
#[derive(Debug)]
pub(super) struct Multipart {
    media_type: &'static str,
    parameters: Vec<(&'static str, String)>,
    /// The parts in their order.
    pub(super) children: Vec<Node>,
}

impl Multipart {
    /// The field that names the type and the delimiter, and the empty line.
    pub(super) fn header(&self, boundary: &str) -> Vec<u8> {
        let mut parameters: Vec<(&str, &str)> = self
            .parameters
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        parameters.push(("boundary", boundary));
        let mut fields = Fields::default();
        fields.content("Content-Type", self.media_type, &parameters);
        fields.into_bytes()
    }

    fn of(media_type: &'static str, children: Vec<Node>) -> Node {
        Node::Multipart(Self {
            media_type,
            parameters: Vec::new(),
            children,
        })
    }
}

impl Node {
    /// Plans the structure of a message:
    /// mixed (alternative (text, related (HTML, what it shows)), other attachments), without the
    /// multiparts that would hold one part.
    pub(super) fn plan(message: &Message, stored: &KeptHeader) -> Result<Self> {
        let stored_type = StoredType::of(stored);
        let (plain, html) = (plain(message)?, html(message)?);
        let around = Around {
            has_plain: plain.is_some(),
            has_html: html.is_some(),
        };
        let has_text = around.has_plain || around.has_html;
        let infos = message.attachments()?;
        let is_only = !has_text && infos.len() == 1;
        let (mut related, mut others) = (Vec::new(), Vec::new());
        for info in infos {
            let part = Part::plan(message, info.number, around, is_only.then_some(stored))?;
            if part.is_related {
                related.push(part);
            } else {
                others.push(part);
            }
        }
        if is_only && let Some(part) = others.pop_if(|part| !part.was_a_part) {
            return Ok(Self::Attachment(part));
        }
        let flowed = stored_type
            .flowed
            .iter()
            .map(|(key, value)| (*key, value.as_str()));
        let flowed: Vec<_> = flowed.collect();
        let plain = plain.map(|text| Self::Text(text_part("text/plain", &flowed, &text)));
        let html = html.map(|text| Self::Text(text_part("text/html", &[], &text)));
        let html = html.map(|html| beside(html, related));
        let text = match (plain, html) {
            (Some(plain), Some(html)) => {
                Some(Multipart::of("multipart/alternative", vec![plain, html]))
            }
            (plain, html) => plain.or(html),
        };
        let class = message.get(pr::MESSAGE_CLASS)?.unwrap_or_default();
        Ok(mixed(text, others, &class, stored_type))
    }
}

/// HTML with what it shows.
fn beside(html: Node, related: Vec<Part>) -> Node {
    if related.is_empty() {
        return html;
    }
    let mut children = vec![html];
    children.extend(related.into_iter().map(Node::Attachment));
    Node::Multipart(Multipart {
        media_type: "multipart/related",
        parameters: vec![("type", "text/html".to_owned())],
        children,
    })
}

/// The text with the attachments, under the multipart that the kind of message asks for.
fn mixed(text: Option<Node>, mut others: Vec<Part>, class: &str, stored: StoredType) -> Node {
    let has_text = text.is_some();
    let is_signature = |part: &Part| {
        part.media_type.ends_with("/pkcs7-signature")
            || part.media_type.ends_with("/x-pkcs7-signature")
    };
    let report = others.iter().find_map(|part| report_type(&part.media_type));
    let signature = if class == "IPM.Note.SMIME.MultipartSigned" && (has_text || others.len() > 1) {
        others.pop_if(|part| is_signature(part))
    } else {
        None
    };
    let is_encrypted = !has_text && others.len() == 2 && stored.media_type == "multipart/encrypted";
    let mut children: Vec<_> = text.into_iter().collect();
    children.extend(others.into_iter().map(Node::Attachment));
    let mut all = match children.pop() {
        // A mail has a body (RFC 5322, 2.1).
        None => Node::Text(text_part("text/plain", &[], "")),
        Some(text @ (Node::Text(_) | Node::Multipart(_))) if children.is_empty() => text,
        Some(last) => {
            children.push(last);
            Multipart::of("multipart/mixed", children)
        }
    };
    if let Node::Multipart(multipart) = &mut all
        && multipart.media_type == "multipart/mixed"
    {
        if let Some(report) = report.filter(|_| class.starts_with("REPORT.")) {
            multipart.media_type = "multipart/report";
            multipart.parameters = vec![("report-type", report)];
        } else if is_encrypted {
            multipart.media_type = "multipart/encrypted";
            multipart.parameters = stored.parameters(&["protocol"]);
        }
    }
    let Some(signature) = signature else {
        return all;
    };
    let mut parameters = vec![("protocol", signature.media_type.clone())];
    parameters.extend(stored.parameters(&["micalg"]));
    Node::Multipart(Multipart {
        media_type: "multipart/signed",
        parameters,
        children: vec![all, Node::Attachment(signature)],
    })
}

/// The kind of a report, which the type of its machine-readable part says (RFC 6522, 3).
fn report_type(media_type: &str) -> Option<String> {
    let name = media_type.strip_prefix("message/")?;
    let kind = name.strip_prefix("global-").unwrap_or(name);
    matches!(kind, "delivery-status" | "disposition-notification").then(|| kind.to_owned())
}

/// What the stored header said of the structure.
#[derive(Debug, Default)]
struct StoredType {
    media_type: String,
    parameters: Vec<(String, String)>,
    /// How lines of plain text are broken (RFC 3676), if that was all of the mail.
    flowed: Vec<(&'static str, String)>,
}

impl StoredType {
    fn of(stored: &KeptHeader) -> Self {
        let bytes = stored.bytes();
        let (header, _) = HeaderBlock::split(&bytes, HeaderOf::Message);
        let Some(content) = header.content_type else {
            return Self::default();
        };
        let media_type = format!(
            "{}/{}",
            content.ctype(),
            content.subtype().unwrap_or_default()
        );
        let parameters = content.attributes().unwrap_or_default().iter();
        let mut found = Self {
            media_type: media_type.to_ascii_lowercase(),
            parameters: parameters
                .map(|attribute| (attribute.name.to_lowercase(), attribute.value.to_string()))
                .collect(),
            flowed: Vec::new(),
        };
        if found.media_type == "text/plain" {
            found.flowed = found.parameters(&["format", "delsp"]);
        }
        found
    }

    fn parameters(&self, names: &[&'static str]) -> Vec<(&'static str, String)> {
        let find = |name: &&'static str| {
            let found = self.parameters.iter().find(|(found, _)| found == name);
            found.map(|(_, value)| (*name, value.clone()))
        };
        names.iter().filter_map(find).collect()
    }
}
