//! API keys: made, listed and deleted by an admin.

use crate::App;
use crate::auth::{Administers, Allowed, scope_name};
use crate::body::JsonBody;
use crate::fields::{At, Errors};
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::Problem;
use crate::reference::key_in_path;
use crate::registry;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::api_key::{ApiKey, ApiKeyToken, Scope};
use std::collections::BTreeSet;
use utoipa::ToSchema;

operations!(pub create_api_key, list_api_keys, delete_api_key);

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Scope)]
pub enum ScopeName {
    /// Everything, keys included.
    Admin,
    /// Change all but keys; includes read.
    Write,
    /// Read.
    Read,
    /// Publish events.
    Publish,
}

const SCOPES: [Scope; 4] = [Scope::Admin, Scope::Write, Scope::Read, Scope::Publish];

impl From<Scope> for ScopeName {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Admin => Self::Admin,
            Scope::Write => Self::Write,
            Scope::Read => Self::Read,
            Scope::Publish => Self::Publish,
        }
    }
}

/// A new key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for.
    #[schema(min_length = 1, max_length = 200, example = "Dashboard")]
    pub name: String,
    /// What it may do.
    #[schema(min_items = 1)]
    pub scopes: Vec<ScopeName>,
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
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
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
            scopes: key.scopes.iter().map(|scope| (*scope).into()).collect(),
            created_at: key.created_at,
        }
    }
}

/// The fields that a client may write.
const FIELDS: &[&str] = &["name", "scopes"];

fn read(body: &Value) -> Result<(String, BTreeSet<Scope>), Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let name = fields.required("name", |at| at.parsed(registry::name));
        let scopes = fields.required("scopes", |at| at.set(1, SCOPES.len(), parse_scope));
        Some((name?, scopes?))
    });
    errors.finish(read)
}

fn parse_scope(text: &str) -> Result<Scope, &'static str> {
    let scope = SCOPES.into_iter().find(|scope| scope_name(*scope) == text);
    scope.ok_or("must be one of admin, write, read, publish")
}

/// Create an API key
///
/// The answer has the key; it is shown this once, and only a hash of it is kept.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "api keys", security(("api_key" = ["admin"])),
    request_body = NewApiKey, responses((status = 201, description = "Created", body = CreatedApiKey))
)]
async fn create_api_key(
    State(app): State<App>,
    allowed: Allowed<Administers>,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, Json<CreatedApiKey>), Problem> {
    let (name, scopes) = read(&body)?;
    let token = ApiKeyToken::from_random(app.random()?, app.random()?);
    let tenant = allowed.caller.tenant;
    let key = ApiKey { id: token.id().clone(), tenant, name, scopes, hash: token.hash(), created_at: app.now() };
    if !app.keys.create_key(&key).await? {
        return Err(Problem::unavailable("an id that was drawn for a key is another's"));
    }
    // The id may have been asked for before it was a key's.
    app.known_keys.forget(&key.id);
    let created = CreatedApiKey { key: ApiKeyView::from(&key), token: token.text().expose_secret().to_owned() };
    Ok((StatusCode::CREATED, Json(created)))
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
) -> Result<Json<List<ApiKeyView>>, Problem> {
    let page = app.keys.list_keys(&allowed.caller.tenant, page).await?;
    Ok(Json(List::of(page, |key| ApiKeyView::from(&key))))
}

/// Delete an API key
///
/// It stops working within 5 seconds.
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
    let id = key_in_path(&id)?;
    let was_there = app.keys.delete_key(&allowed.caller.tenant, &id).await?;
    app.known_keys.forget(&id);
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("API key")) }
}
