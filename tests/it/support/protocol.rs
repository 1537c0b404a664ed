//! What a client is told to do, and what it answers: as values between threads, as lines of JSON between processes.

use mapistore::{Access, Error, MapiCode, PropertyValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::blob::Blob;

/// Names an open message of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handle(pub(crate) u32);

/// Names an open stream of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stream(pub(crate) u32);

/// How a client opens the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) path: String,
    pub(crate) client_name: String,
    pub(crate) create: bool,
    pub(crate) read_only: bool,
    pub(crate) normal_durability: bool,
    pub(crate) busy_timeout_ms: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Wanted {
    ReadOnly,
    Modify,
    Best,
}

impl From<Wanted> for Access {
    fn from(wanted: Wanted) -> Access {
        match wanted {
            Wanted::ReadOnly => Access::ReadOnly,
            Wanted::Modify => Access::Modify,
            Wanted::Best => Access::Best,
        }
    }
}

/// A value that can be told in a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Plain {
    Text(String),
    Long(i32),
    Boolean(bool),
}

impl From<bool> for Plain {
    fn from(truth: bool) -> Plain {
        Plain::Boolean(truth)
    }
}

impl From<Plain> for PropertyValue {
    fn from(value: Plain) -> PropertyValue {
        match value {
            Plain::Text(text) => PropertyValue::Unicode(text),
            Plain::Long(number) => PropertyValue::Long(number),
            Plain::Boolean(truth) => PropertyValue::Boolean(truth),
        }
    }
}

impl From<&str> for Plain {
    fn from(text: &str) -> Plain {
        Plain::Text(text.to_owned())
    }
}

impl From<i32> for Plain {
    fn from(number: i32) -> Plain {
        Plain::Long(number)
    }
}

/// What is read as a stream.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Part {
    Property(u32),
    Attachment(u32),
}

/// What has properties besides messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Place {
    Folder(String),
    Store,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Command {
    OpenStore(Opening),
    CloseStore,
    StoreUid,
    Create {
        folder: String,
    },
    /// A folder-associated one.
    CreateAssociated {
        folder: String,
    },
    Open {
        id: String,
        access: Wanted,
        deleted: bool,
    },
    Drop(Handle),
    View(Handle),
    Set(Handle, u32, Plain),
    SetBlob(Handle, u32, Blob),
    SetSamples(Handle),
    Delete(Handle, u32),
    AddRecipient(Handle, String),
    RenameRecipient(Handle, u32, String),
    RemoveRecipient(Handle, u32),
    /// A list of recipients, and what it does: the name of a `ModifyRecipients`.
    ModifyRecipients(Handle, String, Vec<RecipientRowSaid>),
    RecipientProperties(Handle, u32),
    Attach(Handle, String, Blob),
    ReplaceAttachment(Handle, u32, Blob),
    DeleteAttachment(Handle, u32),
    /// Attaches a new message of that subject, with a body and an attachment of its own.
    Embed(Handle, String, Blob),
    /// Gives the message in that attachment another subject.
    RenameEmbedded(Handle, u32, String),
    Save(Handle, u32),
    /// Saves with a resolver that gives these answers, one each time it is asked. Before each it waits at a gate: a
    /// named pipe of that folder, until somebody has opened it and closed it again. Answers a `ResolvedView`.
    SaveWith {
        handle: Handle,
        flags: u32,
        answers: Vec<String>,
        gates: Option<String>,
    },
    /// Copies, or moves, all properties.
    CopyTo {
        source: Handle,
        target: Handle,
        flags: u32,
    },
    /// Saves in one commit. Answers what came for each handle.
    SaveBatch(Vec<Handle>, u32),
    SetSaveId(Handle, String),
    FindSave {
        id: String,
        save_id: String,
    },
    Reload(Handle),
    IsStale(Handle),
    SaveElsewhere(Handle, String),
    DeclareBase(Handle, i64),
    MarkRead(Handle, bool),
    DeleteMessages {
        ids: Vec<String>,
        hard: bool,
    },
    Move {
        ids: Vec<String>,
        folder: String,
    },
    SetRead {
        ids: Vec<String>,
        read: bool,
    },
    /// Answers for each whether a report is due.
    SetReadFlags {
        ids: Vec<String>,
        flags: u32,
    },
    /// The same through an open message.
    MarkFlags(Handle, u32),
    /// The same for a folder; answers the messages that changed, and those with a report that is due.
    MarkFolder {
        folder: String,
        flags: u32,
    },
    Status {
        id: String,
    },
    SetStatus {
        id: String,
        status: i32,
        mask: i32,
    },
    /// Writes a blob to a property stream, of the message or of one of its attachments, and reports each MiB. Answers the
    /// most memory that the process has had until then, in KiB.
    WriteStream {
        handle: Handle,
        attachment: Option<u32>,
        blob: Blob,
        commit: bool,
    },
    OpenStream(Handle, Part),
    /// Reads so many bytes and compares them with what the blob has there.
    Compare(Stream, Blob, u64),
    /// Opens a kept version, or the stored one.
    OpenVersion {
        id: String,
        version: i64,
    },
    /// Restores a version. Answers the entry id of what was saved.
    Restore {
        id: String,
        version: i64,
    },
    /// Makes a kept version the pending changes of an open message.
    PutBack(Handle, i64),
    /// Purges all but the newest so many kept versions and rows of the journal of each object. Answers how many went.
    Purge {
        keep: u32,
    },
    CollectGarbage,
    Check,
    /// Holds SQLite's write lock, as a program that knows nothing of turns.
    HoldWriteLock {
        path: String,
    },
    LetGoOfWriteLock,
    /// Makes this folder the one that relative paths begin at.
    GoTo {
        folder: String,
    },
    /// Opens, marks and saves a message so many times; a stale handle opens again. Answers what it saved.
    Race {
        id: String,
        mark: String,
        rounds: u32,
    },
    /// Saves versions whose every part carries the number of the round, and reports each.
    SaveMarked {
        id: String,
        from: u32,
        to: u32,
        large: bool,
    },
    /// Opens until the last mark is there; every part of what it sees must carry the same one.
    WatchMarks {
        id: String,
        last: u32,
    },
    /// Creates messages, and tells each entry id when it is saved.
    CreateMany {
        folder: String,
        count: u32,
    },
    /// Sets a property of a folder or the store.
    SetOn(Place, u32, Plain),
    DeleteOn(Place, u32),
    /// Tells a text of a folder or the store.
    GetOn(Place, u32),
    /// Sets a property of a folder so many times.
    SetOften(Place, u32, u32),
    /// Maps names of properties to numbers.
    MapNames {
        names: Vec<String>,
        create: bool,
    },
    /// Names new properties, one call each, and tells each number when it has it.
    NameMany {
        prefix: String,
        count: u32,
    },
    /// Waits until somebody else changes the message that is open; says the version that is there then, none if it
    /// was deleted.
    WaitUntilStale(Handle),
    /// Forks, lets the child try every call, and tells what it got.
    Fork(Handle),
    /// Forks, closes the store, and lets the child open it anew. Answers what the child got.
    ForkAndReopen,
    /// The same as `Fork` while a thread saves another message, and cannot, since somebody else has the turn. Tells what
    /// the child got, and answers with what came of the save.
    ForkWhileSaving {
        handle: Handle,
        other: String,
    },
    /// Forks a child that does nothing until it is killed. Answers its process id.
    ForkAndStay,
}

