//! Delivering against a world in memory whose receivers can refuse, fail and hang.

use super::virtual_time::VirtualTime;
use super::*;
use crate::batch::Message;
use crate::ports::Poison;
use proptest::prelude::*;
use serde_json::json;
use spacehook_domain::credentials::AuthSecret;
use spacehook_domain::event::{Change, EVENT_VERSION, Event, EventSpace};
use spacehook_domain::ids::{BuildingRefId, Sequence, SpaceId, SpaceRefId};
use spacehook_domain::key_values::KeyValues;
use spacehook_domain::receiver::{AllowedNetworks, PortPolicy};
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::signing::SigningSecret;
use spacehook_domain::subscription::{Activity, AuthKind, DisabledReason, Send, Subscription, SubscriptionName};
use std::sync::{Mutex, MutexGuard};

/// How a receiver behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Accepts,
    Answers(u16),
    Hangs,
    /// The fault is ours: no connection can be made here.
    OurFault,
}

#[derive(Debug, Default)]
struct Memory {
    version: u64,
    subscriptions: Vec<Subscription>,
    behaviours: BTreeMap<String, Behaviour>,
    missing_secrets: BTreeSet<SubscriptionId>,
    store_fails: bool,
    failing_tenants: BTreeSet<TenantId>,
    failing_types: BTreeSet<EventType>,
    retries_fail: bool,
    log_fails: bool,
    reads: usize,
    /// What arrived, by host: event id, sequence, milliseconds since the start.
    received: Vec<(String, String, u64, u128)>,
    retries: Vec<(Delivery, Duration)>,
    buried: Vec<Poison>,
    recorded: Vec<RecordedAttempt>,
}

struct FakeWorld {
    memory: Mutex<Memory>,
    time: VirtualTime,
}

const EPOCH_S: i64 = 1_770_000_000;

impl FakeWorld {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    fn refuse(fails: bool) -> Result<(), Fault> {
        if fails { Err("the world failed".into()) } else { Ok(()) }
    }
}

impl World for FakeWorld {
    async fn version(&self, tenant: &TenantId) -> Result<u64, Fault> {
        let fails = self.memory().store_fails || self.memory().failing_tenants.contains(tenant);
        Self::refuse(fails)?;
        Ok(self.memory().version)
    }

    async fn subscriptions(&self, tenant: &TenantId, event_type: EventType) -> Result<Vec<Subscription>, Fault> {
        let mut memory = self.memory();
        Self::refuse(memory.failing_types.contains(&event_type))?;
        memory.reads += 1;
        let of = |subscription: &&Subscription| {
            subscription.tenant == *tenant && subscription.event_types.contains(&event_type)
        };
        Ok(memory.subscriptions.iter().filter(of).cloned().collect())
    }

    async fn credentials(&self, subscription: &Subscription) -> Result<Arc<Credentials>, CredentialsError> {
        if self.memory().missing_secrets.contains(&subscription.id) {
            return Err(CredentialsError::Missing);
        }
        let signing_secrets = vec![SigningSecret::from_random([1; 32])];
        let auth = AuthSecret::Bearer { token: "t0ken".into() };
        Ok(Arc::new(Credentials { signing_secrets, auth, custom_headers: BTreeMap::new() }))
    }

    async fn attempt(&self, request: AttemptRequest) -> Result<AttemptResult, Fault> {
        let host = request.url.host().to_owned();
        let behaviour = self.memory().behaviours.get(&host).copied().unwrap_or(Behaviour::Accepts);
        let echo = || Some(format!("refused: {}", request.headers["authorization"].to_str().unwrap()));
        let failed =
            |reason, status: Option<u16>| Outcome::Failed { reason, status, answer: status.and_then(|_| echo()) };
        let (outcome, duration) = match behaviour {
            Behaviour::OurFault => return Err("no file descriptors left".into()),
            Behaviour::Hangs => {
                self.time.sleep(request.deadline).await;
                (failed(FailureReason::timeout(request.deadline), None), request.deadline)
            }
            Behaviour::Answers(status) => {
                (failed(FailureReason::from_http_status(status), Some(status)), Duration::from_millis(3))
            }
            Behaviour::Accepts => (Outcome::Accepted { status: 204 }, Duration::from_millis(3)),
        };
        let id = request.headers["webhook-id"].to_str()?.to_owned();
        let sequence = request.headers["spacehook-sequence"].to_str()?.parse()?;
        let at_ms = self.time.elapsed().as_millis();
        self.memory().received.push((host, id, sequence, at_ms));
        Ok(AttemptResult { outcome, duration, retry_after: None, resent: false })
    }

