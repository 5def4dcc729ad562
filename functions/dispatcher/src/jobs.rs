//! Jobs: steps that put deliveries among those that wait, because somebody asked for them.
//!
//! A step works for some seconds, a part at a time, and ends by setting the next. Each part is one transaction with the
//! note of how far the job came: a step that is repeated finds the note, and one that another overtook finds that the job
//! is not as it read it. What is put is sent by the runs of the backlog ([`crate::running`]).

use crate::batch::{Content, Message};
use crate::delivering::{Dispatcher, cause, told};
use crate::keeping::{TRIES, number_of};
use crate::ports::{Advanced, Changed, Fault, Standing, World};
use crate::report::Served;
use crate::running::LAST_PART;
use futures::FutureExt as _;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::backlog::{Change, Dead, KeptKey, held};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::TenantId;
use spacehook_domain::job::{Job, JobCounts, JobState, JobStep, Progress, WAITING_MOST, Work};
use spacehook_domain::kept_events::Position;
use spacehook_domain::place::Space;
use spacehook_domain::space_state::{Occasion, SpaceState};
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::Subscription;
use spacehook_domain::wake::Wake;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// How long a step works, about.
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// Deliveries of a part, at most. Each may have a lane of its own, and a transaction has 100 items.
const PART: usize = 40;
/// The same of dead deliveries, each of which is deleted, too.
const PART_OF_DEAD: usize = 25;
/// Spaces of a part, at most: two deliveries each.
const PART_OF_SPACES: usize = 20;
/// Bytes of a part's events, about, at most: a transaction has 4 MB.
const PART_BYTES: usize = 1_000_000;
/// Kept events that a part looks at, at most.
const EXAMINED: usize = 200;
/// From one step to the next, at least: SQS counts delays in whole seconds, and rates of jobs are by the second.
const BETWEEN: Duration = Duration::from_secs(1);
/// When a run looks at what was put should the step die before it asks for one.
const LATER: Duration = Duration::from_mins(1);
/// The first wait after a change that another overtook.
const AFTER_A_CONFLICT: Duration = Duration::from_millis(10);
/// A job whose step failed so often can't go on.
const FAULTS_LIMIT: u32 = 8;

/// What a part of a job found.
#[derive(Debug)]
struct Found {
    /// What is to be sent.
    events: Vec<Event>,
    /// The dead deliveries that these are.
    dead: Vec<Dead>,
    counts: JobCounts,
    progress: Progress,
    /// Whether there is no more.
    is_all: bool,
}

/// What came of a part.
enum Part {
    /// It is done, and noted: the job as it is now, and how many deliveries were put.
    Done { job: Box<Job>, put: usize, is_all: bool },
    /// The job is not as it was read: another step is made, or it was cancelled.
    Overtaken,
}

impl<W: World> Dispatcher<W> {
    /// Makes the steps that a batch asks for.
    pub(crate) async fn make_steps(&self, messages: &[Message], deadline: Timestamp) -> Vec<Served> {
        let each = messages.iter().enumerate().filter_map(|(place, message)| match &message.content {
            Content::Step(step) => Some(self.guarded_step(place, message, step, deadline)),
            Content::Event(_) | Content::Share(_) | Content::Wake(_) | Content::Poison(_) => None,
        });
        join_all(each).await
    }

    async fn guarded_step(&self, place: usize, message: &Message, step: &JobStep, deadline: Timestamp) -> Served {
        let of = &step.job.subscription;
        let made = AssertUnwindSafe(self.step(step, deadline)).catch_unwind().await;
        let said = match made {
            Ok(Ok(())) => return Served::default(),
            Ok(Err(fault)) => match cause(&fault) {
                Some(cause) => format!("{fault}: {cause}"),
                None => fault.to_string(),
            },
            Err(panic) => told(panic.as_ref()).to_owned(),
        };
        let job = &step.job.id;
        tracing::error!(tenant = %of.tenant, subscription = %of.id, %job, error = said, "a step of a job failed");
        if message.receipt.times >= FAULTS_LIMIT && self.give_up(step).await.is_ok() {
            return Served::default();
        }
        Served { give_back: [place].into(), ..Served::default() }
    }

