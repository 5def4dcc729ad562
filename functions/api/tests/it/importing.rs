//! Bulk import.

use crate::client::{Answer, Api};
use serde_json::{Value, json};

const CSV: &str =
    "\u{feff}building_ref_id,building_name,floor_ref_id,floor_name,space_ref_id,space_name,sensor_id,sensor_name
b,HQ,f,Second,s,\"Turing, big\",x,
b,,f,,s,,y,Door
b,,,,t,,,
c,,,,,,,
";

fn json_body() -> Value {
    json!({"buildings": [
        {"building_ref_id": "b", "name": "HQ", "floors": [{"floor_ref_id": "f", "name": "Second"}], "spaces": [
            {"space_ref_id": "s", "name": "Turing, big", "floor_ref_id": "f",
             "sensors": [{"sensor_id": "x"}, {"sensor_id": "y", "name": "Door"}]},
            {"space_ref_id": "t"}
        ]},
        {"building_ref_id": "c"}
    ]})
}

async fn csv(api: &Api, text: &str) -> Answer {
    api.raw("POST /v1/import", &[("content-type", "text/csv; charset=utf-8")], text.to_owned()).await
}

fn counts(created: u64, updated: u64, unchanged: u64) -> Value {
    json!({"created": created, "updated": updated, "unchanged": unchanged})
}

fn written(api: &Api) -> usize {
    api.fake.with(|contents| contents.done.iter().filter(|done| done.contains(".put")).count())
}

#[tokio::test]
async fn json_and_csv_import_the_same_and_repeating_writes_nothing() {
    let (by_json, by_csv) = (Api::new(), Api::new());
    let answers = [by_json.json("POST /v1/import", &json_body()).await, csv(&by_csv, CSV).await];
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let expected = json!({
            "buildings": counts(2, 0, 0), "floors": counts(1, 0, 0), "spaces": counts(2, 0, 0), "sensors": counts(2, 0, 0)
        });
        assert_eq!(answer.json, expected);
    }
    let contents = |api: &Api| {
        api.fake.with(|contents| {
            (contents.buildings.clone(), contents.floors.clone(), contents.spaces.clone(), contents.sensors.clone())
        })
    };
    assert_eq!(contents(&by_json), contents(&by_csv));

    let before = written(&by_csv);
    let again = csv(&by_csv, CSV).await.json;
    let expected = json!({
        "buildings": counts(0, 0, 2), "floors": counts(0, 0, 1), "spaces": counts(0, 0, 2), "sensors": counts(0, 0, 2)
    });
    assert_eq!(again, expected);
    assert_eq!(written(&by_csv), before);
}

#[tokio::test]
async fn what_is_not_said_stays_and_what_is_said_changes() {
    let api = Api::new();
    csv(&api, CSV).await;
    let next = "building_ref_id,space_ref_id,sensor_id,space_name\nb,t,x,Lovelace\n";
    let answer = csv(&api, next).await.json;
    assert_eq!(answer["spaces"], counts(0, 1, 0));
    assert_eq!(answer["sensors"], counts(0, 1, 0), "moved");
    assert_eq!(answer["buildings"], counts(0, 0, 1));
    let old = api.call("GET /v1/buildings/b/spaces/s").await.json;
    assert_eq!((&old["name"], &old["sensor_ids"]), (&json!("Turing, big"), &json!(["y"])));
    assert_eq!(api.call("GET /v1/buildings/b/spaces/t").await.json["sensor_ids"], json!(["x"]));
    assert_eq!(api.call("GET /v1/buildings/b").await.json["name"], "HQ");
}

