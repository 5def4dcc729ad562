//! Judging the subscriptions that failed lately: which are failing, which are disabled.

use crate::ports::{Changed, Failing, Fault, World};
use crate::settings::Settings;
use crate::summary::Summary;
use jiff::SignedDuration;
use spacehook_domain::failure_rate::{Verdict, Warning, assess};
use spacehook_domain::notice::{Happened, Notice, Window};
use spacehook_domain::stats::BucketStart;
use spacehook_domain::subscription::{Activity, DisabledReason};

/// Judges one. What follows is changed and noted in one transaction, so exactly one of any number of runs does it; who is
/// told what is in the notice.
pub(crate) async fn judge<W: World>(world: &W, settings: &Settings, failing: &Failing) -> Result<Summary, Fault> {
    let mut summary = Summary { looked_at: 1, ..Summary::default() };
    let (key, policy) = (&failing.subscription, settings.policy);
    let before = world.subscription(key).await?;
    let Some((before, enabled_since)) = before.and_then(|it| match it.activity {
        Activity::Enabled { since } => Some((it, since)),
        Activity::Disabled { .. } => None,
    }) else {
        // Deleted, or disabled: it fails no more.
        world.forget(key).await?;
        return Ok(summary);
    };
    let at = world.now();
    let window_start = at - SignedDuration::from_hours(i64::from(policy.window_hours));
    let buckets = world.buckets(key, BucketStart::holding(window_start)).await?;
    let assessment = assess(&buckets, at, enabled_since, policy);
    let counts = assessment.counts;
    let (failures, attempts) = (counts.failures, counts.attempts);
    let window = Some(Window { hours: policy.window_hours, enabled_since, counts });

    if assessment.verdict == Verdict::Disable {
        let reason = DisabledReason::FailureRate { failures, attempts, window_hours: policy.window_hours };
        let disabled = Notice::new(Happened::Disabled, at, before.disabled(at, reason), window, true);
        // In conflict with another run, or with its owner, who may just be mending it: the next run judges anew.
        if world.disable(&before, &disabled).await? == Changed::Yes {
            tracing::warn!(
                tenant = %key.tenant, subscription = %key.id, failures, attempts,
                "a subscription is disabled: too many of its attempts failed"
            );
            summary.disabled += 1;
            world.forget(key).await?;
        }
        return Ok(summary);
    }
    let turn = Warning::turn(failing.warning, assessment.verdict, enabled_since, at, settings.mails_warnings);
    let Some(turn) = turn else { return Ok(summary) };
    let notice = Notice::new(turn.happened, at, before, window, turn.is_mailed);
    if world.warn(failing, &turn.warning, &notice).await? == Changed::Yes {
        let what = turn.happened.as_str();
        tracing::info!(tenant = %key.tenant, subscription = %key.id, failures, attempts, what, "a subscription turned");
        summary.failing += usize::from(turn.warning.is_failing);
        summary.recovered += usize::from(!turn.warning.is_failing);
    }
    Ok(summary)
}
