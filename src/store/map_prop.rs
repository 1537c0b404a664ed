//! Lists of properties, for every object that has properties (IMAPIProp).

use crate::error::{Error, ObjectKind, Result};
use crate::model::{PropertyTag, PropertyType, PropertyValue};
use crate::store::Message;

/// `PT_UNSPECIFIED`: whatever type the property has ([MS-OXCDATA] 2.11.1).
const UNSPECIFIED: u16 = 0x0000;

pub(crate) mod sealed {
    use crate::error::Result;

    /// Keeps the objects with properties to those of this store, and lets lists ask first what goes for the call.
    pub trait Sealed {
        /// Fails if nothing can be changed through this object now.
        fn check_changeable(&self) -> Result<()>;
    }
}

/// One answer for each tag that was asked for, in their order: the property with the type that it has, or why there
/// is none.
///
/// A slot that holds an error is what MAPI calls `MAPI_W_ERRORS_RETURNED`: the call has succeeded, and the other
/// slots are valid.
pub type PropertySlots = Vec<Result<(PropertyTag, PropertyValue)>>;

/// An element of a list that could not be set, deleted or copied; the rest of the list was (`SPropProblem`,
/// [MS-OXCDATA] 2.7).
#[derive(Debug)]
#[non_exhaustive]
pub struct PropertyProblem {
    /// The place of the element in the caller's list, from 0.
    pub index: usize,
    /// The property, as the caller named it.
    pub tag: PropertyTag,
    /// Why; [`Error::code`] is the code of MAPI's list.
    pub error: Error,
}

