//! The client that makes authenticated attempts.

mod run;
#[cfg(test)]
mod tests;

use crate::overlaps::Overlaps;
use crate::tokens::{Identity, Tokens};
use crate::transport::Transport;
use bytes::Bytes;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use run::Run;
use spacehook_credentials::{
    CachedCredentials, CachedOwnSecrets, CredentialStore, CredentialsError, Fetch, FetchOwn, OwnSecret, OwnSecretError,
    SecretName, SecretVersion,
};
use spacehook_delivery::{AttemptError, AttemptResult, ReceiverClient};
use spacehook_domain::attempt::Outcome;
use spacehook_domain::credentials::Credentials;
use spacehook_domain::failure::{ATTEMPT_DEADLINE, CredentialProblem, FailureReason};
use spacehook_domain::receiver::{ReceiverPolicy, ReceiverUrl};
use spacehook_domain::request::UnusableCredential;
use spacehook_domain::subscription::Subscription;
use std::sync::Arc;
use std::time::Duration;

/// How long the secrets may take to be read before an attempt. Longer is a fault of ours, and not the receiver's time.
pub const READ_LIMIT: Duration = Duration::from_secs(2);
/// How long [`AuthenticatedClient::attempt`] takes at most, with the usual deadline.
pub const LONGEST: Duration = READ_LIMIT.saturating_add(ATTEMPT_DEADLINE);
/// How long after a rotation the version before is still tried: as long as the overlap of our own rotations.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// Makes the headers of an attempt, signature and authentication included.
pub type HeadersOf<'a> = &'a (dyn Fn(&Credentials) -> Result<HeaderMap, UnusableCredential> + Send + Sync);

/// An attempt to be made.
#[derive(Clone)]
pub struct Outgoing<'a> {
    /// Whose it is. Its URL, its secret and the way it authenticates are read of it.
    pub subscription: &'a Subscription,
    /// The body, as it is signed.
    pub body: Bytes,
    /// Makes the headers with these credentials, usually [`spacehook_domain::request::headers`]. It is called once more
    /// where newer credentials are tried. A token is given to it as HTTP Bearer.
    pub headers: HeadersOf<'a>,
    /// Now. It only decides how old is what is kept.
    pub started_at: Timestamp,
    /// How long the request for a token, the request to the receiver and a repetition of them may take together.
    pub deadline: Duration,
}

