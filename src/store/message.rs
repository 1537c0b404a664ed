//! The handle of a message: base, snapshot, pending changes, access.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use crate::db::conflict_copies::Provenance;
use crate::db::messages::StoredMessage;
use crate::db::pins::Pin;
use crate::db::streams::PendingStreams;
use crate::db::versioned::{Attempt, Resolving};
use crate::error::{Error, Result};
use crate::model::document;
use crate::model::{
    AccessLevel, ChangeNumber, Content, EntryId, FileTime, MessageFlags, ObjectUid,
    PredecessorChangeList, PropertyTag, ReadState, RowVersion, SaveId, StreamHash,
};
use crate::store::Store;
use crate::store::limits::{Around, Sizes};

/// An open message: a snapshot of what was committed when it was opened, and this client's pending changes on
/// top of it.
///
/// It holds no lock on the message and no transaction (O1), and reads its snapshot for as long as it lives,
/// whatever others commit meanwhile (O2). Nothing is stored before [`Message::save_changes`]; dropping the handle
/// drops its pending changes. A handle belongs to one thread at a time.
#[derive(Debug)]
pub struct Message {
    pub(crate) store: Store,
    /// Names the message, or for an embedded one the message that it is stored in.
    pub(crate) uid: ObjectUid,
    pub(crate) place: Place,
    pub(crate) state: HandleState,
    pub(crate) access_level: AccessLevel,
    /// What is committed as far as this handle knows; none before the first save.
    pub(crate) base: Option<Base>,
    /// The content of the base, and what it has become here. The same allocation until something changes.
    pub(crate) snapshot: Arc<Content>,
    pub(crate) mine: Arc<Content>,
    pub(crate) pending: Pending,
    pub(crate) aside: Aside,
    /// Keeps the snapshot's streams from being collected.
    pub(crate) pin: Option<Arc<Pin>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandleState {
    Open,
    Closed,
}

/// Where a message is stored.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// In a folder, as a row of its own.
    Folder,
    /// In an attachment of another message.
    Attachment {
        /// 1 in an attachment of a message in a folder, 2 in an attachment of such a one, and so on.
        depth: usize,
        /// Where, as bytes that no other message of the store has.
        record_key: Vec<u8>,
        around: Around,
    },
}

/// What describes the committed version that a handle is built on.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) message_id: i64,
    /// The version that a save expects: the snapshot's, or an older one that the host declared.
    pub(crate) version: RowVersion,
    /// The version of the snapshot.
    pub(crate) snapshot_version: RowVersion,
    pub(crate) change_number: ChangeNumber,
    pub(crate) modified_at: FileTime,
    pub(crate) modified_by: String,
    pub(crate) committed_at: FileTime,
    pub(crate) change_key: Vec<u8>,
    pub(crate) predecessors: PredecessorChangeList,
}

/// What is not content and changes without a version (S13), as at opening plus this handle's own changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aside {
    pub(crate) folder: ObjectUid,
    pub(crate) created_at: FileTime,
    pub(crate) read_state: ReadState,
    /// The flags beside the read state; before the first save none, unless the message is a copy.
    pub(crate) read_flags: Option<MessageFlags>,
    pub(crate) status: i32,
    pub(crate) is_associated: bool,
    pub(crate) deleted_at: Option<FileTime>,
}

/// What was changed here and not saved yet.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The properties that were set or deleted, also to what they were: setting an equal value is a change.
    pub(crate) touched: BTreeSet<PropertyTag>,
    /// The id of the next save, kept until it succeeds (S8).
    pub(crate) save_id: SaveId,
    pub(crate) attempt: Attempt,
    /// Saves whose commit may have taken place, oldest first.
    pub(crate) unsettled: Vec<Unsettled>,
    /// New streams that are not in the store yet.
    pub(crate) streams: NewStreams,
    /// What the documents take; counted when something changes first.
    pub(crate) sizes: Option<Sizes>,
    /// The conflict that the next save resolves.
    pub(crate) resolves: Option<Resolves>,
    /// The conflict that the first save comes out of.
    pub(crate) provenance: Option<Provenance>,
    /// Pins of the handles that values were taken over from: their streams must outlive those handles until the
    /// save refers to them.
    pub(crate) borrowed: Vec<Arc<Pin>>,
}

/// A conflict that pending changes resolve: they were made of the base, which was shown to the user, for a client that
/// began with an earlier version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolves {
    pub(crate) seen: RowVersion,
    pub(crate) resolution: Resolving,
}

