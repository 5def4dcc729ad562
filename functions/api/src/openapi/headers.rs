//! Headers that answers have whatever the operation.

use super::each_operation;
use serde_json::{Value, json};

const REQUEST_ID: &str = "x-request-id";

/// Headers by the status of the answers that have them.
const OF_STATUS: [(&str, &str, &str); 2] = [
    ("401", "www-authenticate", "How to authenticate (RFC 9110)."),
    ("503", "retry-after", "Seconds to wait before trying again."),
];

/// Adds the headers to each answer that has them.
pub(super) fn add(document: &mut Value) {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}, "required": true});
    document["components"]["headers"][REQUEST_ID] = text("The id of the request; quote it when asking for help.");
    let shared = json!({"$ref": format!("#/components/headers/{REQUEST_ID}")});
    let add = |status: &str, response: &mut Value| {
        if response.get("$ref").is_some() {
            return;
        }
        response["headers"][REQUEST_ID] = shared.clone();
        for (_, name, description) in OF_STATUS.iter().filter(|(of, ..)| *of == status) {
            response["headers"][*name] = text(description);
        }
    };
    each_operation(document, |_, _, operation| {
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            add(status, response);
        }
    });
    for response in document["components"]["responses"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        let status = response["content"]["application/problem+json"]["example"]["status"].to_string();
        add(&status, response);
    }
}
