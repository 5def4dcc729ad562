//! All routes, and the document that is made of them.
//!
//! Every route is registered together with its description ([`crate::operations`]). What is the same for all operations
//! (which problems there can be) is added here once. The document is checked in as `openapi.json` and served as it is:
//! making it costs a cold start nothing. A test compares it with the code; `REGENERATE=1 cargo test -p spacehook-api
//! --test it openapi` writes it anew.

use crate::problem::{Kind, Problem, ProblemDocument};
use crate::{App, contacts, import, keys, observe, registry, subscriptions, system};
use axum::Router;
use axum::middleware::from_fn_with_state;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

/// The document that is served.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventType)]
pub enum EventTypeName {
    /// A new reading of a space: everything its sensors say together.
    SpaceReport,
    /// A space became available or occupied.
    SpaceAvailability,
    /// None of the sensors of a space has been heard of lately.
    SpaceStale,
    /// A sensor has sent no reading for a while.
    SensorReadingStale,
    /// A device is there again.
    DeviceHealthStatusOnline,
    /// A device has not been heard of for a while, or its connection broke.
    DeviceHealthStatusLostCommunication,
    /// A device has not been heard of for a long while.
    DeviceHealthStatusOffline,
    /// Another subscription was enabled.
    SubscriptionEnabled,
    /// Another subscription was disabled.
    SubscriptionDisabled,
    /// Many attempts of another subscription fail.
    SubscriptionFailing,
    /// The attempts of another subscription that was failing are accepted again.
    SubscriptionRecovered,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Spacehook management API",
        description = "Subscriptions to events of buildings' sensors (webhooks), the places and sensors they are about, \
                       and what became of deliveries.\n\nSend `Authorization: Bearer` and an API key; the key says \
                       which tenant it is for, and the scope that an operation needs stands at its security \
                       requirement. Errors are problem documents (RFC 9457) that list everything wrong with a request \
                       at once. Lists come in pages: give `next_cursor` of one as `cursor` of the next. Times are UTC \
                       by RFC 3339. Fields that are not known are refused.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "subscriptions", description = "Who wants which events where: what a user calls their webhook"),
        (name = "deliveries", description = "What became of events that were sent"),
        (name = "places", description = "Buildings, floors and spaces"),
        (name = "sensors", description = "Sensors and the spaces they report on"),
        (name = "api keys", description = "Keys of this API"),
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
        .merge(system::described())
}

/// The API as a service.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(subscriptions::routes())
        .merge(contacts::routes())
        .merge(registry::routes())
        .merge(import::routes())
        .merge(keys::routes())
        .merge(system::routes())
        .fallback(async || Problem::new(Kind::NotFound, "There is nothing at this path."))
        .method_not_allowed_fallback(async || Problem::new(Kind::MethodNotAllowed, Kind::MethodNotAllowed.meaning()))
        .layer(from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

/// The document, made of the code.
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = described().split_for_parts();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("shk_…");
    let bearer = bearer.description(Some("An API key; scopes are admin, write, read and publish."));
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