    async fn retry(&self, delivery: &Delivery, wait: Duration) -> Result<(), Fault> {
        Self::refuse(self.memory().retries_fail)?;
        self.memory().retries.push((delivery.clone(), wait));
        Ok(())
    }

    async fn bury(&self, poison: &Poison) -> Result<(), Fault> {
        Self::refuse(self.memory().retries_fail)?;
        self.memory().buried.push(poison.clone());
        Ok(())
    }

    async fn record(&self, attempts: &[RecordedAttempt]) -> Result<(), Fault> {
        Self::refuse(self.memory().log_fails)?;
        self.memory().recorded.extend_from_slice(attempts);
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(EPOCH_S).unwrap() + SignedDuration::try_from(self.time.elapsed()).unwrap()
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn subscription(number: u128, host: &str) -> Subscription {
    let at = Timestamp::from_second(EPOCH_S - 3_600).unwrap();
    Subscription {
        id: SubscriptionId::from_uuid(uuid::Uuid::from_u128(number)),
        tenant: tenant("acme"),
        name: SubscriptionName::parse(format!("receiver {number}")).unwrap(),
        description: None,
        url: format!("https://{host}/hook"),
        event_types: [EventType::SpaceReport].into(),
        activity: Activity::Enabled { since: at },
        send: Send::Always,
        building_ref_ids: BTreeSet::new(),
        auth: AuthKind::Bearer,
        custom_header_names: BTreeSet::new(),
        key_values: KeyValues::default(),
        contacts: BTreeSet::new(),
        secret_name: format!("secret {number}"),
        secret_version: "1".to_owned(),
        created_at: at,
        updated_at: at,
        revision: 1,
    }
}

fn event_of(owner: &str, space: u64, sequence: u64) -> Event {
    let at = Timestamp::from_second(EPOCH_S - 60).unwrap();
    Event {
        version: EVENT_VERSION,
        id: Event::derived_id(&tenant(owner), SpaceId(space), EventType::SpaceReport, Sequence(sequence)),
        tenant: tenant(owner),
        event_type: EventType::SpaceReport,
        sequence: Sequence(sequence),
        space: EventSpace {
            space_id: SpaceId(space),
            building_ref_id: BuildingRefId::parse("b").unwrap(),
            floor_ref_id: None,
            space_ref_id: SpaceRefId::parse("s").unwrap(),
        },
        occurred_at: at,
        received_at: at,
        change: Change { occupancy_changed: true, first_of_hour: false },
        data: json!({"event_type": "space_report"}),
    }
}

fn happened(space: u64, sequence: u64) -> Message {
    let event = event_of("acme", space, sequence);
    Message { id: format!("m-{space}-{sequence}"), content: Content::Event(Box::new(event)) }
}

/// Delivers a batch on a clock of its own, so that hanging takes no time.
fn deliver(memory: Memory, messages: &[Message]) -> (Report, Memory) {
    deliver_by(memory, messages, SignedDuration::from_secs(60))
}

fn deliver_by(memory: Memory, messages: &[Message], allowed: SignedDuration) -> (Report, Memory) {
    let time = VirtualTime::default();
    time.run(async {
        let world = FakeWorld { memory: Mutex::new(memory), time: time.clone() };
        let deadline = world.now() + allowed;
        let dispatcher = Dispatcher::new(world, policy());
        let report = dispatcher.deliver(messages, deadline).await;
        (report, dispatcher.world.memory.into_inner().unwrap())
    })
}

fn policy() -> ReceiverPolicy {
    ReceiverPolicy::new(AllowedNetworks::default(), PortPolicy::default())
}

fn with(subscriptions: Vec<Subscription>) -> Memory {
    Memory { version: 1, subscriptions, ..Memory::default() }
}

fn reasons(memory: &Memory) -> Vec<String> {
    let reason = |recorded: &RecordedAttempt| match &recorded.attempt.outcome {
        Outcome::Failed { reason, .. } => reason.to_string(),
        Outcome::Accepted { status } => format!("accepted {status}"),
    };
    memory.recorded.iter().map(reason).collect()
}

#[test]
fn an_event_goes_to_every_subscription_that_matches() {
    let mut other = subscription(3, "other.example.com");
    other.tenant = tenant("other");
    let mut disabled = subscription(4, "disabled.example.com");
    disabled.activity = Activity::Disabled { since: disabled.created_at, reason: DisabledReason::ByRequest };
    let memory = with(vec![subscription(1, "a.example.com"), subscription(2, "b.example.com"), other, disabled]);
    let (report, memory) = deliver(memory, &[happened(1, 1)]);
    assert_eq!(report, Report { accepted: 2, ..Report::default() });
    let hosts: Vec<_> = memory.received.iter().map(|(host, ..)| host.as_str()).collect();
    assert_eq!(hosts, ["a.example.com", "b.example.com"]);
    assert_eq!(reasons(&memory), ["accepted 204", "accepted 204"]);
    assert_eq!(memory.recorded[0].attempt.freshness_ms, 60_003);
}

#[test]
fn one_space_is_delivered_in_order_and_spaces_at_the_same_time() {
    let mut memory = with(vec![subscription(1, "slow.example.com")]);
    memory.behaviours.insert("slow.example.com".to_owned(), Behaviour::Hangs);
    let (_, memory) = deliver(memory, &[happened(1, 1), happened(2, 1), happened(1, 2), happened(1, 3)]);
    let times = |space_sequence: &[u64]| -> Vec<u128> {
        memory
            .received
            .iter()
            .filter(|(_, _, sequence, _)| space_sequence.contains(sequence))
            .map(|(.., at)| *at)
            .collect()
    };
    assert_eq!(times(&[1]), [5_000, 5_000], "two spaces side by side");
    assert_eq!((times(&[2]), times(&[3])), (vec![10_000], vec![15_000]), "one space in order");
}

#[test]
fn hanging_receivers_do_not_delay_the_others() {
    let mut subscriptions = Vec::new();
    let mut behaviours = BTreeMap::new();
    for number in 0..60_u128 {
        let hangs = number % 2 == 0;
        let host = format!("{}{number}.example.com", if hangs { "hanging" } else { "healthy" });
        subscriptions.push(subscription(number, &host));
        behaviours.insert(host, if hangs { Behaviour::Hangs } else { Behaviour::Accepts });
    }
    let memory = Memory { behaviours, ..with(subscriptions) };
    // Ten spaces to thirty hanging receivers are 300 attempts that hang: more than are allowed at once.
    let messages: Vec<_> = (0..10).map(|space| happened(space, 1)).collect();
    let (report, memory) = deliver(memory, &messages);
    assert_eq!((report.accepted, report.failed), (300, 300));
    let healthy = memory.received.iter().filter(|(host, ..)| host.starts_with("healthy"));
    let slowest = healthy.map(|(.., at)| *at).max().unwrap();
    assert!(slowest <= 10_000, "{slowest} ms: at most what two rounds of hanging take");
}

#[test]
fn a_failure_waits_on_the_queue_of_retries_with_the_next_number() {
    let mut memory = with(vec![subscription(1, "a.example.com"), subscription(2, "b.example.com")]);
    memory.behaviours.insert("a.example.com".to_owned(), Behaviour::Answers(503));
    let (report, memory) = deliver(memory, &[happened(1, 1)]);
    assert_eq!(report, Report { accepted: 1, failed: 1, ..Report::default() });
    let (delivery, wait) = &memory.retries[0];
    assert_eq!((delivery.attempt, wait.as_secs()), (AttemptNumber(2), 5));
    assert_eq!(delivery.subscription_id, subscription(1, "").id);
    assert!(reasons(&memory).contains(&"HTTP 503".to_owned()));
    let answers = memory.recorded.iter().filter_map(|recorded| match &recorded.attempt.outcome {
        Outcome::Failed { answer, .. } => answer.as_deref(),
        Outcome::Accepted { .. } => None,
    });
    assert_eq!(answers.collect::<Vec<_>>(), ["refused: Bearer [redacted]"], "the receiver's echo holds no secret");
}

#[test]
fn a_retry_goes_to_its_own_subscription_alone_and_ends_with_the_schedule() {
    let retry = |number, attempt| Message {
        id: "r".to_owned(),
        content: Content::Retry(Box::new(Delivery::new(
            subscription(number, "").id,
            AttemptNumber(attempt),
            event_of("acme", 1, 1),
        ))),
    };
    let fleet = || {
        let mut memory = with(vec![subscription(1, "a.example.com"), subscription(2, "b.example.com")]);
        memory.behaviours.insert("a.example.com".to_owned(), Behaviour::Answers(500));
        memory
    };
    let (_, memory) = deliver(fleet(), &[retry(1, 7)]);
    assert_eq!((memory.received.len(), memory.retries[0].1.as_secs()), (1, 900));
    let (report, memory) = deliver(fleet(), &[retry(1, 8)]);
    assert_eq!((report.failed, memory.retries.len(), report.give_back.len()), (1, 0, 0), "dead after the eighth");
    let (report, memory) = deliver(fleet(), &[retry(9, 2)]);
    assert_eq!((report, memory.received.len()), (Report::default(), 0), "deleted since: settled");
}

#[test]
fn faults_of_ours_blame_no_receiver_and_lose_nothing() {
    let one = || with(vec![subscription(1, "a.example.com")]);

    let (report, memory) = deliver(Memory { store_fails: true, ..one() }, &[happened(1, 1)]);
    assert_eq!(report.give_back, [0].into());
    assert!(memory.recorded.is_empty());

    let mut memory = one();
    memory.behaviours.insert("a.example.com".to_owned(), Behaviour::OurFault);
    let (report, memory) = deliver(memory, &[happened(1, 1)]);
    assert!(report.give_back.is_empty() && memory.recorded.is_empty());
    assert_eq!(memory.retries[0].0.attempt, AttemptNumber::FIRST, "it was not an attempt");

    let mut memory = Memory { retries_fail: true, ..one() };
    memory.behaviours.insert("a.example.com".to_owned(), Behaviour::Answers(500));
    let (report, _) = deliver(memory, &[happened(1, 1), happened(2, 1)]);
    assert_eq!(report.give_back, [0, 1].into());

    let (report, _) = deliver(Memory { log_fails: true, ..one() }, &[happened(1, 1)]);
    assert_eq!(report, Report { accepted: 1, ..Report::default() }, "a lost log makes no second delivery");
}

#[test]
fn what_comes_again_is_not_overtaken() {
    let mut memory = Memory { retries_fail: true, ..with(vec![subscription(1, "a.example.com")]) };
    memory.behaviours.insert("a.example.com".to_owned(), Behaviour::Answers(500));
    let (report, memory) = deliver(memory, &[happened(1, 1), happened(1, 2), happened(2, 1)]);
    assert_eq!(report.give_back, [0, 1, 2].into());
    assert_eq!(memory.received.len(), 2, "one a space: the second of the first space waits for the first");
}

#[test]
fn one_tenants_fault_is_not_its_neighbours() {
    let mut memory = with(vec![subscription(1, "a.example.com")]);
    memory.failing_tenants.insert(tenant("stranger"));
    let strangers = Message { id: "x".to_owned(), content: Content::Event(Box::new(event_of("stranger", 1, 1))) };
    let (report, _) = deliver(memory, &[strangers, happened(1, 1)]);
    assert_eq!(report, Report { accepted: 1, failed: 0, give_back: [0].into() });
}

#[test]
fn what_follows_in_its_space_is_not_delivered_before_what_comes_again() {
    let mut both = subscription(1, "a.example.com");
    both.event_types.insert(EventType::SpaceAvailability);
    let mut memory = with(vec![both]);
    memory.failing_types.insert(EventType::SpaceAvailability);
    let mut availability = event_of("acme", 1, 2);
    availability.event_type = EventType::SpaceAvailability;
    let unread = Message { id: "a".to_owned(), content: Content::Event(Box::new(availability)) };
    let (report, memory) = deliver(memory, &[happened(1, 1), unread, happened(1, 3), happened(2, 1)]);
    assert_eq!((report.accepted, report.give_back), (2, [1, 2].into()));
    assert!(memory.received.iter().all(|(_, _, sequence, _)| *sequence != 3));
}

#[test]
fn what_is_kept_is_read_again_after_a_while() {
    let time = VirtualTime::default();
    time.run(async {
        let memory = Mutex::new(with(vec![subscription(1, "a.example.com")]));
        let world = FakeWorld { memory, time: time.clone() };
        let deadline = world.now() + SignedDuration::from_secs(600);
        let dispatcher = Dispatcher::new(world, policy());
        dispatcher.deliver(&[happened(1, 1)], deadline).await;
        time.sleep(Duration::from_secs(31)).await;
        dispatcher.deliver(&[happened(1, 2)], deadline).await;
        assert_eq!(dispatcher.world.memory().reads, 2);
    });
}

#[test]
fn settings_that_allow_no_request_are_failures_with_a_reason() {
    let mut inside = subscription(1, "a.example.com");
    inside.url = "https://169.254.169.254/latest/meta-data/".to_owned();
    let missing = subscription(2, "b.example.com");
    let mut memory = with(vec![inside, missing.clone()]);
    memory.missing_secrets.insert(missing.id);
    let (report, memory) = deliver(memory, &[happened(1, 1)]);
    assert_eq!((report.failed, memory.received.len()), (2, 0));
    assert!(reasons(&memory)[0].starts_with("refused by policy: "), "{:?}", reasons(&memory));
    assert_eq!(reasons(&memory)[1], "credentials: secret missing");
    assert_eq!(memory.retries.len(), 1, "a refusal by policy is final; a secret may come back");
}

#[test]
fn what_no_longer_fits_the_invocation_is_given_back() {
    let mut memory = with(vec![subscription(1, "slow.example.com")]);
    memory.behaviours.insert("slow.example.com".to_owned(), Behaviour::Hangs);
    let messages: Vec<_> = (1..=6).map(|sequence| happened(1, sequence)).collect();
    let (report, memory) = deliver_by(memory, &messages, SignedDuration::from_secs(20));
    assert_eq!(memory.received.len(), 3, "begun at 0, 5 and 10 s; at 15 s too little time is left");
    assert_eq!(report.give_back, [3, 4, 5].into());
}

#[test]
fn poison_is_buried_with_its_cause_and_touches_nobody() {
    let poison =
        Poison { message_id: "p".into(), group: Some("acme:1".into()), body: "{".into(), cause: "not an event".into() };
    let messages = [Message { id: "p".into(), content: Content::Poison(poison.clone()) }, happened(1, 1)];
    let (report, memory) = deliver(with(vec![subscription(1, "a.example.com")]), &messages);
    assert_eq!(report, Report { accepted: 1, ..Report::default() });
    assert_eq!(memory.buried, [poison]);
    let unburied = Memory { retries_fail: true, ..with(vec![]) };
    assert_eq!(
        deliver(unburied, &messages).0.give_back,
        [0, 1].into(),
        "what follows in its space comes again with it"
    );
}

#[test]
fn subscriptions_are_read_again_only_when_the_version_changes() {
    let time = VirtualTime::default();
    time.run(async {
        let memory = Mutex::new(with(vec![subscription(1, "a.example.com")]));
        let world = FakeWorld { memory, time: time.clone() };
        let deadline = world.now() + SignedDuration::from_secs(600);
        let dispatcher = Dispatcher::new(world, policy());
        dispatcher.deliver(&[happened(1, 1), happened(2, 1)], deadline).await;
        dispatcher.deliver(&[happened(1, 2)], deadline).await;
        assert_eq!(dispatcher.world.memory().reads, 1);
        {
            let mut memory = dispatcher.world.memory();
            memory.version = 2;
            memory.subscriptions.push(subscription(2, "new.example.com"));
        }
        let report = dispatcher.deliver(&[happened(1, 3)], deadline).await;
        assert_eq!((report.accepted, dispatcher.world.memory().reads), (2, 2));
    });
}

proptest! {
    /// Whatever receivers do, every delivery is accepted, waiting, dead or given back, and each lane is in order.
    #[test]
    fn nothing_is_lost_and_nothing_overtakes(
        statuses in prop::collection::vec(prop_oneof![Just(200_u16), Just(500), Just(422), Just(410), Just(0)], 1..5),
        events in prop::collection::vec((0_u64..3, 1_u64..6), 1..12),
    ) {
        let mut memory = with(Vec::new());
        for (number, status) in statuses.iter().enumerate() {
            let host = format!("r{number}.example.com");
            memory.subscriptions.push(subscription(number as u128, &host));
            let behaviour = match status { 200 => Behaviour::Accepts, 0 => Behaviour::Hangs, status => Behaviour::Answers(*status) };
            memory.behaviours.insert(host, behaviour);
        }
        let mut events = events;
        events.sort_unstable();
        events.dedup();
        let messages: Vec<_> = events.iter().map(|(space, sequence)| happened(*space, *sequence)).collect();
        let (report, memory) = deliver_by(memory, &messages, SignedDuration::from_secs(30));
        let attempted = memory.received.len();
        prop_assert_eq!(report.accepted + report.failed, attempted);
        prop_assert_eq!(memory.recorded.len(), attempted);
        let dead = statuses.iter().filter(|status| **status == 410).count();
        for (place, (space, sequence)) in events.iter().enumerate() {
            let id = event_of("acme", *space, *sequence).id.to_string();
            let made = memory.received.iter().filter(|(_, received, ..)| *received == id).count();
            prop_assert!(made == statuses.len() || report.give_back.contains(&place), "{id} is neither sent nor given back");
        }
        if report.give_back.is_empty() {
            prop_assert_eq!(attempted, events.len() * statuses.len());
            prop_assert_eq!(memory.retries.len(), report.failed - dead * events.len());
        }
        for host in memory.received.iter().map(|(host, ..)| host) {
            for space in 0..3 {
                let ids: BTreeMap<String, u64> = (1..6).map(|n| (event_of("acme", space, n).id.to_string(), n)).collect();
                let order: Vec<_> = memory.received.iter().filter(|(of, ..)| of == host).filter_map(|(_, id, ..)| ids.get(id)).collect();
                prop_assert!(order.is_sorted());
            }
        }
    }
}
