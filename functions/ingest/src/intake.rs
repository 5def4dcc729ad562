//! One message: its readings applied to their spaces and groups of sensors, and what that changed queued.

mod news;

pub(crate) use news::News;

use crate::message::Message;
use crate::placements::{Placement, Placements};
use crate::ports::{Events, Fault, Refused, Spaces, States, Timers};
use crate::profiles::{NoProfile, Profiles};
use crate::remembered::AsOf;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use spacehook_decoding::Sandbox;
use spacehook_domain::event::Event;
use spacehook_domain::hold_timer::HoldTimer;
use spacehook_domain::ids::{ProfileName, SensorId, TenantId};
use spacehook_domain::lifecycle::{self, Lifecycle};
use spacehook_domain::observed::{Observed, ObservedId, ObservedKey};
use spacehook_domain::presence::{Silence, Silences, next_due};
use spacehook_domain::profile::{Origin, Profile};
use spacehook_domain::reading::Reading;
use spacehook_domain::shadow;
use spacehook_domain::space_state::Occasion;
use spacehook_domain::telemetry::{Accepted, TelemetryTopic, read_message};
use spacehook_domain::trace::TraceId;
use spacehook_queues::RefusedTelemetry;
use spacehook_store::{Saved, StoredState, TenantOverview};
use std::collections::BTreeMap;
use std::time::Duration;

/// Spaces and groups of one message that are worked on at the same time.
const CONCURRENT_STATES: usize = 8;
/// How often a state is read and written again when others write it at the same time.
const WRITE_ATTEMPTS: u32 = 40;
/// The step by which the wait between those grows, before it is scattered.
const WRITE_WAIT: Duration = Duration::from_millis(5);
/// The longest of these waits, before it is scattered: together they are some 3 s.
const WRITE_WAIT_LIMIT: Duration = Duration::from_millis(100);
/// Bytes of events that one write of a state carries, about: well below the 400 KB of an item.
const PENDING_BYTES: usize = 100_000;
/// When health sends what could not be queued: after Lambda's own repeats of the invocation.
const REPAIRED_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// When it is looked at at the latest whether they are queued.
const REPAIRED_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// Causes listed of one message, at most.
pub(crate) const CAUSES_LIMIT: usize = 20;

/// What became of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Readings applied.
    pub readings: usize,
    /// Readings refused.
    pub refused: usize,
    /// Readings of sensors that belong to no space.
    pub unassigned: usize,
    /// Events queued.
    pub events: usize,
}

/// A fault that is not the message's: the invocation fails, and Lambda tries it again.
#[derive(Debug, thiserror::Error)]
#[error("the message was not taken in whole and is tried again: {what}")]
pub struct IntakeFault {
    what: &'static str,
    #[source]
    source: Fault,
}

/// The function, with what it needs of the world.
#[derive(Debug)]
pub struct Intake<S, E, R, T> {
    pub(crate) spaces: S,
    events: E,
    refused: R,
    pub(crate) timers: T,
    silences: Silences,
    pub(crate) placements: Placements,
    profiles: Profiles,
}

impl<S: Spaces, E: Events, R: Refused, T: Timers> Intake<S, E, R, T> {
    /// A function that has nothing in memory yet. Sensors may be silent for as long as `silences` say.
    pub fn new(spaces: S, events: E, refused: R, timers: T, silences: Silences) -> Self {
        Self {
            spaces,
            events,
            refused,
            timers,
            silences,
            placements: Placements::default(),
            profiles: Profiles::default(),
        }
    }

