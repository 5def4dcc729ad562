//! A new signing secret. For a while the former signs as well, so that a receiver can change over whenever it likes; then
//! it stops by itself, at the moment that the subscription says, and nothing is written for it.
//!
//! At most two sign. A rotation within the time of another ends that: the secret before the former is gone at once.

use super::changes::{self, Change, Which, put_version};
use super::view::{RotatedSubscription, SubscriptionView};
use crate::App;
use crate::auth::{Allowed, Writes};
use crate::body::OptionalBody;
use crate::fields::{At, Errors};
use crate::operations::operations;
use crate::precondition::{Precondition, etag};
use crate::problem::Problem;
use crate::reference::subscription_in_path;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_credentials::{SecretName, SecretVersion};
use spacehook_domain::credentials::Credentials;
use spacehook_domain::signing::SigningSecret;
use spacehook_domain::subscription::Subscription;
use utoipa::ToSchema;

/// Hours that the former secret signs, where the request does not say.
const OVERLAP_DEFAULT: u32 = 24;
/// Hours that it signs, at most: 7 days.
const OVERLAP_MOST: u32 = 168;

operations!(pub(super) rotate_signing_secret);

/// How a signing secret is rotated.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rotation)]
pub struct Rotating {
    /// How many hours the former secret signs as well; with 0 it stops at once.
    #[schema(minimum = 0, maximum = 168, default = 24)]
    pub overlap_hours: Option<u32>,
}

/// A rotation that is asked for: how, and the secret that it gives. Tried again, it gives the same.
#[derive(Debug)]
pub(super) struct Rotation<'a> {
    body: &'a Value,
    secret: SigningSecret,
}

fn read_overlap(body: &Value) -> Result<SignedDuration, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(&["overlap_hours"]);
    let hours = read.and_then(|fields| fields.optional("overlap_hours", |at| read_hours(at).map(Some)));
    let hours = errors.finish(hours)?.unwrap_or(OVERLAP_DEFAULT);
    Ok(SignedDuration::from_hours(i64::from(hours)))
}

fn read_hours(at: &At<'_>) -> Option<u32> {
    let hours = at.whole_number().and_then(|hours| u32::try_from(hours).ok()).filter(|hours| *hours <= OVERLAP_MOST);
    hours.or_else(|| at.refuse(format!("must be a whole number from 0 to {OVERLAP_MOST}")))
}

/// A subscription with a new signing secret, which is put here.
pub(super) async fn rotated(
    app: &App,
    before: &Subscription,
    rotation: &Rotation<'_>,
) -> Result<Subscription, Problem> {
    let overlap = read_overlap(rotation.body)?;
    let held = app.secrets.get(&SecretName::of(before), &SecretVersion::of(before)).await?;
    let until = app.now().checked_add(overlap).unwrap_or(Timestamp::MAX);
    let overlaps = !overlap.is_zero();
    // The newest first.
    let former = held.signing_secrets.first().filter(|_| overlaps).cloned();
    let signing_secrets = std::iter::once(rotation.secret.clone()).chain(former).collect();
    let mut after = Subscription { previous_signing_secret_until: overlaps.then_some(until), ..before.clone() };
    put_version(app, before, &mut after, &Credentials { signing_secrets, ..held }).await?;
    Ok(after)
}

/// Rotate the signing secret of a subscription
///
/// Deliveries are signed with the new secret from the next batch of events on, and with the former as well until
/// `previous_signing_secret_until`: `webhook-signature` then has two signatures, the new secret's first. A rotation within
/// that time ends it for the secret before the former.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/signing-secret/rotate", tag = "subscriptions",
    security(("api_key" = ["write"])),
    params(
        ("id" = String, Path, description = "The subscription"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    request_body = Option<Rotating>,
    responses(
        (status = 200, description = "The subscription as it is now, and its new secret", body = RotatedSubscription,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "It is being changed by others, or its secret is lost",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn rotate_signing_secret(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
    precondition: Precondition,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Problem> {
    let id = subscription_in_path(&id)?;
    let rotation = Rotation { body: &body, secret: SigningSecret::from_random(app.random()?) };
    let which = Which { tenant: &allowed.caller.tenant, id: &id, precondition: &precondition };
    let subscription = changes::change(&app, which, Change::Rotate(&rotation)).await?.subscription;
    let answer = RotatedSubscription {
        subscription: SubscriptionView::from(&subscription),
        signing_secret: rotation.secret.to_text().expose_secret().to_owned(),
    };
    Ok((etag(subscription.revision), Json(answer)).into_response())
}
