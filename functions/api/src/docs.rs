//! The documentation of the API for people, made of the document in their browser.
//!
//! The page is three files that are compiled in: nothing is loaded from elsewhere, and its policy has the browser refuse
//! what would be. What it shows comes from the document and is only ever set as text.

use crate::operations::operations;
use crate::problem::Problem;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

operations!(pub get_docs_page, get_docs_file);

const PAGE: &str = include_str!("docs/page.html");
const SCRIPT: &str = include_str!("docs/page.js");
const STYLE: &str = include_str!("docs/page.css");
/// What the page may load: its own script and style, and the document.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

fn file(content_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "public, max-age=300"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, content).into_response()
}

/// This documentation, for people
#[utoipa::path(
    get, path = "/docs", tag = "system",
    responses((status = 200, description = "A page that shows the document", body = String, content_type = "text/html"))
)]
async fn get_docs_page() -> Response {
    file("text/html; charset=utf-8", PAGE)
}

/// A part of the documentation's page
#[utoipa::path(
    get, path = "/docs/{file}", tag = "system",
    params(("file" = String, Path, description = "`page.js` or `page.css`")),
    responses((status = 200, description = "The file", content(
        (String = "text/javascript"), (String = "text/css"))))
)]
async fn get_docs_file(Path(name): Path<String>) -> Result<Response, Problem> {
    match name.as_str() {
        "page.js" => Ok(file("text/javascript; charset=utf-8", SCRIPT)),
        "page.css" => Ok(file("text/css; charset=utf-8", STYLE)),
        _ => Err(Problem::not_found("file")),
    }
}
