"""What happened, kept for some days: found by its id, listed by time and filter, and nobody else's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from api import Problem

from scene import MakeScene, Scene, Subscription
from second_tenant import SecondTenant
from waiting import until

READINGS = 6


def _listed(scene: Scene, **query: str) -> list[dict[str, Any]]:
    given = {"building_ref_id": scene.building, **query}
    return scene.api.every("/v1/events?" + "&".join(f"{name}={quote(value)}" for name, value in given.items()))


def _happened(scene: Scene) -> tuple[Subscription, list[dict[str, Any]]]:
    """Some readings, delivered and kept."""
    subscription = scene.subscribe("both", "space_report", "space_availability")
    # In two messages: what comes in one arrives at one time.
    for half in (range(READINGS // 2), range(READINGS // 2, READINGS)):
        scene.publish([scene.reading(minute, minute % 3) for minute in half])
        subscription.wait(scene.state()["sequence"] or 1)
    due = until(lambda: scene.state()["sequence"], "the readings taken in")
    subscription.wait(due)
    # They are kept when their whole batch is settled.
    return subscription, until(lambda: kept if len(kept := _listed(scene)) >= due else [], "all kept")


def test_what_was_delivered_is_kept_as_it_was(scene: Scene) -> None:
    subscription, kept = _happened(scene)
    arrivals = {arrival.event_id: arrival for arrival in subscription.arrivals()}
    assert {event["event_id"] for event in kept} == set(arrivals)
    assert [event["sequence"] for event in kept] == list(range(1, len(kept) + 1)), "in order, and none twice"
    for event in kept:
        arrival = arrivals[event["event_id"]]
        assert event["data"] == arrival.json()
        assert int(event["event_id"][4:16], 16) == round(datetime.fromisoformat(event["received_at"]).timestamp() * 1000)
        assert scene.api.call("GET", f"/v1/events/{event['event_id']}") == event


def test_lists_are_filtered_and_paged_without_gaps(scene: Scene) -> None:
    _, kept = _happened(scene)
    reports = [event for event in kept if event["event_type"] == "space_report"]
    assert _listed(scene, event_type="space_report") == reports
    assert _listed(scene, space_ref_id=scene.space) == kept
    assert _listed(scene, space_ref_id="elsewhere") == []
    assert _listed(scene, subject="nobody") == []
    middle = next(event for event in kept if event["received_at"] > kept[0]["received_at"])
    later = _listed(scene, since=middle["received_at"])
    earlier = _listed(scene, until=middle["received_at"], since=kept[0]["received_at"])
    assert earlier + later == kept
    found: list[Any] = []
    path = f"/v1/events?limit=1&building_ref_id={scene.building}&event_type=space_report"
    cursor = ""
    while True:
        page = scene.api.call("GET", path + cursor)
        found += page["data"]
        if page["next_cursor"] is None:
            break
        cursor = "&cursor=" + quote(page["next_cursor"])
    assert found == reports


def test_a_long_time_without_events_costs_a_page_and_no_more(scene: Scene) -> None:
    since = (datetime.now(UTC) - timedelta(days=6)).isoformat().replace("+00:00", "Z")
    until_then = (datetime.now(UTC) - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    path = f"/v1/events?since={quote(since)}&until={quote(until_then)}"
    page = scene.api.call("GET", path)
    assert page["data"] == []
    assert page["next_cursor"] is not None, "it looks through four days at once"
    assert scene.api.every(path) == []


def test_another_tenant_sees_nothing_of_it(scene: Scene, make_scene: MakeScene, second_tenant: SecondTenant) -> None:
    _, kept = _happened(scene)
    other = make_scene(second_tenant.api, second_tenant.name)
    with pytest.raises(Problem) as refused:
        other.api.call("GET", f"/v1/events/{kept[0]['event_id']}")
    assert refused.value.status == 404
    ids = {event["event_id"] for event in other.api.every("/v1/events")}
    assert not ids & {event["event_id"] for event in kept}
    with pytest.raises(Problem) as refused:
        theirs = other.subscribe()
        other.api.call("POST", f"{theirs.path}/replays", {"event_id": kept[0]["event_id"]})
    assert refused.value.status == 422


def test_a_backtest_counts_what_would_have_matched(scene: Scene) -> None:
    _, kept = _happened(scene)
    quiet = scene.subscribe("quiet", "space_stale")
    since = kept[0]["received_at"]
    assert scene.api.call("POST", f"{quiet.path}/backtest", {"since": since})["matched"] == 0
    tried = scene.api.call("POST", f"{quiet.path}/backtest", {"since": since, "event_types": ["space_report"]})
    reports = [event["event_id"] for event in kept if event["event_type"] == "space_report"]
    assert (tried["matched"], tried["complete"]) == (len(reports), True)
    assert tried["sample_event_ids"] == reports[:10]
    assert json.dumps(quiet.get()["event_types"]) == '["space_stale"]', "nothing is changed by it"
