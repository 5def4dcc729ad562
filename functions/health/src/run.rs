//! One run: every part of it, whatever became of the others.

use crate::ports::{Fault, World};
use crate::settings::Settings;
use crate::summary::Summary;
use crate::{judging, looking, rearming, telling};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use std::future::Future;

/// What is looked after at the same time, at most.
const CONCURRENT: usize = 16;

/// One run: its parts side by side, so that one which takes long leaves the others their time. Nothing new is begun from the
/// deadline on. What a fault of the world prevents is counted and logged, does not keep anything else from being done,
/// and is tried again by the next run.
pub async fn run<W: World>(world: &W, settings: &Settings, deadline: Timestamp) -> Summary {
    let (subscriptions, spaces, backlogs, jobs) = futures::join!(
        subscriptions(world, settings, deadline),
        async {
            let due = world.due_states(world.now()).await;
            each(world, deadline, due, "the states that are due", async |(tenant, id)| {
                looking::look(world, &tenant, id).await
            })
            .await
        },
        async {
            let overdue = world.overdue_backlogs(world.now()).await;
            each(world, deadline, overdue, "the backlogs that are overdue", async |key| {
                rearming::rearm(world, &key).await
            })
            .await
        },
        async {
            let overdue = world.overdue_jobs(world.now()).await;
            each(world, deadline, overdue, "the jobs that are overdue", async |key| {
                rearming::rearm_job(world, &key).await
            })
            .await
        },
    );
    subscriptions + spaces + backlogs + jobs
}

/// Judges those that failed lately, in the first half of the time, and tells what happened: what is disabled now is told
/// now.
async fn subscriptions<W: World>(world: &W, settings: &Settings, deadline: Timestamp) -> Summary {
    let now = world.now();
    let half = now.checked_add(deadline.duration_since(now) / 2).unwrap_or(deadline);
    let mut summary = each(world, half, world.failing().await, "the failing subscriptions", async |failing| {
        judging::judge(world, settings, &failing).await
    })
    .await;
    let notices = world.notices().await.map(telling::by_subscription);
    summary +=
        each(world, deadline, notices, "the notices", async |of_one| telling::tell(world, settings, of_one).await)
            .await;
    summary
}

/// Looks after each of a list: several at once, beginning with another at each run, so that those that a short run leaves
/// are not always the same.
async fn each<W: World, T>(
    world: &W,
    deadline: Timestamp,
    found: Result<Vec<T>, Fault>,
    what: &'static str,
    look_after: impl AsyncFn(T) -> Result<Summary, Fault>,
) -> Summary {
    let mut found = match found {
        Ok(found) => found,
        Err(fault) => {
            log(&fault, what, "could not be read");
            return Summary { faults: 1, ..Summary::default() };
        }
    };
    let first = first_of(world.now(), found.len());
    found.rotate_left(first);
    let one = async |item: T| {
        if world.now() >= deadline {
            return Summary { left: 1, ..Summary::default() };
        }
        match look_after(item).await {
            Ok(summary) => summary,
            Err(fault) => {
                log(&fault, what, "could not all be looked after");
                Summary { faults: 1, ..Summary::default() }
            }
        }
    };
    let each = stream::iter(found).map(one).buffer_unordered(CONCURRENT);
    sum(each).await
}

/// Where a run begins in a list: far from where the runs before it did, so that each comes to be the first soon.
fn first_of(now: Timestamp, length: usize) -> usize {
    // A multiple of the golden ratio spreads consecutive numbers as evenly as can be.
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let minute = u64::try_from(now.as_second() / 60).unwrap_or_default();
    let place = (u128::from(minute.wrapping_mul(STEP)) * u128::try_from(length).unwrap_or_default()) >> 64;
    usize::try_from(place).unwrap_or_default()
}

fn sum(each: impl stream::Stream<Item = Summary>) -> impl Future<Output = Summary> {
    each.fold(Summary::default(), async |mut sum, one| {
        sum += one;
        sum
    })
}

fn log(fault: &Fault, what: &'static str, outcome: &'static str) {
    let cause = fault.source().map(ToString::to_string);
    tracing::error!(error = %fault, cause, what, outcome, "a fault of ours; the next run tries again");
}

#[cfg(test)]
mod tests;
