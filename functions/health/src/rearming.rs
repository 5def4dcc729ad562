//! Re-arming lost timers: a backlog whose timer should have come long ago is looked at again.
//!
//! A run sets the timer of the next before it ends, so one is lost only with a message that SQS lost, or that went to the
//! dead letters. Asking twice does no harm.

use crate::ports::{Fault, World};
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::wake::Wake;

/// Asks for a run of an enabled subscription's backlog, where one is overdue; true where it is.
pub(crate) async fn rearm<W: World>(world: &W, key: SubscriptionKey) -> Result<bool, Fault> {
    let Some(backlog) = world.backlog(&key).await? else { return Ok(false) };
    if !backlog.is_overdue(world.now()) {
        return Ok(false);
    }
    tracing::warn!(
        tenant = %key.tenant, subscription = %key.id, ticket = backlog.ticket,
        wake_at = backlog.wake_at.map(tracing::field::display),
        "the timer of a backlog is overdue, and set again"
    );
    world.wake(&Wake::now(key)).await?;
    Ok(true)
}
