//! What an operation does not know is refused rather than passed over: parameters of the query, and `If-Match`.
//!
//! Which operations take a query, or a precondition, the document of the API says, and a test holds it to the code. It is
//! looked into only for requests that have one of the two, and read at the first of them. Operations that take
//! parameters check them by themselves, all at once ([`crate::page`]).

use crate::openapi::DOCUMENT;
use crate::precondition::Precondition;
use crate::problem::{FieldError, Problem};
use axum::extract::{FromRequestParts as _, MatchedPath, Query};
use http::Method;
use http::request::Parts;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The part of the document that is looked into.
#[derive(Debug, Default, Deserialize)]
struct Document {
    paths: HashMap<String, HashMap<String, Operation>>,
}

#[derive(Debug, Default, Deserialize)]
struct Operation {
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameter {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "in")]
    place: String,
}

/// A document that can't be read refuses nothing; a test reads it.
static OPERATIONS: LazyLock<Document> = LazyLock::new(|| serde_json::from_str(DOCUMENT).unwrap_or_default());

impl Operation {
    fn takes_queries(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.place == "query")
    }

    fn takes_preconditions(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.place == "header" && parameter.name == "if-match")
    }
}

/// Refuses what the operation of a request does not know.
pub(crate) async fn check(parts: &mut Parts) -> Result<(), Problem> {
    let has_query = parts.uri.query().is_some_and(|query| !query.is_empty());
    // Which reads no state, and so can't fail.
    let Ok(precondition) = Precondition::from_request_parts(parts, &()).await;
    if !has_query && !precondition.is_strict() {
        return Ok(());
    }
    let Some(operation) = operation(parts) else { return Ok(()) };
    if has_query && !operation.takes_queries() {
        return Err(unknown_parameters(parts));
    }
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    if changes && precondition.is_strict() && !operation.takes_preconditions() {
        // As the standard has it for what has no entity tag: no tag is its own.
        return Err(Precondition::unknown());
    }
    Ok(())
}

fn operation(parts: &Parts) -> Option<&'static Operation> {
    let path = parts.extensions.get::<MatchedPath>()?;
    let method = if parts.method == Method::HEAD { "get".to_owned() } else { parts.method.as_str().to_lowercase() };
    OPERATIONS.paths.get(path.as_str())?.get(&method)
}

fn unknown_parameters(parts: &Parts) -> Problem {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map(|query| query.0).unwrap_or_default();
    let error = |(name, _)| FieldError {
        parameter: Some(name),
        detail: "is not known; this operation takes no parameters in the query".to_owned(),
        ..FieldError::default()
    };
    let errors: Vec<_> = pairs.into_iter().map(error).collect();
    if errors.is_empty() {
        return Problem::parameter("query", "can't be read as form-encoded pairs");
    }
    Problem::of_errors(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_what_operations_take() {
        let of = |path: &str, method: &str| &OPERATIONS.paths[path][method];
        assert!(of("/v1/subscriptions", "get").takes_queries());
        assert!(!of("/v1/subscriptions", "post").takes_queries());
        assert!(of("/v1/contacts", "put").takes_preconditions());
        assert!(!of("/v1/import", "post").takes_preconditions());
    }
}
