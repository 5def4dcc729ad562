//! Replays and resyncs: jobs that send again what somebody asks for. The dispatcher works them off
//! ([`spacehook_domain::job`]).

use super::changes;
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::{JsonBody, OptionalBody};
use crate::fields::{At, Errors, Fields};
use crate::openapi::EventTypeName;
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging, instant};
use crate::ports::ChangeFailed;
use crate::problem::{Kind, Problem};
use crate::reference::{self, location, subscription_in_path};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{AttemptId, EventId, JobId};
use spacehook_domain::job::{Job, JobKey, JobState, JobStep, UNFINISHED_MOST, Work, may_be_sent};
use spacehook_domain::kept_events::{KeptDays, Window};
use spacehook_domain::subscription::{EVENT_TYPES_LIMIT, RateLimit, Subscription};
use spacehook_store::{JobMade, Saved};
use std::collections::BTreeSet;
use std::time::Duration;
use utoipa::ToSchema;

/// How often a cancelling is tried again that met a step of the job.
const TRIES: usize = 10;
/// Buildings that a resync may name, at most.
const BUILDINGS: usize = 100;

operations!(pub(super) create_replay, list_replays, get_replay, cancel_replay, create_resync);

/// What is to be sent again: exactly one of `event_id`, `attempt_id`, `since` and `dead`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReplay {
    /// This event, if it is kept and the subscription lists its type; its other filters do not count.
    pub event_id: Option<String>,
    /// The event of this attempt, in the same way.
    pub attempt_id: Option<String>,
    /// All events that were received then or later, and that the subscription wants as it is now.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<String>,
    /// With `since`: received before; now where it is not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<String>,
    /// With `since`: of these types alone.
    #[schema(value_type = Option<Vec<EventTypeName>>)]
    pub event_types: Option<Vec<String>>,
    /// With `since`: about spaces and groups of sensors of this building alone.
    pub building_ref_id: Option<String>,
    /// With `since`: about spaces of this name alone.
    pub space_ref_id: Option<String>,
    /// True: all deliveries that are dead now.
    pub dead: Option<bool>,
    /// No more are put among what waits in a second. Without it as many as are sent.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_per_second: Option<u32>,
}

/// The spaces whose present state is to be sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResync {
    /// The buildings that they are in; all, where it is not given.
    #[schema(max_items = 100)]
    pub building_ref_ids: Option<Vec<String>>,
    /// `space_report`, `space_availability` or both; those that the subscription lists, where it is not given.
    #[schema(value_type = Option<Vec<EventTypeName>>)]
    pub event_types: Option<Vec<String>>,
    /// No more are put among what waits in a second. Without it as many as are sent.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_per_second: Option<u32>,
}

/// What a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Events or dead deliveries are sent again.
    Replay,
    /// The present state of spaces is sent.
    Resync,
}

/// How it stands with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
pub enum JobStateView {
    /// Nothing of it is done yet.
    Queued,
    /// It is worked off.
    Running,
    /// All is put among what waits.
    Done,
    /// It was cancelled. What had been put among what waits is sent.
    Cancelled,
    /// It can't go on; `failure` says why.
    Failed,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    /// Its id.
    #[schema(example = "job_019c1eb89a1470008000000000000000")]
    pub id: String,
    /// What it is.
    pub kind: JobKind,
    /// How it stands.
    pub state: JobStateView,
    /// Why it can't go on; null unless it failed.
    #[schema(required)]
    pub failure: Option<String>,
    /// The event that it sends; null where it sends others.
    #[schema(required)]
    pub event_id: Option<String>,
    /// The attempt whose event it sends.
    #[schema(required)]
    pub attempt_id: Option<String>,
    /// It sends what was received then or later.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// It sends what was received before.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// It sends these types alone; none means all that the subscription lists.
    #[schema(value_type = Vec<EventTypeName>)]
    pub event_types: Vec<String>,
    /// It sends what is about these buildings alone; none means any.
    pub building_ref_ids: Vec<String>,
    /// It sends what is about spaces of this name alone.
    #[schema(required)]
    pub space_ref_id: Option<String>,
    /// Whether it sends dead deliveries.
    pub dead: bool,
    /// No more are put among what waits in a second; null where as many are as are sent.
    #[schema(required)]
    pub rate_per_second: Option<u32>,
    /// Events, dead deliveries or spaces that were looked at.
    pub examined: u64,
    /// Deliveries that are to be sent.
    pub matched: u64,
    /// Deliveries that were put among what waits.
    pub enqueued: u64,
    /// Deliveries that waited already.
    pub already_waiting: u64,
    /// Spaces that have no state yet: of them nothing is sent.
    pub without_state: u64,
    /// Up to when it has come, where it goes through a time.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub reached: Option<Timestamp>,
    /// Deliveries that wait for the subscription now, be they of this job or not; null in lists.
    #[schema(required)]
    pub waiting: Option<u64>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was begun.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

impl From<JobState> for JobStateView {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::Running => Self::Running,
            JobState::Done => Self::Done,
            JobState::Cancelled => Self::Cancelled,
            JobState::Failed => Self::Failed,
        }
    }
}

