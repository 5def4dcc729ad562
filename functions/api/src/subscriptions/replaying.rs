//! Replaying: dead deliveries are put back among those that wait.
//!
//! Each is one transaction: it is taken off the list of the dead and put into the lane of its space, or nothing happens.
//! It has its place there by its sequence, and is sent though newer events of its space have been.

use super::enabling::{LATER, wake};
use crate::App;
use crate::ports::ChangeFailed;
use crate::problem::Problem;
use spacehook_domain::backlog::{Change, Dead, KeptKey, held};
use spacehook_domain::subscription::Subscription;
use spacehook_store::{Replayed, Saved};
use std::slice;
use std::time::Duration;

/// Dead deliveries replayed by one request, at most: some seconds' work, well within the time of a request.
pub(super) const REPLAYED_AT_ONCE: usize = 100;
/// How often a change is tried again that met another one. The run that drains the backlog changes the same lanes.
const TRIES: usize = 10;

/// Puts dead deliveries back and has a run look at them; how many were. One that somebody else has put back meanwhile
/// does not count.
pub(super) async fn replay(app: &App, subscription: &Subscription, dead: &[Dead]) -> Result<u32, Problem> {
    if dead.is_empty() {
        return Ok(0);
    }
    let key = subscription.key();
    wake(app, &key, LATER).await;
    let replayed = put_all_back(app, subscription, dead).await;
    // Also after an error, and while it is disabled, since it may be enabled just now: a run for nothing costs little,
    // a lane that no run looks at costs the delivery.
    wake(app, &key, Duration::ZERO).await;
    replayed
}

async fn put_all_back(app: &App, subscription: &Subscription, dead: &[Dead]) -> Result<u32, Problem> {
    if subscription.activity.is_enabled() {
        hold_backlog(app, subscription).await?;
    }
    let mut replayed = 0;
    for dead in dead {
        replayed += u32::from(put_back(app, subscription, dead).await?);
    }
    Ok(replayed)
}

/// Sees to it that there is a backlog, and that it is not deleted in the next moments for having nothing in it.
pub(super) async fn hold_backlog(app: &App, subscription: &Subscription) -> Result<(), Problem> {
    let key = subscription.key();
    for _ in 0..TRIES {
        let read = app.backlogs.backlog(&key).await?;
        let now = app.now();
        let Some(held) = held(read.as_ref(), now) else { return Ok(()) };
        let mut change = Change::of(key.clone());
        change.set_backlog(read.as_ref(), held);
        if app.backlogs.change(&change, now).await? == Saved::Yes {
            return Ok(());
        }
    }
    Err(ChangeFailed::Conflict.into())
}

/// Puts one back; false where it is no longer among the dead.
async fn put_back(app: &App, subscription: &Subscription, dead: &Dead) -> Result<bool, Problem> {
    let key = subscription.key();
    let stream = dead.event.stream();
    for _ in 0..TRIES {
        let lane = app.backlogs.lane(&key, stream).await?;
        let first = app.backlogs.first_waiting(&key, stream).await?;
        let now = app.now();
        let firsts = first.iter().map(|first| (stream, KeptKey::of(&first.event))).collect();
        let mut change = Change::of(key.clone());
        change.put_again(slice::from_ref(&dead.event), lane.as_slice(), &firsts, now);
        match app.backlogs.replay(dead, &change, now).await? {
            Replayed::Yes => return Ok(true),
            Replayed::Gone => return Ok(false),
            Replayed::Conflict => {}
        }
    }
    Err(ChangeFailed::Conflict.into())
}
