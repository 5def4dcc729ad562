//! Event types: the catalogue, and those of tenants' own.

use crate::client::{Answer, Api, subscription};
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;
use spacehook_domain::event::{BUILT_IN_TYPES, EventType};

pub(crate) fn door() -> Value {
    json!({
        "name": "acme.door_opened", "description": "A door was opened.",
        "schema": {
            "type": "object", "properties": {"door": {"type": "string"}, "held_s": {"type": "integer", "minimum": 0}},
            "required": ["door"], "additionalProperties": false,
        },
        "example": {"door": "north", "held_s": 3},
    })
}

async fn every(api: &Api, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.call(&format!("GET {path}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        all.extend(page.json["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page.json["next_cursor"].as_str() else { return all };
        cursor = format!("{}cursor={next}", if path.contains('?') { '&' } else { '?' });
    }
}

fn names(types: &[Value]) -> Vec<&str> {
    types.iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_type_is_listed_once_whatever_the_page() {
    let api = Api::new();
    let mut expected: Vec<String> = EventType::BUILT_IN.iter().map(ToString::to_string).collect();
    for name in ["b", "a.b", "z.9"] {
        assert_eq!(api.json("POST /v1/event-types", &json!({"name": name})).await.status, 201);
    }
    expected.extend(["a.b", "b", "z.9"].map(str::to_owned));
    for limit in [1, 7, 49, 50, 100] {
        assert_eq!(names(&every(&api, &format!("/v1/event-types?limit={limit}")).await), expected, "{limit}");
    }
    // What is registered meanwhile neither repeats nor hides others.
    let page = api.call("GET /v1/event-types?group=own&limit=2").await;
    assert_eq!(names(page.json["data"].as_array().unwrap()), ["a.b", "b"]);
    api.json("POST /v1/event-types", &json!({"name": "a.c"})).await;
    let next = page.json["next_cursor"].as_str().unwrap();
    let rest = every(&api, &format!("/v1/event-types?group=own&cursor={next}")).await;
    assert_eq!(names(&rest), ["z.9"]);
}

#[tokio::test]
async fn lists_are_filtered_by_group_and_by_archive() {
    let api = Api::new();
    for name in ["one", "two"] {
        api.json("POST /v1/event-types", &json!({"name": name})).await;
    }
    api.call("POST /v1/event-types/two/archive").await;
    assert_eq!(names(&every(&api, "/v1/event-types?archived=true").await), ["two"]);
    assert_eq!(every(&api, "/v1/event-types?archived=false&limit=100").await.len(), BUILT_IN_TYPES + 1);
    let analytics = every(&api, "/v1/event-types?group=analytics").await;
    assert_eq!(names(&analytics), ["analytics_event_created"]);
    assert_eq!((&analytics[0]["origin"], &analytics[0]["version"]), (&json!("published"), &json!(1)));
    assert!(every(&api, "/v1/event-types?group=user&archived=true").await.is_empty());
    let wrong = api.call("GET /v1/event-types?group=door&archived=maybe&archived=true&grup=own&cursor=x").await;
    let places: Vec<_> = wrong.errors().into_iter().map(|(place, _)| place).collect();
    assert_eq!((wrong.status.as_u16(), places), (400, ["?group", "?archived", "?grup"].map(str::to_owned).into()));
    for cursor in ["x", "own:space_report", "built-in:acme", "other:a", "own:A"] {
        let wrong = api.call(&format!("GET /v1/event-types?cursor={cursor}")).await;
        assert_eq!((wrong.status.as_u16(), wrong.problem()), (400, "invalid-parameters"), "{cursor}");
    }
}

#[tokio::test]
async fn built_in_types_have_a_schema_an_example_and_one_version() {
    let api = Api::new();
    let report = api.call("GET /v1/event-types/space_report").await;
    assert_eq!((&report.json["origin"], &report.json["group"]), (&json!("derived"), &json!("space")));
    assert_eq!(report.json["schema"]["title"], "space_report");
    assert_eq!(report.json["example"]["event_type"], "space_report");
    assert_eq!((&report.json["revision"], report.header("etag")), (&Value::Null, ""));
    let version = api.call("GET /v1/event-types/space_report/versions/1").await;
    assert_eq!(version.json["schema"], report.json["schema"]);
    for line in ["GET /v1/event-types/space_report/versions/2", "GET /v1/event-types/space_report/versions/01"] {
        assert_eq!(api.call(line).await.status, 404, "{line}");
    }
    let built_in = |answer: Answer| assert_eq!((answer.status.as_u16(), answer.problem()), (409, "built-in"));
    built_in(api.json("PUT /v1/event-types/space_report", &json!({})).await);
    built_in(api.call("POST /v1/event-types/space_report/archive").await);
    built_in(api.call("POST /v1/event-types/space_report/unarchive").await);
}

#[tokio::test]
async fn a_type_is_registered_and_gets_version_after_version() {
    let api = Api::new();
    let made = api.json("POST /v1/event-types", &door()).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/v1/event-types/acme.door_opened"));
    assert_eq!((made.header("etag"), &made.json["version"], &made.json["group"]), ("\"1\"", &json!(1), &json!("own")));
    assert_eq!(made.json["schema"], door()["schema"]);
    let again = api.json("POST /v1/event-types", &door()).await;
    assert_eq!((again.status.as_u16(), again.problem()), (409, "name-taken"));

    let path = "/v1/event-types/acme.door_opened";
    let mut body = json!({"description": "Opened.", "schema": door()["schema"], "example": door()["example"]});
    let described = api.json(&format!("PUT {path}"), &body).await;
    assert_eq!((&described.json["version"], described.header("etag")), (&json!(1), "\"2\""), "no new version");
    let same = api.json(&format!("PUT {path}"), &body).await;
    assert_eq!(same.header("etag"), "\"2\"", "no new revision");
    body["example"] = json!({"door": "south"});
    let stale = api
        .raw(&format!("PUT {path}"), &[("content-type", "application/json"), ("if-match", "\"1\"")], body.to_string())
        .await;
    assert_eq!(stale.status, 412);
    api.pass_ms(1_000);
    let second = api.json(&format!("PUT {path}"), &body).await;
    assert_eq!((&second.json["version"], second.header("etag")), (&json!(2), "\"3\""));
    assert_ne!(second.json["created_at"], second.json["updated_at"]);
    let first = api.call(&format!("GET {path}/versions/1")).await;
    assert_eq!(first.json["example"], door()["example"], "a version never changes");
    assert_eq!(api.call(&format!("GET {path}/versions/2")).await.json["example"], body["example"]);
    assert_eq!(api.call(&format!("GET {path}/versions/3")).await.status, 404);
    assert_eq!(api.call(&format!("GET {path}")).await.json, second.json);

    api.fake.with(|contents| contents.event_types.values_mut().for_each(|own| own.version = 100));
    api.fake.with(|contents| {
        let (key, version) =
            contents.versions.last_key_value().map(|(key, value)| (key.clone(), value.clone())).unwrap();
        contents.versions.insert((key.0, key.1, 100), version);
    });
    body["example"] = json!({"door": "west"});
    let too_many = api.json(&format!("PUT {path}"), &body).await;
    assert_eq!((too_many.status.as_u16(), too_many.problem()), (409, "limit-reached"));
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_type_is_listed() {
    let api = Api::new();
    let wrong = json!({
        "name": "space_report", "description": 7, "colour": "red",
        "schema": {"type": "objekt", "properties": {"a": {"pattern": "(?=a)"}}, "$ref": "https://example.com/s"},
        "example": {"event_type": "x"},
    });
    let answer = api.json("POST /v1/event-types", &wrong).await;
    let places: Vec<_> = answer.errors().into_iter().map(|(place, _)| place).collect();
    assert_eq!(
        places,
        [
            "/colour",
            "/name",
            "/description",
            "/schema/type",
            "/schema/properties/a/pattern",
            "/schema/$ref",
            "/example/event_type"
        ]
    );
    let mut body = door();
    body["example"] = json!({"held_s": -1, "window": 1});
    let answer = api.json("POST /v1/event-types", &body).await;
    let places: Vec<_> = answer.errors().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["/example/held_s", "/example/window", "/example/door"]);
    for (field, value, expected) in [
        ("name", json!("Door"), "must be the name of an event type"),
        ("name", json!("a".repeat(65)), "must be the name of an event type"),
        ("schema", json!(true), "must be an object"),
        ("schema", json!({"$comment": "x".repeat(17_000)}), "at most 16384 are allowed"),
        ("example", json!([]), "must be an object"),
        ("example", json!({"door": "x".repeat(17_000)}), "at most 16384 are allowed"),
        ("description", json!("x".repeat(1_025)), "at most 1024 characters"),
    ] {
        let mut body = door();
        body[field] = value;
        let answer = api.json("POST /v1/event-types", &body).await;
        let [(place, detail)] = &answer.errors()[..] else { panic!("{field}: {}", answer.text) };
        assert!(place == &format!("/{field}") && detail.contains(expected), "{place} {detail}");
    }
    assert!(api.fake.with(|contents| contents.event_types.is_empty()));
}

#[tokio::test]
async fn a_tenant_can_have_so_many_types() {
    let api = Api::new();
    for number in 0..200 {
        assert_eq!(api.json("POST /v1/event-types", &json!({"name": format!("t{number}")})).await.status, 201);
    }
    let answer = api.json("POST /v1/event-types", &json!({"name": "one_more"})).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (409, "limit-reached"));
}

#[tokio::test]
async fn a_change_that_another_overtakes_is_begun_anew_and_a_lost_answer_is_no_conflict() {
    let api = Api::new();
    api.json("POST /v1/event-types", &door()).await;
    api.fake.with(|contents| contents.failing.insert("event_type.update", true));
    let lost = api.call("POST /v1/event-types/acme.door_opened/archive").await;
    assert_eq!((lost.status.as_u16(), lost.problem()), (503, "unavailable"));
    api.fake.with(|contents| contents.failing.clear());
    let again = api.call("POST /v1/event-types/acme.door_opened/archive").await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, "\"2\""), "done already");
    let back = api.call("POST /v1/event-types/acme.door_opened/unarchive").await;
    assert_eq!((&back.json["archived"], back.header("etag")), (&json!(false), "\"3\""));
}