impl JobView {
    fn of(job: Job, waiting: Option<u64>) -> Self {
        let reached = job.reached();
        let mut view = Self {
            id: job.key.id.to_string(),
            kind: JobKind::Replay,
            state: job.state.into(),
            failure: job.failure,
            event_id: None,
            attempt_id: None,
            since: None,
            until: None,
            event_types: Vec::new(),
            building_ref_ids: Vec::new(),
            space_ref_id: None,
            dead: false,
            rate_per_second: job.rate_per_second.map(RateLimit::per_second),
            examined: job.counts.examined,
            matched: job.counts.matched,
            enqueued: job.counts.enqueued,
            already_waiting: job.counts.already_waiting,
            without_state: job.counts.without_state,
            reached,
            waiting,
            created_at: job.created_at,
            started_at: job.started_at,
            ended_at: job.ended_at,
        };
        let names = |types: BTreeSet<EventType>| types.iter().map(ToString::to_string).collect();
        match job.work {
            Work::Event { event_id } => view.event_id = Some(event_id.to_string()),
            Work::Attempt { attempt_id, event_id } => {
                view.attempt_id = Some(attempt_id.to_string());
                view.event_id = Some(event_id.to_string());
            }
            Work::Since { window, event_types, building_ref_id, space_ref_id } => {
                (view.since, view.until) = (Some(window.since), Some(window.until));
                view.event_types = names(event_types);
                view.building_ref_ids = building_ref_id.iter().map(ToString::to_string).collect();
                view.space_ref_id = space_ref_id.map(String::from);
            }
            Work::Dead { .. } => view.dead = true,
            Work::Resync { event_types, building_ref_ids } => {
                view.kind = JobKind::Resync;
                view.event_types = names(event_types);
                view.building_ref_ids = building_ref_ids.iter().map(ToString::to_string).collect();
            }
        }
        view
    }
}

const FIELDS: &[&str] = &[
    "event_id",
    "attempt_id",
    "since",
    "until",
    "event_types",
    "building_ref_id",
    "space_ref_id",
    "dead",
    "rate_per_second",
];
/// Of these exactly one says what is sent.
const ONE_OF: [&str; 4] = ["event_id", "attempt_id", "since", "dead"];
/// What goes with `since` alone.
const WITH_SINCE: [&str; 4] = ["until", "event_types", "building_ref_id", "space_ref_id"];

/// What was asked for, before anything of it is looked for.
#[derive(Debug)]
enum Asked {
    Event(EventId),
    Attempt(AttemptId),
    Work(Work),
}

/// How many deliveries a job puts in a second; as many as are sent where there is no limit.
#[derive(Debug, Clone, Copy, Default)]
struct Rate(Option<RateLimit>);

fn rate(fields: &Fields<'_>) -> Option<Rate> {
    fields.optional("rate_per_second", |at| {
        let number = at.whole_number().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        let limit = RateLimit::new(number).map_err(|error| at.refuse::<()>(error.to_string()));
        limit.ok().map(|limit| Rate(Some(limit)))
    })
}

fn read_replay(body: &Value, now: Timestamp, kept: KeptDays) -> Result<(Asked, Rate), Problem> {
    let errors = Errors::default();
    let root = At::root(body, &errors);
    let read = root.fields(FIELDS).and_then(|fields| {
        let is_there = |name: &str| body.get(name).is_some_and(|value| !value.is_null());
        let given: Vec<&str> = ONE_OF.into_iter().filter(|name| is_there(name)).collect();
        if given.len() != 1 {
            return root.refuse(format!("must have exactly one of {}", ONE_OF.join(", ")));
        }
        if given != ["since"] {
            for name in WITH_SINCE.into_iter().filter(|name| is_there(name)) {
                errors.refuse(&format!("/{name}"), "goes with since alone");
            }
        }
        let rate = rate(&fields);
        let asked = match given[0] {
            "event_id" => fields.required("event_id", |at| at.parsed(EventId::parse)).map(Asked::Event),
            "attempt_id" => fields.required("attempt_id", |at| at.parsed(AttemptId::parse)).map(Asked::Attempt),
            "dead" => fields
                .required("dead", |at| {
                    at.boolean()?.then_some(()).or_else(|| at.refuse("must be true, or not be there"))
                })
                .map(|()| Asked::Work(Work::Dead { died_before: now })),
            _ => read_window(&fields, &errors, now, kept).map(Asked::Work),
        };
        Some((asked?, rate?))
    });
    errors.finish(read)
}

