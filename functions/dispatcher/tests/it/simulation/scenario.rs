//! What happens in a simulation, drawn from its seed: who subscribes to what, which events there are, which receivers
//! fail when and how, and what goes wrong on our side. In the end everything recovers.

use crate::make;
use crate::world::{Faults, Latency, Mode, Receiver};
use fastrand::Rng;
use jiff::SignedDuration;
use spacehook_dispatcher::settings::Settings;
use spacehook_domain::backlog::OnEnable;
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{BuildingRefId, SubscriptionKey, TenantId};
use spacehook_domain::retry::Schedule;
use spacehook_domain::subscription::{Activity, BacklogMode, DisabledReason, RateLimit, Send, Subscription};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Healthy,
    /// Receivers fail; we do not.
    Clean,
    /// Receivers fail, and so do we.
    Faulty,
}

/// Something that is done from outside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Ingest queues an event.
    Happens(Box<Event>),
    /// Somebody queues what is no event, in the group of this space.
    Poison(TenantId, u64),
    /// The API disables a subscription.
    Disable(SubscriptionKey),
    /// The API enables a subscription, if it is disabled.
    Enable(SubscriptionKey, OnEnable),
    /// A tenant's events of a type are split from now on.
    Split(TenantId, EventType),
    /// The API makes a job for a subscription.
    Replay(SubscriptionKey, Replaying),
    /// The API cancels the jobs of a subscription.
    CancelJobs(SubscriptionKey),
    /// Health sets lost timers again.
    Health,
}

/// What somebody asks for again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Replaying {
    /// Everything of so long before, no faster than so many a second.
    Since(Duration, Option<u32>),
    /// All dead deliveries.
    Dead,
    /// The newest kept event.
    Newest,
}

/// What happens in a simulation.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) kind: Kind,
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) latency: Latency,
    /// How long a queue is not looked at after it was.
    pub(crate) poll: Duration,
    /// How far clocks are apart, at most.
    pub(crate) skew: Duration,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) receivers: BTreeMap<String, Receiver>,
    pub(crate) actions: Vec<(Duration, Action)>,
    /// Subscriptions of which nothing ever fails, is disabled or limited.
    pub(crate) steady: BTreeSet<SubscriptionKey>,
    /// When everything has recovered.
    pub(crate) quiet: Duration,
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn chance(rng: &mut Rng, percent: u8) -> bool {
    rng.u8(0..100) < percent
}

