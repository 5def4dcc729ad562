//! Subscriptions, and that names, match entries and counters are always in step with them.

use crate::table::{Table, with_table};
use crate::things::{Dice, acme, own_type, subscription};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use spacehook_domain::event::EventType::{self, SpaceAvailability, SpaceReport};
use spacehook_domain::ids::SubscriptionId;
use spacehook_domain::subscription::{SUBSCRIPTIONS_LIMIT, Subscription, SubscriptionName};
use spacehook_store::{ChangeError, PageRequest};
use std::collections::BTreeMap;

type Model = BTreeMap<SubscriptionId, Subscription>;

/// What is stored, in each of its places, is what the model says.
async fn assert_in_step(table: &Table, model: &Model, changes: u64) {
    let listed = table.store.list_subscriptions(&acme(), PageRequest::first(100)).await.unwrap();
    assert_eq!(listed.items, model.values().cloned().collect::<Vec<_>>());
    let overview = table.store.tenant_overview(&acme()).await.unwrap();
    assert_eq!(overview.version, changes);
    for event_type in [SpaceReport, SpaceAvailability, own_type()] {
        let wanted: Vec<_> = model.values().filter(|one| one.event_types.contains(&event_type)).cloned().collect();
        assert_eq!(overview.subscribed.contains(&event_type), !wanted.is_empty());
        let counted = table.raw_number("T#acme", "TENANT", &format!("n_{event_type}")).await.unwrap_or(0);
        assert_eq!(usize::try_from(counted).unwrap(), wanted.len());
        assert_eq!(table.store.matching_subscriptions(&acme(), event_type).await.unwrap(), wanted);
    }
    let key = |name: &str| format!("SUBNAME#{}", name.replace('%', "%25").replace('#', "%23"));
    let mut names: Vec<_> = model.values().map(|one| key(&one.name.folded())).collect();
    names.sort();
    let stored = table.sort_keys("T#acme").await;
    assert_eq!(stored.into_iter().filter(|sk| sk.starts_with("SUBNAME#")).collect::<Vec<_>>(), names);
}

fn changed(before: &Subscription, name: &str, types: &[EventType]) -> Subscription {
    Subscription {
        name: SubscriptionName::parse(name).unwrap(),
        event_types: types.iter().copied().collect(),
        revision: before.revision + 1,
        ..before.clone()
    }
}

