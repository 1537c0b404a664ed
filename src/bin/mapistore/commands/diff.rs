//! `diff`: what differs between two versions of a message.

use std::collections::BTreeMap;

use clap::Args;
use console::Style;
use mapistore::{
    AttachmentInfo, Message, PropertyId, PropertyTag, RecipientEntry, Store, StoredValue, pr,
};
use similar::{ChangeTag, TextDiff};

use crate::args::Global;
use crate::exit::Exit;
use crate::json::{DiffObject, DifferenceObject, Value};
use crate::names::{self, Prefix, Version};
use crate::output::{Column, Format, Output};
use crate::values;

/// Lines of a body that are shown around a change.
const CONTEXT: usize = 3;

/// Show what differs between two versions of a message
///
/// Properties side by side, the body line by line. Versions whose content is kept can be compared, and the current one:
/// `log` shows which these are. What the store computes for each save, such as times, is left out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore log 3f2a
  mapistore diff 3f2a 4 6
  mapistore diff 3f2a 4 6 --json | jq .properties")]
pub(crate) struct Diff {
    /// The message
    entry: String,
    /// The one version
    #[arg(value_name = "A")]
    from: Version,
    /// The other version
    #[arg(value_name = "B")]
    to: Version,
}

/// A thing that differs, as each of the versions has it.
struct Difference<T> {
    name: String,
    from: Option<T>,
    to: Option<T>,
}

impl Diff {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open_to_read()?;
        let entry = names::entry(&store, &self.entry, Prefix::Four)?;
        let from = store.open_version(&entry, self.from.0)?;
        let to = store.open_version(&entry, self.to.0)?;
        let properties = properties(&store, &from, &to)?;
        let recipients = aligned(recipients(&from)?, recipients(&to)?);
        let attachments = aligned(attachments(&from)?, attachments(&to)?);
        let bodies = (body(&from)?, body(&to)?);
        if output.format() == Format::Json {
            output.json(&DiffObject {
                entry_id: entry.object(),
                from: self.from.0,
                to: self.to.0,
                properties: properties.iter().map(property_object).collect(),
                recipients: recipients.iter().map(text_object).collect(),
                attachments: attachments.iter().map(text_object).collect(),
                body: (bodies.0 != bodies.1).then(|| unified(&bodies.0, &bodies.1)),
            })?;
            return Ok(Exit::Done);
        }
        let mut rows: Vec<Vec<String>> = Vec::new();
        for one in &properties {
            let text = |value: &Option<StoredValue>| value.as_ref().map(values::to_text);
            rows.push(row(&one.name, text(&one.from), text(&one.to)));
        }
        for one in recipients.into_iter().chain(attachments) {
            rows.push(row(&one.name, one.from, one.to));
        }
        if !rows.is_empty() {
            let (from, to) = (
                format!("version {}", self.from.0),
                format!("version {}", self.to.0),
            );
            let columns = [
                Column::whole("differs"),
                Column::text(&from),
                Column::text(&to),
            ];
            output.table(&columns, &rows)?;
        }
        if bodies.0 != bodies.1 {
            if !rows.is_empty() {
                output.line("")?;
            }
            show_bodies(&bodies.0, &bodies.1, output)?;
        }
        Ok(Exit::Done)
    }
}

fn row(name: &str, from: Option<String>, to: Option<String>) -> Vec<String> {
    let shown = |side: Option<String>| side.unwrap_or_else(|| "-".to_owned());
    vec![name.to_owned(), shown(from), shown(to)]
}

/// The properties that differ, but for the plain body and for what describes a save.
fn properties(
    store: &Store,
    from: &Message,
    to: &Message,
) -> anyhow::Result<Vec<Difference<StoredValue>>> {
    let by_id = |message: &Message| -> mapistore::Result<BTreeMap<PropertyId, _>> {
        let all = message.properties()?.into_iter();
        let shown = all.filter(|(tag, _)| !is_of_the_save(*tag) && *tag != pr::BODY.tag());
        Ok(shown.map(|(tag, value)| (tag.id(), (tag, value))).collect())
    };
    let (mut from, mut to) = (by_id(from)?, by_id(to)?);
    let ids: Vec<PropertyId> = from.keys().chain(to.keys()).copied().collect();
    let mut found: Vec<(PropertyTag, Option<StoredValue>, Option<StoredValue>)> = Vec::new();
    for id in ids {
        match (from.remove(&id), to.remove(&id)) {
            // Both sides name the property once each, so it comes up twice.
            (None, None) => {}
            (Some(one), Some(other)) if one == other => {}
            (one, other) => {
                let tag = other.as_ref().or(one.as_ref()).map(|(tag, _)| *tag);
                let value = |side: Option<(PropertyTag, StoredValue)>| side.map(|(_, value)| value);
                found.extend(tag.map(|tag| (tag, value(one), value(other))));
            }
        }
    }
    found.sort_by_key(|(tag, ..)| *tag);
    let tags: Vec<PropertyTag> = found.iter().map(|(tag, ..)| *tag).collect();
    let names = names::of_properties(store, &tags)?;
    let named = names.into_iter().zip(found);
    Ok(named
        .map(|(name, (_, from, to))| Difference { name, from, to })
        .collect())
}

