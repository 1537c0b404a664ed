//! Media types: what kind of data a file holds, as two tokens with a slash between.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A media type without parameters (RFC 2045, 5.1), such as `text/csv`: what `PR_ATTACH_MIME_TAG` (PidTagAttachMimeTag)
/// is meant to hold. It keeps its spelling.
///
/// ```
/// # use mapistore::MediaType;
/// let csv: MediaType = "Text/CSV".parse()?;
/// assert_eq!((csv.as_str(), &*csv.to_lower_case()), ("Text/CSV", "text/csv"));
/// assert!("text/csv; charset=utf-8".parse::<MediaType>().is_err());
/// # Ok::<(), mapistore::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// The type, as it was spelled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type as programs compare it.
    #[must_use]
    pub fn to_lower_case(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// # Errors
///
/// `MAPI_E_INVALID_PARAMETER`: it is not two tokens.
impl FromStr for MediaType {
    type Err = Error;

    fn from_str(text: &str) -> Result<MediaType> {
        match text.split_once('/') {
            Some((kind, subtype)) if is_token(kind) && is_token(subtype) => {
                Ok(MediaType(text.to_owned()))
            }
            _ => Err(Error::InvalidParameter {
                detail: format!("{text:?} is no media type, which is of the form text/csv"),
            }),
        }
    }
}

fn is_token(part: &str) -> bool {
    let is_special = |byte: &u8| br#"()<>@,;:\"/[]?="#.contains(byte);
    let mut bytes = part.bytes();
    !part.is_empty() && bytes.all(|byte| byte.is_ascii_graphic() && !is_special(&byte))
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_tokens_are_a_media_type() {
        for right in [
            "text/csv",
            "Text/CSV",
            "application/vnd.ms-excel",
            "image/svg+xml",
        ] {
            let read: MediaType = right.parse().unwrap();
            assert_eq!(read.as_str(), right);
        }
        for wrong in [
            "",
            "text",
            "text/",
            "/csv",
            "a/b/c",
            "text/c sv",
            "a/b\r\nX: y",
            "text/csv; name=x",
            "text/\u{e9}",
        ] {
            assert!(wrong.parse::<MediaType>().is_err(), "{wrong:?}");
        }
    }
}
