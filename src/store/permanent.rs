//! Properties of what is not transacted, folders and the store itself: a change is permanent when the call returns.
//!
//! They stand in one document beside the rest of the object's row, and are read, changed and written inside one write
//! transaction, so that clients that change different properties at the same moment both keep theirs.

use crate::db::changes::{self, Change};
use crate::db::transaction::{Ending, Reader, WriteTransaction};
use crate::error::{Error, Result};
use crate::model::{
    ChangeKind, ChangeNumber, ObjectUid, Properties, PropertyTag, PropertyValue, StoredValue,
    document,
};
use crate::store::limits::{len_of, properties_len, within};
use crate::store::map_prop::{check_list, problems};
use crate::store::properties::check_value;
use crate::store::{PropertyProblem, Store};

/// What is asked of an object, so that it counts only what is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    All,
    /// These, of whatever type. Others are named too, and what would have to be counted has any value there.
    These(&'a [PropertyTag]),
}

impl Asked<'_> {
    pub(crate) fn includes(self, tag: PropertyTag) -> bool {
        match self {
            Asked::All => true,
            Asked::These(asked) => asked.iter().any(|asked| asked.id() == tag.id()),
        }
    }
}

/// An object's properties as one state of the store has them.
#[derive(Debug)]
pub(crate) struct Shown {
    /// What the store computes of it, as far as it was asked for.
    pub(crate) computed: Vec<(PropertyTag, PropertyValue)>,
    /// What clients have set.
    pub(crate) stored: Properties,
}

/// A change of one property.
#[derive(Debug)]
pub(crate) enum Edit {
    Set(PropertyTag, PropertyValue),
    /// Sets a property that is not set, of whatever type.
    SetMissing(PropertyTag, PropertyValue),
    Delete(PropertyTag),
    /// Deletes a property that still has this value.
    DeleteUnchanged(PropertyTag, PropertyValue),
}

impl Edit {
    fn tag(&self) -> PropertyTag {
        match self {
            Edit::Set(tag, _)
            | Edit::SetMissing(tag, _)
            | Edit::Delete(tag)
            | Edit::DeleteUnchanged(tag, _) => *tag,
        }
    }
}

/// An object whose properties are permanent at once.
pub(crate) trait Permanent {
    /// What the object is called in an error: "the folder".
    const WHAT: &'static str;

    /// The properties that it computes, whatever their values.
    const COMPUTED: &'static [PropertyTag];

    /// Those of them that clients may set all the same.
    const SETTABLE: &'static [PropertyTag] = &[];

    fn of_store(&self) -> &Store;

    /// The object in the journal.
    fn journal_uid(&self) -> ObjectUid;

