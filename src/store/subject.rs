//! The three properties of a subject, which always agree: the text is stored, with the prefix where a client has
//! chosen one, and the rest is computed.

use crate::error::{Error, Result};
use crate::model::{Properties, PropertyTag, PropertyValue, StoredValue, Subject, pr};

/// A property that becomes this value, or goes.
pub(crate) type Change = (PropertyTag, Option<StoredValue>);

const TEXT: PropertyTag = pr::SUBJECT.tag();
const PREFIX: PropertyTag = pr::SUBJECT_PREFIX.tag();
const NORMALIZED: PropertyTag = pr::NORMALIZED_SUBJECT.tag();

/// Whether a property is one of the three, whatever its type.
pub(crate) fn is_part(tag: PropertyTag) -> bool {
    [TEXT, PREFIX, NORMALIZED]
        .iter()
        .any(|part| part.id() == tag.id())
}

/// The prefix as a property: also an empty one that a client has chosen, but not the lack of one.
pub(crate) fn prefix(properties: &Properties) -> Option<String> {
    let subject = read(properties)?;
    let is_there = subject.explicit_prefix().is_some() || !subject.prefix().is_empty();
    is_there.then(|| subject.prefix().to_owned())
}

/// The normalized subject as a property.
pub(crate) fn normalized(properties: &Properties) -> Option<String> {
    Some(read(properties)?.normalized().to_owned())
}

/// The subject, if there is one in Unicode: of an 8-bit text nobody says where its characters end.
fn read(properties: &Properties) -> Option<Subject> {
    let text = properties.typed(pr::SUBJECT)?;
    Some(Subject::new(text, properties.typed(pr::SUBJECT_PREFIX)))
}

/// What setting one of the three changes.
pub(crate) fn set(
    properties: &Properties,
    tag: PropertyTag,
    value: StoredValue,
) -> Result<Vec<Change>> {
    if tag.id() == TEXT.id() {
        let chosen = properties.typed(pr::SUBJECT_PREFIX);
        let is_forgotten = match (&value, chosen) {
            (StoredValue::Inline(PropertyValue::Unicode(text)), Some(prefix)) => {
                !text.starts_with(&prefix)
            }
            (_, chosen) => chosen.is_some(),
        };
        let mut changes = vec![(tag, Some(value))];
        changes.extend(is_forgotten.then_some((PREFIX, None)));
        return Ok(changes);
    }
    let StoredValue::Inline(PropertyValue::Unicode(text)) = value else {
        return Err(Error::NoSupport {
            detail: format!("{tag}: the parts of a subject are Unicode texts"),
        });
    };
    let mut subject = match read(properties) {
        Some(subject) => subject,
        None if properties.get_any_type(TEXT.id()).is_none() => Subject::default(),
        None => {
            return Err(Error::NoSupport {
                detail: format!("{tag}: the subject is an 8-bit text, which is not taken apart"),
            });
        }
    };
    if tag == PREFIX {
        subject.set_prefix(text);
    } else {
        subject.set_normalized(&text);
    }
    Ok(written(&subject, properties))
}

/// What deleting one of the three changes. The normalized subject goes with the subject, and not without it.
pub(crate) fn delete(properties: &Properties, tag: PropertyTag) -> Result<Vec<Change>> {
    let subject = read(properties);
    if tag.id() == TEXT.id() {
        let mut changes = vec![(TEXT, None)];
        changes.extend(properties.get(PREFIX).map(|_| (PREFIX, None)));
        return Ok(changes);
    }
    match subject {
        Some(_) if tag.id() == NORMALIZED.id() => Err(Error::Computed { tag }),
        Some(mut subject) => {
            subject.remove_prefix();
            Ok(written(&subject, properties))
        }
        None => Ok(Vec::new()),
    }
}

fn written(subject: &Subject, properties: &Properties) -> Vec<Change> {
    let text = PropertyValue::Unicode(subject.text().to_owned());
    let prefix = subject
        .explicit_prefix()
        .map(|prefix| StoredValue::Inline(PropertyValue::Unicode(prefix.to_owned())));
    let mut changes = vec![(TEXT, Some(StoredValue::Inline(text)))];
    if prefix.is_some() || properties.get(PREFIX).is_some() {
        changes.push((PREFIX, prefix));
    }
    changes
}