/// An object with properties (`IMAPIProp`): all calls that take a list of them.
///
/// Calls for one property are methods of each object as well, and need no trait.
///
/// ```
/// # use mapistore::{MapiCode, MapiProp, SpecialFolder, Store, pr};
/// # let folder = tempfile::tempdir()?;
/// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
/// let mut draft = store.special_folder(SpecialFolder::Drafts)?.create_message()?;
/// let problems = draft.set_values(&[
///     (pr::SUBJECT.tag(), "Figures".into()),
///     (pr::MESSAGE_SIZE.tag(), 7.into()),
/// ])?;
/// assert_eq!(problems.len(), 1);
/// assert_eq!((problems[0].index, problems[0].error.code()), (1, MapiCode::MAPI_E_COMPUTED));
///
/// let slots = draft.get_values(&[pr::SUBJECT.tag(), pr::BODY.tag()])?;
/// assert!(slots[0].is_ok());
/// assert_eq!(slots[1].as_ref().unwrap_err().code(), MapiCode::MAPI_E_NOT_FOUND);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MapiProp: sealed::Sealed {
    /// Reads a property by id and type; `None` if the object has none.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle; for a large value also those of reading the store.
    fn get_value(&self, tag: PropertyTag) -> Result<Option<PropertyValue>>;

    /// Sets a property; a value of another type replaces what has the same id.
    ///
    /// # Errors
    ///
    /// Those of [`Message::set_value`]. The object is as it was.
    fn set_value(&mut self, tag: PropertyTag, value: PropertyValue) -> Result<()>;

    /// Deletes a property, of whatever type. One that is not set is no error.
    ///
    /// # Errors
    ///
    /// Those of [`Message::delete_property`]. The object is as it was.
    fn delete_property(&mut self, tag: PropertyTag) -> Result<()>;

    /// Names all properties that the object has now, pending changes and object-typed ones included, ascending
    /// (IMAPIProp::GetPropList).
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_OBJECT` for a closed handle.
    fn property_list(&self) -> Result<Vec<PropertyTag>>;

    /// Reads properties (IMAPIProp::GetProps): slot *i* answers tag *i*, repeated tags included. A tag of
    /// `PT_UNSPECIFIED` is answered with the type that the property has, any other with precisely its type.
    ///
    /// # Errors
    ///
    /// In a slot:
    ///
    /// - `MAPI_E_NOT_FOUND`: the object has no such property of that type.
    /// - `MAPI_E_BAD_CHARWIDTH`: it is a text, and of the other width: this store knows no code page.
    /// - `MAPI_E_NO_SUPPORT`: it is an object, which has calls of its own.
    /// - Those of reading the store, for a large value.
    ///
    /// Of the call: `MAPI_E_INVALID_OBJECT` for a closed handle.
    fn get_values(&self, tags: &[PropertyTag]) -> Result<PropertySlots> {
        let present = self.property_list()?;
        let get = |tag| self.get_value(tag);
        Ok(tags.iter().map(|tag| slot(get, &present, *tag)).collect())
    }

    /// Sets properties in the order of the list (IMAPIProp::SetProps). Returns those that could not be set, and why;
    /// all others are set. An empty list of problems is complete success.
    ///
    /// # Errors
    ///
    /// Nothing is set:
    ///
    /// - `MAPI_E_INVALID_PARAMETER`: an entry has an object's tag, or is multi-valued and has no value.
    /// - `MAPI_E_NO_ACCESS`: the object is open for reading only (O3).
    /// - `MAPI_E_INVALID_OBJECT`: the handle is closed.
    fn set_values(
        &mut self,
        values: &[(PropertyTag, PropertyValue)],
    ) -> Result<Vec<PropertyProblem>> {
        self.check_changeable()?;
        check_list(values)?;
        let done = values
            .iter()
            .map(|(tag, value)| self.set_value(*tag, value.clone()));
        Ok(problems(values.iter().map(|(tag, _)| *tag), done))
    }

    /// Deletes properties, whatever their types (IMAPIProp::DeleteProps). Returns those that could not be deleted,
    /// and why; all others are gone. One that is not set is no problem.
    ///
    /// # Errors
    ///
    /// Nothing is deleted: `MAPI_E_NO_ACCESS`: the object is open for reading only (O3).
    /// `MAPI_E_INVALID_OBJECT`: the handle is closed.
    fn delete_properties(&mut self, tags: &[PropertyTag]) -> Result<Vec<PropertyProblem>> {
        self.check_changeable()?;
        let done = tags.iter().map(|tag| self.delete_property(*tag));
        Ok(problems(tags.iter().copied(), done))
    }
}

/// The slots of a list for an object whose properties are all at hand.
pub(crate) fn slots_of(
    properties: &[(PropertyTag, PropertyValue)],
    tags: &[PropertyTag],
) -> PropertySlots {
    let present: Vec<PropertyTag> = properties.iter().map(|(tag, _)| *tag).collect();
    let get = |tag| {
        let mut properties = properties.iter();
        let found = properties.find(|(present, _)| *present == tag);
        Ok(found.map(|(_, value)| value.clone()))
    };
    tags.iter().map(|tag| slot(get, &present, *tag)).collect()
}

fn slot(
    get: impl Fn(PropertyTag) -> Result<Option<PropertyValue>>,
    present: &[PropertyTag],
    asked: PropertyTag,
) -> Result<(PropertyTag, PropertyValue)> {
    let mut of_this_id = present.iter().filter(|tag| tag.id() == asked.id());
    let not_found = || Error::NotFound {
        kind: ObjectKind::Property,
        what: asked.to_string(),
    };
    let tag = match asked.type_code() {
        UNSPECIFIED => *of_this_id.next().ok_or_else(not_found)?,
        _ => asked,
    };
    if tag.property_type() == Some(PropertyType::Object) && present.contains(&tag) {
        return Err(Error::NoSupport {
            detail: format!("{tag} is an object, which has calls of its own"),
        });
    }
    if let Some(value) = get(tag)? {
        return Ok((tag, value));
    }
    let other_width = tag.property_type().and_then(PropertyType::other_width);
    match of_this_id.find(|tag| {
        tag.property_type()
            .is_some_and(|has| Some(has) == other_width)
    }) {
        Some(stored) => Err(Error::BadCharWidth {
            tag,
            stored: *stored,
        }),
        None => Err(not_found()),
    }
}

/// Refuses a list of values as a whole, where an entry makes no sense for any object.
pub(crate) fn check_list(values: &[(PropertyTag, PropertyValue)]) -> Result<()> {
    for (tag, value) in values {
        refuse_object(*tag)?;
        value.validate()?;
    }
    Ok(())
}

/// What of a list was not done.
pub(crate) fn problems(
    tags: impl Iterator<Item = PropertyTag>,
    done: impl Iterator<Item = Result<()>>,
) -> Vec<PropertyProblem> {
    tags.zip(done)
        .enumerate()
        .filter_map(|(index, (tag, done))| {
            let error = done.err()?;
            Some(PropertyProblem { index, tag, error })
        })
        .collect()
}

/// Refuses the tag of an object, which has calls of its own.
pub(crate) fn refuse_object(tag: PropertyTag) -> Result<()> {
    match tag.property_type() {
        Some(PropertyType::Object) => Err(Error::InvalidParameter {
            detail: format!("{tag} is an object; objects have calls of their own"),
        }),
        _ => Ok(()),
    }
}

impl sealed::Sealed for Message {
    fn check_changeable(&self) -> Result<()> {
        self.check_modifiable()
    }
}

impl MapiProp for Message {
    fn get_value(&self, tag: PropertyTag) -> Result<Option<PropertyValue>> {
        Message::get_value(self, tag)
    }

    fn set_value(&mut self, tag: PropertyTag, value: PropertyValue) -> Result<()> {
        Message::set_value(self, tag, value)
    }

    fn delete_property(&mut self, tag: PropertyTag) -> Result<()> {
        Message::delete_property(self, tag)
    }

    fn property_list(&self) -> Result<Vec<PropertyTag>> {
        Message::property_list(self)
    }
}
