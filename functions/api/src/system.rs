//! What needs no key: whether the API runs, its document, and what its problems mean.

use crate::openapi;
use crate::operations::operations;
use crate::problem::{Kind, Problem};
use axum::Json;
use axum::extract::Path;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

operations!(pub get_health, get_openapi_document, get_problem_kind);

/// That the API runs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// The version of Spacehook.
    pub version: String,
}

/// A kind of problem.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemKind {
    /// The `type` of problems of this kind.
    pub r#type: String,
    /// It in a few words.
    pub title: String,
    /// The HTTP status it comes with.
    pub status: u16,
    /// What it means, and what to do about it.
    pub meaning: String,
}

/// Whether the API runs
#[utoipa::path(
    get, path = "/health", tag = "system", responses((status = 200, description = "It runs", body = Health))
)]
async fn get_health() -> Json<Health> {
    Json(Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// This document
#[utoipa::path(
    get, path = "/openapi.json", tag = "system",
    responses((status = 200, description = "The API, as OpenAPI 3.1", body = Object))
)]
async fn get_openapi_document() -> ([(HeaderName, HeaderValue); 2], &'static str) {
    let json = HeaderValue::from_static("application/json");
    let for_a_while = HeaderValue::from_static("public, max-age=300");
    ([(CONTENT_TYPE, json), (CACHE_CONTROL, for_a_while)], openapi::DOCUMENT)
}

/// What a kind of problem means
///
/// The `type` of a problem is a path of this API.
#[utoipa::path(
    get, path = "/problems/{kind}", tag = "system",
    params(("kind" = String, Path, description = "The last part of a problem's `type`")),
    responses((status = 200, description = "The kind", body = ProblemKind))
)]
async fn get_problem_kind(Path(name): Path<String>) -> Result<Json<ProblemKind>, Problem> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    let kind = kind.ok_or_else(|| Problem::not_found("kind of problem"))?;
    Ok(Json(ProblemKind {
        r#type: kind.uri(),
        title: kind.title().to_owned(),
        status: kind.status().as_u16(),
        meaning: kind.meaning().to_owned(),
    }))
}
