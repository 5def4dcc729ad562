//! Credentials of subscriptions: in AWS Secrets Manager, and nowhere else.
//!
//! Each subscription has one secret, named `{prefix}{tenant}/{subscription id}` and tagged with both. Its text is one
//! JSON document:
//!
//! ```json
//! {
//!   "signing_secrets": ["whsec_…"],
//!   "auth": {"type": "basic", "username": "…", "password": "…"},
//!   "custom_headers": {"x-key": "…"}
//! }
//! ```
//!
//! `signing_secrets` holds one secret, or two during a rotation, the newest first. `auth` is one of `{"type": "none"}`,
//! `{"type": "basic", "username", "password"}`, `{"type": "bearer", "token"}` and
//! `{"type": "custom_header", "name", "value"}`. Header names are in lower case.
//!
//! **Versions.** A change of credentials is a new version of the secret, whose id is a UUID that the caller drew (it is
//! Secrets Manager's `ClientRequestToken`, so that a repeated request changes nothing). A subscription names the
//! version that goes with its revision, and the dispatcher asks for that very version: a change that was put but whose
//! subscription was never saved is never used.
//!
//! **Nothing here prints a secret.** Errors carry codes of the service and fixed texts, never a document or a part of
//! one; the SDK's own errors are not kept, since their debug output has the response in it.

mod cache;
mod document;
mod error;
mod names;
mod store;

#[cfg(test)]
mod fake;

pub use cache::{CachedCredentials, Fetch, MISSING_KEPT, VERSIONS_KEPT};
pub use error::CredentialsError;
pub use names::{SecretName, SecretVersion};
pub use store::CredentialStore;
