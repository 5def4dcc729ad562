//! A world in memory, on virtual time: the table, both queues, the receivers, and everything that can go wrong with them.
//!
//! All of it is drawn from one seed: the same seed is the same world, call by call.

mod calls;
mod client;
mod faults;
mod fifo;
mod receivers;
mod standard;
mod table;
mod trace;
mod watch;

pub(crate) use calls::Call;
pub(crate) use client::Client;
pub(crate) use faults::{Faults, Latency, Sabotage};
pub(crate) use fifo::Fifo;
pub(crate) use receivers::{Mode, Receiver};
pub(crate) use standard::Standard;
pub(crate) use table::Table;
pub(crate) use watch::{Arrival, Watch};

use crate::virtual_time::VirtualTime;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Semaphore;
use trace::Trace;

/// How long a message that was received stays hidden.
pub(crate) const VISIBILITY: std::time::Duration = std::time::Duration::from_secs(90);
/// Receipts of a message; the next puts it among the dead letters.
pub(crate) const MOST_RECEIPTS: u32 = 10;

/// Everything there is but the dispatcher.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) time: VirtualTime,
    state: Mutex<State>,
    /// Of sabotage: the one place that all attempts queue for.
    place: Semaphore,
}

impl Cloud {
    pub(crate) fn new(seed: u64, printed: bool) -> Arc<Self> {
        let state = Mutex::new(State::new(seed, printed));
        Arc::new(Self { time: VirtualTime::default(), state, place: Semaphore::new(1) })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, said: fmt::Arguments<'_>) {
        let now = self.time.elapsed();
        self.state().trace.line(now, said);
    }
}

/// What all of it is, at one moment.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) rng: Rng,
    pub(crate) faults: Faults,
    pub(crate) latency: Latency,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) table: Table,
    pub(crate) events: Fifo,
    pub(crate) retries: Standard,
    pub(crate) receivers: BTreeMap<String, Receiver>,
    pub(crate) watch: Watch,
    pub(crate) trace: Trace,
}

impl State {
    fn new(seed: u64, printed: bool) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            faults: Faults::default(),
            latency: Latency::default(),
            sabotage: None,
            table: Table::default(),
            events: Fifo::default(),
            retries: Standard::default(),
            receivers: BTreeMap::new(),
            watch: Watch::default(),
            trace: Trace::new(printed),
        }
    }

    pub(crate) fn is_sabotaged(&self, by: Sabotage) -> bool {
        self.sabotage == Some(by)
    }
}
