//! Telling what happened to subscriptions: an event for other subscriptions, a mail for the contacts.
//!
//! What is told is a notice, which was stored with the change and goes when all is told. The event may be queued twice and
//! is one all the same. A mail that is sent twice is two, so there are three steps: say that it is about to be sent, send
//! it, say that it is sent. A run that dies before it sent leaves the mail to a later one. Of a run that dies *after* it
//! sent, SES itself says that the mail was sent ([`confirm`]), well before a later run would send it again.

use crate::ports::{Changed, Fault, MailFault, StoredNotice, World};
use crate::report;
use crate::settings::Settings;
use crate::summary::Summary;
use jiff::SignedDuration;
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::notice::{MAIL_LEASE, MailState, Notice, NoticeId};
use spacehook_domain::stats::BucketStart;
use spacehook_domain::subscription::{EmailAddress, Subscription};
use spacehook_mail::Mail;
use std::collections::{BTreeMap, BTreeSet};

/// How often a change of a notice is tried again that others overtook.
const TRIES: usize = 5;

/// The notices of each subscription, in the order of their times.
pub(crate) fn by_subscription(notices: Vec<StoredNotice>) -> Vec<Vec<StoredNotice>> {
    let mut groups: BTreeMap<SubscriptionKey, Vec<StoredNotice>> = BTreeMap::new();
    for stored in notices {
        groups.entry(stored.notice.subscription.key()).or_default().push(stored);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    for group in &mut groups {
        group.sort_by_key(|stored| stored.notice.at);
    }
    groups
}

/// Tells what is left to tell of a subscription's notices, one after the other: who listens shall not hear that it was
/// enabled before they hear that it was disabled. An event that can't be queued keeps those after it.
pub(crate) async fn tell<W: World>(
    world: &W,
    settings: &Settings,
    notices: Vec<StoredNotice>,
) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    for stored in notices {
        summary += tell_one(world, settings, stored).await?;
    }
    Ok(summary)
}

async fn tell_one<W: World>(world: &W, settings: &Settings, stored: StoredNotice) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    let Some(stored) = publish(world, stored, &mut summary).await? else { return Ok(summary) };
    let now = world.now();
    if !stored.notice.mail.is_due(now) {
        return Ok(summary);
    }
    let was_stuck = stored.notice.mail != MailState::Due;
    let sending = MailState::Sending { until: now + MAIL_LEASE };
    // Another run does it.
    let Some(claimed) = put(world, &stored, |notice| notice.mail = sending).await? else { return Ok(summary) };
    summary.repairs.notices += usize::from(was_stuck);
    let (mail, to) = match write(world, settings, &claimed.notice).await {
        Ok(Some(written)) => written,
        Ok(None) => {
            summary.unmailed += 1;
            put(world, &claimed, |notice| notice.mail = MailState::Done).await?;
            return Ok(summary);
        }
        Err(fault) => {
            put(world, &claimed, |notice| notice.mail = MailState::Due).await?;
            return Ok(summary + not_told(&claimed.notice, &fault, true));
        }
    };
    match world.mail(&mail, &to, &claimed.notice.id()).await {
        Ok(()) => {
            summary.mailed += 1;
            put(world, &claimed, |notice| notice.mail = MailState::Done).await?;
            Ok(summary)
        }
        Err(MailFault { was_not_sent, fault }) => {
            if was_not_sent {
                put(world, &claimed, |notice| notice.mail = MailState::Due).await?;
            }
            Ok(summary + not_told(&claimed.notice, &fault, was_not_sent))
        }
    }
}

/// A mail that can't be written or sent is no reason to keep the events that follow.
fn not_told(notice: &Notice, fault: &Fault, was_not_sent: bool) -> Summary {
    let SubscriptionKey { tenant, id } = notice.subscription.key();
    let cause = fault.source().map(ToString::to_string);
    tracing::error!(
        %tenant, subscription = %id, error = %fault, cause, was_not_sent,
        "the contacts of a subscription are not known to be told; a later run tries again"
    );
    Summary { faults: 1, ..Summary::default() }
}

/// Queues the event, where it is still to be queued; none where nothing is left to tell, or another run does it.
async fn publish<W: World>(
    world: &W,
    stored: StoredNotice,
    summary: &mut Summary,
) -> Result<Option<StoredNotice>, Fault> {
    if !stored.notice.to_publish {
        return Ok(Some(stored));
    }
    let event = stored.notice.event();
    if world.subscribed(&event.tenant).await?.contains(&event.event_type) {
        world.queue(&[event]).await?;
        summary.told += 1;
    }
    put(world, &stored, |notice| notice.to_publish = false).await
}

/// Puts a changed notice in the place of one that was read; none where another run was faster.
async fn put<W: World>(
    world: &W,
    stored: &StoredNotice,
    change: impl FnOnce(&mut Notice),
) -> Result<Option<StoredNotice>, Fault> {
    let mut notice = stored.notice.clone();
    change(&mut notice);
    Ok(match world.update_notice(stored, &notice).await? {
        Changed::Yes => Some(StoredNotice { version: stored.version + 1, notice }),
        Changed::Conflict => None,
    })
}

/// Writes the mail, and says who gets it; none where nobody is to.
async fn write<W: World>(
    world: &W,
    settings: &Settings,
    notice: &Notice,
) -> Result<Option<(Mail, BTreeSet<EmailAddress>)>, Fault> {
    let key = notice.subscription.key();
    let untold = |why| {
        tracing::warn!(tenant = %key.tenant, subscription = %key.id, why, "nobody gets the mail about a subscription");
        Ok(None)
    };
    if !settings.sends_mail {
        return untold("no sender is configured");
    }
    let Some(subscription) = world.subscription(&key).await? else { return untold("it is deleted") };
    let to = contacts(world, &subscription).await?;
    if to.is_empty() {
        return untold("neither it nor the tenant has contacts");
    }
    let hours = notice.window.as_ref().map_or(settings.policy.window_hours, |window| window.hours);
    let from = notice.at - SignedDuration::from_hours(i64::from(hours));
    let buckets = world.buckets(&key, BucketStart::holding(from)).await?;
    let newest = world.newest_attempts(&key).await?;
    let is_enabled = subscription.activity.is_enabled();
    let mail = report::mail(notice, &buckets, &newest, is_enabled, settings.limits())?;
    Ok(mail.map(|mail| (mail, to)))
}

/// Its own contacts, as they are now, else the tenant's.
async fn contacts<W: World>(world: &W, subscription: &Subscription) -> Result<BTreeSet<EmailAddress>, Fault> {
    if subscription.contacts.is_empty() {
        return world.contacts(&subscription.tenant).await;
    }
    Ok(subscription.contacts.clone())
}

/// Takes in SES's word that it accepted the mail about a notice; true where nobody had said so before.
pub async fn confirm<W: World>(world: &W, id: &NoticeId) -> Result<bool, Fault> {
    for _ in 0..TRIES {
        let Some(stored) = world.notice(id).await? else { return Ok(false) };
        if stored.notice.mail == MailState::Done {
            return Ok(false);
        }
        if put(world, &stored, |notice| notice.mail = MailState::Done).await?.is_some() {
            return Ok(true);
        }
    }
    Err("other writers kept changing the notice".into())
}

#[cfg(test)]
mod tests;
