//! What is printed.

use crate::events::{BATCH, BODY_BYTES};
use crate::measure::{Measured, Run};
use crate::options::Options;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

/// At least this part of the bare loop's throughput.
const THROUGHPUT_GOAL: f64 = 0.7;
/// At most this many times its processor time a delivery.
const PROCESSOR_GOAL: f64 = 1.5;
/// At most this much memory, in MB, at [`MEMORY_FAN_OUT`].
const MEMORY_GOAL_MB: f64 = 64.0;
const MEMORY_FAN_OUT: usize = 100;
/// From here on the one thread of receivers and stub is what is measured.
const BUSY: f64 = 0.85;

/// Prints a line. Who does not read it any more is no fault of the benchmark.
pub(crate) fn line(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{text}").and_then(|()| output.flush());
}

/// What is about to be measured.
pub(crate) fn introduction(options: &Options) -> String {
    format!(
        "{BODY_BYTES}-byte bodies over HTTPS on kept connections, batches of {BATCH}, one receiver a subscription; the \
         dispatcher and a bare loop in turn, {} runs of {:.1} s each, medians",
        options.rounds,
        options.length.as_secs_f64()
    )
}

/// Everything, as text.
pub(crate) fn report(measured: &[Measured]) -> String {
    [figures(measured), requests(measured), goals(measured)].join("\n")
}

/// A column: its two lines of heading, and its value at a fan-out.
type Column = (&'static str, &'static str, fn(&Measured) -> String);

const COLUMNS: [Column; 14] = [
    ("", "fan-out", |at| at.fan_out.to_string()),
    ("deliveries/s", "dispatcher", |at| whole(median(&at.dispatcher, per_second))),
    ("", "bare", |at| whole(median(&at.bare, per_second))),
    ("", "ratio", |at| percent(throughput(at))),
    ("processor, µs", "dispatcher", |at| tenths(median(&at.dispatcher, processor_us))),
    ("", "bare", |at| tenths(median(&at.bare, processor_us))),
    ("", "ratio", |at| format!("{:.2}", processor(at))),
    ("receipt, ms", "p50", |at| tenths(percentile(&at.latencies, 50).as_secs_f64() * 1e3)),
    ("", "p99", |at| tenths(percentile(&at.latencies, 99).as_secs_f64() * 1e3)),
    ("RSS, MB", "dispatcher", |at| tenths(at.peak_mb.0)),
    ("", "bare", |at| tenths(at.peak_mb.1)),
    ("connections", "dispatcher", |at| total(&at.dispatcher, |run| run.connections).to_string()),
    ("", "bare", |at| total(&at.bare, |run| run.connections).to_string()),
    ("around", "busy", |at| percent(busiest(at))),
];

fn figures(measured: &[Measured]) -> String {
    let mut text = String::from("\n");
    let mut row = |cells: Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>13}")).collect();
        let _ = writeln!(text, "{}", cells.concat());
    };
    row(COLUMNS.iter().map(|(heading, _, _)| (*heading).to_owned()).collect());
    row(COLUMNS.iter().map(|(_, heading, _)| (*heading).to_owned()).collect());
    for at in measured {
        row(COLUMNS.iter().map(|(_, _, value)| value(at)).collect());
    }
    text.push_str(
        "processor: of a delivery. receipt: from a message handed out to its delivery read whole by the receiver. RSS: \
         the most it ever had.\nconnections: made in all measured runs. around: stub and receivers, the busiest they \
         were in any run, of one processor core.\n",
    );
    for at in measured {
        let around = (median(&at.dispatcher, around_us), median(&at.bare, around_us));
        let _ = writeln!(
            text,
            "fan-out {}: stub and receivers spend {:.1} µs on a delivery of the dispatcher, {:.1} µs on one of the bare loop{}",
            at.fan_out,
            around.0,
            around.1,
            if busiest(at) > BUSY { "; they were so busy that they bound the faster one" } else { "" }
        );
    }
    text.push('\n');
    text
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

fn total(runs: &[Run], figure: impl Fn(&Run) -> u64) -> u64 {
    runs.iter().map(figure).sum()
}

