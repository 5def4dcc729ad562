//! The client that makes attempts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::{Client, ClientBuilder, Request, Response};
use spacehook_domain::attempt::Outcome;
use spacehook_domain::failure::{ATTEMPT_DEADLINE, FailureReason};
use spacehook_domain::receiver::ReceiverPolicy;
use tokio::time::{Instant, timeout_at};

use crate::answer::{self, BodyEnd, MAX_ANSWER_BYTES, MAX_EXCERPT_BYTES};
use crate::attempt::{AttemptError, AttemptRequest, AttemptResult, WholeAnswer};
use crate::classify::classify;
use crate::guard::{GuardedResolver, NoteConnects, with_destination};
use crate::lookup::{Lookup, SystemLookup};
use crate::trust::{TrustedCas, tls_settings};

/// How long an unused connection is kept: just under the 5 s after which Node.js and Apache close theirs by default,
/// so that we are the first to let go.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// How many unused connections are kept to one receiver (host and port).
pub const MAX_IDLE_PER_RECEIVER: usize = 8;

/// Makes attempts. Made once a process and shared: clones use the same pool of connections.
#[derive(Clone)]
pub struct ReceiverClient {
    policy: Arc<ReceiverPolicy>,
    pooled: Client,
    /// Keeps no connections, so that what it sends goes over a fresh one.
    fresh: Client,
}

impl ReceiverClient {
    /// A client that follows this policy and trusts these authorities in addition to the public ones.
    ///
    /// # Errors
    /// [`ClientError`] if TLS cannot be set up, which no setting that was accepted before leads to.
    pub fn new(policy: ReceiverPolicy, trusted: &TrustedCas) -> Result<Self, ClientError> {
        Self::with_lookup(policy, trusted, Arc::new(SystemLookup))
    }

    /// The same with another way to look names up. Its answers are vetted like those of DNS.
    ///
    /// # Errors
    /// As [`ReceiverClient::new`].
    pub fn with_lookup(
        policy: ReceiverPolicy,
        trusted: &TrustedCas,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, ClientError> {
        let policy = Arc::new(policy);
        let tls = tls_settings(trusted).map_err(ClientError::Tls)?;
        let resolver = Arc::new(GuardedResolver::new(Arc::clone(&policy), lookup));
        let builder = || guarded_builder(tls.clone(), Arc::clone(&resolver));
        let pooled = builder().pool_max_idle_per_host(MAX_IDLE_PER_RECEIVER).pool_idle_timeout(IDLE_TIMEOUT);
        let fresh = builder().pool_max_idle_per_host(0);
        Ok(Self {
            policy,
            pooled: pooled.build().map_err(ClientError::Http)?,
            fresh: fresh.build().map_err(ClientError::Http)?,
        })
    }

    /// Makes one attempt and says what came of it, within the request's deadline.
    ///
    /// # Errors
    /// [`AttemptError`] for faults of our own only; whatever the receiver does is an outcome.
    pub async fn attempt(&self, request: AttemptRequest) -> Result<AttemptResult, AttemptError> {
        let started = Instant::now();
        let mut answer = Answer::keeping(MAX_EXCERPT_BYTES);
        let failure = self.guarded_exchange(&request, started, &mut answer).await?;
        Ok(answer.into_result(failure, started.elapsed()))
    }

    /// Makes one POST and gives its whole answer, or the reason why there is none, within the request's deadline. Guarded,
    /// bounded and explained like an attempt.
    ///
    /// # Errors
    /// [`AttemptError`] for faults of our own only.
    pub async fn exchange(&self, request: AttemptRequest) -> Result<Result<WholeAnswer, FailureReason>, AttemptError> {
        let mut answer = Answer::keeping(MAX_ANSWER_BYTES);
        let failure = self.guarded_exchange(&request, Instant::now(), &mut answer).await?;
        Ok(answer.into_whole(failure))
    }

    async fn guarded_exchange(
        &self,
        request: &AttemptRequest,
        started: Instant,
        answer: &mut Answer,
    ) -> Result<Option<FailureReason>, AttemptError> {
        match request.url.check(&self.policy) {
            Err(refused) => Ok(Some(refused.into())),
            Ok(()) => self.send_until_deadline(request, started, answer).await,
        }
    }

    /// Sends the request and reads the answer; the reason if that fails or the answer does not say 2xx.
    async fn send_until_deadline(
        &self,
        request: &AttemptRequest,
        started: Instant,
        answer: &mut Answer,
    ) -> Result<Option<FailureReason>, AttemptError> {
        let deadline = started + request.deadline;
        let failure = match timeout_at(deadline, self.send_and_read(request, started, answer)).await {
            Ok(result) => result?,
            Err(_) => Some(FailureReason::timeout(request.deadline)),
        };
        // A status that is a failure says more than how its body ended.
        Ok(match answer.status {
            Some(status) if !status.is_success() => Some(FailureReason::from_http_status(status.as_u16())),
            _ => failure,
        })
    }

    async fn send_and_read(
        &self,
        request: &AttemptRequest,
        started: Instant,
        answer: &mut Answer,
    ) -> Result<Option<FailureReason>, AttemptError> {
        let response = match self.send(request, started, &mut answer.resent).await? {
            Ok(response) => response,
            Err(failure) => return Ok(Some(failure)),
        };
        answer.status = Some(response.status());
        answer.retry_after = answer::retry_after(response.headers());
        match answer::read_body(response, &mut answer.start, answer.keep).await {
            BodyEnd::Enough => Ok(None),
            BodyEnd::Broken(error) => classify(&error, started.elapsed()).map(Some),
        }
    }

    /// Sends the request, a second time if a pooled connection turned out to be dead; until the answer's headers.
    async fn send(
        &self,
        request: &AttemptRequest,
        started: Instant,
        resent: &mut bool,
    ) -> Result<Result<Response, FailureReason>, AttemptError> {
        let port = request.url.port();
        let (first, connected) = with_destination(port, self.pooled.execute(post(request))).await;
        let failure = match first {
            Ok(response) => return Ok(Ok(response)),
            Err(error) => classify(&error, started.elapsed())?,
        };
        if connected || !is_broken_connection(&failure) {
            return Ok(Err(failure));
        }
        *resent = true;
        let (second, _) = with_destination(port, self.fresh.execute(post(request))).await;
        match second {
            Ok(response) => Ok(Ok(response)),
            Err(error) => Ok(Err(classify(&error, started.elapsed())?)),
        }
    }
}

impl fmt::Debug for ReceiverClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReceiverClient").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// The HTTP client's settings. Each `no` is a promise of the crate's documentation.
fn guarded_builder(tls: rustls::ClientConfig, resolver: Arc<GuardedResolver>) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .connector_layer(NoteConnects)
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
        // Not shorter than an attempt, which may spend its whole time here. It ends connections whose attempt is
        // over, and shares the time among several addresses, so that a dead first one leaves some for the next.
        .connect_timeout(ATTEMPT_DEADLINE)
}

