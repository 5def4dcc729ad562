//! Deleting, with all that was kept: what waits, what was given up, the secret.
//!
//! There may be more of it than a request has time for. So a run of the dispatcher is asked for, before the subscription
//! goes: it finds that there is none any more, deletes what is left, and asks for another run until nothing is. What a
//! request deletes itself is what most subscriptions have.

use super::changes::{Which, delete_secret, read};
use super::enabling::{LATER, wake};
use crate::App;
use crate::ports::ChangeFailed;
use crate::precondition::Precondition;
use crate::problem::Problem;
use jiff::SignedDuration;
use spacehook_domain::ids::SubscriptionKey;
use std::time::Duration;

/// How often a deletion is tried again that met a change, where the client named no revision.
const TRIES: usize = 3;
/// How long a request deletes what was kept, at most, and in how many steps.
const PURGING: SignedDuration = SignedDuration::from_secs(2);
const STEPS: usize = 20;

/// Deletes a subscription, then its secret, then what was kept for it.
pub(super) async fn delete(app: &App, which: Which<'_>) -> Result<(), Problem> {
    for _ in 0..TRIES {
        let before = read(app, which.tenant, which.id).await?;
        which.precondition.check(before.revision)?;
        let key = before.key();
        wake(app, &key, LATER).await;
        match app.subscriptions.delete(&before).await {
            Ok(()) => {
                delete_secret(app, &before).await;
                purge(app, &key).await;
                return Ok(());
            }
            Err(ChangeFailed::Conflict) if which.precondition.is_strict() => return Err(Precondition::failed()),
            Err(ChangeFailed::Conflict) => {}
            Err(failed) => return Err(failed.into()),
        }
    }
    Err(ChangeFailed::Conflict.into())
}

/// Deletes what was kept, as far as there is time. A fault here is none of the request: the subscription is gone, and the
/// run that was asked for does the rest.
async fn purge(app: &App, key: &SubscriptionKey) {
    let until = app.now().checked_add(PURGING).unwrap_or(jiff::Timestamp::MAX);
    for _ in 0..STEPS {
        match app.backlogs.purge(key).await {
            // What a dispatcher appends that has not heard of the deletion is for the run that comes later.
            Ok(true) => return,
            Ok(false) if app.now() < until => {}
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(tenant = %key.tenant, subscription = %key.id, %error, "a run deletes what is left");
                break;
            }
        }
    }
    wake(app, key, Duration::ZERO).await;
}
