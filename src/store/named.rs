//! Named properties: numbers for names, the same for every object of a store and for ever.

use std::collections::HashMap;

use parking_lot::RwLock;

use crate::db::named_properties;
use crate::db::transaction::Ending;
use crate::error::{Error, Result};
use crate::model::{
    NameWithinSet, PropertyId, PropertyName, PropertyTag, PropertyType, property_sets,
};
use crate::store::Store;

/// What to do with names that the store does not know (`MAPI_CREATE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownNames {
    /// They stay without a number.
    Leave,
    /// They get one.
    Create,
}

/// The names that this process has seen. Filled with what is committed, and with nothing else: a number from a
/// transaction that was rolled back may become that of another name. What is committed never changes.
#[derive(Debug, Default)]
pub(crate) struct KnownNames {
    numbers: RwLock<HashMap<PropertyName, PropertyId>>,
}

impl KnownNames {
    fn find(&self, name: &PropertyName) -> Option<PropertyId> {
        self.numbers.read().get(name).copied()
    }

    fn remember(&self, found: impl Iterator<Item = (PropertyName, PropertyId)>) {
        self.numbers.write().extend(found);
    }
}

/// A name before anybody looks into the store.
enum Mapped {
    /// Answered by rule or from memory: a number, or that there can be none.
    Already(Option<PropertyId>),
    InStore,
}

impl Store {
    /// Maps names to the numbers that stand for them in this store (IMAPIProp::GetIDsFromNames, [MS-OXCPRPT] 2.2.12):
    /// slot *i* answers name *i*. A mapping is the same for all objects and processes, and stays for ever.
    ///
    /// `None` stands for a name without a number (`MAPI_W_ERRORS_RETURNED`; id 0x0000 in [MS-OXCPRPT]): one that is
    /// unknown and was left so, and a text of `PS_MAPI`, which cannot be mapped. A number of `PS_MAPI` below 0x8000
    /// stands for itself. All other numbers are from 0x8001 to 0xFFFE.
    ///
    /// ```
    /// # use mapistore::{PropertyName, Store, UnknownNames};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let names = ["PSETID_Common:0x8503".parse()?, "PS_MAPI:0x0037".parse()?];
    /// let ids = store.ids_from_names(&names, UnknownNames::Leave)?;
    /// assert_eq!(ids[0], None);
    /// assert_eq!(ids[1].map(|id| id.0), Some(0x0037));
    /// let ids = store.ids_from_names(&names, UnknownNames::Create)?;
    /// assert_eq!(ids[0].map(|id| id.0), Some(0x8001));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No name has got a number: `MAPI_E_NO_ACCESS`: a name is to be created in a store that was opened read-only.
    /// `MAPI_E_TOO_BIG`: the store has given out all 32,766 numbers. `MAPI_E_BUSY`: no turn in time. After a
    /// [`Error::CommitUnknown`] ask again: the answer is what the store knows.
    pub fn ids_from_names(
        &self,
        names: &[PropertyName],
        unknown: UnknownNames,
    ) -> Result<Vec<Option<PropertyId>>> {
        let mut ids = self.known_ids(names)?;
        let is_missing = |(name, id): (&PropertyName, &Option<PropertyId>)| {
            id.is_none() && matches!(by_rule(name), Mapped::InStore)
        };
        let missing = names.iter().zip(&ids).any(is_missing);
        if missing && unknown == UnknownNames::Create {
            ids = self.create_names(names)?;
        }
        Ok(ids)
    }

    /// Maps numbers to names (IMAPIProp::GetNamesFromIDs, [MS-OXCPRPT] 2.2.13): slot *i* answers number *i*. Numbers
    /// below 0x8000 stand for themselves, as names of `PS_MAPI`; `None`: from 0x8000 on, one that has no name.
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn names_from_ids(&self, ids: &[PropertyId]) -> Result<Vec<Option<PropertyName>>> {
        self.database.read(|reader| {
            let name = |id: &PropertyId| match id.is_named() {
                true => named_properties::name_of(reader, *id),
                false => Ok(Some(PropertyName::number(
                    property_sets::PS_MAPI,
                    u32::from(id.0),
                ))),
            };
            ids.iter().map(name).collect()
        })
    }