#[tokio::test]
async fn nobody_sees_or_changes_the_types_of_another_tenant() {
    let api = Api::new();
    api.json("POST /v1/event-types", &door()).await;
    let other = api.key("other", &[Scope::Admin]);
    let path = "/v1/event-types/acme.door_opened";
    for (line, body) in [
        (format!("GET {path}"), Value::Null),
        (format!("GET {path}/versions/1"), Value::Null),
        (format!("PUT {path}"), json!({})),
        (format!("POST {path}/archive"), Value::Null),
        (format!("POST {path}/unarchive"), Value::Null),
    ] {
        assert_eq!(api.as_key(&other, &line, &body).await.status, 404, "{line}");
    }
    let listed = api.as_key(&other, "GET /v1/event-types?group=own", &Value::Null).await;
    assert_eq!(listed.json["data"], json!([]));
    let refused =
        api.as_key(&other, "POST /v1/subscriptions", &subscription(json!({"event_types": ["acme.door_opened"]}))).await;
    assert_eq!(refused.status, 422);
    assert_eq!(api.as_key(&other, "POST /v1/event-types", &door()).await.status, 201, "names are each tenant's own");
}

#[tokio::test]
async fn scopes_are_asked_for() {
    let api = Api::new();
    let reader = api.key("acme", &[Scope::Read]);
    let publisher = api.key("acme", &[Scope::Publish]);
    for (line, body) in [
        ("POST /v1/event-types", door()),
        ("PUT /v1/event-types/a", json!({})),
        ("POST /v1/event-types/a/archive", Value::Null),
        ("POST /v1/event-types/a/unarchive", Value::Null),
    ] {
        assert_eq!(api.as_key(&reader, line, &body).await.problem(), "scope-missing", "{line}");
    }
    assert_eq!(api.as_key(&reader, "GET /v1/event-types", &Value::Null).await.status, 200);
    assert_eq!(api.as_key(&publisher, "GET /v1/event-types", &Value::Null).await.status, 403);
}

