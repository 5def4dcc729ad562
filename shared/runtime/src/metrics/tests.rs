use super::*;
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex, PoisonError};

const SENT: Metric = Metric::count("Sent");
const FAILED: Metric = Metric::count("Failed");
const LATENCY: Metric = Metric::milliseconds("Latency");
const WAITING: Metric = Metric::count("Waiting");

/// There is one recorder a process, so the tests take turns.
static METRICS: LazyLock<Mutex<Metrics>> =
    LazyLock::new(|| Mutex::new(Metrics::start("dev".to_owned(), "dispatcher", Some("warn")).unwrap()));

const INVOCATION: Invocation<'_> = Invocation { request_id: "r-1", trace_id: None };

fn lines(measured: &Measurements, invocation: Invocation<'_>) -> Vec<Value> {
    let metrics = METRICS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut written = Vec::new();
    metrics.write(measured, invocation, &mut written).unwrap();
    let text = String::from_utf8(written).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn declared(line: &Value) -> Value {
    line["_aws"]["CloudWatchMetrics"].clone()
}

#[test]
fn an_invocation_is_one_line_in_the_embedded_metric_format() {
    let measured = Measurements::default().add(SENT, 3_usize).observe(LATENCY, [4, 5]);
    let [line] = &lines(&measured, INVOCATION)[..] else { panic!("one line") };
    assert_eq!(
        declared(line),
        json!([{
            "Namespace": "Spacehook",
            "Dimensions": [["Stage", "Function"]],
            "Metrics": [{"Name": "Latency", "Unit": "Milliseconds"}, {"Name": "Sent", "Unit": "Count"}],
        }])
    );
    assert_eq!((&line["Stage"], &line["Function"]), (&json!("dev"), &json!("dispatcher")));
    assert_eq!((&line["Sent"], &line["Latency"]), (&json!(3), &json!([4.0, 5.0])));
    assert_eq!(line["request_id"], "r-1");
    assert!(line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000);
}

#[test]
fn lambda_keeps_a_line_by_its_level_and_time() {
    let [line] = &lines(&Measurements::default().add(SENT, 1_u64), INVOCATION)[..] else { panic!("one line") };
    assert_eq!(line["level"], "WARN");
    line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    for (logs, expected) in [(None, "INFO"), (Some("debug"), "INFO"), (Some("info"), "INFO"), (Some("ERROR"), "ERROR")]
    {
        assert_eq!(level(logs), expected, "{logs:?}");
    }
}

#[test]
fn each_value_of_a_further_dimension_is_a_line() {
    let measured = Measurements::default()
        .add(FAILED, 3_u64)
        .add_by(FAILED, "Reason", "timeout", 1_u64)
        .add_by(FAILED, "Reason", "http_503", 2_u64);
    let lines = lines(&measured, INVOCATION);
    let told: Vec<_> = lines.iter().map(|line| (line["Reason"].as_str(), line["Failed"].as_u64().unwrap())).collect();
    assert_eq!(told, [(None, 3), (Some("http_503"), 2), (Some("timeout"), 1)]);
    assert_eq!(declared(&lines[1])[0]["Dimensions"], json!([["Stage", "Function", "Reason"]]));
}

#[test]
fn what_is_0_is_left_out_and_nothing_is_said_of_nothing() {
    assert_eq!(lines(&Measurements::default().add(SENT, 0_u64).observe(LATENCY, []), INVOCATION), Vec::<Value>::new());
    let [line] = &lines(&Measurements::default().observe(WAITING, [0]), INVOCATION)[..] else { panic!("one line") };
    assert_eq!(line["Waiting"], json!([0.0]), "how large something is now may be 0");
    let later = lines(&Measurements::default().add(SENT, 1_u64), INVOCATION);
    assert_eq!(later[0].get("Waiting"), None, "and is not said again");
}

#[test]
fn no_duration_is_lost_beyond_a_hundred_and_counts_are_told_once() {
    let measured = Measurements::default().add(SENT, 250_u64).observe(LATENCY, 0..250).observe(WAITING, [7]);
    let lines = lines(&measured, INVOCATION);
    let sizes: Vec<usize> = lines.iter().map(|line| line["Latency"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    let all: Vec<Value> = lines.iter().flat_map(|line| line["Latency"].as_array().unwrap().clone()).collect();
    assert_eq!(all, (0..250).map(|value| json!(f64::from(value))).collect::<Vec<_>>());
    let told: Vec<_> = lines.iter().map(|line| (line.get("Sent"), line.get("Waiting"))).collect();
    assert_eq!(told, [(Some(&json!(250)), Some(&json!([7.0]))), (None, None), (None, None)]);
}

#[test]
fn a_trace_is_that_of_its_own_invocation() {
    let sent = Measurements::default().add(SENT, 1_u64);
    let traced = Invocation { trace_id: Some("0af7651916cd43dd8448eb211c80319c"), ..INVOCATION };
    assert_eq!(lines(&sent, traced)[0]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(lines(&sent, INVOCATION)[0].get("trace_id"), None);
}
