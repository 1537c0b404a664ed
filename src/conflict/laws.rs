//! The laws of reports and merges, for any three versions of a message.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::conflict::report::{Base, differences};
use crate::conflict::{BaseValue, Differences};
use crate::model::{AttachmentTable, Properties};

/// Few properties, recipients and attachments with few values, so that sides often touch.
fn contents() -> impl Strategy<Value = Content> {
    let ids = prop::sample::select(vec![
        pr::SUBJECT.tag(),
        pr::SUBJECT_PREFIX.tag(),
        pr::BODY.tag(),
        pr::SENDER_NAME.tag(),
        pr::SENDER_EMAIL_ADDRESS.tag(),
        pr::DISPLAY_NAME.tag(),
    ]);
    let value = prop::sample::select(vec!["", "a\nb\nc\n", "a\nb\nC\n", "A\nb\nc\n"]);
    let bag = vec((ids, value), 0..4).prop_map(|entries| {
        let entries = entries.into_iter();
        let value = |text: &str| PropertyValue::from(text);
        Properties::from_iter(entries.map(|(tag, text)| (tag, value(text))))
    });
    let bag = bag.boxed();
    let numbers = || prop::collection::btree_set(0..4_u32, 0..3);
    let bags = vec(bag.clone(), 3);
    (bag, numbers(), bags.clone(), numbers(), bags).prop_map(
        |(properties, row_ids, recipients, numbers, attachments)| Content {
            properties,
            recipients: row_ids
                .into_iter()
                .zip(recipients)
                .map(|(row_id, properties)| RecipientRow { row_id, properties })
                .collect(),
            attachments: AttachmentTable {
                next_number: numbers.last().map_or(0, |last| last + 1),
                rows: numbers
                    .into_iter()
                    .zip(attachments)
                    .map(|(number, properties)| AttachmentRow {
                        number,
                        properties,
                        embedded: None,
                    })
                    .collect(),
            },
        },
    )
}

fn side() -> impl Strategy<Value = Choice> {
    prop::sample::select(vec![Choice::Theirs, Choice::Mine])
}

/// Choices for any of the properties, also several for one set, or none.
fn choices() -> impl Strategy<Value = MergeChoices> {
    let tags = prop::sample::select(vec![
        pr::SUBJECT.tag(),
        pr::SUBJECT_PREFIX.tag(),
        pr::SENDER_NAME.tag(),
        pr::SENDER_EMAIL_ADDRESS.tag(),
    ]);
    vec((tags, side()), 0..4).prop_map(|chosen| {
        let chosen = chosen.into_iter();
        chosen.fold(MergeChoices::new(), |all, (tag, choice)| {
            all.property(tag, choice)
        })
    })
}

fn versions(base: &Content, theirs: &Content, mine: &Content) -> Versions {
    Versions {
        base: Base::Content(Arc::new(base.clone())),
        theirs: Arc::new(theirs.clone()),
        mine: Arc::new(mine.clone()),
    }
}

fn text(held: &Held) -> Result<Option<String>> {
    Ok(match &held.1 {
        StoredValue::Inline(PropertyValue::Unicode(text)) => Some(text.clone()),
        _ => None,
    })
}

fn merged(versions: &Versions, choices: &MergeChoices) -> Merged {
    let mut merged = merge(versions, choices, &text).unwrap();
    for Chosen { tag, value } in std::mem::take(&mut merged.chosen) {
        merged.content.properties.set(tag, value);
    }
    merged
}

/// Content but for numbers that a merge gives anew, and for stamps.
fn essence(content: &Content) -> (Properties, Vec<Properties>, Vec<Properties>) {
    let recipients = content.recipients.iter().map(|row| row.properties.clone());
    let attachments = content.attachments.rows.iter();
    (
        content.properties.clone(),
        recipients.collect(),
        attachments.map(|row| row.properties.clone()).collect(),
    )
}

fn mirrored(report: Differences) -> Differences {
    let swap = |by: ChangedBy| match by {
        ChangedBy::Theirs => ChangedBy::Mine,
        ChangedBy::Mine => ChangedBy::Theirs,
        both => both,
    };
    let mut report = report;
    for one in &mut report.properties {
        std::mem::swap(&mut one.theirs, &mut one.mine);
        one.changed_by = swap(one.changed_by);
    }
    report
}

