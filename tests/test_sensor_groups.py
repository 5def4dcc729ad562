"""Named groups of sensors over several spaces and buildings, from the API over MQTT to the receiver."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from api import Problem

from health_runs import run
from kept_items import Table
from scene import MakeScene, Scene, Subscription
from waiting import until

pytestmark = pytest.mark.usefixtures("health_by_hand")

UPDATED, STATE, STALE = (f"sensor_device_group_{what}" for what in ("reading_updated", "state_updated", "reading_stale"))


class Group:
    """A named group of the sensors of scenes."""

    def __init__(self, scene: Scene, *others: Scene, **fields: Any) -> None:
        self.scene, self.name = scene, f"g-{scene.name}"
        self.sensors = sorted(one.sensor for one in (scene, *others))
        self.path = f"/v1/sensor-groups/{self.name}"
        self.id: int = self.put(**fields)["sensor_group_id"]

    def put(self, **fields: Any) -> dict[str, Any]:
        return self.scene.api.call("PUT", self.path, {"sensor_ids": self.sensors, **fields})

    def state(self) -> dict[str, Any]:
        return self.scene.api.call("GET", f"{self.path}/state")

    def subscribe(self, *types: str, **fields: Any) -> Subscription:
        """What is told of this group, wherever it is."""
        of_it = {"building_ref_ids": [], "filter": {"sensor_group": {"id": [self.name]}}}
        return self.scene.subscribe("group", *types, **{**of_it, **fields})

    def kept(self) -> list[dict[str, Any]]:
        """Its kept events. A page may have none of them, and go on."""
        return self.scene.api.every(f"/v1/events?sensor_group_ref_id={self.name}")

    def say(self, of: Scene, minute: int, count: int, **more: Any) -> None:
        """A sensor says something new, and it is taken in: messages that are under way together have no order."""
        reading = of.reading(minute, count, **more)
        of.publish(reading)
        until(lambda: self.state()["observed_at"] == reading["timestamp"], f"what was said in minute {minute}")


def _bodies(subscription: Subscription, count: int) -> list[dict[str, Any]]:
    arrivals = subscription.wait(count)
    assert all(arrival.is_signed_with(subscription.secret) for arrival in arrivals)
    return [arrival.json() for arrival in arrivals]


@pytest.fixture
def scenes(make_scene: MakeScene) -> tuple[Scene, Scene]:
    """Two buildings with a room and a sensor each."""
    return make_scene(), make_scene()


def test_sensors_of_two_buildings_are_one_group(scenes: tuple[Scene, Scene]) -> None:
    west, east = scenes
    group = Group(west, east, name="Both halls")
    told = group.subscribe(UPDATED, STATE)
    rooms = west.subscribe("rooms", "space_availability")
    group.say(west, 1, 2, coordinates=[[1, 2], [3, 4]], temperature=21.5)
    group.say(east, 2, 3)
    group.say(west, 3, 0, temperature=21.5)
    rooms.wait(2)
    group.say(east, 4, 0)
    bodies = _bodies(told, 6)
    said = [(body["event_type"], (body.get("reading") or {}).get("person_count")) for body in bodies]
    assert said == [(UPDATED, 2), (STATE, None), (UPDATED, 5), (UPDATED, 3), (UPDATED, 0), (STATE, None)]
    assert [arrival.sequence for arrival in told.arrivals()] == [1, 2, 3, 4, 5, 6]
    assert bodies[5] == {
        "event_type": STATE,
        "timestamp": "2026-02-02T10:04:00Z",
        "building_ref_id": None,
        "floor_ref_id": None,
        "space_ref_id": None,
        "sensor_group": {"id": group.name, "sensor_ids": group.sensors},
        "state": {"availability": "available", "since": "2026-02-02T10:04:00Z"},
    }
    assert [arrival.json()[0]["timestamp"][14:16] for arrival in rooms.arrivals()] == ["01", "03"], "as it is without"
    state = group.state()
    assert (state["sensor_group_id"], state["state"], state["person_count"]) == (group.id, "available", 0)
    assert {one["sensor_id"]: one["values"]["person_count"]["value"] for one in state["sensors"]} == {
        west.sensor: 0,
        east.sensor: 0,
    }
    assert not any("coordinates" in one["values"] for one in state["sensors"]), "where people are is of spaces alone"
    # It is found among the kept events, and explained.
    kept = until(
        lambda: found if len(found := group.kept()) == 6 else [], "the events, which are kept with the log of their batch"
    )
    assert {event["event_type"] for event in kept} == {UPDATED, STATE}
    assert {(event["space_id"], event["sensor_group_ref_id"]) for event in kept} == {(None, group.name)}
    explained = west.api.call("POST", "/v1/explain", {"event_id": kept[0]["event_id"], "subscription_id": told.id})
    assert (explained["event"]["sensor_group_ref_id"], explained["data"][0]["sent"]) == (group.name, True)


def test_a_group_of_a_building_is_heard_by_who_listens_to_that_building(scenes: tuple[Scene, Scene]) -> None:
    west, east = scenes
    group = Group(west, east, building_ref_id=west.building)
    here = group.subscribe(STATE, building_ref_ids=[west.building])
    there = east.subscribe("there", STATE)
    group.say(east, 1, 1)
    assert _bodies(here, 1)[0]["building_ref_id"] == west.building
    there.wait(1)
    # The room of the east is a group by itself, and is all that its building hears of.
    assert [body["sensor_group"]["id"] for body in _bodies(there, 1)] == [east.space]
    with pytest.raises(Problem) as refused:
        west.api.call("DELETE", f"/v1/buildings/{west.building}")
    assert refused.value.status == 409
    # A floor or a space that is listed is no group's.
    none = west.subscribe("none", STATE, space_ref_ids=[west.space])
    group.say(east, 2, 0)
    here.wait(2)
    west.publish(west.reading(3, 1))
    assert [body["sensor_group"]["id"] for body in _bodies(none, 1)] == [west.space]


def test_who_joins_and_who_leaves_counts_from_the_next_reading_on(scenes: tuple[Scene, Scene]) -> None:
    west, east = scenes
    group = Group(west)
    told = group.subscribe(UPDATED)
    group.say(west, 1, 2)
    group.sensors = sorted([west.sensor, east.sensor])
    group.put()
    assert east.api.call("GET", f"/v1/sensors/{east.sensor}")["sensor_group_ref_ids"] == [group.name]
    group.say(east, 2, 3)
    group.sensors = [east.sensor]
    assert group.put()["sensor_group_id"] == group.id
    group.say(east, 3, 4)
    assert [body["reading"]["person_count"] for body in _bodies(told, 3)] == [2, 5, 4]
    # Moved to another space it stays; deleted it leaves.
    place = {"building_ref_id": west.building, "space_ref_id": west.space}
    assert east.api.call("PUT", f"/v1/sensors/{east.sensor}", place)["sensor_group_ref_ids"] == [group.name]
    group.say(east, 4, 6)
    assert _bodies(told, 4)[3]["reading"]["person_count"] == 6
    east.api.call("DELETE", f"/v1/sensors/{east.sensor}")
    assert east.api.call("GET", group.path)["sensor_ids"] == []
    east.api.call("DELETE", group.path)
    with pytest.raises(Problem) as gone:
        group.state()
    assert gone.value.status == 404
    assert Table(west.cloud).get(f"S#{west.tenant}#g{group.id}", "STATE") is None


def test_a_group_is_available_when_it_has_stayed_empty(scenes: tuple[Scene, Scene]) -> None:
    west, east = scenes
    group = Group(west, east, vacant_after_s=2)
    told = group.subscribe(STATE)

    def say(of: Scene, count: int) -> datetime.datetime:
        at = datetime.datetime.now(datetime.UTC)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        of.publish({"timestamp": at.isoformat(), "person_count": count})
        return at

    came = say(west, 1)
    told.wait(1)
    say(east, 0)
    left = say(west, 0)
    end = left + datetime.timedelta(seconds=2)
    until(lambda: group.state()["held_until"] is not None, "the hold")
    assert group.state()["state"] == "occupied"
    bodies = _bodies(told, 2)
    changes = [(one["state"]["availability"], datetime.datetime.fromisoformat(one["state"]["since"])) for one in bodies]
    assert changes == [("occupied", came), ("available", end)]
    assert datetime.datetime.now(datetime.UTC) - end < datetime.timedelta(seconds=2.5)


def test_a_group_is_stale_when_all_of_it_is_silent(scenes: tuple[Scene, Scene]) -> None:
    west, east = scenes
    group = Group(west, east)
    told = group.subscribe(STALE)
    group.say(west, 1, 1)
    group.say(east, 2, 1)
    table = Table(west.cloud)
    table.silence(west, 59, group.id)
    run(west.cloud)
    assert not group.state()["is_stale"]
    table.silence(west, 1, group.id)
    assert run(west.cloud)["silent"] == 1, "the group, and none of its sensors"
    [body] = _bodies(told, 1)
    assert (body["sensor_group"]["id"], body["last_reading_at"] is not None) == (group.name, True)
    assert group.state()["is_stale"]
    assert run(west.cloud)["silent"] == 0, "told once"
    group.say(west, 3, 1)
    assert not group.state()["is_stale"]


def test_what_is_wrong_with_a_group_is_told_at_its_place(scene: Scene) -> None:
    path = f"/v1/sensor-groups/g-{scene.name}"
    for body, places in [
        ({"sensor_ids": [scene.sensor, "nobody"]}, ["/sensor_ids/1"]),
        ({"sensor_ids": [scene.sensor], "building_ref_id": "nowhere"}, ["/building_ref_id"]),
        ({"sensor_ids": [f"s{number}" for number in range(91)]}, ["/sensor_ids"]),
        ({"name": "x", "vacant_after_s": 86_401}, ["/sensor_ids", "/vacant_after_s"]),
    ]:
        with pytest.raises(Problem) as refused:
            scene.api.call("PUT", path, body)
        assert sorted(error["pointer"] for error in refused.value.document["errors"]) == places
    with pytest.raises(Problem) as missing:
        scene.api.call("GET", path)
    assert missing.value.status == 404
