//! Receivers: what each does with a request, and when.

use fastrand::Rng;
use spacehook_domain::attempt::Outcome;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::receiver::Rule;
use std::time::Duration;

/// How a receiver behaves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mode {
    Accepts,
    /// It answers with this status, and this `Retry-After`.
    Answers(u16, Option<String>),
    /// It never answers, and makes nothing of the request.
    Hangs,
    /// It takes the request in, and answers too late.
    Late,
    /// Nothing listens.
    Refuses,
    /// It fails with this part of one of all requests.
    Flaps(f64),
    /// It refuses each document whose sequence divides by this, with this status.
    Picky(u64, u16),
    /// The guard refuses its address.
    RefusedByPolicy,
    /// The fault is ours: no connection can be made here.
    OurFault,
}

/// A receiver.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Receiver {
    /// How it behaves until when, in order.
    pub(crate) phases: Vec<(Duration, Mode)>,
    /// How it behaves after that.
    pub(crate) at_last: Mode,
    /// How long an answer takes: from and to.
    pub(crate) latency: (Duration, Duration),
}

/// What a request meets.
#[derive(Debug)]
pub(super) struct Answer {
    /// When it arrives, after it was sent.
    pub(super) arrives: Duration,
    /// When the attempt ends, after it was sent.
    pub(super) ends: Duration,
    /// Whether the receiver takes it in.
    pub(super) taken: bool,
    pub(super) outcome: Outcome,
    pub(super) retry_after: Option<String>,
}

impl Receiver {
    /// A receiver that always behaves so, and at once.
    pub(crate) fn always(mode: Mode) -> Self {
        Self { phases: Vec::new(), at_last: mode, latency: (Duration::from_millis(3), Duration::from_millis(3)) }
    }

    pub(crate) fn mode(&self, now: Duration) -> &Mode {
        self.phases.iter().find(|(until, _)| now < *until).map_or(&self.at_last, |(_, mode)| mode)
    }

    /// The longest that an answer takes, where there is one.
    pub(crate) fn slowest(&self) -> Duration {
        self.latency.1
    }

    /// What a request of this sequence meets that is sent now.
    pub(super) fn answer(&self, now: Duration, sequence: u64, deadline: Duration, rng: &mut Rng) -> Answer {
        let (from, to) = self.latency;
        let spread = u64::try_from(to.saturating_sub(from).as_micros()).unwrap();
        let ends = from + Duration::from_micros(if spread == 0 { 0 } else { rng.u64(0..spread) });
        let late = |taken| Answer {
            arrives: ends.min(deadline / 2),
            ends: deadline,
            taken,
            outcome: failed(FailureReason::timeout(deadline), None),
            retry_after: None,
        };
        let answers = |outcome, retry_after| Answer { arrives: ends / 3, ends, taken: false, outcome, retry_after };
        let status = |status| answers(failed(FailureReason::from_http_status(status), Some(status)), None);
        let accepts = || Answer { taken: true, ..answers(Outcome::Accepted { status: 204 }, None) };
        match self.mode(now) {
            Mode::Accepts if ends >= deadline => late(true),
            Mode::Flaps(part) if rng.f64() < *part => status(503),
            Mode::Picky(each, code) if sequence.is_multiple_of(*each) => status(*code),
            Mode::Accepts | Mode::Flaps(_) | Mode::Picky(..) => accepts(),
            Mode::Answers(code, retry_after) => Answer { retry_after: retry_after.clone(), ..status(*code) },
            Mode::Hangs | Mode::OurFault => late(false),
            Mode::Late => late(true),
            Mode::Refuses => answers(failed(FailureReason::ConnectionRefused, None), None),
            Mode::RefusedByPolicy => {
                answers(failed(FailureReason::RefusedByPolicy { rule: Rule::Loopback }, None), None)
            }
        }
    }
}

fn failed(reason: FailureReason, status: Option<u16>) -> Outcome {
    Outcome::Failed { reason, status, answer: status.map(|_| "no".to_owned()) }
}
