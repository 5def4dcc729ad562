//! The running of a scenario: Lambda, its pollers, the API and health, around the real dispatcher.

use crate::make;
use crate::simulation::scenario::{Action, Kind, Replaying, Scenario};
use crate::world::{Client, Cloud, Sabotage, VISIBILITY};
use jiff::SignedDuration;
use spacehook_dispatcher::batch::{Content, Message};
use spacehook_dispatcher::delivering::Dispatcher;
use spacehook_dispatcher::ports::{Poison, Queue};
use spacehook_dispatcher::report::Report;
use spacehook_domain::backlog::{Backlog, Enlist, OnEnable, Replace, Treatment};
use spacehook_domain::event::Event;
use spacehook_domain::ids::{JobId, SubscriptionKey, TenantId};
use spacehook_domain::job::{Job, JobKey, JobState, JobStep, Work};
use spacehook_domain::kept_events::Window;
use spacehook_domain::subscription::{Activity, DisabledReason, RateLimit};
use spacehook_domain::wake::Wake;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake as TaskWake, Waker};
use std::time::Duration;

/// The function's timeout.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Messages of a batch.
const BATCH: usize = 10;
/// A message that was received so often is worked on without faults of ours: they do not last for ever.
const CALM_FROM: u32 = 4;
/// How often health runs.
const HEALTH: Duration = Duration::from_mins(5);
/// How long after everything has recovered something may wait still.
const PATIENCE: Duration = Duration::from_hours(24);

/// So many invocations are a storm: the longest outage of all is some hundred probes of a few receivers.
const STORM: usize = 10_000;

/// The tasks that can go on, in the order in which they were woken.
type Ready = Arc<Mutex<VecDeque<usize>>>;

#[derive(Debug)]
struct TaskWaker {
    id: usize,
    ready: Ready,
    queued: AtomicBool,
}

impl TaskWake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::SeqCst) {
            self.ready.lock().unwrap().push_back(self.id);
        }
    }
}

/// A process of the function.
struct Process {
    client: Client,
    dispatcher: Arc<Dispatcher<Client>>,
    ahead: SignedDuration,
}

/// An invocation that runs.
struct Task {
    future: Pin<Box<dyn Future<Output = Report>>>,
    waker: Arc<TaskWaker>,
    process: Process,
    messages: Arc<Vec<Message>>,
    killed_at: Duration,
}

/// A simulation.
pub(crate) struct Run {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) scenario: Scenario,
    /// What ingest has queued, and when.
    pub(crate) sent: Vec<(Duration, Event)>,
    pub(crate) poison: u64,
    /// What was done with a subscription's backlog at an enabling, and when.
    pub(crate) treatments: Vec<(Duration, SubscriptionKey, OnEnable)>,
    /// Reads of tenants that the batches called for.
    pub(crate) overviews: u64,
    /// Whether nothing was left to do in the end.
    pub(crate) is_over: bool,
    tasks: BTreeMap<usize, Task>,
    idle: Vec<Process>,
    ready: Ready,
    actions: BTreeMap<(Duration, usize), Action>,
    polled: BTreeMap<u8, Duration>,
}

