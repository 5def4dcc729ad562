//! What goes into an attempt and what comes out.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use spacehook_domain::attempt::Outcome;
use spacehook_domain::failure::ATTEMPT_DEADLINE;
use spacehook_domain::receiver::ReceiverUrl;

/// One POST to a receiver.
#[derive(Clone)]
pub struct AttemptRequest {
    /// The receiver.
    pub url: ReceiverUrl,
    /// All headers but `host` and `content-length`. Secret values are to be marked sensitive.
    pub headers: HeaderMap,
    /// The body, as it was signed.
    pub body: Bytes,
    /// How long the attempt may take in all, from look-up to the end of the answer.
    pub deadline: Duration,
}

impl AttemptRequest {
    /// A request with the usual deadline, [`ATTEMPT_DEADLINE`].
    pub fn new(url: ReceiverUrl, headers: HeaderMap, body: Bytes) -> Self {
        Self { url, headers, body, deadline: ATTEMPT_DEADLINE }
    }
}

impl fmt::Debug for AttemptRequest {
    /// The origin, the names of the headers and the size of the body: nothing secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header_names: Vec<_> = self.headers.keys().map(http::HeaderName::as_str).collect();
        formatter
            .debug_struct("AttemptRequest")
            .field("url", &self.url)
            .field("header_names", &header_names)
            .field("body_bytes", &self.body.len())
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptResult {
    /// Accepted, or failed with a reason and, of an answer, its status and first 1 KiB.
    pub outcome: Outcome,
    /// From the start of the attempt to its end.
    pub duration: Duration,
    /// The `retry-after` header of the answer as it came, if it is visible ASCII of at most 64 bytes.
    pub retry_after: Option<String>,
    /// Whether the request was sent twice, since the pooled connection it was first sent on turned out to be dead.
    pub resent: bool,
}

impl AttemptResult {
    /// Whether the receiver accepted.
    pub fn is_accepted(&self) -> bool {
        self.outcome.is_accepted()
    }
}

/// A complete answer, for those who need what it says. Its body may hold a secret, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct WholeAnswer {
    /// Its status, of whatever class.
    pub status: u16,
    /// Its body: at most [`crate::MAX_ANSWER_BYTES`], the rest is not read. It may be cut short where the status says
    /// that the request failed.
    pub body: Vec<u8>,
    /// As [`AttemptResult::retry_after`].
    pub retry_after: Option<String>,
}

impl WholeAnswer {
    /// The first 1 KiB of the body as text for people. `None` if there is none.
    pub fn excerpt(&self) -> Option<String> {
        crate::answer::excerpt(&self.body)
    }
}

impl fmt::Debug for WholeAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WholeAnswer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("retry_after", &self.retry_after)
            .finish()
    }
}

/// An attempt that could not be made, for reasons that are not the receiver's. Not to be recorded as its failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttemptError {
    /// The request cannot be built. The cause is dropped: it could repeat the URL, which may be a secret.
    #[error("the request cannot be built")]
    Unbuildable,
    /// This machine lacks what a connection needs: file descriptors, memory.
    #[error("no resources for another connection")]
    Resources(#[source] io::Error),
    /// A name was to be resolved outside an attempt, where the port to vet is unknown. Nothing was connected to.
    #[error("a receiver's name was to be resolved outside an attempt")]
    Unguarded,
}
