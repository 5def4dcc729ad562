//! One attempt under way: a request, and if its credentials are refused and newer ones are to be had, one more.

use super::{AuthenticatedClient, Held, OVERLAP, Outgoing, OutgoingFault, Own, not_sent};
use crate::tokens::{NoToken, Request, Taken, Token};
use crate::transport::Transport;
use jiff::{SignedDuration, Timestamp};
use spacehook_credentials::{Fetch, FetchOwn, OwnSecret};
use spacehook_delivery::{AttemptRequest, AttemptResult};
use spacehook_domain::attempt::Outcome;
use spacehook_domain::credentials::oauth::OAuthClient;
use spacehook_domain::credentials::{AuthSecret, Credentials, SecretArn, redact};
use spacehook_domain::failure::{CredentialProblem, FailureReason, TokenProblem};
use spacehook_domain::receiver::ReceiverUrl;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// One attempt under way.
pub(super) struct Run<'a, S, T> {
    client: &'a AuthenticatedClient<S, T>,
    outgoing: &'a Outgoing<'a>,
    url: ReceiverUrl,
    started: Instant,
}

/// What came of a request.
struct Sent {
    result: AttemptResult,
    /// Everything secret that it showed.
    shown: Vec<Arc<Credentials>>,
    /// The token that it was sent with, and whether that was kept from before.
    token: Option<(Arc<Token>, bool)>,
}

/// What to send once more with.
struct Newer {
    held: Held,
    /// A token that is not to be used again.
    refused: Option<Arc<Token>>,
}

impl<'a, S: Fetch + FetchOwn + Clone, T: Transport> Run<'a, S, T> {
    pub(super) fn new(client: &'a AuthenticatedClient<S, T>, outgoing: &'a Outgoing<'a>, url: ReceiverUrl) -> Self {
        Self { client, outgoing, url, started: Instant::now() }
    }

    /// Makes the attempt.
    pub(super) async fn finish(&self, held: Held) -> Result<AttemptResult, OutgoingFault> {
        let first = self.send(&held, None).await?;
        let Some(reason) = refusal(&first.result) else {
            return Ok(self.result(first, Vec::new()));
        };
        // What takes longer than there is time for changes nothing of what the receiver said.
        let deadline = self.started + self.outgoing.deadline;
        let newer = timeout_at(deadline, self.newer(&held, &first, reason)).await.ok().flatten();
        let Some(newer) = newer.filter(|_| !self.time_left().is_zero()) else {
            return Ok(self.result(first, Vec::new()));
        };
        match self.send(&newer.held, newer.refused.as_ref()).await {
            Ok(mut second) => {
                self.note_overlap(&newer.held, &second.result);
                second.result.resent |= first.result.resent;
                Ok(self.result(second, first.shown))
            }
            // A fault of ours: what the receiver said stands.
            Err(_) => Ok(self.result(first, Vec::new())),
        }
    }

    /// Sends the request, with a token if that is how it authenticates.
    async fn send(&self, held: &Held, refused: Option<&Arc<Token>>) -> Result<Sent, OutgoingFault> {
        let AuthSecret::OAuth2(client) = &held.credentials.auth else {
            let shown = vec![Arc::clone(&held.credentials)];
            let result = self.post(&held.credentials).await?;
            return Ok(Sent { result, shown, token: None });
        };
        let Taken { token, was_kept } = self.take_token(client, held, refused).await?;
        let token = match token {
            Ok(token) => token,
            Err(no_token) => {
                let shown = vec![Arc::clone(&held.credentials)];
                return Ok(Sent { result: self.without_token(no_token), shown, token: None });
            }
        };
        let bearer = Arc::new(held.credentials.with_auth(AuthSecret::Bearer { token: token.value.clone() }));
        let result = self.post(&bearer).await?;
        if !was_kept && status(&result) == Some(401) {
            token.note_refusal(self.now());
        }
        Ok(Sent { result, shown: vec![Arc::clone(&held.credentials), bearer], token: Some((token, was_kept)) })
    }

    async fn take_token(
        &self,
        client: &OAuthClient,
        held: &Held,
        refused: Option<&Arc<Token>>,
    ) -> Result<Taken, OutgoingFault> {
        let request = Request {
            transport: &self.client.transport,
            policy: &self.client.policy,
            client,
            identity: &held.identity,
            within: self.time_left(),
            now: self.now(),
        };
        // Another attempt may have asked for it, with more time left than this one has.
        let deadline = self.started + self.outgoing.deadline;
        if let Ok(taken) = timeout_at(deadline, self.client.tokens.take(request, refused)).await {
            return Ok(taken?);
        }
        let problem = TokenProblem::Timeout { after_ms: 0 };
        Ok(Taken { token: Err(NoToken { problem, answer: None, retry_after: None }), was_kept: false })
    }

