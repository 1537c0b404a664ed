//! Message classes: what kind of message it is, as names with dots between.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A message class (`PR_MESSAGE_CLASS`, PidTagMessageClass, [MS-OXCMSG] 2.2.1.3), such as `IPM.Note`. It keeps its
/// spelling; two are equal whatever the case of their letters, which are ASCII.
///
/// ```
/// # use mapistore::MessageClass;
/// let signed = MessageClass::new("IPM.Note.SMIME.MultipartSigned");
/// assert_eq!(signed, MessageClass::new("ipm.note.smime.multipartsigned"));
/// assert!(signed.is_kind_of(&MessageClass::new("ipm.note")));
/// assert!(!signed.is_kind_of(&MessageClass::new("IPM.Not")));
/// ```
#[derive(Clone, Debug, Eq)]
pub struct MessageClass(String);

impl MessageClass {
    /// Takes the name of a class.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name, as it was spelled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a class or one derived from it: the same names from the left.
    #[must_use]
    pub fn is_kind_of(&self, class: &Self) -> bool {
        let (name, class) = (self.0.as_bytes(), class.0.as_bytes());
        let begins = name
            .get(..class.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(class));
        begins && matches!(name.get(class.len()), None | Some(b'.'))
    }
}

impl PartialEq for MessageClass {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Hash for MessageClass {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for MessageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn classes_are_equal_whatever_their_case() {
        // OXCMSG-R1605
        let classes: HashSet<MessageClass> = ["IPM.Note", "ipm.note", "IPM.NOTE", "IPM.Notes"]
            .map(MessageClass::new)
            .into();
        assert_eq!(classes.len(), 2);
        assert_eq!(MessageClass::new("Ipm.Note").to_string(), "Ipm.Note");
    }

    #[test]
    fn kind_ends_at_a_dot() {
        let class = MessageClass::new("IPM.Note.é");
        for (kind, expected) in [
            ("ipm", true),
            ("IPM.note", true),
            ("IPM.Note.é", true),
            ("IPM.Note.é.x", false),
            ("IPM.Not", false),
            ("IPM.Note.", false),
        ] {
            assert_eq!(
                class.is_kind_of(&MessageClass::new(kind)),
                expected,
                "{kind}"
            );
        }
    }
}
