//! All routes, and the document that is made of them.
//!
//! Every route is registered together with its description ([`crate::operations`]). What is the same for all operations
//! (which problems there can be) is added here once, and so is what rules say better than people: examples, links, headers
//! and the forms of names. The document is checked in as `openapi.json` and served as it is:
//! making it costs a cold start nothing. A test compares it with the code; `REGENERATE=1 cargo test -p spacehook-api
//! --test it openapi` writes it anew.

mod conventions;
mod examples;
mod forms;
mod headers;
mod links;

use crate::problem::{Kind, Problem, ProblemDocument};
use crate::{
    App, contacts, docs, event_types, explain, idempotency, import, kept_events, keys, observe, profiles, publish,
    registry, subscriptions, system, tenants,
};
use axum::Router;
use axum::middleware::from_fn_with_state;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

/// The document that is served.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// What happened: a type of Spacehook's, or one that the tenant has registered (`GET /v1/event-types` lists both).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(
    format = "event-type",
    max_length = 64,
    pattern = r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$",
    example = "space_report"
)]
pub struct EventTypeName(pub String);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Spacehook management API",
        description = "Subscriptions to events of buildings' sensors (webhooks), the places and sensors they are about, \
                       and what became of deliveries.\n\nSend `Authorization: Bearer` and an API key; the key says \
                       which tenant it is for, and the scope that an operation needs stands at its security \
                       requirement. Errors are problem documents (RFC 9457) that list everything wrong with a request \
                       at once. Lists come in pages: give `next_cursor` of one as `cursor` of the next. Times are UTC \
                       by RFC 3339. Fields and parameters that are not known are refused. A POST with an \
                       `Idempotency-Key` is done once, however often it is sent within 24 hours. A key may make so \
                       many requests a minute; `ratelimit-limit`, `ratelimit-remaining` and `ratelimit-reset` say how it stands.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "subscriptions", description = "Who wants which events where: what a user calls their webhook"),
        (name = "deliveries", description = "What became of events that were sent"),
        (name = "events", description = "What happened: published here, or kept from the last days"),
        (name = "places", description = "Buildings, floors and spaces"),
        (name = "sensors", description = "Sensors and the spaces they report on"),
        (name = "profiles", description = "How messages of vendors become readings"),
        (name = "event types", description = "What kinds of things happen, and what their events look like"),
        (name = "api keys", description = "Keys of this API"),
        (name = "tenants", description = "Customers of this deployment, and how much each may have"),
        (name = "system", description = "What needs no key"),
    ),
    components(schemas(ProblemDocument)),
)]
struct Described;

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Described::openapi())
        .merge(subscriptions::described())
        .merge(contacts::described())
        .merge(registry::described())
        .merge(import::described())
        .merge(keys::described())
        .merge(tenants::described())
        .merge(tenants::privacy::described())
        .merge(event_types::described())
        .merge(profiles::described())
        .merge(publish::described())
        .merge(kept_events::described())
        .merge(system::described())
        .merge(explain::described())
        .merge(docs::described())
}

/// The API as a service.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(subscriptions::routes())
        .merge(contacts::routes())
        .merge(registry::routes())
        .merge(import::routes())
        .merge(keys::routes())
        .merge(tenants::routes())
        .merge(tenants::privacy::routes())
        .merge(event_types::routes())
        .merge(profiles::routes())
        .merge(profiles::routes_by_verb())
        .merge(publish::routes())
        .merge(kept_events::routes())
        .merge(system::routes())
        .merge(explain::routes())
        .merge(docs::routes())
        .fallback(async || Problem::new(Kind::NotFound, "There is nothing at this path."))
        .method_not_allowed_fallback(async || Problem::new(Kind::MethodNotAllowed, Kind::MethodNotAllowed.meaning()))
        .layer(from_fn_with_state(app.clone(), idempotency::once))
        .layer(from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

/// The document, made of the code: with the forms of texts, examples, links and headers that rules give it.
///
/// Null where `examples.json` or `forms.json` can't be read, which every test of the document notices.
pub fn document() -> Value {
    made().unwrap_or_default()
}

fn made() -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(assembled())?;
    forms::add(&mut document)?;
    examples::add(&mut document)?;
    links::add(&mut document);
    headers::add(&mut document);
    Ok(document)
}

/// Visits the operations of a document, each with its path and its method.
fn each_operation(document: &mut Value, mut visit: impl FnMut(&str, &str, &mut Value)) {
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            visit(path, method, operation);
        }
    }
}

/// What the descriptions of the operations say, and which problems there can be.
fn assembled() -> utoipa::openapi::OpenApi {
    let (_, mut document) = described().split_for_parts();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("shk_…");
    let bearer = bearer.description(Some("An API key; scopes are admin, write, read, publish and operator."));
    components.add_security_scheme("api_key", SecurityScheme::Http(bearer.build()));
    for kind in Kind::ALL {
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new().description(kind.title()).content("application/problem+json", content);
        components.responses.insert(kind.name().to_owned(), RefOr::T(response.build()));
    }
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            add_problems(path, operation);
        }
    }
    conventions::add(&mut document);
    document
}

/// The problems that an operation can have by what it takes.
fn add_problems(path: &str, operation: &mut Operation) {
    let mut kinds = vec![Kind::Internal];
    if operation.security.is_some() {
        kinds.extend([Kind::Unauthenticated, Kind::ScopeMissing, Kind::Unavailable]);
    }
    if path.contains('{') {
        kinds.push(Kind::NotFound);
    }
    let is_checked = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.parameter_in != ParameterIn::Header,
        RefOr::Ref(_) => true,
    };
    if operation.parameters.iter().flatten().any(is_checked) {
        kinds.push(Kind::InvalidParameters);
    }
    if operation.request_body.is_some() {
        kinds.extend([Kind::MalformedRequest, Kind::BodyTooLarge, Kind::UnsupportedMediaType, Kind::InvalidFields]);
    }
    for kind in kinds {
        let status = kind.status().as_u16().to_string();
        let problem = || RefOr::Ref(Ref::from_response_name(kind.name()));
        operation.responses.responses.entry(status).or_insert_with(problem);
    }
}
