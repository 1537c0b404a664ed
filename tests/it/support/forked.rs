//! What a forked child gets from a store and a handle that its parent opened.

use std::io::{Read, Write};
use std::time::Duration;

use fork::Fork;
use mapistore::{
    ChangeNumber, Deletion, MapiProp, Message, ReadState, Recipient, SaveFlags, SpecialFolder,
    Store, UnknownNames, pr,
};
use serde_json::json;

use super::executor::Said;
use super::protocol::Failure;

/// Forks. The child tries every kind of call, drops everything and ends; answers the code of each call, 0 for
/// success. The parent's objects are untouched.
pub(crate) fn try_everything(store: &mut Option<Store>, message: &mut Option<Message>) -> Said {
    let failed = |error: std::io::Error| Failure::other(format!("forking: {error}"));
    let (mut from_child, mut to_parent) = std::io::pipe().map_err(failed)?;
    match fork::fork().map_err(failed)? {
        Fork::Child => {
            drop(from_child);
            let codes = calls(store.as_ref(), message.as_mut());
            // Dropping them must neither free the parent's locks nor close its connections.
            drop((message.take(), store.take()));
            let told = to_parent
                .write_all(json!(codes).to_string().as_bytes())
                .is_ok();
            std::process::exit(i32::from(!told));
        }
        Fork::Parent(child) => {
            drop(to_parent);
            let mut told = String::new();
            from_child.read_to_string(&mut told).map_err(failed)?;
            fork::waitpid(child).map_err(failed)?;
            serde_json::from_str(&told)
                .map_err(|error| Failure::other(format!("the child said {told:?}: {error}")))
        }
    }
}

fn calls(store: Option<&Store>, message: Option<&mut Message>) -> Vec<(&'static str, u32)> {
    fn code<T>(result: mapistore::Result<T>) -> u32 {
        result.err().map_or(0, |error| error.code().value())
    }
    let (Some(store), Some(message)) = (store, message) else {
        return Vec::new();
    };
    let id = message.entry_id();
    vec![
        ("get", code(message.get(pr::SUBJECT))),
        ("properties", code(message.properties())),
        ("set", code(message.set(pr::SUBJECT, "from the child"))),
        (
            "set_stream",
            code(message.set_stream(pr::BODY.tag(), &b"child"[..])),
        ),
        ("open_stream", code(message.open_stream(pr::BODY.tag()))),
        (
            "delete_property",
            code(message.delete_property(pr::SUBJECT.tag())),
        ),
        ("recipients", code(message.recipients())),
        (
            "add_recipient",
            code(message.add_recipient(Recipient::to("child", ""))),
        ),
        ("attachments", code(message.attachments())),
        ("attach", code(message.attach("child", &b"child"[..]))),
        ("is_stale", code(message.is_stale())),
        (
            "wait_until_stale",
            code(message.wait_until_stale(Duration::MAX)),
        ),
        ("subscribe", code(store.subscribe(ChangeNumber::ZERO))),
        ("reload", code(message.reload())),
        (
            "set_read_state",
            code(message.set_read_state(ReadState::Read)),
        ),
        (
            "save",
            code(message.save_changes(SaveFlags::KEEP_OPEN_READWRITE)),
        ),
        ("force", code(message.save_changes(SaveFlags::FORCE_SAVE))),
        (
            "open_message",
            code(store.open_message(&id, mapistore::Access::Modify)),
        ),
        (
            "special_folder",
            code(store.special_folder(SpecialFolder::Inbox)),
        ),
        ("folders", code(store.folders())),
        (
            "delete_messages",
            code(store.delete_messages(&[id], Deletion::Hard)),
        ),
        (
            "store set_read_state",
            code(store.set_read_state(&[id], ReadState::Read)),
        ),
        ("store get", code(store.get(pr::COMMENT))),
        ("store set", code(store.set(pr::COMMENT, "child"))),
        ("store set_values", code(store.clone().set_values(&[]))),
        (
            "ids_from_names",
            code(store.ids_from_names(&[], UnknownNames::Create)),
        ),
        ("named_properties", code(store.named_properties())),
        ("last_change", code(store.last_change())),
        ("query", code(store.query("SELECT 1"))),
        ("collect_garbage", code(store.collect_garbage())),
        ("check", code(store.check(&mut |_| {}))),
    ]
}
