//! What a forked child gets from a store and a handle that its parent opened.

use std::io::{Read, Write};
use std::time::Duration;

use fork::Fork;
use mapistore::{
    ChangeNumber, Deletion, EntryId, Folder, MapiProp, Message, PropertyStream, ReadState,
    Recipient, SaveFlags, Saved, SpecialFolder, Store, StreamAccess, StreamReader, Subscription,
    UnknownNames, pr,
};
use serde_json::{Value, json};

use super::executor::Said;
use super::protocol::Failure;
use super::turn::{LockFile, Part};

/// Runs the one in a forked child and the other in its parent meanwhile. Answers what the child said.
fn fork_to(in_child: impl FnOnce() -> Value, in_parent: impl FnOnce()) -> Said {
    let failed = |error: std::io::Error| Failure::other(format!("forking: {error}"));
    let (mut from_child, mut to_parent) = std::io::pipe().map_err(failed)?;
    match fork::fork().map_err(failed)? {
        Fork::Child => {
            drop(from_child);
            let said = in_child().to_string();
            let told = to_parent.write_all(said.as_bytes()).is_ok();
            std::process::exit(i32::from(!told));
        }
        Fork::Parent(child) => {
            drop(to_parent);
            in_parent();
            let mut told = String::new();
            from_child.read_to_string(&mut told).map_err(failed)?;
            fork::waitpid(child).map_err(failed)?;
            serde_json::from_str(&told)
                .map_err(|error| Failure::other(format!("the child said {told:?}: {error}")))
        }
    }
}

/// Forks. The child tries every kind of call, drops everything and ends; answers the code of each call, 0 for
/// success. The parent's objects are untouched.
pub(crate) fn try_everything(store: &mut Option<Store>, message: &mut Option<Message>) -> Said {
    let (Some(open), Some(handle)) = (&*store, &*message) else {
        return Err(Failure::other("this client has no store or message open"));
    };
    let mut drafts = open.special_folder(SpecialFolder::Drafts)?;
    let mut changes = open.subscribe(ChangeNumber::ZERO)?;
    let mut draft = drafts.create_message()?;
    let number = handle.attachments()?.first().map(|first| first.number);
    let mut data = number
        .map(|number| handle.open_attachment_data(number))
        .transpose()?
        .ok_or_else(|| Failure::other("the message has no attachment"))?;
    // So that it has a part of the data in memory.
    data.read_exact(&mut [0])
        .map_err(|error| Failure::other(error.to_string()))?;
    let mut stream = draft.open_property_stream(pr::HTML.tag(), StreamAccess::Create)?;
    let in_child = || {
        let mut codes = calls(store.as_ref(), message.as_mut());
        codes.extend(calls_of_others(
            &mut drafts,
            &mut changes,
            &mut data,
            &mut stream,
        ));
        // Dropping them must neither free the parent's locks nor close its connections.
        drop((message.take(), store.take()));
        json!(codes)
    };
    fork_to(in_child, || {})
}

/// Forks and closes the store; then the child opens it anew and creates a message. Answers its code, 0 for success.
pub(crate) fn reopen(store: &mut Option<Store>) -> Said {
    let Some(open) = store else {
        return Err(Failure::other("this client has no store open"));
    };
    let path = open.path().to_owned();
    let failed = |error: std::io::Error| Failure::other(format!("forking: {error}"));
    let (mut closed, closing) = std::io::pipe().map_err(failed)?;
    let mut closing = Some(closing);
    let store = std::cell::RefCell::new(store);
    let in_child = || {
        // The end of the pipe here is the child's own, so that the parent's is the last one.
        let waited = closed.read_exact(&mut [0]);
        let saved = Store::options().open(&path).and_then(|store| {
            let drafts = store.special_folder(SpecialFolder::Drafts)?;
            drafts.create_message()?.save_changes(SaveFlags::empty())
        });
        json!(waited.map_or(u32::MAX, |()| code(saved)))
    };
    fork_to(in_child, || {
        store.borrow_mut().take();
        if let Some(mut closing) = closing.take() {
            // A child that is gone says nothing, and that is noticed.
            let _ = closing.write_all(&[0]);
        }
    })
}

/// Saves a message in another thread; returns when that stands in the queue for the turn.
pub(crate) fn save_in_a_thread(
    store: Store,
    id: EntryId,
) -> std::thread::JoinHandle<mapistore::Result<Saved>> {
    let lock_file = LockFile::beside(store.path());
    let saving = std::thread::spawn(move || {
        let mut message = store.open_message(&id, mapistore::Access::Modify)?;
        message.set(pr::SUBJECT, "in a thread")?;
        message.save_changes(SaveFlags::empty())
    });
    lock_file.wait_until_taken(Part::Line);
    saving
}

/// Forks a child that does nothing. Answers its process id.
pub(crate) fn stay() -> Said {
    let failed = |error: std::io::Error| Failure::other(format!("forking: {error}"));
    match fork::fork().map_err(failed)? {
        Fork::Child => loop {
            std::thread::park();
        },
        Fork::Parent(child) => Ok(json!(child)),
    }
}

fn code<T>(result: mapistore::Result<T>) -> u32 {
    result.err().map_or(0, |error| error.code().value())
}

/// The code of the store's error inside one of a stream; 1 for any other, 0 for success.
fn code_of_io<T>(result: std::io::Result<T>) -> u32 {
    let Err(error) = result else { return 0 };
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<mapistore::Error>());
    inner.map_or(1, |error| error.code().value())
}

fn calls_of_others(
    folder: &mut Folder,
    changes: &mut Subscription,
    data: &mut StreamReader,
    stream: &mut PropertyStream<'_>,
) -> Vec<(&'static str, u32)> {
    vec![
        ("folder info", code(folder.info())),
        ("folder get", code(folder.get_value(pr::COMMENT.tag()))),
        (
            "folder set",
            code(folder.set_value(pr::COMMENT.tag(), "child".into())),
        ),
        ("create_folder", code(folder.create_folder("child"))),
        ("create_message", code(folder.create_message())),
        ("next", code(changes.next(Duration::MAX))),
        ("next at once", code(changes.next(Duration::ZERO))),
        ("read", code_of_io(data.read(&mut [0; 10]))),
        ("stream write", code_of_io(stream.write(b"child"))),
        ("stream read", code_of_io(stream.read(&mut [0; 10]))),
        ("stream commit", code(stream.commit())),
    ]
}

fn calls(store: Option<&Store>, message: Option<&mut Message>) -> Vec<(&'static str, u32)> {
    let (Some(store), Some(message)) = (store, message) else {
        return Vec::new();
    };
    let id = message.entry_id();
    vec![
        ("open anew", code(Store::options().open(store.path()))),
        ("conflict", code(message.conflict())),
        ("create_attachment", code(message.create_attachment())),
        (
            "save_batch",
            code(store.save_batch(&mut [], SaveFlags::empty())),
        ),
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
