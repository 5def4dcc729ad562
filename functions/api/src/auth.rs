//! Who calls, and what they may do.
//!
//! A caller is known by an API key (`Authorization: Bearer`), and the key says the tenant: no request names one, save those
//! of the operator about tenants. The first admin key is the text of a secret that the template generates; it acts as
//! admin of the first tenant and as operator of the deployment. Every other key is made through the API, and only a hash
//! of it is kept.
//!
//! **What a request costs before its handler.** One read for its key. Then, side by side, one read of its tenant's record
//! (is it suspended, how many requests may it make) and one write that counts it; once an hour, two writes that note the
//! key's use. Nothing of this is remembered between requests, so a key that is deleted, or a tenant that is suspended,
//! is refused with the next request, wherever it arrives. Only the first admin key is believed for [`REMEMBERED_MS`],
//! since Secrets Manager is slow and dear: a new one holds within five seconds.

use crate::App;
use crate::observe::{CallerSlot, RateSlot};
use crate::problem::{Kind, Problem};
use crate::strictness;
use axum::extract::FromRequestParts;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use spacehook_domain::api_key::{ApiKey, ApiKeyToken, Scope};
use spacehook_domain::ids::TenantId;
use spacehook_domain::request_rate::{Minute, Rate};
use spacehook_domain::tenant::{Status, Tenant};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// How long what is known of the first admin key is believed, in milliseconds.
pub const REMEMBERED_MS: i64 = 5_000;
/// What the first admin key is called.
pub const ADMIN_KEY_ID: &str = "first-admin";
/// The least length of an admin key: the template makes 48 characters.
const ADMIN_KEY_LEAST: usize = 32;
/// How long counting a request, or noting the use of a key, may take: neither is worth a slower answer.
const NOTING_LIMIT: Duration = Duration::from_millis(500);

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

impl Caller {
    /// True where the key may do what this scope allows.
    pub fn may(&self, needed: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.allows(needed))
    }
}

/// What an operation asks for.
pub trait Needs: Send + Sync {
    /// The scope.
    const SCOPE: Scope;

    /// Whether this caller may.
    fn are_met_by(caller: &Caller) -> bool {
        caller.may(Self::SCOPE)
    }
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
/// Operations on tenants.
#[derive(Debug)]
pub struct Operates;
/// Operations that any key may do: those about itself.
#[derive(Debug)]
pub struct Anyone;
/// Operations that publish events.
#[derive(Debug)]
pub struct Publishes;

impl Needs for Reads {
    const SCOPE: Scope = Scope::Read;
}
impl Needs for Writes {
    const SCOPE: Scope = Scope::Write;
}
impl Needs for Administers {
    const SCOPE: Scope = Scope::Admin;
}
impl Needs for Operates {
    const SCOPE: Scope = Scope::Operator;
}
impl Needs for Anyone {
    // Nobody is told of it.
    const SCOPE: Scope = Scope::Read;

    fn are_met_by(_: &Caller) -> bool {
        true
    }
}
impl Needs for Publishes {
    const SCOPE: Scope = Scope::Publish;
}

/// A caller who may do what `N` asks for. A handler that takes this can't be reached without.
#[derive(Debug)]
pub struct Allowed<N> {
    /// Who it is.
    pub caller: Caller,
    /// How their key stands with its limit; none where the count failed.
    pub rate: Option<Rate>,
    needs: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<App> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Admitted { caller, rate } = admit(&parts.headers, &mut parts.extensions, app).await?;
        if !N::are_met_by(&caller) {
            return Err(scope_missing(N::SCOPE));
        }
        strictness::check(parts).await?;
        Ok(Self { caller, rate, needs: PhantomData })
    }
}

/// That the caller's key lacks a scope.
pub fn scope_missing(needed: Scope) -> Problem {
    Problem::new(Kind::ScopeMissing, format!("This needs a key with the scope '{}'.", needed.as_str()))
}

/// A caller whose request was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Who it is.
    pub caller: Caller,
    /// How their key stands with its limit; none where the count failed.
    pub rate: Option<Rate>,
}

/// Finds out who calls, and whether they are served now: once a request, whoever asks.
pub async fn admit(headers: &HeaderMap, extensions: &mut Extensions, app: &App) -> Result<Admitted, Problem> {
    if let Some(admitted) = extensions.get::<Admitted>() {
        return Ok(admitted.clone());
    }
    let Known { caller, key } = authenticate(headers, app).await?;
    if let Some(slot) = extensions.get::<CallerSlot>() {
        slot.fill(&caller);
    }
    let (tenant, made, ()) =
        tokio::join!(app.tenants.tenant(&caller.tenant), count(app, &caller), note_use(app, key.as_ref()));
    let tenant = tenant?.unwrap_or_else(|| Tenant::unrecorded(caller.tenant.clone()));
    let limit = tenant.limits.requests_per_minute.unwrap_or(app.requests_per_minute);
    let rate = made.map(|(made, reset_s)| Rate { limit, made, reset_s });
    if let (Some(rate), Some(slot)) = (rate, extensions.get::<RateSlot>()) {
        slot.fill(rate);
    }
    if let Status::Suspended { since, reason } = &tenant.status {
        return Err(suspended(*since, reason.as_deref()));
    }
    if let Some(rate) = rate.filter(Rate::is_exceeded) {
        return Err(rate_limited(&rate));
    }
    let admitted = Admitted { caller, rate };
    extensions.insert(admitted.clone());
    Ok(admitted)
}

