//! Judging the subscriptions that failed lately: which are failing, which are disabled.

use crate::ports::{Changed, Failing, Fault, Standing, World};
use crate::settings::Settings;
use crate::summary::Summary;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::failure_rate::{Assessment, Verdict, Warning, assess};
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::notice::{Happened, Notice, Window};
use spacehook_domain::stats::BucketStart;
use spacehook_domain::subscription::{Activity, DisabledReason};

/// Judges one. What follows is changed and noted in one transaction, so exactly one of any number of runs does it; who is
/// told what is in the notice.
pub(crate) async fn judge<W: World>(world: &W, settings: &Settings, failing: &Failing) -> Result<Summary, Fault> {
    let mut summary = Summary { looked_at: 1, ..Summary::default() };
    let (key, policy) = (&failing.subscription, settings.policy);
    let at = world.now();
    let before = world.subscription(key).await?;
    let Some((before, enabled_since)) = before.and_then(|it| match it.activity {
        Activity::Enabled { since } => Some((it, since)),
        Activity::Disabled { .. } => None,
    }) else {
        // Deleted, or disabled: it fails no more.
        forget(world, failing, at).await?;
        return Ok(summary);
    };
    let window_start = at - SignedDuration::from_hours(i64::from(policy.window_hours));
    let buckets = world.buckets(key, BucketStart::holding(window_start)).await?;
    let Assessment { counts, verdict } = assess(&buckets, at, enabled_since, policy);
    let (failures, attempts) = (counts.failures, counts.attempts);
    let window = Some(Window { hours: policy.window_hours, enabled_since, counts });

    if verdict == Verdict::Disable {
        let reason = DisabledReason::FailureRate { failures, attempts, window_hours: policy.window_hours };
        let disabled = Notice::new(Happened::Disabled, at, before.disabled(at, reason), window, true);
        // In conflict with another run, or with its owner, who may just be mending it: the next run judges anew.
        if world.disable(&before, &disabled).await? == Changed::Yes {
            tracing::warn!(
                tenant = %key.tenant, subscription = %key.id, failures, attempts,
                "a subscription is disabled: too many of its attempts failed"
            );
            summary.disabled += 1;
            forget(world, failing, at).await?;
        }
        return Ok(summary);
    }
    if let Some(turn) = Warning::turn(failing.warning, verdict, enabled_since, at, settings.mails_warnings) {
        let notice = Notice::new(turn.happened, at, before, window, turn.is_mailed);
        if world.warn(failing, &turn.warning, &notice).await? == Changed::Yes {
            let what = turn.happened.as_str();
            tracing::info!(tenant = %key.tenant, subscription = %key.id, failures, attempts, what, "a subscription turned");
            summary.failing += usize::from(turn.warning.is_failing);
            summary.recovered += usize::from(!turn.warning.is_failing);
        }
    } else if failures == 0 {
        forget(world, failing, at).await?;
    }
    Ok(summary + standing(world, key).await)
}

/// Forgets that a subscription failed; not while that remembers when its contacts were last warned, and they may not be
/// warned again.
async fn forget<W: World>(world: &W, failing: &Failing, now: Timestamp) -> Result<(), Fault> {
    if failing.warning.is_some_and(|warning| warning.was_mailed_lately(now)) {
        return Ok(());
    }
    world.forget(failing).await
}

/// How it stands with its backlog. For a metric: what can't be read is not counted.
async fn standing<W: World>(world: &W, key: &SubscriptionKey) -> Summary {
    let standing = world.standing(key).await.unwrap_or_else(|error| {
        tracing::warn!(tenant = %key.tenant, subscription = %key.id, %error, "a backlog can't be counted");
        Standing::default()
    });
    Summary { open_breakers: usize::from(standing.is_open), waiting: standing.waiting, ..Summary::default() }
}
