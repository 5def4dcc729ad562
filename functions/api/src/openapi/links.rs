//! Links from what an operation answers to the operations that go on with it, by the shape of paths.
//!
//! What makes a thing (`POST` on a collection, `PUT` on a thing) leads to every operation on that thing and on what
//! belongs to it; a list leads to the thing that it lists first. A parameter that both paths have is the same in both.

use super::each_operation;
use serde_json::{Map, Value, json};

/// An operation, as far as links go.
struct Target {
    path: String,
    method: String,
    id: String,
}

/// Adds the links.
pub(super) fn add(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let mut targets = Vec::new();
    each_operation(document, |path, method, operation| {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        targets.push(Target { path: path.to_owned(), method: method.to_owned(), id });
    });
    each_operation(document, |path, method, operation| {
        for status in ["200", "201", "202"] {
            let Some(response) = operation["responses"].get_mut(status) else { continue };
            let schema = response["content"]["application/json"]["schema"].clone();
            let links: Map<_, _> = match method {
                "post" if status != "200" => made(&targets, path, |name| field_of(&schemas, &schema, name)),
                "put" if path.contains('{') => put(&targets, path),
                "get" => listed(&targets, path, &schemas, &schema),
                _ => Map::new(),
            };
            if !links.is_empty() {
                response["links"] = Value::Object(links);
            }
        }
    });
}

/// What leads from a new thing to the operations on it.
fn made<'a>(targets: &'a [Target], collection: &str, field: impl Fn(&'a str) -> Option<&'a str>) -> Map<String, Value> {
    let mut links = Map::new();
    for target in targets {
        let Some(name) = first_parameter_below(collection, &target.path) else { continue };
        let field = field(name).filter(|_| has_one_parameter_more(collection, &target.path));
        if let Some(field) = field {
            let source = format!("$response.body#/{field}");
            links.insert(target.id.clone(), link(target, collection, Some((name, source))));
        }
    }
    links
}

/// What leads from a thing that was put to the other operations on it.
fn put(targets: &[Target], thing: &str) -> Map<String, Value> {
    let of_thing = targets.iter().filter(|target| {
        let rest = target.path.strip_prefix(thing);
        rest.is_some_and(|rest| (rest.is_empty() || rest.starts_with('/')) && !rest.contains('{'))
    });
    of_thing
        .filter(|target| target.method != "put")
        .map(|target| (target.id.clone(), link(target, thing, None)))
        .collect()
}

/// What leads from a list to the first thing in it.
fn listed(targets: &[Target], list: &str, schemas: &Value, schema: &Value) -> Map<String, Value> {
    let item = resolved(schemas, schema)["properties"]["data"]["items"].clone();
    if item.is_null() {
        return Map::new();
    }
    let thing = targets.iter().find_map(|target| {
        let name = first_parameter_below(list, &target.path)?;
        let is_thing = target.method == "get" && target.path == format!("{list}/{{{name}}}");
        let field = field_of(schemas, &item, name).filter(|_| is_thing)?;
        Some((target, name, field))
    });
    let link = |(target, name, field): (&Target, &str, &str)| {
        let source = format!("$response.body#/data/0/{field}");
        (target.id.clone(), link(target, list, Some((name, source))))
    };
    thing.map(link).into_iter().collect()
}

fn link(target: &Target, from: &str, found: Option<(&str, String)>) -> Value {
    let mut parameters = Map::new();
    for name in parameters_of(from) {
        parameters.insert(name.to_owned(), json!(format!("$request.path.{name}")));
    }
    parameters.extend(found.map(|(name, source)| (name.to_owned(), Value::String(source))));
    json!({"operationId": target.id, "parameters": parameters})
}

fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

/// The name in `/things/{name}…`, for the collection `/things`.
fn first_parameter_below<'a>(collection: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(collection)?.strip_prefix("/{")?.split('}').next()
}

fn has_one_parameter_more(collection: &str, path: &str) -> bool {
    parameters_of(path).count() == parameters_of(collection).count() + 1
}

fn resolved<'a>(schemas: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    name.map_or(schema, |name| &schemas[name])
}

/// The field of what has this schema that a parameter of this name takes: of the same name, or `id` for `job_id`.
fn field_of<'a>(schemas: &Value, schema: &Value, name: &'a str) -> Option<&'a str> {
    let candidates = [Some(name), name.ends_with("_id").then_some("id")];
    candidates.into_iter().flatten().find(|field| has(schemas, schema, field))
}

/// True if what has this schema has this field, always.
fn has(schemas: &Value, schema: &Value, name: &str) -> bool {
    let schema = resolved(schemas, schema);
    let is_required = schema["required"].as_array().into_iter().flatten().any(|field| field == name);
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    is_required || parts.any(|part| has(schemas, part, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(document: &Value, path: &str, method: &str, status: &str) -> Vec<String> {
        let links = document["paths"][path][method]["responses"][status]["links"].as_object();
        links.into_iter().flatten().map(|(name, link)| format!("{name} {}", link["parameters"])).collect()
    }

    #[test]
    fn paths_say_what_leads_where() {
        let document = crate::openapi::document();
        let created = linked(&document, "/v1/subscriptions", "post", "201");
        for operation in ["get_subscription", "update_subscription", "delete_subscription", "list_attempts"] {
            let link = format!(r#"{operation} {{"id":"$response.body#/id"}}"#);
            assert!(created.contains(&link), "{operation} in {created:?}");
        }
        assert!(!created.iter().any(|link| link.starts_with("get_dead_delivery")), "{created:?}");
        let listed = linked(&document, "/v1/subscriptions/{id}/dead-deliveries", "get", "200");
        let expected = r#"get_dead_delivery {"id":"$request.path.id","event_id":"$response.body#/data/0/event_id"}"#;
        assert_eq!(listed, [expected]);
        let put = linked(&document, "/v1/buildings/{building_ref_id}", "put", "201");
        let expected = r#"delete_building {"building_ref_id":"$request.path.building_ref_id"}"#;
        assert!(put.iter().any(|link| link == expected), "{put:?}");
    }
}
