//! API Gateway's events, as they are in `events/`, through the service that the Lambda runtime calls.

use crate::client::Api;
use crate::fake::ADMIN_KEY;
use lambda_http::LambdaEvent;
use lambda_http::request::LambdaRequest;
use serde_json::{Value, json};
use spacehook_api::lambda;
use tower::{Service as _, ServiceExt as _};

const CREATE: &str = include_str!("../../../../events/api-create-subscription.json");
const LIST: &str = include_str!("../../../../events/api-list-subscriptions.json");
const IMPORT: &str = include_str!("../../../../events/api-import-csv.json");
const HEALTH: &str = include_str!("../../../../events/api-health.json");

/// The event with the key that the tests have in place of the sample's.
fn event(text: &str) -> Value {
    serde_json::from_str(&text.replace("REPLACE_WITH_THE_ADMIN_KEY", ADMIN_KEY)).unwrap()
}

async fn invoke(api: &Api, event: &Value) -> Value {
    let request: LambdaRequest = serde_json::from_value(event.clone()).unwrap();
    let mut service = lambda::service(api.router.clone());
    let response =
        service.ready().await.unwrap().call(LambdaEvent::new(request, lambda_http::Context::default())).await;
    serde_json::to_value(response.unwrap()).unwrap()
}

fn body(answer: &Value) -> Value {
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn the_samples_do_what_they_are_named_for() {
    let api = Api::new();
    let created = invoke(&api, &event(CREATE)).await;
    assert_eq!(created["statusCode"], 201, "{created}");
    let listed = invoke(&api, &event(LIST)).await;
    assert_eq!(body(&listed)["data"][0]["id"], body(&created)["id"]);
    let imported = invoke(&api, &event(IMPORT)).await;
    assert_eq!(body(&imported)["sensors"]["created"], 2, "{imported}");
    let health = invoke(&api, &event(HEALTH)).await;
    assert_eq!(body(&health)["status"], "ok");
}

#[tokio::test]
async fn the_gateways_request_id_is_ours() {
    let api = Api::new();
    let mut unknown = event(LIST);
    unknown["rawPath"] = json!("/v1/nothing");
    let answer = invoke(&api, &unknown).await;
    let id = unknown["requestContext"]["requestId"].as_str().unwrap();
    assert_eq!((&answer["statusCode"], &answer["headers"]["x-request-id"]), (&json!(404), &json!(id)));
    assert_eq!(body(&answer)["request_id"], id);
}

#[tokio::test]
async fn paths_and_queries_that_no_uri_has_are_answered() {
    let api = Api::new();
    let table = [
        // As API Gateway gives them, decoded; and as they would be if it did not.
        ("/v1/buildings/Salle é", "", 404),
        ("/v1/buildings/Salle%20%C3%A9", "", 404),
        ("/v1/buildings/a#b", "", 400),
        ("/v1/buildings/a?b", "", 400),
        ("/v1/buildings/a\\b", "", 400),
        ("/v1/buildings/a\nb", "", 400),
        ("/v1/subscriptions", "limit={1}", 400),
        ("/v1/subscriptions", "cursor=\"<é>\"", 400),
        ("/v1/subscriptions", "limit=5", 200),
        ("/v1/subscriptions", "%zz", 400),
        ("/v1/subscriptions/", "", 404),
        ("//v1/subscriptions", "", 404),
        ("", "", 404),
    ];
    for (path, query, expected) in table {
        let mut request = event(LIST);
        request["rawPath"] = json!(path);
        request["requestContext"]["http"]["path"] = json!(path);
        request["rawQueryString"] = json!(query);
        let answer = invoke(&api, &request).await;
        assert_eq!(answer["statusCode"], expected, "{path}?{query}: {answer}");
    }
}
