//! What the mails about a notice say.

use jiff::Timestamp;
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::failure::FailureReason;
use spacehook_domain::notice::{Happened, Notice};
use spacehook_domain::stats::Bucket;
use spacehook_domain::subscription::{Activity, BacklogMode, DisabledReason, Subscription};
use spacehook_mail::{
    Chart, DisabledMail, Failures, GoneMail, Kept, Line, Mail, MailError, Percent, TopError, WarningMail, Which,
};

/// Errors listed, at most.
const TOP_ERRORS: usize = 5;
/// Characters of a receiver's answer that are shown.
const SAMPLE_CHARACTERS: usize = 300;

/// What the deployment is set to, as far as mails tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Above which failure rate subscriptions are disabled, in hundredths of a percent.
    pub(crate) threshold_basis_points: u32,
    /// For how many hours deliveries are kept.
    pub(crate) backlog_max_age_hours: u32,
}

/// The mail that a notice asks for; none where nobody is told by mail of what happened.
///
/// `buckets` are the subscription's counts of the window, of whatever period; `newest` its newest attempts, the newest
/// first; `now_enabled` says whether it is enabled now, which may be otherwise than when the notice was made.
pub(crate) fn mail(
    notice: &Notice,
    buckets: &[Bucket],
    newest: &[Attempt],
    now_enabled: bool,
    limits: Limits,
) -> Result<Option<Mail>, MailError> {
    let recorded = Recorded { notice, buckets, newest };
    let (which, kept) = (which(&notice.subscription), kept(&notice.subscription, limits));
    let threshold = Percent::of_basis_points(limits.threshold_basis_points);
    let written = match (notice.happened, &notice.subscription.activity) {
        (Happened::Disabled, Activity::Disabled { reason: DisabledReason::Gone, .. }) => {
            GoneMail { which, disabled_at: notice.at, kept, enabled_again: now_enabled }.write()
        }
        (Happened::Disabled, Activity::Disabled { reason, .. }) => match recorded.failures_of(reason) {
            Some(failures) => {
                let disabled_at = notice.at;
                DisabledMail { which, disabled_at, failures, threshold, kept, enabled_again: now_enabled }.write()
            }
            None => return Ok(None),
        },
        (Happened::Failing, _) => match recorded.failures_of_window() {
            Some(failures) => {
                let seen_at = notice.at;
                WarningMail { which, seen_at, failures, threshold, kept, disabled_since: !now_enabled }.write()
            }
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    written.map(Some)
}

fn which(subscription: &Subscription) -> Which {
    Which::new(subscription.name.as_str(), subscription.id.to_string(), &subscription.url)
}

fn kept(subscription: &Subscription, limits: Limits) -> Kept {
    Kept { latest_only: subscription.backlog == BacklogMode::Latest, hours: limits.backlog_max_age_hours }
}

/// What is recorded of the subscription of a notice.
struct Recorded<'a> {
    notice: &'a Notice,
    buckets: &'a [Bucket],
    newest: &'a [Attempt],
}

impl Recorded<'_> {
    /// The failures that a subscription was disabled for; none where it was for something else.
    fn failures_of(&self, reason: &DisabledReason) -> Option<Failures> {
        match reason {
            DisabledReason::FailureRate { failures, attempts, window_hours } => {
                Some(Failures::new((*failures, *attempts), *window_hours, self.top_errors(), self.chart()))
            }
            DisabledReason::ByRequest | DisabledReason::Gone => None,
        }
    }

    /// The failures of the notice's window; none where it has none: a warning without counts says nothing.
    fn failures_of_window(&self) -> Option<Failures> {
        let window = self.notice.window.as_ref()?;
        let counts = (window.counts.failures, window.counts.attempts);
        Some(Failures::new(counts, window.hours, self.top_errors(), self.chart()))
    }

    /// The window, hour by hour. What happened after the notice is no part of it.
    fn chart(&self) -> Option<Chart> {
        let window = self.notice.window.as_ref()?;
        let of_period = self.buckets.iter().filter(|bucket| bucket.enabled_since == window.enabled_since);
        Some(Chart::of(of_period, self.notice.at, window.hours))
    }

    fn top_errors(&self) -> Vec<TopError> {
        let Some(window) = &self.notice.window else { return Vec::new() };
        let counted = window.enabled_since..=self.notice.at;
        let top = window.counts.top_reasons(TOP_ERRORS).into_iter();
        top.map(|(key, count)| {
            let last = self.newest.iter().filter(|attempt| counted.contains(&attempt.started_at)).find_map(failed(key));
            top_error(key, count, last)
        })
        .collect()
    }
}

/// When an attempt failed and what the receiver answered, if it failed for this reason.
fn failed(key: &str) -> impl Fn(&Attempt) -> Option<(Timestamp, Option<&str>)> {
    move |attempt| match &attempt.outcome {
        Outcome::Failed { reason, answer, .. } if reason.key() == key => Some((attempt.started_at, answer.as_deref())),
        Outcome::Failed { .. } | Outcome::Accepted { .. } => None,
    }
}

fn top_error(key: &str, count: u64, last: Option<(Timestamp, Option<&str>)>) -> TopError {
    let reason = FailureReason::from_key(key);
    let sample = last.and_then(|(_, answer)| answer).map(|answer| Line::of(answer, SAMPLE_CHARACTERS));
    TopError {
        reason: reason.map_or_else(|| key.to_owned(), |reason| reason.to_string()),
        count,
        last_seen: last.map(|(at, _)| at),
        sample: sample.filter(|line| !line.is_empty()),
        meaning: reason.map_or("", |reason| reason.what_it_means()).to_owned(),
        remedy: reason.map_or("", |reason| reason.how_to_fix()).to_owned(),
    }
}

#[cfg(test)]
mod tests;
