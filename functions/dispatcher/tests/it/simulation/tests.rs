//! The simulations, and that each rule is seen when it is broken.

use super::{Totals, say, simulate, simulate_all};
use crate::world::Sabotage;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Seeds that fail of which more than their number is said.
const SHOWN: usize = 20;

/// Seeds that are run where nobody says how many.
const SEEDS: u64 = 100;
/// Seeds within which something broken must be seen.
const SEEDS_TO_SEE: u64 = 400;

fn asked(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// What `make simulate` runs; without it, some seeds.
#[test]
fn seeds_hold() {
    if let Some(seed) = asked("SIMULATE_SEED") {
        let outcome = simulate(seed, None, true);
        tell(&outcome.totals, None);
        assert!(outcome.totals.failures.is_empty(), "seed {seed} fails");
        return;
    }
    let seeds = asked("SIMULATE_SEEDS");
    let began = Instant::now();
    let totals = simulate_all(0..seeds.unwrap_or(SEEDS), None, |_| false);
    if seeds.is_some() || !totals.failures.is_empty() {
        tell(&totals, Some(began.elapsed()));
    }
    assert!(totals.failures.is_empty(), "{} of {} seeds fail", totals.failures.len(), totals.seeds);
}

fn tell(totals: &Totals, wall: Option<Duration>) {
    say(format_args!("seeds                  {}", totals.seeds));
    say(format_args!("events                 {}", totals.events));
    say(format_args!("deliveries             {}, and {} of them again", totals.deliveries, totals.duplicates));
    say(format_args!("dead deliveries        {}", totals.dead));
    say(format_args!("attempts               {}", totals.attempts));
    say(format_args!("invocations            {}", totals.invocations));
    say(format_args!("crashes                {}", totals.crashes));
    say(format_args!("other faults           {}", totals.faults));
    say(format_args!("longest quick delay    {:.3} s", totals.longest_delay.as_secs_f64()));
    if let Some(wall) = wall {
        say(format_args!("wall time              {:.1} s", wall.as_secs_f64()));
    }
    let mut broken: BTreeMap<&str, u64> = BTreeMap::new();
    totals.failures.iter().for_each(|failure| *broken.entry(failure.invariant).or_default() += 1);
    if !broken.is_empty() {
        say(format_args!("broken, by seeds         {broken:?}"));
    }
    for failure in totals.failures.iter().take(SHOWN) {
        say(format_args!("seed {} breaks '{}': {}", failure.seed, failure.invariant, failure.what));
        say(format_args!("  alone, with its trace: make simulate SEED={}", failure.seed));
    }
}

#[test]
fn the_same_seed_is_the_same_simulation() {
    for seed in 0..20 {
        assert_eq!(simulate(seed, None, false).hash, simulate(seed, None, false).hash, "seed {seed}");
    }
    assert_ne!(simulate(1, None, false).hash, simulate(2, None, false).hash);
}

/// Breaks something; some seed must show it, by this rule.
fn is_seen(sabotage: Sabotage, invariant: &str) {
    let found = |totals: &Totals| totals.failures.iter().any(|failure| failure.invariant == invariant);
    let totals = simulate_all(0..SEEDS_TO_SEE, Some(sabotage), found);
    let seen: Vec<_> = totals.failures.iter().map(|failure| failure.invariant).collect();
    assert!(found(&totals), "{sabotage:?} does not break {invariant} in {} seeds, but {seen:?}", totals.seeds);
}

#[test]
fn deliveries_that_get_lost_are_seen() {
    is_seen(Sabotage::KeptLost, "nothing-lost");
}

#[test]
fn writers_that_overwrite_each_other_are_seen() {
    is_seen(Sabotage::VersionsIgnored, "no-overtaking");
}

#[test]
fn overtaking_is_seen() {
    is_seen(Sabotage::LanesUnseen, "no-overtaking");
    is_seen(Sabotage::NoteDropped, "no-overtaking");
}

#[test]
fn attempts_made_twice_are_seen() {
    is_seen(Sabotage::AttemptsDoubled, "duplicates");
}

#[test]
fn two_probes_at_once_are_seen() {
    is_seen(Sabotage::LeaseIgnored, "one-probe");
    is_seen(Sabotage::BreakerUnseen, "one-probe");
}

#[test]
fn neighbours_that_harm_are_seen() {
    is_seen(Sabotage::AttemptsUnbounded, "neighbours");
    is_seen(Sabotage::PlacesShared, "neighbours");
}

#[test]
fn timers_that_nobody_sets_again_are_seen() {
    is_seen(Sabotage::TimersLost, "ends");
}

#[test]
fn rates_above_the_limit_are_seen() {
    is_seen(Sabotage::PermitsUnlimited, "rate-limit");
}

#[test]
fn forgotten_deliveries_that_gave_way_are_seen() {
    is_seen(Sabotage::SupersededForgotten, "superseded-adds-up");
}

#[test]
fn extra_reads_for_healthy_subscriptions_are_seen() {
    is_seen(Sabotage::AllNoted, "healthy-cost");
}

#[test]
fn parts_of_jobs_that_are_done_twice_are_seen() {
    is_seen(Sabotage::PartsUnnoted, "replays");
}