#[tokio::test]
async fn a_subscription_lists_types_that_are_registered_and_not_archived() {
    let api = Api::new();
    api.json("POST /v1/event-types", &door()).await;
    api.json("POST /v1/event-types", &json!({"name": "old"})).await;
    api.call("POST /v1/event-types/old/archive").await;
    let types = ["acme.door_opened", "old", "space_reprot", "Bad", "user_created"];
    let body = subscription(json!({"event_types": types, "url": "http://example.com"}));
    let refused = api.json("POST /v1/subscriptions", &body).await;
    let errors = refused.errors();
    let places: Vec<_> = errors.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["/url", "/event_types/1", "/event_types/2", "/event_types/3"], "all at once");
    assert!(errors[1].1.contains("POST /v1/event-types/old/unarchive"), "{}", errors[1].1);
    assert!(
        errors[2].1.contains("POST /v1/event-types") && errors[2].1.contains("mean 'space_report'"),
        "{}",
        errors[2].1
    );

    let id = api.subscribe(json!({"event_types": ["acme.door_opened", "user_created"]})).await;
    api.call("POST /v1/event-types/acme.door_opened/archive").await;
    let path = format!("PATCH /v1/subscriptions/{id}");
    let kept = api.json(&path, &json!({"event_types": ["acme.door_opened", "space_report"]})).await;
    assert_eq!(kept.json["event_types"], json!(["space_report", "acme.door_opened"]), "what it had it keeps");
    let more = api.json(&path, &json!({"event_types": ["acme.door_opened", "old"]})).await;
    let [(place, _)] = &more.errors()[..] else { panic!("{}", more.text) };
    assert_eq!(place, "/event_types/1");
    api.json(&path, &json!({"event_types": ["space_report"]})).await;
    let back = api.json(&path, &json!({"event_types": ["acme.door_opened"]})).await;
    assert_eq!(back.status, 422, "once given up it is a new one");
}

