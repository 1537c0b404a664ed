//! What is mine in a conflict, for the file that keeps it.

use mapistore::{ChangedBy, Conflict, PropertyTag, Side, Store, StoredValue};

use crate::json::{self, Members, Value};
use crate::report;
use crate::{names, values};

/// What is mine, as JSON that a person can read and a program can use.
pub(super) fn pending_changes(store: &Store, conflict: &Conflict) -> anyhow::Result<String> {
    let differences = conflict.differences();
    let mine: Vec<_> = differences
        .properties
        .iter()
        .filter(|one| !matches!(one.changed_by, ChangedBy::Theirs))
        .collect();
    let tags: Vec<PropertyTag> = mine.iter().map(|one| one.tag).collect();
    let names = names::of_properties(store, &tags)?;
    let mut set = Vec::new();
    let mut deleted = Vec::new();
    for (one, name) in mine.iter().zip(names) {
        match conflict.value(Side::Mine, one.tag)? {
            Some(value) => set.push((name, values::to_json(&StoredValue::Inline(value)))),
            None => deleted.push(Value::Text(name)),
        }
    }
    let recipients = differences.recipients.iter();
    let recipients = recipients
        .filter_map(|one| one.mine.as_ref())
        .map(|one| Value::Text(report::person(one)));
    let attachments = differences.attachments.iter();
    let attachments = attachments
        .filter_map(|one| one.mine.as_ref())
        .map(|one| Value::Text(one.name.clone().unwrap_or_default()));
    let member = |name: &str, value: Value| (name.to_owned(), value);
    let entry = conflict.entry_id().object().to_string();
    let object = Value::Object(Members(vec![
        member("entry_id", Value::Text(entry)),
        member(
            "base_version",
            Value::Integer(conflict.base_version().get()),
        ),
        member("properties", Value::Object(Members(set))),
        member("deleted", Value::Many(deleted)),
        member("recipients", Value::Many(recipients.collect())),
        member("attachments", Value::Many(attachments.collect())),
    ]));
    Ok(json::to_string(&object)? + "\n")
}