    /// Ends a job whose step fails again and again.
    async fn give_up(&self, step: &JobStep) -> Result<(), Fault> {
        let Some(job) = self.world.job(&step.job).await? else { return Ok(()) };
        if job.state.is_finished() || job.has_outlived(step.step) {
            return Ok(());
        }
        self.end(&job, JobState::Failed, Some("its step failed again and again; the log says why")).await
    }

    async fn step(&self, step: &JobStep, deadline: Timestamp) -> Result<(), Fault> {
        let Some(mut job) = self.world.job(&step.job).await? else { return Ok(()) };
        if job.state.is_finished() || job.has_outlived(step.step) {
            return Ok(());
        }
        let key = job.key.subscription.clone();
        let Some(subscription) = self.world.subscription(&key).await? else {
            return self.end(&job, JobState::Failed, Some("the subscription has been deleted")).await;
        };
        let until = (self.world.now() + STEP).min(deadline - LAST_PART);
        let waiting: u64 = self.world.lanes(&key).await?.iter().map(|lane| lane.count).sum();
        let rate = job.rate_per_second.map_or(u64::MAX, |rate| u64::from(rate.per_second()));
        let room = usize::try_from(WAITING_MOST.saturating_sub(waiting).min(rate)).unwrap_or(usize::MAX);
        let (mut left, mut is_all, mut is_waking) = (room, false, false);
        while left > 0 && !is_all && self.world.now() < until {
            let found = self.find(&subscription, &job, left).await?;
            if !found.events.is_empty() && !is_waking {
                // Before the change that needs it: one that comes for nothing does no harm.
                self.world.wake(&Wake::now(key.clone()), LATER).await?;
                is_waking = true;
            }
            match self.put(&subscription, &job, &found).await? {
                Part::Overtaken => return self.wake_for(&subscription, is_waking).await,
                Part::Done { job: noted, put, is_all: was_all } => {
                    (job, is_all) = (*noted, was_all);
                    left = left.saturating_sub(put);
                }
            }
        }
        // Also while it is disabled, since it may be enabled just now: a run for nothing costs little.
        self.wake_for(&subscription, is_waking).await?;
        if is_all {
            return self.end(&job, JobState::Done, None).await;
        }
        let has_room = room > 0;
        let wait = if has_room { BETWEEN } else { job.wait_for_room(subscription.activity.is_enabled()) };
        let next = job.waiting(wait, !has_room, self.world.now());
        // The next step first: without it the job would stand still.
        self.world.next_step(&JobStep::new(next.key.clone(), next.step), wait).await?;
        // In conflict it was cancelled, or this step is made twice.
        self.world.save_job(&job, &next).await.map(drop)
    }

    async fn wake_for(&self, subscription: &Subscription, is_put: bool) -> Result<(), Fault> {
        if is_put {
            self.world.wake(&Wake::now(subscription.key()), BETWEEN).await?;
        }
        Ok(())
    }

    async fn end(&self, job: &Job, state: JobState, failure: Option<&str>) -> Result<(), Fault> {
        let ended = job.ended(state, failure.map(str::to_owned), self.world.now());
        if self.world.save_job(job, &ended).await? == Changed::Yes {
            let of = &job.key.subscription;
            tracing::info!(
                tenant = %of.tenant, subscription = %of.id, job = %job.key.id, ?state, enqueued = ended.counts.enqueued,
                "a job has ended"
            );
        }
        Ok(())
    }

