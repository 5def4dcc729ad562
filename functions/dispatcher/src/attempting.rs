//! Making an attempt, and what is remembered of it.

use crate::delivering::Dispatcher;
use crate::ports::{Fault, World};
use bytes::Bytes;
use jiff::SignedDuration;
use spacehook_authentication::Outgoing;
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::event::{Event, EventSpace};
use spacehook_domain::failure::{ATTEMPT_DEADLINE, FailureReason};
use spacehook_domain::request::{self, Telling};
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::subscription::Subscription;
use spacehook_domain::trace::TraceId;
use spacehook_domain::{rendering, retry_after};
use spacehook_store::RecordedAttempt;
use std::sync::OnceLock;
use std::time::Duration;

/// A delivery that is tried now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery<'a> {
    pub(crate) subscription: &'a Subscription,
    pub(crate) event: &'a Event,
    pub(crate) number: AttemptNumber,
    /// How many older ones it stands for.
    pub(crate) superseded: Option<u64>,
    /// The body of the event for those who add nothing to it, where it is shared by several.
    pub(crate) body: Option<&'a OnceLock<Bytes>>,
}

impl Delivery<'_> {
    fn body(&self) -> Bytes {
        let pairs = &self.subscription.key_values;
        let render = || Bytes::from(rendering::body(self.event, pairs));
        match self.body {
            Some(body) if pairs.is_empty() => body.get_or_init(render).clone(),
            _ => render(),
        }
    }
}

/// An attempt that was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) recorded: RecordedAttempt,
    /// The wait that the receiver asked for.
    pub(crate) retry_after: Option<Duration>,
}

impl Made {
    /// Why it failed; none where the receiver accepted.
    pub(crate) fn failure(&self) -> Option<&FailureReason> {
        match &self.recorded.attempt.outcome {
            Outcome::Accepted { .. } => None,
            Outcome::Failed { reason, .. } => Some(reason),
        }
    }
}

impl<W: World> Dispatcher<W> {
    /// Makes one attempt. An error is a fault of ours, which is logged here.
    pub(crate) async fn attempt(&self, delivery: Delivery<'_>) -> Result<Made, Fault> {
        let Delivery { subscription, event, number, superseded, .. } = delivery;
        // Closing is the only way that a semaphore refuses, and nobody closes it.
        let _place = self.places.acquire().await.ok();
        let started_at = self.world.now();
        let body = delivery.body();
        let telling = Telling { subscription, attempt: number, at: started_at, superseded };
        let headers = |credentials: &_| request::headers(event, credentials, telling, &body);
        let outgoing =
            Outgoing { subscription, body: body.clone(), headers: &headers, started_at, deadline: ATTEMPT_DEADLINE };
        let result = match self.world.attempt(outgoing).await {
            Ok(result) => result,
            Err(fault) => {
                let cause = fault.source().map(ToString::to_string);
                tracing::error!(
                    tenant = %event.tenant, subscription = %subscription.id, event = %event.id, trace_id = trace_id(event),
                    error = %fault, cause, "a fault of ours prevented an attempt; it is made again"
                );
                return Err(fault);
            }
        };
        let ended_at = started_at + SignedDuration::try_from(result.duration).unwrap_or(SignedDuration::ZERO);
        log(delivery, &result.outcome);
        let retry_after = result.retry_after.as_deref().and_then(|header| retry_after::parse(header, ended_at));
        let attempt = Attempt {
            event_id: event.id.clone(),
            event_type: event.event_type,
            trace_id: event.trace.clone(),
            revision: subscription.revision,
            sequence: event.sequence,
            superseded,
            space: event.space().map(EventSpace::key),
            sensor_group: event.sensor_group().cloned(),
            number,
            started_at,
            duration_ms: u64::try_from(result.duration.as_millis()).unwrap_or(u64::MAX),
            freshness_ms: u64::try_from(ended_at.duration_since(event.occurred_at).as_millis()).unwrap_or(0),
            outcome: result.outcome,
        };
        let recorded = RecordedAttempt {
            tenant: event.tenant.clone(),
            subscription: subscription.id.clone(),
            enabled_since: subscription.activity.since(),
            attempt,
        };
        Ok(Made { recorded, retry_after })
    }
}

fn log(delivery: Delivery<'_>, outcome: &Outcome) {
    let Delivery { subscription, event, number, .. } = delivery;
    match outcome {
        Outcome::Accepted { status } => tracing::debug!(
            tenant = %event.tenant, subscription = %subscription.id, event = %event.id, trace_id = trace_id(event),
            attempt = number.0, status, "accepted"
        ),
        Outcome::Failed { reason, .. } => tracing::warn!(
            tenant = %event.tenant, subscription = %subscription.id, event = %event.id, trace_id = trace_id(event),
            attempt = number.0, %reason, "an attempt failed"
        ),
    }
}

/// The trace of an event, for the log.
pub(crate) fn trace_id(event: &Event) -> Option<&str> {
    event.trace.as_ref().map(TraceId::as_str)
}
