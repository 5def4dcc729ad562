"""Metrics: what the functions say in numbers, and that alarms and dashboard look at what is really said."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cfnlint.decode import decode
from cloud import FUNCTIONS, ROOT, Cloud

from function_log import FunctionLog
from scene import MakeScene
from waiting import until

# AWS's own metrics that alarms and dashboard may name.
AWS_METRICS = {
    "AWS/SQS": {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
    },
    "AWS/Lambda": {"Duration", "Errors", "Invocations", "Throttles"},
    "AWS/DynamoDB": {"ReadThrottleEvents", "WriteThrottleEvents"},
}
# Dimensions of our own: none whose values are as many as tenants, subscriptions or sensors.
DIMENSIONS = {"Stage", "Function", "Reason", "Cause", "Repair"}


def _declared(function: str) -> set[str]:
    """The metrics that a function has."""
    source = (ROOT / "functions" / function / "src" / "metrics.rs").read_text()
    return set(re.findall(r'Metric::(?:count|milliseconds)\("(\w+)"\)', source))


def _resources(kind: str) -> list[dict[str, Any]]:
    template, problems = decode(str(ROOT / "template.yaml"))
    assert not problems
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]


def _dashboard() -> dict[str, Any]:
    [dashboard] = _resources("AWS::CloudWatch::Dashboard")
    return json.loads(re.sub(r"\$\{[^}]*\}", "x", dashboard["DashboardBody"]["Fn::Sub"]))


def _shown() -> Iterator[tuple[str, str, str]]:
    """Namespace, metric and (of our own) function of what the dashboard shows."""
    for widget, of in itertools.product(_dashboard()["widgets"], [0]):
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[of], str):
                namespace, name, *dimensions = [part for part in metric if isinstance(part, str)]
                found = dict(zip(dimensions[::2], dimensions[1::2], strict=True))
                yield namespace, name, found.get("Function", "")
            else:
                expression = metric[of]["expression"]
                [name] = re.findall(r'MetricName="(\w+)"', expression)
                [function] = re.findall(r'Function="(\w+)"', expression)
                [dimensions] = re.findall(r"\{Spacehook,([\w,]+)\}", expression)
                assert set(dimensions.split(",")) <= DIMENSIONS
                yield "Spacehook", name, function


def _watched() -> Iterator[tuple[str, str, str]]:
    """The same of what alarms look at."""
    for alarm in _resources("AWS::CloudWatch::Alarm"):
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        yield alarm["Namespace"], alarm["MetricName"], str(dimensions.get("Function", ""))


def test_alarms_and_dashboard_name_metrics_that_there_are() -> None:
    named = [*_shown(), *_watched()]
    assert len(named) > 50
    for namespace, name, function in named:
        known = _declared(function) if namespace == "Spacehook" else AWS_METRICS[namespace]
        assert name in known, (namespace, name, function)


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {(function, name) for namespace, name, function in _shown() if namespace == "Spacehook"}
    assert shown == {(function, name) for function in FUNCTIONS for name in _declared(function)}


def test_the_dashboard_shows_every_alarm_and_no_widget_covers_another() -> None:
    widgets = _dashboard()["widgets"]
    names = [alarm["AlarmName"]["Fn::Sub"].replace("${Stage}", "x") for alarm in _resources("AWS::CloudWatch::Alarm")]
    assert [arn.rpartition(":")[2] for arn in widgets[0]["properties"]["alarms"]] == names
    cells = Counter(
        cell
        for one in widgets
        for cell in itertools.product(range(one["x"], one["x"] + one["width"]), range(one["y"], one["y"] + one["height"]))
    )
    assert max(cells.values()) == 1 and max(x for x, _ in cells) < 24


def test_every_alarm_says_what_to_do_and_tells_the_topic() -> None:
    for alarm in _resources("AWS::CloudWatch::Alarm"):
        assert len(alarm["AlarmDescription"]) > 80, alarm["AlarmName"]
        assert alarm["AlarmActions"] == alarm["OKActions"] != []
        # No data is good news of all but a schedule.
        is_schedule = alarm["MetricName"] == "Invocations"
        assert alarm["TreatMissingData"] == ("breaching" if is_schedule else "notBreaching")


def test_a_deployment_has_its_alarms_and_its_dashboard(cloud: Cloud) -> None:
    client = cloud.client("cloudwatch")
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{cloud.stack}-")
    made = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    stage = cloud.parameters["Stage"]
    declared = [alarm["AlarmName"]["Fn::Sub"] for alarm in _resources("AWS::CloudWatch::Alarm")]
    assert set(made) == {name.replace("${Stage}", stage) for name in declared}
    queue = made[f"{cloud.stack}-events-dead"]
    assert queue["Dimensions"] == [{"Name": "QueueName", "Value": f"{cloud.stack}-events-dead.fifo"}]
    assert queue["AlarmActions"] == []
    body = json.loads(client.get_dashboard(DashboardName=cloud.stack)["DashboardBody"])
    assert len(body["widgets"]) == len(_dashboard()["widgets"])
    assert "${" not in json.dumps(body)


def _lines(log: FunctionLog) -> list[dict[str, Any]]:
    return [line for line in log.lines() if "_aws" in line]


def _sum(lines: list[dict[str, Any]], name: str, **dimensions: str) -> int:
    """The sum of a metric in the lines that have exactly these dimensions beside those of all."""
    wanted = {"Stage", "Function", *dimensions}
    return sum(
        line.get(name, 0)
        for line in lines
        if set(_directive(line)["Dimensions"][0]) == wanted
        and all(line[key] == value for key, value in dimensions.items())
    )


def _directive(line: dict[str, Any]) -> dict[str, Any]:
    [directive] = line["_aws"]["CloudWatchMetrics"]
    return directive


def _check(line: dict[str, Any], function: str, stage: str) -> None:
    """Whether a line is of the embedded metric format, and one that Lambda keeps."""
    directive = _directive(line)
    assert directive["Namespace"] == "Spacehook"
    assert (line["Stage"], line["Function"]) == (stage, function)
    assert line["level"] == "INFO" and line["timestamp"].endswith("Z")
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000
    assert {metric["Name"] for metric in directive["Metrics"]} <= _declared(function)
    for dimension in directive["Dimensions"][0]:
        assert dimension in DIMENSIONS and isinstance(line[dimension], str)
    for metric in directive["Metrics"]:
        value = line[metric["Name"]]
        values = value if isinstance(value, list) else [value]
        assert 1 <= len(values) <= 100 and all(isinstance(one, int | float) for one in values)
        assert metric["Unit"] in ("Count", "Milliseconds")


def test_each_function_says_what_it_did(make_scene: MakeScene) -> None:
    scene = make_scene()
    cloud = scene.cloud
    logs = {function: FunctionLog(cloud.function_log(function)) for function in FUNCTIONS}
    good = scene.subscribe("good")
    bad = scene.subscribe("bad", answer=lambda _: (507, b""))
    scene.publish([scene.reading(1, count=1), {"timestamp": "never"}])
    good.recorded(1)
    bad.recorded(2)
    event = json.loads((ROOT / "events" / "health-schedule.json").read_text())
    cloud.invoke("health", event)

    ingest = until(lambda: _lines(logs["ingest"]), "metrics of ingest")
    assert _sum(ingest, "Readings") >= 1 and _sum(ingest, "ReadingsRefused") >= 1 and _sum(ingest, "Events") >= 1
    dispatcher = until(
        lambda: _sum(_lines(logs["dispatcher"]), "Failed") >= 2 and _lines(logs["dispatcher"]), "metrics of dispatcher"
    )
    assert _sum(dispatcher, "Accepted") >= 1 and _sum(dispatcher, "Kept") >= 1
    assert _sum(dispatcher, "Failed", Reason="http_5xx") >= 2, "a status that few receivers answer with"
    assert all(latency >= 0 for line in dispatcher for latency in line.get("ReceiverLatency", []))
    accepted = sum(len(line.get("DeliveryLatency", [])) for line in dispatcher)
    assert accepted == _sum(dispatcher, "Accepted")
    health = until(lambda: _sum(_lines(logs["health"]), "LookedAt") >= 1 and _lines(logs["health"]), "metrics of health")
    api = _lines(logs["api"])
    assert _sum(api, "Requests") >= 2 and all(len(line["Latency"]) == 1 for line in api)

    said = {"ingest": ingest, "dispatcher": dispatcher, "health": health, "api": api}
    for function, lines in said.items():
        for line in lines:
            _check(line, function, cloud.parameters["Stage"])
            assert line["request_id"]


def test_a_trace_goes_from_the_telemetry_to_every_attempt(make_scene: MakeScene) -> None:
    scene = make_scene()
    logs = {function: FunctionLog(scene.cloud.function_log(function)) for function in ("ingest", "dispatcher")}
    answers = iter([503])
    subject = scene.subscribe(answer=lambda _: (next(answers, 204), b""))
    scene.publish(scene.reading(1, count=1))
    first, second = subject.wait(2, seconds=60)[:2]
    attempts = subject.recorded(2)

    headers = [arrival.headers["traceparent"] for arrival in (first, second)]
    parts = [re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-01", header) for header in headers]
    [trace, retried], [span, other] = zip(*(part.groups() for part in parts if part), strict=True)
    assert trace == retried and int(trace, 16) != 0, "an attempt that is made again is of the same trace"
    assert span != other, "and has an id of its own"
    assert [attempt["trace_id"] for attempt in attempts] == [trace, trace]
    [line] = logs["ingest"].lines(message="telemetry taken in", trace_id=trace)
    assert line["topic"] == scene.topic()
    [failed] = logs["dispatcher"].lines(message="an attempt failed", trace_id=trace)
    assert failed["event"] == first.event_id
    assert any(line["trace_id"] == trace for line in _lines(logs["ingest"]) if line.get("Events"))

    scene.publish(scene.reading(2, count=2))
    third = subject.wait(3)[2].headers["traceparent"]
    assert third.split("-")[1] != trace, "other telemetry, another trace"
