//! Subscriptions found by what they want and how they are doing.

use crate::client::Api;
use serde_json::{Value, json};
use spacehook_domain::backlog::Backlog;
use spacehook_domain::ids::{SubscriptionId, SubscriptionKey, TenantId};

async fn found(api: &Api, query: &str) -> Vec<String> {
    let page = api.call(&format!("GET /v1/subscriptions?{query}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    page.json["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_filter_narrows_the_list() {
    let api = Api::new();
    api.subscribe(json!({"name": "Kiosk", "building_ref_ids": ["b1"]})).await;
    api.subscribe(json!({"name": "Signage", "event_types": ["space_availability"], "enabled": false})).await;
    let robots = json!({"name": "c", "description": "Cleaning ROBOTS", "url": "https://robots.example.com/kiosk"});
    api.subscribe(robots).await;
    let table: [(&str, &[&str]); 10] = [
        ("", &["Kiosk", "Signage", "c"]),
        ("enabled=true", &["Kiosk", "c"]),
        ("enabled=false", &["Signage"]),
        ("event_type=space_availability", &["Signage"]),
        ("building_ref_id=b1", &["Kiosk", "Signage", "c"]),
        ("building_ref_id=b2", &["Signage", "c"]),
        ("text=kiosk", &["Kiosk", "c"]),
        ("text=robots", &["c"]),
        ("health=disabled", &["Signage"]),
        ("enabled=true&text=kiosk&building_ref_id=b2&limit=1", &["c"]),
    ];
    for (query, expected) in table {
        assert_eq!(found(&api, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn health_is_shown_and_found() {
    let api = Api::new();
    let mut ids = Vec::new();
    for name in ["well", "waits", "fails", "off"] {
        ids.push(api.subscribe(json!({"name": name, "enabled": name != "off"})).await);
    }
    let key = |place: usize| SubscriptionKey {
        tenant: TenantId::parse("acme").unwrap(),
        id: SubscriptionId::parse(ids[place].as_str()).unwrap(),
    };
    let now = api.now();
    api.fake.with(|contents| {
        for place in [1, 2, 3] {
            contents.backlogs.insert(key(place), Backlog::new(now));
        }
        contents.failing_subscriptions = [key(2).id, key(3).id].into();
    });
    for (place, (health, name)) in
        [("healthy", "well"), ("waiting", "waits"), ("failing", "fails"), ("disabled", "off")].into_iter().enumerate()
    {
        assert_eq!(found(&api, &format!("health={health}")).await, [name]);
        let one = api.call(&format!("GET /v1/subscriptions/{}", ids[place])).await;
        assert_eq!(one.json["health"], health, "{}", one.text);
        assert_eq!(one.header("etag"), "\"1\"");
    }
}

#[tokio::test]
async fn filters_are_checked_all_at_once() {
    let api = Api::new();
    let query = "enabled=yes&event_type=Space&building_ref_id=a/b&health=ill&text=&limt=1&text=x";
    let refused = api.call(&format!("GET /v1/subscriptions?{query}")).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (400, "invalid-parameters"));
    let errors = refused.errors();
    let places: Vec<_> = errors.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["?enabled", "?event_type", "?building_ref_id", "?health", "?text", "?limt"]);
    assert_eq!(errors[3].1, "must be one of disabled, failing, waiting, healthy");
    assert_eq!(errors[4].1, "is there twice");
    assert_eq!(errors[5].1, "is not known; did you mean 'limit'?");
    assert_eq!(api.call("GET /v1/subscriptions?text=").await.errors()[0].1, "must have 1 to 100 characters");
    assert_eq!(api.call("GET /v1/buildings?text=x").await.errors()[0].1, "is not known; known are limit, cursor");
}

#[tokio::test]
async fn a_page_of_a_filtered_list_goes_on() {
    let api = Api::new();
    for number in 0..6 {
        api.subscribe(json!({"name": number.to_string(), "enabled": number % 2 == 0})).await;
    }
    let first = api.call("GET /v1/subscriptions?enabled=true&limit=2").await;
    let cursor = first.json["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(found(&api, &format!("enabled=true&limit=2&cursor={cursor}")).await, ["4"]);
    assert_eq!(api.call("GET /v1/subscriptions?enabled=true").await.json["next_cursor"], Value::Null);
}