proptest! {
    #[test]
    fn nothing_is_reported_that_nobody_changed(base in contents()) {
        prop_assert!(differences(&versions(&base, &base, &base)).is_empty());
    }

    #[test]
    fn what_is_reported_differs_from_the_base_on_the_side_that_is_named(
        base in contents(), theirs in contents(), mine in contents(),
    ) {
        for one in differences(&versions(&base, &theirs, &mine)).properties {
            let at_base = one.base.value().cloned();
            prop_assert!(one.theirs != at_base || one.mine != at_base);
            match one.changed_by {
                ChangedBy::Theirs => prop_assert_eq!(one.mine, at_base),
                ChangedBy::Mine => prop_assert_eq!(one.theirs, at_base),
                ChangedBy::BothAlike => prop_assert_eq!(one.theirs, one.mine),
                ChangedBy::BothDifferently => prop_assert_ne!(one.theirs, one.mine),
            }
        }
    }

    #[test]
    fn report_of_the_other_client_is_the_mirror_image(
        base in contents(), theirs in contents(), mine in contents(),
    ) {
        let here = differences(&versions(&base, &theirs, &mine));
        let there = mirrored(differences(&versions(&base, &mine, &theirs)));
        prop_assert_eq!(here.properties, there.properties);
        for by in [ChangedBy::BothAlike, ChangedBy::BothDifferently] {
            prop_assert_eq!(
                here.recipients.iter().filter(|one| one.changed_by == by).count(),
                there.recipients.iter().filter(|one| one.changed_by == by).count()
            );
        }
    }

    #[test]
    fn merge_with_an_unchanged_side_is_the_other_side(base in contents(), side in contents()) {
        let theirs = merged(&versions(&base, &side, &base), &MergeChoices::new());
        prop_assert_eq!(&theirs.touching, &[]);
        prop_assert_eq!(essence(&theirs.content), essence(&side));
        let mine = merged(&versions(&base, &base, &side), &MergeChoices::new());
        prop_assert_eq!(&mine.touching, &[]);
        prop_assert_eq!(essence(&mine.content).0, essence(&side).0);
        prop_assert_eq!(mine.content.recipients.len(), side.recipients.len());
        prop_assert_eq!(mine.content.attachments.rows.len(), side.attachments.rows.len());
    }

    #[test]
    fn merge_of_two_equal_sides_is_that_side(base in contents(), side in contents()) {
        let merged = merged(&versions(&base, &side, &side), &MergeChoices::new());
        prop_assert_eq!(&merged.touching, &[]);
        prop_assert_eq!(essence(&merged.content), essence(&side));
    }

    #[test]
    fn choosing_one_side_everywhere_leaves_nothing_open_and_keeps_what_only_the_other_changed(
        base in contents(), theirs in contents(), mine in contents(),
    ) {
        let versions = versions(&base, &theirs, &mine);
        for choice in [Choice::Theirs, Choice::Mine] {
            let merged = merged(&versions, &MergeChoices::new().otherwise(choice.clone()));
            prop_assert_eq!(&merged.touching, &[]);
            for one in differences(&versions).properties {
                let id = one.tag.id();
                let now = merged.content.properties.get_any_type(id).map(|(_, value)| value.clone());
                let expected = match (one.changed_by, &choice) {
                    (ChangedBy::Theirs | ChangedBy::BothAlike, _) => one.theirs,
                    (ChangedBy::Mine, _) => one.mine,
                    // Lines that do not touch are combined without a choice.
                    _ if id == pr::BODY.tag().id() => continue,
                    (_, Choice::Theirs) => one.theirs,
                    _ => one.mine,
                };
                prop_assert_eq!(now, expected);
            }
        }
    }

    #[test]
    fn properties_that_belong_together_never_come_from_different_sides(
        base in contents(), theirs in contents(), mine in contents(), choices in choices(),
    ) {
        let versions = versions(&base, &theirs, &mine);
        let merged = merged(&versions, &choices);
        for member in [pr::SUBJECT.tag(), pr::SENDER_NAME.tag()] {
            let set = together::set_of(member.id());
            let of = |content: &Content| -> Vec<Option<Held>> {
                let held = |id| content.properties.get_any_type(id);
                set.iter().map(|id| held(*id).map(|(tag, value)| (tag, value.clone()))).collect()
            };
            let now = of(&merged.content);
            prop_assert!(now == of(&theirs) || now == of(&mine), "{now:?}");
            let of_set = |touching: &&Touching| {
                matches!(touching, Touching::Property(tag) if set.contains(&tag.id()))
            };
            prop_assert!(merged.touching.iter().filter(of_set).count() <= 1);
        }
    }

    #[test]
    fn choice_for_one_property_is_one_for_all_that_belong_together_with_it(
        base in contents(), theirs in contents(), mine in contents(), choice in side(),
    ) {
        let versions = versions(&base, &theirs, &mine);
        let report = differences(&versions);
        for one in &report.properties {
            for member in report.chosen_with(one.tag) {
                let choose = |tag| merged(&versions, &MergeChoices::new().property(tag, choice.clone()));
                let (this, other) = (choose(one.tag), choose(member));
                prop_assert_eq!(this.content, other.content);
                let of_set = |touching: &Touching| {
                    matches!(touching, Touching::Property(tag) if report.chosen_with(one.tag).contains(tag))
                };
                prop_assert!(!this.touching.iter().any(of_set), "{:?}", this.touching);
                prop_assert_eq!(this.touching, other.touching);
            }
        }
    }

    #[test]
    fn merged_numbers_ascend_and_never_come_back(
        base in contents(), theirs in contents(), mine in contents(),
    ) {
        let versions = versions(&base, &theirs, &mine);
        let merged = merged(&versions, &MergeChoices::new().otherwise(Choice::Mine)).content;
        let documents = crate::model::document::write(&merged);
        let read = crate::model::document::read(&documents);
        prop_assert_eq!(read.as_ref(), Ok(&merged));
        prop_assert!(merged.attachments.next_number >= theirs.attachments.next_number);
        prop_assert!(merged.attachments.next_number >= mine.attachments.next_number);
    }

    #[test]
    fn whoever_knows_only_a_number_is_asked_about_what_others_may_have_changed(
        theirs in contents(), mine in contents(),
    ) {
        let touched = [pr::SUBJECT.tag()].into();
        let versions = Versions::with_base_number(None, touched, Arc::new(theirs), &mine);
        for one in differences(&versions).properties {
            prop_assert_eq!(one.tag.id(), pr::SUBJECT.tag().id());
            prop_assert_eq!(one.base, BaseValue::Unknown);
        }
    }
}
