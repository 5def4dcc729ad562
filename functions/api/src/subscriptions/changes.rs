//! Creating and changing, in the order that [`super`] explains.

use super::auth_fields::SecretSettings;
use super::enabling::{LATER, draining, read_enabling, wake};
use super::patch::{merged, touches_secret, written};
use super::replacing::replaced;
use super::request::{FIELDS, Settings};
use super::rotating::{Rotation, rotated};
use super::types::{KnownTypes, check_size};
use crate::App;
use crate::fields::{At, Errors};
use crate::ports::ChangeFailed;
use crate::precondition::Precondition;
use crate::problem::{Kind, Problem};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use spacehook_credentials::{SecretName, SecretVersion};
use spacehook_domain::backlog::OnEnable;
use spacehook_domain::credentials::Credentials;
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::notice::{Happened, Notice};
use spacehook_domain::receiver::ReceiverUrl;
use spacehook_domain::signing::SigningSecret;
use spacehook_domain::subscription::{Activity, AuthKind, DisabledReason, Subscription};
use std::time::Duration;

/// How often a change is tried again that met another one, where the client named no revision.
const TRIES: usize = 3;

/// Names one subscription.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) id: &'a SubscriptionId,
    pub(super) precondition: &'a Precondition,
}

/// A subscription and the secret of it that is shown once.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) subscription: Subscription,
    pub(super) signing_secret: SecretString,
}

/// Reads a subscription.
pub(crate) async fn read(app: &App, tenant: &TenantId, id: &SubscriptionId) -> Result<Subscription, Problem> {
    app.subscriptions.get(tenant, id).await?.ok_or_else(|| Problem::not_found("subscription"))
}

/// Makes a subscription.
pub(super) async fn create(app: &App, tenant: &TenantId, body: &Value) -> Result<Created, Problem> {
    let types = KnownTypes::for_body(app, tenant, body, None).await?;
    let (settings, secrets) = read_new(app, body, &types)?;
    let id = SubscriptionId::from_uuid(app.ordered_id()?);
    let version = SecretVersion::from_uuid(app.random_id()?);
    let signing_secret = SigningSecret::from_random(app.random()?);
    let subscription = new_subscription(app, (tenant, id), settings, &secrets, &version);
    check_size(&subscription)?;
    let credentials = Credentials {
        signing_secrets: vec![signing_secret.clone()],
        auth: secrets.auth,
        custom_headers: secrets.custom_headers,
    };

    app.secrets.create(&SecretName::of(&subscription), &version, &credentials).await?;
    if let Err(failed) = app.subscriptions.create(&subscription).await
        && !was_created(app, &subscription, &failed).await
    {
        return Err(failed.into());
    }
    Ok(Created { subscription, signing_secret: signing_secret.to_text() })
}

fn read_new(app: &App, body: &Value, types: &KnownTypes) -> Result<(Settings, SecretSettings), Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let settings = Settings::read(&fields, &app.policy, None, types);
        let secrets = SecretSettings::read(&fields, &app.policy);
        Some((settings?, secrets?))
    });
    errors.finish(read)
}

fn new_subscription(
    app: &App,
    (tenant, id): (&TenantId, SubscriptionId),
    settings: Settings,
    secrets: &SecretSettings,
    version: &SecretVersion,
) -> Subscription {
    let now = app.now();
    Subscription {
        secret_name: app.secrets.name(tenant, &id).as_str().to_owned(),
        secret_version: version.as_str().to_owned(),
        activity: activity(settings.enabled, now),
        auth: secrets.kind(),
        auth_header_name: secrets.header_name(),
        own_secret_arn: secrets.own_secret.clone(),
        previous_signing_secret_until: None,
        custom_header_names: secrets.custom_headers.keys().cloned().collect(),
        id,
        tenant: tenant.clone(),
        name: settings.name,
        description: settings.description,
        url: settings.url,
        event_types: settings.event_types,
        send: settings.send,
        building_ref_ids: settings.building_ref_ids,
        floor_ref_ids: settings.floor_ref_ids,
        space_ref_ids: settings.space_ref_ids,
        filter: settings.filter,
        backlog: settings.backlog,
        rate_limit_per_second: settings.rate_limit_per_second,
        key_values: settings.key_values,
        contacts: settings.contacts,
        metadata: settings.metadata,
        created_at: now,
        updated_at: now,
        revision: 1,
    }
}

