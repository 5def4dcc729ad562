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
//! `{"type": "basic", "username", "password"}`, `{"type": "bearer", "token"}`,
//! `{"type": "custom_header", "name", "value"}` and `{"type": "oauth2_client_credentials", "token_url", "client_id",
//! "client_secret", "scope", "audience", "auth_style", "parameters"}`, whose last four may be missing. Header names are
//! in lower case.
//!
//! **Versions.** A change of credentials is a new version of the secret, whose id is a UUID that the caller drew (it is
//! Secrets Manager's `ClientRequestToken`, so that a repeated request changes nothing). A subscription names the
//! version that goes with its revision, and the dispatcher asks for that very version: a change that was put but whose
//! subscription was never saved is never used.
//!
//! **Secrets of the user's own.** A subscription may point at a secret that its user keeps, and rotates, by themselves.
//! `auth` then comes from there; signing secrets and custom headers stay in ours. Its text is our `auth` object alone, or
//! plain `{"username", "password"}` or `{"token"}`. It must have the tag `spacehook-tenant` with the subscription's tenant,
//! else who may write one tenant's subscriptions could have another's secret sent to themselves; and the tag
//! `spacehook-stage`, without which the dispatcher's role may not read it. See the module `own`.
//!
//! **Nothing here prints a secret.** Errors carry codes of the service and fixed texts, never a document or a part of
//! one; the SDK's own errors are not kept, since their debug output has the response in it.

mod cache;
mod document;
mod error;
mod kept;
mod names;
mod own;
mod store;

#[cfg(test)]
mod fake;

pub use cache::{CachedCredentials, Fetch, MISSING_KEPT, VERSIONS_KEPT};
pub use error::{CredentialsError, OwnSecretError};
pub use kept::Kept;
pub use names::{SecretName, SecretVersion};
pub use own::{CachedOwnSecrets, FetchOwn, OWN_SECRET_KEPT, OwnSecret, REREAD_HOLDS};
pub use store::CredentialStore;
