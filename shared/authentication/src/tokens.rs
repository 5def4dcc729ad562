//! Tokens, kept while they are good; one request in flight for each.

use crate::transport::Transport;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use spacehook_credentials::{Kept, VERSIONS_KEPT};
use spacehook_delivery::{AttemptError, AttemptRequest};
use spacehook_domain::credentials::oauth::{AccessToken, OAuthClient, read_answer};
use spacehook_domain::failure::TokenProblem;
use spacehook_domain::receiver::{ReceiverPolicy, ReceiverUrl};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a failure of a token endpoint is remembered: shorter than the wait before a delivery's first retry, which is
/// to find out anew.
pub const FAILURE_KEPT: Duration = Duration::from_secs(3);
/// How long it is remembered of a new token that the receiver refused it: for so long it is not renewed.
pub const REFUSAL_KEPT: Duration = Duration::from_secs(30);

/// Which credentials a token was had with: the name and the version of their secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) secret: String,
    pub(crate) version: String,
}

/// A token in use.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) value: SecretString,
    /// When the receiver refused it though it was new.
    refused_at: Mutex<Option<Timestamp>>,
}

impl Token {
    /// Notes that the receiver refused it though it was new.
    pub(crate) fn note_refusal(&self, now: Timestamp) {
        *self.refused_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// Whether another one may help a receiver that refuses this one.
    pub(crate) fn is_worth_renewing(&self, now: Timestamp) -> bool {
        let refused_at = *self.refused_at.lock().unwrap_or_else(PoisonError::into_inner);
        refused_at.is_none_or(|at| now >= after(at, REFUSAL_KEPT))
    }
}

/// Why there is no token.
#[derive(Debug, Clone)]
pub(crate) struct NoToken {
    pub(crate) problem: TokenProblem,
    /// Of an answer that says it failed, the first 1 KiB, not redacted yet.
    pub(crate) answer: Option<String>,
    /// The `retry-after` of that answer.
    pub(crate) retry_after: Option<String>,
}

impl NoToken {
    fn silent(problem: TokenProblem) -> Self {
        Self { problem, answer: None, retry_after: None }
    }
}

/// A token, or why there is none, and whether that was known before it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) token: Result<Arc<Token>, NoToken>,
    pub(crate) was_kept: bool,
}

#[derive(Debug)]
struct Outcome {
    token: Result<Arc<Token>, NoToken>,
    until: Timestamp,
}

/// How a token is asked for.
#[derive(Debug)]
pub(crate) struct Request<'a, T> {
    pub(crate) transport: &'a T,
    pub(crate) policy: &'a ReceiverPolicy,
    pub(crate) client: &'a OAuthClient,
    pub(crate) identity: &'a Identity,
    /// How much of the attempt's time is left.
    pub(crate) within: Duration,
    pub(crate) now: Timestamp,
}

/// Tokens by identity.
#[derive(Debug)]
pub(crate) struct Tokens {
    kept: Kept<Identity, Outcome>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { kept: Kept::new(VERSIONS_KEPT) }
    }
}

impl Tokens {
    /// A token: the kept one, or one that is asked for. Not the one that was `refused`, if that is given.
    pub(crate) async fn take<T: Transport>(
        &self,
        request: Request<'_, T>,
        refused: Option<&Arc<Token>>,
    ) -> Result<Taken, AttemptError> {
        let is_refused = |token: &Arc<Token>| refused.is_some_and(|refused| Arc::ptr_eq(token, refused));
        let holds = |outcome: &Outcome| request.now < outcome.until && !outcome.token.as_ref().is_ok_and(is_refused);
        let place = self.kept.place(request.identity, holds);
        let was_kept = place.initialized();
        let outcome = place.get_or_try_init(|| ask(&request)).await?;
        Ok(Taken { token: outcome.token.clone(), was_kept })
    }
}

/// Asks for a token. A fault of ours is nobody's outcome: whoever waits asks for itself.
async fn ask<T: Transport>(request: &Request<'_, T>) -> Result<Outcome, AttemptError> {
    let started = Instant::now();
    let answer = exchange(request).await?;
    Ok(match answer {
        Ok(AccessToken { value, life }) => {
            let usable_for = AccessToken { value: value.clone(), life }.usable_for();
            let token = Token { value, refused_at: Mutex::default() };
            // Counted from before it was asked for: its life began at some time after.
            Outcome { token: Ok(Arc::new(token)), until: after(request.now, usable_for) }
        }
        Err(problem) => Outcome { token: Err(problem), until: after(request.now, started.elapsed() + FAILURE_KEPT) },
    })
}

async fn exchange<T: Transport>(request: &Request<'_, T>) -> Result<Result<AccessToken, NoToken>, AttemptError> {
    let url = match ReceiverUrl::parse(request.client.token_url.expose_secret(), request.policy) {
        Ok(url) => url,
        Err(refused) => return Ok(Err(NoToken::silent(TokenProblem::RefusedByPolicy { rule: refused.rule() }))),
    };
    let post = request.client.token_request().map_err(|_| AttemptError::Unbuildable)?;
    let body = Bytes::copy_from_slice(post.body.expose_secret().as_bytes());
    let post = AttemptRequest { deadline: request.within, ..AttemptRequest::new(url, post.headers, body) };
    let answer = match request.transport.exchange(post).await? {
        Ok(answer) => answer,
        Err(reason) => {
            // An exchange has no other reasons than those; if it had, the connection failed.
            let problem = TokenProblem::of(reason).unwrap_or(TokenProblem::ConnectionFailed);
            return Ok(Err(NoToken::silent(problem)));
        }
    };
    Ok(read_answer(answer.status, &answer.body).map_err(|problem| NoToken {
        problem,
        // An answer that claims success may hold a token: nothing of it is kept.
        answer: if (200..=299).contains(&answer.status) { None } else { answer.excerpt() },
        retry_after: answer.retry_after,
    }))
}

fn after(at: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}