/// A fault of ours prevented an attempt. Not to be recorded as the receiver's failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutgoingFault {
    /// The subscription's secret could not be had.
    #[error("the secret of a subscription could not be read")]
    Credentials(#[source] CredentialsError),
    /// The user's own secret could not be had.
    #[error("a user's own secret could not be read")]
    OwnSecret(#[source] OwnSecretError),
    /// Secrets Manager took longer than [`READ_LIMIT`].
    #[error("the secrets of a subscription could not be read in time")]
    SecretsTooSlow,
    /// The request could not be made.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
}

/// Makes attempts with the credentials of their subscriptions. Made once a process and shared.
#[derive(Debug)]
pub struct AuthenticatedClient<S = CredentialStore, T = ReceiverClient> {
    credentials: CachedCredentials<S>,
    own_secrets: CachedOwnSecrets<S>,
    overlaps: Overlaps,
    tokens: Tokens,
    transport: T,
    policy: ReceiverPolicy,
}

/// What an attempt authenticates with.
#[derive(Debug, Clone)]
struct Held {
    /// With the secret that `identity` names as the way to authenticate.
    credentials: Arc<Credentials>,
    identity: Identity,
    own: Option<Own>,
}

/// Which version of the user's own secret it is.
#[derive(Debug, Clone)]
struct Own {
    /// The version that is current.
    present: Arc<OwnSecret>,
    /// Whether the version before it is used.
    is_previous: bool,
}

/// What the subscription's settings have wrong, or what there is to authenticate with.
type Holding = Result<Held, CredentialProblem>;

impl<S: Fetch + FetchOwn + Clone, T: Transport> AuthenticatedClient<S, T> {
    /// A client that has nothing in memory yet. The policy is the one of `transport`.
    pub fn new(secrets: S, transport: T, policy: ReceiverPolicy) -> Self {
        Self {
            credentials: CachedCredentials::new(secrets.clone()),
            own_secrets: CachedOwnSecrets::new(secrets),
            overlaps: Overlaps::default(),
            tokens: Tokens::default(),
            transport,
            policy,
        }
    }

    /// Makes one attempt and says what came of it: within [`READ_LIMIT`] and the attempt's deadline. What a failed answer
    /// says is given without the secrets that it repeats.
    ///
    /// # Errors
    /// [`OutgoingFault`] for faults of our own only; what the receiver, the token endpoint or the subscription's settings
    /// have wrong is an outcome.
    pub async fn attempt(&self, outgoing: Outgoing<'_>) -> Result<AttemptResult, OutgoingFault> {
        let url = match ReceiverUrl::parse(&outgoing.subscription.url, &self.policy) {
            Ok(url) => url,
            Err(refused) => return Ok(not_sent(refused.into())),
        };
        let holding = tokio::time::timeout(READ_LIMIT, self.hold(&outgoing)).await;
        match holding.map_err(|_| OutgoingFault::SecretsTooSlow)?? {
            Ok(held) => Run::new(self, &outgoing, url).finish(held).await,
            Err(problem) => Ok(not_sent(FailureReason::Credentials { problem })),
        }
    }

    /// Reads what the subscription authenticates with.
    async fn hold(&self, outgoing: &Outgoing<'_>) -> Result<Holding, OutgoingFault> {
        let subscription = outgoing.subscription;
        let (name, version) = (SecretName::of(subscription), SecretVersion::of(subscription));
        let ours = match self.credentials.get(&name, &version, outgoing.started_at).await {
            Ok(ours) => ours,
            Err(CredentialsError::Missing) => return Ok(Err(CredentialProblem::SecretMissing)),
            Err(CredentialsError::Unreadable { .. }) => return Ok(Err(CredentialProblem::SecretUnreadable)),
            Err(fault @ CredentialsError::Unavailable { .. }) => return Err(OutgoingFault::Credentials(fault)),
        };
        let Some(arn) = &subscription.own_secret_arn else {
            let identity = Identity { secret: name.as_str().to_owned(), version: version.as_str().to_owned() };
            return Ok(Ok(Held { credentials: ours, identity, own: None }));
        };
        let present = match self.own_secrets.get(arn, &subscription.tenant, outgoing.started_at).await {
            Ok(present) => present,
            Err(error) => return problem_of(error).map(Err),
        };
        if self.overlaps.is_noted(arn, &present.version, outgoing.started_at)
            && let Ok(Some(previous)) = self.own_secrets.previous(arn).await
        {
            return Ok(Ok(Held::of_own(subscription, &ours, &previous, Own { present, is_previous: true })));
        }
        let own = Own { present: Arc::clone(&present), is_previous: false };
        Ok(Ok(Held::of_own(subscription, &ours, &present, own)))
    }
}

impl Held {
    fn of_own(subscription: &Subscription, ours: &Credentials, used: &OwnSecret, own: Own) -> Self {
        let arn = subscription.own_secret_arn.as_ref().map(ToString::to_string);
        Self {
            credentials: Arc::new(ours.with_auth(used.auth.clone())),
            identity: Identity { secret: arn.unwrap_or_default(), version: used.version.clone() },
            own: Some(own),
        }
    }
}

fn problem_of(error: OwnSecretError) -> Result<CredentialProblem, OutgoingFault> {
    match error {
        OwnSecretError::Missing => Ok(CredentialProblem::OwnSecretMissing),
        OwnSecretError::Denied { .. } => Ok(CredentialProblem::OwnSecretDenied),
        OwnSecretError::Unreadable { .. } => Ok(CredentialProblem::OwnSecretUnreadable),
        fault @ OwnSecretError::Unavailable { .. } => Err(OutgoingFault::OwnSecret(fault)),
    }
}

/// The outcome of an attempt that needed no request to fail.
fn not_sent(reason: FailureReason) -> AttemptResult {
    let outcome = Outcome::Failed { reason, status: None, answer: None };
    AttemptResult { outcome, duration: Duration::ZERO, retry_after: None, resent: false }
}
