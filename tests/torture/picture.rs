//! What a store shows, as lines that two runs of the same script have in common: no ids, no times.

use std::path::Path;
use std::time::Duration;

use mapistore::{
    Access, AttachMethod, Cell, ChangeNumber, EntryId, Message, Result, Store, StoredValue, pr,
};

use crate::actor::read_all;

/// Opens a store whose disk is sound, checks it, and answers what it shows.
///
/// # Panics
///
/// If it cannot be opened, or the check finds something.
pub(crate) fn checked_picture(path: &Path) -> Vec<String> {
    let store = Store::options()
        .client_name("judge")
        .busy_timeout(Duration::from_secs(5))
        .open(path)
        .unwrap();
    let report = store.check(&mut |_| ()).unwrap();
    assert_eq!(report.problems, Vec::<String>::new(), "damage");
    picture(&store).unwrap()
}

fn picture(store: &Store) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for folder in store.folders()? {
        lines.push(format!(
            "folder {}: {} of {} unread",
            folder.path, folder.unread, folder.total
        ));
    }
    const MESSAGES: &str = "SELECT entry_id, folder_path, change_number, read, status, deleted_at IS NOT NULL \
        FROM inspect_messages ORDER BY change_number, subject";
    for row in store.query(MESSAGES)?.rows {
        let [Cell::Text(uid), around @ ..] = &row[..] else {
            panic!("a message without an id: {row:?}")
        };
        let id: EntryId = format!("00000000{}{uid}", store.uid()).parse()?;
        let message = store.open_message_or_deleted(&id, Access::ReadOnly)?;
        lines.push(format!(
            "message in {around:?}, version {:?}",
            message.row_version()
        ));
        content(&message, "  ", &mut lines)?;
        for version in store.versions(&id)? {
            lines.push(format!(
                "  version {} was {}",
                version.saved.row_version,
                version.saved.kind.name()
            ));
        }
    }
    for change in store.changes_after(ChangeNumber::ZERO, u32::MAX)? {
        lines.push(format!(
            "change {}: {} of {}, version {:?}, {:?}",
            change.change_number,
            change.kind.name(),
            change.objects.len(),
            change.row_version,
            change.properties
        ));
    }
    const KEPT: &str = "SELECT row_version, reason, subject FROM inspect_versions ORDER BY 3, 1";
    for row in store.query(KEPT)?.rows {
        lines.push(format!("kept {row:?}"));
    }
    for (id, name) in store.named_properties()? {
        lines.push(format!("name {id:?} {name}"));
    }
    Ok(lines)
}

fn content(message: &Message, indent: &str, lines: &mut Vec<String>) -> Result<()> {
    lines.push(format!("{indent}subject {:?}", message.get(pr::SUBJECT)?));
    for (tag, value) in message.properties()? {
        let is_named = tag.id().is_named();
        if let StoredValue::Stream(_) = value {
            let bytes = read_all(message.open_stream(tag)?)?;
            lines.push(format!("{indent}{tag} {}", digest(&bytes)));
        } else if is_named || tag == pr::BODY.tag() {
            lines.push(format!(
                "{indent}{tag} {}",
                digest(format!("{value:?}").as_bytes())
            ));
        }
    }
    for row in message.recipients()? {
        lines.push(format!(
            "{indent}to {} <{}>",
            row.recipient.name, row.recipient.address
        ));
    }
    for row in message.attachments()? {
        lines.push(format!("{indent}attached {:?}", row.name));
        if row.method == AttachMethod::EmbeddedMessage {
            let inner = message.open_attached_message(row.number)?;
            content(&inner, &format!("{indent}  "), lines)?;
        } else {
            let bytes = read_all(message.open_attachment_data(row.number)?)?;
            lines.push(format!("{indent}  {}", digest(&bytes)));
        }
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    format!("{} bytes {}", bytes.len(), mapistore::StreamHash::of(bytes))
}
