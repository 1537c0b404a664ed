//! The message class that a MIME structure stands for.

use super::content::text;
use super::entity::{Entity, Leaf};

/// What the header of the message says about its structure; the leaves say the rest.
#[derive(Debug)]
pub(super) struct Structure {
    media_type: String,
    protocol: String,
}

impl Structure {
    /// Reads the type of the message.
    pub(super) fn of(message: &Entity<'_>) -> Self {
        let protocol = message
            .header
            .content_type
            .as_ref()
            .and_then(|content| content.attribute("protocol"));
        Self {
            media_type: message.media_type(),
            protocol: protocol.unwrap_or_default().to_ascii_lowercase(),
        }
    }

    /// The message class: a report ([MS-OXCMAIL] section 2.2.3.7), S/MIME ([MS-OXOSMIME] section
    /// 2.1.3), or ordinary mail.
    pub(super) fn message_class(&self, leaves: &[Leaf<'_>]) -> &'static str {
        match self.media_type.as_str() {
            "multipart/report" => report_class(leaves).unwrap_or(NOTE),
            "application/pkcs7-mime" | "application/x-pkcs7-mime" => "IPM.Note.SMIME",
            "multipart/signed" if self.protocol.ends_with("pkcs7-signature") => {
                "IPM.Note.SMIME.MultipartSigned"
            }
            _ => NOTE,
        }
    }
}

const NOTE: &str = "IPM.Note";

/// The class of the first part that a machine wrote: a delivery status (RFC 3464) or a disposition
/// (RFC 8098). `None` if there is no such part, or it says nothing that is known.
fn report_class(leaves: &[Leaf<'_>]) -> Option<&'static str> {
    leaves
        .iter()
        .find_map(|leaf| match leaf.entity.media_type().as_str() {
            "message/delivery-status" | "message/global-delivery-status" => {
                delivery_class(&text(&leaf.entity))
            }
            "message/disposition-notification" | "message/global-disposition-notification" => {
                disposition_class(&text(&leaf.entity))
            }
            _ => None,
        })
}

/// A report on several recipients is about the failure, if there is one.
fn delivery_class(status: &str) -> Option<&'static str> {
    let actions: Vec<String> = fields(status, "action").collect();
    let classes = [
        ("failed", "REPORT.IPM.Note.NDR"),
        ("delayed", "REPORT.IPM.Note.Delayed.DR"),
        ("delivered", "REPORT.IPM.Note.DR"),
        ("relayed", "REPORT.IPM.Note.Relayed.DR"),
        ("expanded", "REPORT.IPM.Note.Expanded.DR"),
    ];
    let said = |action: &str| actions.iter().any(|found| found.starts_with(action));
    classes
        .into_iter()
        .find(|(action, _)| said(action))
        .map(|(_, class)| class)
}

fn disposition_class(notification: &str) -> Option<&'static str> {
    let disposition = fields(notification, "disposition").next()?;
    let (_, outcome) = disposition.rsplit_once(';')?;
    match outcome.trim().split('/').next()? {
        "displayed" | "dispatched" | "processed" => Some("REPORT.IPM.Note.IPNRN"),
        "deleted" | "denied" | "failed" => Some("REPORT.IPM.Note.IPNNRN"),
        _ => None,
    }
}

/// The values of a field in lower case; such reports hold several blocks of fields.
fn fields<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .filter(move |(field, _)| field.trim_end().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(message: &str) -> &'static str {
        let message = Entity::message(message.as_bytes());
        let structure = Structure::of(&message);
        structure.message_class(&message.into_leaves())
    }

    fn report(media_type: &str, fields: &str) -> &'static str {
        class(&format!(
            "Content-Type: multipart/report; boundary=b\n\n--b\n\nSorry\n--b\n\
             Content-Type: message/{media_type}\n\n{fields}\n--b--\n"
        ))
    }

    #[test]
    fn reports_have_the_class_of_what_happened() {
        let mixed = "Reporting-MTA: dns; x\n\nAction: delivered\n\nAction: Failed\n";
        assert_eq!(report("delivery-status", mixed), "REPORT.IPM.Note.NDR");
        assert_eq!(
            report("delivery-status", "Action: delivered\n"),
            "REPORT.IPM.Note.DR"
        );
        let read = "Disposition: manual-action/MDN-sent-manually; displayed\n";
        assert_eq!(
            report("disposition-notification", read),
            "REPORT.IPM.Note.IPNRN"
        );
        let unread = "Disposition: automatic-action/MDN-sent-automatically; deleted/error\n";
        assert_eq!(
            report("disposition-notification", unread),
            "REPORT.IPM.Note.IPNNRN"
        );
        assert_eq!(report("delivery-status", "nothing known\n"), "IPM.Note");
    }

    #[test]
    fn signed_mail_is_smime_only_by_its_protocol() {
        let signed = |protocol: &str| {
            class(&format!(
                "Content-Type: multipart/signed; protocol=\"{protocol}\"; boundary=b\n\n"
            ))
        };
        assert_eq!(
            signed("application/pkcs7-signature"),
            "IPM.Note.SMIME.MultipartSigned"
        );
        assert_eq!(signed("application/pgp-signature"), "IPM.Note");
        assert_eq!(
            class("Content-Type: application/pkcs7-mime\n\nx"),
            "IPM.Note.SMIME"
        );
    }
}
