//! The one error type of the crate, and the MAPI codes.

use std::fmt;
use std::time::Duration;

use crate::model::{EntryId, FileTime, PropertyTag, PropertyType, RowVersion, SaveId};

/// What every fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What lies beneath an error: kept for diagnosis, its type is no part of this crate's interface.
pub type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A kind of object that an error speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectKind {
    /// A message.
    Message,
    /// A folder.
    Folder,
    /// A store file.
    Store,
    /// An attachment of a message.
    Attachment,
    /// A recipient of a message.
    Recipient,
    /// A property of an object.
    Property,
    /// A version of a message.
    Version,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ObjectKind::Message => "message",
            ObjectKind::Folder => "folder",
            ObjectKind::Store => "store",
            ObjectKind::Attachment => "attachment",
            ObjectKind::Recipient => "recipient",
            ObjectKind::Property => "property",
            ObjectKind::Version => "version",
        })
    }
}

/// Why a call failed, and what became of the data: except for [`Error::OutcomeUnknown`] and
/// [`Error::CommitUnknown`], a call that
/// fails has changed nothing in the store, and its handle is as it was (S8).
///
/// [`Error::code`] is the MAPI code, [`Error::name`] its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another client saved the message since this handle's base (S2). Nothing was written.
    #[error(
        "message {entry_id} was changed: this client saw version {base_version}, now it is version \
         {current_version}, saved by {saved_by} at {saved_at}; reload it, save with FORCE_SAVE, or \
         save elsewhere"
    )]
    ObjectChanged {
        /// The message.
        entry_id: EntryId,
        /// The version that the refused save was built on.
        base_version: RowVersion,
        /// The version that is stored now.
        current_version: RowVersion,
        /// The client that saved the stored version.
        saved_by: String,
        /// When that client's save was committed.
        saved_at: FileTime,
    },
    /// The message, or the folder that a new message was to go to, was deleted (S4). Nothing was written.
    #[error("{kind} {entry_id} was deleted meanwhile; the pending changes can be saved elsewhere")]
    ObjectDeleted {
        /// What was deleted.
        kind: ObjectKind,
        /// Its entry id.
        entry_id: EntryId,
    },
    /// There is nothing by that name or id.
    #[error("{kind} not found: {what}")]
    NotFound {
        /// What was looked for.
        kind: ObjectKind,
        /// Its id, path or number.
        what: String,
    },
    /// Bytes or text that are no entry id of this form (O4).
    #[error("not an entry id: {detail}")]
    InvalidEntryId {
        /// What is wrong with it.
        detail: String,
    },
    /// A well-formed entry id of another store (O4).
    #[error("entry id {entry_id} belongs to another store")]
    UnknownEntryId {
        /// The foreign entry id.
        entry_id: EntryId,
    },
    /// The handle was closed by a save (S7).
    #[error("the handle was closed by a save; open the message again")]
    HandleClosed,
    /// The store or handle is used in a forked child of the process that opened it (P7).
    #[error(
        "this store was opened by process {opened_by} and cannot be used in its forked child; open stores after \
         forking, or start another program there"
    )]
    Forked {
        /// The process that opened the store.
        opened_by: u32,
    },
    /// The access level does not allow this.
    #[error("no access: {detail}")]
    NoAccess {
        /// What was tried, on what.
        detail: String,
    },
    /// An argument that makes no sense.
    #[error("invalid parameter: {detail}")]
    InvalidParameter {
        /// Which, and why.
        detail: String,
    },
    /// Something that this store does not do.
    #[error("not supported: {detail}")]
    NoSupport {
        /// What was asked for.
        detail: String,
    },
    /// Another process kept the store busy for longer than the caller wanted to wait (P3). Nothing was written.
    #[error("the store was busy with other writers for {} s; nothing was written, try again", .waited.as_secs_f32())]
    Busy {
        /// How long the call waited.
        waited: Duration,
        /// SQLite's error, where it came from there.
        #[source]
        source: Option<Source>,
    },
    /// The property is computed by the store and cannot be set or deleted (S11).
    #[error("{tag} is computed by the store and cannot be changed")]
    Computed {
        /// The property.
        tag: PropertyTag,
    },
    /// The property stream was opened for reading (MS-OXCPRPT 3.2.5.11). Nothing was written.
    #[error("the stream of {tag} was opened for reading only")]
    StreamAccessDenied {
        /// The property.
        tag: PropertyTag,
    },
    /// A value of another type than the tag names.
    #[error("{tag} does not take a value of type {given:?}")]
    UnexpectedType {
        /// The tag.
        tag: PropertyTag,
        /// The type of the value.
        given: PropertyType,
    },
    /// The property is a text of the other width: 8-bit where Unicode was asked for, or the other way round. This
    /// store does not convert, since no property says for sure which code page an 8-bit text is in.
    #[error("{tag} was asked for, but the text is stored as {stored}, which is not converted")]
    BadCharWidth {
        /// The property that was asked for.
        tag: PropertyTag,
        /// The property that there is.
        stored: PropertyTag,
    },
    /// A limit of the store (S15).
    #[error("too big: {detail}")]
    TooBig {
        /// Which limit, and by how much.
        detail: String,
    },
    /// The name is taken.
    #[error("a {kind} named {name:?} exists already")]
    Collision {
        /// The kind of object.
        kind: ObjectKind,
        /// The name that is taken.
        name: String,
    },
    /// The folder still has subfolders.
    #[error("folder {name:?} still has subfolders; delete or move them first")]
    HasFolders {
        /// The folder.
        name: String,
    },
    /// The folder still has messages.
    #[error("folder {name:?} still has messages; delete or move them first")]
    HasMessages {
        /// The folder.
        name: String,
    },
    /// The file is not a store, or is damaged.
    #[error("the store is damaged or no store: {detail}")]
    CorruptStore {
        /// What was found.
        detail: String,
        /// What found it.
        #[source]
        source: Option<Source>,
    },
    /// The store, or the SQLite library, is of a version that this library cannot work with (P4, P6).
    #[error("version mismatch: {detail}")]
    Version {
        /// What was found, and what is needed.
        detail: String,
    },
    /// No space. Nothing was written.
    #[error("no space left for the store; nothing was written, free some and try again")]
    NotEnoughDisk {
        /// SQLite's error.
        #[source]
        source: Source,
    },
    /// Reading or writing failed. Nothing was committed.
    #[error("reading or writing the store failed: {detail}")]
    DiskError {
        /// What was being done.
        detail: String,
        /// The cause.
        #[source]
        source: Source,
    },
    /// The commit failed in such a way that it may have taken place all the same (S8). Repeating the
    /// save on the same handle settles it; after a crash, [`Store::find_save`](crate::Store::find_save) does.
    #[error(
        "outcome unknown: the commit of save {save_id} of message {entry_id} failed, and may have taken \
         place all the same; repeat the save to settle it"
    )]
    OutcomeUnknown {
        /// The message.
        entry_id: EntryId,
        /// The save, as the journal would name it.
        save_id: SaveId,
        /// The cause.
        #[source]
        source: Source,
    },
    /// The commit of a change that is no save failed, and may have taken place all the same: look before repeating it.
    #[error(
        "outcome unknown: the commit failed, and may have taken place all the same; look before repeating"
    )]
    CommitUnknown {
        /// The cause.
        #[source]
        source: Source,
    },
    /// Anything else, an unexpected answer of SQLite for instance. Nothing was committed.
    #[error("the call failed: {detail}")]
    CallFailed {
        /// What was being done.
        detail: String,
        /// The cause.
        #[source]
        source: Option<Source>,
    },
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// A MAPI error code (`SCODE`), as in the table of MAPI's error values.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u32)]
        #[allow(non_camel_case_types, reason = "the field's own names")]
        pub enum MapiCode { $($(#[$doc])* $name = $code,)* }
        impl MapiCode {
            /// The name, `MAPI_E_OBJECT_CHANGED` for instance.
            pub const fn name(self) -> &'static str {
                match self { $(MapiCode::$name => stringify!($name),)* }
            }
        }
    };
}

