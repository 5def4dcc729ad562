"""What is told of single sensors and of the sensors of a space as a group, from MQTT to the receiver."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

from dead_letters import DeadLetters
from scene import Scene, Subscription
from waiting import until


def _bodies(subscription: Subscription, count: int) -> list[dict[str, Any]]:
    """Waits until so many events have arrived; their bodies."""
    return [arrival.json() for arrival in subscription.wait(count)]


def _sensor(scene: Scene, name: str) -> str:
    """Registers one more sensor in the scene's space."""
    sensor = f"{name}-{scene.sensor}"
    place = {"building_ref_id": scene.building, "space_ref_id": scene.space}
    scene.api.call("PUT", f"/v1/sensors/{sensor}", place)
    return sensor


def _say(scene: Scene, minute: int, said: dict[str, Any], sensor: str | None = None) -> None:
    """A sensor says something new, and it is taken in: messages that are under way together have no order."""
    timestamp = scene.reading(minute, 0)["timestamp"]
    scene.publish({"timestamp": timestamp, **said}, scene.topic(sensor=sensor))
    until(lambda: scene.state()["observed_at"] == timestamp, f"what was said at {timestamp} in the state")


def _place(scene: Scene) -> dict[str, Any]:
    return {"building_ref_id": scene.building, "floor_ref_id": scene.floor, "space_ref_id": scene.space}


def test_each_reading_is_a_report_of_its_sensor_and_history_is_marked(scene: Scene) -> None:
    reports = scene.subscribe("sensors", "sensor_report")
    rooms = scene.subscribe("rooms", "space_report", "space_availability")
    scene.publish(scene.reading(10, count=1, co2=700, battery=15))
    [first] = _bodies(reports, 1)
    assert first == {
        **_place(scene),
        "event_type": "sensor_report",
        "timestamp": "2026-02-02T10:10:00Z",
        "sensor_id": scene.sensor,
        "backfilled": False,
        "revised": False,
        "person_count": 1,
        "signs_of_life": None,
        "motion_detected": None,
        "people": {"count": 1, "coordinates": []},
        "environment": {
            "co2": {"units": "ppm", "value": 700.0},
            "sensor": scene.sensor,
            "timestamp": "2026-02-02T10:10:00Z",
        },
        "battery": 15.0,
        "battery_health": "replace_soon",
    }
    rooms.wait(2)
    # What the sensor kept while it could not be heard; the gateway sends it twice.
    history = [scene.reading(minute, count=0) for minute in (1, 2, 3)]
    scene.publish(history)
    reports.wait(4)
    scene.publish(history)
    scene.publish(scene.reading(11, count=1))
    told = [(body["timestamp"][14:16], body["backfilled"]) for body in _bodies(reports, 5)]
    assert told == [("10", False), ("01", True), ("02", True), ("03", True), ("11", False)]
    assert len(_bodies(rooms, 3)) == 3, "history is no report of the room, and no change"


def test_history_that_a_vendor_s_sensor_sends_is_marked(scene: Scene) -> None:
    """A Milesight WS203 back-fills: two readings of 2023, in one payload."""
    reports = scene.subscribe("sensors", "sensor_report")
    scene.publish(scene.reading(1, count=0, temperature=21, humidity=40, battery=90, signs_of_life=False, motion_detected=False))
    reports.wait(1)
    payload = base64.b64encode(bytes.fromhex("20CEAE5BA6640400240165" + "20CE5C5CA6640301340165")).decode()
    message = {"devEUI": scene.sensor, "fPort": 85, "data": payload}
    scene.publish(message, scene.topic("milesight_gateway"))
    told = _bodies(reports, 3)
    assert [body["backfilled"] for body in told] == [False, True, True]
    assert [body["timestamp"] for body in told[1:]] == ["2023-07-06T06:14:06Z", "2023-07-06T06:17:00Z"]