/// A row of a list of recipients.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecipientRowSaid {
    pub(crate) row_id: Option<u32>,
    pub(crate) properties: Vec<(u32, Plain)>,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: u32,
    pub(crate) text: String,
    /// What S2 asks an error to say.
    pub(crate) changed: Option<Box<Changed>>,
    /// What kind of object was deleted, and its entry id.
    pub(crate) deleted: Option<(String, String)>,
    /// What an unknown outcome is known by.
    pub(crate) unknown_save: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) base: i64,
    pub(crate) current: i64,
    pub(crate) saved_by: String,
    pub(crate) saved_at: u64,
}

impl Failure {
    pub(crate) fn is(&self, code: MapiCode) -> bool {
        self.code == code.value()
    }

    /// A failure of the test itself, which has no code.
    pub(crate) fn other(text: impl Into<String>) -> Failure {
        Failure {
            code: 0,
            text: text.into(),
            changed: None,
            deleted: None,
            unknown_save: None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let mut failure = Failure::other(error.to_string());
        failure.code = error.code().value();
        match error {
            Error::ObjectChanged {
                base_version,
                current_version,
                saved_by,
                saved_at,
                ..
            } => {
                failure.changed = Some(Box::new(Changed {
                    base: base_version.get(),
                    current: current_version.get(),
                    saved_by,
                    saved_at: saved_at.get(),
                }));
            }
            Error::ObjectDeleted { kind, entry_id } => {
                failure.deleted = Some((kind.to_string(), entry_id.to_string()));
            }
            Error::OutcomeUnknown { save_id, .. } => {
                failure.unknown_save = Some(save_id.to_string());
            }
            _ => {}
        }
        failure
    }
}

/// What a client says: something on the way, and one answer to each command.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Progress(Value),
    Done(Result<Value, Failure>),
}

/// A successful save.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedView {
    pub(crate) entry_id: String,
    pub(crate) row_version: i64,
    pub(crate) change_number: i64,
    pub(crate) save_id: String,
    pub(crate) outcome: String,
}

/// What came of a save with a resolver, and what it was shown: the version that was stored, none for a deleted message,
/// and who had saved it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResolvedView {
    pub(crate) saved: Result<SavedView, Failure>,
    pub(crate) shown: Vec<(Option<i64>, String)>,
}

/// All that a handle shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct View {
    pub(crate) entry_id: String,
    pub(crate) folder: String,
    pub(crate) row_version: Option<i64>,
    pub(crate) access: String,
    pub(crate) pending: bool,
    pub(crate) save_id: String,
    pub(crate) deleted: bool,
    /// What the store computes, but for the content's own (size, names to display).
    pub(crate) computed: Vec<(String, String)>,
    pub(crate) content: ContentView,
}

/// The content, with streams read to their end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContentView {
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) recipients: Vec<(u32, String, String)>,
    pub(crate) attachments: Vec<AttachmentView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AttachmentView {
    pub(crate) number: u32,
    pub(crate) name: Option<String>,
    pub(crate) size: u64,
    /// The hash of the bytes that were read.
    pub(crate) hash: String,
    pub(crate) embedded: Option<Box<ContentView>>,
}

impl View {
    /// A property as its debug form.
    pub(crate) fn property(&self, name: &str) -> Option<&str> {
        let all = self.content.properties.iter().chain(&self.computed);
        all.clone()
            .find(|(tag, _)| tag == name)
            .map(|(_, value)| &**value)
    }

    pub(crate) fn subject(&self) -> Option<&str> {
        self.property("PR_SUBJECT")?
            .strip_prefix("Unicode(\"")?
            .strip_suffix("\")")
    }

    pub(crate) fn recipient_names(&self) -> Vec<&str> {
        self.content
            .recipients
            .iter()
            .map(|(_, name, _)| &**name)
            .collect()
    }

    pub(crate) fn attachment_names(&self) -> Vec<&str> {
        self.content
            .attachments
            .iter()
            .filter_map(|row| row.name.as_deref())
            .collect()
    }
}
