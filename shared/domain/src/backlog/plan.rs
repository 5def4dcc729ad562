//! What there is to do with a backlog now.

use crate::backlog::{Backlog, LINGER, Lane, SLACK};
use crate::breaker::Breaker;
use crate::stream::Stream;
use jiff::Timestamp;

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Try the first delivery of this lane, and nothing else: the receiver may still be down.
    Probe(Stream),
    /// Send what waits in these lanes: the one that has waited longest first.
    Send(Vec<Stream>),
    /// Nothing is left that could be sent: new events may go directly again, save in lanes whose first delivery waits for
    /// its retry.
    Close,
    /// Nothing waits: note since when.
    Rest,
    /// Nothing has waited for long enough: the backlog can go.
    Delete,
}

/// Decides. `lanes` are all there are.
pub fn plan(backlog: &Backlog, lanes: &[Lane], now: Timestamp) -> Plan {
    let soon = now.checked_add(SLACK).unwrap_or(Timestamp::MAX);
    let oldest = |due: &[&Lane]| -> Vec<Stream> {
        let mut due: Vec<&Lane> = due.to_vec();
        due.sort_by_key(|lane| (lane.kept_since, lane.stream));
        due.into_iter().map(|lane| lane.stream).collect()
    };
    let recovered_at = match backlog.breaker {
        Breaker::Open { probe_at, .. } if soon < probe_at => return Plan::Wait(probe_at),
        Breaker::Open { .. } => {
            let all: Vec<&Lane> = lanes.iter().collect();
            return oldest(&all).first().map_or(Plan::Close, |stream| Plan::Probe(*stream));
        }
        Breaker::Draining { since } => Some(since),
        Breaker::Closed => None,
    };
    if let Some(until) = backlog.paused_until.filter(|until| soon < *until && !lanes.is_empty()) {
        return Plan::Wait(until);
    }
    let due: Vec<&Lane> = lanes.iter().filter(|lane| lane.is_due(soon, recovered_at)).collect();
    if !due.is_empty() {
        return Plan::Send(oldest(&due));
    }
    if !backlog.breaker.is_closed() {
        return Plan::Close;
    }
    if let Some(next) = lanes.iter().filter_map(|lane| lane.not_before).min() {
        return Plan::Wait(next);
    }
    match backlog.quiet_since.map(|since| since.checked_add(LINGER).unwrap_or(Timestamp::MAX)) {
        None => Plan::Rest,
        Some(end) if now < end => Plan::Wait(end),
        Some(_) => Plan::Delete,
    }
}