    /// All names that the store knows, by their numbers (RopQueryNamedProperties, [MS-OXCPRPT] 2.2.14).
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn named_properties(&self) -> Result<Vec<(PropertyId, PropertyName)>> {
        self.database.read(named_properties::all)
    }

    /// The tag of a named property of a type, which gets a number if it has none.
    ///
    /// ```
    /// # use mapistore::{PropertyType, SpecialFolder, Store};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
    /// let keywords = store.named_tag(&"PS_PUBLIC_STRINGS:Keywords".parse()?, PropertyType::MvUnicode)?;
    /// draft.set_value(keywords, vec!["figures".to_owned()].into())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Store::ids_from_names`], and `MAPI_E_INVALID_PARAMETER`: the name is one of `PS_MAPI` that cannot
    /// be mapped.
    pub fn named_tag(
        &self,
        name: &PropertyName,
        property_type: PropertyType,
    ) -> Result<PropertyTag> {
        let ids = self.ids_from_names(std::slice::from_ref(name), UnknownNames::Create)?;
        let id = ids.into_iter().flatten().next();
        let id = id.ok_or_else(|| Error::InvalidParameter {
            detail: format!("{name} cannot be mapped: PS_MAPI has numbers below 0x8000 only"),
        })?;
        Ok(PropertyTag::from_parts(id, property_type))
    }

    fn mapped(&self, name: &PropertyName) -> Mapped {
        match (by_rule(name), self.names.find(name)) {
            (Mapped::InStore, Some(id)) => Mapped::Already(Some(id)),
            (by_rule, _) => by_rule,
        }
    }

    /// Looks in memory, and for the rest in the store.
    fn known_ids(&self, names: &[PropertyName]) -> Result<Vec<Option<PropertyId>>> {
        // In a forked child memory is no answer either (P7).
        self.database.connections()?;
        let mapped: Vec<Mapped> = names.iter().map(|name| self.mapped(name)).collect();
        let from_memory = |mapped: &Mapped| match mapped {
            Mapped::Already(id) => Some(*id),
            Mapped::InStore => None,
        };
        if let Some(ids) = mapped.iter().map(from_memory).collect() {
            return Ok(ids);
        }
        let ids: Vec<Option<PropertyId>> = self.database.read(|reader| {
            let look = |(name, mapped): (&PropertyName, &Mapped)| match mapped {
                Mapped::Already(id) => Ok(*id),
                Mapped::InStore => named_properties::find(reader, name),
            };
            names.iter().zip(&mapped).map(look).collect()
        })?;
        self.remember(names, &ids);
        Ok(ids)
    }

    /// Looks again inside the transaction, since another process may have been faster, and adds what is missing.
    fn create_names(&self, names: &[PropertyName]) -> Result<Vec<Option<PropertyId>>> {
        let ids: Vec<Option<PropertyId>> = self.database.write(
            |_| Ok(()),
            |tx| {
                let map = |name: &PropertyName| match by_rule(name) {
                    Mapped::Already(id) => Ok(id),
                    Mapped::InStore => match named_properties::find(tx.connection, name)? {
                        Some(id) => Ok(Some(id)),
                        None => named_properties::insert(tx, name).map(Some),
                    },
                };
                let ids = names.iter().map(map).collect::<Result<_>>()?;
                Ok(Ending::Commit(ids))
            },
        )?;
        self.remember(names, &ids);
        Ok(ids)
    }

    fn remember(&self, names: &[PropertyName], ids: &[Option<PropertyId>]) {
        let found = names.iter().zip(ids);
        let found = found.filter(|(name, _)| matches!(by_rule(name), Mapped::InStore));
        self.names
            .remember(found.filter_map(|(name, id)| Some((name.clone(), (*id)?))));
    }
}

/// What a name stands for whatever the store says.
fn by_rule(name: &PropertyName) -> Mapped {
    match name.within_set() {
        _ if name.set() != property_sets::PS_MAPI => Mapped::InStore,
        NameWithinSet::Number(number) => {
            let id = u16::try_from(*number).ok().map(PropertyId);
            Mapped::Already(id.filter(|id| !id.is_named()))
        }
        NameWithinSet::Text(_) => Mapped::Already(None),
    }
}
