//! When the next attempt of a run may be made: at the pace that the receiver bears, within the rate limit.

use crate::delivering::Dispatcher;
use crate::ports::World;
use crate::sending::{Permits, Sending, Stop};
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::subscription::RateLimit;
use std::time::Duration;

impl<W: World> Dispatcher<W> {
    /// Waits until the pace and the rate limit allow an attempt; false where that is not in this run.
    pub(crate) async fn wait_for_a_slot(&self, sending: &Sending<'_>) -> bool {
        let slot = sending.slot(self.world.now());
        if slot >= sending.until {
            sending.state().stop(Stop::Enough);
            return false;
        }
        self.sleep_until(slot).await;
        let Some(limit) = sending.subscription().rate_limit_per_second else { return sending.state().stop.is_none() };
        while !sending.is_over(self.world.now()) {
            if self.has_permit(sending, limit).await {
                return true;
            }
            let next_second = Timestamp::from_second(self.world.now().as_second() + 1).unwrap_or(Timestamp::MAX);
            self.sleep_until(next_second).await;
        }
        false
    }

    /// Takes one of the attempts that the rate limit allows in this second. They are taken a few at a time, and what is
    /// left of a second is lost with it.
    async fn has_permit(&self, sending: &Sending<'_>, limit: RateLimit) -> bool {
        let second = self.world.now().as_second();
        {
            let mut state = sending.state();
            if state.permits.second == second && state.permits.left > 0 {
                state.permits.left -= 1;
                return true;
            }
        }
        let wanted = limit.per_second().div_ceil(4);
        let granted = match self.world.permits(&sending.subscription().key(), limit, second, wanted).await {
            Ok(granted) => granted,
            Err(fault) => {
                tracing::error!(
                    tenant = %sending.subscription().tenant, subscription = %sending.subscription().id, error = %fault,
                    "the rate limit can't be looked up"
                );
                0
            }
        };
        let mut state = sending.state();
        if state.permits.second != second {
            state.permits = Permits { second, left: 0 };
        }
        state.permits.left += granted;
        if state.permits.left == 0 {
            return false;
        }
        state.permits.left -= 1;
        true
    }

    async fn sleep_until(&self, at: Timestamp) {
        let wait: SignedDuration = at.duration_since(self.world.now());
        if let Ok(wait) = Duration::try_from(wait)
            && !wait.is_zero()
        {
            self.world.sleep(wait).await;
        }
    }
}