impl Scenario {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5bac_e400);
        let rng = &mut rng;
        let kind = match rng.u8(0..100) {
            0..10 => Kind::Healthy,
            10..45 => Kind::Clean,
            _ => Kind::Faulty,
        };
        let mut scenario = Self {
            kind,
            settings: settings(rng, kind),
            faults: Faults::default(),
            latency: Latency { from: ms(1), to: ms(rng.choice([5, 20, 40]).unwrap()) },
            poll: ms(rng.choice([1, 100, 1_000]).unwrap()),
            skew: ms(if kind == Kind::Faulty { rng.choice([0, 500]).unwrap() } else { 0 }),
            subscriptions: Vec::new(),
            receivers: BTreeMap::new(),
            actions: Vec::new(),
            steady: BTreeSet::new(),
            quiet: Duration::ZERO,
        };
        let tenants = if chance(rng, 75) { 1 } else { 2 };
        let events_to = rng.choice([10 * SECOND, MINUTE, 5 * MINUTE, 40 * MINUTE]).unwrap();
        for number in 0..tenants {
            scenario.draw_tenant(rng, number, events_to);
        }
        if kind == Kind::Faulty {
            let until = rng.u64(30 * SECOND..10 * MINUTE);
            scenario.faults = faults(rng, ms(until.max(events_to)));
        }
        scenario.recover(rng, events_to, tenants);
        scenario
    }

    fn draw_tenant(&mut self, rng: &mut Rng, number: u64, events_to: u64) {
        let name = format!("tenant-{number}");
        let subscriptions = rng.u64(1..7);
        for place in 0..subscriptions {
            self.draw_subscription(rng, &name, u128::from(number * 1_000 + place * 37 + 1));
        }
        let is_split = self.kind != Kind::Healthy && chance(rng, 12);
        if is_split {
            let from = if rng.bool() { 0 } else { rng.u64(0..events_to) };
            let event_type = rng.choice(make::types()).unwrap();
            self.actions.push((ms(from), Action::Split(make::tenant(&name), event_type)));
        }
        for space in 1..=rng.u64(1..4) {
            let most = if is_split { 6 } else { 25 };
            let count = rng.u64(2..most);
            let mut times: Vec<u64> = (0..count).map(|_| rng.u64(0..events_to)).collect();
            if chance(rng, 20) {
                let burst = rng.u64(0..events_to);
                times.extend((0..rng.u64(5..15)).map(|_| burst));
            }
            self.draw_events(rng, &name, space, times);
            if self.kind != Kind::Healthy && chance(rng, 8) {
                self.actions.push((ms(rng.u64(0..events_to)), Action::Poison(make::tenant(&name), space)));
            }
        }
    }

    fn draw_events(&mut self, rng: &mut Rng, owner: &str, space: u64, mut times: Vec<u64>) {
        times.sort_unstable();
        let sent = |action: &Action| {
            matches!(action, Action::Happens(event)
            if event.tenant.as_str() == owner && event.stream() == crate::make::stream(space))
        };
        let first = 1 + self.actions.iter().filter(|(_, action)| sent(action)).count() as u64;
        for (sequence, time) in (first..).zip(times) {
            let event_type = match rng.u64(0..100) {
                0..70 => EventType::SpaceReport,
                70..90 => EventType::SpaceAvailability,
                _ => make::own_type(),
            };
            let mut event = make::event(owner, space, event_type, sequence, make::at(ms(time)));
            event.change.occupancy_changed = rng.bool();
            self.actions.push((ms(time), Action::Happens(Box::new(event))));
        }
    }

    fn draw_subscription(&mut self, rng: &mut Rng, owner: &str, number: u128) {
        let host = format!("r{number}.example.com");
        let mut subscription = make::subscription(owner, number, &host);
        if chance(rng, 60) {
            subscription.event_types = make::types().into();
        }
        if chance(rng, 20) {
            subscription.send = Send::OnChange;
        }
        if chance(rng, 5) {
            subscription.building_ref_ids = [BuildingRefId::parse("elsewhere").unwrap()].into();
        }
        if chance(rng, 40) {
            subscription.backlog = BacklogMode::Latest;
        }
        let mut receiver = Receiver { latency: latency(rng), ..Receiver::always(Mode::Accepts) };
        if self.kind == Kind::Healthy {
            receiver.latency = (ms(3), ms(60));
        } else {
            if chance(rng, 20) {
                subscription.rate_limit_per_second = RateLimit::new(rng.u32(1..6)).ok();
            }
            if chance(rng, 55) {
                receiver.phases = outages(rng);
            }
            if chance(rng, 25) {
                self.draw_pause(rng, &mut subscription);
            }
        }
        if self.kind != Kind::Healthy && chance(rng, 25) {
            self.draw_replays(rng, &subscription.key());
        }
        let is_paused = self.actions.iter().any(|(_, action)| *action == Action::Disable(subscription.key()));
        let is_replayed =
            self.actions.iter().any(|(_, action)| matches!(action, Action::Replay(of, _) if *of == subscription.key()));
        let is_plain = subscription.rate_limit_per_second.is_none() && !is_paused && !is_replayed;
        if receiver.phases.is_empty() && is_plain {
            self.steady.insert(subscription.key());
        }
        self.receivers.insert(host, receiver);
        self.subscriptions.push(subscription);
    }

    /// Somebody asks for deliveries again, and may cancel it.
    fn draw_replays(&mut self, rng: &mut Rng, key: &SubscriptionKey) {
        for _ in 0..rng.u8(1..4) {
            let at = rng.u64(SECOND..20 * MINUTE);
            let replaying = match rng.u8(0..10) {
                0..6 => {
                    let rate = rng.choice([None, None, Some(1), Some(5)]).unwrap();
                    Replaying::Since(ms(rng.u64(SECOND..40 * MINUTE)), rate)
                }
                6..9 => Replaying::Dead,
                _ => Replaying::Newest,
            };
            self.actions.push((ms(at), Action::Replay(key.clone(), replaying)));
            if chance(rng, 20) {
                self.actions.push((ms(at + rng.u64(0..10 * SECOND)), Action::CancelJobs(key.clone())));
            }
        }
    }

    /// It is disabled for a while, or from the beginning.
    fn draw_pause(&mut self, rng: &mut Rng, subscription: &mut Subscription) {
        let from = if chance(rng, 30) { 0 } else { rng.u64(0..5 * MINUTE) };
        let to = from + rng.choice([SECOND, 20 * SECOND, 3 * MINUTE, 30 * MINUTE]).unwrap();
        if from == 0 {
            let since = subscription.created_at;
            subscription.activity = Activity::Disabled { since, reason: DisabledReason::ByRequest };
        }
        self.actions.push((ms(from), Action::Disable(subscription.key())));
        self.actions.push((ms(to), Action::Enable(subscription.key(), treatment(rng))));
    }

    /// After the last of all that fails, everything works, and what is disabled is enabled.
    fn recover(&mut self, rng: &mut Rng, events_to: u64, tenants: u64) {
        let last_of = |receiver: &Receiver| receiver.phases.last().map(|(until, _)| *until);
        let last_outage = self.receivers.values().filter_map(last_of).max().unwrap_or_default();
        let last_action = self.actions.iter().map(|(at, _)| *at).max().unwrap_or_default();
        self.quiet = last_outage.max(last_action).max(self.faults.until).max(ms(events_to));
        for subscription in &self.subscriptions {
            for wait in [1, 180, 1_200] {
                let enable = Action::Enable(subscription.key(), treatment(rng));
                self.actions.push((self.quiet + Duration::from_secs(wait), enable));
            }
        }
        // What happens while backlogs come to their end.
        if self.kind != Kind::Healthy {
            let quiet = u64::try_from(self.quiet.as_millis()).unwrap();
            for number in 0..tenants {
                let times = (0..rng.u64(2..6)).map(|_| quiet + rng.u64(0..10 * MINUTE)).collect();
                self.draw_events(rng, &format!("tenant-{number}"), 1, times);
            }
        }
        self.actions.push((ms(rng.u64(0..5 * MINUTE)), Action::Health));
    }

    /// The subscription that has this key.
    pub(crate) fn is_late(&self, subscription: &Subscription) -> bool {
        let host = subscription.url.trim_start_matches("https://").trim_end_matches("/hook");
        let receiver = &self.receivers[host];
        receiver.slowest() >= ms(4_900) || receiver.phases.iter().any(|(_, mode)| *mode == Mode::Late)
    }
}

