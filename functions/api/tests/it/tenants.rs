//! Tenants: made, limited, suspended and resumed by the operator.

use crate::client::Api;
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;
use spacehook_domain::backlog::Backlog;
use spacehook_domain::ids::{ProfileName, SensorId, SubscriptionId, SubscriptionKey, TenantId};
use spacehook_store::RawPayload;

#[tokio::test]
async fn a_tenant_is_made_shown_changed_and_gets_its_first_key() {
    let api = Api::new();
    let created = api.json("POST /v1/tenants", &json!({"id": "rival", "name": "Rival Ltd"})).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!((created.header("location"), created.header("etag")), ("/v1/tenants/rival", "\"1\""));
    let expected = json!({"subscriptions": 1_000, "requests_per_minute": 1_000, "has_own_rate": false});
    assert_eq!(created.json["limits"], expected);
    for id in ["rival", "acme"] {
        let again = api.json("POST /v1/tenants", &json!({"id": id, "name": "x"})).await;
        assert_eq!((again.status.as_u16(), again.problem()), (409, "tenant-exists"), "{id}");
    }
    let line = "PATCH /v1/tenants/rival";
    let patch = json!({"limits": {"subscriptions": 5, "requests_per_minute": 60}});
    let changed = api.json(line, &patch).await;
    assert_eq!(changed.json["limits"]["subscriptions"], 5);
    assert_eq!((&changed.json["name"], changed.header("etag")), (&json!("Rival Ltd"), "\"2\""));
    assert_eq!(api.json(line, &patch).await.header("etag"), "\"2\"", "nothing changed");
    let stale = [("content-type", "application/json"), ("if-match", "\"1\"")];
    assert_eq!(api.raw(line, &stale, r#"{"name":"y"}"#).await.status, 412);
    let reset = api.json(line, &json!({"limits": {"requests_per_minute": null}})).await;
    assert_eq!(reset.json["limits"], json!({"subscriptions": 5, "requests_per_minute": 1_000, "has_own_rate": false}));

    let key = api.json("POST /v1/tenants/rival/api-keys", &json!({"name": "First", "role": "owner"})).await;
    assert_eq!((key.status.as_u16(), &key.json["scopes"]), (201, &json!(["admin"])), "{}", key.text);
    let own = api.as_key(key.json["token"].as_str().unwrap(), "GET /v1/tenant", &Value::Null).await;
    let usage = json!({"subscriptions": 0, "api_keys": 1, "requests_this_minute": 1});
    assert_eq!((&own.json["id"], &own.json["usage"]), (&json!("rival"), &usage));
    assert_eq!(api.json("POST /v1/tenants/nobody/api-keys", &json!({"name": "k", "role": "owner"})).await.status, 404);
}

#[tokio::test]
async fn the_first_tenant_is_there_without_a_record() {
    let api = Api::new();
    api.json("POST /v1/tenants", &json!({"id": "aaa", "name": "A"})).await;
    let ids = async |query: &str| {
        let listed = api.call(&format!("GET /v1/tenants{query}")).await;
        let data = listed.json["data"].as_array().unwrap_or_else(|| panic!("{}", listed.text)).clone();
        data.iter().map(|tenant| tenant["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, ["aaa", "acme"]);
    let first = api.call("GET /v1/tenants/acme").await;
    assert_eq!(
        (&first.json["created_at"], &first.json["revision"], first.header("etag")),
        (&Value::Null, &json!(0), "\"0\"")
    );
    let named = api.json("PATCH /v1/tenants/acme", &json!({"name": "Acme"})).await;
    assert_eq!((&named.json["name"], &named.json["revision"]), (&json!("Acme"), &json!(1)));
    api.call("POST /v1/tenants/aaa/suspend").await;
    assert_eq!(ids("?status=suspended").await, ["aaa"]);
    assert_eq!(ids("?status=active&limit=5").await, ["acme"]);
    let wrong = api.call("GET /v1/tenants?status=gone&limit=0&statsu=active").await;
    let errors = wrong.errors();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors.iter().any(|(place, detail)| place == "?statsu" && detail.contains("did you mean 'status'?")));
}

#[tokio::test]
async fn a_suspended_tenant_is_refused_and_others_go_on() {
    let api = Api::new();
    api.json("POST /v1/tenants", &json!({"id": "rival", "name": "Rival Ltd"})).await;
    let key = api.key("rival", &[Scope::Admin]);
    let get = async |key: &str| api.as_key(key, "GET /v1/subscriptions", &Value::Null).await;
    assert_eq!(get(&key).await.status, 200);
    let suspended = api.json("POST /v1/tenants/rival/suspend", &json!({"reason": "unpaid"})).await;
    assert_eq!(
        (&suspended.json["status"], &suspended.json["suspended"]["reason"]),
        (&json!("suspended"), &json!("unpaid"))
    );
    let again = api.json("POST /v1/tenants/rival/suspend", &json!({"reason": "other"})).await;
    assert_eq!(again.json["suspended"]["reason"], "unpaid", "left as it is");
    let refused = get(&key).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (403, "tenant-suspended"));
    assert!(refused.json["detail"].as_str().unwrap().ends_with(": unpaid"), "{}", refused.text);
    assert_eq!(refused.header("ratelimit-limit"), "1000");
    assert_eq!(api.call("GET /v1/subscriptions").await.status, 200, "others go on");
    let own = api.call("POST /v1/tenants/acme/suspend").await;
    assert_eq!((own.status.as_u16(), own.problem()), (409, "own-tenant"));

    let waiting = SubscriptionKey {
        tenant: TenantId::parse("rival").unwrap(),
        id: SubscriptionId::parse(format!("sub_{}", "1".repeat(32))).unwrap(),
    };
    api.fake.with(|contents| contents.backlogs.insert(waiting.clone(), Backlog::new(api.now())));
    api.fake.with(|contents| contents.failing.insert("timer.wake", false));
    assert_eq!(api.call("POST /v1/tenants/rival/resume").await.status, 503, "not all is woken");
    api.fake.with(|contents| contents.failing.clear());
    let resumed = api.call("POST /v1/tenants/rival/resume").await;
    assert_eq!((&resumed.json["status"], &resumed.json["suspended"]), (&json!("active"), &Value::Null));
    let woken: Vec<_> =
        api.fake.with(|contents| contents.woken.iter().map(|(wake, _)| wake.subscription.clone()).collect());
    assert_eq!(woken, [waiting]);
    assert_eq!(get(&key).await.status, 200);
}

#[tokio::test]
async fn a_change_that_is_overtaken_is_begun_anew() {
    let api = Api::new();
    api.json("POST /v1/tenants", &json!({"id": "rival", "name": "R"})).await;
    api.fake.with(|contents| contents.rival_operators = 1);
    let changed = api.json("PATCH /v1/tenants/rival", &json!({"limits": {"subscriptions": 7}})).await;
    assert_eq!((&changed.json["name"], &changed.json["limits"]["subscriptions"]), (&json!("R!"), &json!(7)));
    api.fake.with(|contents| contents.rival_operators = 9);
    let conflict = api.json("PATCH /v1/tenants/rival", &json!({"limits": {"subscriptions": 8}})).await;
    assert_eq!((conflict.status.as_u16(), conflict.problem()), (409, "changed-meanwhile"));
    api.fake.with(|contents| {
        contents.rival_operators = 0;
        contents.failing.insert("tenant.get", false);
    });
    assert_eq!(api.call("GET /v1/subscriptions").await.status, 503, "whether it is suspended must be known");
}

#[tokio::test]
async fn limits_are_whole_numbers_within_bounds() {
    let api = Api::new();
    let body = json!({"id": "A B", "name": "", "limits": {"subscriptions": 10_001, "requests_per_minute": 0, "x": 1}});
    let places: Vec<_> = api.json("POST /v1/tenants", &body).await.errors().into_iter().map(|error| error.0).collect();
    assert_eq!(places, ["/id", "/name", "/limits/x", "/limits/subscriptions", "/limits/requests_per_minute"]);
    for limits in [json!({"subscriptions": 0}), json!({"requests_per_minute": 1_000_001}), json!(3)] {
        assert_eq!(api.json("PATCH /v1/tenants/acme", &json!({"limits": limits})).await.status, 422);
    }
}

#[tokio::test]
async fn a_tenant_says_what_is_kept_of_its_telemetry() {
    let api = Api::new();
    let usual = json!({"coordinates": true, "raw_payloads": null});
    assert_eq!(api.call("GET /v1/tenant").await.json["privacy"], usual);
    let patched = async |body: Value| {
        let answer = api.json("PATCH /v1/tenant", &body).await;
        (answer.status.as_u16(), answer.json["privacy"].clone())
    };
    let without = json!({"coordinates": false, "raw_payloads": null});
    assert_eq!(patched(json!({"privacy": {"coordinates": false}})).await, (200, without.clone()));
    assert_eq!(api.call("GET /v1/tenant").await.json["privacy"], without);
    let listed = api.call("GET /v1/tenants/acme").await.json;
    assert_eq!((&listed["privacy"], &listed["revision"]), (&without, &json!(1)), "the operator sees it");
    assert_eq!(patched(json!({})).await, (200, without));

    let now = api.now();
    let until = |hours| (now + jiff::SignedDuration::from_hours(hours)).to_string();
    let raw = json!({"keep_until": until(168), "profile": "milesight", "sensor_id": "a"});
    let refused = api.json("PATCH /v1/tenant", &json!({"privacy": {"raw_payloads": raw}})).await.errors();
    assert_eq!(refused[0].0, "/privacy/raw_payloads", "{refused:?}");
    let kept = json!({"coordinates": true, "raw_payloads": raw});
    assert_eq!(patched(json!({"privacy": {"coordinates": null, "raw_payloads": raw}})).await, (200, kept.clone()));
    let shown =
        json!({"coordinates": true, "raw_payloads": {"keep_until": until(1), "profile": null, "sensor_id": null}});
    assert_eq!(patched(json!({"privacy": {"raw_payloads": {"keep_until": until(1)}}})).await, (200, shown));
    assert_eq!(patched(json!({"privacy": null})).await, (200, usual));

    let wrong = [
        (json!({"privacy": {"raw_payloads": {}}}), "/privacy/raw_payloads/keep_until"),
        (json!({"privacy": {"raw_payloads": {"keep_until": until(169)}}}), "/privacy/raw_payloads/keep_until"),
        (json!({"privacy": {"raw_payloads": {"keep_until": until(0)}}}), "/privacy/raw_payloads/keep_until"),
        (
            json!({"privacy": {"raw_payloads": {"keep_until": until(1), "profile": "a/b"}}}),
            "/privacy/raw_payloads/profile",
        ),
        (json!({"privacy": {"coordinates": 1}}), "/privacy/coordinates"),
        (json!({"name": "mine"}), "/name"),
    ];
    for (body, pointer) in wrong {
        let errors = api.json("PATCH /v1/tenant", &body).await.errors();
        assert_eq!(errors.iter().map(|(place, _)| place.as_str()).collect::<Vec<_>>(), [pointer], "{body}");
    }
    api.fake.with(|contents| contents.rival_operators = 2);
    assert_eq!(patched(json!({"privacy": {"coordinates": false}})).await.0, 200, "begun anew");
    api.fake.with(|contents| contents.rival_operators = 3);
    assert_eq!(patched(json!({"privacy": {"coordinates": true}})).await.0, 409);
}

#[tokio::test]
async fn messages_as_they_came_are_listed_and_deleted() {
    let api = Api::new();
    let raw = |sensor: &str, profile: &str| RawPayload {
        received_at: api.now(),
        topic: format!("telemetry/acme/{profile}/{sensor}"),
        profile: ProfileName::parse(profile).unwrap(),
        sensor_id: SensorId::parse(sensor).unwrap(),
        bytes: 2,
        payload_base64: Some("e30=".to_owned()),
        readings: 0,
        causes: vec!["no".to_owned()],
    };
    let mine: Vec<_> = [("b", "native"), ("a", "milesight"), ("a", "native")]
        .map(|(sensor, profile)| (TenantId::parse("acme").unwrap(), raw(sensor, profile)))
        .into();
    api.fake.with(|contents| {
        contents.raw_payloads = mine;
        contents.raw_payloads.push((TenantId::parse("other").unwrap(), raw("a", "native")));
    });
    let listed = async |query: &str| {
        let answer = api.call(&format!("GET /v1/raw-payloads{query}")).await.json;
        let of = |raw: &Value| raw["topic"].as_str().unwrap().trim_start_matches("telemetry/acme/").to_owned();
        answer["data"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, ["native/b", "milesight/a", "native/a"]);
    assert_eq!(listed("?sensor_id=a").await, ["milesight/a", "native/a"]);
    assert_eq!(listed("?sensor_id=a&profile=native").await, ["native/a"]);
    assert_eq!(listed("?limit=1").await.len(), 1);
    assert_eq!(api.call("GET /v1/raw-payloads?profile=a/b").await.status, 400);
    assert_eq!(api.call("DELETE /v1/raw-payloads").await.status, 204);
    assert!(listed("").await.is_empty());
    assert_eq!(api.fake.with(|contents| contents.raw_payloads.len()), 1, "others' stay");
}
