//! What all operations with a key have in common: how the key stands with its limit, being refused for it, and, of POST,
//! being done once.

use crate::idempotency::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED};
use crate::problem::Kind;
use spacehook_domain::idempotency::KEY_LIMIT;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{Components, OpenApi, Ref, RefOr, Required};

/// How a key stands with its limit, in headers of every answer.
const RATE: [(&str, &str); 3] = [
    ("ratelimit-limit", "Requests that the key may make in a minute"),
    ("ratelimit-remaining", "Requests that it may still make in this minute"),
    ("ratelimit-reset", "Seconds until the next minute"),
];
const RETRY_AFTER: &str = "retry-after";

/// Adds them to a document whose problems by status are there.
pub(super) fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    describe(components);
    for item in document.paths.paths.values_mut() {
        let is_post = item.post.is_some();
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for (place, operation) in operations.into_iter().enumerate() {
            let Some(operation) = operation.as_mut().filter(|operation| operation.security.is_some()) else { continue };
            add_to(operation, is_post && place == 2);
        }
    }
}

fn describe(components: &mut Components) {
    for (name, description) in RATE {
        components.headers.insert(name.to_owned(), RefOr::T(number(description)));
    }
    let replayed = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["true"])).build()))
        .description(Some("There where the answer is that of an earlier request with this `Idempotency-Key`"));
    components.headers.insert(IDEMPOTENCY_REPLAYED.to_string(), RefOr::T(replayed.build()));
    components.parameters.insert(IDEMPOTENCY_KEY.to_string(), RefOr::T(idempotency_key()));

    let mut describe = |kind: Kind, description: &str| {
        if let Some(RefOr::T(response)) = components.responses.get_mut(kind.name()) {
            description.clone_into(&mut response.description);
        }
    };
    describe(
        Kind::ScopeMissing,
        "The API key may not do this (`scope-missing`), or its tenant is suspended (`tenant-suspended`)",
    );
    describe(
        Kind::IdempotencyConflict,
        "The `Idempotency-Key` was another request's (`idempotency-conflict`), its request is under way \
         (`idempotency-in-progress`), or was done and its answer is gone (`idempotency-answer-not-kept`)",
    );
    for response in components.responses.values_mut() {
        if let RefOr::T(response) = response {
            add_rate(response);
        }
    }
    if let Some(RefOr::T(response)) = components.responses.get_mut(Kind::RateLimited.name()) {
        response.headers.insert(RETRY_AFTER.to_owned(), RefOr::T(number("Seconds until the next minute")));
    }
}

fn number(description: &str) -> Header {
    let whole =
        ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    HeaderBuilder::new().schema(Some(whole.minimum(Some(0)).build())).description(Some(description)).build()
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(KEY_LIMIT));
    ParameterBuilder::new()
        .name(IDEMPOTENCY_KEY.as_str())
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Has the request done once, however often it is sent within 24 hours: repeats get the answer of the first. A \
             name of the client's own for it, such as a UUID; visible ASCII.",
        ))
        .schema(Some(text.pattern(Some("^[!-~]+$")).build()))
        .build()
}

fn add_to(operation: &mut Operation, is_post: bool) {
    let refer = |kind: Kind| RefOr::Ref(Ref::from_response_name(kind.name()));
    let responses = &mut operation.responses.responses;
    responses.entry("429".to_owned()).or_insert_with(|| refer(Kind::RateLimited));
    if is_post {
        let parameter = Ref::new(format!("#/components/parameters/{IDEMPOTENCY_KEY}"));
        operation.parameters.get_or_insert_default().push(RefOr::Ref(parameter));
        responses.entry("400".to_owned()).or_insert_with(|| refer(Kind::InvalidParameters));
        responses
            .entry("409".to_owned())
            .and_modify(|response| {
                if let RefOr::T(response) = response {
                    response.description.push_str("; or the `Idempotency-Key` stands in the way");
                }
            })
            .or_insert_with(|| refer(Kind::IdempotencyConflict));
    }
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        add_rate(response);
        if is_post && (status.starts_with('2') || status.starts_with('4')) {
            let replayed = Ref::new(format!("#/components/headers/{IDEMPOTENCY_REPLAYED}"));
            response.headers.insert(IDEMPOTENCY_REPLAYED.to_string(), RefOr::Ref(replayed));
        }
    }
}

fn add_rate(response: &mut Response) {
    for (name, _) in RATE {
        let header = Ref::new(format!("#/components/headers/{name}"));
        response.headers.insert(name.to_owned(), RefOr::Ref(header));
    }
}
