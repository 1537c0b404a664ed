//! Random histories of three handles, step by step beside a model of the contract.

mod world;

use mapistore::{Access, Cell, Deletion};
use proptest::prelude::*;

use world::World;

/// Something that one of three clients does.
#[derive(Debug, Clone, Copy)]
enum Step {
    Create,
    Open(Access),
    Subject(u8),
    NoSubject,
    AddRecipient(u8),
    RemoveRecipient,
    Attach(u8),
    DeleteAttachment,
    Save(u32),
    Reload,
    Close,
    Delete(Deletion),
    SetRead(bool),
    CollectGarbage,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let access = prop_oneof![
        Just(Access::ReadOnly),
        Just(Access::Modify),
        Just(Access::Best)
    ];
    let step = prop_oneof![
        1 => Just(Step::Create),
        8 => access.prop_map(Step::Open),
        8 => any::<u8>().prop_map(Step::Subject),
        1 => Just(Step::NoSubject),
        3 => any::<u8>().prop_map(Step::AddRecipient),
        2 => Just(Step::RemoveRecipient),
        3 => (0..4_u8).prop_map(Step::Attach),
        2 => Just(Step::DeleteAttachment),
        // Mostly kept open for changing, sometimes forced, sometimes any flags at all.
        8 => Just(Step::Save(2)),
        3 => Just(Step::Save(6)),
        3 => any::<u32>().prop_map(Step::Save),
        4 => Just(Step::Reload),
        1 => Just(Step::Close),
        1 => prop_oneof![Just(Deletion::Soft), Just(Deletion::Hard)].prop_map(Step::Delete),
        2 => any::<bool>().prop_map(Step::SetRead),
        2 => Just(Step::CollectGarbage),
    ];
    proptest::collection::vec((0..3_usize, step), 1..90)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 120,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn handles_and_store_follow_the_contract_through_any_history(steps in steps()) {
        // O1, O2, O6, S0, S1, S2, S3, S4, S5, S6, S7, S13, S16
        let mut world = World::new();
        for slot in 0..3 {
            world.take(slot, Step::Create);
            world.take(slot, Step::Save(2));
        }
        for slot in 0..3 {
            world.take(slot, Step::Open(Access::Modify));
        }
        for (slot, step) in steps {
            world.take(slot, step);
            world.compare();
        }
        let (store, _folder) = world.end();
        store.collect_garbage().unwrap();
        let report = store.check(&mut |_| {}).unwrap();
        prop_assert!(report.is_sound(), "{report:?}");
        let waste = "SELECT count(*) FROM streams WHERE unreferenced_since IS NOT NULL";
        prop_assert_eq!(&store.query(waste).unwrap().rows, &[[Cell::Integer(0)]]);
    }
}
