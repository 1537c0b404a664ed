//! Floor 1: two clients changed one message. Pure: three versions in, what differs or what they combine to out; no
//! SQL, no clock.
//!
//! - [`difference`]: what differs, and whose it is; [`report`]: finds that out.
//! - [`merge`]: combines what does not touch; [`lines`]: the same for the lines of a text; [`together`]: which
//!   properties make sense only together.

mod difference;
mod lines;
mod merge;
mod report;
mod together;

pub(crate) use merge::{Chosen, Merged, merge};
pub(crate) use report::{Base, Held, Versions, differences};

pub use difference::{
    AttachmentDifference, AttachmentSide, BaseValue, ChangedBy, Differences, PropertyDifference,
    RecipientDifference, Side,
};
pub use merge::{Choice, MergeChoices, Touching};
pub use together::belong_together;