    /// Takes a message in.
    ///
    /// What is wrong with the message itself is kept with its causes (and is no error: trying again would not help);
    /// the good readings beside a bad one are applied. An error is a fault of the world, and worth another try. `trace` is
    /// that of the invocation: its events have it.
    pub async fn take(
        &self,
        message: &Message,
        trace: Option<&TraceId>,
        now: Timestamp,
    ) -> Result<Summary, IntakeFault> {
        if lifecycle::is_topic(&message.topic) {
            return self.take_lifecycle(message, trace, now).await;
        }
        if let Some(thing) = shadow::thing(&message.topic) {
            return self.take_shadow(thing, message, trace, now).await;
        }
        let topic = match TelemetryTopic::parse(&message.topic) {
            Ok(topic) => topic,
            Err(error) => return self.refuse_whole(message, error.to_string()).await,
        };
        let tenant = &topic.tenant;
        let likely = self.placements.likely(tenant, &topic.sensor_id);
        let (overview, states) = self.overview(tenant, &likely).await?;
        let as_of = AsOf { tenant, registry_version: overview.registry_version, now };
        let (name, profile) = self.profile(as_of, &topic).await?;
        let origin = Origin { sensor_id: &topic.sensor_id, profile: &name, received_at: message.received_at(now) };
        let read = profile.map_err(|cause| cause.to_string());
        let results = match read.and_then(|profile| read_payload(message, &profile, origin)) {
            Ok(results) => results,
            Err(cause) => {
                self.keep_raw(message, (tenant, &overview), origin, (0, std::slice::from_ref(&cause)), now).await?;
                return self.refuse_whole(message, cause).await;
            }
        };
        let (accepted, causes): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        let causes: Vec<String> =
            causes.into_iter().filter_map(Result::err).map(|refused| refused.to_string()).collect();
        let accepted: Vec<Accepted> = accepted.into_iter().filter_map(Result::ok).collect();
        log_distrusted_clocks(tenant, &accepted);

        let refused = causes.len();
        let taken = accepted.len();
        let silence = self.silences.of(name.as_str());
        let sorted = self.sort(as_of, &overview, accepted).await?;
        let (readings, unassigned) = (sorted.readings, sorted.unassigned);
        let events = self.apply(as_of, &overview, trace, sorted.observed, silence, states).await?;
        self.keep_raw(message, (tenant, &overview), origin, (taken, &causes), now).await?;
        // After the good ones are safe: a fault here repeats the message, which changes nothing for them.
        if refused > 0 {
            self.keep_refused(message, causes).await.map_err(fault("refused readings were not kept"))?;
        }
        Ok(Summary { readings, refused, unassigned, events })
    }

    /// How the messages of a topic are read: as its sensor says, else as the topic does.
    async fn profile(
        &self,
        as_of: AsOf<'_>,
        topic: &TelemetryTopic,
    ) -> Result<(ProfileName, Result<Profile, NoProfile>), IntakeFault> {
        let placement = self.placements.find(&self.spaces, as_of, &topic.sensor_id).await;
        let placement = placement.map_err(fault("a sensor could not be looked up"))?;
        let name = placement.and_then(|placement| placement.profile).unwrap_or_else(|| topic.profile.clone());
        let profile = self.profiles.find(&self.spaces, as_of, &name).await;
        Ok((name, profile.map_err(fault("a profile could not be read"))?))
    }

    /// Takes in the broker's word of a device's connection. That of no sensor of ours is passed over.
    async fn take_lifecycle(
        &self,
        message: &Message,
        trace: Option<&TraceId>,
        now: Timestamp,
    ) -> Result<Summary, IntakeFault> {
        let read = STANDARD.decode(&message.payload_base64).map_err(|error| format!("payload_base64: {error}"));
        let received_at = message.received_at(now);
        let read = read.and_then(|bytes| lifecycle::read(&bytes, received_at).map_err(|error| error.to_string()));
        let Lifecycle { tenant, sensor, report } = match read {
            Ok(Some(lifecycle)) => lifecycle,
            Ok(None) => return Ok(Summary::default()),
            Err(cause) => return self.refuse_whole(message, cause).await,
        };
        let news = News::Link { sensor: &sensor, report, received_at };
        self.take_news(&tenant, &sensor, news, trace, now).await
    }

    /// Takes in what is heard of a sensor that is no reading. Where it belongs to no space it is passed over.
    pub(crate) async fn take_news(
        &self,
        tenant: &TenantId,
        sensor: &SensorId,
        news: News<'_>,
        trace: Option<&TraceId>,
        now: Timestamp,
    ) -> Result<Summary, IntakeFault> {
        let likely = self.placements.likely(tenant, sensor).into_iter().next();
        let (overview, mut states) = self.overview(tenant, likely.as_slice()).await?;
        let as_of = AsOf { tenant, registry_version: overview.registry_version, now };
        let placement = self.placements.find(&self.spaces, as_of, sensor).await;
        let Some(Placement { space, .. }) = placement.map_err(fault("a sensor could not be looked up"))? else {
            return Ok(Summary::default());
        };
        let occasion = Occasion { tenant, of: &space, trace, wanted: &overview.subscribed };
        let events = self.apply_news(occasion, &[news], &overview, now, states.remove(&space.id())).await;
        let events = events.map_err(fault("a state could not be brought up to date"))?;
        Ok(Summary { events, ..Summary::default() })
    }

