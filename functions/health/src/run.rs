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

/// One run. Nothing new is begun from the deadline on. What a fault of the world prevents is counted and logged, does not
/// keep anything else from being done, and is tried again by the next run.
pub async fn run<W: World>(world: &W, settings: &Settings, deadline: Timestamp) -> Summary {
    let mut summary = Summary::default();
    // Judged first: what is disabled now is told now.
    summary += each(world, deadline, world.failing().await, "the failing subscriptions", async |failing| {
        judging::judge(world, settings, &failing).await
    })
    .await;
    summary += each(world, deadline, world.notices().await, "the notices", async |notice| {
        telling::tell(world, settings, notice).await
    })
    .await;
    let due = world.due_spaces(world.now()).await;
    summary += each(world, deadline, due, "the spaces that are due", async |(tenant, space)| {
        looking::look(world, &tenant, space).await
    })
    .await;
    let overdue = world.overdue_backlogs(world.now()).await;
    summary +=
        each(world, deadline, overdue, "the backlogs that are overdue", async |key| rearming::rearm(world, &key).await)
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
    let runs = usize::try_from(world.now().as_second() / 60).unwrap_or_default();
    let first = runs.checked_rem(found.len()).unwrap_or_default();
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
