//! Lists: pages of at most 100 items, and the opaque cursors between them.

use crate::fields::unknown;
use crate::problem::{FieldError, Problem};
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use spacehook_store::{Cursor, Page, PageRequest};
use utoipa::{IntoParams, ToSchema};

/// Items of a page where the request does not say.
pub const LIMIT_DEFAULT: u32 = 50;
/// Items of a page, at most.
pub const LIMIT_MOST: u32 = 100;
const CURSOR_LIMIT: usize = 2_048;
const KNOWN: [&str; 2] = ["limit", "cursor"];

/// A page of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub data: Vec<T>,
    /// Give this as `cursor` to get the next page; null on the last page.
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
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let pairs = query.map_err(|_| Problem::parameter("query", "can't be read as form-encoded pairs"))?.0;
        read(&pairs).map(Self)
    }
}

fn read(pairs: &[(String, String)]) -> Result<PageRequest, Problem> {
    let mut errors = Vec::new();
    let mut request = PageRequest { limit: LIMIT_DEFAULT, cursor: None };
    for (place, (name, value)) in pairs.iter().enumerate() {
        let twice = pairs.iter().take(place).any(|(earlier, _)| earlier == name);
        let problem = match name.as_str() {
            _ if twice => Err("is there twice".to_owned()),
            "limit" => limit(value).map(|limit| request.limit = limit),
            "cursor" if value.is_empty() || value.len() > CURSOR_LIMIT => {
                Err("is not a cursor of this list".to_owned())
            }
            "cursor" => {
                request.cursor = Some(Cursor::from_text(value.as_str()));
                Ok(())
            }
            other => Err(unknown(other, &KNOWN)),
        };
        if let Err(detail) = problem {
            errors.push(FieldError { parameter: Some(name.clone()), detail, ..FieldError::default() });
        }
    }
    if errors.is_empty() { Ok(request) } else { Err(Problem::of_errors(errors)) }
}

fn limit(text: &str) -> Result<u32, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text.parse().ok().filter(|limit| digits && (1..=LIMIT_MOST).contains(limit));
    limit.ok_or_else(|| format!("must be a whole number from 1 to {LIMIT_MOST}"))
}
