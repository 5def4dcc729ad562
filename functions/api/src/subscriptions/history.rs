//! What is recorded of a subscription's deliveries: its attempts and its statistics.

use super::changes;
use crate::App;
use crate::auth::{Allowed, Reads};
use crate::openapi::EventTypeName;
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::Problem;
use crate::reference::subscription_in_path;
use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::failure::FailureReason;
use spacehook_domain::stats::{BUCKET_S, Bucket, BucketStart, Counts, Dropped, Histogram};
use spacehook_domain::subscription::Subscription;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How far back statistics go.
const WINDOW_S: i64 = 24 * 3_600;
/// Reasons of failures shown, at most.
const TOP_REASONS: usize = 10;
/// Seconds from one bucket to the next.
const STEP: usize = 900;
const _: () = assert!(BUCKET_S == 900, "buckets and the steps between them");

operations!(pub(super) list_attempts, get_stats);

/// One HTTP request of a delivery.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptView {
    /// The event: `webhook-id` of the request.
    pub event_id: String,
    /// Its type.
    #[schema(value_type = EventTypeName)]
    pub event_type: String,
    /// The trace of what caused the event: the same in `traceparent` of the request, and in the logs. Null where there was
    /// none.
    #[schema(required, example = "5759e988bd862e3fe1be46a994272793")]
    pub trace_id: Option<String>,
    /// 1 for the first attempt of the delivery.
    pub number: u32,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// From its start to its end.
    pub duration_ms: u64,
    /// From the sensor's observation to the end of the attempt.
    pub freshness_ms: u64,
    /// Whether the receiver accepted: a 2xx within 5 s.
    pub accepted: bool,
    /// The receiver's HTTP status; null where there was no answer.
    #[schema(required)]
    pub status: Option<u16>,
    /// Why it failed; null where it did not.
    #[schema(required)]
    pub reason: Option<ReasonView>,
    /// The first KiB of the answer to a failed attempt.
    #[schema(required)]
    pub answer: Option<String>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FailureReason)]
pub struct ReasonView {
    /// Stable name.
    #[schema(example = "http_503")]
    pub key: String,
    /// It in words.
    #[schema(example = "HTTP 503")]
    pub text: String,
    /// What it means.
    pub meaning: String,
    /// What can be done about it.
    pub remedy: String,
}

impl From<&FailureReason> for ReasonView {
    fn from(reason: &FailureReason) -> Self {
        Self {
            key: reason.key(),
            text: reason.to_string(),
            meaning: reason.what_it_means().to_owned(),
            remedy: reason.how_to_fix().to_owned(),
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        let (accepted, status, reason, answer) = match attempt.outcome {
            Outcome::Accepted { status } => (true, Some(status), None, None),
            Outcome::Failed { reason, status, answer } => (false, status, Some(ReasonView::from(&reason)), answer),
        };
        Self {
            event_id: attempt.event_id.to_string(),
            event_type: attempt.event_type.to_string(),
            trace_id: attempt.trace_id.map(String::from),
            number: attempt.number.0,
            started_at: attempt.started_at,
            duration_ms: attempt.duration_ms,
            freshness_ms: attempt.freshness_ms,
            accepted,
            status,
            reason,
            answer,
        }
    }
}

/// Statistics of the last 24 hours, in quarters of an hour.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Stats)]
pub struct StatsView {
    /// Start of the first bucket: the one that holds the instant 24 hours ago.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Now.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// All attempts of the window.
    pub totals: TotalsView,
    /// Those since the subscription was last enabled: what decides whether it is disabled for failing. Null where it is
    /// disabled.
    #[schema(required)]
    pub since_enabled: Option<TotalsView>,
    /// Deliveries of the window that were not made, or not yet, by cause.
    pub dropped: DroppedView,
    /// The most frequent reasons of failures.
    pub top_reasons: Vec<CountedReason>,
    /// How long attempts took.
    pub latency_ms: QuantilesView,
    /// From observation to acceptance, of accepted attempts.
    pub freshness_ms: QuantilesView,
    /// Every quarter of an hour of the window, the oldest first.
    pub buckets: Vec<BucketView>,
}

/// Counts of attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Totals)]
pub struct TotalsView {
    /// All attempts.
    pub attempts: u64,
    /// Those that the receiver accepted.
    pub successes: u64,
    /// All others.
    pub failures: u64,
    /// Failures divided by attempts, 0 to 1; null where there were no attempts.
    #[schema(required)]
    pub failure_rate: Option<f64>,
}

/// Deliveries that were not made, or not yet, by cause: none is missing silently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Dropped)]
pub struct DroppedView {
    /// A newer one of the same event type and space stood for it.
    pub superseded: u64,
    /// It waited for longer than deliveries are kept. It is listed among the dead.
    pub expired: u64,
    /// More of its space waited than is kept. It is listed among the dead.
    pub backlog_full: u64,
    /// The subscription's owner discarded it.
    pub discarded: u64,
    /// It was given up after failed attempts. It is listed among the dead.
    pub dead: u64,
}

/// A reason and how often it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountedReason {
    /// The reason.
    #[serde(flatten)]
    pub reason: ReasonView,
    /// How often.
    pub count: u64,
}