#[tokio::test]
async fn the_life_of_a_subscription() {
    with_table(async |table| {
        let store = &table.store;
        let first = subscription(1, "Kiosk", &[SpaceReport]);
        let (created, requests) = table.requests(store.create_subscription(&first)).await;
        created.unwrap();
        assert_eq!(requests, "TransactWriteItems 1");
        assert_eq!(store.subscription(&acme(), &first.id).await.unwrap(), Some(first.clone()));

        let twin = subscription(2, "kIOSK", &[SpaceReport]);
        assert!(matches!(store.create_subscription(&twin).await, Err(ChangeError::NameTaken)));
        assert!(matches!(store.create_subscription(&first).await, Err(ChangeError::Conflict)));
        let second = subscription(2, "Signage", &[SpaceReport, SpaceAvailability]);
        store.create_subscription(&second).await.unwrap();
        let taken = changed(&second, "KIOSK", &[SpaceReport]);
        assert!(matches!(store.update_subscription(&second, &taken).await, Err(ChangeError::NameTaken)));

        // The same name in another case is no other name.
        let renamed = changed(&first, "KIOSK", &[SpaceAvailability]);
        let (updated, requests) = table.requests(store.update_subscription(&first, &renamed)).await;
        updated.unwrap();
        assert_eq!(requests, "TransactWriteItems 1");
        assert!(matches!(store.update_subscription(&first, &renamed).await, Err(ChangeError::Conflict)));
        assert!(matches!(store.delete_subscription(&first).await, Err(ChangeError::Conflict)));
        assert!(
            matches!(store.update_subscription(&renamed, &renamed).await, Err(ChangeError::Conflict)),
            "no revision"
        );
        assert!(matches!(
            store.update_subscription(&renamed, &changed(&second, "x", &[SpaceReport])).await,
            Err(ChangeError::Conflict)
        ));
        let model: Model = [renamed.clone(), second.clone()].map(|one| (one.id.clone(), one)).into();
        assert_in_step(table, &model, 3).await;

        store.delete_subscription(&renamed).await.unwrap();
        store.delete_subscription(&second).await.unwrap();
        assert!(matches!(store.delete_subscription(&second).await, Err(ChangeError::Conflict)));
        assert_in_step(table, &Model::new(), 5).await;
        assert!(store.tenant_overview(&acme()).await.unwrap().subscribed.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_limit_is_held_by_type() {
    with_table(async |table| {
        let store = &table.store;
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let full = AttributeValue::N((SUBSCRIPTIONS_LIMIT - 1).to_string());
        table.put_raw([("pk", text("T#acme")), ("sk", text("TENANT")), ("n_space_report", full)]).await;

        let both = subscription(1, "a", &[SpaceReport, SpaceAvailability]);
        store.create_subscription(&both).await.unwrap();
        let one_more = subscription(2, "b", &[SpaceReport, SpaceAvailability]);
        assert!(matches!(store.create_subscription(&one_more).await, Err(ChangeError::LimitReached(SpaceReport))));
        let other = subscription(2, "b", &[SpaceAvailability]);
        store.create_subscription(&other).await.unwrap();
        let grown = changed(&other, "b", &[SpaceReport, SpaceAvailability]);
        let refused = store.update_subscription(&other, &grown).await;
        assert!(matches!(refused, Err(ChangeError::LimitReached(SpaceReport))));
        // What is full may still be changed, and left.
        let kept = changed(&both, "c", &[SpaceReport]);
        store.update_subscription(&both, &kept).await.unwrap();
        store.delete_subscription(&kept).await.unwrap();
        store.update_subscription(&other, &grown).await.unwrap();
        assert_eq!(table.raw_number("T#acme", "TENANT", "n_space_report").await, Some(1_000));
        assert_eq!(table.raw_number("T#acme", "TENANT", "n_space_availability").await, Some(1));
    })
    .await;
}

#[tokio::test]
async fn of_concurrent_changes_one_is_done() {
    with_table(async |table| {
        let store = &table.store;
        let before = subscription(1, "a", &[SpaceReport]);
        store.create_subscription(&before).await.unwrap();
        let changes: Vec<_> = (0..10).map(|n| changed(&before, &format!("name {n}"), &[SpaceAvailability])).collect();
        let done = join_all(changes.iter().map(|after| store.update_subscription(&before, after))).await;
        assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 1);
        assert!(done.iter().all(|one| matches!(one, Ok(()) | Err(ChangeError::Conflict))));
        let winner = changes[done.iter().position(Result::is_ok).unwrap()].clone();
        assert_in_step(table, &[(winner.id.clone(), winner)].into(), 2).await;

        // And of concurrent claims of a name.
        let rivals: Vec<_> = (2..12).map(|n| subscription(n, "the name", &[SpaceReport])).collect();
        let done = join_all(rivals.iter().map(|rival| store.create_subscription(rival))).await;
        assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 1);
        assert!(done.iter().all(|one| matches!(one, Ok(()) | Err(ChangeError::NameTaken))));
    })
    .await;
}

/// Subscriptions that change at random, and what is expected of each change.
struct Shuffle<'a> {
    table: &'a Table,
    dice: Dice,
    model: Model,
    /// Revisions that are stored no more: changing them is a conflict.
    stale: Vec<Subscription>,
}

impl Shuffle<'_> {
    fn is_taken(&self, name: &str, by_other_than: &SubscriptionId) -> bool {
        let folded = SubscriptionName::parse(name).unwrap().folded();
        self.model.values().any(|one| one.id != *by_other_than && one.name.folded() == folded)
    }

    fn is_current(&self, one: &Subscription) -> bool {
        self.model.get(&one.id).is_some_and(|stored| stored.revision == one.revision)
    }

    async fn create(&mut self, new: Subscription) -> (&'static str, Result<(), ChangeError>) {
        let expected = if self.is_taken(new.name.as_str(), &new.id) { "name" } else { "done" };
        let result = self.table.store.create_subscription(&new).await;
        if result.is_ok() {
            self.model.insert(new.id.clone(), new);
        }
        (expected, result)
    }

    async fn update(&mut self, before: Subscription, after: Subscription) -> (&'static str, Result<(), ChangeError>) {
        let expected = match (self.is_current(&before), self.is_taken(after.name.as_str(), &before.id)) {
            (false, _) => "conflict",
            (true, true) => "name",
            (true, false) => "done",
        };
        let result = self.table.store.update_subscription(&before, &after).await;
        if result.is_ok() {
            self.stale.push(before);
            self.model.insert(after.id.clone(), after);
        }
        (expected, result)
    }

    async fn delete(&mut self, before: Subscription) -> (&'static str, Result<(), ChangeError>) {
        let expected = if self.is_current(&before) { "done" } else { "conflict" };
        let result = self.table.store.delete_subscription(&before).await;
        if result.is_ok() {
            self.model.remove(&before.id);
            self.stale.push(before);
        }
        (expected, result)
    }

    async fn step(&mut self, number: u128) -> (&'static str, Result<(), ChangeError>) {
        const NAMES: [&str; 6] = ["a", "A", "b", "c#d", "c%23d", "é"];
        let types: [&[EventType]; 4] =
            [&[SpaceReport], &[SpaceAvailability], &[SpaceReport, SpaceAvailability], &[SpaceReport, own_type()]];
        let (name, types) = (NAMES[self.dice.roll(NAMES.len())], types[self.dice.roll(types.len())]);
        let known: Vec<_> = self.model.values().chain(self.stale.iter().rev().take(6)).cloned().collect();
        if known.is_empty() || self.dice.roll(3) == 0 {
            return self.create(subscription(number, name, types)).await;
        }
        let before = known[self.dice.roll(known.len())].clone();
        if self.dice.roll(3) == 0 {
            return self.delete(before).await;
        }
        let after = changed(&before, name, types);
        self.update(before, after).await
    }
}

