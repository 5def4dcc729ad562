//! What goes with a subscription.

use crate::client::Api;
use serde_json::json;
use spacehook_domain::backlog::{Dead, Kept, KeptKey, Lane};
use spacehook_domain::event::{About, Change, EVENT_VERSION, Event, EventType};
use spacehook_domain::ids::{Sequence, SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::retry::DeadBecause;
use spacehook_domain::stream::Subject;
use std::time::Duration;

/// A lane with so many deliveries, and as many dead ones.
fn fill(api: &Api, id: &str, count: u64) -> SubscriptionKey {
    let tenant = TenantId::parse("acme").unwrap();
    let key = SubscriptionKey { tenant: tenant.clone(), id: SubscriptionId::parse(id).unwrap() };
    let now = api.now();
    let about = About::Subject(Subject::parse("s").unwrap());
    let stream = about.stream();
    api.fake.with(|contents| {
        contents.lanes.insert((key.clone(), stream), Lane::new(stream, now));
        for sequence in 1..=count {
            let event = Event {
                version: EVENT_VERSION,
                id: Event::derived_id(&tenant, stream, EventType::SpaceReport, Sequence(sequence), now),
                tenant: tenant.clone(),
                event_type: EventType::SpaceReport,
                sequence: Sequence(sequence),
                about: about.clone(),
                occurred_at: now,
                received_at: now,
                trace: None,
                change: Change::default(),
                test: false,
                data: json!({}),
            };
            let kept = Kept { event: event.clone(), kept_at: now, replayed: false };
            contents.kept.insert((key.clone(), KeptKey::of(&event)), kept);
            let because = DeadBecause::AttemptsExhausted;
            contents.dead.push((key.clone(), Dead { event, died_at: now, because, reason: None, attempts: 8 }));
        }
    });
    key
}

#[tokio::test]
async fn what_waits_and_what_was_given_up_goes_with_it() {
    let api = Api::new();
    let (gone, stays) = (api.subscribe(json!({})).await, api.subscribe(json!({"name": "stays"})).await);
    let key = fill(&api, &gone, 3);
    fill(&api, &stays, 3);
    assert_eq!(api.call(&format!("DELETE /v1/subscriptions/{gone}")).await.status, 204);
    api.fake.with(|contents| {
        assert_eq!((contents.kept.len(), contents.dead.len(), contents.lanes.len()), (3, 3, 1), "the other's");
        assert_eq!(contents.secrets.len(), 1);
        let woken: Vec<_> = contents.woken.iter().map(|(wake, after)| (wake.subscription.clone(), *after)).collect();
        assert_eq!(woken, [(key, Duration::from_mins(1))], "a run looks for what was appended meanwhile");
    });
}

#[tokio::test]
async fn what_there_is_no_time_for_is_left_to_a_run() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let key = fill(&api, &id, 100);
    assert_eq!(api.call(&format!("DELETE /v1/subscriptions/{id}")).await.status, 204);
    api.fake.with(|contents| {
        assert!(!contents.kept.is_empty());
        assert_eq!(
            contents.woken.last().map(|(wake, after)| (&wake.subscription, *after)),
            Some((&key, Duration::ZERO))
        );
    });

    let id = api.subscribe(json!({})).await;
    fill(&api, &id, 1);
    api.fake.with(|contents| contents.failing.insert("backlog.purge", false));
    assert_eq!(api.call(&format!("DELETE /v1/subscriptions/{id}")).await.status, 204, "the subscription is gone");
    assert_eq!(api.fake.with(|contents| contents.woken.last().map(|(_, after)| *after)), Some(Duration::ZERO));
}

#[tokio::test]
async fn a_run_is_asked_for_before_the_subscription_goes() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    api.fake.with(|contents| contents.done.clear());
    api.call(&format!("DELETE /v1/subscriptions/{id}")).await;
    let done = api.fake.with(|contents| std::mem::take(&mut contents.done));
    assert_eq!(done, ["subscription.get", "timer.wake", "subscription.delete", "secret.delete", "backlog.purge"]);
}
