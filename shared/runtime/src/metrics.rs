//! Metrics: what an invocation has to say in numbers, in CloudWatch's embedded metric format (EMF).
//!
//! EMF is a line of JSON on standard output, beside the logs, out of which CloudWatch makes metrics: no request is sent
//! and nothing is waited for. An invocation writes one line, one more for each value of a further dimension, and one more
//! for each hundred durations beyond the first hundred. What is 0 is left out, and an invocation of which nothing is to be
//! said writes nothing.
//!
//! Every line has the dimensions `Stage` and `Function`. A metric may have one more, of few and fixed values (see
//! [`Measurements::add_by`]): each value of a dimension is a metric that is paid for. So tenants, subscriptions and
//! sensors are never dimensions; what they do is in the statistics of the API and in the logs. What identifies one
//! invocation is in the line as a property, which costs nothing and can be searched for.
//!
//! A line also has a `level` and a `timestamp`, since Lambda, told to keep only lines of some level, takes a line without
//! them to be of level `INFO` and drops it where that is too little. Its level is that of the function's own logs, so it is
//! always kept.

use crate::now;
use ::metrics::{Label, Unit};
use metrics_cloudwatch_embedded::{Builder, Collector};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Spacehook";
/// Durations of one metric in one line, at most: CloudWatch's limit.
const VALUES_OF_A_LINE: usize = 100;

/// The name of a metric, and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    name: &'static str,
    is_duration: bool,
}

impl Metric {
    /// A metric of things that are counted.
    pub const fn count(name: &'static str) -> Self {
        Self { name, is_duration: false }
    }

    /// A metric of durations in milliseconds.
    pub const fn milliseconds(name: &'static str) -> Self {
        Self { name, is_duration: true }
    }

    fn unit(self) -> Unit {
        if self.is_duration { Unit::Milliseconds } else { Unit::Count }
    }
}

/// A further dimension of a metric: its name and its value.
type Dimension = (&'static str, String);

/// What was measured in one invocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measurements {
    counts: BTreeMap<(Metric, Option<Dimension>), u64>,
    values: BTreeMap<Metric, Vec<u64>>,
}

impl Measurements {
    /// Adds to a count.
    #[must_use]
    pub fn add(mut self, metric: Metric, count: impl TryInto<u64>) -> Self {
        *self.counts.entry((metric, None)).or_default() += count.try_into().unwrap_or(u64::MAX);
        self
    }

    /// Adds to a count of those things that have `value` in this dimension. The values must be few, and none may be
    /// something that a customer chooses.
    #[must_use]
    pub fn add_by(
        mut self,
        metric: Metric,
        dimension: &'static str,
        value: impl Into<String>,
        count: impl TryInto<u64>,
    ) -> Self {
        let of = (metric, Some((dimension, value.into())));
        *self.counts.entry(of).or_default() += count.try_into().unwrap_or(u64::MAX);
        self
    }

    /// Adds single observations, of which CloudWatch knows the distribution. What is observed once an invocation is how
    /// large it is now, and may be 0.
    #[must_use]
    pub fn observe(mut self, metric: Metric, values: impl IntoIterator<Item = u64>) -> Self {
        self.values.entry(metric).or_default().extend(values);
        self
    }
}

/// What identifies an invocation: properties of its lines, not dimensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Invocation<'a> {
    /// Lambda's id of the request, or API Gateway's.
    pub request_id: &'a str,
    /// The trace, where there is one for all of it.
    pub trace_id: Option<&'a str>,
}

/// The metrics could not be started. They can be once in a process.
#[derive(Debug, thiserror::Error)]
#[error("the metrics can't be started: {0}")]
pub struct NotStarted(String);

/// Where the metrics of a function go.
pub struct Metrics {
    collector: &'static Collector,
    level: &'static str,
}

impl Metrics {
    /// Starts the metrics of a function (`ingest`, `dispatcher`, `api`, `health`) of a stage, whose logs begin at
    /// `log_level` (`LOG_LEVEL`).
    ///
    /// # Errors
    /// Where it was done before in this process: there is one recorder for all of it.
    pub fn start(stage: String, function: &'static str, log_level: Option<&str>) -> Result<Self, NotStarted> {
        let collector = Builder::new()
            .cloudwatch_namespace(NAMESPACE)
            .with_dimension("Stage", stage)
            .with_dimension("Function", function)
            .init()
            .map_err(|error| NotStarted(error.to_string()))?;
        Ok(Self { collector, level: level(log_level) })
    }

    /// Writes what was measured to standard output. A line that can't be written is logged: it is no reason to fail.
    pub fn emit(&self, measured: &Measurements, invocation: Invocation<'_>) {
        let mut lines = Vec::new();
        let written = self.write(measured, invocation, &mut lines);
        // In one piece, so that no log line gets between.
        if let Err(error) = written.and_then(|()| io::stdout().lock().write_all(&lines)) {
            tracing::error!(%error, "metrics could not be written");
        }
    }

    fn write(&self, measured: &Measurements, invocation: Invocation<'_>, lines: &mut impl Write) -> io::Result<()> {
        self.set_properties(invocation);
        for ((metric, dimension), count) in &measured.counts {
            ::metrics::describe_counter!(metric.name, metric.unit(), "");
            let labels: Vec<Label> = dimension.iter().map(|(name, value)| Label::new(*name, value.clone())).collect();
            ::metrics::counter!(metric.name, labels).increment(*count);
        }
        let lines_needed = measured.values.values().map(|values| values.len().div_ceil(VALUES_OF_A_LINE)).max();
        for line in 0..lines_needed.unwrap_or(0).max(1) {
            for (metric, values) in &measured.values {
                ::metrics::describe_histogram!(metric.name, metric.unit(), "");
                let histogram = ::metrics::histogram!(metric.name);
                for value in values.iter().skip(line * VALUES_OF_A_LINE).take(VALUES_OF_A_LINE) {
                    histogram.record(as_number(*value));
                }
            }
            self.collector.flush(&mut *lines)?;
        }
        Ok(())
    }

    fn set_properties(&self, invocation: Invocation<'_>) {
        self.collector.set_property("level", self.level);
        self.collector.set_property("timestamp", now().to_string());
        self.collector.set_property("request_id", invocation.request_id);
        match invocation.trace_id {
            Some(trace_id) => self.collector.set_property("trace_id", trace_id),
            None => self.collector.remove_property("trace_id"),
        };
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").field("level", &self.level).finish_non_exhaustive()
    }
}

/// The level that lines must have to be kept: that of the logs, and `INFO` where that is lower still.
fn level(log_level: Option<&str>) -> &'static str {
    match log_level.map(str::to_ascii_lowercase).as_deref() {
        Some("error") => "ERROR",
        Some("warn") => "WARN",
        _ => "INFO",
    }
}

/// A number as CloudWatch has it. Durations and sizes are far below where this is no longer exact (2⁵³).
#[expect(clippy::cast_precision_loss, reason = "said above")]
fn as_number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