    pub(crate) async fn refuse_whole(&self, message: &Message, cause: String) -> Result<Summary, IntakeFault> {
        self.keep_refused(message, vec![cause]).await.map_err(fault("a refused message was not kept"))?;
        Ok(Summary { refused: 1, ..Summary::default() })
    }

    async fn keep_refused(&self, message: &Message, mut causes: Vec<String>) -> Result<(), Fault> {
        tracing::warn!(topic = message.topic, refused = causes.len(), cause = causes.first(), "telemetry refused");
        let more = causes.len().saturating_sub(CAUSES_LIMIT);
        causes.truncate(CAUSES_LIMIT);
        if more > 0 {
            causes.push(format!("and {more} more"));
        }
        let refused = RefusedTelemetry {
            causes,
            topic: message.topic.clone(),
            received_at_ms: message.received_at_ms,
            payload_base64: message.payload_base64.clone(),
        };
        self.refused.keep(&refused).await
    }

    /// The tenant's overview, with states that were guessed to be needed.
    pub(crate) async fn overview(
        &self,
        tenant: &TenantId,
        with: &[ObservedId],
    ) -> Result<(TenantOverview, States), IntakeFault> {
        self.spaces.overview(tenant, with).await.map_err(fault("the tenant's item could not be read"))
    }

    /// Applies readings to their spaces and groups, of which some states are read already; how many events that gave.
    async fn apply(
        &self,
        AsOf { tenant, now, .. }: AsOf<'_>,
        overview: &TenantOverview,
        trace: Option<&TraceId>,
        observed: ReadingsByObserved,
        silence: Silence,
        mut states: States,
    ) -> Result<usize, IntakeFault> {
        let work = observed.into_iter().map(|(id, (of, readings))| {
            let read = states.remove(&id);
            async move {
                // What nobody subscribes to is not even made.
                let occasion = Occasion { tenant, of: &of, trace, wanted: &overview.subscribed };
                let mut news: Vec<_> = readings.iter().map(|reading| News::Reading { reading, silence }).collect();
                news.sort_by_key(News::at);
                self.apply_news(occasion, &news, overview, now, read).await
            }
        });
        // Every one is worked on, also after one has failed: a space does not wait for its neighbour.
        let results: Vec<_> = stream::iter(work).buffer_unordered(CONCURRENT_STATES).collect().await;
        let events = results.into_iter().sum::<Result<usize, Fault>>();
        events.map_err(fault("a state could not be brought up to date"))
    }

    /// Sorts readings by what they are of.
    async fn sort(
        &self,
        as_of: AsOf<'_>,
        overview: &TenantOverview,
        accepted: Vec<Accepted>,
    ) -> Result<Sorted, IntakeFault> {
        let mut sorted = Sorted::default();
        let mut unassigned: BTreeMap<SensorId, (u64, Timestamp)> = BTreeMap::new();
        for Accepted { mut reading, .. } in accepted {
            overview.privacy.strip(&mut reading.measurements);
            let found = self.placements.find(&self.spaces, as_of, &reading.sensor_id).await;
            match found.map_err(fault("a sensor could not be looked up"))? {
                Some(placement) => sorted.add(placement, reading),
                None => unassigned.entry(reading.sensor_id).or_insert((0, reading.received_at)).0 += 1,
            }
        }
        let tenant = as_of.tenant;
        for (sensor, (readings, at)) in &unassigned {
            tracing::info!(%tenant, %sensor, readings, "telemetry of a sensor that belongs to no space");
            let recorded = self.spaces.record_unassigned(tenant, sensor, *readings, *at).await;
            recorded.map_err(fault("an unassigned sensor could not be recorded"))?;
        }
        let count = |readings: &u64| usize::try_from(*readings).unwrap_or(usize::MAX);
        sorted.unassigned = unassigned.values().map(|(readings, _)| count(readings)).sum();
        Ok(sorted)
    }