/// After a creation that did not succeed: whether it was made all the same. An answer can be lost after the change was
/// made, and deleting the secret then would leave a subscription without one.
async fn was_created(app: &App, subscription: &Subscription, failed: &ChangeFailed) -> bool {
    if let ChangeFailed::Failed(_) = failed {
        match app.subscriptions.get(&subscription.tenant, &subscription.id).await {
            Ok(Some(_)) => return true,
            Ok(None) => {}
            // Not known. A secret too many does no harm; one too few would.
            Err(_) => {
                tracing::warn!(subscription = %subscription.id, "a secret may be left that no subscription names");
                return false;
            }
        }
    }
    delete_secret(app, subscription).await;
    false
}

pub(super) async fn delete_secret(app: &App, subscription: &Subscription) {
    if let Err(error) = app.secrets.delete(&SecretName::of(subscription)).await {
        tracing::warn!(subscription = %subscription.id, %error, "a secret is left that no subscription names");
    }
}

fn activity(enabled: bool, now: Timestamp) -> Activity {
    if enabled {
        Activity::Enabled { since: now }
    } else {
        Activity::Disabled { since: now, reason: DisabledReason::ByRequest }
    }
}

/// What is asked of a subscription that exists.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    /// A merge patch.
    Patch(&'a Value),
    /// Everything anew, but for its id, its signing secret and what happened to it.
    Replace(&'a Value),
    /// A new signing secret.
    Rotate(&'a Rotation<'a>),
    /// To be enabled, and done with what was kept for it as this body says. One that is enabled is left as it is, with its
    /// counts.
    Enable(&'a Value),
    /// To be disabled. One that is disabled is left as it is, with its reason.
    Disable,
}

/// What came of a change.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The subscription as it is now.
    pub(super) subscription: Subscription,
    /// What is done with what was kept for it, where this change enabled it.
    pub(super) kept: Option<OnEnable>,
}

impl Change<'_> {
    /// What the subscription is to be, all but its revision and time. New credentials are put here. And what is done with
    /// what was kept for it, where that enables it.
    async fn of(self, app: &App, before: &Subscription) -> Result<(Subscription, Option<OnEnable>), Problem> {
        let (after, kept) = match self {
            Self::Patch(body @ Value::Object(patch)) => {
                let types = KnownTypes::for_body(app, &before.tenant, body, Some(before)).await?;
                let after = if touches_secret(patch) {
                    patched_with_secret(app, before, patch, &types).await?
                } else {
                    patched(app, before, patch, &types)?
                };
                check_size(&after)?;
                (after, OnEnable::Deliver)
            }
            Self::Patch(_) => {
                return Err(Problem::new(Kind::MalformedRequest, "A merge patch must be a JSON object."));
            }
            Self::Replace(body) => {
                let after = replaced(app, before, body).await?;
                check_size(&after)?;
                (after, OnEnable::Deliver)
            }
            Self::Rotate(rotation) => (rotated(app, before, rotation).await?, OnEnable::Deliver),
            Self::Enable(body) => {
                let kept = read_enabling(body)?;
                (with_enabled(app, before, true), kept)
            }
            Self::Disable => (with_enabled(app, before, false), OnEnable::Deliver),
        };
        let enables = after.activity.is_enabled() && !before.activity.is_enabled();
        Ok((after, enables.then_some(kept)))
    }
}

fn with_enabled(app: &App, before: &Subscription, enabled: bool) -> Subscription {
    if enabled == before.activity.is_enabled() {
        return before.clone();
    }
    Subscription { activity: activity(enabled, app.now()), ..before.clone() }
}

/// Reads, changes and saves; again where another change came between and the client did not say which revision it means.
pub(super) async fn change(app: &App, which: Which<'_>, change: Change<'_>) -> Result<Outcome, Problem> {
    for _ in 0..TRIES {
        let before = read(app, which.tenant, which.id).await?;
        which.precondition.check(before.revision)?;
        let (mut after, kept) = change.of(app, &before).await?;
        if after == before {
            return Ok(Outcome { subscription: before, kept: None });
        }
        after.revision = before.revision + 1;
        after.updated_at = app.now();
        if save(app, &before, &after, kept).await? {
            if kept.is_some() {
                wake(app, &after.key(), Duration::ZERO).await;
            }
            return Ok(Outcome { subscription: after, kept });
        }
    }
    Err(ChangeFailed::Conflict.into())
}

