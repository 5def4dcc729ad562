//! The subscriptions of the one tenant: each with a receiver and a secret of its own.

use crate::authority::ADDRESS;
use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;
use spacehook_domain::ids::SubscriptionId;
use spacehook_domain::signing::{SECRET_BYTES, SigningSecret};
use spacehook_domain::subscription::Subscription;
use uuid::Uuid;

/// The tenant of the benchmark.
pub(crate) const TENANT: &str = "bench";
/// The moment that everything stored was made at, seconds since 1970.
pub(crate) const EPOCH_S: i64 = 1_770_000_000;

/// A subscription and what it signs with.
pub(crate) struct Subscriber {
    /// The subscription as it is stored.
    pub(crate) subscription: Subscription,
    /// What its deliveries are signed with.
    pub(crate) secrets: Vec<SigningSecret>,
}

/// The path of the receiver of the subscription at this place.
pub(crate) fn path(place: usize) -> String {
    format!("/hooks/{place}")
}

/// One subscription to all reports for each receiver, by the receivers' ports.
pub(crate) fn subscribers(ports: &[u16]) -> anyhow::Result<Vec<Subscriber>> {
    ports.iter().enumerate().map(|(place, port)| subscriber(place, *port)).collect()
}

fn subscriber(place: usize, port: u16) -> anyhow::Result<Subscriber> {
    let at = Timestamp::from_second(EPOCH_S)?;
    let number = u8::try_from(place % 256)?;
    let mut secret = [number; SECRET_BYTES];
    secret[0] = u8::try_from(place / 256).context("too many subscriptions")?;
    let subscription = json!({
        "id": SubscriptionId::from_uuid(Uuid::from_u128(place as u128 + 1)),
        "tenant": TENANT,
        "name": format!("receiver {place}"),
        "url": format!("https://{ADDRESS}:{port}{}", path(place)),
        "event_types": ["space_report"],
        "activity": {"status": "enabled", "since": at},
        "send": "always",
        "building_ref_ids": [],
        "auth": "none",
        "custom_header_names": [],
        "key_values": {},
        "contacts": [],
        "secret_name": format!("spacehook/bench/{place}"),
        "secret_version": "1",
        "created_at": at,
        "updated_at": at,
        "revision": 1,
    });
    // As it would be read from the table: what a later release adds to it has its default.
    Ok(Subscriber {
        subscription: serde_json::from_value(subscription)?,
        secrets: vec![SigningSecret::from_random(secret)],
    })
}