/// AWS requests, by operation: what a delivery costs beside its own HTTPS request.
fn requests(measured: &[Measured]) -> String {
    let mut text = format!("{:<28}", "requests a delivery");
    for at in measured {
        let _ = write!(text, "{:>14}", format!("fan-out {}", at.fan_out));
    }
    text.push('\n');
    let operations: BTreeSet<&String> = measured.iter().flat_map(|at| at.calls.keys()).collect();
    for operation in operations {
        let _ = write!(text, "{operation:<28}");
        for at in measured {
            let deliveries = total(&at.dispatcher, |run| run.deliveries);
            let calls = at.calls.get(operation).copied().unwrap_or_default();
            let _ = write!(text, "{:>14.5}", ratio(calls, deliveries));
        }
        text.push('\n');
    }
    for at in measured {
        let first: Vec<String> = at.calls_at_first.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let _ = writeln!(text, "fan-out {}, before the first measured run: {}", at.fan_out, first.join(", "));
    }
    text
}

fn goals(measured: &[Measured]) -> String {
    let mut text = String::new();
    for at in measured {
        let mut goal = |what: &str, value: String, met: bool| {
            let met = if met { "met" } else { "not met" };
            let _ = writeln!(text, "goal, fan-out {:<4} {what:<46}{value:>10}  {met}", at.fan_out);
        };
        let (throughput, processor, peak_mb) = (throughput(at), processor(at), at.peak_mb.0);
        goal("at least 70 % of the bare loop's throughput", percent(throughput), throughput >= THROUGHPUT_GOAL);
        goal("at most 1.5 times its processor time", format!("{processor:.2}"), processor <= PROCESSOR_GOAL);
        if at.fan_out == MEMORY_FAN_OUT {
            goal("at most 64 MB of memory", format!("{peak_mb:.1} MB"), peak_mb <= MEMORY_GOAL_MB);
        }
    }
    text
}

/// The dispatcher's part of the bare loop's throughput: the median of the ratios of runs that followed each other, which
/// a machine that grows slower for a while harms less than the ratio of medians.
fn throughput(at: &Measured) -> f64 {
    paired(at, per_second)
}

fn processor(at: &Measured) -> f64 {
    paired(at, processor_us)
}

fn paired(at: &Measured, figure: impl Fn(&Run) -> f64) -> f64 {
    middle(at.dispatcher.iter().zip(&at.bare).map(|(dispatcher, bare)| figure(dispatcher) / figure(bare)).collect())
}

fn busiest(at: &Measured) -> f64 {
    let runs = at.dispatcher.iter().chain(&at.bare);
    runs.map(|run| run.around.as_secs_f64() / run.elapsed.as_secs_f64()).fold(0.0, f64::max)
}

fn per_second(run: &Run) -> f64 {
    ratio(run.deliveries, 1) / run.elapsed.as_secs_f64()
}

fn processor_us(run: &Run) -> f64 {
    run.processor.as_secs_f64() * 1e6 / ratio(run.deliveries, 1)
}

fn around_us(run: &Run) -> f64 {
    run.around.as_secs_f64() * 1e6 / ratio(run.deliveries, 1)
}

fn median(runs: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    middle(runs.iter().map(figure).collect())
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (below, above) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    values.get(below).zip(values.get(above)).map_or(f64::NAN, |(below, above)| (below + above) / 2.0)
}

/// The least value that this part of the values, in percent, does not exceed.
fn percentile(values: &[Duration], percent: usize) -> Duration {
    let mut values = values.to_vec();
    let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
    if place >= values.len() {
        return Duration::ZERO;
    }
    *values.select_nth_unstable(place).1
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds, far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_values_themselves() {
        let values: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), Duration::from_millis(100));
        assert_eq!(percentile(&values, 99), Duration::from_millis(198));
        assert_eq!(percentile(&values[..1], 99), Duration::from_millis(200));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        assert!((middle(vec![9.0, 1.0, 2.0, 4.0]) - 3.0).abs() < 1e-9);
        assert!((middle(vec![9.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(middle(Vec::new()).is_nan());
    }

    #[test]
    fn ratios_are_of_runs_that_followed_each_other() {
        let run = |deliveries, seconds| Run {
            deliveries,
            connections: 1,
            elapsed: Duration::from_secs(seconds),
            processor: Duration::from_secs(seconds),
            around: Duration::from_secs(1),
        };
        let at = Measured {
            fan_out: 1,
            dispatcher: vec![run(50, 1), run(50, 10), run(60, 1)],
            bare: vec![run(100, 1), run(100, 10), run(100, 1)],
            latencies: Vec::new(),
            peak_mb: (1.0, 1.0),
            calls: std::collections::BTreeMap::new(),
            calls_at_first: std::collections::BTreeMap::new(),
        };
        assert!((throughput(&at) - 0.5).abs() < 1e-9);
        assert!((processor(&at) - 2.0).abs() < 1e-9);
        assert!((busiest(&at) - 1.0).abs() < 1e-9);
    }
}
