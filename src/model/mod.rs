//! The words of the store: identities, property tags and values, the content of a message and its documents.
//!
//! Everything here is pure: no database, no clock, no file. The floors above agree on these types, and on the
//! text that a message is stored as.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `id` | uids, entry ids, versions and change numbers |
//! | `property_tag`, `property_kind` | tags, their types in MAPI and in Rust |
//! | `pr`, `property_names` | the properties that mail uses, and their names |
//! | `property_name`, `property_set` | names of other properties, and the sets that they are of |
//! | `property_value`, `file_time` | values |
//! | `properties` | the properties of one object |
//! | `content` | what one version of a message consists of |
//! | `recipient` | a recipient as a person thinks of it |
//! | `message_class`, `media_type` | what kind of message it is, and what kind of file |
//! | `subject` | a subject and its parts |
//! | `one_off` | entry ids that hold a name themselves |
//! | `document` | content as the JSON text of a row, and back |
//! | `change_key` | which version follows which, also between stores |
//! | `flags` | flag words and choices |
//! | `read_flags` | marking as read, and the reports that follow |
//! | `event` | what the journal says |
//! | `folder_kind` | the folders that every store has |

mod change_key;
mod content;
pub(crate) mod document;
mod event;
mod file_time;
mod flags;
mod folder_kind;
mod id;
mod media_type;
mod message_class;
mod one_off;
pub mod pr;
mod properties;
mod property_kind;
mod property_name;
mod property_names;
mod property_set;
mod property_tag;
mod property_value;
mod read_flags;
mod recipient;
mod subject;

pub use change_key::{ChangeKey, PredecessorChangeList, Succession};
pub(crate) use content::{
    AttachmentRow, AttachmentTable, Content, RecipientRow, changed_properties,
};
pub use content::{StoredValue, StreamHash, StreamReference};
pub use event::{ChangeKind, JournalEntry};
pub use file_time::FileTime;
pub use flags::{
    Access, AccessLevel, AttachMethod, CopyFlags, Deletion, MessageFlags, MessageStatus, ReadState,
    SaveFlags,
};
pub use folder_kind::FolderKind;
pub use id::{ChangeNumber, EntryId, ObjectUid, RowVersion, SaveId, StoreUid};
pub use media_type::MediaType;
pub use message_class::MessageClass;
pub(crate) use one_off::one_off_entry_id;
pub(crate) use properties::Properties;
pub use property_kind::{PropertyKind, Tag};
pub use property_name::{NameWithinSet, PropertyName};
pub use property_names::{KnownProperty, known_properties};
pub(crate) use property_set::known_property_sets;
pub use property_set::{PropertySet, known as property_sets};
pub use property_tag::{PropertyId, PropertyTag, PropertyType};
pub use property_value::{AppTime, Currency, PropertyValue, String8};
pub(crate) use read_flags::{ReadChange, ReadMarks};
pub use read_flags::{ReadFlags, Receipt};
pub use recipient::{Recipient, RecipientKind};
pub(crate) use subject::Subject;