/// Saves a change, and with it what is done with what was kept; false where another change came between.
async fn save(app: &App, before: &Subscription, after: &Subscription, kept: Option<OnEnable>) -> Result<bool, Problem> {
    let notice = notice(app, before, after).await?;
    let saved = match kept {
        None => app.subscriptions.update(before, after, notice.as_ref()).await,
        Some(what) => {
            let backlog = app.backlogs.backlog(&after.key()).await?;
            let draining = draining(backlog.as_ref(), what, app.now());
            wake(app, &after.key(), LATER).await;
            app.subscriptions.enable(before, after, backlog.as_ref(), draining, notice.as_ref()).await
        }
    };
    let Err(failed) = saved else {
        tell(app, notice.as_ref()).await;
        return Ok(true);
    };
    let stored = app.subscriptions.get(&after.tenant, &after.id).await?;
    if stored.as_ref() == Some(after) {
        // Made, and only the answer was lost.
        tell(app, notice.as_ref()).await;
        return Ok(true);
    }
    if let Some(stored) = stored.filter(|_| after.secret_version != before.secret_version) {
        make_current(app, &stored).await;
    }
    if failed == ChangeFailed::Conflict { Ok(false) } else { Err(failed.into()) }
}

/// The notice of an enabling or a disabling; none where the change is neither, or nobody asked to hear of it.
async fn notice(app: &App, before: &Subscription, after: &Subscription) -> Result<Option<Notice>, Problem> {
    let happened = match (before.activity.is_enabled(), after.activity.is_enabled()) {
        (false, true) => Happened::Enabled,
        (true, false) => Happened::Disabled,
        _ => return Ok(None),
    };
    let is_asked_for = app.news.is_asked_for(&after.tenant, happened.event_type()).await?;
    Ok(is_asked_for.then(|| Notice::new(happened, after.activity.since(), after.clone(), None, false)))
}

/// Tells others at once. If that fails, health does it: the notice stays until somebody has.
async fn tell(app: &App, notice: Option<&Notice>) {
    let Some(notice) = notice else { return };
    if let Err(error) = app.news.tell(notice).await {
        let subscription = &notice.subscription;
        tracing::warn!(
            tenant = %subscription.tenant, subscription = %subscription.id, %error,
            "the news of a subscription are not queued yet; health does it"
        );
    }
}

/// Makes the version that a subscription names the current one again; Secrets Manager may remove unlabelled ones.
async fn make_current(app: &App, subscription: &Subscription) {
    let (name, version) = (SecretName::of(subscription), SecretVersion::of(subscription));
    if let Err(error) = app.secrets.make_current(&name, &version).await {
        tracing::warn!(subscription = %subscription.id, %error, "the secret's version in use is not its current one");
    }
}

fn patched(
    app: &App,
    before: &Subscription,
    patch: &Map<String, Value>,
    types: &KnownTypes,
) -> Result<Subscription, Problem> {
    let target = merged(written(before, None), patch);
    let errors = Errors::default();
    note_unknown(patch, &errors);
    note_credentials_left_behind(app, before, patch, &errors);
    let settings = At::root(&target, &errors)
        .fields(FIELDS)
        .and_then(|fields| Settings::read(&fields, &app.policy, Some(&before.url), types));
    Ok(with_settings(app, before, errors.finish(settings)?))
}

async fn patched_with_secret(
    app: &App,
    before: &Subscription,
    patch: &Map<String, Value>,
    types: &KnownTypes,
) -> Result<Subscription, Problem> {
    let name = SecretName::of(before);
    let credentials = app.secrets.get(&name, &SecretVersion::of(before)).await?;
    let held = SecretSettings::of(&credentials, before.own_secret_arn.as_ref());
    let mut base = written(before, Some(&held));
    if moves(app, before, patch) {
        base["auth"] = json!({});
        base["custom_headers"] = json!({});
    }
    let errors = Errors::default();
    // Nor do a client's secrets follow its token URL: they are sent there.
    if patch.get("auth").is_some_and(|auth| held.moves_tokens(auth, &app.policy)) {
        base["auth"] = json!({"type": "oauth2_client_credentials"});
        if patch["auth"].get("client_secret").is_none() {
            let detail = "must be given again, whole, since the token URL leads to another host or port";
            errors.refuse("/auth", detail);
        }
    }
    let target = merged(base, patch);
    note_unknown(patch, &errors);
    note_credentials_left_behind(app, before, patch, &errors);
    let read = At::root(&target, &errors).fields(FIELDS).and_then(|fields| {
        let settings = Settings::read(&fields, &app.policy, Some(&before.url), types);
        let secrets = SecretSettings::read(&fields, &app.policy);
        Some((settings?, secrets?))
    });
    let (settings, secrets) = errors.finish(read)?;
    with_secrets(app, before, with_settings(app, before, settings), credentials, secrets).await
}

