//! Disabling what fails too much.

use crate::ports::{Changed, Fault, World, log_fault};
use crate::rearming::rearm;
use crate::report::disabled_mail;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::failure_rate::{Assessment, FailurePolicy, Verdict, assess};
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::stats::BucketStart;
use spacehook_domain::subscription::{Activity, DisabledReason, Subscription};

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Subscriptions that failed lately.
    pub looked_at: usize,
    /// Of these, disabled now.
    pub disabled: usize,
    /// Of these, with a backlog whose timer was lost and is set again.
    pub rearmed: usize,
    /// Mails sent.
    pub mailed: usize,
    /// Of these, not looked at, or not told of, because of a fault: the next run tries again where it can.
    pub faults: usize,
}

/// One run: every subscription that failed lately. One that can't be looked at does not keep the others from it.
pub async fn run<W: World>(world: &W, policy: FailurePolicy) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    for (tenant, id) in world.failing().await? {
        summary.looked_at += 1;
        match look_at(world, policy, &tenant, &id).await {
            Ok(Looked::Nothing) => {}
            Ok(Looked::Rearmed) => summary.rearmed += 1,
            Ok(Looked::Disabled(disabled)) => {
                summary.disabled += 1;
                match tell(world, &disabled).await {
                    Ok(told) => summary.mailed += usize::from(told),
                    Err(fault) => {
                        summary.faults += 1;
                        log_fault(&tenant, &id, &fault, "a subscription was disabled, and its contacts not told");
                    }
                }
            }
            Err(fault) => {
                summary.faults += 1;
                log_fault(&tenant, &id, &fault, "a failing subscription could not be looked at");
            }
        }
    }
    Ok(summary)
}

/// A subscription that this run disabled, and what led to it.
struct Disabled {
    subscription: Subscription,
    assessment: Assessment,
    at: Timestamp,
    window_hours: u32,
}

/// What came of a look at a subscription.
enum Looked {
    /// Nothing was to be done.
    Nothing,
    /// It goes on, and so does its backlog.
    Rearmed,
    /// It is disabled now.
    Disabled(Box<Disabled>),
}

async fn look_at<W: World>(
    world: &W,
    policy: FailurePolicy,
    tenant: &TenantId,
    id: &SubscriptionId,
) -> Result<Looked, Fault> {
    let Some(before) = world.subscription(tenant, id).await? else {
        world.forget(tenant, id).await?;
        return Ok(Looked::Nothing);
    };
    let Activity::Enabled { since } = before.activity else {
        world.forget(tenant, id).await?;
        return Ok(Looked::Nothing);
    };
    let at = world.now();
    let window_start = at - SignedDuration::from_hours(i64::from(policy.window_hours));
    let buckets = world.buckets(tenant, id, BucketStart::holding(window_start)).await?;
    let assessment = assess(&buckets, at, since, policy);
    if assessment.verdict == Verdict::Keep {
        let is_rearmed = rearm(world, before.key()).await?;
        return Ok(if is_rearmed { Looked::Rearmed } else { Looked::Nothing });
    }
    let after = disabled(&before, at, &assessment, policy.window_hours);
    match world.change(&before, &after).await? {
        // Changed meanwhile: by another run, or by its owner, who may just be mending it. The next run decides anew.
        Changed::Conflict => Ok(Looked::Nothing),
        Changed::Yes => {
            let counts = &assessment.counts;
            tracing::warn!(
                %tenant, subscription = %id, failures = counts.failures, attempts = counts.attempts,
                "a subscription is disabled: too many of its attempts failed"
            );
            let window_hours = policy.window_hours;
            Ok(Looked::Disabled(Box::new(Disabled { subscription: after, assessment, at, window_hours })))
        }
    }
}

fn disabled(before: &Subscription, at: Timestamp, assessment: &Assessment, window_hours: u32) -> Subscription {
    let reason = DisabledReason::FailureRate {
        failures: assessment.counts.failures,
        attempts: assessment.counts.attempts,
        window_hours,
    };
    Subscription {
        activity: Activity::Disabled { since: at, reason },
        updated_at: at,
        revision: before.revision + 1,
        ..before.clone()
    }
}

/// Tells the contacts; true where there is one.
async fn tell<W: World>(world: &W, disabled: &Disabled) -> Result<bool, Fault> {
    let subscription = &disabled.subscription;
    world.forget(&subscription.tenant, &subscription.id).await?;
    if subscription.contacts.is_empty() {
        tracing::warn!(
            tenant = %subscription.tenant, subscription = %subscription.id,
            "the disabled subscription has no contacts to tell"
        );
        return Ok(false);
    }
    let attempts = world.newest_attempts(&subscription.tenant, &subscription.id).await?;
    let counts = &disabled.assessment.counts;
    let mail = disabled_mail(subscription, disabled.at, disabled.window_hours, counts, &attempts).write()?;
    world.mail(&mail, &subscription.contacts).await?;
    Ok(true)
}

#[cfg(test)]
mod tests;