#[tokio::test]
async fn types_are_read_only_where_a_body_lists_new_ones() {
    let api = Api::new();
    api.json("POST /v1/event-types", &door()).await;
    let id = api.subscribe(json!({"event_types": ["acme.door_opened"]})).await;
    api.fake.with(|contents| contents.done.clear());
    api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"event_types": ["acme.door_opened", "user_created"]}))
        .await;
    api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"description": "x"})).await;
    assert!(api.fake.with(|contents| !contents.done.contains(&"event_type.list")));
}

#[tokio::test]
async fn a_subscription_lists_as_many_types_as_one_change_can_write() {
    let api = Api::new();
    let all: Vec<_> = EventType::BUILT_IN.iter().map(ToString::to_string).collect();
    let refused = api.json("POST /v1/subscriptions", &subscription(json!({"event_types": all[..33]}))).await;
    let [(place, detail)] = &refused.errors()[..] else { panic!("{}", refused.text) };
    assert_eq!((place.as_str(), detail.as_str()), ("/event_types", "has 33 items; at most 32 are allowed"));
    let id = api.subscribe(json!({"event_types": all[..32]})).await;
    let line = format!("PATCH /v1/subscriptions/{id}");
    assert_eq!(api.json(&line, &json!({"event_types": all[16..48]})).await.status, 200);
    // Each type has the whole subscription beside it, and a transaction has 4 MB.
    let pairs: serde_json::Map<_, _> = (0..20).map(|number| (format!("k{number}"), json!("é".repeat(1_024)))).collect();
    let buildings: Vec<_> = (0..100).map(|number| format!("{number:03}{}", "é".repeat(125))).collect();
    let large = json!({"key_values": pairs, "building_ref_ids": buildings});
    assert_eq!(api.json(&line, &large).await.status, 200, "some 67 KB, 33 times");
    let pairs: serde_json::Map<_, _> =
        (0..20).map(|number| (format!("k{number}"), json!("\u{1F6AA}".repeat(1_024)))).collect();
    let refused = api.json(&line, &json!({"key_values": pairs})).await;
    let [(place, detail)] = &refused.errors()[..] else { panic!("{}", refused.text) };
    assert!(place == "/event_types" && detail.starts_with("has 32 types; one with as much else"), "{detail}");
    assert_eq!(api.json(&line, &json!({"key_values": pairs, "event_types": all[..20]})).await.status, 200);
}
