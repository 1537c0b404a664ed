//! What a folder holds: ordinary messages, and folder-associated ones, which stand in a table of their own.

use crate::db::contents::{self, Order, SummaryRow, Table};
use crate::error::{Error, ObjectKind, Result};
use crate::model::{EntryId, FileTime, ReadState, RowVersion};
use crate::store::opening::initial_content;
use crate::store::{Folder, Message};

/// A message in the contents of a folder.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MessageSummary {
    /// The entry id.
    pub entry_id: EntryId,
    /// The version.
    pub row_version: RowVersion,
    /// `PR_SUBJECT`.
    pub subject: Option<String>,
    /// Whom it is from: a display name, else an address.
    pub sender: Option<String>,
    /// `PR_MESSAGE_DELIVERY_TIME`, else `PR_CLIENT_SUBMIT_TIME`.
    pub received: Option<FileTime>,
    /// `PR_LAST_MODIFICATION_TIME`.
    pub modified: FileTime,
    /// `PR_MESSAGE_SIZE_EXTENDED`, in bytes.
    pub size: u64,
    /// Read or not.
    pub read_state: ReadState,
    /// `PR_HASATTACH`.
    pub has_attachments: bool,
}

/// By what the contents of a folder are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ContentsOrder {
    /// By the time received, newest first.
    #[default]
    NewestFirst,
    /// By subject, in code-point order.
    Subject,
    /// By sender, in code-point order.
    Sender,
    /// By size, largest first.
    LargestFirst,
    /// By the time of the last save, newest first.
    LastModifiedFirst,
}

/// Which part of a folder's contents to list.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The order.
    pub order: ContentsOrder,
    /// Begin after this message; `None`: at the beginning.
    pub after: Option<EntryId>,
    /// At most so many.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Page {
            order: ContentsOrder::NewestFirst,
            after: None,
            limit: 50,
        }
    }
}

impl From<ContentsOrder> for Order {
    fn from(order: ContentsOrder) -> Order {
        match order {
            ContentsOrder::NewestFirst => Order::NewestFirst,
            ContentsOrder::Subject => Order::Subject,
            ContentsOrder::Sender => Order::Sender,
            ContentsOrder::LargestFirst => Order::LargestFirst,
            ContentsOrder::LastModifiedFirst => Order::LastModifiedFirst,
        }
    }
}

impl Folder {
    /// Lists visible messages, in pages by key: what comes between two calls makes none appear twice.
    /// Folder-associated ones are in [`Folder::associated_messages`].
    ///
    /// # Errors
    ///
    /// `MAPI_E_NOT_FOUND`: the message to begin after was deleted for good; begin anew. `MAPI_E_UNKNOWN_ENTRYID`: it is
    /// of another store; and those of reading the store.
    pub fn messages(&self, page: Page) -> Result<Vec<MessageSummary>> {
        self.page(Table::Contents, page)
    }

    /// Lists folder-associated messages as [`Folder::messages`] lists the others (IMAPIContainer::GetContentsTable with
    /// MAPI_ASSOCIATED).
    ///
    /// # Errors
    ///
    /// As [`Folder::messages`].
    pub fn associated_messages(&self, page: Page) -> Result<Vec<MessageSummary>> {
        self.page(Table::AssociatedContents, page)
    }

    /// How many visible folder-associated messages there are (`PR_ASSOC_CONTENT_COUNT`). They are counted by reading
    /// them, which takes as long as the folder is large.
    ///
    /// # Errors
    ///
    /// Those of reading the store.
    pub fn associated_count(&self) -> Result<u64> {
        let folder_id = self.row_id();
        self.store()
            .database
            .read(|reader| contents::count_associated(reader, folder_id))
    }

    fn page(&self, table: Table, page: Page) -> Result<Vec<MessageSummary>> {
        let after = page
            .after
            .as_ref()
            .map(|entry_id| self.store().object(entry_id))
            .transpose()?;
        let folder_id = self.row_id();
        let order = page.order.into();
        let rows = self.store().database.read_together(|reader| {
            contents::page(reader, folder_id, table, order, after, page.limit)
        })?;
        let rows = rows.ok_or_else(|| Error::NotFound {
            kind: ObjectKind::Message,
            what: after.map_or_else(String::new, |after| after.to_string()),
        })?;
        let summary = |row: SummaryRow| MessageSummary {
            entry_id: self.store().entry_id(row.uid),
            row_version: row.row_version,
            subject: row.subject,
            sender: row.sender,
            received: row.received,
            modified: row.modified,
            size: row.size,
            read_state: row.read_state,
            has_attachments: row.has_attachments,
        };
        Ok(rows.into_iter().map(summary).collect())
    }

    /// Begins a new message here. It has its entry id at once, and exists for nobody else before its first save (O5).
    ///
    /// # Errors
    ///
    /// `MAPI_E_NO_ACCESS`: the store was opened read-only.
    pub fn create_message(&self) -> Result<Message> {
        self.store().new_message(self.uid(), initial_content())
    }

    /// Begins a new folder-associated message here (IMAPIFolder::CreateMessage with MAPI_ASSOCIATED, [MS-OXCMSG]
    /// 2.2.3.2.1): one that programs keep their views, rules and settings in, and that people do not see. It is in
    /// [`Folder::associated_messages`] only, and in none of the folder's counts; in all else it is like any other.
    ///
    /// # Errors
    ///
    /// `MAPI_E_NO_ACCESS`: the store was opened read-only.
    pub fn create_associated_message(&self) -> Result<Message> {
        let mut message = self.create_message()?;
        message.aside.is_associated = true;
        Ok(message)
    }
}
