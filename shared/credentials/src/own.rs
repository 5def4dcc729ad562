//! Secrets of the user's own, kept in memory for a short time.
//!
//! Unlike a version of ours, such a secret changes when its user rotates it, and nobody tells. So it is read again after
//! [`OWN_SECRET_KEPT`], and at once when the credentials in it are refused.

use crate::{CredentialStore, Kept, MISSING_KEPT, OwnSecretError, VERSIONS_KEPT};
use jiff::Timestamp;
use spacehook_domain::credentials::{AuthSecret, SecretArn};
use spacehook_domain::ids::TenantId;
use std::future::Future;
use std::sync::Arc;

/// How long a secret of the user's own is taken to be as it was read, in milliseconds.
pub const OWN_SECRET_KEPT: i64 = 60_000;
/// How long it is so after it was read since its credentials were refused, in milliseconds, though they are refused
/// again: a receiver that refuses whatever it gets must not cost a request to Secrets Manager an event.
pub const REREAD_HOLDS: i64 = 5_000;

/// One version of a secret of the user's own.
#[derive(Debug, Clone)]
pub struct OwnSecret {
    /// How deliveries authenticate.
    pub auth: AuthSecret,
    /// The version, as Secrets Manager names it.
    pub version: String,
    /// When this version was made.
    pub created_at: Option<Timestamp>,
}

/// Where secrets of the user's own are read from.
pub trait FetchOwn: Send + Sync {
    /// Reads the secret as it is now, if it is the tenant's.
    fn fetch_own(
        &self,
        arn: &SecretArn,
        tenant: &TenantId,
    ) -> impl Future<Output = Result<OwnSecret, OwnSecretError>> + Send;

    /// Reads the version before.
    fn fetch_previous(&self, arn: &SecretArn)
    -> impl Future<Output = Result<Option<OwnSecret>, OwnSecretError>> + Send;
}

impl FetchOwn for CredentialStore {
    async fn fetch_own(&self, arn: &SecretArn, tenant: &TenantId) -> Result<OwnSecret, OwnSecretError> {
        self.own_secret(arn, tenant).await
    }

    async fn fetch_previous(&self, arn: &SecretArn) -> Result<Option<OwnSecret>, OwnSecretError> {
        self.previous_own_secret(arn).await
    }
}

/// By tenant, too: what one tenant may read another may not.
type Key = (SecretArn, TenantId);

#[derive(Debug, Clone)]
struct Outcome {
    secret: Result<Arc<OwnSecret>, OwnSecretError>,
    at: Timestamp,
    /// Whether it was read since credentials were refused.
    reread: bool,
}

impl Outcome {
    fn holds(&self, now: Timestamp) -> bool {
        let age = now.as_millisecond() - self.at.as_millisecond();
        match &self.secret {
            Ok(_) => age < OWN_SECRET_KEPT,
            Err(OwnSecretError::Unavailable { .. }) => false,
            Err(_) => age < MISSING_KEPT,
        }
    }

    /// As [`holds`](Self::holds), for one who was just refused with `used`.
    fn holds_after_refusal(&self, used: &str, now: Timestamp) -> bool {
        let is_other = self.secret.as_ref().is_ok_and(|secret| secret.version != used);
        let just_reread = self.reread && now.as_millisecond() - self.at.as_millisecond() < REREAD_HOLDS;
        self.holds(now) && (is_other || just_reread)
    }
}

/// Secrets of the user's own, read through from Secrets Manager.
#[derive(Debug)]
pub struct CachedOwnSecrets<F = CredentialStore> {
    source: F,
    kept: Kept<Key, Outcome>,
}

impl<F: FetchOwn> CachedOwnSecrets<F> {
    /// A cache of as many secrets as [`crate::CachedCredentials`] has.
    pub fn new(source: F) -> Self {
        Self { source, kept: Kept::new(VERSIONS_KEPT) }
    }

