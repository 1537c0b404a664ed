//! What marking a message read or unread does to it, and to the reports that somebody asked for.

use bitflags::bitflags;

use crate::model::{MessageFlags, ReadState};

bitflags! {
    /// How the read state of a message is to change, and what becomes of the reports that its sender asked for
    /// (`ulFlags` of `IMessage::SetReadFlag`, [MS-OXCMSG] 2.2.3.10.1).
    ///
    /// None of them: the message is marked as read, and a read report becomes due if one is pending. Bits that are not
    /// named here are ignored. MAPI and [MS-OXCMSG] give the values 0x20 and 0x40 to opposite reports; these are MAPI's.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ReadFlags: u32 {
        /// The message is marked as read, and a pending read report is not sent.
        const SUPPRESS_RECEIPT = 0x0000_0001;
        /// The message is marked as unread. No report becomes due.
        const CLEAR_READ_FLAG = 0x0000_0004;
        /// A pending read report becomes due; the read state stays as it is.
        const GENERATE_RECEIPT_ONLY = 0x0000_0010;
        /// A read report is not pending any more, and does not become due. Alone it leaves the read state as it is.
        const CLEAR_RN_PENDING = 0x0000_0020;
        /// A non-read report is not pending any more. Alone it leaves the read state as it is.
        const CLEAR_NRN_PENDING = 0x0000_0040;
    }
}

/// Whether the sender of a message is to be told now that it was read.
///
/// The store sends nothing: the host that is told of a report that is due sends it. It is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receipt {
    /// A read report was pending, and is to be sent.
    Due,
    /// There is nothing to send.
    NotDue,
}

/// The reports that may be pending.
const REPORTS: MessageFlags = MessageFlags::RN_PENDING.union(MessageFlags::NRN_PENDING);
/// What of `PR_MESSAGE_FLAGS` stands beside the content, and beside the read state.
const KEPT: MessageFlags = REPORTS.union(MessageFlags::EVER_READ);

/// What of a message a [`ReadChange`] changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadMarks {
    pub(crate) read_state: ReadState,
    /// Of [`MessageFlags`] the pending reports, and whether it was ever read.
    pub(crate) flags: MessageFlags,
}

impl ReadMarks {
    /// The marks of a stored message: one that is read was read once, whoever stored it.
    pub(crate) fn new(read_state: ReadState, flags: MessageFlags) -> ReadMarks {
        let mut flags = flags & KEPT;
        if read_state == ReadState::Read {
            flags |= MessageFlags::EVER_READ;
        }
        ReadMarks { read_state, flags }
    }
}

/// Flags that a change concerns: on every message, and on one that was unread before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Concerned {
    pub(crate) always: MessageFlags,
    pub(crate) if_unread: MessageFlags,
}

impl Concerned {
    const NONE: Concerned = Concerned::new(MessageFlags::empty(), MessageFlags::empty());

    const fn new(always: MessageFlags, if_unread: MessageFlags) -> Concerned {
        Concerned { always, if_unread }
    }

    fn on(self, before: ReadState) -> MessageFlags {
        match before {
            ReadState::Unread => self.always | self.if_unread,
            ReadState::Read => self.always,
        }
    }
}

/// What [`ReadFlags`] ask for. The statement that changes stored messages says the same in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadChange {
    /// The state to be in; none: as before.
    pub(crate) read_state: Option<ReadState>,
    pub(crate) cleared: Concerned,
    /// A report is due if one of these is set before.
    pub(crate) due: Concerned,
}

