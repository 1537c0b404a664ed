//! A conflict, as it is shown: the three versions of a message, what differs, and who saved in between (K1).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use crate::conflict::{
    AttachmentSide, Base as BaseVersion, Differences, Held, MergeChoices, Merged, Side, Touching,
    Versions, differences, merge,
};
use crate::db::messages::{self, StoredMessage};
use crate::db::pins::Pin;
use crate::db::transaction::Reader;
use crate::db::{changes, versions};
use crate::error::{Error, ObjectKind, Result};
use crate::model::document;
use crate::model::{
    AccessLevel, ChangeKind, Content, EntryId, FileTime, FolderKind, JournalEntry, PropertyTag,
    PropertyType, PropertyValue, Recipient, RowVersion, StoredValue,
};
use crate::store::Message;
use crate::store::message::{Pending, content_of};

/// A version that somebody saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SavedVersion {
    /// The version.
    #[serde(serialize_with = "as_number")]
    pub row_version: RowVersion,
    /// The name of the client.
    pub saved_by: String,
    /// When it was committed.
    #[serde(serialize_with = "as_text")]
    pub saved_at: FileTime,
    /// The process of the client; none if the journal does not say.
    pub process_id: Option<u32>,
    /// How it was saved.
    #[serde(serialize_with = "as_kind")]
    pub kind: ChangeKind,
    /// The properties that it changed.
    pub properties: Vec<PropertyTag>,
}

impl SavedVersion {
    /// A save as the journal has it; none if the row is of no save.
    pub(super) fn of(save: &JournalEntry) -> Option<SavedVersion> {
        Some(SavedVersion {
            row_version: save.row_version?,
            saved_by: save.client_name.clone(),
            saved_at: save.committed_at,
            process_id: Some(save.process_id),
            kind: save.kind.clone(),
            properties: save.properties.clone(),
        })
    }
}

fn as_number<S: serde::Serializer>(version: &RowVersion, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(version.get())
}

fn as_text<S: serde::Serializer>(time: &FileTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

fn as_kind<S: serde::Serializer>(kind: &ChangeKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

/// What is known of the versions between the base and the one that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SavedBetween {
    /// All of them, oldest first; the last one is stored now.
    All(Vec<SavedVersion>),
    /// The journal was purged (K7): only these are known.
    Some(Vec<SavedVersion>),
}

impl SavedBetween {
    /// The versions that are known, oldest first.
    pub fn known(&self) -> &[SavedVersion] {
        match self {
            SavedBetween::All(versions) | SavedBetween::Some(versions) => versions,
        }
    }
}

/// What has become of the message since the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Theirs {
    /// Others have saved it.
    Changed(SavedVersion),
    /// Somebody has deleted it: what is mine can only be saved elsewhere.
    Deleted,
}

/// Two clients changed one message, and this one came second: everything that a user needs for choosing what is to
/// become of both changes. A value of the moment when it was made; it locks nothing.
///
/// [`Message::conflict`] makes one, [`Message::resolve`] acts on one, and a [`Resolver`](crate::Resolver) is shown one.
#[derive(Debug, Clone)]
pub struct Conflict {
    entry_id: EntryId,
    base_version: RowVersion,
    theirs: Theirs,
    between: SavedBetween,
    differences: Differences,
    pub(super) versions: Versions,
    /// The row that `theirs` was read from; none if the message is deleted.
    pub(super) row: Option<Arc<StoredMessage>>,
    pub(super) pin: Option<Arc<Pin>>,
    /// What the handle held when the conflict was made.
    pub(super) shown: Arc<Content>,
    /// How many saves of the handle were of unknown outcome then.
    pub(super) unsettled: usize,
    /// Reads values of all sides: mine may lie in memory.
    reader: Arc<Message>,
    conflicts_folder: EntryId,
}

/// What a merge would save.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergePreview {
    /// What needs a choice before it can be saved, in the order of the report. Empty: the merge goes through.
    pub touching: Vec<Touching>,
    /// The properties of the merged message; where a choice is needed, theirs.
    pub properties: Vec<(PropertyTag, StoredValue)>,
    /// The recipients of the merged message; where a choice is needed, theirs.
    pub recipients: Vec<Recipient>,
    /// The attachments of the merged message; where a choice is needed, theirs.
    pub attachments: Vec<AttachmentSide>,
}

impl Conflict {
    /// The message.
    pub fn entry_id(&self) -> EntryId {
        self.entry_id
    }

    /// The version that this client began with.
    pub fn base_version(&self) -> RowVersion {
        self.base_version
    }

    /// What has become of the message since then.
    pub fn theirs(&self) -> &Theirs {
        &self.theirs
    }

