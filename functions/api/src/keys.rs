//! API keys: made, listed and deleted by an admin.

use crate::App;
use crate::auth::{Administers, Allowed, Anyone, Caller, scope_missing};
use crate::body::JsonBody;
use crate::fields::{At, Errors};
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::{Kind, Problem};
use crate::reference::key_in_path;
use crate::registry;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::api_key::{ApiKey, ApiKeyToken, KEYS_LIMIT, KeyId, Role, Scope};
use spacehook_domain::ids::TenantId;
use spacehook_store::KeyCreated;
use std::collections::BTreeSet;
use utoipa::ToSchema;

operations!(pub create_api_key, list_api_keys, delete_api_key, get_api_key, get_own_api_key);

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Scope)]
pub enum ScopeName {
    /// Everything in the key's tenant, keys included.
    Admin,
    /// Change all but keys; includes read.
    Write,
    /// Read.
    Read,
    /// Publish events.
    Publish,
    /// Make, limit and suspend tenants, and make keys of them; no other scope includes it.
    Operator,
}

impl From<Scope> for ScopeName {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Admin => Self::Admin,
            Scope::Write => Self::Write,
            Scope::Read => Self::Read,
            Scope::Publish => Self::Publish,
            Scope::Operator => Self::Operator,
        }
    }
}

/// A shorthand for scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Role)]
pub enum RoleName {
    /// Everything in its tenant: the scope `admin`.
    Owner,
    /// Reads: the scope `read`.
    Viewer,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Viewer => Self::Viewer,
        }
    }
}

/// A new key: `role` or `scopes`, one of the two.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for.
    #[schema(min_length = 1, max_length = 200, example = "Dashboard")]
    pub name: String,
    /// What it may do, in a word.
    #[schema(example = "viewer")]
    pub role: Option<RoleName>,
    /// What it may do. None that the key lacks with which it is made.
    #[schema(min_items = 1)]
    pub scopes: Option<Vec<ScopeName>>,
    /// From when on it opens nothing: in the future. Without one it never expires.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A key, without its secret part.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct ApiKeyView {
    /// The part of it that is not secret.
    #[schema(example = "0f1e2d3c4b5a6978")]
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<ScopeName>,
    /// Its scopes in a word, where there is one.
    #[schema(required)]
    pub role: Option<RoleName>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// From when on it opens nothing; null where it never expires.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the hour; null where it never was.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_used_at: Option<Timestamp>,
}

/// The key that asks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OwnApiKey {
    /// The tenant that it is of.
    #[schema(example = "default")]
    pub tenant: String,
    /// The part of it that is not secret; `first-admin` for the first admin key.
    #[schema(example = "0f1e2d3c4b5a6978")]
    pub id: String,
    /// What it may do.
    pub scopes: Vec<ScopeName>,
    /// Its scopes in a word, where there is one.
    #[schema(required)]
    pub role: Option<RoleName>,
    /// From when on it opens nothing; null where it never expires.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub expires_at: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedApiKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKeyView,
    /// The whole key, for `Authorization: Bearer`. It is shown this once.
    pub token: String,
}

impl From<&ApiKey> for ApiKeyView {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            scopes: scopes_shown(&key.scopes),
            role: Role::of(&key.scopes).map(RoleName::from),
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
        }
    }
}

fn scopes_shown(scopes: &BTreeSet<Scope>) -> Vec<ScopeName> {
    scopes.iter().map(|scope| (*scope).into()).collect()
}

/// The fields that a client may write.
const FIELDS: &[&str] = &["name", "role", "scopes", "expires_at"];

/// What a client says of a new key.
struct Draft {
    name: String,
    scopes: BTreeSet<Scope>,
    expires_at: Option<Timestamp>,
}

fn read(body: &Value, now: Timestamp) -> Result<Draft, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let name = fields.required("name", |at| at.parsed(registry::name));
        let role = fields.optional("role", |at| at.parsed(parse_role).map(Some));
        let scopes = fields.optional("scopes", |at| at.set(1, Scope::ALL.len(), parse_scope).map(Some));
        let expires_at = fields.optional("expires_at", |at| at.parsed(|text| parse_expiry(text, now)).map(Some));
        let scopes = match (role?, scopes?) {
            (Some(role), None) => Some(role.scopes()),
            (None, Some(scopes)) => Some(scopes),
            (None, None) => {
                errors.refuse("/scopes", "is required, unless there is a role");
                None
            }
            (Some(_), Some(_)) => {
                errors.refuse("/role", "can't be given beside scopes: it is another word for them");
                None
            }
        };
        Some(Draft { name: name?, scopes: scopes?, expires_at: expires_at? })
    });
    errors.finish(read)
}

fn parse_scope(text: &str) -> Result<Scope, &'static str> {
    let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == text);
    scope.ok_or("must be one of admin, write, read, publish, operator")
}

fn parse_role(text: &str) -> Result<Role, &'static str> {
    let role = Role::ALL.into_iter().find(|role| role.as_str() == text);
    role.ok_or("must be 'owner' or 'viewer'")
}

fn parse_expiry(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    let at: Timestamp = text.parse().map_err(|_| "must be a time by RFC 3339, such as 2030-01-31T00:00:00Z")?;
    // To the millisecond, as all times that are stored.
    let at = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    if at > now { Ok(at) } else { Err("must be in the future") }
}

