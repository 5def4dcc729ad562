//! Requests that may come twice and shall be done once: `Idempotency-Key` on every POST.
//!
//! A request with a key is claimed before its handler runs, and how it ended is noted after. What a repeat gets is decided
//! by [`spacehook_domain::idempotency::judge`]: the same status, headers and body (with `idempotency-replayed: true`), 409
//! while the first is under way, 409 for another request. Keys are those of one API key: nobody meets another's.
//!
//! **What is kept.** Answers may hold secrets that are shown once, so they are sealed ([`sealing`]) by the API key that the
//! caller presented, of which only a hash is stored: the table alone opens none.
//!
//! **What counts as an answer.** 2xx, and 4xx that would be the same again. Others (5xx, 401, 403, 408, 429) leave the
//! request to be done by a repeat, and so does a function that dies in the middle, once its lease has run out. What such a
//! one did is not undone; a handler that can tell its own repeat uses [`FirstSeen`].

mod sealing;

use crate::App;
use crate::auth::{self, Admitted, Caller};
use crate::observe::{RequestId, with_document};
use crate::problem::{Kind, Problem};
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use sealing::{Answer, Seal};
use spacehook_domain::idempotency::{Claim, Ended, Fingerprint, IdempotencyKey, Verdict};
use spacehook_store::{ANSWER_BYTES_LIMIT, Claimed, RequestPlace};

/// The header that names a request.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Headers of an answer that are the answer's own.
const KEPT_HEADERS: [HeaderName; 3] = [CONTENT_TYPE, ETAG, LOCATION];

/// Under which key a request came, and when it first did. An extension of requests with a key, for handlers that can make
/// what they do the same when it is done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstSeen {
    /// The key.
    pub key: IdempotencyKey,
    /// When a request with it first came.
    pub first_at: Timestamp,
}

/// Does a request once, if it has a key.
pub async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_meant = request.method() == Method::POST
        && request.headers().contains_key(IDEMPOTENCY_KEY)
        && request.extensions().get::<MatchedPath>().is_some();
    if !is_meant {
        return next.run(request).await;
    }
    match begin(&app, request).await {
        Ok(Begun::Answered(response)) => response,
        Ok(Begun::Claimed(claimed, request)) => {
            let response = next.run(request).await;
            claimed.end(&app, response).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// How a request with a key begins.
enum Begun {
    /// It was done before.
    Answered(Response),
    /// It is to be done.
    Claimed(Box<InHand>, Request),
}

/// A request that was claimed.
struct InHand {
    place: RequestPlace,
    claim: Claim,
    seal: Seal,
    request_id: String,
}

async fn begin(app: &App, request: Request) -> Result<Begun, Problem> {
    let (mut parts, body) = request.into_parts();
    let Admitted { caller, .. } = auth::admit(&parts.headers, &mut parts.extensions, app).await?;
    let key = read_key(&parts.headers)?;
    // It is in memory as a whole already: Lambda gives it so. The handler has its own limit.
    let body = axum::body::to_bytes(body, usize::MAX).await;
    let body = body.map_err(|_| Problem::new(Kind::MalformedRequest, "The body can't be read."))?;
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let fingerprint = Fingerprint::of(parts.method.as_str(), path, query, &body);
    let claim = Claim { id: app.random_id()?, fingerprint, at: app.now() };
    let seal = Seal::of(auth::bearer(&parts.headers)?, &key, &claim.fingerprint);
    let place = place(&caller, &key);
    match app.requests.claim_request(&place, &claim).await? {
        Claimed::Yes { first_at } => {
            parts.extensions.insert(FirstSeen { key, first_at });
            let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
            let request = Request::from_parts(parts, Body::from(body));
            Ok(Begun::Claimed(Box::new(InHand { place, claim, seal, request_id }), request))
        }
        Claimed::No(verdict) => repeated(verdict, &seal).map(Begun::Answered),
    }
}

fn place(caller: &Caller, key: &IdempotencyKey) -> RequestPlace {
    RequestPlace { tenant: caller.tenant.clone(), key_id: caller.key_id.clone(), key: key.clone() }
}

fn read_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let refused = |detail: String| Problem::parameter(IDEMPOTENCY_KEY.as_str(), detail);
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if values.next().is_some() {
        return Err(refused("is there twice".to_owned()));
    }
    IdempotencyKey::parse(value).map_err(|error| refused(error.to_string()))
}

/// What a request gets that is not to be done.
fn repeated(verdict: Verdict, seal: &Seal) -> Result<Response, Problem> {
    let refused = |kind: Kind| Problem::new(kind, kind.meaning());
    match verdict {
        Verdict::Answer(sealed) => {
            let answer = seal.open(sealed).ok_or_else(|| refused(Kind::IdempotencyAnswerNotKept))?;
            Ok(shown_again(answer))
        }
        Verdict::AnswerNotKept => Err(refused(Kind::IdempotencyAnswerNotKept)),
        Verdict::IsAnother => Err(refused(Kind::IdempotencyConflict)),
        Verdict::UnderWay | Verdict::DoAsNew | Verdict::DoAgain { .. } | Verdict::IsOurs => {
            Err(refused(Kind::IdempotencyInProgress).with_header(RETRY_AFTER, HeaderValue::from_static("1")))
        }
    }
}

fn shown_again(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    response
}

impl InHand {
    /// Notes how the request ended, and gives its answer.
    async fn end(&self, app: &App, response: Response) -> Response {
        let response = with_document(response, &self.request_id);
        if !counts(response.status()) {
            self.note(app, &Ended::Unanswered).await;
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
            self.note(app, &Ended::Unanswered).await;
            return Problem::internal("the body of an answer could not be collected").into_response();
        };
        let kept = parts.headers.iter().filter(|(name, _)| KEPT_HEADERS.contains(name));
        let headers = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        let answer = Answer { status: parts.status, headers, body: body.to_vec() };
        let ended = match app.random().ok().and_then(|nonce| self.seal.close(&answer, nonce)) {
            Some(sealed) if sealed.len() <= ANSWER_BYTES_LIMIT => Ended::Answered(sealed),
            _ => Ended::AnsweredTooLarge,
        };
        self.note(app, &ended).await;
        Response::from_parts(parts, Body::from(body))
    }

    /// What can't be noted is no reason to withhold an answer: a repeat waits for the lease to run out, and is done anew.
    async fn note(&self, app: &App, ended: &Ended) {
        if let Err(failed) = app.requests.end_request(&self.place, &self.claim, ended).await {
            let RequestPlace { tenant, key_id, .. } = &self.place;
            tracing::warn!(%tenant, key_id, error = %failed, "how a request with an idempotency key ended is not noted");
        }
    }
}

/// Whether a repeat gets this answer, too.
fn counts(status: StatusCode) -> bool {
    let may_be_another_next_time =
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    status.is_success() || (status.is_client_error() && !may_be_another_next_time.contains(&status))
}
