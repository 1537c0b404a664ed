//! What the journal says.

use crate::model::{ChangeNumber, FileTime, ObjectUid, PropertyTag, RowVersion, SaveId};

macro_rules! change_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What kind of change a journal row records.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ChangeKind {
            $($(#[$doc])* $variant,)*
            /// A kind that a newer version of the library wrote.
            Other(String),
        }
        impl ChangeKind {
            /// The name in the journal.
            pub fn name(&self) -> &str {
                match self {
                    $(ChangeKind::$variant => $name,)*
                    ChangeKind::Other(name) => name,
                }
            }
            /// The kind by its name in the journal.
            pub fn from_name(name: &str) -> ChangeKind {
                match name {
                    $($name => ChangeKind::$variant,)*
                    other => ChangeKind::Other(other.to_owned()),
                }
            }
        }
    };
}

change_kinds! {
    /// A message's first save.
    MessageCreated = "message-created";
    /// An ordinary save, built on the version before it.
    MessageSaved = "message-saved";
    /// A save with FORCE_SAVE.
    MessageForced = "message-forced";
    /// A save that resolved a conflict: it replaced the version that its user was shown.
    MessageOverwritten = "message-overwritten";
    /// A save that resolved a conflict: it combined the version that its user was shown with another.
    MessageMerged = "message-merged";
    /// A save that put a kept version back.
    MessageRestored = "message-restored";
    /// Messages went to another folder.
    MessagesMoved = "messages-moved";
    /// A message was soft-deleted.
    MessageDeleted = "message-deleted";
    /// A message was deleted for good.
    MessageHardDeleted = "message-hard-deleted";
    /// Messages were marked read or unread.
    ReadStateChanged = "read-state-changed";
    /// A message's status bits changed.
    StatusChanged = "status-changed";
    /// A folder was made.
    FolderCreated = "folder-created";
    /// A folder got another name.
    FolderRenamed = "folder-renamed";
    /// A folder's properties were set or deleted.
    FolderChanged = "folder-changed";
    /// A folder was deleted.
    FolderDeleted = "folder-deleted";
    /// The store's own properties were set or deleted; the store's uid stands for the object.
    StoreChanged = "store-changed";
    /// Never stored: a follower is told so that changes up to this one were purged before it asked for them, and that
    /// nobody knows any more what they changed. Names no object; time and process are those of the asking. A
    /// [`Subscription`](crate::Subscription) says [`Notice::Overflow`](crate::Notice::Overflow) in its place.
    Overflow = "overflow";
}

/// One committed change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalEntry {
    /// Its place in the order of commits.
    pub change_number: ChangeNumber,
    /// When, by the clock of the host; clocks jump, so this need not rise with the number.
    pub committed_at: FileTime,
    /// What kind of change.
    pub kind: ChangeKind,
    /// What was changed: one object, or all those of one call.
    pub objects: Vec<ObjectUid>,
    /// The folder that a message is in, or that a folder was made in.
    pub folder: Option<ObjectUid>,
    /// The version that a save made.
    pub row_version: Option<RowVersion>,
    /// The properties that were changed; recipients and attachments as
    /// `PR_MESSAGE_RECIPIENTS` and `PR_MESSAGE_ATTACHMENTS`.
    pub properties: Vec<PropertyTag>,
    /// The name of the client that made the change.
    pub client_name: String,
    /// Its process.
    pub process_id: u32,
    /// The id of the save.
    pub save_id: Option<SaveId>,
}
