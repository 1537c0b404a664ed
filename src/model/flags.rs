//! Flag words and choices that a caller passes or a message carries.

use bitflags::bitflags;

bitflags! {
    /// What a save does beside saving (`ulFlags` of `IMAPIProp::SaveChanges`, [MS-OXCROPS] 2.2.6.3.1).
    ///
    /// Bits that are not named here are ignored by a save, so [`SaveFlags::from_bits_retain`] takes any word.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct SaveFlags: u32 {
        /// The handle stays open and can only be read afterwards.
        const KEEP_OPEN_READONLY = 0x0000_0001;
        /// The handle stays open and can be changed and saved again.
        const KEEP_OPEN_READWRITE = 0x0000_0002;
        /// The save replaces whatever others committed since the handle's base.
        const FORCE_SAVE = 0x0000_0004;
        /// The caller does not mind hearing of errors later; the save is done at once all the same.
        const MAPI_DEFERRED_ERRORS = 0x0000_0008;
    }
}

bitflags! {
    /// How properties are copied (`ulFlags` of `IMAPIProp::CopyTo`, [MS-OXCPRPT] 2.2.10.1). Without any, values
    /// replace those of the destination, and the source keeps them.
    ///
    /// A copy refuses all other bits, and both of these together.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct CopyFlags: u32 {
        /// The source loses what was copied.
        const MAPI_MOVE = 0x0000_0001;
        /// The destination keeps what it has.
        const MAPI_NOREPLACE = 0x0000_0002;
    }
}

bitflags! {
    /// What `PR_MESSAGE_FLAGS` tells of a message (PidTagMessageFlags, [MS-OXCMSG] 2.2.1.6).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MessageFlags: i32 {
        /// `MSGFLAG_READ`: the message is marked as read.
        const READ = 0x0001;
        /// `MSGFLAG_UNMODIFIED`: the message was not changed since it was first saved or delivered.
        const UNMODIFIED = 0x0002;
        /// `MSGFLAG_SUBMIT`: the message is on its way out.
        const SUBMIT = 0x0004;
        /// `MSGFLAG_UNSENT`: the message is still being written.
        const UNSENT = 0x0008;
        /// `MSGFLAG_HASATTACH`: the message has at least one attachment.
        const HASATTACH = 0x0010;
        /// `MSGFLAG_FROMME`: the user of the store is the one who sent it.
        const FROMME = 0x0020;
        /// `MSGFLAG_ASSOCIATED`: a hidden message of its folder (FAI).
        const ASSOCIATED = 0x0040;
        /// `MSGFLAG_RESEND`: the message holds a request to send it again after a non-delivery report.
        const RESEND = 0x0080;
        /// `MSGFLAG_RN_PENDING`: a read report is still to be sent.
        const RN_PENDING = 0x0100;
        /// `MSGFLAG_NRN_PENDING`: a non-read report is still to be sent.
        const NRN_PENDING = 0x0200;
        /// `mfEverRead`: the message was marked as read at least once.
        const EVER_READ = 0x0400;
    }
}

bitflags! {
    /// What `PR_MSG_STATUS` tells of a message in its folder (PidTagMessageStatus, [MS-OXCMSG] 2.2.1.8).
    ///
    /// A client may keep bits of its own in the upper half.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MessageStatus: i32 {
        /// `MSGSTATUS_HIGHLIGHTED`: shown with emphasis.
        const HIGHLIGHTED = 0x0001;
        /// `MSGSTATUS_TAGGED`: marked by the user for some later action.
        const TAGGED = 0x0002;
        /// `MSGSTATUS_HIDDEN`: not shown in a contents table's view.
        const HIDDEN = 0x0004;
        /// `MSGSTATUS_DELMARKED`: marked to be deleted.
        const DELMARKED = 0x0008;
        /// `MSGSTATUS_DRAFT`: a draft that was changed after it was stored.
        const DRAFT = 0x0100;
        /// `MSGSTATUS_ANSWERED`: replied to.
        const ANSWERED = 0x0200;
        /// `msInConflict`: the message is in conflict with another version of itself.
        const IN_CONFLICT = 0x0800;
        /// `MSGSTATUS_REMOTE_DOWNLOAD`: marked to be fetched from a remote store.
        const REMOTE_DOWNLOAD = 0x1000;
        /// `MSGSTATUS_REMOTE_DELETE`: marked to be deleted in a remote store.
        const REMOTE_DELETE = 0x2000;
    }
}

