//! Attempts against real receivers: TCP on loopback, real TLS, a private authority, and every way to misbehave.
//!
//! Nothing here waits for luck: deadlines are short arguments, and where a receiver is slow it is slow on purpose.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, in its support too")]

mod answers;
mod connections;
mod exchanges;
mod guard;
mod support;
mod tls;