/// Two quantiles, as upper bounds: at least this part of the values is at most this long. Null where there are no values,
/// or they are over an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Quantiles)]
pub struct QuantilesView {
    /// Half of the values.
    #[schema(required)]
    pub p50: Option<u64>,
    /// 95 of 100 values.
    #[schema(required)]
    pub p95: Option<u64>,
}

/// A quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Bucket)]
pub struct BucketView {
    /// When it starts.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// All attempts.
    pub attempts: u64,
    /// Those that the receiver accepted.
    pub successes: u64,
    /// All others.
    pub failures: u64,
}

impl From<&Counts> for TotalsView {
    fn from(counts: &Counts) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of attempts are far below 2^52")]
        let rate = |counts: &Counts| counts.failures as f64 / counts.attempts as f64;
        Self {
            attempts: counts.attempts,
            successes: counts.successes,
            failures: counts.failures,
            failure_rate: (counts.attempts > 0).then(|| rate(counts)),
        }
    }
}

impl From<&Counts> for DroppedView {
    fn from(counts: &Counts) -> Self {
        let count = |cause| counts.dropped.get(&cause).copied().unwrap_or_default();
        Self {
            superseded: count(Dropped::Superseded),
            expired: count(Dropped::Expired),
            backlog_full: count(Dropped::BacklogFull),
            discarded: count(Dropped::Discarded),
            dead: count(Dropped::Dead),
        }
    }
}

impl From<&Histogram> for QuantilesView {
    fn from(histogram: &Histogram) -> Self {
        Self { p50: histogram.quantile_ms(0.5), p95: histogram.quantile_ms(0.95) }
    }
}

impl StatsView {
    /// The statistics of these buckets, all of the window that ends now.
    fn of(subscription: &Subscription, buckets: &[Bucket], now: Timestamp) -> Self {
        let mut series: BTreeMap<i64, Counts> = BTreeMap::new();
        let from = window_start(now);
        for start_s in (from.start().as_second()..=now.as_second()).step_by(STEP) {
            series.insert(start_s, Counts::default());
        }
        let (mut totals, mut current) = (Counts::default(), Counts::default());
        for bucket in buckets {
            totals.merge(&bucket.counts);
            series.entry(bucket.start.start().as_second()).or_default().merge(&bucket.counts);
            if bucket.enabled_since == subscription.activity.since() {
                current.merge(&bucket.counts);
            }
        }
        Self {
            from: from.start(),
            to: now,
            since_enabled: subscription.activity.is_enabled().then(|| (&current).into()),
            dropped: (&totals).into(),
            top_reasons: totals.top_reasons(TOP_REASONS).into_iter().map(counted).collect(),
            latency_ms: (&totals.latency).into(),
            freshness_ms: (&totals.freshness).into(),
            totals: (&totals).into(),
            buckets: series.iter().map(|(start_s, counts)| bucket_view(*start_s, counts)).collect(),
        }
    }
}

fn window_start(now: Timestamp) -> BucketStart {
    // A day before a time that the clock gave is a time.
    BucketStart::holding(Timestamp::from_second(now.as_second() - WINDOW_S).unwrap_or(Timestamp::MIN))
}

fn counted((key, count): (&str, u64)) -> CountedReason {
    let unknown = || ReasonView {
        key: key.to_owned(),
        text: key.to_owned(),
        meaning: "A reason that this release does not know.".to_owned(),
        remedy: String::new(),
    };
    CountedReason { reason: FailureReason::from_key(key).map_or_else(unknown, |reason| (&reason).into()), count }
}

fn bucket_view(start_s: i64, counts: &Counts) -> BucketView {
    BucketView {
        start: Timestamp::from_second(start_s).unwrap_or(Timestamp::MIN),
        attempts: counts.attempts,
        successes: counts.successes,
        failures: counts.failures,
    }
}

/// List the attempts of a subscription
///
/// The newest first; kept for 7 days.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/attempts", tag = "deliveries", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription"), PageParameters),
    responses((status = 200, description = "A page", body = List<AttemptView>))
)]
async fn list_attempts(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
    Paging(page): Paging,
) -> Result<Json<List<AttemptView>>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let page = app.subscriptions.attempts(&subscription.tenant, &subscription.id, page).await?;
    Ok(Json(List::of(page, AttemptView::from)))
}

/// Get the statistics of a subscription
///
/// Of the last 24 hours, to a quarter of an hour.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/stats", tag = "deliveries", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription")),
    responses((status = 200, description = "The statistics", body = StatsView))
)]
async fn get_stats(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
) -> Result<Json<StatsView>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let now = app.now();
    let buckets = app.subscriptions.buckets(&subscription.tenant, &subscription.id, window_start(now)).await?;
    Ok(Json(StatsView::of(&subscription, &buckets, now)))
}