/// How much of a message a caller asks for when it opens one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// The message can only be read.
    #[default]
    ReadOnly,
    /// The message can be changed, or it is not opened at all (`MAPI_MODIFY`).
    Modify,
    /// Modify if that can be had, otherwise read-only (`MAPI_BEST_ACCESS`).
    Best,
}

/// Defines an enum that is stored as an integer, and the way back from it.
macro_rules! coded {
    (
        $(#[$doc:meta])* $name:ident
        { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i32)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $code,)+
        }

        impl $name {
            /// Takes the number that MAPI uses, or nothing if it means none of these.
            #[must_use]
            pub const fn from_code(code: i32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Gives the number that MAPI uses.
            #[must_use]
            pub const fn code(self) -> i32 {
                self as i32
            }
        }
    };
}
pub(super) use coded;

coded! {
    /// What an open handle allows (`PR_ACCESS_LEVEL`, PidTagAccessLevel, [MS-OXCPRPT] 2.2.1.2).
    AccessLevel {
        /// Reading.
        ReadOnly = 0,
        /// Reading, changing and saving.
        Modify = 1,
    }
}

/// Whether a message was read: a fact about its place in the folder, no part of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadState {
    /// Somebody read it, or marked it so.
    Read,
    /// Nobody did, or it was marked so.
    Unread,
}

/// What becomes of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deletion {
    /// It stays, and is found only by who asks for soft-deleted objects.
    Soft,
    /// It is gone.
    Hard,
}

coded! {
    /// How the content of an attachment is had (`PR_ATTACH_METHOD`, PidTagAttachMethod, [MS-OXCMSG] 2.2.2.9).
    AttachMethod {
        /// `NO_ATTACHMENT`: it was just created, and has no content.
        NoAttachment = 0,
        /// `ATTACH_BY_VALUE`: `PR_ATTACH_DATA_BIN` holds the bytes.
        ByValue = 1,
        /// `ATTACH_BY_REFERENCE`: a path names a file that the recipients can reach.
        ByReference = 2,
        /// `ATTACH_BY_REF_RESOLVE`: a path names a file that is to be attached when the message is sent.
        ByReferenceResolve = 3,
        /// `ATTACH_BY_REF_ONLY`: a path names a file that is never to be attached.
        ByReferenceOnly = 4,
        /// `ATTACH_EMBEDDED_MSG`: `PR_ATTACH_DATA_OBJ` holds a message.
        EmbeddedMessage = 5,
        /// `ATTACH_OLE`: `PR_ATTACH_DATA_OBJ` holds an OLE object.
        Ole = 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_save_bits_are_kept_and_disturb_no_other() {
        // S7
        let flags = SaveFlags::from_bits_retain(0x8000_0006);
        assert!(flags.contains(SaveFlags::KEEP_OPEN_READWRITE | SaveFlags::FORCE_SAVE));
        assert!(!flags.contains(SaveFlags::KEEP_OPEN_READONLY));
        assert_eq!(flags.bits(), 0x8000_0006);
    }

    #[test]
    fn codes_come_back() {
        for code in 0..=6 {
            assert_eq!(
                AttachMethod::from_code(code).map(AttachMethod::code),
                Some(code)
            );
        }
        assert_eq!(AttachMethod::from_code(7), None);
        assert_eq!(AccessLevel::from_code(1), Some(AccessLevel::Modify));
        assert_eq!(AccessLevel::from_code(-1), None);
    }
}
