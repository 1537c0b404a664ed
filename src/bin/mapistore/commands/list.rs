//! `list`: the messages of a folder.

use clap::{Args, ValueEnum};
use mapistore::{ContentsOrder, EntryId, Folder, MessageSummary, Page, ReadState};

use crate::args::Global;
use crate::exit::{Exit, say};
use crate::json::SummaryObject;
use crate::names::{self, Prefix};
use crate::output::{Column, Format, Output};
use crate::values;

/// What people see unless they ask for more.
const FIRST_PAGE: u64 = 50;
/// Messages read at once.
const PAGE: u32 = 500;

/// Terminals with fewer columns see less of each message.
const NARROW: usize = 110;
/// How much of a time is a date, and how much has the minute too.
const DATE: usize = 10;
const DATE_AND_MINUTE: usize = 16;

/// How much a line has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Narrow,
    Wide,
}

/// List the messages of a folder, newest first
#[derive(Debug, Args)]
#[command(after_help = "\
At the end of a line, N is a new (unread) message, and A one with attachments.

Examples:
  mapistore list Inbox
  mapistore list Inbox --limit 20 --sort subject
  mapistore list Inbox --after 3f2a91c0        the page behind that message
  mapistore list Inbox --json                  all messages")]
pub(crate) struct List {
    /// Path of the folder
    folder: String,
    /// At most so many messages [default: 50, with --json all]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Begin behind this message
    #[arg(long, value_name = "ENTRY")]
    after: Option<String>,
    /// Sort by this column
    #[arg(long, value_enum, value_name = "COLUMN", default_value = "received")]
    sort: Sort,
    /// The folder-associated messages instead, which programs keep settings in
    #[arg(long)]
    associated: bool,
}

/// Which messages of a folder are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    Ordinary,
    Associated,
}

impl Contents {
    fn page(self, folder: &Folder, page: Page) -> mapistore::Result<Vec<MessageSummary>> {
        match self {
            Contents::Ordinary => folder.messages(page),
            Contents::Associated => folder.associated_messages(page),
        }
    }

