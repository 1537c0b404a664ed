//! A subject and its parts: a prefix such as `RE: `, and the rest, the normalized subject.

/// The prefix that a subject has by itself: one to three characters that are neither digits nor blanks, a colon and
/// a space ([MS-OXCMSG] 2.2.1.9, PidTagSubjectPrefix). Empty if it has none.
#[must_use]
fn automatic_prefix(subject: &str) -> &str {
    let is_prefix = |word: &str| {
        (1..=3).contains(&word.chars().count())
            && !word
                .chars()
                .any(|character| character.is_numeric() || character == ' ')
    };
    let end = subject
        .find(": ")
        .filter(|end| subject.get(..*end).is_some_and(is_prefix));
    end.and_then(|end| subject.get(..end + 2)).unwrap_or("")
}

/// A subject whose parts always agree: the text is the prefix followed by the normalized subject.
///
/// Clients of MAPI set the text, and perhaps a prefix that the automatic one would miss; those of [MS-OXCMSG] set
/// the prefix and the normalized subject. Either way reads all three as it expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    text: String,
    /// The prefix that a client has chosen, which the text begins with.
    explicit: Option<String>,
}

impl Subject {
    /// Takes a text, and the prefix that a client has chosen, which is forgotten if the text does not begin with it.
    #[must_use]
    pub(crate) fn new(text: String, explicit: Option<String>) -> Self {
        let explicit = explicit.filter(|prefix| text.starts_with(&**prefix));
        Self { text, explicit }
    }

    /// All of the subject.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The prefix, if a client has chosen it.
    #[must_use]
    pub(crate) fn explicit_prefix(&self) -> Option<&str> {
        self.explicit.as_deref()
    }

    /// The prefix: the chosen one, else the automatic one, which may be empty.
    #[must_use]
    pub(crate) fn prefix(&self) -> &str {
        self.explicit
            .as_deref()
            .unwrap_or_else(|| automatic_prefix(&self.text))
    }

    /// What follows the prefix.
    #[must_use]
    pub(crate) fn normalized(&self) -> &str {
        self.text.strip_prefix(self.prefix()).unwrap_or(&self.text)
    }

    /// Chooses a prefix. A text that begins with it stays as it is; of any other one the prefix is replaced.
    pub(crate) fn set_prefix(&mut self, prefix: String) {
        if !self.text.starts_with(&prefix) {
            self.text = format!("{prefix}{}", self.normalized());
        }
        self.explicit = Some(prefix);
    }

    /// Puts another normalized subject behind the prefix.
    pub(crate) fn set_normalized(&mut self, normalized: &str) {
        let prefix = self.prefix().to_owned();
        self.text = format!("{prefix}{normalized}");
        // A normalized subject may look as if it had a prefix itself.
        if self.explicit.is_some() || automatic_prefix(&self.text) != prefix {
            self.explicit = Some(prefix);
        }
    }

    /// Takes the prefix away from the text.
    pub(crate) fn remove_prefix(&mut self) {
        self.text = self.normalized().to_owned();
        self.explicit = Some(String::new()).filter(|_| !automatic_prefix(&self.text).is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_prefix_is_one_to_three_characters_and_a_colon_with_a_space() {
        for (subject, prefix) in [
            ("RE: Plan", "RE: "),
            ("R: Plan", "R: "),
            ("回覆: Plan", "回覆: "),
            ("Ang: Plan", "Ang: "),
            ("RE: ", "RE: "),
            ("Antwort: Plan", ""),
            (": Plan", ""),
            ("RE:Plan", ""),
            ("R2: Plan", ""),
            ("a b: Plan", ""),
            ("Plan", ""),
            ("", ""),
        ] {
            assert_eq!(automatic_prefix(subject), prefix, "{subject}");
        }
    }

    #[test]
    fn parts_always_make_up_the_text() {
        let mut subject = Subject::default();
        let check = |subject: &Subject| {
            let parts = format!("{}{}", subject.prefix(), subject.normalized());
            assert_eq!(subject.text(), parts);
        };
        let texts = ["", "RE: ", "RE: Plan", "Plan", "FW: RE: Plan", "Antwort: x"];
        for first in texts {
            for second in texts {
                subject = Subject::new(first.to_owned(), subject.explicit);
                check(&subject);
                subject.set_prefix(second.to_owned());
                check(&subject);
                assert_eq!(subject.prefix(), second);
                subject.set_normalized(first);
                check(&subject);
                assert_eq!((subject.prefix(), subject.normalized()), (second, first));
                subject.remove_prefix();
                check(&subject);
                assert_eq!((subject.prefix(), subject.text()), ("", first));
            }
        }
    }

    #[test]
    fn chosen_prefix_that_the_text_does_not_begin_with_is_forgotten() {
        let subject = Subject::new("RE: Plan".to_owned(), Some("FW: ".to_owned()));
        assert_eq!(subject.explicit_prefix(), None);
        assert_eq!((subject.prefix(), subject.normalized()), ("RE: ", "Plan"));
    }
}
