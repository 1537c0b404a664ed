//! Properties from one folder to another (IMAPIProp::CopyTo, IMAPIProp::CopyProps), permanent at once.

use crate::error::{Error, Result};
use crate::model::{CopyFlags, PropertyTag, PropertyValue};
use crate::store::Folder;
use crate::store::copy::check_flags;
use crate::store::map_prop::{MapiProp, PropertyProblem};
use crate::store::permanent::{self, Edit};

impl Folder {
    /// Copies or moves all properties of this folder to another, also of another store, but for those that are excluded, by
    /// their ids (IMAPIProp::CopyTo). They replace what the other has, of whatever type, unless
    /// [`CopyFlags::MAPI_NOREPLACE`] is set. Subfolders and messages stay where they are.
    ///
    /// All that is copied is there for everybody when the call returns, in one change; what is moved is deleted here in another.
    /// The display name goes along like any other property: exclude `PR_DISPLAY_NAME`, or the other folder gets another name.
    ///
    /// Returns what could not be copied, and why, with its place in this folder's list of properties; all else was. What the
    /// store computes is always among it (`MAPI_E_COMPUTED`), and may be ignored.
    ///
    /// # Errors
    ///
    /// `MAPI_E_INVALID_PARAMETER`: flags that are not defined, or both. `MAPI_E_NO_ACCESS`: the other is this folder, or its
    /// store was opened for reading only. `MAPI_E_OBJECT_DELETED`: one of the folders was deleted. Nothing is copied; and
    /// those of writing the store.
    pub fn copy_to(
        &self,
        other: &Folder,
        exclude: &[PropertyTag],
        flags: CopyFlags,
    ) -> Result<Vec<PropertyProblem>> {
        let excluded = |tag: &PropertyTag| exclude.iter().any(|one| one.id() == tag.id());
        let all = self.property_list()?.into_iter().enumerate();
        self.copy(
            other,
            all.filter(|(_, tag)| !excluded(tag)).collect(),
            flags,
        )
    }

    /// Copies or moves the listed properties to another folder, as [`Folder::copy_to`] does (IMAPIProp::CopyProps). All others
    /// stay as they are. Returns what could not be copied, with its place in the list.
    ///
    /// # Errors
    ///
    /// As [`Folder::copy_to`].
    pub fn copy_properties(
        &self,
        other: &Folder,
        include: &[PropertyTag],
        flags: CopyFlags,
    ) -> Result<Vec<PropertyProblem>> {
        self.copy(other, include.iter().copied().enumerate().collect(), flags)
    }

    fn copy(
        &self,
        other: &Folder,
        wanted: Vec<(usize, PropertyTag)>,
        flags: CopyFlags,
    ) -> Result<Vec<PropertyProblem>> {
        check_flags(flags)?;
        if self.store().is_same_file(other.store()) && self.uid() == other.uid() {
            return Err(Error::NoAccess {
                detail: "an object cannot be copied onto itself".to_owned(),
            });
        }
        if flags.contains(CopyFlags::MAPI_MOVE) {
            self.store().check_writable()?;
        }
        let tags: Vec<PropertyTag> = wanted.iter().map(|(_, tag)| *tag).collect();
        let mut problems = Vec::new();
        let mut copied: Vec<(usize, PropertyTag, PropertyValue)> = Vec::new();
        let mut sets = Vec::new();
        for ((index, asked), slot) in wanted.into_iter().zip(self.get_values(&tags)?) {
            let taken = slot.and_then(|(tag, value)| {
                let tag_there = other.store().take_tag(self.store(), tag)?;
                Ok((tag, tag_there, value))
            });
            match taken {
                Ok((tag, tag_there, value)) => {
                    copied.push((index, tag, value.clone()));
                    sets.push(if flags.contains(CopyFlags::MAPI_NOREPLACE) {
                        Edit::SetMissing(tag_there, value)
                    } else {
                        Edit::Set(tag_there, value)
                    });
                }
                Err(error) => problems.push(PropertyProblem {
                    index,
                    tag: asked,
                    error,
                }),
            }
        }
        let mut moved = Vec::new();
        for ((index, tag, value), done) in copied.into_iter().zip(permanent::edit(other, &sets)?) {
            match done {
                Ok(()) => moved.push((index, tag, value)),
                Err(error) => problems.push(PropertyProblem { index, tag, error }),
            }
        }
        if flags.contains(CopyFlags::MAPI_MOVE) {
            // What another client has set meanwhile was not copied, and stays.
            let deletions: Vec<Edit> = moved
                .iter()
                .map(|(_, tag, value)| Edit::DeleteUnchanged(*tag, value.clone()))
                .collect();
            for ((index, tag, _), done) in moved.into_iter().zip(permanent::edit(self, &deletions)?)
            {
                if let Err(error) = done {
                    problems.push(PropertyProblem { index, tag, error });
                }
            }
        }
        problems.sort_by_key(|problem| problem.index);
        Ok(problems)
    }
}
