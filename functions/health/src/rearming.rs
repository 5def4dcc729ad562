//! Setting lost timers again: a backlog whose timer should have come long ago is looked at again, and so is a job whose
//! step should have.
//!
//! A run sets the timer of the next before it ends, so one is lost only with a message that SQS lost, or that went to the
//! dead letters. Asking twice does no harm.

use crate::ports::{Fault, World};
use crate::summary::Summary;
use spacehook_domain::backlog::{Backlog, OnEnable};
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::job::{JobKey, JobStep};
use spacehook_domain::subscription::Subscription;
use spacehook_domain::wake::Wake;

/// Asks for a run of a backlog that is overdue. While its tenant is suspended it is left alone for another hour. Of a disabled subscription there is nothing to run: its backlog is due no
/// more until it is enabled.
pub(crate) async fn rearm<W: World>(world: &W, key: &SubscriptionKey) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    let Some(backlog) = world.backlog(key).await? else { return Ok(summary) };
    if !backlog.is_overdue(world.now()) {
        return Ok(summary);
    }
    if world.is_suspended(&key.tenant).await? {
        // In conflict with the tenant's resuming, say: then it is due again, and looked at by the next run.
        let _ = world.replace_backlog(key, &backlog, backlog.at_rest(world.now())).await?;
        return Ok(summary);
    }
    let subscription = world.subscription(key).await?;
    if subscription.is_some_and(|subscription| rests(&subscription, &backlog)) {
        let resting = Backlog { wake_at: None, lease_until: None, ..backlog.clone() };
        // In conflict with an enabling, say: then it is due again, and looked at by the next run.
        let _ = world.replace_backlog(key, &backlog, resting).await?;
        return Ok(summary);
    }
    tracing::warn!(
        tenant = %key.tenant, subscription = %key.id, ticket = backlog.ticket,
        wake_at = backlog.wake_at.map(tracing::field::display),
        "the timer of a backlog is overdue, and set again"
    );
    world.wake(&Wake::now(key.clone())).await?;
    summary.repairs.timers += 1;
    Ok(summary)
}

/// Asks for the step of a job that is overdue. One that comes twice is old the second time.
pub(crate) async fn rearm_job<W: World>(world: &W, key: &JobKey) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    let Some(job) = world.job(key).await? else { return Ok(summary) };
    // The index is a moment late: its step may have been made.
    if job.overdue_at().is_none_or(|overdue_at| overdue_at > world.now()) {
        return Ok(summary);
    }
    let of = &key.subscription;
    tracing::warn!(
        tenant = %of.tenant, subscription = %of.id, job = %key.id, step = job.step,
        "the step of a job is overdue, and asked for again"
    );
    world.step(&JobStep::new(key.clone(), job.step)).await?;
    summary.repairs.jobs += 1;
    Ok(summary)
}

/// Whether nothing is to be done with a backlog. What its owner discards goes also while a subscription is disabled.
fn rests(subscription: &Subscription, backlog: &Backlog) -> bool {
    let discards = backlog.treatment.is_some_and(|treatment| treatment.what == OnEnable::Discard);
    !subscription.activity.is_enabled() && !discards
}