#[tokio::test]
async fn random_changes_keep_everything_in_step() {
    with_table(async |table| {
        let mut shuffle = Shuffle { table, dice: Dice(42), model: Model::new(), stale: Vec::new() };
        let mut happened: BTreeMap<&str, u64> = BTreeMap::new();
        for number in 0..150 {
            let (expected, result) = shuffle.step(number).await;
            let was = match result {
                Ok(()) => "done",
                Err(ChangeError::Conflict) => "conflict",
                Err(ChangeError::NameTaken) => "name",
                Err(error) => panic!("{error}"),
            };
            assert_eq!(was, expected, "step {number}");
            *happened.entry(was).or_default() += 1;
            assert_in_step(table, &shuffle.model, happened.get("done").copied().unwrap_or(0)).await;
        }
        assert!(happened.len() == 3 && happened.values().all(|times| *times >= 10), "{happened:?}");
    })
    .await;
}

#[tokio::test]
async fn matching_reads_every_page_of_a_partition() {
    with_table(async |table| {
        let mut large = subscription(1, "a", &[SpaceReport]);
        // 20 of these have more than the megabyte that a page of DynamoDB holds.
        large.description = Some("x".repeat(60_000));
        for number in 0..20 {
            let name = SubscriptionName::parse(format!("n{number}")).unwrap();
            let one = Subscription { id: crate::things::subscription_id(number), name, ..large.clone() };
            table.store.create_subscription(&one).await.unwrap();
        }
        let (found, requests) = table.requests(table.store.matching_subscriptions(&acme(), SpaceReport)).await;
        assert_eq!(found.unwrap().len(), 20);
        assert_eq!(requests, "Query 2");
        assert!(table.store.matching_subscriptions(&acme(), SpaceAvailability).await.unwrap().is_empty());
        let page = table.store.list_subscriptions(&acme(), PageRequest::first(20)).await.unwrap();
        assert_eq!((page.items.len(), page.next), (20, None));
    })
    .await;
}