fn read_window(fields: &Fields<'_>, errors: &Errors, now: Timestamp, kept: KeptDays) -> Option<Work> {
    let since = fields.required("since", |at| at.parsed(instant));
    let until = fields.optional("until", |at| at.parsed(instant).map(Some));
    let event_types = fields.optional("event_types", |at| at.set(1, EVENT_TYPES_LIMIT, EventType::parse));
    let building_ref_id = fields.optional("building_ref_id", |at| at.parsed(reference::building).map(Some));
    let space_ref_id = fields.optional("space_ref_id", |at| at.parsed(reference::space).map(Some));
    if kept.is_none() {
        errors.refuse("/since", "finds nothing: this deployment keeps no events (its parameter EventsKeptDays is 0)");
        return None;
    }
    // What is received from now on is sent as it comes.
    let window = Window { since: since?, until: until?.unwrap_or(now).min(now) };
    if window.since >= window.until {
        errors.refuse("/since", "must be before until, and in the past");
        return None;
    }
    Some(Work::Since {
        window,
        event_types: event_types?,
        building_ref_id: building_ref_id?,
        space_ref_id: space_ref_id?,
    })
}

/// The events that tell of the state of a space.
const OF_STATE: [EventType; 2] = [EventType::SpaceReport, EventType::SpaceAvailability];

fn read_resync(body: &Value, subscription: &Subscription) -> Result<(Work, Rate), Problem> {
    let errors = Errors::default();
    let listed = |event_type: &EventType| subscription.event_types.contains(event_type);
    let root = At::root(body, &errors);
    let read = root.fields(&["building_ref_ids", "event_types", "rate_per_second"]).and_then(|fields| {
        let building_ref_ids = fields.optional("building_ref_ids", |at| at.set(1, BUILDINGS, reference::building));
        let event_types = fields.optional("event_types", |at| {
            at.set(1, OF_STATE.len(), |text| {
                let found = EventType::parse(text).ok().filter(|event_type| OF_STATE.contains(event_type));
                let found = found.ok_or("must be space_report or space_availability")?;
                if listed(&found) { Ok(found) } else { Err("is not listed by the subscription") }
            })
        });
        let rate = rate(&fields);
        let mut event_types = event_types?;
        if event_types.is_empty() {
            event_types = OF_STATE.into_iter().filter(listed).collect();
        }
        if event_types.is_empty() {
            return root.refuse("the subscription lists neither space_report nor space_availability");
        }
        Some((Work::Resync { event_types, building_ref_ids: building_ref_ids? }, rate?))
    });
    errors.finish(read)
}

fn refused(pointer: &str, detail: &str) -> Problem {
    let errors = Errors::default();
    errors.refuse(pointer, detail);
    Problem::of_errors(errors.into_all())
}

/// What was asked for, if it can be sent.
async fn work(app: &App, subscription: &Subscription, asked: Asked) -> Result<Work, Problem> {
    let (pointer, event_id, work) = match asked {
        Asked::Work(work) => return Ok(work),
        Asked::Event(event_id) => ("/event_id", event_id.clone(), Work::Event { event_id }),
        Asked::Attempt(attempt_id) => {
            let attempt = app.subscriptions.attempt(&subscription.key(), &attempt_id).await?;
            let Some(attempt) = attempt else {
                return Err(refused("/attempt_id", "is no attempt of this subscription"));
            };
            let event_id = attempt.event_id;
            ("/attempt_id", event_id.clone(), Work::Attempt { attempt_id, event_id })
        }
    };
    match app.kept_events.find(&subscription.tenant, &event_id).await? {
        None => Err(refused(pointer, "its event is not kept, or not any more")),
        Some(event) if !may_be_sent(subscription, &event) => {
            Err(refused(pointer, "its event is of a type that the subscription does not list"))
        }
        Some(_) => Ok(work),
    }
}

