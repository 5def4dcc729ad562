//! Who calls, and what they may do.
//!
//! A caller is known by an API key (`Authorization: Bearer`), and the key says the tenant: no request names one. The
//! first admin key is the text of a secret that the template generates; it acts as admin of the first tenant. Every
//! other key is made through the API, and only a hash of it is kept.
//!
//! **Revocation.** What is known of a key is remembered for [`REMEMBERED_MS`], so a deleted key stops working within
//! five seconds everywhere, and at once in the instance that deleted it.

use crate::App;
use crate::observe::CallerSlot;
use crate::problem::{Kind, Problem};
use axum::extract::FromRequestParts;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use spacehook_domain::api_key::{ApiKey, ApiKeyToken, KeyId, Scope};
use spacehook_domain::ids::TenantId;
use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};
use subtle::ConstantTimeEq as _;

/// How long what is known of a key is believed, in milliseconds.
pub const REMEMBERED_MS: i64 = 5_000;
/// Keys remembered, at most, also of those that do not exist.
const REMEMBERED: usize = 1_000;
/// The least length of an admin key: the template makes 48 characters.
const ADMIN_KEY_LEAST: usize = 32;
/// What the log calls the first admin key.
const ADMIN_KEY_ID: &str = "first-admin";

/// Somebody with a valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose key it is: all that they can see or change.
    pub tenant: TenantId,
    /// What the key is called; not secret.
    pub key_id: String,
    /// What the key may do.
    pub scopes: BTreeSet<Scope>,
}

/// What an operation asks for.
pub trait Needs: Send + Sync {
    /// The scope.
    const SCOPE: Scope;
}

/// Operations that change nothing.
#[derive(Debug)]
pub struct Reads;
/// Operations that change something.
#[derive(Debug)]
pub struct Writes;
/// Operations on keys.
#[derive(Debug)]
pub struct Administers;

impl Needs for Reads {
    const SCOPE: Scope = Scope::Read;
}
impl Needs for Writes {
    const SCOPE: Scope = Scope::Write;
}
impl Needs for Administers {
    const SCOPE: Scope = Scope::Admin;
}

/// A caller who may do what `N` asks for. A handler that takes this can't be reached without.
#[derive(Debug)]
pub struct Allowed<N> {
    /// Who it is.
    pub caller: Caller,
    needs: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<App> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = authenticate(&parts.headers, app).await?;
        if let Some(slot) = parts.extensions.get::<CallerSlot>() {
            slot.fill(&caller);
        }
        if caller.scopes.iter().any(|scope| scope.allows(N::SCOPE)) {
            Ok(Self { caller, needs: PhantomData })
        } else {
            let needed = scope_name(N::SCOPE);
            Err(Problem::new(Kind::ScopeMissing, format!("This needs a key with the scope '{needed}'.")))
        }
    }
}

/// The scope as clients write it.
pub fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Admin => "admin",
        Scope::Write => "write",
        Scope::Read => "read",
        Scope::Publish => "publish",
    }
}

/// Keys of the last seconds.
#[derive(Debug, Default)]
pub struct Keys {
    by_id: Mutex<HashMap<KeyId, Remembered<Option<ApiKey>>>>,
    admin: Mutex<Option<Remembered<SecretString>>>,
}

#[derive(Debug, Clone)]
struct Remembered<T> {
    what: T,
    at: Timestamp,
}

impl<T> Remembered<T> {
    fn holds(&self, now: Timestamp) -> bool {
        (0..REMEMBERED_MS).contains(&(now.as_millisecond() - self.at.as_millisecond()))
    }
}

impl Keys {
    /// Forgets a key: what is known of it is asked for again.
    pub fn forget(&self, id: &KeyId) {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn remembered(&self, id: &KeyId, now: Timestamp) -> Option<Remembered<Option<ApiKey>>> {
        let by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        by_id.get(id).filter(|known| known.holds(now)).cloned()
    }

    fn remember(&self, id: KeyId, what: Option<ApiKey>, at: Timestamp) {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        if by_id.len() >= REMEMBERED {
            by_id.retain(|_, known| known.holds(at));
        }
        // Still full: somebody tries ids. Forgetting all costs each true key one read.
        if by_id.len() >= REMEMBERED {
            by_id.clear();
        }
        by_id.insert(id, Remembered { what, at });
    }
}

async fn authenticate(headers: &HeaderMap, app: &App) -> Result<Caller, Problem> {
    let presented = bearer(headers)?;
    let caller = match ApiKeyToken::parse(presented) {
        Some(token) => by_key(&token, app).await?,
        None => by_admin_key(presented, app).await?,
    };
    caller.ok_or_else(|| unauthenticated("The API key is not valid.", "Bearer error=\"invalid_token\""))
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.ok_or_else(|| unauthenticated("Send an API key, as in 'Authorization: Bearer shk_…'.", "Bearer"))
}

fn unauthenticated(detail: &str, challenge: &'static str) -> Problem {
    Problem::new(Kind::Unauthenticated, detail).with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

async fn by_key(token: &ApiKeyToken, app: &App) -> Result<Option<Caller>, Problem> {
    let now = app.now();
    let known = if let Some(known) = app.known_keys.remembered(token.id(), now) {
        known.what
    } else {
        let read = app.keys.key(token.id()).await?;
        app.known_keys.remember(token.id().clone(), read.clone(), now);
        read
    };
    let valid = known.filter(|key| key.hash.matches(&token.hash()));
    Ok(valid.map(|key| Caller { tenant: key.tenant, key_id: key.id.to_string(), scopes: key.scopes }))
}

async fn by_admin_key(presented: &str, app: &App) -> Result<Option<Caller>, Problem> {
    if presented.len() < ADMIN_KEY_LEAST {
        return Ok(None);
    }
    let key = admin_key(app).await?;
    let key = key.expose_secret();
    // A secret that somebody emptied or shortened opens nothing.
    let valid = key.len() >= ADMIN_KEY_LEAST && bool::from(key.as_bytes().ct_eq(presented.as_bytes()));
    Ok(valid.then(|| Caller {
        tenant: app.first_tenant.clone(),
        key_id: ADMIN_KEY_ID.to_owned(),
        scopes: BTreeSet::from([Scope::Admin]),
    }))
}

async fn admin_key(app: &App) -> Result<SecretString, Problem> {
    let now = app.now();
    let slot = &app.known_keys.admin;
    let remembered = slot.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|known| known.holds(now));
    if let Some(known) = remembered {
        return Ok(known.what);
    }
    let key = app.secrets.admin_key().await.map_err(|error| Problem::unavailable(&error.to_string()))?;
    let known = Remembered { what: key.clone(), at: now };
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    Ok(key)
}