    /// Looks for what the job sends next, at most so many deliveries.
    async fn find(&self, subscription: &Subscription, job: &Job, room: usize) -> Result<Found, Fault> {
        match &job.work {
            Work::Event { event_id } | Work::Attempt { event_id, .. } => {
                let event = self.world.kept_event(&subscription.tenant, event_id).await?;
                let events: Vec<Event> =
                    event.into_iter().filter(|event| job.work.takes(subscription, event)).collect();
                Ok(Found::of(events, 1, job.progress.clone(), true))
            }
            Work::Since { window, .. } => {
                let start = || Position::start(*window);
                let position = match &job.progress {
                    Progress::Events(position) => position.clone(),
                    Progress::Nothing | Progress::Dead { .. } | Progress::Spaces(_) => start(),
                };
                let scanned = self.world.kept_events(&subscription.tenant, *window, &position, EXAMINED).await?;
                let (mut events, mut examined, mut bytes) = (Vec::new(), 0, 0);
                for event in scanned.events() {
                    if events.len() >= room.min(PART) || bytes > PART_BYTES {
                        break;
                    }
                    examined += 1;
                    if job.work.takes(subscription, event) {
                        bytes += event.data.to_string().len();
                        events.push(event.clone());
                    }
                }
                let next = scanned.position_after(examined);
                let is_all = next.is_none();
                let progress = Progress::Events(next.unwrap_or(Position { from: window.until, after: None }));
                Ok(Found::of(events, examined, progress, is_all))
            }
            Work::Dead { died_before } => self.find_dead(subscription, job, *died_before, room).await,
            Work::Resync { event_types, .. } => self.find_states(subscription, job, event_types, room).await,
        }
    }

    async fn find_dead(
        &self,
        subscription: &Subscription,
        job: &Job,
        died_before: Timestamp,
        room: usize,
    ) -> Result<Found, Fault> {
        let after = match &job.progress {
            Progress::Dead { died_at, event_id } => Some((*died_at, event_id)),
            Progress::Nothing | Progress::Events(_) | Progress::Spaces(_) => None,
        };
        let most = room.min(PART_OF_DEAD);
        let mut dead = self.world.oldest_dead(&subscription.key(), after, died_before, most).await?;
        let is_all = dead.len() < most;
        let mut bytes = 0;
        let too_many = dead.iter().position(|dead| {
            bytes += dead.event.data.to_string().len();
            bytes > PART_BYTES
        });
        let is_cut = too_many.is_some_and(|place| place > 0);
        dead.truncate(too_many.unwrap_or(dead.len()).max(1));
        let progress = dead.last().map_or(job.progress.clone(), |last| Progress::Dead {
            died_at: last.died_at,
            event_id: last.event.id.clone(),
        });
        let events = dead.iter().map(|dead| dead.event.clone()).collect();
        Ok(Found { dead, ..Found::of(events, 0, progress, is_all && !is_cut) }.examining_its_events())
    }

    async fn find_states(
        &self,
        subscription: &Subscription,
        job: &Job,
        event_types: &BTreeSet<EventType>,
        room: usize,
    ) -> Result<Found, Fault> {
        let after = match &job.progress {
            Progress::Spaces(after) => Some(after.as_str()),
            Progress::Nothing | Progress::Events(_) | Progress::Dead { .. } => None,
        };
        let most = (room / 2).clamp(1, PART_OF_SPACES);
        let (spaces, next) = self.world.spaces(&subscription.tenant, after, most).await?;
        let (mut events, mut without_state) = (Vec::new(), 0);
        for (space, state) in &spaces {
            without_state += u64::from(state.observed_at().is_none());
            for event_type in event_types {
                let event = present(&subscription.tenant, job, (space, state), *event_type);
                events.extend(event.filter(|event| job.work.takes(subscription, event)));
            }
        }
        let is_all = next.is_none();
        let progress = next.map_or(job.progress.clone(), Progress::Spaces);
        let mut found = Found::of(events, spaces.len(), progress, is_all);
        found.counts.without_state = without_state;
        Ok(found)
    }

