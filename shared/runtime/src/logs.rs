//! Logs: one JSON object a line, on standard output, where Lambda picks it up.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The functions: their crates log as libraries (`spacehook_…`) and as the binaries that wire them.
const FUNCTIONS: [&str; 4] = ["ingest", "dispatcher", "health", "api"];
/// The adapters' crates, without their `spacehook_`.
const ADAPTERS: [&str; 6] = ["store", "queues", "credentials", "delivery", "mail", "runtime"];

/// Starts logging at the level that `LOG_LEVEL` names (default `info`).
///
/// What a library logs below a warning is left out: the SDK and the HTTP client log requests, and requests have
/// payloads and credentials.
pub fn init_logging(level: Option<&str>) {
    let level = level.and_then(|name| name.parse().ok()).unwrap_or(LevelFilter::INFO);
    let ours = FUNCTIONS.iter().chain(&ADAPTERS).map(|name| format!("spacehook_{name}"));
    let targets = ours.chain(FUNCTIONS.map(str::to_owned)).map(|target| (target, level));
    let filter = Targets::new().with_default(LevelFilter::WARN).with_targets(targets);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false);
    tracing_subscriber::registry().with(filter).with(lines).init();
}
