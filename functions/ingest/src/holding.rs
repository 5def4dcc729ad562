//! Timers of holds: each has a space, or a group of sensors, looked at which may have stayed empty for as long as it must.
//!
//! A timer says when its hold ends, and the state says whether that hold still runs: what comes twice, late or
//! for nothing changes nothing. One that comes early (a message waits for 15 minutes at most) is set again. One that is
//! lost costs time alone: health looks at it when the hold has ended, and so does the next reading of it.

use crate::intake::{Intake, IntakeFault, Summary, fault};
use crate::ports::{Events, Refused, Spaces, Timers};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use spacehook_domain::hold_timer::HoldTimer;
use spacehook_domain::space_state::Occasion;
use spacehook_domain::trace::TraceId;
use std::error::Error as _;

impl<S: Spaces, E: Events, R: Refused, T: Timers> Intake<S, E, R, T> {
    /// Takes a batch of timers. What could not be done, or can't be read, goes back to the queue, and after ten times to its
    /// dead letters.
    pub async fn take_timers(
        &self,
        batch: &SqsEvent,
        trace: Option<&TraceId>,
        now: Timestamp,
    ) -> (Summary, SqsBatchResponse) {
        let (mut summary, mut answer) = (Summary::default(), SqsBatchResponse::default());
        for message in &batch.records {
            let timer = HoldTimer::from_json(message.body.as_deref().unwrap_or_default());
            let ended = match timer {
                Ok(timer) => self.take_timer(&timer, trace, now).await.map_err(|fault| {
                    let cause = fault.source().map(ToString::to_string);
                    tracing::error!(
                        tenant = %timer.tenant, space_id = timer.of.space_number(),
                        sensor_group_id = timer.of.sensor_group_number(), error = %fault, cause, "a hold was not ended"
                    );
                }),
                Err(error) => {
                    tracing::error!(%error, "a timer of a hold can't be read");
                    Err(())
                }
            };
            match ended {
                Ok(events) => summary.events += events,
                Err(()) => answer.add_failure(message.message_id.clone().unwrap_or_default()),
            }
        }
        (summary, answer)
    }

    /// Ends the hold of a timer, if it still runs; how many events that gave.
    async fn take_timer(
        &self,
        timer: &HoldTimer,
        trace: Option<&TraceId>,
        now: Timestamp,
    ) -> Result<usize, IntakeFault> {
        let HoldTimer { tenant, of, until, .. } = timer;
        let stored = self.spaces.stored_state(tenant, *of).await;
        let stored = stored.map_err(fault("a state could not be read"))?;
        let (Some(held_until), Some(place)) = (stored.state.held_until(), stored.state.place().cloned()) else {
            return Ok(0);
        };
        if held_until != *until {
            return Ok(0);
        }
        if *until > now {
            self.timers.arm(timer, now).await.map_err(fault("a timer could not be set again"))?;
            return Ok(0);
        }
        let found = self.observed(tenant, &place, *of).await;
        // One that is gone is told of no more.
        let Some(found) = found.map_err(fault("a space or a group of sensors could not be read"))? else {
            return Ok(0);
        };
        let (overview, _) = self.overview(tenant, &[]).await?;
        let occasion = Occasion { tenant, of: &found, trace, wanted: &overview.subscribed };
        let events = self.apply_news(occasion, &[], &overview, now, Some(stored)).await;
        events.map_err(fault("a state could not be brought up to date"))
    }
}

#[cfg(test)]
mod tests;
