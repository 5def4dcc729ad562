"""Telemetry in the forms of vendors: the samples in `events/`, published over MQTT, become reports that say the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloud import ROOT

from dead_letters import DeadLetters
from scene import MakeScene, Scene

# Of each: the sensor that the message names (none: that of the topic), and what a report of it says.
SAMPLES: dict[str, tuple[str | None, dict[str, Any]]] = {
    "aws-iot-lorawan-milesight": (
        "58a0cb000202c99",
        {"motion_detected": True, "signs_of_life": True, "temperature": 23.8, "humidity": 62},
    ),
    "butlr": ("room_sample", {"person_count": 4}),
    "chirpstack": ("24e124443f171044", {"person_count": 1, "temperature": 23.7, "humidity": 53.5}),
    "cisco-spaces": ("room-kit-7", {"person_count": 3, "signs_of_life": True, "temperature": 23.5, "humidity": 38}),
    "disruptive-technologies": ("bchonod7rihjtvdmd2vg", {"person_count": 0, "signs_of_life": True}),
    "kontakt": ("d0:0d:1e:00:00:01", {"temperature": 15.75, "humidity": 50}),
    "meraki-mv": (None, {"person_count": 2}),
    "milesight-gateway": ("24e124443f171044", {"person_count": 1, "temperature": 23.7, "humidity": 53.5}),
    # A door that has never been heard before has let nobody in yet.
    "milesight-door": ("24e124753d010203", {"person_count": 0}),
    "shelly": ("shellyplusht-b8d61a8b17cc", {"temperature": 19.8, "humidity": 42.2}),
    "the-things-stack": ("vs321-test", {"person_count": 1, "temperature": 23.7, "humidity": 53.5}),
    "vergesense": (
        "VS0-123",
        {"person_count": 2, "signs_of_life": True, "motion_detected": True, "temperature": 21.5, "humidity": 42, "iaq": 51},
    ),
    "xy-sense": ("xy-space-1", {"person_count": 2, "signs_of_life": True}),
    "zigbee2mqtt": (None, {"motion_detected": True, "signs_of_life": True, "temperature": 21.4}),
}


def _sample(name: str) -> tuple[str, bytes]:
    """The profile of a sample, and what was published."""
    sample = json.loads((ROOT / "events" / f"ingest-{name}.json").read_text())
    return sample["topic"].split("/")[2], base64.b64decode(sample["payload_base64"])


def _said(report: dict[str, Any]) -> dict[str, Any]:
    """What a report says, without the units."""
    environment = report.get("environment") or {}
    values = {name: value["value"] for name, value in environment.items() if isinstance(value, dict)}
    return {**values, **{name: report[name] for name in ("person_count", "signs_of_life", "motion_detected")}}


@pytest.fixture
def of_vendor(make_scene: MakeScene, request: pytest.FixtureRequest) -> Iterator[tuple[Scene, str]]:
    """A scene whose space has the sensor that a sample names, and the name of the sample."""
    name: str = request.param
    sensor, scene = SAMPLES[name][0], make_scene()
    if sensor:
        scene.api.call("PUT", f"/v1/sensors/{sensor}", {"building_ref_id": scene.building, "space_ref_id": scene.space})
    yield scene, name
    if sensor:
        scene.api.call("DELETE", f"/v1/sensors/{sensor}")


@pytest.mark.parametrize("of_vendor", SAMPLES, indirect=True)
def test_a_vendor_s_message_becomes_a_report(of_vendor: tuple[Scene, str]) -> None:
    scene, name = of_vendor
    reports = scene.subscribe()
    profile, payload = _sample(name)
    scene.publish(payload, scene.topic(profile))
    [arrival] = reports.wait(1)
    said, expected = _said(arrival.json()), SAMPLES[name][1]
    assert {field: said.get(field) for field in expected} == expected


def test_a_vendor_s_door_makes_people_of_a_room(make_scene: MakeScene) -> None:
    """A Milesight VS350: two bytes each way, which begin anew after 65,535."""
    scene = make_scene()
    reports = scene.subscribe()

    def cross(second: int, entries: int, exits: int) -> None:
        payload = b"\x04\xcc" + entries.to_bytes(2, "little") + exits.to_bytes(2, "little")
        uplink = {"deviceName": "vs350-lobby", "devEUI": scene.sensor, "fPort": 85}
        data = {"data": base64.b64encode(payload).decode(), "time": f"2026-02-02T14:19:{second:02}Z"}
        scene.publish(uplink | data, scene.topic("milesight_gateway"))
        reports.wait(second)

    for second, (entries, exits) in enumerate([(65_530, 10), (65_535, 10), (4, 12), (4, 20)], start=1):
        cross(second, entries, exits)
    assert [arrival.json()["person_count"] for arrival in reports.wait(4)] == [0, 5, 8, 0]


def test_every_profile_has_a_sample() -> None:
    profiles = {_sample(name)[0] for name in SAMPLES}
    written = (ROOT / "shared" / "domain" / "src" / "profile" / "built_in").glob("*.json")
    assert profiles == {json.loads(path.read_text())["name"] for path in written}


def test_what_a_vendor_s_message_lacks_is_told(make_scene: MakeScene, dead_letters: DeadLetters) -> None:
    scene = make_scene()
    reports, topic = scene.subscribe(), scene.topic("xy_sense")
    # Nothing of a reading in it: no mistake, and nothing to keep.
    scene.publish({"space_id": scene.sensor, "firmware": "1.2"}, topic)
    scene.publish({"space_id": scene.sensor, "headcount": "two", "collected": "2026-02-02T14:19:00"}, topic)
    scene.publish({"space_id": scene.sensor, "headcount": "2", "collected": "2026-02-02T14:20:00"}, topic)
    [arrival] = reports.wait(1)
    assert arrival.json()["person_count"] == 2
    causes, _ = dead_letters.one(topic)
    assert causes == ["reading 0: person_count: at /headcount: must be a number"]