#[tokio::test]
async fn every_mistake_in_json_is_listed_and_nothing_is_written() {
    let api = Api::new();
    let body = json!({"buildings": [
        {"building_ref_id": "b", "nam": "x", "spaces": [
            {"space_ref_id": "s", "floor_ref_id": "f", "sensors": [{"sensor_id": "x"}, {"sensor_id": 1}]},
            {"space_ref_id": "t", "sensors": [{"sensor_id": "x"}]},
            {"name": ""}
        ]},
        {"floors": [{"floor_ref_id": "a/b"}]},
        {"building_ref_id": "b", "name": "one"},
        {"building_ref_id": "b", "name": "two"}
    ]});
    let refused = api.json("POST /v1/import", &body).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (422, "invalid-fields"));
    let mut places: Vec<_> = refused.errors().into_iter().map(|(place, _)| place).collect();
    places.sort();
    let expected = [
        "/buildings/0/nam",
        "/buildings/0/spaces/0/sensors/1/sensor_id",
        "/buildings/0/spaces/1/sensors/0",
        "/buildings/0/spaces/2/name",
        "/buildings/0/spaces/2/space_ref_id",
        "/buildings/1/building_ref_id",
        "/buildings/1/floors/0/floor_ref_id",
        "/buildings/3/name",
    ];
    assert_eq!(places, expected);
    assert_eq!(written(&api), 0);

    let floor =
        json!({"buildings": [{"building_ref_id": "b", "spaces": [{"space_ref_id": "s", "floor_ref_id": "f"}]}]});
    let refused = api.json("POST /v1/import", &floor).await;
    assert_eq!(refused.errors()[0].0, "/buildings/0/spaces/0/floor_ref_id");
    assert_eq!(written(&api), 0);
}

#[tokio::test]
async fn every_mistake_in_csv_is_listed_by_line_and_nothing_is_written() {
    let api = Api::new();
    let text = "building_ref_id,building_name,floor_ref_id,floor_name,space_ref_id,sensor_id
b,one,f,,s,x
b,two,,Lost,,y
,,,,s,
b,,g,,s,
b,,,,t,x
b,,
b/1,,,,,
";
    let refused = csv(&api, text).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    let mut places: Vec<_> = refused.errors().into_iter().map(|(place, _)| place).collect();
    places.sort();
    let expected = [
        "3/building_name",
        "3/floor_ref_id",
        "3/space_ref_id",
        "4/building_ref_id",
        "5/floor_ref_id",
        "6/sensor_id",
        "7/",
        "8/building_ref_id",
    ];
    assert_eq!(places, expected, "{}", refused.text);
    assert_eq!(written(&api), 0);

    let header = csv(&api, "buildng_ref_id,space_ref_id,space_ref_id\n").await.errors();
    assert_eq!(header.len(), 3, "{header:?}");
    assert!(header[0].1.contains("did you mean 'building_ref_id'?"));
}

#[tokio::test]
async fn limits_are_named() {
    let api = Api::new();
    let lines = |count: usize, line: fn(usize) -> String| {
        (0..count).fold("building_ref_id,space_ref_id,sensor_id\n".to_owned(), |text, number| text + &line(number))
    };
    let table = [
        (lines(201, |n| format!("b{n},,\n")), "at most 200"),
        (lines(201, |n| format!("b,s{n},\n")), "at most 200"),
        (lines(2_001, |n| format!("b,s{},x{n}\n", n / 10)), "at most 2000"),
        (lines(101, |n| format!("b,s,x{n}\n")), "at most 100"),
    ];
    for (text, limit) in table {
        let refused = csv(&api, &text).await;
        assert_eq!(refused.status, 422);
        assert!(refused.text.contains(limit), "{limit}: {}", refused.text);
    }
    assert_eq!(csv(&api, &"x".repeat(4 * 1024 * 1024 + 1)).await.problem(), "body-too-large");
    assert_eq!(api.raw("POST /v1/import", &[("content-type", "text/plain")], "x").await.status, 415);
    let very_wrong = csv(&api, &lines(1_000, |_| "b?,,\n".to_owned())).await;
    assert_eq!(very_wrong.errors().len(), 201, "the first 200, and how many more");
    assert_eq!(written(&api), 0);
}

#[tokio::test]
async fn an_import_that_breaks_off_goes_on_when_repeated() {
    let api = Api::new();
    api.fake.with(|contents| contents.failing.insert("space.put_with_sensors", false));
    assert_eq!(csv(&api, CSV).await.status, 503);
    api.fake.with(|contents| contents.failing.clear());
    let answer = csv(&api, CSV).await.json;
    assert_eq!((&answer["buildings"], &answer["spaces"]), (&counts(0, 0, 2), &counts(2, 0, 0)));
}