/// Whether a property differs between any two versions.
fn is_of_the_save(tag: PropertyTag) -> bool {
    [
        pr::LAST_MODIFICATION_TIME.tag(),
        pr::LAST_MODIFIER_NAME.tag(),
        pr::LAST_MODIFIER_ENTRYID.tag(),
        pr::LOCAL_COMMIT_TIME.tag(),
        pr::CHANGE_KEY.tag(),
        pr::PREDECESSOR_CHANGE_LIST.tag(),
        pr::MESSAGE_SIZE.tag(),
        pr::MESSAGE_SIZE_EXTENDED.tag(),
        pr::DISPLAY_TO.tag(),
        pr::DISPLAY_CC.tag(),
        pr::DISPLAY_BCC.tag(),
    ]
    .contains(&tag)
}

fn recipients(message: &Message) -> mapistore::Result<BTreeMap<String, String>> {
    let text = |entry: RecipientEntry| {
        let one = entry.recipient;
        let text = format!("{}: {} <{}>", one.kind.name(), one.name, one.address);
        (format!("recipient {}", entry.row_id.0), text)
    };
    Ok(message.recipients()?.into_iter().map(text).collect())
}

fn attachments(message: &Message) -> mapistore::Result<BTreeMap<String, String>> {
    let text = |info: AttachmentInfo| {
        let name = info.name.unwrap_or_else(|| "(no name)".to_owned());
        let data = info.data.map_or_else(String::new, |data| {
            format!(", {} bytes, {}", data.size, data.hash)
        });
        (
            format!("attachment {}", info.number.0),
            format!("{name}{data}"),
        )
    };
    Ok(message.attachments()?.into_iter().map(text).collect())
}

/// What differs, by name.
fn aligned(
    from: BTreeMap<String, String>,
    mut to: BTreeMap<String, String>,
) -> Vec<Difference<String>> {
    let mut found: Vec<Difference<String>> = from
        .into_iter()
        .map(|(name, from)| Difference {
            to: to.remove(&name),
            name,
            from: Some(from),
        })
        .collect();
    found.extend(to.into_iter().map(|(name, to)| Difference {
        name,
        from: None,
        to: Some(to),
    }));
    found.retain(|one| one.from != one.to);
    found
}

fn body(message: &Message) -> mapistore::Result<String> {
    Ok(message.get(pr::BODY)?.unwrap_or_default())
}

fn unified(from: &str, to: &str) -> String {
    let mut diff = TextDiff::from_lines(from, to)
        .unified_diff()
        .context_radius(CONTEXT)
        .to_string();
    // A mark of the diff, and no line of the body.
    diff.truncate(diff.trim_end_matches('\n').len());
    diff
}

fn show_bodies(from: &str, to: &str, output: &mut Output) -> anyhow::Result<()> {
    output.styled(&Style::new().bold(), "PR_BODY", "")?;
    let diff = TextDiff::from_lines(from, to);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        output.styled(&Style::new().cyan(), &hunk.header().to_string(), "")?;
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches(['\n', '\r']);
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', Style::new().red()),
                ChangeTag::Insert => ('+', Style::new().green()),
                ChangeTag::Equal => (' ', Style::new()),
            };
            output.styled(&style, &format!("{sign}{line}"), "")?;
        }
    }
    Ok(())
}

fn property_object(one: &Difference<StoredValue>) -> DifferenceObject {
    let json = |side: &Option<StoredValue>| side.as_ref().map_or(Value::Null, values::to_json);
    DifferenceObject {
        name: one.name.clone(),
        from: json(&one.from),
        to: json(&one.to),
    }
}

fn text_object(one: &Difference<String>) -> DifferenceObject {
    let json = |side: &Option<String>| side.clone().map_or(Value::Null, Value::Text);
    DifferenceObject {
        name: one.name.clone(),
        from: json(&one.from),
        to: json(&one.to),
    }
}