    fn count(self, folder: &Folder) -> mapistore::Result<u64> {
        match self {
            Contents::Ordinary => Ok(folder.info()?.total),
            Contents::Associated => folder.associated_count(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// Newest first
    Received,
    /// In code-point order
    Subject,
    /// In code-point order
    Sender,
    /// Largest first
    Size,
    /// Last saved first
    Modified,
}

impl Sort {
    fn order(self) -> ContentsOrder {
        match self {
            Sort::Received => ContentsOrder::NewestFirst,
            Sort::Subject => ContentsOrder::Subject,
            Sort::Sender => ContentsOrder::Sender,
            Sort::Size => ContentsOrder::LargestFirst,
            Sort::Modified => ContentsOrder::LastModifiedFirst,
        }
    }
}

impl List {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
        let store = global.open_to_read()?;
        let folder = store.folder_by_path(&self.folder)?;
        let after = self
            .after
            .as_deref()
            .map(|text| names::entry(&store, text, Prefix::Four))
            .transpose()?;
        if let Some(after) = &after {
            // Paging behind what does not exist would look like the end of the folder.
            store.open_message_or_deleted(after, mapistore::Access::ReadOnly)?;
        }
        let messages =
            |limit| Messages::new(&folder, self.contents(), self.sort.order(), after, limit);
        match output.format() {
            Format::Json => {
                let all = messages(self.limit.unwrap_or(u64::MAX));
                output.json_array(all.map(|summary| Ok(object(summary?))))?;
            }
            Format::People => {
                let limit = self.limit.unwrap_or(FIRST_PAGE);
                let shown: Vec<MessageSummary> =
                    messages(limit).collect::<mapistore::Result<_>>()?;
                let space = if output.is_narrower_than(NARROW) {
                    Space::Narrow
                } else {
                    Space::Wide
                };
                let rows: Vec<Vec<String>> = shown
                    .iter()
                    .map(|summary| self.row(summary, space))
                    .collect();
                output.table(&self.columns(space), &rows)?;
                output.flush()?;
                self.point_to_more(&folder, &shown, limit)?;
            }
        }
        Ok(Exit::Done)
    }

    fn contents(&self) -> Contents {
        if self.associated {
            Contents::Associated
        } else {
            Contents::Ordinary
        }
    }

    fn columns(&self, space: Space) -> Vec<Column<'static>> {
        let time = if self.sort == Sort::Modified {
            "modified (UTC)"
        } else {
            "received (UTC)"
        };
        let mut columns = vec![
            Column::whole("entry"),
            Column::number("ver"),
            Column::whole(if space == Space::Narrow { "date" } else { time }),
            Column::text("sender"),
            Column::text("subject"),
        ];
        if space == Space::Wide {
            columns.push(Column::number("size"));
        }
        columns.push(Column::whole(""));
        columns
    }

    fn row(&self, summary: &MessageSummary, space: Space) -> Vec<String> {
        let time = if self.sort == Sort::Modified {
            Some(summary.modified)
        } else {
            summary.received
        };
        let shown = if space == Space::Narrow {
            DATE
        } else {
            DATE_AND_MINUTE
        };
        let cut = |text: String| text.get(..shown).map(str::to_owned).unwrap_or(text);
        let new = if summary.read_state == ReadState::Unread {
            "N"
        } else {
            " "
        };
        let attachments = if summary.has_attachments { "A" } else { "" };
        let mut row = vec![
            summary.entry_id.object().to_string(),
            summary.row_version.to_string(),
            time.map(values::time_for_people)
                .map(cut)
                .unwrap_or_default(),
            summary.sender.clone().unwrap_or_default(),
            summary.subject.clone().unwrap_or_default(),
        ];
        if space == Space::Wide {
            row.push(summary.size.to_string());
        }
        row.push(format!("{new}{attachments}"));
        row
    }

    /// Nobody should take a page for the whole folder.
    fn point_to_more(
        &self,
        folder: &Folder,
        shown: &[MessageSummary],
        limit: u64,
    ) -> mapistore::Result<()> {
        let Some(last) = shown.last().filter(|_| shown.len() as u64 >= limit) else {
            return Ok(());
        };
        let page = Page {
            order: self.sort.order(),
            after: Some(last.entry_id),
            limit: 1,
        };
        if !self.contents().page(folder, page)?.is_empty() {
            let total = self.contents().count(folder)?;
            let last = last.entry_id.object();
            say(&format!(
                "{} of {total} messages; the next ones: --after {last}",
                shown.len()
            ));
        }
        Ok(())
    }
}

fn object(summary: MessageSummary) -> SummaryObject {
    SummaryObject {
        entry_id: summary.entry_id.object(),
        row_version: summary.row_version,
        received: summary.received.map(|time| time.to_string()),
        size: summary.size,
        read: summary.read_state == ReadState::Read,
        has_attachments: summary.has_attachments,
        subject: summary.subject,
        sender: summary.sender,
    }
}

/// Walks through a folder page by page, so that no long read keeps others from tidying up.
struct Messages<'a> {
    folder: &'a Folder,
    contents: Contents,
    order: ContentsOrder,
    after: Option<EntryId>,
    left: u64,
    page: std::vec::IntoIter<MessageSummary>,
}

impl<'a> Messages<'a> {
    fn new(
        folder: &'a Folder,
        contents: Contents,
        order: ContentsOrder,
        after: Option<EntryId>,
        limit: u64,
    ) -> Messages<'a> {
        Messages {
            folder,
            contents,
            order,
            after,
            left: limit,
            page: Vec::new().into_iter(),
        }
    }
}

impl Iterator for Messages<'_> {
    type Item = mapistore::Result<MessageSummary>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.as_slice().is_empty() && self.left > 0 {
            let limit = u32::try_from(self.left).unwrap_or(PAGE).min(PAGE);
            let page = Page {
                order: self.order,
                after: self.after,
                limit,
            };
            match self.contents.page(self.folder, page) {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => {
                    self.left = 0;
                    return Some(Err(error));
                }
            }
        }
        let summary = self.page.next();
        self.left = match &summary {
            Some(summary) => {
                self.after = Some(summary.entry_id);
                self.left.saturating_sub(1)
            }
            None => 0,
        };
        summary.map(Ok)
    }
}
