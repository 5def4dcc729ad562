//! Enabling and disabling are told to others of the tenant, once, and only if they asked for it.

use crate::client::Api;
use serde_json::json;
use spacehook_domain::notice::{Happened, MailState, Notice};

async fn subject_and_listener(api: &Api) -> String {
    let types = json!(["subscription_disabled", "subscription_enabled"]);
    api.subscribe(json!({"name": "listener", "event_types": types})).await;
    api.subscribe(json!({"name": "subject"})).await
}

fn told(api: &Api) -> Vec<Notice> {
    api.fake.with(|contents| contents.told.clone())
}

#[tokio::test]
async fn others_are_told_at_once_and_once() {
    let api = Api::new();
    let id = subject_and_listener(&api).await;
    api.pass_ms(1_000);
    for verb in ["disable", "disable", "enable", "enable"] {
        assert_eq!(api.call(&format!("POST /v1/subscriptions/{id}/{verb}")).await.status, 200);
        api.pass_ms(1_000);
    }
    let told = told(&api);
    assert_eq!(told.iter().map(|notice| notice.happened).collect::<Vec<_>>(), [Happened::Disabled, Happened::Enabled]);
    for notice in &told {
        assert_eq!(notice.subscription.id.to_string(), id);
        assert_eq!((notice.mail, notice.to_publish), (MailState::Done, true), "whoever asked for it needs no mail");
        assert_eq!(notice.at, notice.subscription.activity.since());
    }
    assert!(told[0].event().sequence < told[1].event().sequence);
    api.fake.with(|contents| assert!(contents.notices.is_empty()));
}

#[tokio::test]
async fn a_patch_that_disables_tells_too_and_another_does_not() {
    let api = Api::new();
    let id = subject_and_listener(&api).await;
    let path = format!("PATCH /v1/subscriptions/{id}");
    assert_eq!(api.json(&path, &json!({"description": "x"})).await.status, 200);
    assert!(told(&api).is_empty());
    assert_eq!(api.json(&path, &json!({"enabled": false})).await.status, 200);
    assert_eq!(told(&api).len(), 1);
}

#[tokio::test]
async fn what_nobody_asked_for_leaves_no_notice() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    assert_eq!(api.call(&format!("POST /v1/subscriptions/{id}/disable")).await.status, 200);
    api.fake.with(|contents| assert!(contents.notices.is_empty() && contents.told.is_empty()));
}

#[tokio::test]
async fn where_telling_fails_the_notice_stays_for_health() {
    let api = Api::new();
    let id = subject_and_listener(&api).await;
    api.fake.with(|contents| contents.failing.insert("news.tell", false));
    assert_eq!(api.call(&format!("POST /v1/subscriptions/{id}/disable")).await.status, 200);
    api.fake.with(|contents| assert_eq!((contents.notices.len(), contents.told.len()), (1, 0)));
}
