//! Telling the contacts of subscriptions whose receiver is gone.
//!
//! The dispatcher disables a subscription at the first 410, and leaves a notice in the same transaction. Here the notice
//! becomes a mail, and only then goes: a mail that is not taken is sent by a later run. A run that dies between the two
//! sends it twice.

use crate::ports::{Fault, World, log_fault};
use crate::report::gone_mail;
use spacehook_domain::subscription::Subscription;

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Mails sent.
    pub mailed: usize,
    /// Notices that went without a mail: the subscription has no contacts, or is deleted.
    pub untold: usize,
    /// Notices that stay for the next run because of a fault.
    pub faults: usize,
}

/// One run: every notice. One that can't be told does not keep the others from it.
pub async fn run<W: World>(world: &W) -> Told {
    let mut told = Told::default();
    let notices = match world.notices().await {
        Ok(notices) => notices,
        Err(fault) => {
            told.faults += 1;
            let cause = fault.source().map(ToString::to_string);
            tracing::error!(error = %fault, cause, "the notices of receivers that are gone could not be read");
            return told;
        }
    };
    for disabled in notices {
        match tell(world, &disabled).await {
            Ok(true) => told.mailed += 1,
            Ok(false) => told.untold += 1,
            Err(fault) => {
                told.faults += 1;
                let what = "a receiver is gone, and the contacts were not told";
                log_fault(&disabled.tenant, &disabled.id, &fault, what);
            }
        }
    }
    told
}

/// Tells the contacts that the subscription has now; true where there is one. `disabled` is as it was disabled.
async fn tell<W: World>(world: &W, disabled: &Subscription) -> Result<bool, Fault> {
    let (tenant, id) = (&disabled.tenant, &disabled.id);
    let now = world.subscription(tenant, id).await?;
    let told = match &now {
        Some(now) if !now.contacts.is_empty() => {
            world.mail(&gone_mail(disabled, now).write()?, &now.contacts).await?;
            true
        }
        Some(_) => {
            tracing::warn!(%tenant, subscription = %id, "the receiver is gone, and the subscription has no contacts to tell");
            false
        }
        None => {
            tracing::info!(%tenant, subscription = %id, "the receiver was gone, and the subscription is deleted");
            false
        }
    };
    world.delete_notice(disabled).await?;
    Ok(told)
}

#[cfg(test)]
mod tests;
