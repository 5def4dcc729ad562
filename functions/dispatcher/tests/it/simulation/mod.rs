//! A simulation of the delivery engine: the real dispatcher in a world made of one seed.
//!
//! `make simulate SEEDS=1000` runs many and says what they held; `make simulate SEED=7` runs one alone, and prints what
//! happens in it. The same seed always is the same simulation, to the last line.

mod invariants;
mod run;
mod scenario;
mod tests;

use crate::world::Sabotage;
use run::Run;
use std::fmt;
use std::io::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Prints a line, also where a test's output is kept back.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "{line}").unwrap();
}

/// A seed that breaks a rule.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) invariant: &'static str,
    pub(crate) what: String,
}

/// What simulations held.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) seeds: u64,
    pub(crate) events: u64,
    pub(crate) deliveries: u64,
    pub(crate) duplicates: u64,
    pub(crate) attempts: u64,
    pub(crate) invocations: u64,
    pub(crate) crashes: u64,
    pub(crate) faults: u64,
    pub(crate) dead: u64,
    pub(crate) longest_delay: Duration,
    pub(crate) failures: Vec<Failure>,
}

/// What one simulation came to.
pub(crate) struct Outcome {
    pub(crate) hash: u64,
    pub(crate) totals: Totals,
}

/// Runs one simulation.
pub(crate) fn simulate(seed: u64, sabotage: Option<Sabotage>, printed: bool) -> Outcome {
    let ran = catch_unwind(AssertUnwindSafe(|| run_one(seed, sabotage, printed)));
    ran.unwrap_or_else(|_| {
        let failure = Failure { seed, invariant: "no-panic", what: "something panicked, see above".to_owned() };
        Outcome { hash: 0, totals: Totals { seeds: 1, failures: vec![failure], ..Totals::default() } }
    })
}

fn run_one(seed: u64, sabotage: Option<Sabotage>, printed: bool) -> Outcome {
    let mut run = Run::new(seed, sabotage, printed);
    run.run();
    let broken_rule = run.cloud.state().watch.violations.first().map(|one| (one.invariant, one.what.clone()));
    let broken = broken_rule.or_else(|| invariants::check(&run).err());
    let (deliveries, duplicates) = invariants::deliveries(&run);
    let longest_delay = invariants::longest_delay(&run);
    let state = run.cloud.state();
    let totals = Totals {
        seeds: 1,
        events: run.sent.len() as u64,
        deliveries,
        duplicates,
        attempts: state.watch.attempts,
        invocations: state.watch.invocations.len() as u64,
        crashes: state.watch.crashes,
        faults: state.watch.faults,
        dead: state.table.partitions.values().map(|partition| partition.dead.len() as u64).sum(),
        longest_delay,
        failures: broken.into_iter().map(|(invariant, what)| Failure { seed, invariant, what }).collect(),
    };
    Outcome { hash: state.trace.hash(), totals }
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.events += other.events;
        self.deliveries += other.deliveries;
        self.duplicates += other.duplicates;
        self.attempts += other.attempts;
        self.invocations += other.invocations;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.dead += other.dead;
        self.longest_delay = self.longest_delay.max(other.longest_delay);
        self.failures.extend(other.failures);
    }
}

/// Runs the simulations of these seeds, on every processor, until `enough` says of a result that it is.
pub(crate) fn simulate_all(
    seeds: Range<u64>,
    sabotage: Option<Sabotage>,
    enough: impl Fn(&Totals) -> bool + Sync,
) -> Totals {
    let next = AtomicU64::new(seeds.start);
    let totals = Mutex::new(Totals::default());
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end || enough(&totals.lock().unwrap()) {
                        return;
                    }
                    let outcome = simulate(seed, sabotage, false);
                    totals.lock().unwrap().add(outcome.totals);
                }
            });
        }
    });
    let mut totals = totals.into_inner().unwrap();
    totals.failures.sort_by_key(|failure| failure.seed);
    totals
}