    /// Whether the message was deleted: then it can only be saved elsewhere (K2).
    pub fn is_deleted(&self) -> bool {
        self.theirs == Theirs::Deleted
    }

    /// Who saved it since the base, and when.
    pub fn saved_between(&self) -> &SavedBetween {
        &self.between
    }

    /// What differs, and whose it is.
    pub fn differences(&self) -> &Differences {
        &self.differences
    }

    /// Reads a property of one side, a large one whole. `None`: that side has none of this id, or the base is not known.
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn value(&self, side: Side, tag: PropertyTag) -> Result<Option<PropertyValue>> {
        let Some(held) = self.held(side, tag) else {
            return Ok(None);
        };
        self.load(&held).map(Some)
    }

    fn load(&self, (tag, value): &Held) -> Result<PropertyValue> {
        match value {
            StoredValue::Inline(value) => Ok(value.clone()),
            StoredValue::Stream(_) => {
                let bag = [(*tag, value.clone())].into_iter().collect();
                self.reader.load(&bag, *tag)
            }
        }
    }

    fn held(&self, side: Side, tag: PropertyTag) -> Option<Held> {
        let content: &Content = match side {
            Side::Base => match &self.versions.base {
                BaseVersion::Content(content) => content,
                BaseVersion::Number { .. } => return None,
            },
            Side::Theirs => &self.versions.theirs,
            Side::Mine => &self.versions.mine,
        };
        let (tag, value) = content.properties.get_any_type(tag.id())?;
        Some((tag, value.clone()))
    }

    /// What [`Resolution::Merge`](crate::Resolution::Merge) with these choices would save, without saving it.
    ///
    /// # Errors
    ///
    /// `MAPI_E_OBJECT_DELETED`: there is nothing to merge with. Else those of reading the store.
    pub fn preview(&self, choices: &MergeChoices) -> Result<MergePreview> {
        let merged = self.merged(choices)?;
        let chosen = merged
            .chosen
            .iter()
            .map(|chosen| (chosen.tag, StoredValue::Inline(chosen.value.clone())));
        let mut content = merged.content.clone();
        content.properties.extend(chosen);
        let properties = content.properties.iter();
        let recipients = content.recipients.iter();
        let attachments = content.attachments.rows.iter();
        Ok(MergePreview {
            recipients: recipients
                .map(|row| Recipient::from_properties(&row.properties))
                .collect(),
            attachments: attachments.map(AttachmentSide::of).collect(),
            touching: merged.touching,
            properties: properties
                .map(|(tag, value)| (tag, value.clone()))
                .collect(),
        })
    }

    pub(super) fn merged(&self, choices: &MergeChoices) -> Result<Merged> {
        if self.is_deleted() {
            return Err(self.deleted());
        }
        merge(&self.versions, choices, &|held: &Held| {
            if held.0.property_type() != Some(PropertyType::Unicode) {
                return Ok(None);
            }
            Ok(match self.load(held)? {
                PropertyValue::Unicode(text) => Some(text),
                _ => None,
            })
        })
    }

    /// The folder for copies that come out of conflicts ([`SpecialFolder::Conflicts`](crate::SpecialFolder::Conflicts)).
    pub fn conflicts_folder(&self) -> EntryId {
        self.conflicts_folder
    }

    pub(super) fn deleted(&self) -> Error {
        Error::ObjectDeleted {
            kind: ObjectKind::Message,
            entry_id: self.entry_id,
        }
    }
}

