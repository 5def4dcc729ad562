//! A subscription as clients see it. It is made of the record alone: an answer can't show a secret, since none is read.

use super::auth_fields::AuthType;
use super::enabling::KeptChoice;
use super::request::{BacklogChoice, SendChoice};
use crate::openapi::EventTypeName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::subscription::search::Health;
use spacehook_domain::subscription::{Activity, DisabledReason, RateLimit, Subscription};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A subscription.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Subscription)]
pub struct SubscriptionView {
    /// Its id.
    #[schema(example = "sub_0192f0c1a2b37cde8f4455667788990a")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// A note for people.
    #[schema(required)]
    pub description: Option<String>,
    /// Where events go, in the form that is connected to.
    pub url: String,
    /// What it wants to hear of.
    #[schema(value_type = Vec<EventTypeName>)]
    pub event_types: Vec<String>,
    /// Whether events are sent.
    pub enabled: bool,
    /// Since when and why events are not sent; null where they are.
    #[schema(required)]
    pub disabled: Option<DisabledView>,
    /// Which space reports are sent.
    pub send: SendChoice,
    /// The buildings it wants to hear of; none means all.
    pub building_ref_ids: Vec<String>,
    /// The floors it wants to hear of, by their names in these buildings; none means all.
    pub floor_ref_ids: Vec<String>,
    /// The spaces it wants to hear of, by their names in these buildings; none means all.
    pub space_ref_ids: Vec<String>,
    /// What the fields of an event must have; null means anything.
    #[schema(required, value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// Which deliveries are kept while the receiver is down or the subscription disabled.
    pub backlog: BacklogChoice,
    /// Attempts a second that its receiver bears; null means as many as there are.
    #[schema(required, minimum = 1, maximum = 1000)]
    pub rate_limit_per_second: Option<u32>,
    /// How deliveries authenticate.
    pub auth: AuthView,
    /// Headers that deliveries have besides, by name in lower case.
    pub custom_headers: BTreeMap<String, SetView>,
    /// Pairs that are appended to the body of each event.
    pub key_values: BTreeMap<String, String>,
    /// Whom to tell when deliveries fail; none means the tenant's contacts (`/v1/contacts`).
    pub contacts: Vec<String>,
    /// Texts by key, for your own systems.
    pub metadata: BTreeMap<String, String>,
    /// After a rotation of the signing secret: until when the former secret signs, too. From that moment on the new one
    /// signs alone. Null where the last rotation left no such time, or there was none.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub previous_signing_secret_until: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// 1, 2, 3, …: one more with each change. In quotes it is the `ETag`.
    #[schema(minimum = 1)]
    pub revision: u64,
}

/// A subscription, and how it is doing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SubscriptionWithHealth {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: SubscriptionView,
    /// How it is doing.
    pub health: HealthView,
}

impl SubscriptionWithHealth {
    /// What is shown of a subscription that is doing so.
    pub fn of(subscription: &Subscription, health: Health) -> Self {
        Self { subscription: subscription.into(), health: health.into() }
    }
}

/// How a subscription is doing: the first of these that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SubscriptionHealth)]
pub enum HealthView {
    /// Nothing is sent: it is disabled.
    Disabled,
    /// So many of its attempts fail that `subscription_failing` was told of it.
    Failing,
    /// Deliveries wait for it, or did a moment ago.
    Waiting,
    /// None of this.
    Healthy,
}

impl From<Health> for HealthView {
    fn from(health: Health) -> Self {
        match health {
            Health::Disabled => Self::Disabled,
            Health::Failing => Self::Failing,
            Health::Waiting => Self::Waiting,
            Health::Healthy => Self::Healthy,
        }
    }
}

/// A subscription whose signing secret was just rotated.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RotatedSubscription {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: SubscriptionView,
    /// The secret that deliveries are signed with from now on, and until `previous_signing_secret_until` with the former as
    /// well. It is shown this once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub signing_secret: String,
}

