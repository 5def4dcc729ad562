//! Rotations of users' own secrets that their receivers have not followed yet.

use jiff::Timestamp;
use spacehook_credentials::OWN_SECRET_KEPT;
use spacehook_domain::credentials::SecretArn;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Secrets noted, at most. With more, all are forgotten, which costs each one refused request.
const MOST: usize = 2_000;

/// The secret's present version, which the receiver refused, and when it took the one before.
type Overlap = (String, Timestamp);

/// Secrets whose version before the present one is what the receiver takes. Noted so that not every delivery during a
/// rotation has to be refused first; forgotten after a minute, since receivers do follow.
#[derive(Debug, Default)]
pub(crate) struct Overlaps(Mutex<HashMap<SecretArn, Overlap>>);

impl Overlaps {
    /// Whether the version before is to be used, for all that is known.
    pub(crate) fn is_noted(&self, arn: &SecretArn, present: &str, now: Timestamp) -> bool {
        self.noted().get(arn).is_some_and(|(version, since)| {
            version == present && now.as_millisecond() - since.as_millisecond() < OWN_SECRET_KEPT
        })
    }

    /// Notes that the version before was taken.
    pub(crate) fn note(&self, arn: &SecretArn, present: &str, now: Timestamp) {
        let mut noted = self.noted();
        if noted.len() >= MOST {
            noted.clear();
        }
        noted.insert(arn.clone(), (present.to_owned(), now));
    }

    /// Forgets it: the version before was refused.
    pub(crate) fn forget(&self, arn: &SecretArn) {
        self.noted().remove(arn);
    }

    fn noted(&self) -> MutexGuard<'_, HashMap<SecretArn, Overlap>> {
        // A panic while the lock was held can't leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
