//! Properties of the store itself: what clients set, and what identifies it.

use crate::db::store_info;
use crate::db::transaction::{Reader, WriteTransaction};
use crate::error::{Error, Result};
use crate::model::{
    AccessLevel, ChangeKind, ChangeNumber, EntryId, ObjectUid, PropertyTag, PropertyValue, pr,
};
use crate::store::Store;
use crate::store::permanent::{Asked, Permanent, Shown, parse, permanent_properties};

/// MAPI's object type of a store (`MAPI_STORE`).
const OBJECT_TYPE_STORE: i32 = 1;

permanent_properties!(Store);

impl Store {
    /// The entry id of the store itself (`PR_STORE_ENTRYID`): its uid takes the place of an object's as well, and no
    /// object has it.
    pub fn store_entry_id(&self) -> EntryId {
        self.entry_id(self.own_uid())
    }

    /// The store among the objects of its journal.
    fn own_uid(&self) -> ObjectUid {
        ObjectUid::from_bytes(*self.uid().as_bytes())
    }

    /// Whether this store was opened for writing.
    pub(crate) fn access_level(&self) -> AccessLevel {
        match self.check_writable() {
            Ok(()) => AccessLevel::Modify,
            Err(_) => AccessLevel::ReadOnly,
        }
    }

    /// Fails if the store was opened for reading only (O3).
    pub(crate) fn check_writable(&self) -> Result<()> {
        if self.database.is_read_only() {
            return Err(Error::NoAccess {
                detail: "the store was opened read-only".to_owned(),
            });
        }
        Ok(())
    }

    /// What the store and its folders tell alike.
    pub(crate) fn identity(&self) -> Vec<(PropertyTag, PropertyValue)> {
        let uid = self.uid().as_bytes().to_vec();
        vec![
            (
                pr::STORE_ENTRYID.tag(),
                self.store_entry_id().to_bytes().to_vec().into(),
            ),
            (pr::STORE_RECORD_KEY.tag(), uid.clone().into()),
            // One store, one mapping of names.
            (pr::MAPPING_SIGNATURE.tag(), uid.into()),
            (pr::ACCESS_LEVEL.tag(), self.access_level().code().into()),
        ]
    }
}

impl Permanent for Store {
    const WHAT: &'static str = "the store";

    const COMPUTED: &'static [PropertyTag] = &[
        pr::ENTRYID.tag(),
        pr::RECORD_KEY.tag(),
        pr::STORE_ENTRYID.tag(),
        pr::STORE_RECORD_KEY.tag(),
        pr::MAPPING_SIGNATURE.tag(),
        pr::OBJECT_TYPE.tag(),
        pr::ACCESS_LEVEL.tag(),
        pr::CREATION_TIME.tag(),
    ];

    fn of_store(&self) -> &Store {
        self
    }

    fn journal_uid(&self) -> ObjectUid {
        self.own_uid()
    }

    fn show(&self, reader: &Reader, _asked: Asked<'_>) -> Result<Shown> {
        let row = store_info::read(reader)?;
        let mut computed = self.identity();
        computed.extend([
            (
                pr::ENTRYID.tag(),
                self.store_entry_id().to_bytes().to_vec().into(),
            ),
            (pr::RECORD_KEY.tag(), self.uid().as_bytes().to_vec().into()),
            (pr::OBJECT_TYPE.tag(), OBJECT_TYPE_STORE.into()),
            (pr::CREATION_TIME.tag(), row.created_at.into()),
        ]);
        Ok(Shown {
            computed,
            stored: parse::<Store>(&row.properties)?,
        })
    }

    fn document(&self, tx: &WriteTransaction<'_>) -> Result<String> {
        Ok(store_info::read(tx.connection)?.properties)
    }

    fn write(
        &self,
        tx: &WriteTransaction<'_>,
        document: &str,
        _change: ChangeNumber,
    ) -> Result<()> {
        store_info::set_properties(tx, document)
    }

    fn change_kind(_changed: &[PropertyTag]) -> ChangeKind {
        ChangeKind::StoreChanged
    }
}
