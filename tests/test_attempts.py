"""The attempts of a subscription: listed by what is asked of them, and each whole."""

from __future__ import annotations

from typing import Any

import pytest
from api import Problem
from receiver import Arrival

from scene import Scene, Subscription

READINGS = 4


def _attempts(subscription: Subscription, query: str = "") -> list[dict[str, Any]]:
    return subscription.api.every(f"{subscription.path}/attempts?{query}")


def _refuses_the_first(arrival: Arrival) -> tuple[int, bytes]:
    is_first = arrival.sequence == 1 and arrival.headers["spacehook-attempt"] == "1"
    return (503, b"not yet") if is_first else (200, b"")


def test_attempts_are_filtered_and_each_is_shown_whole(scene: Scene) -> None:
    secret = "hush-9f2c"
    subscription = scene.subscribe(
        "both", "space_report", "space_availability", answer=_refuses_the_first,
        auth={"type": "bearer", "token": secret}, custom_headers={"x-team": secret}, key_values={"site": "HQ"},
    )  # fmt: skip
    scene.publish([scene.reading(minute, minute + 1) for minute in range(READINGS)])
    due = READINGS + 1
    # The first is tried again after 5 s, and what follows it in its space then.
    subscription.recorded(due + 1)
    everything = _attempts(subscription)
    failed = _attempts(subscription, "status=failed")
    assert [(one["sequence"], one["status"]) for one in failed] == [(1, 503)]
    assert _attempts(subscription, "status=503") == _attempts(subscription, "status=http_503") == failed
    assert len(_attempts(subscription, "status=accepted")) == len(everything) - 1
    of_availability = _attempts(subscription, "event_type=space_availability")
    assert {one["event_type"] for one in of_availability} == {"space_availability"}
    assert _attempts(subscription, f"building_ref_id={scene.building}&space_ref_id={scene.space}") == everything
    assert _attempts(subscription, "space_ref_id=elsewhere") == []
    assert [one["number"] for one in _attempts(subscription, f"event_id={failed[0]['event_id']}")] == [2, 1]
    second = everything[-2]["started_at"]
    assert _attempts(subscription, f"until={second}") == everything[-1:]
    assert _attempts(subscription, f"since={second}") == everything[:-1]

    # It is changed since: each attempt is shown as it was made.
    subscription.patch(key_values={"site": "elsewhere"})
    by_place = {(arrival.sequence, arrival.headers["spacehook-attempt"]): arrival for arrival in subscription.arrivals()}
    for attempt in everything:
        shown = scene.api.call("GET", f"{subscription.path}/attempts/{attempt['id']}")
        arrival = by_place[attempt["sequence"], str(attempt["number"])]
        request = shown["request"]
        assert (request["method"], request["incomplete"]) == ("POST", None)
        assert request["body"] == arrival.json()
        assert "site" in str(request["body"]) and "HQ" in str(request["body"])
        headers = {header["name"]: header["value"] for header in request["headers"]}
        for name, value in headers.items():
            hidden = {"webhook-signature": "v1,[redacted]", "x-team": "[redacted]", "authorization": "[redacted]"}
            assert value == hidden.get(name, arrival.headers[name]), name
        assert secret not in str(shown)
    whole = scene.api.call("GET", f"{subscription.path}/attempts/{failed[0]['id']}")
    assert (whole["answer"], whole["reason"]["key"]) == ("not yet", "http_503")
    assert whole["reason"]["remedy"]


def test_statistics_have_latencies_and_rates_by_quarter(scene: Scene) -> None:
    subscription = scene.subscribe()
    scene.publish(scene.reading(0, 1))
    subscription.recorded(1)
    [quarter] = [one for one in subscription.stats()["buckets"] if one["attempts"]]
    assert (quarter["success_rate"], quarter["failure_rate"]) == (1.0, 0.0)
    assert quarter["latency_ms"]["p50"] <= quarter["latency_ms"]["p95"] <= 5_000


def test_an_attempt_is_its_subscriptions_alone(scene: Scene) -> None:
    subscription, other = scene.subscribe("one"), scene.subscribe("other")
    scene.publish(scene.reading(0, 1))
    [attempt] = subscription.recorded(1)
    with pytest.raises(Problem) as refused:
        scene.api.call("GET", f"{other.path}/attempts/{attempt['id']}")
    assert refused.value.status == 404
    with pytest.raises(Problem) as refused:
        _attempts(subscription, "status=perhaps-not&since=x")
    assert len(refused.value.document["errors"]) == 2
