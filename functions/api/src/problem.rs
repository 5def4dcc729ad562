//! Errors as a client sees them: problem documents by RFC 9457.
//!
//! A handler returns a [`Problem`]; [`crate::observe`] writes it into the answer, together with the request's id.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod causes;
mod kind;

pub use kind::Kind;

/// One thing that is wrong with a request, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where in the JSON body, as a JSON pointer (RFC 6901).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/url")]
    pub pointer: Option<String>,
    /// Which parameter of the path or the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Which line of a CSV body; the header is line 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Which column of a CSV body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong.
    pub detail: String,
    /// The rule of the guard that refused a receiver; stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "loopback")]
    pub rule: Option<String>,
}

/// An error, as it is written into an answer (RFC 9457, `application/problem+json`).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// What kind of problem it is: stable, and a path of this API that explains it.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid-fields")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The id of the request, also in the header `x-request-id`; quote it when asking for help.
    pub request_id: String,
    /// Everything that is wrong with the request, at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

/// A request that could not be done.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of this kind; `detail` says what happened this time.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// There is no such thing, or it is another tenant's: the two look the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("There is no such {what}."))
    }

    /// Something that must not happen did; what exactly goes to the log and not to the client.
    pub fn internal(cause: &str) -> Self {
        tracing::error!(cause, "internal problem");
        Self::new(Kind::Internal, "The request failed for a reason of Spacehook's own. It has been logged.")
    }

    /// Something that is needed does not work now; what exactly goes to the log.
    pub fn unavailable(cause: &str) -> Self {
        tracing::warn!(cause, "unavailable");
        Self::new(Kind::Unavailable, "A service that this request needs does not answer. Try again shortly.")
            .with_header(http::header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// All that is wrong with a request, under the kind that fits it best.
    pub fn of_errors(errors: Vec<FieldError>) -> Self {
        let kind = if errors.iter().any(|error| error.rule.is_some()) {
            Kind::ReceiverRefused
        } else if errors.iter().all(|error| error.parameter.is_some()) {
            Kind::InvalidParameters
        } else {
            Kind::InvalidFields
        };
        let detail = match errors.as_slice() {
            [one] => one.detail.clone(),
            many => format!("{} things are wrong with the request; see `errors`.", many.len()),
        };
        Self { errors, ..Self::new(kind, detail) }
    }

    /// One parameter of the path or the query is wrong.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::of_errors(vec![FieldError {
            parameter: Some(name.to_owned()),
            detail: detail.into(),
            ..FieldError::default()
        }])
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// All that is wrong with the request.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The document for a request of this id.
    pub fn into_document(self, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            kind: self.kind.uri(),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            detail: self.detail,
            request_id: request_id.to_owned(),
            errors: self.errors,
        }
    }
}

impl IntoResponse for Problem {
    /// An answer with an empty body: the problem travels with it to where the request's id is known.
    fn into_response(mut self) -> Response {
        let mut response = self.kind.status().into_response();
        for (name, value) in self.headers.drain(..) {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StatusCode> for Kind {
    /// The kind of an error that no handler made: the framework's own refusals.
    fn from(status: StatusCode) -> Self {
        let same = Self::ALL.into_iter().find(|kind| kind.status() == status);
        same.unwrap_or(if status.is_server_error() { Self::Internal } else { Self::MalformedRequest })
    }
}