/// Makes a key of a tenant. `may_give` says which scopes it may have.
pub(crate) async fn create(
    app: &App,
    tenant: TenantId,
    body: &Value,
    may_give: impl Fn(Scope) -> bool,
) -> Result<Response, Problem> {
    let Draft { name, scopes, expires_at } = read(body, app.now())?;
    if let Some(lacking) = scopes.iter().find(|scope| !may_give(**scope)) {
        let lacking = lacking.as_str();
        let detail = format!("To give a key the scope '{lacking}' takes a key that has it.");
        return Err(Problem::new(Kind::ScopeMissing, detail));
    }
    let token = ApiKeyToken::from_random(app.random()?, app.random()?);
    let key = ApiKey {
        id: token.id().clone(),
        tenant,
        name,
        scopes,
        hash: token.hash(),
        created_at: app.now(),
        expires_at,
        last_used_at: None,
    };
    match app.keys.create_key(&key).await? {
        KeyCreated::Yes => {}
        KeyCreated::Conflict => return Err(Problem::unavailable("an id that was drawn for a key is another's")),
        KeyCreated::Full => {
            let detail = format!("A tenant can have {KEYS_LIMIT} API keys and has as many, expired ones included.");
            return Err(Problem::new(Kind::LimitReached, detail));
        }
    }
    let created = CreatedApiKey { key: ApiKeyView::from(&key), token: token.text().expose_secret().to_owned() };
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Create an API key
///
/// The answer has the key; it is shown this once, and only a hash of it is kept. A key gives no scope that it lacks: only a
/// key with the scope `operator` makes another one. A tenant has at most 100.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "api keys", security(("api_key" = ["admin"])),
    request_body = NewApiKey,
    responses(
        (status = 201, description = "Created", body = CreatedApiKey),
        (status = 409, description = "The tenant has as many keys as it can", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn create_api_key(
    State(app): State<App>,
    allowed: Allowed<Administers>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let caller = &allowed.caller;
    create(&app, caller.tenant.clone(), &body, |scope| caller.may(scope)).await
}

/// List the API keys
///
/// Without the first admin key, which is in Secrets Manager.
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "api keys", security(("api_key" = ["admin"])),
    params(PageParameters), responses((status = 200, description = "A page", body = List<ApiKeyView>))
)]
async fn list_api_keys(
    State(app): State<App>,
    allowed: Allowed<Administers>,
    Paging(page): Paging,
) -> Result<List<ApiKeyView>, Problem> {
    let page = app.keys.list_keys(&allowed.caller.tenant, page).await?;
    Ok(List::of(page, |key| ApiKeyView::from(&key)))
}

/// Get an API key
#[utoipa::path(
    get, path = "/v1/api-keys/{id}", tag = "api keys", security(("api_key" = ["admin"])),
    params(("id" = String, Path, description = "The part of the key that is not secret")),
    responses((status = 200, description = "The key, without its secret part", body = ApiKeyView))
)]
async fn get_api_key(
    State(app): State<App>,
    allowed: Allowed<Administers>,
    Path(id): Path<String>,
) -> Result<Json<ApiKeyView>, Problem> {
    Ok(Json(ApiKeyView::from(&of_tenant(&app, &allowed.caller, &id).await?)))
}

async fn of_tenant(app: &App, caller: &Caller, id: &str) -> Result<ApiKey, Problem> {
    let key = app.keys.key(&key_in_path(id)?).await?.filter(|key| key.tenant == caller.tenant);
    key.ok_or_else(|| Problem::not_found("API key"))
}

/// Get the key that asks
///
/// Whose it is, and what it may do. Every key may ask.
#[utoipa::path(
    get, path = "/v1/api-keys/self", tag = "api keys", security(("api_key" = [])),
    responses((status = 200, description = "The key", body = OwnApiKey))
)]
async fn get_own_api_key(State(app): State<App>, allowed: Allowed<Anyone>) -> Result<Json<OwnApiKey>, Problem> {
    let Caller { tenant, key_id, scopes } = allowed.caller;
    let key = match KeyId::parse(key_id.as_str()) {
        Ok(id) => app.keys.key(&id).await?,
        // The first admin key is no record.
        Err(_) => None,
    };
    Ok(Json(OwnApiKey {
        tenant: tenant.into(),
        id: key_id,
        role: Role::of(&scopes).map(RoleName::from),
        scopes: scopes_shown(&scopes),
        expires_at: key.and_then(|key| key.expires_at),
    }))
}

/// Delete an API key
///
/// It stops working at once. A key with the scope `operator` is deleted by such a key only.
#[utoipa::path(
    delete, path = "/v1/api-keys/{id}", tag = "api keys", security(("api_key" = ["admin"])),
    params(("id" = String, Path, description = "The part of the key that is not secret")),
    responses((status = 204, description = "Deleted"))
)]
async fn delete_api_key(
    State(app): State<App>,
    allowed: Allowed<Administers>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = &allowed.caller;
    let key = of_tenant(&app, caller, &id).await?;
    if key.scopes.contains(&Scope::Operator) && !caller.may(Scope::Operator) {
        return Err(scope_missing(Scope::Operator));
    }
    let was_there = app.keys.delete_key(&caller.tenant, &key.id).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("API key")) }
}