async fn make(app: &App, subscription: &Subscription, work: Work, Rate(rate): Rate) -> Result<Response, Problem> {
    let key = JobKey { subscription: subscription.key(), id: JobId::from_uuid(app.ordered_id()?) };
    let job = Job::new(key.clone(), work, rate, app.now());
    if app.jobs.create_job(&job).await? == JobMade::TooMany {
        let detail =
            format!("{UNFINISHED_MOST} jobs of the subscription are not finished; wait for one, or cancel it.");
        return Err(Problem::new(Kind::LimitReached, detail));
    }
    let step = JobStep::new(key.clone(), job.step);
    if let Err(failed) = app.timers.step(&step, Duration::ZERO).await {
        let of = &key.subscription;
        tracing::warn!(
            tenant = %of.tenant, subscription = %of.id, job = %key.id, error = %failed,
            "the first step of a job could not be asked for now; health asks for it once it is overdue"
        );
    }
    let location = location(&format!("/v1/subscriptions/{}/replays/{}", subscription.id, key.id));
    let waiting = waiting(app, subscription).await?;
    Ok((StatusCode::ACCEPTED, location, Json(JobView::of(job, Some(waiting)))).into_response())
}

async fn waiting(app: &App, subscription: &Subscription) -> Result<u64, Problem> {
    Ok(app.backlogs.lanes(&subscription.key()).await?.iter().map(|lane| lane.count).sum())
}

fn job_in_path(subscription: &Subscription, text: &str) -> Result<JobKey, Problem> {
    let id = JobId::parse(text).map_err(|_| Problem::not_found("replay"))?;
    Ok(JobKey { subscription: subscription.key(), id })
}

/// Send deliveries again
///
/// A job does it, in the background: `GET` shows how far it has come. Each delivery has the same `webhook-id` as before,
/// and takes its place among those that wait by its `spacehook-sequence`: it is sent though newer events of its space have
/// been. At most 500 deliveries wait while the job puts more. Where the subscription is disabled they wait until it is
/// enabled. At most 5 jobs of a subscription may be unfinished.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/replays", tag = "deliveries", security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "The subscription")),
    request_body = NewReplay,
    responses(
        (status = 202, description = "The job", body = JobView,
            headers(("location" = String, description = "Its path"))),
        (status = 409, description = "There are 5 unfinished jobs", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn create_replay(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let (asked, rate) = read_replay(&body, app.now(), app.events_kept)?;
    let work = work(&app, &subscription, asked).await?;
    make(&app, &subscription, work, rate).await
}

/// Send the present state of spaces
///
/// A job sends the state of each space that the subscription's filters take, as the events that it lists
/// (`space_report`, `space_availability`), at the present `spacehook-sequence` of the space and with an id of their own.
/// Spaces that have no state yet are passed over, and counted. The job is shown and cancelled as a replay is.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/resync", tag = "deliveries", security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "The subscription")),
    request_body = Option<NewResync>,
    responses(
        (status = 202, description = "The job", body = JobView,
            headers(("location" = String, description = "Its path"))),
        (status = 409, description = "There are 5 unfinished jobs", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn create_resync(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let (work, rate) = read_resync(&body, &subscription)?;
    make(&app, &subscription, work, rate).await
}

/// List the replays of a subscription
///
/// Resyncs too; the newest first. They are listed for 30 days.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/replays", tag = "deliveries", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription"), PageParameters),
    responses((status = 200, description = "A page", body = List<JobView>))
)]
async fn list_replays(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
    Paging(page): Paging,
) -> Result<List<JobView>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let page = app.jobs.list_jobs(&subscription.key(), page).await?;
    Ok(List::of(page, |job| JobView::of(job, None)))
}

/// Get a replay
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/replays/{job_id}", tag = "deliveries", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription"), ("job_id" = String, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobView))
)]
async fn get_replay(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path((id, job_id)): Path<(String, String)>,
) -> Result<Json<JobView>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let job = app.jobs.job(&job_in_path(&subscription, &job_id)?).await?;
    let job = job.ok_or_else(|| Problem::not_found("replay"))?;
    Ok(Json(JobView::of(job, Some(waiting(&app, &subscription).await?))))
}

/// Cancel a replay
///
/// Nothing more is put among what waits; what had been is sent, unless the backlog is discarded. One that has ended
/// already is left as it is.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/replays/{job_id}/cancel", tag = "deliveries",
    security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "The subscription"), ("job_id" = String, Path, description = "The job")),
    responses(
        (status = 200, description = "The job as it is now", body = JobView),
        (status = 409, description = "It is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn cancel_replay(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path((id, job_id)): Path<(String, String)>,
) -> Result<Json<JobView>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let key = job_in_path(&subscription, &job_id)?;
    for _ in 0..TRIES {
        let job = app.jobs.job(&key).await?.ok_or_else(|| Problem::not_found("replay"))?;
        let is_over = job.state.is_finished();
        let cancelled = if is_over { job.clone() } else { job.ended(JobState::Cancelled, None, app.now()) };
        if is_over || app.jobs.save_job(&job, &cancelled).await? == Saved::Yes {
            return Ok(Json(JobView::of(cancelled, Some(waiting(&app, &subscription).await?))));
        }
    }
    Err(ChangeFailed::Conflict.into())
}
