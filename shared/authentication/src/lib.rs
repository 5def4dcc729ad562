//! Attempts that prove themselves to their receivers.
//!
//! [`AuthenticatedClient::attempt`] makes one attempt of a delivery with all that belongs to proving who sends it: the
//! subscription's secret is read, the user's own one where the subscription points at it, an OAuth 2.0 token is had, and
//! the request is sent through [`spacehook_delivery`].
//!
//! # What is kept, and for how long
//!
//! - **Our secrets**, by name and version, for ever: a version never changes ([`spacehook_credentials::CachedCredentials`]).
//! - **The user's own**, 60 s, and read again at once when its credentials are refused
//!   ([`spacehook_credentials::CachedOwnSecrets`]).
//! - **Tokens**, by the secret's name and version, until a tenth of their life before they expire, or 60 s if that is
//!   less. One request for a token is in flight a key, whoever waits for it. A failure is kept for three seconds, so that a
//!   token endpoint in trouble is not asked by every delivery, and a delivery's first retry asks anew.
//!
//! All of it is in the memory of one process. Nothing of it is written anywhere, or printed.
//!
//! # The one refresh
//!
//! Where the credentials are refused, and newer ones may be had, the request is sent once more within the same attempt
//! and its deadline: never more than two requests an attempt. Newer are, in this order:
//!
//! 1. the user's own secret, read again, if it is another version now (401, 403, or the token endpoint refuses);
//! 2. a new token, where the refused one was kept from before the attempt (401). A receiver that refuses a *new* token is
//!    not sent to with another one for 30 s, else each of its failures would cost a request for a token;
//! 3. the user's own secret as it was before its last rotation, for 24 h after it. A rotation puts the new credentials into
//!    Secrets Manager and into the receiver, and one of them is first: 1 covers a receiver that is, 3 one that is not.
//!    Neither loses a delivery nor has it wait for its next attempt.
//!
//! # Whose failure it is
//!
//! What a token endpoint does wrong is the receiver's failure, with a reason of its own
//! ([`FailureReason::OAuth`](spacehook_domain::failure::FailureReason)), and nothing is sent. So is a secret that is
//! missing, denied or unreadable. That Secrets Manager does not answer is a fault of ours: [`OutgoingFault`].

mod client;
mod overlaps;
mod tokens;
mod transport;

pub use client::{AuthenticatedClient, HeadersOf, LONGEST, Outgoing, OutgoingFault, READ_LIMIT};
pub use tokens::{FAILURE_KEPT, REFUSAL_KEPT};
pub use transport::Transport;
