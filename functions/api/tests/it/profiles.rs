//! Profiles: those that every tenant has, and those of tenants' own.

use crate::client::{Answer, Api};
use serde_json::{Value, json};
use spacehook_domain::profile::built_in;

pub(crate) fn parking() -> Value {
    json!({
        "name": "acme_parking", "title": "Parking sensors of Acme",
        "definition": {
            "sensor_id": {"at": "/dev"}, "timestamp": {"at": "/t", "zone": "Europe/Berlin"},
            "quantities": {"signs_of_life": {"at": "/state", "table": {"CAR": true, "FREE": false}}},
        },
    })
}

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let data = answer.json["data"].as_array().unwrap();
    data.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_profile_is_listed_once_whatever_the_page() {
    let api = Api::new();
    for name in ["a", "zz"] {
        let made = api.json("POST /v1/profiles", &json!({"name": name, "definition": parking()["definition"]})).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let mut expected: Vec<String> = built_in().iter().map(|built_in| built_in.name.clone()).collect();
    expected.push("native".to_owned());
    expected.sort();
    expected.extend(["a", "zz"].map(str::to_owned));
    for limit in [1, 4, 100] {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api.call(&format!("GET /v1/profiles?limit={limit}{cursor}")).await;
            all.extend(names(&page));
            let Some(next) = page.json["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(all, expected, "{limit}");
    }
    assert_eq!(names(&api.call("GET /v1/profiles?origin=own").await), ["a", "zz"]);
    assert_eq!(names(&api.call("GET /v1/profiles?origin=built_in&limit=100").await).len(), built_in().len() + 1);
    let wrong = api.call("GET /v1/profiles?origin=mine&cursor=x").await;
    assert_eq!((wrong.status.as_u16(), wrong.problem()), (400, "invalid-parameters"));
    assert_eq!(api.call("GET /v1/profiles?cursor=x").await.status, 400);
}

#[tokio::test]
async fn a_built_in_profile_is_shown_and_can_t_be_changed() {
    let api = Api::new();
    let shown = api.call("GET /v1/profiles/xy_sense").await;
    assert_eq!(
        (&shown.json["origin"], &shown.json["version"], shown.header("etag")),
        (&json!("built_in"), &Value::Null, "")
    );
    assert!(shown.json["definition"]["quantities"]["person_count"].is_object());
    let native = api.call("GET /v1/profiles/native").await;
    assert_eq!((native.status.as_u16(), &native.json["definition"]), (200, &Value::Null));
    let body = json!({"definition": parking()["definition"]});
    for answer in [api.json("PUT /v1/profiles/xy_sense", &body).await, api.call("DELETE /v1/profiles/native").await] {
        assert_eq!((answer.status.as_u16(), answer.problem()), (409, "built-in"));
    }
    let taken = api.json("POST /v1/profiles", &json!({"name": "shelly", "definition": body["definition"]})).await;
    assert_eq!(taken.errors(), [("/name".to_owned(), "is the name of a profile that every tenant has".to_owned())]);
}

#[tokio::test]
async fn a_profile_gets_version_after_version_and_can_be_deleted() {
    let api = Api::new();
    let made = api.json("POST /v1/profiles", &parking()).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/v1/profiles/acme_parking"));
    assert_eq!((made.header("etag"), &made.json["version"]), ("\"1\"", &json!(1)));
    let again = api.json("POST /v1/profiles", &parking()).await;
    assert_eq!((again.status.as_u16(), again.problem()), (409, "name-taken"));

    let path = "/v1/profiles/acme_parking";
    let mut body = json!({"title": "Parking", "definition": parking()["definition"]});
    let second = api.json(&format!("PUT {path}"), &body).await;
    assert_eq!((second.header("etag"), &second.json["title"]), ("\"2\"", &json!("Parking")));
    assert_eq!(api.json(&format!("PUT {path}"), &body).await.header("etag"), "\"2\"", "nothing differs");
    body["definition"]["sensor_id"] = json!({"at": "/id"});
    let stale = [("content-type", "application/json"), ("if-match", "\"1\"")];
    assert_eq!(api.raw(&format!("PUT {path}"), &stale, body.to_string()).await.status, 412);
    assert_eq!(api.json(&format!("PUT {path}"), &body).await.json["version"], 3);
    let shown = api.call(&format!("GET {path}")).await;
    assert_eq!(shown.json["definition"], body["definition"]);
    let versions = api.call(&format!("GET {path}/versions?limit=2")).await;
    let numbers: Vec<_> = versions.json["data"].as_array().unwrap().iter().map(|one| one["version"].clone()).collect();
    assert_eq!(numbers, [3, 2]);
    let first = api.call(&format!("GET {path}/versions/1")).await;
    assert_eq!((&first.json["definition"], &first.json["title"]), (&parking()["definition"], &parking()["title"]));
    for wrong in ["0", "01", "4", "x"] {
        assert_eq!(api.call(&format!("GET {path}/versions/{wrong}")).await.status, 404, "{wrong}");
    }
    assert_eq!(api.raw(&format!("DELETE {path}"), &[("if-match", "\"2\"")], String::new()).await.status, 412);
    assert_eq!(api.call(&format!("DELETE {path}")).await.status, 204);
    for line in ["GET", "DELETE"] {
        assert_eq!(api.call(&format!("{line} {path}")).await.status, 404);
    }
    assert_eq!(api.call(&format!("GET {path}/versions")).await.status, 404);
    assert_eq!(api.json(&format!("PUT {path}"), &body).await.status, 404);
    assert_eq!(api.json("POST /v1/profiles", &parking()).await.json["version"], 1);
}

#[tokio::test]
async fn a_lost_answer_is_no_conflict_with_oneself() {
    let api = Api::new();
    api.json("POST /v1/profiles", &parking()).await;
    api.fake.with(|contents| contents.failing.insert("profile.update", true));
    let body = json!({"definition": parking()["definition"]});
    assert_eq!(api.json("PUT /v1/profiles/acme_parking", &body).await.status, 503);
    api.fake.with(|contents| contents.failing.clear());
    assert_eq!(api.json("PUT /v1/profiles/acme_parking", &body).await.json["version"], 2);
}

#[tokio::test]
async fn all_mistakes_are_named_with_their_places() {
    let api = Api::new();
    let wrong = json!({
        "name": "Acme", "title": "a\u{7}", "color": "red",
        "definition": {"each": "x", "quantities": {"people": {"at": "/x"}, "co2": {"at": "y", "unit": "kelvin"}}},
    });
    let refused = api.json("POST /v1/profiles", &wrong).await;
    let places: Vec<String> = refused.errors().into_iter().map(|(place, _)| place).collect();
    let expected = [
        "/color",
        "/name",
        "/title",
        "/definition/each",
        "/definition/quantities/co2/unit",
        "/definition/quantities/co2/at",
        "/definition/quantities/people",
    ];
    assert_eq!((refused.status.as_u16(), places), (422, expected.map(str::to_owned).to_vec()));
    let shape =
        api.json("POST /v1/profiles", &json!({"name": "a", "definition": {"quantities": {"co2": [{"at": 5}]}}})).await;
    assert_eq!(shape.errors()[0].0, "/definition/quantities/co2/0/at");
    for definition in [json!(null), json!(5), json!("x".repeat(200_000))] {
        let refused = api.json("POST /v1/profiles", &json!({"name": "a", "definition": definition})).await;
        assert_eq!(refused.errors()[0].0, "/definition");
    }
    let large = json!({"only_if": [{"at": "/x", "is": ["x".repeat(200_000)]}]});
    let refused = api.json("POST /v1/profiles", &json!({"name": "a", "definition": large})).await;
    assert!(refused.errors()[0].1.contains("at most 196608"), "{}", refused.text);
}

#[tokio::test]
async fn scripts_that_can_t_be_run_are_refused_when_saved() {
    let api = Api::new();
    let save = async |definition: Value| {
        let answer = api.json("POST /v1/profiles", &json!({"name": "scripted", "definition": definition})).await;
        answer.errors()
    };
    let decoder = |source: &str| json!({"envelope": "chirpstack", "decode": {"source": source}, "quantities": {"co2": {"at": "/decoded/co2"}}});
    let unclosed = save(decoder("function decodeUplink(input) {\n  return {data: {\n}")).await;
    assert_eq!(unclosed[0].0, "/definition/decode/source");
    let nothing = save(decoder("var x = 1;")).await;
    assert!(nothing[0].1.contains("decodeUplink"), "{nothing:?}");
    let endless = save(decoder("while (true) {}")).await;
    assert!(endless[0].1.contains("50 ms"), "{endless:?}");
    let normalize = save(json!({"normalize": "function normalise() {}"})).await;
    assert_eq!(normalize[0].0, "/definition/normalize");
    assert!(save(json!({"normalize": "function normalize(data, meta) { return data; }"})).await.is_empty());
}

#[tokio::test]
async fn a_message_is_tried_before_anything_is_saved() {
    let api = Api::new();
    let parked = json!({"dev": "p7", "t": "2026-02-02T15:00:00", "state": "car"});
    let asked =
        json!({"message": parked, "definition": parking()["definition"], "received_at": "2026-02-02T14:19:00Z"});
    for path in ["/v1/profiles/not_yet/test", "/v1/profiles/not_yet:test"] {
        let tried = api.json(&format!("POST {path}"), &asked).await;
        let reading = json!({"sensor_id": "p7", "observed_at": "2026-02-02T14:00:00Z", "clock_distrusted": null,
            "measurements": {"signs_of_life": true}});
        assert_eq!(tried.json, json!({"readings": [reading], "refused": [], "error": null, "decoded": null}), "{path}");
    }
    assert_eq!(api.json("POST /v1/profiles/not_yet:test", &json!({"message": parked})).await.status, 404);
    let no_verb = api.json("POST /v1/profiles/not_yet", &asked).await;
    assert_eq!((no_verb.status.as_u16(), no_verb.header("allow")), (405, "GET,HEAD,PUT,DELETE"));
    assert!(api.fake.with(|contents| contents.profiles.is_empty()));

    api.json("POST /v1/profiles", &parking()).await;
    let of_topic = json!({"message": {"state": "boat", "t": 1}, "sensor_id": "p8"});
    let tried = api.json("POST /v1/profiles/acme_parking:test", &of_topic).await;
    let refusal = json!({"index": 0, "field": "signs_of_life", "detail": "at /state: must be one of car, free"});
    assert_eq!((&tried.json["refused"], &tried.json["readings"]), (&json!([refusal]), &json!([])));
    // Built-in ones are tried as well, with bytes too.
    let tried = api.json("POST /v1/profiles/native:test", &json!({"payload_base64": "eyJjbzIiOg=="})).await;
    assert_eq!(tried.json["error"]["stage"], "message");
    let old = api.json("POST /v1/profiles/native:test", &json!({"message": {"co2": 400, "timestamp": 5}})).await;
    assert_eq!(old.json["readings"][0]["clock_distrusted"], "unset");
}

#[tokio::test]
async fn a_trial_says_what_a_decoder_made_and_where_it_failed() {
    let api = Api::new();
    let uplink = json!({
        "applicationID": "1", "deviceName": "vs321-test", "devEUI": "24e124443f171044", "fCnt": 937, "fPort": 85,
        "data": "Cu9wGwtpAXVjA2ftAAf/AQj0AgAEaGsF/QEA", "time": "2025-11-05T09:39:47.635887Z",
    });
    let tried = api.json("POST /v1/profiles/milesight_gateway:test", &json!({"message": uplink})).await;
    assert_eq!(tried.json["decoded"]["temperature"], 23.7);
    assert_eq!(tried.json["readings"][0]["measurements"]["person_count"], 1);

    let stage = async |definition: Value, message: Value| {
        let asked = json!({"message": message, "definition": definition});
        let tried = api.json("POST /v1/profiles/x:test", &asked).await;
        assert_eq!(tried.status, 200, "{}", tried.text);
        let error = &tried.json["error"];
        (error["stage"].as_str().unwrap().to_owned(), error["detail"].as_str().unwrap().to_owned())
    };
    let throws = json!({"envelope": "chirpstack", "quantities": {"co2": {"at": "/decoded/co2"}},
        "decode": {"source": "function decodeUplink(input) {\n  return input.bytes.missing.length;\n}"}});
    let payload = stage(throws.clone(), json!({"data": "***"})).await;
    assert_eq!(payload.0, "payload");
    let (place, detail) = stage(throws, json!({"data": "AQ=="})).await;
    assert_eq!(place, "decoder");
    assert!(detail.contains("line 2"), "{detail}");
    let normalize = json!({"normalize": "function normalize() { throw new Error('no such room'); }"});
    let (place, detail) = stage(normalize, json!({})).await;
    assert!(place == "normalize" && detail.contains("no such room"), "{place}: {detail}");
}

#[tokio::test]
async fn what_is_asked_of_a_trial_is_checked() {
    let api = Api::new();
    let refused = async |body: Value| {
        let answer = api.json("POST /v1/profiles/native:test", &body).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        answer.errors().into_iter().map(|(place, _)| place).collect::<Vec<_>>()
    };
    assert_eq!(refused(json!({})).await, ["/message"]);
    assert_eq!(refused(json!({"message": {}, "payload_base64": ""})).await, ["/payload_base64"]);
    assert_eq!(refused(json!({"payload_base64": "*"})).await, ["/payload_base64"]);
    assert_eq!(refused(json!({"message": {"x": "y".repeat(140_000)}})).await, ["/message"]);
    assert_eq!(
        refused(json!({"message": {}, "sensor_id": "", "received_at": "today", "definition": {"each": "x"}})).await,
        ["/sensor_id", "/received_at", "/definition/each", "/definition/quantities"]
    );
}

#[tokio::test]
async fn a_sensor_names_a_profile_that_is_there() {
    let api = Api::new();
    api.json("PUT /v1/buildings/hq", &json!({})).await;
    api.json("PUT /v1/buildings/hq/spaces/101", &json!({})).await;
    let put = async |profile: Value| {
        let body = json!({"building_ref_id": "hq", "space_ref_id": "101", "profile": profile});
        api.json("PUT /v1/sensors/s1", &body).await
    };
    let unknown = put(json!("acme_parking")).await;
    assert_eq!((unknown.status.as_u16(), unknown.errors()[0].0.as_str()), (422, "/profile"));
    api.json("POST /v1/profiles", &parking()).await;
    for profile in [json!("acme_parking"), json!("xy_sense"), json!("native"), json!(null)] {
        assert_eq!(put(profile.clone()).await.json["profile"], profile);
        assert_eq!(api.call("GET /v1/sensors/s1").await.json["profile"], profile);
    }
    assert_eq!(put(json!("No Name")).await.errors()[0].0, "/profile");
    // An import leaves it as it is.
    put(json!("xy_sense")).await;
    let import = json!({"buildings": [{"building_ref_id": "hq", "spaces": [
        {"space_ref_id": "101", "sensors": [{"sensor_id": "s1", "name": "Ceiling"}]}]}]});
    let imported = api.json("POST /v1/import", &import).await;
    assert_eq!(imported.status, 200, "{}", imported.text);
    let sensor = api.call("GET /v1/sensors/s1").await.json;
    assert_eq!((&sensor["name"], &sensor["profile"]), (&json!("Ceiling"), &json!("xy_sense")));
}
