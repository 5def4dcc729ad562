//! Lists: pages of at most 100 items, and the opaque cursors between them.

use crate::parameters::Parameters;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spacehook_store::{Cursor, Page, PageRequest};
use utoipa::{IntoParams, ToSchema};

/// Items of a page where the request does not say.
pub const LIMIT_DEFAULT: u32 = 50;
/// Items of a page, at most.
pub const LIMIT_MOST: u32 = 100;
const CURSOR_LIMIT: usize = 2_048;

/// A page of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub data: Vec<T>,
    /// Give this as `cursor`, with the same other parameters, to get the next page; null on the last page.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// The page of these items, each as `show` makes it.
    pub fn of<U>(page: Page<U>, show: impl FnMut(U) -> T) -> Self {
        Self {
            data: page.items.into_iter().map(show).collect(),
            next_cursor: page.next.map(|cursor| cursor.as_str().to_owned()),
        }
    }
}

/// Written into a vector: the buffer that [`axum::Json`] writes into takes each piece of text by a call of its own.
impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self) {
            Ok(written) => ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], written).into_response(),
            Err(error) => {
                tracing::error!(%error, "a list can't be written as JSON");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Parameters of a list, for the document.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParameters {
    /// Items wanted, at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before. Opaque; it stays valid when items are added or deleted.
    #[param(max_length = 2048)]
    pub cursor: Option<String>,
}

/// Which page is wanted.
#[derive(Debug)]
pub struct Paging(pub PageRequest);

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(&parts.uri)?;
        let page = read(&mut parameters);
        parameters.finish().map(|()| Self(page))
    }
}

/// A time of a query or a body.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "must be a time by RFC 3339, such as 2026-02-02T14:19:00Z".to_owned())
}

/// Which page the parameters ask for; what is wrong with them is noted.
pub fn read(parameters: &mut Parameters) -> PageRequest {
    let limit = parameters.read("limit", limit);
    let cursor = parameters.read("cursor", |text| {
        let may_be_one = !text.is_empty() && text.len() <= CURSOR_LIMIT;
        if may_be_one { Ok(Cursor::from_text(text)) } else { Err("is not a cursor of this list") }
    });
    PageRequest { limit: limit.unwrap_or(LIMIT_DEFAULT), cursor }
}

fn limit(text: &str) -> Result<u32, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text.parse().ok().filter(|limit| digits && (1..=LIMIT_MOST).contains(limit));
    limit.ok_or_else(|| format!("must be a whole number from 1 to {LIMIT_MOST}"))
}