    fn without_token(&self, no_token: NoToken) -> AttemptResult {
        let problem = match no_token.problem {
            // Whatever was left of it: what was waited for is the attempt's whole time.
            TokenProblem::Timeout { .. } => TokenProblem::Timeout { after_ms: millis(self.outgoing.deadline) },
            other => other,
        };
        let outcome =
            Outcome::Failed { reason: FailureReason::OAuth { problem }, status: None, answer: no_token.answer };
        AttemptResult { outcome, duration: Duration::ZERO, retry_after: no_token.retry_after, resent: false }
    }

    async fn post(&self, credentials: &Credentials) -> Result<AttemptResult, OutgoingFault> {
        let Ok(headers) = (self.outgoing.headers)(credentials) else {
            return Ok(not_sent(FailureReason::Credentials { problem: self.unusable() }));
        };
        let within = self.time_left();
        let request = AttemptRequest {
            deadline: within,
            ..AttemptRequest::new(self.url.clone(), headers, self.outgoing.body.clone())
        };
        let mut result = self.client.transport.attempt(request).await?;
        if let Outcome::Failed { reason: FailureReason::Timeout { after_ms }, .. } = &mut result.outcome
            && *after_ms == millis(within)
        {
            *after_ms = millis(self.outgoing.deadline);
        }
        Ok(result)
    }

    fn unusable(&self) -> CredentialProblem {
        match self.outgoing.subscription.own_secret_arn {
            None => CredentialProblem::SecretUnreadable,
            Some(_) => CredentialProblem::OwnSecretUnreadable,
        }
    }

    /// Newer credentials than those that were refused, if there are any: in the order that the crate explains.
    async fn newer(&self, held: &Held, sent: &Sent, reason: FailureReason) -> Option<Newer> {
        let own = held.own.as_ref().zip(self.outgoing.subscription.own_secret_arn.as_ref());
        if let Some((own, arn)) = own
            && let Some(held) = self.reread(held, own, arn).await
        {
            return Some(Newer { held, refused: None });
        }
        if let Some((token, was_kept)) = &sent.token
            && reason.status() == Some(401)
            && *was_kept
            && token.is_worth_renewing(self.now())
        {
            return Some(Newer { held: held.clone(), refused: Some(Arc::clone(token)) });
        }
        let (own, arn) = own?;
        self.before_rotation(held, own, arn).await.map(|held| Newer { held, refused: None })
    }

    /// The user's own secret as it is now, if it is not what was refused.
    async fn reread(&self, held: &Held, own: &Own, arn: &SecretArn) -> Option<Held> {
        if own.is_previous {
            self.client.overlaps.forget(arn);
        }
        let (tenant, used) = (&self.outgoing.subscription.tenant, &held.identity.version);
        let present = self.client.own_secrets.after_refusal(arn, tenant, used, self.now()).await.ok()?;
        let own = Own { present: Arc::clone(&present), is_previous: false };
        (present.version != *used).then(|| self.held(held, &present, own))
    }

    /// The user's own secret as it was before a rotation that was not long ago.
    async fn before_rotation(&self, held: &Held, own: &Own, arn: &SecretArn) -> Option<Held> {
        if own.is_previous || self.now().duration_since(own.present.created_at?) > OVERLAP {
            return None;
        }
        let previous = self.client.own_secrets.previous(arn).await.ok()??;
        let own = Own { is_previous: true, ..own.clone() };
        Some(self.held(held, &previous, own))
    }

    fn held(&self, before: &Held, used: &OwnSecret, own: Own) -> Held {
        Held::of_own(self.outgoing.subscription, &before.credentials, used, own)
    }

    /// Notes that the receiver takes the version before the present one.
    fn note_overlap(&self, held: &Held, result: &AttemptResult) {
        if let Some(own) = held.own.as_ref().filter(|own| own.is_previous && result.is_accepted())
            && let Some(arn) = &self.outgoing.subscription.own_secret_arn
        {
            self.client.overlaps.note(arn, &own.present.version, self.now());
        }
    }

    /// The result as it is recorded: with the time of all of it, and without the secrets that the answer repeats.
    fn result(&self, sent: Sent, mut shown: Vec<Arc<Credentials>>) -> AttemptResult {
        let mut result = sent.result;
        shown.extend(sent.shown);
        if let Outcome::Failed { answer: Some(answer), .. } = &mut result.outcome {
            let shown: Vec<&Credentials> = shown.iter().map(AsRef::as_ref).collect();
            *answer = redact(answer, &shown);
        }
        result.duration = self.started.elapsed();
        result
    }

    fn time_left(&self) -> Duration {
        self.outgoing.deadline.saturating_sub(self.started.elapsed())
    }

    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::ZERO);
        self.outgoing.started_at.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// Why the credentials were refused, if they were.
fn refusal(result: &AttemptResult) -> Option<FailureReason> {
    match &result.outcome {
        Outcome::Failed { reason, .. } if reason.refuses_credentials() => Some(*reason),
        _ => None,
    }
}

fn status(result: &AttemptResult) -> Option<u16> {
    refusal(result).and_then(|reason| reason.status())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
