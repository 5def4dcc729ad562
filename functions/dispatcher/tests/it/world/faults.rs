//! What can go wrong in the world, and how often; and what can be broken in it on purpose.

use super::{Call, State};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use std::collections::BTreeSet;
use std::time::Duration;

/// Faults of our own side, as parts of one of all calls; none after `until`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Faults {
    pub(crate) until: Duration,
    /// A call does nothing and says so: throttling.
    pub(crate) refused: f64,
    /// A call does what it should and says that it did not: an answer that was lost.
    pub(crate) ambiguous: f64,
    /// A conditional change is refused though everything is as it was read: two transactions at once.
    pub(crate) conflicting: f64,
    /// The process ends, before a call has taken effect or after.
    pub(crate) crashes: f64,
    /// A call takes up to two seconds.
    pub(crate) slow: f64,
    /// A finished message is not deleted, and comes again.
    pub(crate) undeleted: f64,
    /// A timer comes twice.
    pub(crate) doubled: f64,
    /// A timer never comes.
    pub(crate) lost: f64,
    /// Of tests: these calls always fail.
    pub(crate) broken: BTreeSet<Call>,
    /// Of tests: these tenants can't be read.
    pub(crate) broken_tenants: BTreeSet<TenantId>,
    /// Of tests: subscriptions to these types can't be read.
    pub(crate) broken_types: BTreeSet<EventType>,
}

/// How long calls take: from and to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Latency {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// Something that is broken on purpose, to see that it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Changes are made whatever the versions are.
    VersionsIgnored,
    /// What is put into a lane is sometimes not there.
    KeptLost,
    /// What batches read of a backlog shows no lanes and a closed breaker.
    LanesUnseen,
    /// Nobody sees that another run holds the lease, and whatever claims it gets it.
    LeaseIgnored,
    /// Batches do not see that a breaker is open.
    BreakerUnseen,
    /// Every second timer is lost, and nobody sets them again.
    TimersLost,
    /// The tenant's note of a backlog is not kept.
    NoteDropped,
    /// Every tenth attempt is made twice.
    AttemptsDoubled,
    /// An attempt ends after half a minute only.
    AttemptsUnbounded,
    /// All attempts together queue for one place.
    PlacesShared,
    /// Every permit is granted.
    PermitsUnlimited,
    /// Lanes forget how many deliveries gave way.
    SupersededForgotten,
    /// Every subscription is noted as having a backlog.
    AllNoted,
    /// Every second part of a job is done, and how far it came is not noted.
    PartsUnnoted,
}

/// Where a call ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    Before,
    After,
}

/// What is drawn for one call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Course {
    /// Before it takes effect.
    pub(crate) out: Duration,
    /// After it.
    pub(crate) back: Duration,
    pub(crate) crash: Option<Crash>,
    /// It does nothing and says so.
    pub(crate) refused: bool,
    /// It does what it should and says that it did not.
    pub(crate) ambiguous: bool,
    /// It says that something is not as it was read.
    pub(crate) conflict: bool,
}

impl State {
    /// Draws what becomes of a call.
    pub(super) fn course(&mut self, invocation: usize, call: Call, now: Duration) -> Course {
        self.watch.count(call);
        let mut course = Course { out: self.wait(), back: self.wait(), ..Course::default() };
        if self.faults.broken.contains(&call) {
            course.refused = true;
            return course;
        }
        let is_calm = self.watch.invocations.get(invocation).is_none_or(|known| known.calm);
        if is_calm || now >= self.faults.until {
            return course;
        }
        if self.rng.f64() < self.faults.slow {
            course.out += Duration::from_millis(self.rng.u64(0..1_000));
            course.back += Duration::from_millis(self.rng.u64(0..1_000));
        }
        if self.rng.f64() < self.faults.crashes {
            course.crash = Some(if self.rng.bool() { Crash::Before } else { Crash::After });
        } else if self.rng.f64() < self.faults.refused {
            course.refused = true;
        } else if self.rng.f64() < self.faults.ambiguous {
            course.ambiguous = true;
        } else if matches!(call, Call::Change | Call::AdvanceJob) && self.rng.f64() < self.faults.conflicting {
            course.conflict = true;
        }
        if course.refused || course.ambiguous || course.conflict {
            self.watch.fault(invocation, course.conflict);
        }
        course
    }

    fn wait(&mut self) -> Duration {
        let (from, to) = (self.latency.from, self.latency.to);
        if from == to {
            return from;
        }
        Duration::from_micros(self.rng.u64(from.as_micros() as u64..to.as_micros() as u64))
    }
}