codes! {
    /// Another client saved first.
    MAPI_E_OBJECT_CHANGED = 0x8004_0109;
    /// The object was deleted.
    MAPI_E_OBJECT_DELETED = 0x8004_010A;
    /// Nothing there.
    MAPI_E_NOT_FOUND = 0x8004_010F;
    /// Not an entry id.
    MAPI_E_INVALID_ENTRYID = 0x8004_0107;
    /// An entry id of another store.
    MAPI_E_UNKNOWN_ENTRYID = 0x8004_0201;
    /// A closed or forked handle.
    MAPI_E_INVALID_OBJECT = 0x8004_0108;
    /// Not allowed.
    MAPI_E_NO_ACCESS = 0x8007_0005;
    /// An argument that makes no sense.
    MAPI_E_INVALID_PARAMETER = 0x8007_0057;
    /// Not supported.
    MAPI_E_NO_SUPPORT = 0x8004_0102;
    /// No turn in time.
    MAPI_E_BUSY = 0x8004_010B;
    /// Anything else.
    MAPI_E_CALL_FAILED = 0x8000_4005;
    /// A computed property.
    MAPI_E_COMPUTED = 0x8004_011A;
    /// A stream that can only be read.
    STG_E_ACCESSDENIED = 0x8003_0005;
    /// A value of another type.
    MAPI_E_UNEXPECTED_TYPE = 0x8004_0304;
    /// A text of the other width.
    MAPI_E_BAD_CHARWIDTH = 0x8004_0103;
    /// A limit.
    MAPI_E_TOO_BIG = 0x8004_0305;
    /// A name that is taken.
    MAPI_E_COLLISION = 0x8004_0604;
    /// A folder with subfolders.
    MAPI_E_HAS_FOLDERS = 0x8004_0609;
    /// A folder with messages.
    MAPI_E_HAS_MESSAGES = 0x8004_060A;
    /// Damage.
    MAPI_E_CORRUPT_STORE = 0x8004_0600;
    /// A version that does not fit.
    MAPI_E_VERSION = 0x8004_0110;
    /// No space.
    MAPI_E_NOT_ENOUGH_DISK = 0x8004_010D;
    /// Failing input or output.
    MAPI_E_DISK_ERROR = 0x8004_0116;
}