fn suspended(since: Timestamp, reason: Option<&str>) -> Problem {
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    Problem::new(Kind::TenantSuspended, format!("The tenant is suspended since {since}{reason}"))
}

fn rate_limited(rate: &Rate) -> Problem {
    let detail = format!("The key may make {} requests a minute and has made as many.", rate.limit);
    Problem::new(Kind::RateLimited, detail).with_header(RETRY_AFTER, HeaderValue::from(rate.reset_s))
}

/// Counts a request; how many the key has made in this minute, and the seconds left of it. Where the count fails, the
/// request is let through: a limit protects us, and must not be what fails.
async fn count(app: &App, caller: &Caller) -> Option<(u64, u64)> {
    let now = app.now();
    let minute = Minute::holding(now);
    let counting = app.requests.count_request(&caller.tenant, &caller.key_id, minute);
    let cause = match tokio::time::timeout(NOTING_LIMIT, counting).await {
        Ok(Ok(made)) => return Some((made, minute.left_s(now))),
        Ok(Err(failed)) => failed.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(tenant = %caller.tenant, key_id = caller.key_id, cause, "a request is let through uncounted");
    None
}

/// Notes that a key is used, now and then.
async fn note_use(app: &App, key: Option<&ApiKey>) {
    let now = app.now();
    let Some(key) = key.filter(|key| key.is_use_to_be_noted(now)) else { return };
    let cause = match tokio::time::timeout(NOTING_LIMIT, app.keys.note_key_use(key, now)).await {
        Ok(Ok(())) => return,
        Ok(Err(failed)) => failed.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(tenant = %key.tenant, key_id = %key.id, cause, "the use of a key is not noted");
}

/// The first admin key, as it was some seconds ago.
#[derive(Debug, Default)]
pub struct AdminKey(Mutex<Option<(SecretString, Timestamp)>>);

impl AdminKey {
    fn remembered(&self, now: Timestamp) -> Option<SecretString> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let holds = |at: Timestamp| (0..REMEMBERED_MS).contains(&(now.as_millisecond() - at.as_millisecond()));
        known.filter(|(_, at)| holds(*at)).map(|(key, _)| key)
    }

    fn remember(&self, key: SecretString, at: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, at));
    }
}

/// Who a key is of, and the key, where it is one that the API made.
struct Known {
    caller: Caller,
    key: Option<ApiKey>,
}

async fn authenticate(headers: &HeaderMap, app: &App) -> Result<Known, Problem> {
    let presented = bearer(headers)?;
    let known = match ApiKeyToken::parse(presented) {
        Some(token) => by_key(&token, app).await?,
        None => by_admin_key(presented, app).await?,
    };
    known.ok_or_else(|| unauthenticated("The API key is not valid.", INVALID))
}

/// The key that a request presents; it is secret.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.ok_or_else(|| unauthenticated("Send an API key, as in 'Authorization: Bearer shk_…'.", "Bearer"))
}

const INVALID: &str = "Bearer error=\"invalid_token\"";
const EXPIRED: &str = "Bearer error=\"invalid_token\", error_description=\"The API key has expired\"";

fn unauthenticated(detail: &str, challenge: &'static str) -> Problem {
    Problem::new(Kind::Unauthenticated, detail).with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

async fn by_key(token: &ApiKeyToken, app: &App) -> Result<Option<Known>, Problem> {
    let read = app.keys.key(token.id()).await?;
    let Some(key) = read.filter(|key| key.hash.matches(&token.hash())) else { return Ok(None) };
    if let Some(at) = key.expires_at.filter(|_| key.has_expired(app.now())) {
        return Err(unauthenticated(&format!("The API key expired at {at}."), EXPIRED));
    }
    let caller = Caller { tenant: key.tenant.clone(), key_id: key.id.to_string(), scopes: key.scopes.clone() };
    Ok(Some(Known { caller, key: Some(key) }))
}

async fn by_admin_key(presented: &str, app: &App) -> Result<Option<Known>, Problem> {
    if presented.len() < ADMIN_KEY_LEAST {
        return Ok(None);
    }
    let key = admin_key(app).await?;
    let key = key.expose_secret();
    // A secret that somebody emptied or shortened opens nothing.
    let valid = key.len() >= ADMIN_KEY_LEAST && bool::from(key.as_bytes().ct_eq(presented.as_bytes()));
    let scopes = BTreeSet::from([Scope::Admin, Scope::Operator]);
    let caller = Caller { tenant: app.first_tenant.clone(), key_id: ADMIN_KEY_ID.to_owned(), scopes };
    Ok(valid.then_some(Known { caller, key: None }))
}

async fn admin_key(app: &App) -> Result<SecretString, Problem> {
    let now = app.now();
    if let Some(known) = app.admin_key.remembered(now) {
        return Ok(known);
    }
    let key = app.secrets.admin_key().await.map_err(|error| Problem::unavailable(&error.to_string()))?;
    app.admin_key.remember(key.clone(), now);
    Ok(key)
}
