//! Properties of folders: what clients set, and what the store computes.

use crate::db::contents;
use crate::db::folders::{self, FolderRow};
use crate::db::transaction::{Reader, WriteTransaction};
use crate::error::{Error, Result};
use crate::model::{
    AccessLevel, ChangeKind, ChangeNumber, FolderKind, ObjectUid, PropertyTag, PropertyValue, pr,
};
use crate::store::permanent::{Asked, Permanent, Shown, parse, permanent_properties};
use crate::store::{Folder, Store};

/// MAPI's object type of a folder (`MAPI_FOLDER`).
const OBJECT_TYPE_FOLDER: i32 = 3;
/// `FOLDER_ROOT` and `FOLDER_GENERIC`.
const FOLDER_TYPE_ROOT: i32 = 0;
const FOLDER_TYPE_GENERIC: i32 = 1;
/// The bits of `PR_ACCESS`; those that create things are for folders alone ([MS-OXCPRPT] 2.2.1.1).
const ACCESS_MODIFY: i32 = 0x01;
const ACCESS_READ: i32 = 0x02;
const ACCESS_DELETE: i32 = 0x04;
const ACCESS_CREATE: i32 = 0x08 | 0x10 | 0x20;

permanent_properties!(Folder);

impl Permanent for Folder {
    const WHAT: &'static str = "the folder";

    const COMPUTED: &'static [PropertyTag] = &[
        pr::ENTRYID.tag(),
        pr::RECORD_KEY.tag(),
        pr::PARENT_ENTRYID.tag(),
        pr::STORE_ENTRYID.tag(),
        pr::STORE_RECORD_KEY.tag(),
        pr::MAPPING_SIGNATURE.tag(),
        pr::OBJECT_TYPE.tag(),
        pr::ACCESS.tag(),
        pr::ACCESS_LEVEL.tag(),
        pr::DISPLAY_NAME.tag(),
        pr::FOLDER_TYPE.tag(),
        pr::CONTENT_COUNT.tag(),
        pr::CONTENT_UNREAD.tag(),
        pr::ASSOC_CONTENT_COUNT.tag(),
        pr::SUBFOLDERS.tag(),
        pr::CREATION_TIME.tag(),
        pr::LAST_MODIFICATION_TIME.tag(),
    ];

    const SETTABLE: &'static [PropertyTag] = &[pr::DISPLAY_NAME.tag()];

    fn of_store(&self) -> &Store {
        self.store()
    }

    fn journal_uid(&self) -> ObjectUid {
        self.uid()
    }

    fn show(&self, reader: &Reader, asked: Asked<'_>) -> Result<Shown> {
        let row = folders::by_id(reader, self.row_id())?.ok_or_else(|| self.deleted())?;
        let details = folders::details(reader, self.row_id())?.ok_or_else(|| self.deleted())?;
        let level = self.store().access_level();
        let parent = details.parent_uid.unwrap_or(row.uid);
        let mut computed = self.store().identity();
        computed.extend([
            (pr::ENTRYID.tag(), entry_id(self.store(), row.uid)),
            (pr::RECORD_KEY.tag(), row.uid.as_bytes().to_vec().into()),
            (pr::PARENT_ENTRYID.tag(), entry_id(self.store(), parent)),
            (pr::OBJECT_TYPE.tag(), OBJECT_TYPE_FOLDER.into()),
            (pr::ACCESS.tag(), access(&row, level).into()),
            (pr::DISPLAY_NAME.tag(), row.name.clone().into()),
            (pr::FOLDER_TYPE.tag(), folder_type(row.kind).into()),
            (pr::CONTENT_COUNT.tag(), count(row.total)),
            (pr::CONTENT_UNREAD.tag(), count(row.unread)),
            (pr::SUBFOLDERS.tag(), details.has_subfolders.into()),
            (pr::CREATION_TIME.tag(), details.created_at.into()),
            (pr::LAST_MODIFICATION_TIME.tag(), details.modified_at.into()),
        ]);
        // Counted by reading, so only for who wants to know.
        let associated = if asked.includes(pr::ASSOC_CONTENT_COUNT.tag()) {
            contents::count_associated(reader, self.row_id())?
        } else {
            0
        };
        computed.push((pr::ASSOC_CONTENT_COUNT.tag(), count(associated)));
        Ok(Shown {
            computed,
            stored: parse::<Folder>(&details.properties)?,
        })
    }

    fn document(&self, tx: &WriteTransaction<'_>) -> Result<String> {
        let details = folders::details(tx.connection, self.row_id())?;
        Ok(details.ok_or_else(|| self.deleted())?.properties)
    }

    fn write(&self, tx: &WriteTransaction<'_>, document: &str, change: ChangeNumber) -> Result<()> {
        folders::set_properties(tx, self.row_id(), document, change)
    }

    /// The display name is the folder's name, so that to set it is to rename the folder.
    fn set_own(
        &self,
        tx: &WriteTransaction<'_>,
        tag: PropertyTag,
        value: &PropertyValue,
        change: ChangeNumber,
    ) -> Result<Result<()>> {
        match value {
            PropertyValue::Unicode(name) => self.rename_within(tx, name, change),
            _ => Ok(Err(Error::Computed { tag })),
        }
    }

    fn change_kind(changed: &[PropertyTag]) -> ChangeKind {
        if changed.contains(&pr::DISPLAY_NAME.tag()) {
            ChangeKind::FolderRenamed
        } else {
            ChangeKind::FolderChanged
        }
    }
}

fn entry_id(store: &Store, uid: ObjectUid) -> PropertyValue {
    store.entry_id(uid).to_bytes().to_vec().into()
}

/// The counts are 32-bit properties.
fn count(count: u64) -> PropertyValue {
    i32::try_from(count).unwrap_or(i32::MAX).into()
}

fn folder_type(kind: FolderKind) -> i32 {
    match kind {
        FolderKind::Root => FOLDER_TYPE_ROOT,
        _ => FOLDER_TYPE_GENERIC,
    }
}

/// What every store has cannot be deleted.
fn access(row: &FolderRow, level: AccessLevel) -> i32 {
    match (level, row.kind) {
        (AccessLevel::ReadOnly, _) => ACCESS_READ,
        (AccessLevel::Modify, FolderKind::Generic) => {
            ACCESS_MODIFY | ACCESS_READ | ACCESS_DELETE | ACCESS_CREATE
        }
        (AccessLevel::Modify, _) => ACCESS_MODIFY | ACCESS_READ | ACCESS_CREATE,
    }
}
