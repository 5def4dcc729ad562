//! One attempt of a delivery over HTTPS: guarded, bounded, explained.
//!
//! # What an attempt promises
//!
//! - **Guarded.** It connects only to addresses that [`ReceiverPolicy`](spacehook_domain::receiver::ReceiverPolicy)
//!   accepts. Every address that DNS gives is vetted in the resolver, between the look-up and the connection, so that
//!   there is no second look-up that could answer differently; see [`Lookup`] and the module `guard`. Literal
//!   addresses, for which an HTTP client asks no resolver, are vetted before each attempt.
//! - **Verified.** TLS 1.2 or 1.3 with certificate verification, against the public authorities compiled in and the
//!   private ones of [`TrustedCas`]. There is no switch to turn that off: the code does not use the interfaces for it.
//! - **Bounded.** One deadline covers name look-up, connection, TLS, request and the whole answer. At most
//!   [`MAX_ANSWER_BYTES`] of the answer's body are taken; nothing is decompressed; no redirect is followed; no proxy
//!   is used, whatever the environment says.
//! - **Explained.** Whatever goes wrong at the receiver is a
//!   [`FailureReason`](spacehook_domain::failure::FailureReason), found by the types in the error's chain of sources,
//!   never by its text. Faults of our own are an [`AttemptError`] and are never held against the receiver.
//!
//! # Connections that died while nobody looked
//!
//! A Lambda is frozen between invocations, and can thaw with a pool of connections that their peers have long closed.
//! Three things keep that from becoming a failed attempt. Connections are dropped after [`IDLE_TIMEOUT`]. The pool of
//! hyper-util notices most dead connections and sends again itself what it had not begun to send. The rest, a request
//! that was written to a *pooled* connection which then broke before an answer began, is sent once more at once, on a
//! fresh connection and within the same deadline ([`AttemptResult::resent`]). A fresh connection that breaks is the
//! receiver's failure.

//!
//! # Exchanges
//!
//! [`ReceiverClient::exchange`] makes a POST under all the same promises and gives the whole answer: for the token
//! endpoints of OAuth 2.0, whose URLs users choose like those of receivers.

mod answer;
mod attempt;
mod classify;
mod client;
mod guard;
mod lookup;
mod trust;

pub use self::answer::{MAX_ANSWER_BYTES, MAX_EXCERPT_BYTES};
pub use self::attempt::{AttemptError, AttemptRequest, AttemptResult, WholeAnswer};
pub use self::client::{ClientError, IDLE_TIMEOUT, MAX_IDLE_PER_RECEIVER, ReceiverClient};
pub use self::lookup::{Lookup, LookupError, LookupFuture, SystemLookup};
pub use self::trust::{InvalidCas, TrustedCas};
