//! Any text is an id, a tag, a name or an error, and what it is reads back; any bytes are an entry id or none.

#![no_main]

use std::fmt::Debug;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use mapistore::{
    ChangeKey, EntryId, ObjectUid, PredecessorChangeList, PropertyName, PropertySet, PropertyTag,
    SaveId, StreamHash,
};

fn reads_back<T: FromStr + ToString + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().ok(), Some(value));
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(id) = EntryId::from_bytes(bytes) {
        assert_eq!(id.to_bytes().as_slice(), bytes);
    }
    let _ = ChangeKey::from_bytes(bytes);
    let _ = PredecessorChangeList::from_bytes(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        reads_back::<EntryId>(text);
        reads_back::<ObjectUid>(text);
        reads_back::<SaveId>(text);
        reads_back::<StreamHash>(text);
        reads_back::<PropertyTag>(text);
        reads_back::<PropertySet>(text);
        reads_back::<PropertyName>(text);
    }
});
