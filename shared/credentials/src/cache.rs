//! Credentials kept in memory, for the dispatcher.
//!
//! A version of a secret never changes, so what was read of one holds for ever. The cache is bounded by a count; of
//! several requests for one version at the same time, one goes to Secrets Manager and all get its answer.

use crate::{CredentialStore, CredentialsError, Kept, SecretName, SecretVersion};
use jiff::Timestamp;
use spacehook_domain::credentials::Credentials;
use std::future::Future;
use std::sync::Arc;

/// Versions kept, at most; the one that was not asked for the longest gives way.
pub const VERSIONS_KEPT: usize = 2_000;
/// How long it is remembered that a secret is missing or unreadable, in milliseconds: long enough that a broken
/// subscription does not cost a request an event, short enough that mending it shows at once.
pub const MISSING_KEPT: i64 = 5_000;

/// Where credentials are read from.
pub trait Fetch: Send + Sync {
    /// Reads one version of a secret.
    fn fetch(
        &self,
        name: &SecretName,
        version: &SecretVersion,
    ) -> impl Future<Output = Result<Credentials, CredentialsError>> + Send;
}

impl Fetch for CredentialStore {
    async fn fetch(&self, name: &SecretName, version: &SecretVersion) -> Result<Credentials, CredentialsError> {
        self.get(name, version).await
    }
}

type Key = (SecretName, SecretVersion);

/// What came of a request, for all that wait for it.
#[derive(Debug, Clone)]
struct Outcome {
    credentials: Result<Arc<Credentials>, CredentialsError>,
    at: Timestamp,
}

impl Outcome {
    fn holds(&self, now: Timestamp) -> bool {
        match &self.credentials {
            Ok(_) => true,
            // Whoever was waiting got this answer; whoever comes later asks again.
            Err(CredentialsError::Unavailable { .. }) => false,
            Err(CredentialsError::Missing | CredentialsError::Unreadable { .. }) => {
                now.as_millisecond() - self.at.as_millisecond() < MISSING_KEPT
            }
        }
    }
}

/// Credentials by name and version, read through from Secrets Manager.
#[derive(Debug)]
pub struct CachedCredentials<F = CredentialStore> {
    source: F,
    kept: Kept<Key, Outcome>,
}

impl<F: Fetch> CachedCredentials<F> {
    /// A cache of at most [`VERSIONS_KEPT`] versions.
    pub fn new(source: F) -> Self {
        Self::bounded(source, VERSIONS_KEPT)
    }

    /// A cache of at most `most` versions.
    pub fn bounded(source: F, most: usize) -> Self {
        Self { source, kept: Kept::new(most) }
    }

    /// The credentials of this version. Time is passed in; it only decides how long a failure is remembered.
    pub async fn get(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        now: Timestamp,
    ) -> Result<Arc<Credentials>, CredentialsError> {
        let outcome = self.kept.place(&(name.clone(), version.clone()), |outcome| outcome.holds(now));
        let fetch = async || Outcome { credentials: self.source.fetch(name, version).await.map(Arc::new), at: now };
        outcome.get_or_init(fetch).await.credentials.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spacehook_domain::credentials::AuthSecret;
    use spacehook_domain::ids::{SubscriptionId, TenantId};
    use spacehook_domain::signing::SigningSecret;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use uuid::Uuid;

    #[derive(Default)]
    struct Source {
        fetches: AtomicUsize,
        fails: Mutex<Option<CredentialsError>>,
    }

    impl Source {
        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }

        fn fail(&self, error: Option<CredentialsError>) {
            *self.fails.lock().unwrap() = error;
        }
    }

    impl Fetch for &Source {
        async fn fetch(&self, _: &SecretName, _: &SecretVersion) -> Result<Credentials, CredentialsError> {
            self.fetches.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            match self.fails.lock().unwrap().clone() {
                Some(error) => Err(error),
                None => Ok(Credentials {
                    signing_secrets: vec![SigningSecret::from_random([1; 32])],
                    auth: AuthSecret::Bearer { token: "hush".into() },
                    custom_headers: [("x-key".to_owned(), "hush".into())].into(),
                }),
            }
        }
    }

    fn name(number: u128) -> SecretName {
        SecretName::new("p/", &TenantId::parse("acme").unwrap(), &SubscriptionId::from_uuid(Uuid::from_u128(number)))
    }

    fn version(number: u128) -> SecretVersion {
        SecretVersion::from_uuid(Uuid::from_u128(number))
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[tokio::test]
    async fn one_request_serves_all_that_ask_for_a_version() {
        let source = Source::default();
        let cache = CachedCredentials::new(&source);
        let (name, version) = (name(1), version(1));
        let get = || cache.get(&name, &version, at(0));
        let (one, two, three) = tokio::join!(get(), get(), get());
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        assert_eq!(source.fetches(), 1);
        cache.get(&name, &version, at(1_000_000)).await.unwrap();
        assert_eq!(source.fetches(), 1, "a version never changes");
        cache.get(&name, &self::version(2), at(0)).await.unwrap();
        assert_eq!(source.fetches(), 2, "another version is another secret");
    }

    #[tokio::test]
    async fn that_a_secret_is_missing_is_soon_forgotten() {
        let source = Source::default();
        let cache = CachedCredentials::new(&source);
        for (error, requests_within_5_s) in [
            (CredentialsError::Missing, 1),
            (CredentialsError::Unreadable { what: "x" }, 1),
            (CredentialsError::Unavailable { operation: "GetSecretValue", cause: "x".into() }, 3),
        ] {
            let (name, version, before) = (name(source.fetches() as u128), version(1), source.fetches());
            source.fail(Some(error.clone()));
            for ms in [0, 1, 4_999] {
                assert_eq!(cache.get(&name, &version, at(ms)).await.unwrap_err(), error);
            }
            assert_eq!(source.fetches() - before, requests_within_5_s);
            source.fail(None);
            assert!(cache.get(&name, &version, at(5_000)).await.is_ok());
        }
    }

    #[tokio::test]
    async fn waiters_share_a_failure_instead_of_queueing_for_their_own() {
        let source = Source::default();
        source.fail(Some(CredentialsError::Unavailable { operation: "GetSecretValue", cause: "x".into() }));
        let cache = CachedCredentials::new(&source);
        let (name, version) = (name(1), version(1));
        let (one, two) = tokio::join!(cache.get(&name, &version, at(0)), cache.get(&name, &version, at(0)));
        assert!(one.is_err() && two.is_err());
        assert_eq!(source.fetches(), 1);
    }

    #[tokio::test]
    async fn the_least_recently_asked_for_gives_way() {
        let source = Source::default();
        let cache = CachedCredentials::bounded(&source, 2);
        for number in [1, 2, 1, 3] {
            cache.get(&name(number), &version(1), at(0)).await.unwrap();
        }
        assert_eq!(source.fetches(), 3);
        cache.get(&name(1), &version(1), at(0)).await.unwrap();
        assert_eq!(source.fetches(), 3, "1 was asked for after 2");
        cache.get(&name(2), &version(1), at(0)).await.unwrap();
        assert_eq!(source.fetches(), 4);
    }

    #[tokio::test]
    async fn the_cache_does_not_print_what_it_holds() {
        let source = Source::default();
        let cache = CachedCredentials::new(&source);
        cache.get(&name(1), &version(1), at(0)).await.unwrap();
        assert!(!format!("{:?}", cache.kept).contains("hush"));
    }
}
