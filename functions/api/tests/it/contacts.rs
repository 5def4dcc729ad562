//! The contacts of a tenant.

use crate::client::{Answer, Api};
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;
use spacehook_domain::subscription::EmailAddress;
use spacehook_store::Contacts;

const PUT: &str = "PUT /v1/contacts";
const GET: &str = "GET /v1/contacts";

fn stored(addresses: &[&str], revision: u64) -> Contacts {
    Contacts { addresses: addresses.iter().map(|one| EmailAddress::parse(*one).unwrap()).collect(), revision }
}

async fn put_if(api: &Api, revision: &str, contacts: Value) -> Answer {
    let headers = [("content-type", "application/json"), ("if-match", revision)];
    api.raw(PUT, &headers, json!({ "contacts": contacts }).to_string()).await
}

#[tokio::test]
async fn contacts_are_replaced_as_a_whole() {
    let api = Api::new();
    let none = api.call(GET).await;
    assert_eq!((none.status.as_u16(), none.header("etag")), (200, "\"0\""));
    assert_eq!(none.json, json!({"contacts": [], "revision": 0}));

    let first = api.json(PUT, &json!({"contacts": ["owner@example.com", "ops@example.com"]})).await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (200, "\"1\""), "{}", first.text);
    assert_eq!(first.json, json!({"contacts": ["ops@example.com", "owner@example.com"], "revision": 1}));
    assert_eq!(api.call(GET).await.json, first.json);

    let same = api.json(PUT, &json!({"contacts": ["ops@example.com", "owner@example.com"]})).await;
    assert_eq!(same.json, first.json, "what changes nothing makes no new revision");
    let emptied = api.json(PUT, &json!({"contacts": []})).await;
    assert_eq!(emptied.json, json!({"contacts": [], "revision": 2}));
}

#[tokio::test]
async fn a_revision_that_is_named_must_be_the_present_one() {
    let api = Api::new();
    assert_eq!(put_if(&api, "\"0\"", json!(["a@example.com"])).await.status, 200);
    let stale = put_if(&api, "\"0\"", json!(["b@example.com"])).await;
    assert_eq!((stale.status.as_u16(), stale.problem()), (412, "precondition-failed"));
    assert_eq!(api.call(GET).await.json["contacts"], json!(["a@example.com"]));
    assert_eq!(put_if(&api, "*", json!(["b@example.com"])).await.status, 200);
    assert_eq!(put_if(&api, "\"2\"", json!(["c@example.com"])).await.header("etag"), "\"3\"");
}

#[tokio::test]
async fn who_is_overtaken_begins_anew_or_says_so() {
    let api = Api::new();
    let overtaken = |by: &[Contacts]| api.fake.with(|contents| contents.faster_contacts = by.to_vec());
    overtaken(&[stored(&["other@example.com"], 1)]);
    let anew = api.json(PUT, &json!({"contacts": ["a@example.com"]})).await;
    assert_eq!((anew.status.as_u16(), anew.header("etag")), (200, "\"2\""), "{}", anew.text);

    overtaken(&[stored(&["other@example.com"], 3)]);
    let strict = put_if(&api, "\"2\"", json!(["b@example.com"])).await;
    assert_eq!((strict.status.as_u16(), strict.problem()), (412, "precondition-failed"));

    overtaken(&[stored(&["b@example.com"], 4)]);
    let own = put_if(&api, "\"3\"", json!(["b@example.com"])).await;
    assert_eq!((own.status.as_u16(), own.header("etag")), (200, "\"4\""), "it was ours, and its answer was lost");

    overtaken(&[7, 6, 5].map(|revision| stored(&["other@example.com"], revision)));
    let always = api.json(PUT, &json!({"contacts": ["a@example.com"]})).await;
    assert_eq!((always.status.as_u16(), always.problem()), (409, "changed-meanwhile"));
}

#[tokio::test]
async fn wrong_contacts_are_named_and_nothing_is_stored() {
    let api = Api::new();
    let eleven: Vec<_> = (0..11).map(|number| format!("{number}@example.com")).collect();
    let table = [
        (json!({}), "/contacts", "is required"),
        (json!({"contacts": null}), "/contacts", "is required"),
        (json!({"contacts": "ops@example.com"}), "/contacts", "must be an array"),
        (json!({"contacts": ["ops@example.com", "ops"]}), "/contacts/1", "must be one e-mail address"),
        (json!({"contacts": ["a@b.c\r\nBcc: d@e.f"]}), "/contacts/0", "must be one e-mail address"),
        (json!({"contacts": ["ops@example.com", "ops@example.com"]}), "/contacts/1", "is there twice"),
        (json!({"contacts": eleven}), "/contacts", "at most 10"),
        (json!({"contacts": [], "revision": 1}), "/revision", "is set by Spacehook"),
        (json!({"contacts": [], "contact": []}), "/contact", "did you mean 'contacts'?"),
    ];
    for (body, pointer, detail) in table {
        let refused = api.json(PUT, &body).await;
        assert_eq!((refused.status.as_u16(), refused.problem()), (422, "invalid-fields"), "{body}");
        let errors = refused.errors();
        let [(place, said)] = &errors[..] else { panic!("{body}: {errors:?}") };
        assert_eq!(place, pointer, "{body}");
        assert!(said.contains(detail), "{body}: {said}");
    }
    assert!(api.fake.with(|contents| contents.contacts.is_empty()));
}

#[tokio::test]
async fn each_tenant_has_its_own_and_only_an_admin_changes_them() {
    let api = Api::new();
    api.json(PUT, &json!({"contacts": ["ops@example.com"]})).await;
    let other = api.key("other", &[Scope::Admin]);
    assert_eq!(api.as_key(&other, GET, &Value::Null).await.json["contacts"], json!([]));
    let writer = api.key("acme", &[Scope::Write]);
    assert_eq!(api.as_key(&writer, GET, &Value::Null).await.json["contacts"], json!(["ops@example.com"]));
    let refused = api.as_key(&writer, PUT, &json!({"contacts": []})).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (403, "scope-missing"));
}
