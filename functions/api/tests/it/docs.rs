//! The documentation for people, and what the document has for it: examples, links, headers.

use crate::client::Api;
use serde_json::Value;
use std::collections::BTreeSet;

/// A line for each thing that an operation of the document lacks.
fn lacking(path: &str, method: &str, operation: &Value, tags: &BTreeSet<&str>, shared: &Value) -> Vec<String> {
    let mut lacking = Vec::new();
    let mut want = |is_there: bool, what: &str| {
        if !is_there {
            lacking.push(format!("{method} {path}: {what}"));
        }
    };
    let described = operation["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    want(described.clone().count() == 1, "one tag");
    want(described.into_iter().all(|tag| tags.contains(tag)), "a description of its tag");
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name_of_shared = parameter["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        let parameter = name_of_shared.map_or(parameter, |name| &shared[name]);
        let name = &parameter["name"];
        want(parameter["description"].is_string(), &format!("a description of {name}"));
        want(parameter["in"] != "path" || parameter.get("example").is_some(), &format!("an example of {name}"));
    }
    let contents = |of: &Value| of["content"].as_object().cloned().unwrap_or_default();
    for (media, content) in contents(&operation["requestBody"]) {
        want(content.get("example").is_some(), &format!("an example of the request as {media}"));
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let is_shared = response.get("$ref").is_some();
        want(is_shared || response["headers"]["x-request-id"].is_object(), &format!("the headers of {status}"));
        for (media, content) in contents(response) {
            want(content.get("example").is_some(), &format!("an example of {status} as {media}"));
        }
    }
    lacking
}

#[test]
fn every_operation_has_examples_and_descriptions() {
    let document = spacehook_api::openapi::document();
    let tags = document["tags"].as_array().into_iter().flatten();
    let tags = tags.filter(|tag| tag["description"].is_string()).filter_map(|tag| tag["name"].as_str()).collect();
    let mut missing = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            missing.extend(lacking(path, method, operation, &tags, &document["components"]["parameters"]));
        }
    }
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let example = &response["content"]["application/problem+json"]["example"];
        if example["type"] != format!("/problems/{name}") {
            missing.push(format!("an example of the problem {name}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test]
async fn the_page_loads_its_own_files_and_nothing_else() {
    let api = Api::new();
    let page = api.raw("GET /docs", &[("authorization", "")], "").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!((page.header("x-content-type-options"), page.header("referrer-policy")), ("nosniff", "no-referrer"));
    assert_eq!(page.header("cache-control"), "public, max-age=300");

    let mut loaded = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        let found = page.text.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
        loaded.extend(found.filter(|path| !path.starts_with('#')).map(str::to_owned));
    }
    loaded.sort_unstable();
    assert_eq!(loaded, ["docs/page.css", "docs/page.js", "openapi.json"]);
    for (path, content_type) in [("docs/page.js", "text/javascript"), ("docs/page.css", "text/css")] {
        let file = api.raw(&format!("GET /{path}"), &[("authorization", "")], "").await;
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(file.header("content-type"), format!("{content_type}; charset=utf-8"));
        assert_eq!(file.header("content-security-policy"), policy);
        assert!(!file.text.contains("://"), "{path} names another place");
        assert!(!file.text.contains("innerHTML"), "{path} sets what it shows as HTML");
    }
    assert_eq!(api.call("GET /docs/page.html").await.status, 404);
}