fn post(request: &AttemptRequest) -> Request {
    let mut post = Request::new(Method::POST, request.url.as_url().clone());
    *post.headers_mut() = request.headers.clone();
    *post.body_mut() = Some(request.body.clone().into());
    post
}

/// Whether the connection broke before an answer began, as a dead one does.
fn is_broken_connection(failure: &FailureReason) -> bool {
    matches!(
        failure,
        FailureReason::ConnectionReset | FailureReason::ConnectionClosed | FailureReason::ConnectionFailed
    )
}

/// What has arrived so far. Filled in as it arrives, so that a deadline does not lose it.
#[derive(Default)]
struct Answer {
    status: Option<StatusCode>,
    retry_after: Option<String>,
    start: Vec<u8>,
    /// How much of the body goes into `start`, in bytes.
    keep: usize,
    resent: bool,
}

impl Answer {
    fn keeping(keep: usize) -> Self {
        Self { keep, ..Self::default() }
    }

    /// The answer, if there is one and it is complete or says itself that the request failed.
    fn into_whole(self, failure: Option<FailureReason>) -> Result<WholeAnswer, FailureReason> {
        match (self.status, failure) {
            (Some(_), Some(failure)) if failure.status().is_none() => Err(failure),
            (Some(status), _) => {
                Ok(WholeAnswer { status: status.as_u16(), body: self.start, retry_after: self.retry_after })
            }
            // No failure without a status does not occur; if it did, there was no answer.
            (None, failure) => Err(failure.unwrap_or(FailureReason::ConnectionFailed)),
        }
    }

    fn into_result(self, failure: Option<FailureReason>, duration: Duration) -> AttemptResult {
        let status = self.status.map(|status| status.as_u16());
        let outcome = match (failure, status) {
            (None, Some(status)) => Outcome::Accepted { status },
            (reason, status) => Outcome::Failed {
                // No failure without a status does not occur; if it did, nothing was accepted.
                reason: reason.unwrap_or(FailureReason::ConnectionFailed),
                status,
                answer: answer::excerpt(&self.start),
            },
        };
        AttemptResult { outcome, duration, retry_after: self.retry_after, resent: self.resent }
    }
}

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
}
