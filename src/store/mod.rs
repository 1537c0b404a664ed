//! Floor 2: MAPI's rules, on what the database floor offers.
//!
//! - [`open`]: the store and how it is opened; [`folder`]: folders; [`contents`]: what they hold; [`paths`]: folders by
//!   path, entries by prefix.
//! - [`message`]: the handle; [`opening`]: how one comes to be; [`properties`], [`recipients`], [`attachments`],
//!   [`attachment`], [`embedded`], [`computed`]: what it shows and takes; [`map_prop`]: lists of properties;
//!   [`subject`]: the parts of a subject; [`stream`]: large values in and out;
//!   [`property_stream`], [`stream_draft`]: read and written like files; [`limits`]: how large.
//! - [`named`]: numbers for named properties. [`folder_properties`], [`store_properties`]: those of folders and the
//!   store, on what [`permanent`] does for both.
//! - [`save`]: SaveChanges; [`recorded_save`]: one whose outcome was not told; [`batch`]: for many handles in one commit.
//!   [`bulk`]: what is not content, and deleting,
//!   for many messages at once; [`read_state`]: read marks and status.
//! - [`conflict`]: what differs for a save that came second; [`resolve`]: what becomes of it; [`present`]: a save that asks;
//!   [`conflict_copies`]: what waits for a decision; [`versions`]: what was replaced; [`purge`]: forgetting it.
//! - [`copy`]: properties from object to object; [`copy_messages`]: whole messages; [`take_over`]: what both take.
//! - [`watch`]: reading the journal; [`subscription`]: following it; [`stale`]: whether others changed an open message;
//!   [`query`]: SQL to read.
//! - [`check`]: soundness; [`collect`], [`compact`]: removing waste, giving space back; [`backup`]: copies;
//!   [`recover`], [`recover_messages`]: what is sound in a damaged store;
//!   [`progress`]: how far these have come.

mod attachment;
mod attachments;
mod backup;
mod batch;
mod bulk;
mod check;
mod collect;
mod compact;
mod computed;
mod conflict;
mod conflict_copies;
mod contents;
mod copy;
mod copy_folder;
mod copy_messages;
mod embedded;
mod folder;
mod folder_properties;
mod limits;
mod map_prop;
mod message;
mod named;
mod open;
mod opening;
mod paths;
mod permanent;
mod present;
mod progress;
mod properties;
mod property_stream;
mod purge;
mod query;
mod read_state;
mod recipients;
mod recorded_save;
mod recover;
mod recover_messages;
mod resolve;
mod save;
mod stale;
mod store_properties;
mod stream;
mod stream_draft;
mod subject;
mod subscription;
mod take_over;
mod versions;
mod watch;

pub use attachment::Attachment;
pub use attachments::{AttachmentInfo, AttachmentNumber};
pub use backup::{Backup, BackupIdentity};
pub use bulk::Outcomes;
pub use check::CheckReport;
pub use collect::Collected;
pub use compact::Compacted;
pub use conflict::{Conflict, MergePreview, SavedBetween, SavedVersion, Theirs};
pub use conflict_copies::ConflictCopy;
pub use contents::{ContentsOrder, MessageSummary, Page};
pub use copy_messages::Copies;
pub use embedded::{EmbeddedAccess, EmbeddedMessage};
pub use folder::{Folder, FolderInfo};
pub use map_prop::{MapiProp, PropertyProblem, PropertySlots};
pub use message::Message;
pub use named::UnknownNames;
pub use open::{Store, StoreOptions};
pub use opening::Entry;
pub use progress::Progress;
pub use property_stream::{Copied, PropertyStream, StreamAccess};
pub use purge::{Purge, Purged};
pub use query::QueryResult;
pub use read_state::MarkedInFolder;
pub use recipients::{ModifyRecipients, RecipientChange, RecipientEntry, RowId};
pub use recorded_save::RecordedSave;
pub use recover::{Loss, Recovered};
pub use resolve::{Policy, Resolution, Resolved, Resolver};
pub use save::{SaveOutcome, Saved};
pub use stale::Staleness;
pub use stream::StreamReader;
#[cfg(feature = "mime")]
pub(crate) use stream::from_io;
pub use subscription::{Canceller, Notice, Subscription};
pub use versions::{Restored, VersionContent, VersionInfo};

#[cfg(test)]
mod plans_tests;
#[cfg(test)]
mod test_support;