/// A save that was answered with *outcome unknown*, and what it tried to save. Where more was changed here since,
/// finding it committed must not pass for having saved that as well.
#[derive(Debug, Clone)]
pub(crate) struct Unsettled {
    pub(crate) save_id: SaveId,
    pub(crate) content: Arc<Content>,
}

/// Streams in memory, by their hash.
#[derive(Debug, Default, Clone)]
pub(crate) struct NewStreams {
    own: Arc<BTreeMap<StreamHash, Arc<[u8]>>>,
    bytes: usize,
    /// Those of the messages that an embedded one is in, to be read from and not to be added to. Shared: an
    /// outer message with many of them may hold many embedded ones.
    inherited: Vec<Arc<BTreeMap<StreamHash, Arc<[u8]>>>>,
}

impl NewStreams {
    pub(crate) fn add(&mut self, hash: StreamHash, data: &[u8]) {
        if Arc::make_mut(&mut self.own)
            .insert(hash, Arc::from(data))
            .is_none()
        {
            self.bytes += data.len();
        }
    }

    pub(crate) fn retain(&mut self, wanted: impl Fn(StreamHash) -> bool) {
        let own = Arc::make_mut(&mut self.own);
        own.retain(|hash, _| wanted(*hash));
        self.bytes = own.values().map(|data| data.len()).sum();
    }

    /// The bytes of those that are not a containing message's.
    pub(crate) fn total(&self) -> usize {
        self.bytes
    }

    /// None of its own, and all of these to read.
    pub(crate) fn inherit(outer: &NewStreams) -> NewStreams {
        let mut inherited = outer.inherited.clone();
        inherited.push(Arc::clone(&outer.own));
        NewStreams {
            inherited,
            ..NewStreams::default()
        }
    }

    /// Takes out those that are not a containing message's.
    pub(crate) fn take_own(&mut self) -> impl Iterator<Item = (StreamHash, Arc<[u8]>)> + use<> {
        self.bytes = 0;
        let own = mem::take(&mut self.own);
        Arc::unwrap_or_clone(own).into_iter()
    }

    pub(crate) fn shared(&self, hash: StreamHash) -> Option<Arc<[u8]>> {
        self.find(hash).map(Arc::clone)
    }

    fn find(&self, hash: StreamHash) -> Option<&Arc<[u8]>> {
        let inherited = || self.inherited.iter().rev().find_map(|map| map.get(&hash));
        self.own.get(&hash).or_else(inherited)
    }
}

impl PendingStreams for NewStreams {
    fn bytes(&self, hash: StreamHash) -> Option<&[u8]> {
        self.find(hash).map(|data| &**data)
    }
}

impl Pending {
    pub(crate) fn nothing() -> Pending {
        Pending {
            touched: BTreeSet::new(),
            save_id: SaveId::random(),
            attempt: Attempt::First,
            unsettled: Vec::new(),
            streams: NewStreams::default(),
            sizes: None,
            resolves: None,
            provenance: None,
            borrowed: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }
}

impl Base {
    pub(crate) fn of(row: &StoredMessage) -> Base {
        Base {
            message_id: row.message_id,
            version: row.row_version,
            snapshot_version: row.row_version,
            change_number: row.change_number,
            modified_at: row.modified_at,
            modified_by: row.modified_by.clone(),
            committed_at: row.committed_at,
            change_key: row.change_key.clone(),
            predecessors: PredecessorChangeList::from_bytes(&row.predecessors).unwrap_or_default(),
        }
    }
}

impl Aside {
    pub(crate) fn of(row: &StoredMessage) -> Aside {
        Aside {
            folder: row.folder_uid,
            created_at: row.created_at,
            read_state: row.read_state,
            read_flags: Some(row.read_flags),
            status: row.status,
            is_associated: row.is_associated,
            deleted_at: row.deleted_at,
        }
    }
}

/// The content of a row; one that differs from its checksum, or does not read as content, is damage.
pub(crate) fn content_of(row: &StoredMessage, uid: ObjectUid) -> Result<Content> {
    if row
        .checksum
        .is_some_and(|stored| stored != document::checksum(&uid, &row.documents))
    {
        return Err(Error::CorruptStore {
            detail: format!("message {uid} is not as it was saved: the checksum differs"),
            source: None,
        });
    }
    document::read(&row.documents).map_err(|error| Error::CorruptStore {
        detail: format!("message {uid} cannot be read"),
        source: Some(Box::new(error)),
    })
}

impl Message {
    /// The entry id (`PR_ENTRYID`): there from the creation on, never reused, the same in every folder (O5). An
    /// embedded message has none of its own: this is the one of the message that it is stored in.
    pub fn entry_id(&self) -> EntryId {
        self.store.entry_id(self.uid)
    }

