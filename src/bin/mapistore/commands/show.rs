//! `show`: one message.

mod object;

use std::io::Read;

use clap::Args;
use console::Style;
use indicatif::HumanCount;
use mapistore::{
    Access, AttachMethod, AttachmentInfo, Error, Message, MessageFlags, PropertyTag, RecipientKind,
    RowId, Store, StoredValue, Tag, pr,
};

use crate::args::Global;
use crate::exit::Exit;
use crate::names::{self, Prefix};
use crate::output::{Format, Output};
use crate::values;

pub(crate) use self::object::object;

/// How much of a large body people see unless they ask for all.
const BODY_SHOWN: u64 = 2_000;
/// The width of the names in the header block.
const NAME_WIDTH: usize = 13;
/// How far a message stands to the right of the one that it is embedded in.
const INDENT: usize = 4;

/// Show a message: header, properties and body
///
/// Soft-deleted messages are shown too, and say that they are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mapistore show 3f2a
  mapistore show 3f2a --full
  mapistore show 3f2a --json | jq .row_version")]
pub(crate) struct Show {
    /// The message
    entry: String,
    /// Load large values too, and show attached messages
    #[arg(long)]
    full: bool,
}

/// Whether large values are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LargeValues {
    Loaded,
    Named,
}

impl Show {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open_to_read()?;
        let entry = names::entry(&store, &self.entry, Prefix::Four)?;
        let message = store.open_message_or_deleted(&entry, Access::ReadOnly)?;
        let large = if self.full {
            LargeValues::Loaded
        } else {
            LargeValues::Named
        };
        match output.format() {
            Format::Json => output.json(&object(&store, &message, large)?)?,
            Format::People => {
                header(&store, &message, output)?;
                properties(&store, &message, large, output)?;
                if large == LargeValues::Loaded {
                    recipients(&store, &message, output)?;
                }
                body(&message, large, output)?;
                if large == LargeValues::Loaded {
                    embedded(&store, &message, INDENT, output)?;
                }
            }
        }
        Ok(Exit::Done)
    }
}

