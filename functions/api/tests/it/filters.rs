//! The fields that narrow down what is sent, and metadata.

use crate::client::{Api, subscription};
use serde_json::{Value, json};

fn narrow() -> Value {
    json!({
        "floor_ref_ids": ["1"],
        "space_ref_ids": ["r1", "r2"],
        "filter": {"person_count": [{"numeric": [">", 3]}], "people": {"count": [4, 5]}},
        "metadata": {"erp": "4711", "note": ""},
    })
}

#[tokio::test]
async fn what_narrows_is_kept_shown_and_has_defaults() {
    let api = Api::new();
    let id = api.subscribe(narrow()).await;
    let shown = api.call(&format!("GET /v1/subscriptions/{id}")).await.json;
    for (name, value) in narrow().as_object().unwrap() {
        assert_eq!(&shown[name], value);
    }
    let plain = api.subscribe(json!({"name": "plain"})).await;
    let shown = api.call(&format!("GET /v1/subscriptions/{plain}")).await.json;
    let expected =
        [("floor_ref_ids", json!([])), ("space_ref_ids", json!([])), ("filter", Value::Null), ("metadata", json!({}))];
    for (name, value) in expected {
        assert_eq!(shown[name], value);
    }
    assert_eq!(shown["previous_signing_secret_until"], Value::Null);
}

#[tokio::test]
async fn every_mistake_of_a_filter_has_its_place() {
    let api = Api::new();
    let fields = json!({
        "filter": {"a/b": "x", "c": {"d": [{"prefix": 1}, {"glob": "*"}]}},
        "floor_ref_ids": ["a/b"],
        "metadata": {"": "x", "k": 1},
    });
    let refused = api.json("POST /v1/subscriptions", &subscription(fields)).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (422, "invalid-fields"));
    let places: Vec<_> = refused.errors().into_iter().map(|(place, _)| place).collect();
    let expected =
        ["/floor_ref_ids/0", "/filter/a~1b", "/filter/c/d/0/prefix", "/filter/c/d/1/glob", "/metadata/", "/metadata/k"];
    assert_eq!(places, expected, "{}", refused.text);
    let large = json!({"filter": {"a": ["x".repeat(2_048)]}});
    let refused = api.json("POST /v1/subscriptions", &subscription(large)).await.errors();
    assert_eq!(refused[0].0, "/filter");
    let many: Value = (0..51).map(|n| (n.to_string(), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    let refused = api.json("POST /v1/subscriptions", &subscription(json!({"metadata": many}))).await.errors();
    assert_eq!(refused, [("/metadata".to_owned(), "51 entries; at most 50 are allowed".to_owned())]);
}

#[tokio::test]
async fn a_patch_replaces_the_filter_whole_and_metadata_by_member() {
    let api = Api::new();
    let id = api.subscribe(narrow()).await;
    let line = format!("PATCH /v1/subscriptions/{id}");
    let same = json!({"filter": {"people": {"count": [4, 5]}, "person_count": [{"numeric": [">", 3]}]}});
    assert_eq!(api.json(&line, &same).await.json["revision"], 1, "the same filter, in another order");
    let after = api.json(&line, &json!({"filter": {"state": [null]}, "metadata": {"erp": null, "x": "y"}})).await.json;
    assert_eq!((&after["filter"], &after["metadata"]), (&json!({"state": [null]}), &json!({"note": "", "x": "y"})));
    assert_eq!(after["space_ref_ids"], json!(["r1", "r2"]));
    let after = api.json(&line, &json!({"filter": null, "metadata": null, "space_ref_ids": null})).await.json;
    assert_eq!((&after["filter"], &after["metadata"], &after["space_ref_ids"]), (&Value::Null, &json!({}), &json!([])));
}
