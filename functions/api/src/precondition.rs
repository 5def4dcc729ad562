//! Revisions as entity tags: `ETag`, and `If-Match` on changes (RFC 9110).

use crate::problem::{Kind, Problem};
use axum::extract::FromRequestParts;
use http::HeaderValue;
use http::header::{ETAG, HeaderName, IF_MATCH};
use http::request::Parts;

/// What `If-Match` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: there is no such header, or it is `*`, which every resource that exists meets.
    None,
    /// One of these revisions.
    Revisions(Vec<u64>),
}

impl Precondition {
    /// Refuses a change of another revision.
    pub fn check(&self, revision: u64) -> Result<(), Problem> {
        match self {
            Self::Revisions(wanted) if !wanted.contains(&revision) => Err(Self::failed()),
            _ => Ok(()),
        }
    }

    /// True where the client named a revision: then a change that came between is its to judge.
    pub fn is_strict(&self) -> bool {
        *self != Self::None
    }

    /// That the revision is another one.
    pub fn failed() -> Problem {
        Problem::new(Kind::PreconditionFailed, Kind::PreconditionFailed.meaning())
    }

    /// That the resource has no revision that could be named.
    pub fn unknown() -> Problem {
        let detail = "This operation knows no revisions: send it without `If-Match`, or with `*`.";
        Problem::new(Kind::PreconditionFailed, detail)
    }

    /// Reads the value of the header. What is not one of our tags matches no revision, as the standard has it.
    fn read(value: &str) -> Self {
        if value.trim() == "*" {
            return Self::None;
        }
        let revision = |tag: &str| tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        Self::Revisions(value.split(',').filter_map(revision).collect())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Precondition {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let values: Vec<_> = parts.headers.get_all(IF_MATCH).iter().map(|value| value.to_str().unwrap_or("")).collect();
        Ok(if values.is_empty() { Self::None } else { Self::read(&values.join(",")) })
    }
}

/// The header that says which revision an answer shows.
pub fn etag(revision: u64) -> [(HeaderName, HeaderValue); 1] {
    let value = HeaderValue::from_str(&format!("\"{revision}\""));
    // A number in quotes is a header value.
    [(ETAG, value.unwrap_or(HeaderValue::from_static("\"0\"")))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_match_as_the_standard_says() {
        let table = [
            ("*", true),
            ("\"3\"", true),
            ("\"1\", \"3\"", true),
            ("\"2\"", false),
            // A weak tag never matches where bytes must be the same.
            ("W/\"3\"", false),
            ("3", false),
            ("", false),
        ];
        for (value, expected) in table {
            assert_eq!(Precondition::read(value).check(3).is_ok(), expected, "{value}");
        }
    }
}
