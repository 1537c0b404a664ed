//! Which version of an object follows which, when copies of it are changed in several stores.

use std::collections::BTreeMap;
use std::fmt;

use super::id::{ChangeNumber, StoreUid, write_hex};

/// The bytes of the GUID that an identifier begins with.
const NAMESPACE_LEN: usize = 16;
/// The longest local id.
const LOCAL_LEN: usize = 8;
/// The bytes of a change number within a local id of ours.
const NUMBER_LEN: usize = 5;

/// The local part of an identifier: one to eight bytes, the most significant first.
///
/// Within a namespace all have the same length; should they not, a longer one is the higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct LocalId {
    len: u8,
    bytes: [u8; LOCAL_LEN],
}

impl LocalId {
    fn as_slice(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.len))
            .unwrap_or(&self.bytes)
    }
}

/// Names one version of an object (`PR_CHANGE_KEY`, PidTagChangeKey): an XID of [MS-OXCFXICS] 2.2.2.2.
///
/// A key that this store makes is its uid, five bytes of the change number, the most significant first, and three
/// random bytes. These tell apart two versions that got the same number, which happens after power loss
/// under normal durability. Keys of other stores have 17 to 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeKey {
    bytes: [u8; NAMESPACE_LEN + LOCAL_LEN],
    len: u8,
}

impl ChangeKey {
    /// Makes the key of a version.
    ///
    /// Numbers from 2^40 on, which no store reaches, all count as the highest below.
    #[must_use]
    pub fn new(store: StoreUid, number: ChangeNumber, random: [u8; 3]) -> Self {
        let number = number
            .get()
            .clamp(0, (1 << (8 * NUMBER_LEN)) - 1)
            .to_be_bytes();
        let parts = store
            .as_bytes()
            .iter()
            .chain(number.iter().skip(8 - NUMBER_LEN))
            .chain(&random);
        let mut bytes = [0; NAMESPACE_LEN + LOCAL_LEN];
        bytes
            .iter_mut()
            .zip(parts)
            .for_each(|(to, from)| *to = *from);
        Self {
            bytes,
            len: (NAMESPACE_LEN + LOCAL_LEN) as u8,
        }
    }

    /// Reads a key of 17 to 24 bytes; any other number of them is none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let len = u8::try_from(bytes.len())
            .ok()
            .filter(|len| usize::from(*len) > NAMESPACE_LEN)?;
        let mut padded = [0; NAMESPACE_LEN + LOCAL_LEN];
        padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { bytes: padded, len })
    }

    /// Gives the bytes of the key: 24 for one of ours.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.len))
            .unwrap_or(&self.bytes)
    }

    fn parts(&self) -> ([u8; NAMESPACE_LEN], LocalId) {
        let mut namespace = [0; NAMESPACE_LEN];
        let mut local = [0; LOCAL_LEN];
        let places = namespace.iter_mut().chain(&mut local);
        places.zip(&self.bytes).for_each(|(to, from)| *to = *from);
        (
            namespace,
            LocalId {
                len: self.len - NAMESPACE_LEN as u8,
                bytes: local,
            },
        )
    }
}

impl fmt::Display for ChangeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.as_bytes())
    }
}

impl fmt::Debug for ChangeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChangeKey({self})")
    }
}

/// How one version relates to another, by what each was built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Succession {
    /// Both were built on the same.
    Same,
    /// This one was built on the other.
    Newer,
    /// The other one was built on this.
    Older,
    /// Each has something that the other was not built on.
    Conflict,
}

/// The versions that a version was built on, itself included, the highest of each store
/// (`PR_PREDECESSOR_CHANGE_LIST`, PidTagPredecessorChangeList, [MS-OXCFXICS] 2.2.2.3).
///
/// The list that has everything another one has belongs to the newer version; if neither has, the two versions
/// are in conflict ([MS-OXCFXICS] 3.1.5.6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PredecessorChangeList {
    highest: BTreeMap<[u8; NAMESPACE_LEN], LocalId>,
}

impl PredecessorChangeList {
    /// Makes the list of what was built on nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            highest: BTreeMap::new(),
        }
    }

    /// Reads a list: one key after the other, each behind one byte with its length.
    ///
    /// Keys out of order are taken as well; bytes of another form are no list.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut list = Self::new();
        let mut rest = bytes;
        while let Some((len, behind)) = rest.split_first() {
            let (key, behind) = behind.split_at_checked(usize::from(*len))?;
            list.join(&ChangeKey::from_bytes(key)?);
            rest = behind;
        }
        Some(list)
    }

    /// Gives the bytes of the list, its keys in the order of their namespaces.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (namespace, local) in &self.highest {
            // A namespace has 16 bytes.
            bytes.push(NAMESPACE_LEN as u8 + local.len);
            bytes.extend_from_slice(namespace);
            bytes.extend_from_slice(local.as_slice());
        }
        bytes
    }

    /// Adds a version, unless the list has it or a higher one of its store.
    pub fn join(&mut self, key: &ChangeKey) {
        let (namespace, local) = key.parts();
        self.raise(namespace, local);
    }

    /// Adds everything that another list has.
    pub fn merge(&mut self, other: &Self) {
        for (namespace, local) in &other.highest {
            self.raise(*namespace, *local);
        }
    }

    fn raise(&mut self, namespace: [u8; NAMESPACE_LEN], local: LocalId) {
        let highest = self.highest.entry(namespace).or_insert(local);
        *highest = local.max(*highest);
    }

    /// Whether the list has this version or a higher one of its store.
    #[must_use]
    pub fn includes(&self, key: &ChangeKey) -> bool {
        let (namespace, local) = key.parts();
        self.has(&namespace, &local)
    }

    fn has(&self, namespace: &[u8; NAMESPACE_LEN], local: &LocalId) -> bool {
        self.highest
            .get(namespace)
            .is_some_and(|highest| local <= highest)
    }

    /// Says how the version of this list relates to the version of another one.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Succession {
        let has_all =
            |a: &Self, b: &Self| b.highest.iter().all(|(space, local)| a.has(space, local));
        match (has_all(self, other), has_all(other, self)) {
            (true, true) => Succession::Same,
            (true, false) => Succession::Newer,
            (false, true) => Succession::Older,
            (false, false) => Succession::Conflict,
        }
    }
}

