//! Looking at the spaces and groups of sensors that are due: sensors that fell silent, and events that were saved and never queued.
//!
//! As ingest does it: the state is written with the events that it causes, if nobody wrote it since; then they are queued;
//! then they are forgotten. A space is due until a look at it ends.

use crate::ports::{Changed, Fault, StoredState, World};
use crate::summary::Summary;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::TenantId;
use spacehook_domain::observed::{Observed, ObservedId};
use spacehook_domain::space_state::{Occasion, SpaceState};
use std::collections::BTreeSet;

/// When a space with events that a look caused is looked at again, should it die before they are queued.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// How often a space is looked at in one run, at most: each look tells of some of its sensors.
const LOOKS: usize = 8;

/// Looks at one, until it has nothing more to say.
pub(crate) async fn look<W: World>(world: &W, tenant: &TenantId, id: ObservedId) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    for _ in 0..LOOKS {
        let stored = world.stored_state(tenant, id).await?;
        // The index is a moment late: another run has looked, or a sensor was heard.
        if stored.due_at.is_none_or(|due_at| due_at > world.now()) {
            break;
        }
        summary += look_once(world, tenant, id, &stored).await?;
    }
    Ok(summary)
}

async fn look_once<W: World>(
    world: &W,
    tenant: &TenantId,
    id: ObservedId,
    stored: &StoredState,
) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    let now = world.now();
    if !stored.pending.is_empty() {
        // First of all, since it is older than what follows.
        let (space_id, sensor_group_id, events) = (id.space_number(), id.sensor_group_number(), stored.pending.len());
        tracing::warn!(%tenant, space_id, sensor_group_id, events, "queueing what was saved and not queued");
        queue(world, tenant, id, stored.version, &stored.pending).await?;
        summary.repairs.pending += stored.pending.len();
    }
    let Some(of) = observed(world, tenant, id, stored).await? else {
        // Deleted, or made anew under another number: nobody is to hear of it.
        world.set_due(tenant, id, stored.version, None).await?;
        return Ok(summary);
    };
    let seen = |wanted: &BTreeSet<EventType>| -> (SpaceState, Vec<Event>) {
        let mut state = stored.state.clone();
        let events = state.look(Occasion { tenant, of: &of, trace: None, wanted }, now);
        (state, events)
    };
    // Most looks find nothing, and for those it need not be read who wants to hear of it.
    let (state, _) = seen(&BTreeSet::new());
    if state == stored.state {
        world.set_due(tenant, id, stored.version, state.next_look()).await?;
        return Ok(summary);
    }
    let (state, events) = seen(&world.subscribed(tenant).await?);
    let next = state.next_look();
    // Another was faster, or a sensor was heard: it is due until one look succeeds.
    let saved = world.save_state(tenant, id, stored.version, &state, &events, due_at(next, &events, now)).await?;
    if saved == Changed::Yes {
        summary.repairs.holds += usize::from(stored.state.held_until().is_some() && state.held_until().is_none());
        if !events.is_empty() {
            queue(world, tenant, id, stored.version + 1, &events).await?;
            summary.silent += events.iter().filter(|event| is_of_silence(event)).count();
        }
    }
    Ok(summary)
}

/// What a state is of, if it still is there.
async fn observed<W: World>(
    world: &W,
    tenant: &TenantId,
    id: ObservedId,
    stored: &StoredState,
) -> Result<Option<Observed>, Fault> {
    let Some(place) = stored.state.place() else { return Ok(None) };
    Ok(world.observed(tenant, place).await?.filter(|found| found.id() == id))
}

/// Whether it tells of silence, and not of the end of a hold.
fn is_of_silence(event: &Event) -> bool {
    !matches!(event.event_type, EventType::SpaceAvailability | EventType::SensorDeviceGroupStateUpdated)
}

/// When to look next: soon, while there are events that may not be queued.
fn due_at(next: Option<Timestamp>, events: &[Event], now: Timestamp) -> Option<Timestamp> {
    let again = (!events.is_empty()).then(|| now + AGAIN_AFTER);
    next.into_iter().chain(again).min()
}

async fn queue<W: World>(
    world: &W,
    tenant: &TenantId,
    id: ObservedId,
    version: u64,
    events: &[Event],
) -> Result<(), Fault> {
    world.queue(events).await?;
    world.clear_pending(tenant, id, version).await
}

#[cfg(test)]
mod tests;