def test_what_changed_of_a_sensor_is_told_and_a_repeat_is_not(scene: Scene) -> None:
    wanted = ("sensor_device_reading_updated", "sensor_device_state_updated")
    news = scene.subscribe("news", *wanted)
    charges = ((1, 90), (2, 90), (3, 60), (3, 60), (4, 5))
    scene.publish([{"timestamp": scene.reading(minute, 0)["timestamp"], "battery": charge} for minute, charge in charges])
    told = _bodies(news, 5)
    assert [(body["event_type"], (body.get("reading") or body["state"]).get("battery")) for body in told] == [
        ("sensor_device_reading_updated", 90.0),
        ("sensor_device_state_updated", None),
        ("sensor_device_reading_updated", 60.0),
        ("sensor_device_reading_updated", 5.0),
        ("sensor_device_state_updated", None),
    ]
    assert told[4] == {
        **_place(scene),
        "event_type": "sensor_device_state_updated",
        "timestamp": "2026-02-02T10:04:00Z",
        "sensor_id": scene.sensor,
        "state": {"availability": None, "battery_health": "replace_now", "since": "2026-02-02T10:04:00Z"},
    }
    assert told[1]["state"]["battery_health"] == "healthy"
    [shown] = scene.state()["sensors"]
    assert (shown["battery_health"], shown["values"]["battery"]["value"]) == ("replace_now", 5)


def test_the_sensors_of_a_space_are_a_group(scene: Scene) -> None:
    other = _sensor(scene, "other")
    group = scene.subscribe("group", "sensor_device_group_reading_updated", "sensor_device_group_state_updated")
    _say(scene, 1, {"person_count": 1})
    _say(scene, 2, {"person_count": 2}, other)
    _say(scene, 3, {"person_count": 2}, other)
    _say(scene, 4, {"person_count": 0})
    told = _bodies(group, 4)
    assert [(body.get("reading") or {}).get("person_count") for body in told] == [1, None, 3, 2]
    assert told[1]["state"] == {"availability": "occupied", "since": "2026-02-02T10:01:00Z"}
    assert told[0]["sensor_group"] == {"id": scene.space, "sensor_ids": sorted([scene.sensor, other])}


def test_motion_is_told_only_after_a_report_of_nobody(scene: Scene) -> None:
    pir = _sensor(scene, "pir")
    triggered = scene.subscribe("pir", "pir_triggered")

    moved = {"motion_detected": True}
    _say(scene, 1, {"person_count": 2})
    _say(scene, 2, moved, pir)
    _say(scene, 3, {"person_count": 0})
    _say(scene, 4, moved, pir)
    _say(scene, 5, moved, pir)
    _say(scene, 6, {"person_count": 0})
    _say(scene, 7, moved, pir)
    told = _bodies(triggered, 2)
    assert [body["timestamp"][14:16] for body in told] == ["04", "07"]
    assert told[0] == {
        **_place(scene),
        "event_type": "pir_triggered",
        "timestamp": "2026-02-02T10:04:00Z",
        "sensor_id": pir,
    }


def test_the_counters_of_two_doors_count_one_room(scene: Scene, dead_letters: DeadLetters) -> None:
    south = _sensor(scene, "south")
    reports = scene.subscribe()
    changes = scene.subscribe("changes", "space_availability")

    def passed(minute: int, entries: int, exits: int, sensor: str | None = None) -> None:
        _say(scene, minute, {"entries_total": entries, "exits_total": exits, "counter_bits": 16}, sensor)

    passed(1, 65_533, 65_000)
    passed(2, 100, 100, south)
    passed(3, 2, 65_000)
    passed(4, 100, 103, south)
    passed(5, 2, 65_002)
    assert [body["person_count"] for body in _bodies(reports, 5)] == [0, 0, 5, 2, 0], "one total has wrapped"
    assert [body[0]["state"] for body in _bodies(changes, 3)] == ["available", "occupied", "available"]
    values = {one["sensor_id"]: one["values"] for one in scene.state()["sensors"]}
    assert values[south]["exits_total"] == {"at": "2026-02-02T10:04:00Z", "value": 103}

    scene.publish(json.dumps({"entries_total": 7}).encode())
    causes, _ = dead_letters.one(scene.topic())
    assert causes == ["reading 0: exits_total: must be there too where entries_total is"]


def test_a_revised_value_corrects_the_room(scene: Scene) -> None:
    """Platforms revise what they said a moment ago: of one time, what arrives last counts."""
    changes = scene.subscribe("changes", "space_availability")
    reports = scene.subscribe("sensors", "sensor_report")
    moment = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)).isoformat()
    for number, count in enumerate((2, 0), 1):
        scene.publish({"timestamp": moment, "person_count": count})
        reports.wait(number)
    assert [body[0]["state"] for body in _bodies(changes, 2)] == ["occupied", "available"]
    assert [(body["person_count"], body["revised"]) for body in _bodies(reports, 2)] == [(2, False), (0, True)]
    assert scene.state()["person_count"] == 0
    scene.publish(scene.reading(1, count=3))
    assert _bodies(reports, 3)[2]["backfilled"] is True
    assert scene.state()["person_count"] == 0