impl FromIterator<ChangeKey> for PredecessorChangeList {
    fn from_iter<I: IntoIterator<Item = ChangeKey>>(keys: I) -> Self {
        let mut list = Self::new();
        keys.into_iter().for_each(|key| list.join(&key));
        list
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(store: u8, number: i64, random: u8) -> ChangeKey {
        let number = ChangeNumber::new(number).unwrap();
        ChangeKey::new(StoreUid::from_bytes([store; 16]), number, [random; 3])
    }

    #[test]
    fn key_is_store_then_number_then_random() {
        let expected = [vec![7; 16], vec![0, 0, 0, 1, 2], vec![9; 3]].concat();
        assert_eq!(key(7, 0x0102, 9).as_bytes(), expected);
        assert_eq!(ChangeKey::from_bytes(&expected), Some(key(7, 0x0102, 9)));
    }

    #[test]
    fn two_versions_of_one_number_differ() {
        // S16
        assert_ne!(key(1, 5, 0), key(1, 5, 1));
    }

    #[test]
    fn key_of_another_length_is_none() {
        for len in [0, 15, 16, 25] {
            assert_eq!(ChangeKey::from_bytes(&vec![1; len]), None, "{len}");
        }
        for len in [17, 24] {
            assert_eq!(
                ChangeKey::from_bytes(&vec![1; len]).unwrap().as_bytes(),
                vec![1; len]
            );
        }
    }

    #[test]
    fn list_of_another_form_is_none() {
        let list = PredecessorChangeList::from_iter([key(1, 1, 0)]).to_bytes();
        assert_eq!(list.first(), Some(&24));
        assert!(PredecessorChangeList::from_bytes(&list[..list.len() - 1]).is_none());
        assert!(PredecessorChangeList::from_bytes(&[0]).is_none());
        assert!(PredecessorChangeList::from_bytes(&[16; 17]).is_none());
        assert_eq!(
            PredecessorChangeList::from_bytes(&[]),
            Some(PredecessorChangeList::new())
        );
    }

    #[test]
    fn versions_built_apart_are_in_conflict() {
        let base = PredecessorChangeList::from_iter([key(1, 1, 0)]);
        let (mut a, mut b) = (base.clone(), base.clone());
        a.join(&key(1, 2, 0));
        b.join(&key(2, 1, 0));
        assert_eq!(a.compare(&base), Succession::Newer);
        assert_eq!(base.compare(&b), Succession::Older);
        assert_eq!(a.compare(&b), Succession::Conflict);
        b.merge(&a);
        assert_eq!(b.compare(&a), Succession::Newer);
        assert_eq!(b.compare(&b.clone()), Succession::Same);
    }

    fn keys() -> impl Strategy<Value = ChangeKey> {
        let ours = (0_u8..4, 0_i64..6, 0_u8..3).prop_map(|(a, b, c)| key(a, b, c));
        let foreign = (0_u8..4, prop::collection::vec(any::<u8>(), 1..=8))
            .prop_map(|(a, local)| ChangeKey::from_bytes(&[vec![a; 16], local].concat()).unwrap());
        prop_oneof![ours, foreign]
    }

    fn lists() -> impl Strategy<Value = PredecessorChangeList> {
        prop::collection::vec(keys(), 0..8).prop_map(PredecessorChangeList::from_iter)
    }

    fn merged(a: &PredecessorChangeList, b: &PredecessorChangeList) -> PredecessorChangeList {
        let mut merged = a.clone();
        merged.merge(b);
        merged
    }

    proptest! {
        #[test]
        fn list_survives_its_bytes(list in lists()) {
            prop_assert_eq!(PredecessorChangeList::from_bytes(&list.to_bytes()), Some(list));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(0_u8..30, 0..80)) {
            if let Some(list) = PredecessorChangeList::from_bytes(&bytes) {
                prop_assert_eq!(PredecessorChangeList::from_bytes(&list.to_bytes()), Some(list));
            }
        }

        #[test]
        fn joined_key_is_included_and_joining_again_changes_nothing(list in lists(), key in keys()) {
            let mut once = list.clone();
            once.join(&key);
            prop_assert!(once.includes(&key));
            let mut twice = once.clone();
            twice.join(&key);
            prop_assert_eq!(&twice, &once);
            prop_assert_eq!(list.includes(&key), once == list);
        }

        #[test]
        fn merge_is_commutative_associative_and_idempotent(a in lists(), b in lists(), c in lists()) {
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &a), a);
        }

        #[test]
        fn comparison_agrees_with_merge(a in lists(), b in lists()) {
            let expected = match (merged(&a, &b) == a, merged(&a, &b) == b) {
                (true, true) => Succession::Same,
                (true, false) => Succession::Newer,
                (false, true) => Succession::Older,
                (false, false) => Succession::Conflict,
            };
            prop_assert_eq!(a.compare(&b), expected);
        }
    }
}
