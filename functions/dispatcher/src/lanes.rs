//! Lanes: the deliveries of a batch, sorted so that what must keep its order is in one lane, and what need not is not.

use spacehook_domain::event::Event;
use spacehook_domain::ids::{SpaceId, SubscriptionId, TenantId};
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::subscription::Subscription;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An attempt to make.
#[derive(Debug, Clone)]
pub struct Task {
    /// The place in the batch of the message it came from.
    pub message: usize,
    /// Whom it goes to.
    pub subscription: Arc<Subscription>,
    /// What is delivered.
    pub event: Arc<Event>,
    /// Which attempt this is.
    pub attempt: AttemptNumber,
}

/// Tasks of one (subscription, space), in the order of their events.
pub type Lane = Vec<Task>;

/// Sorts tasks into lanes. Within a lane events are in the order of their sequence.
pub fn lanes(tasks: Vec<Task>) -> Vec<Lane> {
    let mut lanes: BTreeMap<(TenantId, SubscriptionId, SpaceId), Lane> = BTreeMap::new();
    for task in tasks {
        let key = (task.event.tenant.clone(), task.subscription.id.clone(), task.event.space.space_id);
        lanes.entry(key).or_default().push(task);
    }
    let mut lanes: Vec<Lane> = lanes.into_values().collect();
    for lane in &mut lanes {
        lane.sort_by_key(|task| task.event.sequence);
    }
    lanes
}