    /// The version that this handle is built on; none before the first save.
    pub fn row_version(&self) -> Option<RowVersion> {
        self.base.as_ref().map(|base| base.version)
    }

    /// The newest change to the message as of this handle's base, its moves and read marks included; none before the
    /// first save.
    pub fn change_number(&self) -> Option<ChangeNumber> {
        self.base.as_ref().map(|base| base.change_number)
    }

    /// What was granted (`PR_ACCESS_LEVEL`).
    pub fn access_level(&self) -> AccessLevel {
        self.access_level
    }

    /// The folder that the message was in when it was opened, or is to go to (`PR_PARENT_ENTRYID`).
    pub fn folder_id(&self) -> EntryId {
        self.store.entry_id(self.aside.folder)
    }

    /// When the message was soft-deleted, as at opening.
    pub fn deleted_at(&self) -> Option<FileTime> {
        self.aside.deleted_at
    }

    /// How many recipients the message has here, pending changes included (RecipientCount of MS-OXCROPS 2.2.6.1.2).
    /// Nothing is read for it: opening has brought the recipients along.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn recipient_count(&self) -> Result<usize> {
        self.check_open()?;
        Ok(self.mine.recipients.len())
    }

    /// Whether anything was changed here and not saved yet.
    pub fn has_pending_changes(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The id under which the journal will know the next save; it stays the same until that succeeds (S8).
    pub fn save_id(&self) -> SaveId {
        self.pending.save_id
    }

    /// Gives the pending changes a save id of the host's, so that a host that was killed can ask later, with
    /// [`Store::find_save`], whether they were saved. It must never have been used for this message before.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn set_save_id(&mut self, save_id: SaveId) -> Result<()> {
        self.check_open()?;
        self.pending.save_id = save_id;
        // The host may repeat a save of its former life.
        self.pending.attempt = Attempt::Repeated;
        Ok(())
    }

    /// Declares that this client has only seen an older version than the one that it opened: a save is then
    /// refused as it would be for a handle opened at that version, and FORCE_SAVE keeps what came after it.
    /// For scripts that remember a version from one run to the next.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_PARAMETER`: the version is newer than the one that was opened, or the message was never
    /// saved. `MAPI_E_INVALID_OBJECT` for a closed handle.
    pub fn declare_base(&mut self, seen: RowVersion) -> Result<()> {
        self.check_open()?;
        match &mut self.base {
            Some(base) if seen <= base.snapshot_version => {
                base.version = seen;
                Ok(())
            }
            Some(base) => Err(Error::InvalidParameter {
                detail: format!(
                    "version {seen} of the message does not exist; the newest is {}",
                    base.snapshot_version
                ),
            }),
            None => Err(Error::InvalidParameter {
                detail: "the message was never saved, so there is no version of it".to_owned(),
            }),
        }
    }

    /// Every call of an open handle begins here (S7, P7).
    pub(crate) fn check_open(&self) -> Result<()> {
        self.store.database.connections()?;
        match self.state {
            HandleState::Open => Ok(()),
            HandleState::Closed => Err(Error::HandleClosed),
        }
    }

    /// Every change begins here (O3).
    pub(crate) fn check_modifiable(&self) -> Result<()> {
        self.check_open()?;
        match self.access_level {
            AccessLevel::Modify => Ok(()),
            AccessLevel::ReadOnly => Err(Error::NoAccess {
                detail: format!("message {} is open for reading only", self.entry_id()),
            }),
        }
    }

    /// Refuses what only a message in a folder can do.
    pub(crate) fn check_in_folder(&self) -> Result<()> {
        match self.place {
            Place::Folder => Ok(()),
            Place::Attachment { .. } => Err(Error::NoSupport {
                detail: "an embedded message is saved to its attachment, with that handle's own call, and has no \
                         version of its own"
                    .to_owned(),
            }),
        }
    }

    /// The size accounting, begun when it is first needed.
    pub(crate) fn sizes(&mut self) -> &mut Sizes {
        let around = match &self.place {
            Place::Folder => Around::Nothing,
            Place::Attachment { around, .. } => *around,
        };
        let mine = &self.mine;
        self.pending
            .sizes
            .get_or_insert_with(|| Sizes::of(mine, around))
    }

    /// What a save would write, in bytes: the documents, and values in memory.
    pub(crate) fn bytes_to_write(&mut self) -> u64 {
        let documents = self.sizes().total();
        documents.saturating_add(self.pending.streams.total() as u64)
    }
}
