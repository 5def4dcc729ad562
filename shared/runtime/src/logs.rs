//! Logs: one JSON object a line, on standard output, where Lambda picks it up.

use tracing_subscriber::EnvFilter;

/// Starts logging at the level that `LOG_LEVEL` names (default `info`).
///
/// What a library logs below a warning is left out: the SDK and the HTTP client log requests, and requests have
/// payloads and credentials.
pub fn init_logging(level: Option<&str>) {
    let level = level.unwrap_or("info");
    let ours =
        ["ingest", "dispatcher", "health", "api", "store", "queues", "credentials", "delivery", "mail", "runtime"];
    let mut filter = EnvFilter::new("warn");
    for name in ours {
        if let Ok(directive) = format!("spacehook_{name}={level}").parse() {
            filter = filter.add_directive(directive);
        }
    }
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .init();
}
