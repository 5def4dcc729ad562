"""Sensors that fall silent, and come back: told once, in order, by readings and by the broker's word of connections."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from receiver import Arrival
from telemetry import connected

from health_runs import run
from kept_items import Table
from scene import MakeScene, Scene, Subscription
from waiting import until

pytestmark = pytest.mark.usefixtures("health_by_hand")

STALE, SPACE_STALE = "sensor_reading_stale", "space_stale"
LOST, OFFLINE, ONLINE = (
    f"device_health_status_{health}" for health in ("lost_communication", "offline", "online")
)
# What a first reading of people causes.
FIRST = ("space_report", "space_availability")
ALL = (*FIRST, STALE, SPACE_STALE, LOST, OFFLINE, ONLINE)
# As the source has it.
INTERMITTENT_MINUTES, OFFLINE_MINUTES = 60, 180
# How long a device whose connection broke may take to come back.
GRACE_MINUTES = 5


def _record(arrival: Arrival) -> dict[str, Any]:
    body = arrival.json()
    return body[0] if isinstance(body, list) else body


def _types(arrivals: list[Arrival]) -> list[str]:
    return [_record(arrival)["event_type"] for arrival in arrivals]


def _check(subscription: Subscription, *types: str) -> list[dict[str, Any]]:
    """Whether these events and no others came, in the order of the space; their bodies."""
    arrivals = subscription.wait(len(types))
    assert _types(arrivals) == list(types)
    assert [arrival.sequence for arrival in arrivals] == list(range(1, len(types) + 1))
    assert all(arrival.is_signed_with(subscription.secret) for arrival in arrivals)
    return [_record(arrival) for arrival in arrivals]


def _shown(scene: Scene) -> tuple[bool, list[str]]:
    """Whether the space is shown as stale, and the health of its sensors."""
    state = scene.state()
    return state["is_stale"], [sensor["device_health"] for sensor in state["sensors"]]


def test_a_sensor_that_falls_silent_and_comes_back(scene: Scene) -> None:
    cloud, table = scene.cloud, Table(scene.cloud)
    subject = scene.subscribe("subject", *ALL)
    scene.publish(scene.reading(1, count=1))
    subject.recorded(len(FIRST))
    heard_at = scene.state()["sensors"][0]["last_reading_at"]

    table.silence(scene, INTERMITTENT_MINUTES - 1)
    assert run(cloud)["silent"] == 0 and _shown(scene) == (False, ["online"])
    table.silence(scene, 1)
    assert run(cloud)["silent"] == 3
    told = _check(subject, *FIRST, STALE, LOST, SPACE_STALE)
    names = {"building_ref_id": scene.building, "floor_ref_id": scene.floor, "space_ref_id": scene.space}
    where = names | {"space_id": scene.space_id}
    state = scene.state()
    [sensor] = state["sensors"]
    assert heard_at > sensor["last_reading_at"]
    for body in told[len(FIRST) :]:
        assert body.items() >= (where | {"last_reading_at": sensor["last_reading_at"]}).items()
        # Since the hour was over, not since somebody looked.
        assert body["timestamp"][:19] == _later(sensor["last_reading_at"], INTERMITTENT_MINUTES)[:19]
    assert [body.get("sensor_id") for body in told[len(FIRST) :]] == [scene.sensor, scene.sensor, None]
    assert _shown(scene) == (True, ["lost_communication"])
    assert state["person_count"] == 1, "what was last known stays"
    assert run(cloud)["silent"] == 0, "told once"

    table.silence(scene, OFFLINE_MINUTES - INTERMITTENT_MINUTES)
    assert run(cloud)["silent"] == 1
    _check(subject, *FIRST, STALE, LOST, SPACE_STALE, OFFLINE)
    assert _shown(scene) == (True, ["offline"])
    # Once more, should the events not have been queued; then all is said, and it costs nothing more.
    table.silence(scene, 5)
    assert run(cloud)["silent"] == 0
    assert "due_at" not in table.space(scene)

    scene.publish(scene.reading(2, count=2))
    _check(subject, *FIRST, STALE, LOST, SPACE_STALE, OFFLINE, ONLINE, "space_report")
    assert _shown(scene) == (False, ["online"])
    assert "due_at" in table.space(scene)


def _later(text: str, minutes: int) -> str:
    return (datetime.datetime.fromisoformat(text) + datetime.timedelta(minutes=minutes)).isoformat()


def test_silence_that_nobody_asked_for_costs_no_message_and_shows(scene: Scene) -> None:
    reports = scene.subscribe("reports")
    scene.publish(scene.reading(1, count=1))
    reports.recorded(1)
    Table(scene.cloud).silence(scene, OFFLINE_MINUTES)
    assert run(scene.cloud)["silent"] == 0
    assert _shown(scene) == (True, ["offline"])
    scene.publish(scene.reading(2, count=2))
    arrivals = reports.wait(2)
    # What nobody was told of has its place all the same: available, stale, lost, offline, space stale, online.
    assert (_types(arrivals), [one.sequence for one in arrivals]) == (["space_report"] * 2, [1, 8])


def test_the_brokers_word_of_a_device(make_scene: MakeScene) -> None:
    scene = make_scene()
    cloud, table = scene.cloud, Table(scene.cloud)
    subject = scene.subscribe("subject", *ALL)
    device = f"{scene.tenant}:{scene.sensor}"
    # Of a sensor that never sent a reading nobody is told anything.
    scene.publish(scene.reading(1, count=1))
    subject.recorded(len(FIRST))
    with connected(cloud.port, device) as sensor:
        until(lambda: _link(table, scene) == "connected", "the broker's word")
        # While it is connected it is there, though it has nothing to say.
        table.silence(scene, OFFLINE_MINUTES)
        assert run(cloud)["silent"] == 2
        _check(subject, *FIRST, STALE, SPACE_STALE)
        assert _shown(scene) == (True, ["online"])
        scene.publish(scene.reading(2, count=2))
        subject.recorded(5)
        sensor.drop()
        until(lambda: _link(table, scene) == "broken", "the broker's word")
    assert run(cloud)["silent"] == 0, "it may come back"
    table.silence(scene, GRACE_MINUTES)
    assert run(cloud)["silent"] == 1
    so_far = (*FIRST, STALE, SPACE_STALE, "space_report", LOST)
    _check(subject, *so_far)
    assert _shown(scene) == (False, ["lost_communication"]), "its last reading is not old"

    with connected(cloud.port, device):
        _check(subject, *so_far, ONLINE)
        assert _shown(scene) == (False, ["online"])
    # A goodbye is no loss: batteries say it after each message.
    until(lambda: _link(table, scene) == "closed", "the goodbye")
    table.silence(scene, GRACE_MINUTES)
    assert run(cloud)["silent"] == 0


def _link(table: Table, scene: Scene) -> str | None:
    """What the broker last said of the connection of the sensor."""
    presence = table.of_state(scene)["presence"][scene.sensor]
    return (presence.get("link") or {}).get("link")