impl Run {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>, printed: bool) -> Self {
        let scenario = Scenario::draw(seed);
        let cloud = Cloud::new(seed, printed);
        {
            let mut state = cloud.state();
            state.sabotage = sabotage;
            state.faults = scenario.faults.clone();
            state.latency = scenario.latency;
            state.receivers.clone_from(&scenario.receivers);
            for subscription in &scenario.subscriptions {
                state.table.save(subscription.clone());
            }
        }
        let numbered = scenario.actions.iter().enumerate();
        let actions = numbered.map(|(number, (at, action))| ((*at, number), action.clone())).collect();
        Self {
            cloud,
            scenario,
            sent: Vec::new(),
            poison: 0,
            treatments: Vec::new(),
            overviews: 0,
            is_over: false,
            tasks: BTreeMap::new(),
            idle: Vec::new(),
            ready: Ready::default(),
            actions,
            polled: BTreeMap::new(),
        }
    }

    /// Runs until nothing is left to do, or something was seen that must not be.
    pub(crate) fn run(&mut self) {
        let limit = self.scenario.quiet + PATIENCE;
        loop {
            self.run_ready();
            let now = self.cloud.time.elapsed();
            self.act(now);
            self.kill(now);
            self.poll(Queue::Events, now);
            self.poll(Queue::Retries, now);
            if !self.ready.lock().unwrap().is_empty() {
                continue;
            }
            self.is_over = self.has_nothing_left();
            let broken = !self.cloud.state().watch.violations.is_empty();
            match self.next(now).filter(|next| *next <= limit) {
                Some(next) if !self.is_over && !broken => self.cloud.time.advance(next),
                _ => break,
            }
        }
        self.tasks.clear();
    }

    fn has_nothing_left(&self) -> bool {
        let state = self.cloud.state();
        let only_health = self.actions.values().all(|action| *action == Action::Health);
        self.tasks.is_empty()
            && only_health
            && state.events.is_empty()
            && state.retries.is_empty()
            && state.table.is_quiet()
    }

    fn next(&self, now: Duration) -> Option<Duration> {
        let state = self.cloud.state();
        let polled = |queue, next: Option<Duration>| {
            let has_place = self.running(queue, &state) < most_at_once(queue);
            next.map(|next| next.max(self.may_poll(queue))).filter(|_| has_place)
        };
        let events = polled(Queue::Events, state.events.next());
        let retries = polled(Queue::Retries, state.retries.next());
        let action = self.actions.first_key_value().map(|((at, _), _)| *at);
        let kill = self.tasks.values().map(|task| task.killed_at).min();
        let all = [self.cloud.time.next(), events, retries, action, kill];
        all.into_iter().flatten().min().map(|next| next.max(now))
    }

    fn running(&self, queue: Queue, state: &crate::world::State) -> usize {
        self.tasks.keys().filter(|id| state.watch.invocations[**id].queue == queue).count()
    }

    fn may_poll(&self, queue: Queue) -> Duration {
        self.polled.get(&number_of(queue)).map_or(Duration::ZERO, |at| *at + self.scenario.poll)
    }

    fn run_ready(&mut self) {
        loop {
            let Some(id) = self.ready.lock().unwrap().pop_front() else { return };
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            task.waker.queued.store(false, Ordering::SeqCst);
            let waker = Waker::from(task.waker.clone());
            let polled = task.future.as_mut().poll(&mut Context::from_waker(&waker));
            let is_dead = self.cloud.state().watch.is_dead(id);
            if is_dead {
                self.tasks.remove(&id);
            } else if let Poll::Ready(report) = polled {
                self.complete(id, &report);
            }
        }
    }

    /// An invocation has ended: its messages are deleted, but for those that go back.
    fn complete(&mut self, id: usize, report: &Report) {
        let Some(task) = self.tasks.remove(&id) else { return };
        self.cloud.note(format_args!("invocation {id} ends: {report:?}"));
        let now = self.cloud.time.elapsed();
        let mut state = self.cloud.state();
        let state = &mut *state;
        state.watch.invocations[id].ended = Some(now);
        for (place, message) in task.messages.iter().enumerate() {
            if report.give_back.contains(&place) {
                continue;
            }
            let may_fail = now < state.faults.until && !state.watch.invocations[id].calm;
            if may_fail && state.rng.f64() < state.faults.undeleted {
                state.watch.invocations[id].disturbed = true;
                continue;
            }
            match message.receipt.queue {
                Queue::Events => state.events.delete(&message.receipt.handle, now),
                Queue::Retries => state.retries.delete(&message.receipt.handle),
            }
        }
        if state.rng.u8(0..10) > 0 {
            self.idle.push(task.process);
        }
    }

    fn kill(&mut self, now: Duration) {
        let late: Vec<usize> = self.tasks.iter().filter(|(_, task)| task.killed_at <= now).map(|(id, _)| *id).collect();
        for id in late {
            self.cloud.note(format_args!("invocation {id} is killed: out of time"));
            let mut state = self.cloud.state();
            state.watch.kill(id);
            if self.scenario.kind != Kind::Faulty {
                state.watch.violated("in-time", format!("invocation {id} ran into its timeout"));
            }
            drop(state);
            self.tasks.remove(&id);
        }
    }

    /// Hands out what can be received now, in batches, as long as there are places for invocations.
    fn poll(&mut self, queue: Queue, now: Duration) {
        if now < self.may_poll(queue) {
            return;
        }
        while self.running(queue, &self.cloud.state()) < most_at_once(queue) {
            let batch = {
                let mut state = self.cloud.state();
                let state = &mut *state;
                let most = if state.rng.bool() { BATCH } else { state.rng.usize(1..=BATCH) };
                let doubled = if now < state.faults.until { state.faults.doubled } else { 0.0 };
                match queue {
                    Queue::Events => state.events.receive(now, &mut state.rng, most),
                    Queue::Retries => state.retries.receive(now, &mut state.rng, most, doubled),
                }
            };
            if batch.is_empty() {
                return;
            }
            self.polled.insert(number_of(queue), now);
            self.invoke(queue, batch, now);
        }
    }

    fn process(&mut self) -> Process {
        let mut state = self.cloud.state();
        if !self.idle.is_empty() && state.rng.u8(0..5) > 0 {
            let place = state.rng.usize(0..self.idle.len());
            return self.idle.swap_remove(place);
        }
        let skew = i64::try_from(self.scenario.skew.as_millis()).unwrap();
        let ahead = SignedDuration::from_millis(if skew == 0 { 0 } else { state.rng.i64(-skew..=skew) });
        drop(state);
        let client = Client::new(&self.cloud, ahead);
        let dispatcher = Arc::new(Dispatcher::new(client.clone(), self.scenario.settings.clone()));
        Process { client, dispatcher, ahead }
    }

    fn invoke(&mut self, queue: Queue, batch: Vec<Message>, now: Duration) {
        let tenants: BTreeSet<_> = batch.iter().filter_map(Message::event).map(|event| &event.tenant).collect();
        self.overviews += tenants.len() as u64;
        let calm = batch.iter().any(|message| message.receipt.times >= CALM_FROM);
        let process = self.process();
        let id = {
            let mut state = self.cloud.state();
            let id = state.watch.begin(now, queue, calm);
            for event in batch.iter().filter_map(Message::event) {
                state.watch.handled.entry(event.id.clone()).or_default().push(id);
            }
            id
        };
        if id >= STORM {
            self.cloud.state().watch.violated("no-storm", format!("{id} invocations for {} events", self.sent.len()));
        }
        self.cloud.note(format_args!("invocation {id} begins with {} of {queue:?}", batch.len()));
        process.client.serve(id);
        let killed_at = now + TIMEOUT;
        let start = Duration::from_millis(self.cloud.state().rng.u64(1..30));
        let (messages, dispatcher) = (Arc::new(batch), process.dispatcher.clone());
        let (cloud, given) = (self.cloud.clone(), messages.clone());
        let deadline = make::at(killed_at) + process.ahead;
        let future = Box::pin(async move {
            cloud.time.sleep(start).await;
            dispatcher.deliver(&given, deadline).await
        });
        let waker = Arc::new(TaskWaker { id, ready: self.ready.clone(), queued: AtomicBool::new(true) });
        self.ready.lock().unwrap().push_back(id);
        self.tasks.insert(id, Task { future, waker, process, messages, killed_at });
    }

    fn act(&mut self, now: Duration) {
        while let Some(first) = self.actions.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, number), action) = first.remove_entry();
            match action {
                Action::Happens(event) => self.happens(*event, now),
                Action::Poison(tenant, stream) => self.poison(&tenant, stream, now),
                Action::Disable(key) => self.disable(&key, now),
                Action::Enable(key, what) => self.enable(&key, what, now),
                Action::Split(tenant, event_type) => {
                    self.cloud.note(format_args!("{tenant}: {event_type} is split from now on"));
                    let mut state = self.cloud.state();
                    let tenant = state.table.tenants.entry(tenant).or_default();
                    tenant.split.insert(event_type);
                    tenant.version += 1;
                }
                Action::Replay(key, replaying) => self.replay(&key, replaying, now),
                Action::CancelJobs(key) => self.cancel_jobs(&key, now),
                Action::Health => {
                    self.health(now);
                    self.actions.insert((now + HEALTH, number), Action::Health);
                }
            }
        }
    }

    fn happens(&mut self, event: Event, now: Duration) {
        let (tenant, stream, sequence) = (&event.tenant, event.stream(), event.sequence);
        self.cloud.note(format_args!("{tenant} stream {stream} sequence {sequence}: {}", event.event_type));
        let group = format!("{tenant}:{stream}");
        let mut state = self.cloud.state();
        state.events.send(now, &group, event.id.as_str(), Content::Event(Box::new(event.clone())));
        self.sent.push((now, event));
    }

    fn poison(&mut self, tenant: &TenantId, stream: u64, now: Duration) {
        self.poison += 1;
        let group = format!("{tenant}:{stream}");
        let id = format!("poison {}", self.poison);
        let poison = Poison {
            message_id: id.clone(),
            group: Some(group.clone()),
            body: "{".to_owned(),
            cause: "not an event".to_owned(),
        };
        self.cloud.state().events.send(now, &group, &id, Content::Poison(poison));
    }

    fn disable(&mut self, key: &SubscriptionKey, now: Duration) {
        let mut state = self.cloud.state();
        let Some(mut subscription) = state.table.subscriptions.get(key).cloned() else { return };
        if subscription.activity.is_enabled() {
            subscription.activity = Activity::Disabled { since: make::at(now), reason: DisabledReason::ByRequest };
            subscription.revision += 1;
            state.table.save(subscription);
            drop(state);
            self.cloud.note(format_args!("{} is disabled by request", key.id));
        }
    }

    /// As the API does it: the activation, the backlog and its note in one transaction; then a timer.
    fn enable(&mut self, key: &SubscriptionKey, what: OnEnable, now: Duration) {
        let mut state = self.cloud.state();
        let state = &mut *state;
        let Some(mut subscription) = state.table.subscriptions.get(key).cloned() else { return };
        if subscription.activity.is_enabled() {
            return;
        }
        let at = make::at(now);
        subscription.activity = Activity::Enabled { since: at };
        subscription.revision += 1;
        state.table.save(subscription);
        let read = state.table.partition(key).backlog.clone();
        let mut backlog = read.clone().unwrap_or_else(|| Backlog::new(at));
        backlog.drain(at);
        backlog.treatment = Some(Treatment { what, kept_before: at });
        backlog.wake_at = Some(at);
        let mut change = spacehook_domain::backlog::Change::of(key.clone());
        change.set_backlog(read.as_ref(), backlog);
        change.enlist = Some(Enlist::Add);
        debug_assert!(matches!(change.backlog, Some(Replace { .. })));
        state.table.change(&change, now, None).unwrap();
        // The API may end before it sets the timer.
        let lost = now < state.faults.until && state.rng.f64() < state.faults.lost;
        if !lost {
            state.retries.send(now, &Wake::now(key.clone()), Duration::ZERO);
        }
        self.treatments.push((now, key.clone(), what));
        let line = format!("{} is enabled: {what:?}", key.id);
        state.trace.line(now, format_args!("{line}"));
    }

    /// As the API does it: the job, and its first step.
    fn replay(&mut self, key: &SubscriptionKey, replaying: Replaying, now: Duration) {
        let mut state = self.cloud.state();
        let state = &mut *state;
        let at = make::at(now);
        let (work, rate) = match replaying {
            Replaying::Since(before, rate) => {
                let since = make::at(Duration::ZERO).max(at - SignedDuration::try_from(before).unwrap());
                let (event_types, building_ref_id, space_ref_id) = (BTreeSet::new(), None, None);
                let window = Window { since, until: at };
                let rate = rate.and_then(|rate| RateLimit::new(rate).ok());
                (Work::Since { window, event_types, building_ref_id, space_ref_id }, rate)
            }
            Replaying::Dead => (Work::Dead { died_before: at }, None),
            Replaying::Newest => {
                let of = state.table.packs.iter().filter(|((tenant, _, _), _)| *tenant == key.tenant);
                let Some(event) = of.flat_map(|(_, events)| events).last() else { return };
                (Work::Event { event_id: event.id.clone() }, None)
            }
        };
        let number = u128::try_from(state.table.jobs.len()).unwrap() + 1;
        let id = JobKey { subscription: key.clone(), id: JobId::from_uuid(uuid::Uuid::from_u128(number)) };
        let job = Job::new(id.clone(), work, rate, at);
        let line = format!("{} is made for {}: {replaying:?}", id.id, key.id);
        state.trace.line(now, format_args!("{line}"));
        state.table.jobs.insert(id.clone(), job);
        let lost = now < state.faults.until && state.rng.f64() < state.faults.lost;
        if !lost {
            state.retries.send_step(now, &JobStep::new(id, 1), Duration::ZERO);
        }
    }

    fn cancel_jobs(&mut self, key: &SubscriptionKey, now: Duration) {
        let mut state = self.cloud.state();
        for job in state.table.jobs.values_mut().filter(|job| job.key.subscription == *key) {
            if !job.state.is_finished() {
                *job = job.ended(JobState::Cancelled, None, make::at(now));
            }
        }
    }

    /// As health does it: where the timer of a backlog is long overdue, it sets another.
    fn health(&mut self, now: Duration) {
        let mut state = self.cloud.state();
        if state.is_sabotaged(Sabotage::TimersLost) {
            return;
        }
        let noted = state.table.tenants.iter().flat_map(|(tenant, overview)| {
            overview.backlogs.iter().map(|id| SubscriptionKey { tenant: tenant.clone(), id: id.clone() })
        });
        let noted: Vec<SubscriptionKey> = noted.collect();
        for key in noted {
            let Some(backlog) = state.table.partition(&key).backlog.clone() else {
                state.watch.violated("ends", format!("{} is noted at its tenant without a backlog", key.id));
                continue;
            };
            if backlog.is_overdue(make::at(now)) {
                let line = format!("health wakes {}", key.id);
                state.trace.line(now, format_args!("{line}"));
                state.retries.send(now, &Wake::now(key), Duration::ZERO);
            }
        }
        let state = &mut *state;
        let is_overdue = |job: &&Job| job.overdue_at().is_some_and(|overdue_at| overdue_at < make::at(now));
        for job in state.table.jobs.values().filter(is_overdue) {
            state.retries.send_step(now, &JobStep::new(job.key.clone(), job.step), Duration::ZERO);
        }
    }
}

/// Invocations at once, at most: `MaximumConcurrency` in the template, and what an account has for events.
fn most_at_once(queue: Queue) -> usize {
    match queue {
        Queue::Events => 200,
        Queue::Retries => 10,
    }
}

fn number_of(queue: Queue) -> u8 {
    match queue {
        Queue::Events => 0,
        Queue::Retries => 1,
    }
}

/// An SQS message of an invocation that was killed comes again after this.
const _: () = assert!(VISIBILITY.as_secs() > TIMEOUT.as_secs());
