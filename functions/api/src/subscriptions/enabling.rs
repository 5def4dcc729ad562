//! What becomes of the deliveries that were kept for a subscription when it is enabled, or when its owner discards them.
//!
//! Either is decided in the record of the backlog, with the moment up to which it holds, and carried out by the run that
//! drains the backlog. Enabling and that decision are one transaction: nothing is sent before it is known what may be.

use crate::App;
use crate::fields::{At, Errors};
use crate::problem::Problem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::backlog::{Backlog, OnEnable, Treatment};
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::wake::Wake;
use std::time::Duration;
use utoipa::ToSchema;

/// Longer than a request takes.
pub(super) const LATER: Duration = Duration::from_mins(1);

/// What is done with the deliveries that were kept while a subscription was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KeptDeliveries)]
pub enum KeptChoice {
    /// All of them are sent, in order, before anything newer of their space.
    Deliver,
    /// The newest of each event type and space is sent, and says in the header `spacehook-superseded` how many older ones
    /// are not.
    Latest,
    /// None of them is sent.
    Discard,
}

impl From<OnEnable> for KeptChoice {
    fn from(what: OnEnable) -> Self {
        match what {
            OnEnable::Deliver => Self::Deliver,
            OnEnable::Latest => Self::Latest,
            OnEnable::Discard => Self::Discard,
        }
    }
}

/// How a subscription is enabled.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enabling {
    /// What is done with the deliveries that were kept meanwhile.
    #[schema(default = "deliver")]
    pub backlog: Option<KeptChoice>,
}

/// Reads the body of an enabling; none is an empty one.
pub(super) fn read_enabling(body: &Value) -> Result<OnEnable, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(&["backlog"]);
    let read = read.and_then(|fields| fields.optional("backlog", |at| at.parsed(parse).map(Some)));
    Ok(errors.finish(read)?.unwrap_or(OnEnable::Deliver))
}

fn parse(text: &str) -> Result<OnEnable, &'static str> {
    match text {
        "deliver" => Ok(OnEnable::Deliver),
        "latest" => Ok(OnEnable::Latest),
        "discard" => Ok(OnEnable::Discard),
        _ => Err("must be 'deliver', 'latest' or 'discard'"),
    }
}

/// A backlog that is drained, and what was kept until now treated so. It is made also where nothing waits, and where there
/// is none: a dispatcher that still holds the subscription as it was may be keeping something now.
pub(super) fn draining(read: Option<&Backlog>, what: OnEnable, now: Timestamp) -> Backlog {
    let mut backlog = read.cloned().unwrap_or_else(|| Backlog::new(now));
    backlog.drain(now);
    backlog.treatment = Some(treatment(backlog.treatment, what, now));
    // Due at once: if the run that is asked for after the change never comes, health finds it overdue.
    backlog.wake_at = Some(now);
    backlog
}

/// A backlog of which what was kept until now is discarded. Whether its receiver is sent to is another matter: an open
/// breaker stays open, and the next probe finds nothing of before.
pub(super) fn discarding(read: Option<&Backlog>, now: Timestamp) -> Backlog {
    match read {
        Some(open) if open.breaker.is_open() => {
            let treatment = Some(Treatment { what: OnEnable::Discard, kept_before: now });
            // While it is disabled nobody may be looking: due at once, as when it drains.
            Backlog { treatment, wake_at: Some(now), ..open.clone() }
        }
        _ => draining(read, OnEnable::Discard, now),
    }
}

/// What was discarded stays so, though a later enabling delivers what came after it.
fn treatment(before: Option<Treatment>, what: OnEnable, now: Timestamp) -> Treatment {
    match before {
        Some(discarded) if discarded.what == OnEnable::Discard && what == OnEnable::Deliver => discarded,
        _ => Treatment { what, kept_before: now },
    }
}

/// Asks for a run that looks at a backlog: before a change, for one that comes [`LATER`], and after it, for one that comes
/// at once. A function that dies between the change and the second asking is why there is a first.
///
/// An error here is none of the request, for what was decided is recorded: if neither run comes, health asks for one
/// when it is overdue.
pub(super) async fn wake(app: &App, key: &SubscriptionKey, after: Duration) {
    if let Err(failed) = app.timers.wake(&Wake::now(key.clone()), after).await {
        tracing::warn!(
            tenant = %key.tenant, subscription = %key.id, error = %failed,
            "a run of the backlog could not be asked for now; health asks for it once it is overdue"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_later_decision_counts_but_what_was_discarded_stays_so() {
        let discard = Treatment { what: OnEnable::Discard, kept_before: at(1) };
        let latest = Treatment { what: OnEnable::Latest, kept_before: at(1) };
        let table = [
            (None, OnEnable::Deliver, Treatment { what: OnEnable::Deliver, kept_before: at(2) }),
            (Some(discard), OnEnable::Deliver, discard),
            (Some(discard), OnEnable::Discard, Treatment { what: OnEnable::Discard, kept_before: at(2) }),
            (Some(latest), OnEnable::Deliver, Treatment { what: OnEnable::Deliver, kept_before: at(2) }),
        ];
        for (before, what, expected) in table {
            assert_eq!(treatment(before, what, at(2)), expected, "{before:?} {what:?}");
        }
    }
}