    /// Brings one space or group up to date with news in their order, and with what time made of it before and after; how
    /// many events that gave. Its state may have been read a moment ago: if it was written since, it is read again.
    pub(crate) async fn apply_news(
        &self,
        occasion: Occasion<'_>,
        news: &[News<'_>],
        overview: &TenantOverview,
        now: Timestamp,
        mut read: Option<StoredState>,
    ) -> Result<usize, Fault> {
        let all: Vec<_> = [News::Time(now)].iter().chain(news).chain(&[News::Time(now)]).copied().collect();
        let mut rest = &all[..];
        let (mut events, mut conflicts, mut refreshed) = (0, 0, None);
        while !rest.is_empty() {
            let occasion = Occasion { of: refreshed.as_ref().unwrap_or(occasion.of), ..occasion };
            match self.step(occasion, rest, overview, now, read.take()).await? {
                Step::Done { taken, queued } => {
                    rest = &rest[taken..];
                    events += queued;
                    conflicts = 0;
                }
                Step::Conflict if conflicts < WRITE_ATTEMPTS => {
                    conflicts += 1;
                    tokio::time::sleep(write_wait(conflicts)).await;
                    // Who was faster may be a sensor that has just joined: it is not to be forgotten as one that left.
                    refreshed = Some(self.refreshed(occasion.tenant, occasion.of).await?);
                }
                Step::Conflict => {
                    return Err(format!("state {}: others kept writing it", occasion.of.id()).into());
                }
            }
        }
        Ok(events)
    }

    /// Applies as much as one write carries.
    async fn step(
        &self,
        occasion: Occasion<'_>,
        news: &[News<'_>],
        overview: &TenantOverview,
        now: Timestamp,
        read: Option<StoredState>,
    ) -> Result<Step, Fault> {
        let Occasion { tenant, of, trace, .. } = occasion;
        let id = of.id();
        let stored = match read {
            Some(stored) => stored,
            None => self.spaces.stored_state(tenant, id).await?,
        };
        if stored.version == 0 && of.space().is_none() && self.observed(tenant, &of.key(), id).await?.is_none() {
            // A group, unlike a space, is deleted while its sensors go on: nobody is to hear of it, and nothing to be kept of it.
            return Ok(Step::Done { taken: news.len(), queued: 0 });
        }
        if !stored.pending.is_empty() {
            // Left by a crash between the write and the send: first of all, since it is older than what follows.
            let trace_id = trace.map(TraceId::as_str);
            let events = stored.pending.len();
            let (space_id, sensor_group_id) = (id.space_number(), id.sensor_group_number());
            tracing::warn!(%tenant, space_id, sensor_group_id, events, trace_id, "sending what a crash left");
            self.queue(tenant, id, stored.version, &stored.pending, now).await?;
        }
        let mut state = stored.state.clone();
        if !overview.privacy.keeps_coordinates() {
            state.forget_places();
        }
        let (mut events, mut bytes, mut taken): (Vec<Event>, usize, usize) = (Vec::new(), 0, 0);
        for one in news {
            for event in one.apply(&mut state, occasion) {
                bytes += event.data.to_string().len();
                events.push(event);
            }
            taken += 1;
            if bytes >= PENDING_BYTES {
                break;
            }
        }
        if state == stored.state {
            return Ok(Step::Done { taken, queued: 0 });
        }
        // Before the hold is saved: a crash in between leaves a timer for nothing, and never a hold without one.
        if let Some(until) = state.held_until().filter(|until| stored.state.held_until() != Some(*until)) {
            self.timers.arm(&HoldTimer::new(tenant.clone(), id, until), now).await?;
        }
        // With events that may never be queued, should everything die now, it is looked at within the hour.
        let repair = (!events.is_empty()).then(|| now.checked_add(REPAIRED_WITHIN).unwrap_or(now));
        let due_at = next_due(stored.due_at, state.next_look().into_iter().chain(repair).min(), now);
        match self.spaces.save_state(tenant, id, stored.version, &state, &events, due_at).await? {
            Saved::Conflict => Ok(Step::Conflict),
            Saved::Yes => {
                if !events.is_empty() {
                    self.queue(tenant, id, stored.version + 1, &events, now).await?;
                }
                Ok(Step::Done { taken, queued: events.len() })
            }
        }
    }

    /// The same with the sensors that it has now. One that is gone is left as it was known.
    async fn refreshed(&self, tenant: &TenantId, of: &Observed) -> Result<Observed, Fault> {
        let found = self.observed(tenant, &of.key(), of.id()).await?;
        Ok(found.map_or_else(|| of.clone(), |found| of.observed_by(found.sensor_ids())))
    }

    /// What has this name, if it still is that of this number: else it was deleted, or made anew.
    pub(crate) async fn observed(
        &self,
        tenant: &TenantId,
        key: &ObservedKey,
        id: ObservedId,
    ) -> Result<Option<Observed>, Fault> {
        Ok(self.spaces.observed(tenant, key).await?.filter(|found| found.id() == id))
    }

    /// Sends what was saved as pending. Should that fail, and every repeat of it too, health does it: soon, if it can be
    /// told so, else when the space is due anyway.
    async fn queue(
        &self,
        tenant: &TenantId,
        id: ObservedId,
        version: u64,
        events: &[Event],
        now: Timestamp,
    ) -> Result<(), Fault> {
        if let Err(fault) = self.events.send(events).await {
            let soon = now.checked_add(REPAIRED_AFTER).unwrap_or(now);
            if let Err(error) = self.spaces.set_due(tenant, id, version, soon).await {
                let (space_id, sensor_group_id) = (id.space_number(), id.sensor_group_number());
                tracing::warn!(%tenant, space_id, sensor_group_id, %error, "unsent events are due no sooner for it");
            }
            return Err(fault);
        }
        self.spaces.clear_pending(tenant, id, version).await
    }
}

/// Half to one and a half of the wait that is due: those who met must not meet again.
fn write_wait(conflicts: u32) -> Duration {
    let mut scatter = [128];
    // Where there is no randomness they may meet again, which costs another try.
    let _ = getrandom::fill(&mut scatter);
    (WRITE_WAIT * conflicts).min(WRITE_WAIT_LIMIT) * (128 + u32::from(scatter[0])) / 256
}

/// Readings by what they are of.
#[derive(Debug, Default)]
struct Sorted {
    /// Readings of sensors that belong to a space.
    readings: usize,
    /// Those of sensors that do not.
    unassigned: usize,
    /// Each space and each group, with the readings of its sensors.
    observed: ReadingsByObserved,
}

type ReadingsByObserved = BTreeMap<ObservedId, (Observed, Vec<Reading>)>;

impl Sorted {
    fn add(&mut self, placement: Placement, reading: Reading) {
        self.readings += 1;
        for group in placement.groups {
            let mut reading = reading.clone();
            // Nothing that is told of a group says where people are.
            reading.measurements.forget_places();
            self.push(group, reading);
        }
        self.push(placement.space, reading);
    }

    fn push(&mut self, of: Observed, reading: Reading) {
        self.observed.entry(of.id()).or_insert_with(|| (of, Vec::new())).1.push(reading);
    }
}

enum Step {
    Done { taken: usize, queued: usize },
    Conflict,
}

pub(crate) fn fault(what: &'static str) -> impl FnOnce(Fault) -> IntakeFault {
    move |source| IntakeFault { what, source }
}

type Results = Vec<Result<Accepted, spacehook_domain::telemetry::RefusedReading>>;

fn read_payload(message: &Message, profile: &Profile, origin: Origin<'_>) -> Result<Results, String> {
    let bytes = STANDARD.decode(&message.payload_base64).map_err(|error| format!("payload_base64: {error}"))?;
    let read = read_message(&bytes, profile, origin, &Sandbox).map_err(|error| error.to_string())?;
    Ok(read.readings)
}

fn log_distrusted_clocks(tenant: &TenantId, accepted: &[Accepted]) {
    for Accepted { reading, clock } in accepted {
        if let Some(clock) = clock {
            let sensor = &reading.sensor_id;
            tracing::warn!(%tenant, %sensor, ?clock, "the sensor's clock can't be believed; the arrival time is used");
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
