//! What is recorded of a subscription's deliveries: its statistics.

use super::changes;
use crate::App;
use crate::auth::{Allowed, Reads};
use crate::operations::operations;
use crate::problem::Problem;
use crate::reference::subscription_in_path;
use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
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

operations!(pub(super) get_stats);

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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
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
    /// Successes divided by attempts, 0 to 1; null where there were no attempts.
    #[schema(required)]
    pub success_rate: Option<f64>,
    /// Failures divided by attempts, 0 to 1; null where there were no attempts.
    #[schema(required)]
    pub failure_rate: Option<f64>,
    /// How long attempts took.
    pub latency_ms: QuantilesView,
}

impl From<&Counts> for TotalsView {
    fn from(counts: &Counts) -> Self {
        Self {
            attempts: counts.attempts,
            successes: counts.successes,
            failures: counts.failures,
            failure_rate: rate(counts.failures, counts.attempts),
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

/// A part of all; none of none.
fn rate(part: u64, all: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of attempts are far below 2^52")]
    let rate = part as f64 / all as f64;
    (all > 0).then_some(rate)
}

fn bucket_view(start_s: i64, counts: &Counts) -> BucketView {
    BucketView {
        start: Timestamp::from_second(start_s).unwrap_or(Timestamp::MIN),
        attempts: counts.attempts,
        successes: counts.successes,
        failures: counts.failures,
        success_rate: rate(counts.successes, counts.attempts),
        failure_rate: rate(counts.failures, counts.attempts),
        latency_ms: (&counts.latency).into(),
    }
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
