//! Which subscriptions an event goes to, and why not to the others.
//!
//! There is one list of conditions, [`ConditionCode::ALL`], and one place that says whether each holds. What is asked for
//! each delivery ([`wants`], [`check`]) stops at the first that does not, and allocates nothing; what is asked for people
//! ([`conditions`]) goes through all of them and says each in words.

mod words;

use crate::event::{Event, EventType};
use crate::subscription::{Send, Subscription};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A condition that an event must meet to be sent to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionCode {
    /// It is of the subscription's tenant.
    Tenant,
    /// It is of a type that the subscription lists.
    EventType,
    /// It is not about the subscription itself.
    AboutItself,
    /// It is of a building that the subscription lists, where it lists any.
    Building,
    /// It is of a floor that the subscription lists, where it lists any.
    Floor,
    /// It is of a space that the subscription lists, where it lists any.
    Space,
    /// `send: on_change`: something changed, or it is the first of its hour.
    OnChange,
    /// Its fields match the subscription's filter.
    Filter,
    /// The subscription is enabled. What only lacks this is kept for it.
    Enabled,
}

impl ConditionCode {
    /// All, in the order in which they are looked at: whether the subscription is enabled comes last.
    pub const ALL: [Self; 9] = [
        Self::Tenant,
        Self::EventType,
        Self::AboutItself,
        Self::Building,
        Self::Floor,
        Self::Space,
        Self::OnChange,
        Self::Filter,
        Self::Enabled,
    ];

    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::EventType => "event_type",
            Self::AboutItself => "about_itself",
            Self::Building => "building",
            Self::Floor => "floor",
            Self::Space => "space",
            Self::OnChange => "on_change",
            Self::Filter => "filter",
            Self::Enabled => "enabled",
        }
    }

    /// Whether it holds for this event and this subscription.
    fn holds(self, subscription: &Subscription, event: &Event) -> bool {
        match self {
            Self::Tenant => subscription.tenant == event.tenant,
            Self::EventType => subscription.event_types.contains(&event.event_type),
            Self::AboutItself => !is_about(subscription, event),
            Self::Building => is_listed(&subscription.building_ref_ids, event, event.building()),
            Self::Floor => {
                let floor = event.space().and_then(|space| space.floor_ref_id.as_ref());
                is_listed(&subscription.floor_ref_ids, event, floor)
            }
            Self::Space => {
                let space = event.space().map(|space| &space.space_ref_id);
                is_listed(&subscription.space_ref_ids, event, space)
            }
            Self::OnChange => {
                let is_news = event.change.occupancy_changed || event.change.first_of_hour;
                subscription.send == Send::Always || !is_report(event) || is_news
            }
            Self::Filter => subscription.filter.as_ref().is_none_or(|filter| filter.matches(&event.data)),
            Self::Enabled => subscription.activity.is_enabled(),
        }
    }
}

impl fmt::Display for ConditionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A condition, and how it stands with an event and a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Which.
    pub code: ConditionCode,
    /// Whether it holds.
    pub holds: bool,
    /// Why, with the values that decide.
    pub sentence: String,
}

/// Every condition, in the order of [`ConditionCode::ALL`]. The event is sent if all hold.
pub fn conditions(subscription: &Subscription, event: &Event) -> Vec<Condition> {
    let condition = |code: ConditionCode| {
        let holds = code.holds(subscription, event);
        Condition { code, holds, sentence: words::sentence(code, holds, subscription, event) }
    };
    ConditionCode::ALL.into_iter().map(condition).collect()
}

/// Whether the event goes to the subscription now; else the first condition that does not hold.
pub fn check(subscription: &Subscription, event: &Event) -> Result<(), ConditionCode> {
    first_unmet(subscription, event, &ConditionCode::ALL)
}

/// Whether the subscription wants the event: now, or, while it is disabled, kept.
pub fn wants(subscription: &Subscription, event: &Event) -> Result<(), ConditionCode> {
    let [of_event @ .., _enabled] = &ConditionCode::ALL;
    first_unmet(subscription, event, of_event)
}

fn first_unmet(subscription: &Subscription, event: &Event, codes: &[ConditionCode]) -> Result<(), ConditionCode> {
    codes.iter().find(|code| !code.holds(subscription, event)).map_or(Ok(()), |code| Err(*code))
}

/// Whether the event is about the subscription itself.
pub(crate) fn is_about(subscription: &Subscription, event: &Event) -> bool {
    event.subject().is_some_and(|subject| subject.as_str() == subscription.id.as_str())
}

/// Whether a list leaves in what the event is about, which is there. An empty list leaves everything in; no list is about
/// what is no place. A space that is on no floor is on none that is listed, and a named group of sensors, which may be in
/// a building, is on no floor and in no space.
fn is_listed<T: Ord>(listed: &BTreeSet<T>, event: &Event, there: Option<&T>) -> bool {
    listed.is_empty() || is_of_no_place(event) || there.is_some_and(|id| listed.contains(id))
}

fn is_of_no_place(event: &Event) -> bool {
    event.subject().is_some()
}

/// `on_change` thins out reports; an availability event is a change by itself.
fn is_report(event: &Event) -> bool {
    event.event_type == EventType::SpaceReport
}

#[cfg(test)]
mod tests;
