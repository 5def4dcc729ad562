//! Replacing a subscription whole: what is not said gets its default, and credentials that are not given again are gone.

use super::auth_fields::SecretSettings;
use super::changes::{with_secrets, with_settings};
use super::request::{FIELDS, Settings};
use super::types::KnownTypes;
use crate::App;
use crate::fields::{At, Errors};
use crate::problem::Problem;
use serde_json::Value;
use spacehook_credentials::{SecretName, SecretVersion};
use spacehook_domain::subscription::{AuthKind, Subscription};

/// What a subscription is to be, read like a new one. New credentials are put here; the signing secret stays.
pub(super) async fn replaced(app: &App, before: &Subscription, body: &Value) -> Result<Subscription, Problem> {
    let types = KnownTypes::for_body(app, &before.tenant, body, Some(before)).await?;
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let settings = Settings::read(&fields, &app.policy, Some(&before.url), &types);
        let secrets = SecretSettings::read(&fields, &app.policy);
        Some((settings?, secrets?))
    });
    let (settings, secrets) = errors.finish(read)?;
    let after = with_settings(app, before, settings);
    let had_none = before.auth == AuthKind::None && before.custom_header_names.is_empty();
    if had_none && secrets.kind() == AuthKind::None && secrets.custom_headers.is_empty() {
        return Ok(after);
    }
    let credentials = app.secrets.get(&SecretName::of(before), &SecretVersion::of(before)).await?;
    with_secrets(app, before, after, credentials, secrets).await
}