/// A subscription that was just made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedSubscription {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: SubscriptionView,
    /// The secret that deliveries are signed with (Standard Webhooks). It is shown this once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub signing_secret: String,
}

/// A subscription that was asked to be enabled.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnabledSubscription {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: SubscriptionView,
    /// What is done with the deliveries that were kept for it; null where it was enabled already, and nothing was decided.
    #[schema(required)]
    pub kept_deliveries: Option<KeptChoice>,
}

/// Since when and why events are not sent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Disabled)]
pub struct DisabledView {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Why: `by_request`, `failure_rate` or `gone`.
    pub code: DisabledCode,
    /// Why, in words.
    pub reason: String,
    /// For `failure_rate`: failed attempts in the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u64>,
    /// For `failure_rate`: all attempts in the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// For `failure_rate`: the window's length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_hours: Option<u32>,
}

/// Why events are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledCode {
    /// Somebody asked for it.
    ByRequest,
    /// Too many attempts failed.
    FailureRate,
    /// The receiver answered 410 Gone.
    Gone,
}

/// How deliveries authenticate.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthShown)]
pub struct AuthView {
    /// Which way.
    pub r#type: AuthType,
    /// Whether there are credentials for it. They themselves are never shown.
    pub credentials_set: bool,
    /// For `own_secret`: the ARN of the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_arn: Option<String>,
}

/// A value that is set and not shown.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = SetAndNotShown)]
pub struct SetView {
    /// Always true.
    pub set: bool,
}

impl From<&Subscription> for SubscriptionView {
    fn from(subscription: &Subscription) -> Self {
        let auth = AuthType::from(subscription.auth);
        let names = subscription.custom_header_names.iter();
        Self {
            id: subscription.id.to_string(),
            name: subscription.name.as_str().to_owned(),
            description: subscription.description.clone(),
            url: subscription.url.clone(),
            event_types: subscription.event_types.iter().map(ToString::to_string).collect(),
            enabled: subscription.activity.is_enabled(),
            disabled: disabled(&subscription.activity),
            send: subscription.send.into(),
            building_ref_ids: subscription.building_ref_ids.iter().map(ToString::to_string).collect(),
            floor_ref_ids: subscription.floor_ref_ids.iter().map(ToString::to_string).collect(),
            space_ref_ids: subscription.space_ref_ids.iter().map(ToString::to_string).collect(),
            filter: subscription.filter.as_ref().map(|filter| filter.json().clone()),
            backlog: subscription.backlog.into(),
            rate_limit_per_second: subscription.rate_limit_per_second.map(RateLimit::per_second),
            auth: AuthView {
                r#type: auth,
                credentials_set: auth != AuthType::None,
                secret_arn: subscription.own_secret_arn.as_ref().map(ToString::to_string),
            },
            custom_headers: names.map(|name| (name.clone(), SetView { set: true })).collect(),
            key_values: subscription.key_values.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            contacts: subscription.contacts.iter().map(|contact| contact.as_str().to_owned()).collect(),
            metadata: subscription.metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            previous_signing_secret_until: subscription.previous_signing_secret_until,
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
            revision: subscription.revision,
        }
    }
}

fn disabled(activity: &Activity) -> Option<DisabledView> {
    let Activity::Disabled { since, reason } = activity else { return None };
    let plain = |code, reason: &str| DisabledView {
        since: *since,
        code,
        reason: reason.to_owned(),
        failures: None,
        attempts: None,
        window_hours: None,
    };
    Some(match reason {
        DisabledReason::ByRequest => plain(DisabledCode::ByRequest, "disabled by request"),
        DisabledReason::Gone => plain(DisabledCode::Gone, "the receiver answered 410 Gone"),
        DisabledReason::FailureRate { failures, attempts, window_hours } => DisabledView {
            reason: format!("{failures} of {attempts} attempts failed within {window_hours} h"),
            failures: Some(*failures),
            attempts: Some(*attempts),
            window_hours: Some(*window_hours),
            ..plain(DisabledCode::FailureRate, "")
        },
    })
}
