//! Authenticated attempts over real TLS: a token endpoint and a receiver on loopback, under a private authority.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, in its support too")]

mod site;
mod tokens;