impl ReadChange {
    /// What the flags ask for; none if they contradict each other. A message cannot be marked as unread and have its
    /// reading reported or kept quiet.
    pub(crate) fn of(flags: ReadFlags) -> Option<ReadChange> {
        let suppressed = flags.contains(ReadFlags::SUPPRESS_RECEIPT);
        let mut withdrawn = MessageFlags::empty();
        if flags.contains(ReadFlags::CLEAR_RN_PENDING) {
            withdrawn |= MessageFlags::RN_PENDING;
        }
        if flags.contains(ReadFlags::CLEAR_NRN_PENDING) {
            withdrawn |= MessageFlags::NRN_PENDING;
        }
        let reported = if suppressed {
            MessageFlags::empty()
        } else {
            MessageFlags::RN_PENDING.difference(withdrawn)
        };
        let none = MessageFlags::empty();
        let marks_unread = flags.contains(ReadFlags::CLEAR_READ_FLAG);
        let only_reports = flags.contains(ReadFlags::GENERATE_RECEIPT_ONLY);
        Some(if marks_unread && (suppressed || only_reports) {
            return None;
        } else if marks_unread {
            ReadChange {
                read_state: Some(ReadState::Unread),
                cleared: Concerned::new(withdrawn, none),
                due: Concerned::NONE,
            }
        } else if only_reports {
            ReadChange {
                read_state: None,
                cleared: Concerned::new(REPORTS, none),
                due: Concerned::new(reported, none),
            }
        } else if suppressed || withdrawn.is_empty() {
            // Of a message that was read before, neither report is owed because of this call.
            ReadChange {
                read_state: Some(ReadState::Read),
                cleared: Concerned::new(withdrawn, REPORTS),
                due: Concerned::new(none, reported),
            }
        } else {
            ReadChange {
                read_state: None,
                cleared: Concerned::new(withdrawn, none),
                due: Concerned::NONE,
            }
        })
    }

    /// The marks after the change.
    pub(crate) fn apply(&self, before: ReadMarks) -> ReadMarks {
        let read_state = self.read_state.unwrap_or(before.read_state);
        let flags = before.flags.difference(self.cleared.on(before.read_state));
        ReadMarks::new(read_state, flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RN: MessageFlags = MessageFlags::RN_PENDING;
    const NRN: MessageFlags = MessageFlags::NRN_PENDING;
    const EVER: MessageFlags = MessageFlags::EVER_READ;

    fn after(flags: ReadFlags, read_state: ReadState, before: MessageFlags) -> ReadMarks {
        let change = ReadChange::of(flags).unwrap();
        change.apply(ReadMarks::new(read_state, before))
    }

    #[test]
    fn reading_settles_both_reports_and_is_remembered() {
        // OXCMSG-R1141
        let read = after(ReadFlags::empty(), ReadState::Unread, RN | NRN);
        assert_eq!((read.read_state, read.flags), (ReadState::Read, EVER));
        let unread = after(ReadFlags::CLEAR_READ_FLAG, ReadState::Read, RN | NRN | EVER);
        let expected = (ReadState::Unread, RN | NRN | EVER);
        assert_eq!((unread.read_state, unread.flags), expected);
    }

    #[test]
    fn a_report_without_reading_leaves_the_read_state() {
        // OXCMSG-R825
        for state in [ReadState::Read, ReadState::Unread] {
            let marks = after(ReadFlags::GENERATE_RECEIPT_ONLY, state, RN | NRN);
            assert_eq!(marks, ReadMarks::new(state, MessageFlags::empty()));
            let marks = after(ReadFlags::CLEAR_RN_PENDING, state, RN | NRN);
            assert_eq!(marks, ReadMarks::new(state, NRN));
        }
    }

    #[test]
    fn unread_contradicts_what_is_about_reading() {
        // OXCMSG-R812
        let unread = ReadFlags::CLEAR_READ_FLAG;
        for other in [
            ReadFlags::SUPPRESS_RECEIPT,
            ReadFlags::GENERATE_RECEIPT_ONLY,
            ReadFlags::SUPPRESS_RECEIPT | ReadFlags::GENERATE_RECEIPT_ONLY,
        ] {
            assert_eq!(ReadChange::of(unread | other), None);
        }
        let unknown = ReadFlags::from_bits_retain(0x8000_000A);
        assert_eq!(ReadChange::of(unknown), ReadChange::of(ReadFlags::empty()));
    }
}
