//! The folders that every store has.

use std::fmt;

macro_rules! folder_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $title:literal;)*) => {
        /// A folder's part in the store. Each kind but [`FolderKind::Generic`] exists once in a store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FolderKind {
            $($(#[$doc])* $variant,)*
            /// A folder that a client made.
            Generic,
        }
        impl FolderKind {
            /// The name in the store's tables and views.
            pub const fn name(self) -> &'static str {
                match self { $(FolderKind::$variant => $name,)* FolderKind::Generic => "generic" }
            }
            /// The name that the folder has in a new store.
            pub const fn title(self) -> &'static str {
                match self { $(FolderKind::$variant => $title,)* FolderKind::Generic => "Folder" }
            }
            /// The kind by its name in the tables.
            pub fn from_name(name: &str) -> Option<FolderKind> {
                Some(match name {
                    $($name => FolderKind::$variant,)*
                    "generic" => FolderKind::Generic,
                    _ => return None,
                })
            }
        }
    };
}

folder_kinds! {
    /// The root of everything, which the null entry id opens.
    Root = "root", "Root";
    /// The root of the folders that people see (`PR_IPM_SUBTREE_ENTRYID`).
    IpmSubtree = "ipm-subtree", "IPM Subtree";
    /// Where mail arrives.
    Inbox = "inbox", "Inbox";
    /// Where mail waits to be sent (`PR_IPM_OUTBOX_ENTRYID`).
    Outbox = "outbox", "Outbox";
    /// Copies of what was sent (`PR_IPM_SENTMAIL_ENTRYID`).
    SentItems = "sent-items", "Sent Items";
    /// Where people move what they throw away (`PR_IPM_WASTEBASKET_ENTRYID`).
    DeletedItems = "deleted-items", "Deleted Items";
    /// Unfinished messages (`PR_IPM_DRAFTS_ENTRYID`).
    Drafts = "drafts", "Drafts";
    /// Copies that come out of conflicts.
    Conflicts = "conflicts", "Conflicts";
}

impl FolderKind {
    /// Those that stand in the [`FolderKind::IpmSubtree`] of every store, in the order in which a new store gets them.
    pub(crate) const IN_IPM_SUBTREE: [FolderKind; 6] = [
        FolderKind::Inbox,
        FolderKind::Outbox,
        FolderKind::SentItems,
        FolderKind::DeletedItems,
        FolderKind::Drafts,
        FolderKind::Conflicts,
    ];
}

impl fmt::Display for FolderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