impl MapiCode {
    /// The 32-bit value.
    pub const fn value(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for MapiCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (0x{:08X})", self.name(), self.value())
    }
}

impl Error {
    /// The MAPI code of this error.
    ///
    /// ```
    /// let error = "0xyz".parse::<mapistore::PropertyTag>().unwrap_err();
    /// assert_eq!(error.code().value(), 0x80070057);
    /// ```
    pub fn code(&self) -> MapiCode {
        match self {
            Error::ObjectChanged { .. } => MapiCode::MAPI_E_OBJECT_CHANGED,
            Error::ObjectDeleted { .. } => MapiCode::MAPI_E_OBJECT_DELETED,
            Error::NotFound { .. } => MapiCode::MAPI_E_NOT_FOUND,
            Error::InvalidEntryId { .. } => MapiCode::MAPI_E_INVALID_ENTRYID,
            Error::UnknownEntryId { .. } => MapiCode::MAPI_E_UNKNOWN_ENTRYID,
            Error::HandleClosed | Error::Forked { .. } => MapiCode::MAPI_E_INVALID_OBJECT,
            Error::NoAccess { .. } => MapiCode::MAPI_E_NO_ACCESS,
            Error::InvalidParameter { .. } => MapiCode::MAPI_E_INVALID_PARAMETER,
            Error::NoSupport { .. } => MapiCode::MAPI_E_NO_SUPPORT,
            Error::Busy { .. } => MapiCode::MAPI_E_BUSY,
            Error::Computed { .. } => MapiCode::MAPI_E_COMPUTED,
            Error::StreamAccessDenied { .. } => MapiCode::STG_E_ACCESSDENIED,
            Error::UnexpectedType { .. } => MapiCode::MAPI_E_UNEXPECTED_TYPE,
            Error::BadCharWidth { .. } => MapiCode::MAPI_E_BAD_CHARWIDTH,
            Error::TooBig { .. } => MapiCode::MAPI_E_TOO_BIG,
            Error::Collision { .. } => MapiCode::MAPI_E_COLLISION,
            Error::HasFolders { .. } => MapiCode::MAPI_E_HAS_FOLDERS,
            Error::HasMessages { .. } => MapiCode::MAPI_E_HAS_MESSAGES,
            Error::CorruptStore { .. } => MapiCode::MAPI_E_CORRUPT_STORE,
            Error::Version { .. } => MapiCode::MAPI_E_VERSION,
            Error::NotEnoughDisk { .. } => MapiCode::MAPI_E_NOT_ENOUGH_DISK,
            Error::DiskError { .. }
            | Error::OutcomeUnknown { .. }
            | Error::CommitUnknown { .. } => MapiCode::MAPI_E_DISK_ERROR,
            Error::CallFailed { .. } => MapiCode::MAPI_E_CALL_FAILED,
        }
    }

    /// The name of the MAPI code: `MAPI_E_OBJECT_CHANGED` for instance.
    pub fn name(&self) -> &'static str {
        self.code().name()
    }
}
