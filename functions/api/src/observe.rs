//! What is the same for every request: its id, its problem document, its line in the log.

use crate::App;
use crate::auth::Caller;
use crate::problem::{Kind, Problem};
use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use lambda_http::request::RequestContext;
use spacehook_domain::request_rate::Rate;
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATE_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What was observed of a request; the response has it as an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The request's id.
    pub request_id: String,
    /// The status it was answered with.
    pub status: u16,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Where the authorization leaves who calls, for the log.
#[derive(Debug, Clone, Default)]
pub struct CallerSlot(Arc<OnceLock<(String, String)>>);

impl CallerSlot {
    /// Leaves who calls.
    pub fn fill(&self, caller: &Caller) {
        // Filled once a request; a second time would say the same.
        let _ = self.0.set((caller.tenant.to_string(), caller.key_id.clone()));
    }

    fn tenant_and_key(&self) -> (&str, &str) {
        self.0.get().map_or(("", ""), |(tenant, key)| (tenant, key))
    }
}

/// Where the authorization leaves how a key stands with its limit, for the headers of the answer.
#[derive(Debug, Clone, Default)]
pub struct RateSlot(Arc<OnceLock<Rate>>);

impl RateSlot {
    /// Leaves it.
    pub fn fill(&self, rate: Rate) {
        // Filled once a request.
        let _ = self.0.set(rate);
    }
}

/// The id of a request; an extension of it.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Runs a request: gives it its id, writes its problem, logs one line. Neither bodies nor headers are logged, and the
/// path only as its template, since a path names a customer's own things.
pub async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = (app.clock)();
    let request_id = request_id(&request, &app);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let slot = CallerSlot::default();
    let rate = RateSlot::default();
    request.extensions_mut().insert(slot.clone());
    request.extensions_mut().insert(rate.clone());
    request.extensions_mut().insert(RequestId(request_id.clone()));

    let mut response = with_document(next.run(request).await, &request_id);
    add_headers(response.headers_mut(), &request_id, rate.0.get());

    let duration_ms = (app.clock)().duration_since(started).as_millis();
    let duration_ms = u64::try_from(duration_ms).unwrap_or_default();
    let (tenant, key_id) = slot.tenant_and_key();
    let status = response.status().as_u16();
    tracing::info!(%method, route, status, duration_ms, tenant, key_id, request_id, "request {request_id}: {status}");
    response.extensions_mut().insert(Observed { request_id, status, duration_ms });
    response
}

/// API Gateway's own id of the request, so that its access log and ours can be joined; else a new one.
fn request_id(request: &Request, app: &App) -> String {
    let gateway = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    gateway.unwrap_or_else(|| app.random_id().as_ref().map_or_else(|_| String::new(), Uuid::to_string))
}

/// Writes the problem that a handler returned, unless it is written; an error without one gets the problem of its status.
pub fn with_document(mut response: Response, request_id: &str) -> Response {
    let status = response.status();
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if response.headers().get(CONTENT_TYPE) == Some(&PROBLEM_JSON) => return response,
        None if status.is_client_error() || status.is_server_error() => {
            let kind = Kind::from(status);
            Problem::new(kind, kind.meaning())
        }
        None => return response,
    };
    let mut written = (problem.kind().status(), Json(problem.into_document(request_id))).into_response();
    for (name, value) in response.headers() {
        if name != CONTENT_TYPE && name != http::header::CONTENT_LENGTH {
            written.headers_mut().insert(name, value.clone());
        }
    }
    written.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
    written
}

/// Adds the request's id, how the key stands with its limit, and that nothing may be kept by a cache: answers are for one
/// key.
fn add_headers(headers: &mut HeaderMap, request_id: &str, rate: Option<&Rate>) {
    if let Some(rate) = rate {
        headers.insert(RATE_LIMIT, HeaderValue::from(rate.limit));
        headers.insert(RATE_REMAINING, HeaderValue::from(rate.remaining()));
        headers.insert(RATE_RESET, HeaderValue::from(rate.reset_s));
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