/// A subscription with these secrets in the place of those that it has, where they are others. The signing secrets stay.
pub(super) async fn with_secrets(
    app: &App,
    before: &Subscription,
    mut after: Subscription,
    credentials: Credentials,
    secrets: SecretSettings,
) -> Result<Subscription, Problem> {
    let held = SecretSettings::of(&credentials, before.own_secret_arn.as_ref());
    if (secrets.auth_json(), secrets.headers_json()) == (held.auth_json(), held.headers_json()) {
        return Ok(after);
    }
    after.auth = secrets.kind();
    after.auth_header_name = secrets.header_name();
    after.own_secret_arn.clone_from(&secrets.own_secret);
    after.custom_header_names = secrets.custom_headers.keys().cloned().collect();
    let credentials = Credentials {
        signing_secrets: credentials.signing_secrets,
        auth: secrets.auth,
        custom_headers: secrets.custom_headers,
    };
    put_version(app, before, &mut after, &credentials).await?;
    Ok(after)
}

/// Puts a new version of the secret, which `after` then names.
pub(super) async fn put_version(
    app: &App,
    before: &Subscription,
    after: &mut Subscription,
    credentials: &Credentials,
) -> Result<(), Problem> {
    let version = SecretVersion::from_uuid(app.random_id()?);
    if let Err(error) = app.secrets.put(&SecretName::of(before), &version, credentials).await {
        // It may have been put all the same, and its answer lost.
        make_current(app, before).await;
        return Err(error.into());
    }
    version.as_str().clone_into(&mut after.secret_version);
    Ok(())
}

/// Notes the credentials that a patch would send to another origin than the one they were given for: who moves a
/// subscription gives them again. Else a key that may write, but never read credentials, could have them sent to itself.
fn note_credentials_left_behind(app: &App, before: &Subscription, patch: &Map<String, Value>, errors: &Errors) {
    let held = [("auth", before.auth != AuthKind::None), ("custom_headers", !before.custom_header_names.is_empty())];
    for (field, held) in held {
        if held && !patch.contains_key(field) && moves(app, before, patch) {
            let detail = "must be given again, whole, since the URL leads to another host or port";
            errors.refuse(&format!("/{field}"), detail);
        }
    }
}

/// Whether a patch has deliveries go to another host or port. A URL that can't be read is refused for that.
fn moves(app: &App, before: &Subscription, patch: &Map<String, Value>) -> bool {
    let origin = |url: &str| {
        let url = ReceiverUrl::parse(url, &app.policy).ok()?;
        Some((url.host().to_owned(), url.port()))
    };
    let target = patch.get("url").and_then(Value::as_str).filter(|url| *url != before.url).and_then(origin);
    target.is_some() && target != origin(&before.url)
}

/// A merge drops members that are null, and with them names that are not known; they are mistakes all the same.
fn note_unknown(patch: &Map<String, Value>, errors: &Errors) {
    let dropped = patch.iter().filter(|(_, value)| value.is_null());
    let dropped = Value::Object(dropped.map(|(name, value)| (name.clone(), value.clone())).collect());
    At::root(&dropped, errors).fields(FIELDS);
}

pub(super) fn with_settings(app: &App, before: &Subscription, settings: Settings) -> Subscription {
    Subscription {
        name: settings.name,
        description: settings.description,
        url: settings.url,
        event_types: settings.event_types,
        send: settings.send,
        building_ref_ids: settings.building_ref_ids,
        floor_ref_ids: settings.floor_ref_ids,
        space_ref_ids: settings.space_ref_ids,
        filter: settings.filter,
        backlog: settings.backlog,
        rate_limit_per_second: settings.rate_limit_per_second,
        key_values: settings.key_values,
        contacts: settings.contacts,
        metadata: settings.metadata,
        ..with_enabled(app, before, settings.enabled)
    }
}