    /// Reads one state of it.
    fn show(&self, reader: &Reader, asked: Asked<'_>) -> Result<Shown>;

    /// The document with what clients have set.
    fn document(&self, tx: &WriteTransaction<'_>) -> Result<String>;

    /// Writes that document.
    fn write(&self, tx: &WriteTransaction<'_>, document: &str, change: ChangeNumber) -> Result<()>;

    /// Sets one of [`Permanent::SETTABLE`], or says why not. A failure of the database is the outer error: it may have
    /// ended the transaction.
    fn set_own(
        &self,
        _tx: &WriteTransaction<'_>,
        tag: PropertyTag,
        _value: &PropertyValue,
        _change: ChangeNumber,
    ) -> Result<Result<()>> {
        Ok(Err(Error::Computed { tag }))
    }

    /// How the journal calls a change of these properties.
    fn change_kind(changed: &[PropertyTag]) -> ChangeKind;
}

fn is_computed<P: Permanent>(tag: PropertyTag) -> bool {
    P::COMPUTED.iter().any(|computed| computed.id() == tag.id())
}

/// Reads the document of an object.
pub(crate) fn parse<P: Permanent>(document: &str) -> Result<Properties> {
    document::read_properties(document).map_err(|error| Error::CorruptStore {
        detail: format!("the properties of {} cannot be read", P::WHAT),
        source: Some(Box::new(error)),
    })
}

fn value_of<P: Permanent>(tag: PropertyTag, stored: &StoredValue) -> Result<PropertyValue> {
    match stored {
        StoredValue::Inline(value) => Ok(value.clone()),
        StoredValue::Stream(_) => Err(Error::CorruptStore {
            detail: format!("{tag} of {} is a stream, which only messages have", P::WHAT),
            source: None,
        }),
    }
}

/// Reads one property.
pub(crate) fn get<P: Permanent>(object: &P, tag: PropertyTag) -> Result<Option<PropertyValue>> {
    let database = &object.of_store().database;
    let shown = database.read_together(|reader| object.show(reader, Asked::These(&[tag])))?;
    if is_computed::<P>(tag) {
        let mut computed = shown.computed.into_iter();
        return Ok(computed
            .find(|(found, _)| *found == tag)
            .map(|(_, value)| value));
    }
    let stored = shown.stored.get(tag);
    stored.map(|value| value_of::<P>(tag, value)).transpose()
}

/// Reads properties, ascending.
pub(crate) fn list<P: Permanent>(
    object: &P,
    asked: Asked<'_>,
) -> Result<Vec<(PropertyTag, PropertyValue)>> {
    let database = &object.of_store().database;
    let shown = database.read_together(|reader| object.show(reader, asked))?;
    let mut all = shown.computed;
    for (tag, value) in shown.stored.iter() {
        // Somebody's SQL may have put there what is computed.
        if !is_computed::<P>(tag) {
            all.push((tag, value_of::<P>(tag, value)?));
        }
    }
    all.sort_by_key(|(tag, _)| *tag);
    Ok(all)
}

/// Why a change cannot be made, whatever is stored.
fn refusal<P: Permanent>(edit: &Edit) -> Result<()> {
    let tag = edit.tag();
    if let Edit::Set(tag, value) | Edit::SetMissing(tag, value) = edit {
        check_value(*tag, value)?;
    }
    let sets = matches!(edit, Edit::Set(..) | Edit::SetMissing(..));
    let is_settable = sets && P::SETTABLE.contains(&tag);
    if is_computed::<P>(tag) && !is_settable {
        return Err(Error::Computed { tag });
    }
    Ok(())
}

/// Makes changes as one change of the store, and answers each. Those that are refused keep none of the others from
/// being made; if none is made, there is no change.
pub(crate) fn edit<P: Permanent>(object: &P, edits: &[Edit]) -> Result<Vec<Result<()>>> {
    let store = object.of_store();
    store.database.connections()?;
    store.check_writable()?;
    let mut done: Vec<Result<()>> = edits.iter().map(refusal::<P>).collect();
    if done.iter().all(Result::is_err) {
        return Ok(done);
    }
    let done = store.database.write(
        |_| Ok(()),
        |tx| {
            let change = tx.next_change()?;
            let mut stored = parse::<P>(&object.document(tx)?)?;
            let mut changed = Vec::new();
            for (edit, done) in edits.iter().zip(&mut done) {
                if done.is_err() {
                    continue;
                }
                *done = match edit {
                    Edit::Set(tag, value) if P::SETTABLE.contains(tag) => {
                        object.set_own(tx, *tag, value, change)?
                    }
                    // What the store computes is never missing.
                    Edit::SetMissing(tag, _) if P::SETTABLE.contains(tag) => continue,
                    Edit::SetMissing(tag, _) if stored.get_any_type(tag.id()).is_some() => continue,
                    Edit::Set(tag, value) | Edit::SetMissing(tag, value) => {
                        set::<P>(&mut stored, *tag, value)
                    }
                    Edit::DeleteUnchanged(tag, value)
                        if stored.get(*tag) != Some(&StoredValue::Inline(value.clone())) =>
                    {
                        continue;
                    }
                    Edit::DeleteUnchanged(tag, _) => {
                        stored.remove(tag.id());
                        Ok(())
                    }
                    Edit::Delete(tag) if stored.remove(tag.id()).is_none() => continue,
                    Edit::Delete(_) => Ok(()),
                };
                if done.is_ok() {
                    changed.push(edit.tag());
                }
            }
            if changed.is_empty() {
                return Ok(Ending::RollBack(done));
            }
            object.write(tx, &document::write_properties(&stored), change)?;
            let journal = Change {
                kind: P::change_kind(&changed),
                objects: &[object.journal_uid()],
                folder: None,
                row_version: None,
                properties: &changed,
                save_id: None,
            };
            changes::record(tx, &journal)?;
            Ok(Ending::Commit(done))
        },
    )?;
    Ok(done)
}

/// Makes one change.
pub(crate) fn edit_one<P: Permanent>(object: &P, change: Edit) -> Result<()> {
    let done = edit(object, &[change])?;
    done.into_iter().collect()
}

/// Sets a list of properties in one change; answers what was not set.
pub(crate) fn set_list<P: Permanent>(
    object: &P,
    values: &[(PropertyTag, PropertyValue)],
) -> Result<Vec<PropertyProblem>> {
    object.of_store().check_writable()?;
    check_list(values)?;
    let edits = values
        .iter()
        .map(|(tag, value)| Edit::Set(*tag, value.clone()));
    let done = edit(object, &edits.collect::<Vec<_>>())?;
    Ok(problems(
        values.iter().map(|(tag, _)| *tag),
        done.into_iter(),
    ))
}

/// Deletes a list of properties in one change; answers what was not deleted.
pub(crate) fn delete_list<P: Permanent>(
    object: &P,
    tags: &[PropertyTag],
) -> Result<Vec<PropertyProblem>> {
    let edits: Vec<Edit> = tags.iter().copied().map(Edit::Delete).collect();
    let done = edit(object, &edits)?;
    Ok(problems(tags.iter().copied(), done.into_iter()))
}

fn set<P: Permanent>(
    stored: &mut Properties,
    tag: PropertyTag,
    value: &PropertyValue,
) -> Result<()> {
    let value = StoredValue::Inline(value.clone());
    let (before, after) = (len_of(stored, tag), document::property_len(tag, &value));
    let what = format!("the properties of {}", P::WHAT);
    within(&what, 0, properties_len(stored), before, after)?;
    stored.set(tag, value);
    Ok(())
}

/// The calls for properties of an object that is [`Permanent`].
macro_rules! permanent_properties {
    ($object:ident) => {
        impl $object {
            /// Reads a property by its typed tag as it is stored now; `None` if there is none of that id and type.
            ///
            /// # Errors
            ///
            /// `MAPI_E_OBJECT_DELETED`: a folder that was deleted. Those of reading the store.
            pub fn get<T: $crate::model::PropertyKind>(
                &self,
                tag: $crate::model::Tag<T>,
            ) -> $crate::Result<Option<T>> {
                Ok(self.get_value(tag.tag())?.and_then(T::from_value))
            }

            /// Reads a property by any tag.
            ///
            /// # Errors
            ///
            /// As for `get`.
            pub fn get_value(
                &self,
                tag: $crate::model::PropertyTag,
            ) -> $crate::Result<Option<$crate::model::PropertyValue>> {
                $crate::store::permanent::get(self, tag)
            }

            /// Sets a property by its typed tag. It is permanent when the call returns, for all clients: there is no
            /// save ([MS-OXCPRPT] 3.2.5.4).
            ///
            /// # Errors
            ///
            /// In all cases nothing was changed.
            ///
            /// - `MAPI_E_COMPUTED`: the store computes it.
            /// - `MAPI_E_NO_ACCESS`: the store was opened read-only.
            /// - `MAPI_E_INVALID_PARAMETER`: a multi-valued property without a value.
            /// - `MAPI_E_TOO_BIG`: all properties together would take more than 16 MiB.
            /// - `MAPI_E_OBJECT_DELETED`: a folder that was deleted.
            /// - `MAPI_E_BUSY`: no turn in time.
            /// - For the display name of a folder those of [`Folder::rename`](crate::Folder::rename).
            pub fn set<T: $crate::model::PropertyKind>(
                &self,
                tag: $crate::model::Tag<T>,
                value: impl Into<T>,
            ) -> $crate::Result<()> {
                self.set_value(tag.tag(), value.into().into_value())
            }

            /// Sets a property by any tag; a value of another type replaces what has the same id.
            ///
            /// # Errors
            ///
            /// Those of `set`, and `MAPI_E_UNEXPECTED_TYPE`: the value is not of the tag's type.
            pub fn set_value(
                &self,
                tag: $crate::model::PropertyTag,
                value: $crate::model::PropertyValue,
            ) -> $crate::Result<()> {
                use $crate::store::permanent::{Edit, edit_one};
                edit_one(self, Edit::Set(tag, value))
            }

            /// Deletes a property of whatever type, at once. One that is not set is no error, and no change.
            ///
            /// # Errors
            ///
            /// `MAPI_E_COMPUTED`, `MAPI_E_NO_ACCESS`, `MAPI_E_OBJECT_DELETED`, `MAPI_E_BUSY` as for `set`.
            pub fn delete_property(&self, tag: $crate::model::PropertyTag) -> $crate::Result<()> {
                use $crate::store::permanent::{Edit, edit_one};
                edit_one(self, Edit::Delete(tag))
            }

            /// All properties that are stored now, and those that the store computes; ascending by tag.
            ///
            /// # Errors
            ///
            /// `MAPI_E_OBJECT_DELETED`: a folder that was deleted. Those of reading the store.
            pub fn properties(
                &self,
            ) -> $crate::Result<Vec<($crate::model::PropertyTag, $crate::model::PropertyValue)>>
            {
                $crate::store::permanent::list(self, $crate::store::permanent::Asked::All)
            }
        }

        impl $crate::store::map_prop::sealed::Sealed for $object {
            fn check_changeable(&self) -> $crate::Result<()> {
                $crate::store::permanent::Permanent::of_store(self).check_writable()
            }
        }

        /// A list is read from one state of the store, and changed in one change of it.
        impl $crate::store::MapiProp for $object {
            fn get_value(
                &self,
                tag: $crate::model::PropertyTag,
            ) -> $crate::Result<Option<$crate::model::PropertyValue>> {
                $object::get_value(self, tag)
            }

            fn set_value(
                &mut self,
                tag: $crate::model::PropertyTag,
                value: $crate::model::PropertyValue,
            ) -> $crate::Result<()> {
                $object::set_value(self, tag, value)
            }

            fn delete_property(&mut self, tag: $crate::model::PropertyTag) -> $crate::Result<()> {
                $object::delete_property(self, tag)
            }

            fn property_list(&self) -> $crate::Result<Vec<$crate::model::PropertyTag>> {
                use $crate::store::permanent::{Asked, list};
                let named = list(self, Asked::These(&[]))?;
                Ok(named.into_iter().map(|(tag, _)| tag).collect())
            }

            fn get_values(
                &self,
                tags: &[$crate::model::PropertyTag],
            ) -> $crate::Result<$crate::store::PropertySlots> {
                use $crate::store::map_prop::slots_of;
                use $crate::store::permanent::{Asked, list};
                Ok(slots_of(&list(self, Asked::These(tags))?, tags))
            }

            fn set_values(
                &mut self,
                values: &[($crate::model::PropertyTag, $crate::model::PropertyValue)],
            ) -> $crate::Result<Vec<$crate::store::PropertyProblem>> {
                $crate::store::permanent::set_list(self, values)
            }

            fn delete_properties(
                &mut self,
                tags: &[$crate::model::PropertyTag],
            ) -> $crate::Result<Vec<$crate::store::PropertyProblem>> {
                $crate::store::permanent::delete_list(self, tags)
            }
        }
    };
}
pub(crate) use permanent_properties;