    /// The secret as it is, or was at most [`OWN_SECRET_KEPT`] ago.
    pub async fn get(
        &self,
        arn: &SecretArn,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Arc<OwnSecret>, OwnSecretError> {
        let key = (arn.clone(), tenant.clone());
        let outcome = self.kept.place(&key, |outcome| outcome.holds(now));
        outcome.get_or_init(|| self.fetch(arn, tenant, false, now)).await.secret.clone()
    }

    /// The secret as it is, for one who was refused with the version `used`: read again, unless another version was read
    /// meanwhile, or others did so just before. Of several at the same time, one reads and all get its answer.
    pub async fn after_refusal(
        &self,
        arn: &SecretArn,
        tenant: &TenantId,
        used: &str,
        now: Timestamp,
    ) -> Result<Arc<OwnSecret>, OwnSecretError> {
        let key = (arn.clone(), tenant.clone());
        let outcome = self.kept.place(&key, |outcome| outcome.holds_after_refusal(used, now));
        outcome.get_or_init(|| self.fetch(arn, tenant, true, now)).await.secret.clone()
    }

    /// The version before, not kept: it is asked for when the present one was refused.
    pub async fn previous(&self, arn: &SecretArn) -> Result<Option<OwnSecret>, OwnSecretError> {
        self.source.fetch_previous(arn).await
    }

    async fn fetch(&self, arn: &SecretArn, tenant: &TenantId, reread: bool, at: Timestamp) -> Outcome {
        Outcome { secret: self.source.fetch_own(arn, tenant).await.map(Arc::new), at, reread }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Source {
        fetches: AtomicUsize,
        version: AtomicUsize,
        fails: Mutex<Option<OwnSecretError>>,
    }

    impl FetchOwn for &Source {
        async fn fetch_own(&self, _: &SecretArn, _: &TenantId) -> Result<OwnSecret, OwnSecretError> {
            self.fetches.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let version = self.version.load(Ordering::SeqCst).to_string();
            match self.fails.lock().unwrap().clone() {
                Some(error) => Err(error),
                None => Ok(OwnSecret { auth: AuthSecret::Bearer { token: "hush".into() }, version, created_at: None }),
            }
        }

        async fn fetch_previous(&self, _: &SecretArn) -> Result<Option<OwnSecret>, OwnSecretError> {
            Ok(None)
        }
    }

    struct Scene<'a> {
        source: &'a Source,
        cache: CachedOwnSecrets<&'a Source>,
        arn: SecretArn,
        tenant: TenantId,
    }

    impl<'a> Scene<'a> {
        fn new(source: &'a Source) -> Self {
            let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kiosk-a1B2c3";
            Self {
                source,
                cache: CachedOwnSecrets::new(source),
                arn: SecretArn::parse(arn).unwrap(),
                tenant: TenantId::parse("acme").unwrap(),
            }
        }

        async fn get(&self, ms: i64) -> String {
            self.cache.get(&self.arn, &self.tenant, at(ms)).await.unwrap().version.clone()
        }

        async fn refused(&self, used: &str, ms: i64) -> String {
            self.cache.after_refusal(&self.arn, &self.tenant, used, at(ms)).await.unwrap().version.clone()
        }

        fn fetches(&self) -> usize {
            self.source.fetches.load(Ordering::SeqCst)
        }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[tokio::test]
    async fn a_secret_is_read_once_a_minute_whoever_asks() {
        let source = Source::default();
        let scene = Scene::new(&source);
        tokio::join!(scene.get(0), scene.get(0), scene.get(0));
        scene.get(59_999).await;
        assert_eq!(scene.fetches(), 1);
        scene.get(60_000).await;
        assert_eq!(scene.fetches(), 2);
        let other = TenantId::parse("other").unwrap();
        scene.cache.get(&scene.arn, &other, at(60_000)).await.unwrap();
        assert_eq!(scene.fetches(), 3, "another tenant asks for itself");
    }

    #[tokio::test]
    async fn who_was_refused_has_it_read_again_and_all_get_the_new_one() {
        let source = Source::default();
        let scene = Scene::new(&source);
        scene.get(0).await;
        source.version.store(1, Ordering::SeqCst);
        assert_eq!(scene.get(10).await, "0");
        let (one, two) = tokio::join!(scene.refused("0", 20), scene.refused("0", 20));
        assert_eq!((one.as_str(), two.as_str()), ("1", "1"));
        assert_eq!(scene.refused("0", 30).await, "1", "it was read meanwhile");
        assert_eq!((scene.fetches(), scene.get(40).await.as_str()), (2, "1"));
    }

    #[tokio::test]
    async fn a_receiver_that_refuses_everything_costs_few_requests() {
        let source = Source::default();
        let scene = Scene::new(&source);
        scene.get(0).await;
        for ms in [1, 2, 3, 5_000] {
            assert_eq!(scene.refused("0", ms).await, "0");
        }
        assert_eq!(scene.fetches(), 2);
        scene.refused("0", 5_001).await;
        assert_eq!(scene.fetches(), 3);
    }

    #[tokio::test]
    async fn that_it_may_not_be_read_is_soon_forgotten() {
        let source = Source::default();
        let scene = Scene::new(&source);
        *source.fails.lock().unwrap() = Some(OwnSecretError::Denied { what: "x" });
        for ms in [0, 4_999] {
            assert!(scene.cache.get(&scene.arn, &scene.tenant, at(ms)).await.is_err());
        }
        assert_eq!(scene.fetches(), 1);
        *source.fails.lock().unwrap() = Some(OwnSecretError::Unavailable { operation: "x", cause: "x".into() });
        for ms in [5_000, 5_001] {
            assert!(scene.cache.get(&scene.arn, &scene.tenant, at(ms)).await.is_err());
        }
        assert_eq!(scene.fetches(), 3, "that nobody answered is not remembered");
    }
}