fn settings(rng: &mut Rng, kind: Kind) -> Settings {
    let mut settings = Settings::default();
    if kind != Kind::Healthy {
        if chance(rng, 15) {
            settings.max_age = SignedDuration::from_mins(rng.i64(20..90));
        }
        if chance(rng, 15) {
            settings.lane_limit = rng.u64(2..10);
        }
        if chance(rng, 15) {
            settings.schedule = Schedule::parse("1,2,3").unwrap();
        }
    }
    settings
}

fn faults(rng: &mut Rng, until: Duration) -> Faults {
    let mut part = |percent: u8, most: f64| if chance(rng, percent) { rng.f64() * most } else { 0.0 };
    Faults {
        until,
        refused: part(50, 0.08),
        ambiguous: part(50, 0.05),
        conflicting: part(50, 0.2),
        crashes: part(60, 0.03),
        slow: part(30, 0.1),
        undeleted: part(30, 0.1),
        doubled: part(50, 0.3),
        lost: part(30, 0.2),
        ..Faults::default()
    }
}

fn latency(rng: &mut Rng) -> (Duration, Duration) {
    match rng.u8(0..10) {
        0..7 => (ms(3), ms(60)),
        7..9 => (ms(100), ms(900)),
        _ => (ms(500), ms(3_000)),
    }
}

fn treatment(rng: &mut Rng) -> OnEnable {
    rng.choice([OnEnable::Deliver, OnEnable::Deliver, OnEnable::Latest, OnEnable::Discard]).unwrap()
}

fn outages(rng: &mut Rng) -> Vec<(Duration, Mode)> {
    let mut phases = Vec::new();
    let mut from = rng.u64(0..2 * MINUTE);
    for _ in 0..rng.u8(1..4) {
        let length = match rng.u8(0..20) {
            0..8 => rng.u64(3 * SECOND..MINUTE),
            8..15 => rng.u64(MINUTE..10 * MINUTE),
            15..19 => rng.u64(10 * MINUTE..2 * HOUR),
            _ => rng.u64(2 * HOUR..80 * HOUR),
        };
        phases.push((ms(from), Mode::Accepts));
        phases.push((ms(from + length), trouble(rng)));
        from += length + rng.u64(SECOND..5 * MINUTE);
    }
    phases
}

fn trouble(rng: &mut Rng) -> Mode {
    let retry_after = rng.choice([None, Some("7"), Some("120"), Some("3600"), Some("soon")]).unwrap();
    match rng.u8(0..20) {
        0..4 => Mode::Hangs,
        4..8 => Mode::Answers(rng.choice([500, 503, 404, 301]).unwrap(), None),
        8..10 => Mode::Answers(rng.choice([429, 503]).unwrap(), retry_after.map(str::to_owned)),
        10..12 => Mode::Refuses,
        12..14 => Mode::Late,
        14..17 => Mode::Flaps(0.2 + 0.7 * rng.f64()),
        17 => Mode::Picky(rng.u64(2..5), 422),
        18 => Mode::Picky(rng.u64(2..5), 500),
        _ => Mode::Answers(410, None),
    }
}