/// The message in an attachment, if there is one.
fn attached_message(
    message: &Message,
    info: &AttachmentInfo,
) -> mapistore::Result<Option<Message>> {
    match message.open_attached_message(info.number) {
        Ok(embedded) => Ok(Some(embedded)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `PR_MESSAGE_FLAGS` by name.
fn flags(message: &Message) -> mapistore::Result<Vec<String>> {
    let flags = message.get(pr::MESSAGE_FLAGS)?.unwrap_or(0);
    let names = MessageFlags::from_bits_retain(flags).iter_names();
    Ok(names
        .map(|(name, _)| name.to_ascii_lowercase().replace('_', "-"))
        .collect())
}

fn loaded(message: &Message, tag: PropertyTag) -> mapistore::Result<Option<StoredValue>> {
    Ok(message.get_value(tag)?.map(StoredValue::Inline))
}

/// The folder may have been deleted since the message was opened.
fn folder_path(store: &Store, message: &Message) -> Option<String> {
    store.folder_path(&message.folder_id()).ok()
}

/// The messages in attachments, each as the outer one is shown, but further to the right.
fn embedded(
    store: &Store,
    message: &Message,
    indent: usize,
    output: &mut Output,
) -> anyhow::Result<()> {
    for info in message.attachments()? {
        let Some(inner) = attached_message(message, &info)? else {
            continue;
        };
        output.indent(indent);
        output.line("")?;
        let title = format!("Attached message {}", info.number.0);
        output.styled(&Style::new().bold(), &title, "")?;
        people(&inner, output)?;
        attachments(&inner, output)?;
        properties(store, &inner, LargeValues::Loaded, output)?;
        recipients(store, &inner, output)?;
        body(&inner, LargeValues::Loaded, output)?;
        embedded(store, &inner, indent + INDENT, output)?;
    }
    output.indent(0);
    Ok(())
}

fn header(store: &Store, message: &Message, output: &mut Output) -> anyhow::Result<()> {
    people(message, output)?;
    identity(store, message, output)?;
    attachments(message, output)
}

/// What it is about, whom it is from and to, and when it came.
fn people(message: &Message, output: &mut Output) -> anyhow::Result<()> {
    let text = |tag: Tag<String>| message.get(tag).map(Option::unwrap_or_default);
    field(output, "Subject", &text(pr::SUBJECT)?)?;
    let mut from = (
        text(pr::SENT_REPRESENTING_NAME)?,
        text(pr::SENT_REPRESENTING_EMAIL_ADDRESS)?,
    );
    if from == Default::default() {
        from = (text(pr::SENDER_NAME)?, text(pr::SENDER_EMAIL_ADDRESS)?);
    }
    field(output, "From", &person(&from.0, &from.1))?;
    for (name, kind) in [
        ("To", RecipientKind::To),
        ("Cc", RecipientKind::Cc),
        ("Bcc", RecipientKind::Bcc),
    ] {
        let of_kind = message
            .recipients()?
            .into_iter()
            .map(|entry| entry.recipient)
            .filter(|one| one.kind == kind);
        let people: Vec<String> = of_kind.map(|one| person(&one.name, &one.address)).collect();
        field(output, name, &people.join("; "))?;
    }
    let received = match message.get(pr::MESSAGE_DELIVERY_TIME)? {
        None => message.get(pr::CLIENT_SUBMIT_TIME)?,
        time => time,
    };
    field(
        output,
        "Received",
        &received.map(values::time_for_people).unwrap_or_default(),
    )?;
    Ok(())
}

/// Where it is, and which version this is.
fn identity(store: &Store, message: &Message, output: &mut Output) -> anyhow::Result<()> {
    field(
        output,
        "Folder",
        &folder_path(store, message).unwrap_or_default(),
    )?;
    field(output, "Entry", &message.entry_id().object().to_string())?;
    let saved_by = message.get(pr::LAST_MODIFIER_NAME)?.unwrap_or_default();
    let saved_at = message
        .get(pr::LOCAL_COMMIT_TIME)?
        .map(values::time_for_people)
        .unwrap_or_default();
    let version = message
        .row_version()
        .map(|version| version.to_string())
        .unwrap_or_default();
    field(
        output,
        "Version",
        &format!("{version}, saved by {saved_by} at {saved_at}"),
    )?;
    if let Some(time) = message.deleted_at() {
        let time = values::time_for_people(time);
        field(
            output,
            "Deleted",
            &format!("at {time}; it can only be looked at"),
        )?;
    }
    field(output, "Flags", &flags(message)?.join(", "))?;
    Ok(())
}

fn attachments(message: &Message, output: &mut Output) -> anyhow::Result<()> {
    for info in message.attachments()? {
        let is_message = info.method == AttachMethod::EmbeddedMessage;
        let size = info.data.map_or_else(String::new, |data| {
            format!(", {} bytes", HumanCount(data.size))
        });
        let name = info.name.unwrap_or_else(|| "(no name)".to_owned());
        let kind = if is_message { ", a message" } else { "" };
        field(
            output,
            "Attachment",
            &format!("{}: {name}{kind}{size}", info.number.0),
        )?;
    }
    Ok(())
}

/// A line of the header; none where there is nothing to say.
fn field(output: &mut Output, name: &str, value: &str) -> std::io::Result<()> {
    if value.is_empty() {
        return Ok(());
    }
    let name = format!("{:NAME_WIDTH$}", format!("{name}:"));
    output.styled(&Style::new().bold(), &name, value)
}

fn person(name: &str, address: &str) -> String {
    match (name, address) {
        (name, "") => name.to_owned(),
        ("", address) => address.to_owned(),
        (name, address) if name == address => address.to_owned(),
        (name, address) => format!("{name} <{address}>"),
    }
}

fn properties(
    store: &Store,
    message: &Message,
    large: LargeValues,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for (name, tag, value) in named(store, message.properties()?)? {
        let is_body = tag == pr::BODY.tag();
        let value = match (&value, large) {
            _ if is_body => continue,
            (StoredValue::Stream(_), LargeValues::Loaded) => loaded(message, tag)?.unwrap_or(value),
            _ => value,
        };
        rows.push(vec![name, values::to_text(&value)]);
    }
    output.line("")?;
    output.table(
        &[
            crate::output::Column::whole("property"),
            crate::output::Column::text("value"),
        ],
        &rows,
    )?;
    Ok(())
}

/// What is known of recipients beyond what stands in the header.
fn recipients(store: &Store, message: &Message, output: &mut Output) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for entry in message.recipients()? {
        for (name, _, value) in named(store, further_properties(message, entry.row_id)?)? {
            let row = entry.row_id.0.to_string();
            let person = person(&entry.recipient.name, &entry.recipient.address);
            rows.push(vec![row, person, name, values::to_text(&value)]);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.table(
        &[
            crate::output::Column::number("row"),
            crate::output::Column::text("recipient"),
            crate::output::Column::whole("property"),
            crate::output::Column::text("value"),
        ],
        &rows,
    )?;
    Ok(())
}

/// The properties of a recipient that have no place of their own.
fn further_properties(
    message: &Message,
    row_id: RowId,
) -> mapistore::Result<Vec<(PropertyTag, StoredValue)>> {
    let shown = [
        pr::ROWID.tag(),
        pr::RECIPIENT_TYPE.tag(),
        pr::DISPLAY_NAME.tag(),
        pr::ADDRTYPE.tag(),
        pr::EMAIL_ADDRESS.tag(),
    ];
    let mut properties = message.recipient_properties(row_id)?;
    properties.retain(|(tag, _)| !shown.contains(tag));
    Ok(properties)
}

/// Properties with their names.
fn named(
    store: &Store,
    properties: Vec<(PropertyTag, StoredValue)>,
) -> mapistore::Result<Vec<(String, PropertyTag, StoredValue)>> {
    let tags: Vec<PropertyTag> = properties.iter().map(|(tag, _)| *tag).collect();
    let names = names::of_properties(store, &tags)?.into_iter();
    let named = names.zip(properties);
    Ok(named
        .map(|(name, (tag, value))| (name, tag, value))
        .collect())
}

fn body(message: &Message, large: LargeValues, output: &mut Output) -> anyhow::Result<()> {
    let is_large = |(tag, value): (PropertyTag, StoredValue)| match value {
        StoredValue::Stream(stream) if tag == pr::BODY.tag() => Some(stream.size),
        _ => None,
    };
    let shortened = match large {
        LargeValues::Named => message.properties()?.into_iter().find_map(is_large),
        LargeValues::Loaded => None,
    };
    if let Some(size) = shortened {
        let mut beginning = Vec::new();
        message
            .open_stream(pr::BODY.tag())?
            .take(BODY_SHOWN)
            .read_to_end(&mut beginning)?;
        let beginning = String::from_utf8_lossy(&beginning);
        output.line("")?;
        // The cut may have gone through a character.
        output.text(beginning.trim_end_matches('\u{FFFD}'))?;
        output.line(&format!(
            "[… {} bytes in all; --full shows them]",
            HumanCount(size)
        ))?;
    } else if let Some(text) = message.get(pr::BODY)?.filter(|text| !text.is_empty()) {
        output.line("")?;
        output.text(&text)?;
    } else if message
        .properties()?
        .iter()
        .any(|(tag, _)| tag.id() == pr::HTML.tag().id())
    {
        output.line("")?;
        output.line("[the body is HTML only: PR_HTML]")?;
    }
    Ok(())
}
