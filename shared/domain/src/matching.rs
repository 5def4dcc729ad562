//! Which subscriptions an event goes to, and why not to the others.

use crate::event::{About, Event};
use crate::subscription::{Send, Subscription};

/// Why an event is not sent to a subscription: the first condition that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// It is another tenant's.
    #[error("the event is another tenant's")]
    OtherTenant,
    /// It is disabled.
    #[error("the subscription is disabled")]
    Disabled,
    /// It did not ask for this type.
    #[error("the subscription does not list this event type")]
    OtherType,
    /// Its building filter leaves this building out.
    #[error("the building filter does not list this building")]
    OtherBuilding,
    /// The event is about the subscription itself.
    #[error("the event is about this very subscription; only others are told")]
    AboutItself,
    /// `send: on_change`, and nothing changed, and it is not the first of the hour.
    #[error("send is on_change: neither people nor signs of life changed, and it is not the first report of the hour")]
    Unchanged,
}

/// Whether the event goes to the subscription now.
pub fn check(subscription: &Subscription, event: &Event) -> Result<(), NotSent> {
    wants(subscription, event)?;
    if subscription.activity.is_enabled() { Ok(()) } else { Err(NotSent::Disabled) }
}

/// Whether the subscription wants the event: now, or, while it is disabled, kept.
pub fn wants(subscription: &Subscription, event: &Event) -> Result<(), NotSent> {
    if subscription.tenant != event.tenant {
        return Err(NotSent::OtherTenant);
    }
    if !subscription.event_types.contains(&event.event_type) {
        return Err(NotSent::OtherType);
    }
    if matches!(&event.about, About::Subject(subject) if subject.as_str() == subscription.id.as_str()) {
        return Err(NotSent::AboutItself);
    }
    let buildings = &subscription.building_ref_ids;
    // An event without a space is of no building, and no filter of buildings is about it.
    let elsewhere = event.space().is_some_and(|space| !buildings.contains(&space.building_ref_id));
    if !buildings.is_empty() && elsewhere {
        return Err(NotSent::OtherBuilding);
    }
    let unchanged = !event.change.occupancy_changed && !event.change.first_of_hour;
    if subscription.send == Send::OnChange && is_report(event) && unchanged {
        return Err(NotSent::Unchanged);
    }
    Ok(())
}

/// `on_change` thins out reports; an availability event is a change by itself.
fn is_report(event: &Event) -> bool {
    event.event_type == crate::event::EventType::SpaceReport
}

#[cfg(test)]
mod tests;
