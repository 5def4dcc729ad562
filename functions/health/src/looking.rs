//! Looking at the spaces that are due: sensors that fell silent, and events that were saved and never queued.
//!
//! As ingest does it: the state is written with the events that it causes, if nobody wrote it since; then they are queued;
//! then they are forgotten. A space is due until a look at it ends.

use crate::ports::{Changed, Fault, StoredSpace, World};
use crate::summary::Summary;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{SpaceId, TenantId};
use spacehook_domain::place::Space;
use spacehook_domain::space_state::{Occasion, SpaceState};
use std::collections::BTreeSet;

/// When a space with events that a look caused is looked at again, should it die before they are queued.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// How often a space is looked at in one run, at most: each look tells of some of its sensors.
const LOOKS: usize = 8;

/// Looks at one, until it has nothing more to say.
pub(crate) async fn look<W: World>(world: &W, tenant: &TenantId, id: SpaceId) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    for _ in 0..LOOKS {
        let stored = world.stored_space(tenant, id).await?;
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
    id: SpaceId,
    stored: &StoredSpace,
) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    let now = world.now();
    if !stored.pending.is_empty() {
        // First of all, since it is older than what follows.
        tracing::warn!(%tenant, space_id = id.0, events = stored.pending.len(), "queueing what was saved and not queued");
        queue(world, tenant, id, stored.version, &stored.pending).await?;
        summary.repairs.pending += stored.pending.len();
    }
    let Some(space) = place(world, tenant, id, stored).await? else {
        // Deleted, or made anew under another number: nobody is to hear of it.
        world.set_due(tenant, id, stored.version, None).await?;
        return Ok(summary);
    };
    let seen = |wanted: &BTreeSet<EventType>| -> (SpaceState, Vec<Event>) {
        let mut state = stored.state.clone();
        let events = state.look(Occasion { tenant, space: &space, trace: None, wanted }, now);
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
    let saved = world.save_space(tenant, id, stored.version, &state, &events, due_at(next, &events, now)).await?;
    if saved == Changed::Yes && !events.is_empty() {
        queue(world, tenant, id, stored.version + 1, &events).await?;
        summary.silent += events.len();
    }
    Ok(summary)
}

/// The space that a state is of, if it still is there.
async fn place<W: World>(
    world: &W,
    tenant: &TenantId,
    id: SpaceId,
    stored: &StoredSpace,
) -> Result<Option<Space>, Fault> {
    let Some(place) = stored.state.place() else { return Ok(None) };
    Ok(world.space(tenant, place).await?.filter(|space| space.space_id == id))
}

/// When to look next: soon, while there are events that may not be queued.
fn due_at(next: Option<Timestamp>, events: &[Event], now: Timestamp) -> Option<Timestamp> {
    let again = (!events.is_empty()).then(|| now + AGAIN_AFTER);
    next.into_iter().chain(again).min()
}

async fn queue<W: World>(
    world: &W,
    tenant: &TenantId,
    space: SpaceId,
    version: u64,
    events: &[Event],
) -> Result<(), Fault> {
    world.queue(events).await?;
    world.clear_pending(tenant, space, version).await
}

#[cfg(test)]
mod tests;
