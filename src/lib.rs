//! MAPI's message store on one SQLite file, open in any number of processes at once, with no server.
//!
//! A mail client, a sync daemon, a phone bridge and a script open the same draft and save it. Most stores lose one
//! of those saves without a word. This one keeps the contract of Microsoft's page *Supporting Multiple Client
//! Access to Messages in Message Stores*, between threads, connections and processes alike:
//!
//! - anyone may open a message, and opening locks nothing;
//! - the first [`Message::save_changes`] wins as if it were alone;
//! - a later one from another client changes nothing and gets `MAPI_E_OBJECT_CHANGED`;
//! - it may save again with [`SaveFlags::FORCE_SAVE`], which replaces what was saved before, or save its changes
//!   elsewhere with [`Message::save_elsewhere`].
//!
//! ```
//! use mapistore::{Access, Error, Recipient, SaveFlags, SpecialFolder, Store, pr};
//!
//! let folder = tempfile::tempdir()?;
//! let store = Store::options()
//!     .client_name("reader")
//!     .create_if_missing()
//!     .open(folder.path().join("mail.store"))?;
//!
//! let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
//! draft.set(pr::SUBJECT, "Figures")?;
//! draft.add_recipient(Recipient::to("Ana", "ana@example.org"))?;
//! draft.attach("figures.csv", &b"1;2;3\n"[..])?;
//! let id = draft.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?.entry_id;
//!
//! // Any other process.
//! let mut theirs = store.open_message(&id, Access::Modify)?;
//! theirs.set(pr::SUBJECT, "Figures, corrected")?;
//! theirs.save_changes(SaveFlags::KEEP_OPEN_READWRITE)?;
//!
//! draft.set(pr::SUBJECT, "Figures, final")?;
//! match draft.save_changes(SaveFlags::KEEP_OPEN_READWRITE) {
//!     Err(Error::ObjectChanged { current_version, saved_by, .. }) => {
//!         println!("{saved_by} was faster: version {current_version}");
//!         draft.save_changes(SaveFlags::KEEP_OPEN_READWRITE | SaveFlags::FORCE_SAVE)?;
//!     }
//!     other => panic!("the second save went through: {other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The way in is [`Store::options`]; [`Message`] is the handle that everything is about; [`pr`] has the typed
//! property tags; [`Error`] says what became of the data. What exactly a client may rely on stands in
//! `docs/contract.md`, each rule with an id that this documentation cites (S2, O6); what is stored, in
//! `docs/schema.sql`.
//!
//! # Features
//!
//! - `cli` (default): the program `mapistore`. Hosts set `default-features = false`.
//! - `tui`: the full-screen view of a conflict in that program.
//! - `mime`: the module `mime`, which reads and writes mail files.
//!
//! # Floors
//!
//! `model` (pure values) ← `db` (SQL and SQLite, and the one statement that decides a save) ← `store` (MAPI's
//! rules) ← `mime` and the program. Imports point down only.

#[cfg(windows)]
compile_error!(
    "the locks between processes are those of Unix; nobody has made them for Windows yet"
);

mod conflict;
mod db;
mod error;
#[cfg(feature = "mime")]
pub mod mime;
mod model;
mod store;

pub use conflict::{
    AttachmentDifference, AttachmentSide, BaseValue, ChangedBy, Choice, Differences, MergeChoices,
    PropertyDifference, RecipientDifference, Side, Touching, belong_together,
};
pub use db::database::Durability;
pub use db::inspect::Cell;
pub use db::place::NetworkFileSystems;
pub use db::wake::Waking;
pub use error::{Error, MapiCode, ObjectKind, Result, Source};
pub use model::FolderKind as SpecialFolder;
pub use model::{
    Access, AccessLevel, AppTime, AttachMethod, ChangeKey, ChangeKind, ChangeNumber, CopyFlags,
    Currency, Deletion, EntryId, FileTime, FolderKind, JournalEntry, KnownProperty, MediaType,
    MessageClass, MessageFlags, MessageStatus, NameWithinSet, ObjectUid, PredecessorChangeList,
    PropertyId, PropertyKind, PropertyName, PropertySet, PropertyTag, PropertyType, PropertyValue,
    ReadFlags, ReadState, Receipt, Recipient, RecipientKind, RowVersion, SaveFlags, SaveId,
    StoreUid, StoredValue, StreamHash, StreamReference, String8, Succession, Tag, known_properties,
    pr, property_sets,
};
pub use store::{
    Attachment, AttachmentInfo, AttachmentNumber, Backup, BackupIdentity, Canceller, CheckReport,
    Collected, Compacted, Conflict, ConflictCopy, ContentsOrder, Copied, Copies, EmbeddedAccess,
    EmbeddedMessage, Entry, Folder, FolderInfo, Loss, MapiProp, MarkedInFolder, MergePreview,
    Message, MessageSummary, ModifyRecipients, Notice, Outcomes, Page, Policy, Progress,
    PropertyProblem, PropertySlots, PropertyStream, Purge, Purged, QueryResult, RecipientChange,
    RecipientEntry, RecordedSave, Recovered, Resolution, Resolved, Resolver, Restored, RowId,
    SaveOutcome, Saved, SavedBetween, SavedVersion, Staleness, Store, StoreOptions, StreamAccess,
    StreamReader, Subscription, Theirs, UnknownNames, VersionContent, VersionInfo,
};

/// The example for a host that asks its user, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/conflicts.md")]
struct Conflicts;

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
