//! Finding subscriptions among a tenant's.

use super::Subscription;
use crate::event::EventType;
use crate::ids::BuildingRefId;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Characters of a text that is searched for, at most.
pub const TEXT_LIMIT: usize = 100;

/// How a subscription is doing: the first of these that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing is sent to it: it is disabled.
    Disabled,
    /// So many of its attempts fail that it was told: see [`crate::failure_rate::Warning`].
    Failing,
    /// Deliveries wait for it, or did a moment ago.
    Waiting,
    /// None of this.
    Healthy,
}

impl Health {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Disabled, Self::Failing, Self::Waiting, Self::Healthy];

    /// How a subscription is doing, of what is known of it.
    pub fn of(subscription: &Subscription, is_failing: bool, has_backlog: bool) -> Self {
        if !subscription.activity.is_enabled() {
            Self::Disabled
        } else if is_failing {
            Self::Failing
        } else if has_backlog {
            Self::Waiting
        } else {
            Self::Healthy
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Failing => "failing",
            Self::Waiting => "waiting",
            Self::Healthy => "healthy",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which subscriptions are wanted: those for which all of this holds, as far as it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Enabled, or not.
    pub enabled: Option<bool>,
    /// Listing this type.
    pub event_type: Option<EventType>,
    /// Wanting events of this building: listing it, or none.
    pub building_ref_id: Option<BuildingRefId>,
    /// Doing so.
    pub health: Option<Health>,
    /// With this text in the name, the description or the URL, in upper or lower case.
    pub text: Option<String>,
}

impl Search {
    /// Whether a subscription that is doing so is wanted.
    pub fn wants(&self, subscription: &Subscription, health: Health) -> bool {
        let buildings = &subscription.building_ref_ids;
        self.enabled.is_none_or(|wanted| subscription.activity.is_enabled() == wanted)
            && self.event_type.as_ref().is_none_or(|wanted| subscription.event_types.contains(wanted))
            && self.building_ref_id.as_ref().is_none_or(|wanted| buildings.is_empty() || buildings.contains(wanted))
            && self.health.is_none_or(|wanted| wanted == health)
            && self.text.as_ref().is_none_or(|wanted| has_text(subscription, &wanted.to_lowercase()))
    }

    /// A text that is the same for the same search and another for another; empty where nothing is asked.
    pub fn fingerprint(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        let asked = (
            self.enabled,
            self.event_type.as_ref().map(ToString::to_string),
            self.building_ref_id.as_ref(),
            self.health,
            self.text.as_ref().map(|text| text.to_lowercase()),
        );
        // Debug output quotes texts, so none flows into the next.
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{asked:?}")))
    }
}

fn has_text(subscription: &Subscription, lower_case: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(lower_case);
    has(subscription.name.as_str()) || subscription.description.as_deref().is_some_and(has) || has(&subscription.url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::{Activity, DisabledReason};
    use crate::test_data::subscription;

    #[test]
    fn the_gravest_state_is_told() {
        let mut one = subscription();
        let of = |one: &Subscription| [(false, false), (false, true), (true, true)].map(|(a, b)| Health::of(one, a, b));
        assert_eq!(of(&one), [Health::Healthy, Health::Waiting, Health::Failing]);
        one.activity = Activity::Disabled { since: one.created_at, reason: DisabledReason::Gone };
        assert_eq!(of(&one), [Health::Disabled; 3]);
    }

    #[test]
    fn everything_that_is_asked_must_hold() {
        let mut one = subscription();
        one.description = Some("Robots, GROUND floor".to_owned());
        one.building_ref_ids = [BuildingRefId::parse("b1").unwrap()].into();
        let building = |name: &str| Some(BuildingRefId::parse(name).unwrap());
        let text = |text: &str| Search { text: Some(text.to_owned()), ..Search::default() };
        let table = [
            (Search::default(), true),
            (Search { enabled: Some(true), ..Search::default() }, true),
            (Search { enabled: Some(false), ..Search::default() }, false),
            (Search { event_type: Some(EventType::SpaceReport), ..Search::default() }, true),
            (Search { event_type: Some(EventType::SpaceStale), ..Search::default() }, false),
            (Search { building_ref_id: building("b1"), ..Search::default() }, true),
            (Search { building_ref_id: building("b2"), ..Search::default() }, false),
            (Search { health: Some(Health::Waiting), ..Search::default() }, true),
            (Search { health: Some(Health::Healthy), ..Search::default() }, false),
            (text("KIOSK"), true),
            (text("ground"), true),
            (text("receiver.EXAMPLE"), true),
            (text("elsewhere"), false),
            (Search { enabled: Some(true), ..text("elsewhere") }, false),
        ];
        for (search, expected) in &table {
            assert_eq!(search.wants(&one, Health::Waiting), *expected, "{search:?}");
        }
        one.building_ref_ids.clear();
        assert!(Search { building_ref_id: building("b2"), ..Search::default() }.wants(&one, Health::Healthy));
        let fingerprints: std::collections::BTreeSet<_> =
            table.iter().map(|(search, _)| search.fingerprint()).collect();
        assert_eq!(fingerprints.len(), table.len());
        assert_eq!(Search::default().fingerprint(), "");
    }
}