impl Message {
    /// Says what others have changed since this handle's base, and what is changed here (K1): what a user needs for
    /// choosing a [`Resolution`](crate::Resolution). Reads the store, locks nothing and changes nothing.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_PARAMETER`: the handle is not stale, so there is no conflict, just save; or it is stale by a save of
    /// its own whose outcome was unknown, and has to repeat that first (S8). `MAPI_E_NO_SUPPORT`: an
    /// embedded message. `MAPI_E_INVALID_OBJECT`: the handle is closed; and those of reading the store.
    pub fn conflict(&self) -> Result<Conflict> {
        self.check_open()?;
        self.check_in_folder()?;
        let Some(base) = &self.base else {
            return Err(Error::InvalidParameter {
                detail: "the message was never saved, so nobody can have changed it".to_owned(),
            });
        };
        let (uid, base_version) = (self.uid, base.version);
        let pin = self.store.database.pin()?.map(Arc::new);
        let (took_place, row, saves, kept) = self.store.database.read_together(|reader| {
            Ok((
                self.unsettled_save_took_place(reader)?,
                messages::load(reader, uid)?,
                changes::saves_after(reader, uid, Some(base_version))?,
                match base.snapshot_version == base_version {
                    true => None,
                    false => versions::documents(reader, base.message_id, base_version)?,
                },
            ))
        })?;
        if took_place {
            return Err(Error::InvalidParameter {
                detail: "an earlier save of this handle took place, though its outcome was unknown; repeat it \
                         first, or what it saved would be shown as somebody else's"
                    .to_owned(),
            });
        }
        // A kept version that cannot be read is as good as one that was not kept: only the base is not shown then.
        let kept = kept.and_then(|documents| document::read(&documents).ok());
        let row = row.filter(|row| row.deleted_at.is_none());
        if row
            .as_ref()
            .is_some_and(|row| row.row_version == base_version)
        {
            return Err(Error::InvalidParameter {
                detail: format!(
                    "message {uid} is still at version {base_version}, so there is no conflict; save it"
                ),
            });
        }
        let known: Vec<SavedVersion> = saves.iter().filter_map(SavedVersion::of).collect();
        let (theirs, content, between) = match &row {
            None => (
                Theirs::Deleted,
                Arc::clone(&self.snapshot),
                SavedBetween::Some(known),
            ),
            Some(row) => {
                let stored = SavedVersion {
                    row_version: row.row_version,
                    saved_by: row.modified_by.clone(),
                    saved_at: row.committed_at,
                    process_id: None,
                    kind: ChangeKind::MessageSaved,
                    properties: Vec::new(),
                };
                let last = known
                    .iter()
                    .rev()
                    .find(|one| one.row_version == row.row_version);
                let distance = row.row_version.get() - base_version.get();
                let is_all = usize::try_from(distance).is_ok_and(|count| count == known.len());
                let theirs = Theirs::Changed(last.cloned().unwrap_or(stored));
                let between = if is_all {
                    SavedBetween::All(known)
                } else {
                    SavedBetween::Some(known)
                };
                (theirs, Arc::new(content_of(row, uid)?), between)
            }
        };
        let versions = self.versions_of(base_version, kept, content, &between)?;
        Ok(Conflict {
            entry_id: self.entry_id(),
            base_version,
            theirs,
            differences: differences(&versions),
            between,
            versions,
            row: row.map(Arc::new),
            shown: Arc::clone(&self.mine),
            unsettled: self.pending.unsettled.len(),
            reader: Arc::new(self.reading_copy(pin.clone())),
            conflicts_folder: self.store.special_folder(FolderKind::Conflicts)?.entry_id(),
            pin,
        })
    }

    /// Whether an earlier save, of which that was unknown, is in the journal. One that is not, where somebody else has
    /// saved since, has not taken place and never will: what it left in the log was written over.
    fn unsettled_save_took_place(&self, reader: &Reader) -> Result<bool> {
        for earlier in &self.pending.unsettled {
            if changes::find_save(reader, self.uid, earlier.save_id)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The three versions. The base is this handle's snapshot, or the kept version that the client named; else only its
    /// number is known, and from the journal what others have changed since.
    fn versions_of(
        &self,
        base_version: RowVersion,
        kept: Option<Content>,
        theirs: Arc<Content>,
        between: &SavedBetween,
    ) -> Result<Versions> {
        let is_snapshot = self
            .base
            .as_ref()
            .is_some_and(|base| base.snapshot_version == base_version);
        if is_snapshot {
            return Ok(Versions {
                base: BaseVersion::Content(Arc::clone(&self.snapshot)),
                theirs,
                mine: Arc::clone(&self.mine),
            });
        }
        let changed = match between {
            SavedBetween::All(versions) => Some(
                versions
                    .iter()
                    .flat_map(|version| version.properties.iter().copied())
                    .collect::<BTreeSet<PropertyTag>>(),
            ),
            SavedBetween::Some(_) => None,
        };
        let touched = self.pending.touched.clone();
        let mut versions = Versions::with_base_number(changed, touched, theirs, &self.mine);
        if let Some(kept) = kept {
            versions.base = BaseVersion::Content(Arc::new(kept));
        }
        Ok(versions)
    }

    /// A handle that only reads the streams that this one knows: in the store, under its pin, or in memory.
    fn reading_copy(&self, theirs: Option<Arc<Pin>>) -> Message {
        let mut pending = Pending::nothing();
        pending.streams = self.pending.streams.clone();
        pending.borrowed = self.pending.borrowed.clone();
        pending.borrowed.extend(theirs);
        Message {
            store: self.store.clone(),
            uid: self.uid,
            place: self.place.clone(),
            state: self.state,
            access_level: AccessLevel::ReadOnly,
            base: None,
            snapshot: Arc::clone(&self.snapshot),
            mine: Arc::clone(&self.mine),
            pending,
            aside: self.aside,
            pin: self.pin.clone(),
        }
    }
}
