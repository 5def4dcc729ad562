//! Pages and cursors.

use crate::client::Api;
use serde_json::{Value, json};

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let api = Api::new();
    for number in 0..5 {
        api.subscribe(json!({"name": number.to_string()})).await;
    }
    let mut names = Vec::new();
    let mut line = "GET /v1/subscriptions?limit=2".to_owned();
    let mut pages = 0;
    loop {
        let page = api.call(&line).await;
        assert_eq!(page.status, 200, "{}", page.text);
        names.extend(page.json["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        pages += 1;
        match page.json["next_cursor"].as_str() {
            Some(cursor) => line = format!("GET /v1/subscriptions?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((pages, names), (3, ["0", "1", "2", "3", "4"].map(str::to_owned).to_vec()));
    assert_eq!(api.call("GET /v1/buildings").await.json, json!({"data": [], "next_cursor": null}));
}

#[tokio::test]
async fn parameters_are_checked_all_at_once() {
    let api = Api::new();
    let table = [
        ("limit=0", "?limit", "1 to 100"),
        ("limit=101", "?limit", "1 to 100"),
        ("limit=-1", "?limit", "1 to 100"),
        ("limit=+5", "?limit", "1 to 100"),
        ("limit=x", "?limit", "1 to 100"),
        ("limit=1&limit=2", "?limit", "is there twice"),
        ("limt=5", "?limt", "did you mean 'limit'?"),
        ("page=2", "?page", "known are limit, cursor"),
        ("cursor=", "?cursor", "is not a cursor of this list"),
        ("cursor=made-up", "?cursor", "is not a cursor of this list"),
    ];
    for (query, place, detail) in table {
        let refused = api.call(&format!("GET /v1/subscriptions?{query}")).await;
        assert_eq!((refused.status.as_u16(), refused.problem()), (400, "invalid-parameters"), "{query}");
        let errors = refused.errors();
        assert_eq!(errors[0].0, place, "{query}");
        assert!(errors[0].1.contains(detail), "{query}: {errors:?}");
    }
    let both = api.call("GET /v1/subscriptions?limit=0&x=1").await;
    assert_eq!(both.errors().len(), 2);
    assert_eq!(api.call("GET /v1/subscriptions?limit=100").await.json["next_cursor"], Value::Null);
}