    /// Puts what was found among what waits, and notes it.
    async fn put(&self, subscription: &Subscription, job: &Job, found: &Found) -> Result<Part, Fault> {
        let key = subscription.key();
        let mut dead = found.dead.clone();
        for tries in 1..=TRIES {
            let (waiting, standing) = self.what_waits(subscription, &found.events).await?;
            let now = self.world.now();
            let mut put: BTreeMap<KeptKey, Event> = BTreeMap::new();
            for event in found.events.iter().filter(|event| !waiting.contains(&KeptKey::of(event))) {
                put.insert(KeptKey::of(event), event.clone());
            }
            let put: Vec<Event> = put.into_values().collect();
            let mut change = Change::of(key.clone());
            if !put.is_empty() {
                if subscription.activity.is_enabled()
                    && let Some(backlog) = held(standing.backlog.as_ref(), now)
                {
                    change.set_backlog(standing.backlog.as_ref(), backlog);
                }
                let firsts = self.firsts(subscription, &standing).await?;
                change.put_again(&put, &standing.lanes, &firsts, now);
            }
            let mut counts = found.counts;
            counts.enqueued = number_of(put.len());
            counts.already_waiting = number_of(found.events.len() - put.len());
            let noted = job.advanced(found.progress.clone(), counts, now);
            match self.world.advance_job(job, &noted, &change, &dead).await? {
                Advanced::Yes => {
                    return Ok(Part::Done { job: Box::new(noted), put: put.len(), is_all: found.is_all });
                }
                Advanced::Overtaken => return Ok(Part::Overtaken),
                // Somebody has had one of them wait meanwhile, by itself. It waits, so it does no harm here.
                Advanced::Gone => dead = self.still_dead(subscription, job, &dead).await?,
                Advanced::Conflict => {}
            }
            // Those who met here must not meet again.
            self.world.sleep(AFTER_A_CONFLICT.mul_f64(f64::from(tries) * (1.0 + 0.9 * self.world.jitter()))).await;
        }
        Err("other writers kept changing the backlog".into())
    }

    /// Which of these deliveries wait already, and the backlog with the lanes of all.
    async fn what_waits(
        &self,
        subscription: &Subscription,
        events: &[Event],
    ) -> Result<(BTreeSet<KeptKey>, Standing), Fault> {
        if events.is_empty() {
            return Ok((BTreeSet::new(), Standing::default()));
        }
        // The lanes first: a delivery that comes after them changes its lane.
        let standing = self.standing(subscription, events.iter().map(Event::stream)).await?;
        let places = events.iter().map(KeptKey::of).collect();
        Ok((self.world.waiting_among(&subscription.key(), &places).await?, standing))
    }

    /// What is first in those lanes that remember how their first fared.
    async fn firsts(
        &self,
        subscription: &Subscription,
        standing: &Standing,
    ) -> Result<BTreeMap<Stream, KeptKey>, Fault> {
        let mut firsts = BTreeMap::new();
        for lane in standing.lanes.iter().filter(|lane| lane.has_history()) {
            let first = self.world.waiting(&subscription.key(), lane.stream, 1).await?;
            firsts.extend(first.first().map(|kept| (lane.stream, KeptKey::of(&kept.event))));
        }
        Ok(firsts)
    }

    /// Those of the dead deliveries of a part that are listed still.
    async fn still_dead(&self, subscription: &Subscription, job: &Job, of: &[Dead]) -> Result<Vec<Dead>, Fault> {
        let Work::Dead { died_before } = job.work else { return Ok(Vec::new()) };
        let after = match &job.progress {
            Progress::Dead { died_at, event_id } => Some((*died_at, event_id)),
            Progress::Nothing | Progress::Events(_) | Progress::Spaces(_) => None,
        };
        let listed = self.world.oldest_dead(&subscription.key(), after, died_before, PART_OF_DEAD).await?;
        Ok(of.iter().filter(|one| listed.contains(one)).cloned().collect())
    }
}

impl Found {
    fn of(events: Vec<Event>, examined: usize, progress: Progress, is_all: bool) -> Self {
        let counts =
            JobCounts { examined: number_of(examined), matched: number_of(events.len()), ..JobCounts::default() };
        Self { events, dead: Vec::new(), counts, progress, is_all }
    }

    /// The same, where each that was looked at is to be sent.
    fn examining_its_events(mut self) -> Self {
        self.counts.examined = self.counts.matched;
        self
    }
}

/// The present state of a space as an event of a job: its id follows from the job, so that a repeated step makes the same.
fn present(
    tenant: &TenantId,
    job: &Job,
    (space, state): (&Space, &SpaceState),
    event_type: EventType,
) -> Option<Event> {
    let wanted = &[event_type].into();
    let of = &space.clone().into();
    let occasion = Occasion { tenant, of, trace: None, wanted };
    let id = |stream, sequence| Event::id_of_resync(&job.key.id, stream, event_type, sequence, job.created_at);
    state.as_event(occasion, event_type, job.created_at, id)
}
