"""What happens to devices: registered or not any more, in sync with their shadow or not, their app updated."""

from __future__ import annotations

import json
import time
from typing import Any

from dead_letters import DeadLetters
from scene import Scene

SHADOWS = ("device_in_sync", "device_out_of_sync", "device_app_updated")


def _place(scene: Scene) -> dict[str, Any]:
    return {"building_ref_id": scene.building, "floor_ref_id": scene.floor, "space_ref_id": scene.space}


def _topic(scene: Scene) -> str:
    return f"$aws/things/{scene.tenant}:{scene.sensor}/shadow/update/documents"


def _shadow(scene: Scene, version: int, desired: Any, reported: Any) -> None:
    """Publishes what AWS IoT Core publishes when a shadow is changed; the emulator has no shadows."""
    current = {"state": {"desired": desired, "reported": reported}, "metadata": {}, "version": version}
    document = {"previous": {}, "current": current, "timestamp": int(time.time())}
    scene.device.publish(_topic(scene), json.dumps(document).encode())


def test_registrations_are_told_and_moves_are_not(scene: Scene) -> None:
    subject = scene.subscribe("devices", "device_registered", "device_unregistered")
    sensor = f"new-{scene.sensor}"
    to = {"building_ref_id": scene.building, "space_ref_id": scene.space}
    scene.api.call("PUT", f"/v1/sensors/{sensor}", to)
    scene.api.call("PUT", f"{scene.space_path}-2", {})
    scene.api.call("PUT", f"/v1/sensors/{sensor}", to | {"space_ref_id": f"{scene.space}-2"})
    scene.api.call("DELETE", f"/v1/sensors/{sensor}")
    bodies = [arrival.json() for arrival in subject.wait(2)]
    assert [body["event_type"] for body in bodies] == ["device_registered", "device_unregistered"]
    assert bodies[0].items() >= (_place(scene) | {"sensor_id": sensor}).items()
    assert (bodies[1]["space_ref_id"], bodies[1]["floor_ref_id"]) == (f"{scene.space}-2", None)

    sensors = [{"sensor_id": f"{sensor}-{n}"} for n in range(3)]
    building = {"building_ref_id": scene.building, "spaces": [{"space_ref_id": scene.space, "sensors": sensors}]}
    scene.api.call("POST", "/v1/import", {"buildings": [building]})
    told = {arrival.json()["sensor_id"] for arrival in subject.wait(5)[2:]}
    assert told == {f"{sensor}-{n}" for n in range(3)}


def test_a_shadow_says_whether_a_device_is_in_sync_and_what_it_runs(scene: Scene) -> None:
    subject = scene.subscribe("devices", *SHADOWS)
    wanted = {"interval_s": 60, "display": {"brightness": 5}}
    app = {"name": "player", "version": "2.4.0"}
    _shadow(scene, 1, wanted, {"interval_s": 60, "display": {"brightness": 3}, "app": app})
    [out] = [arrival.json() for arrival in subject.wait(1)]
    assert out.items() >= (_place(scene) | {"event_type": "device_out_of_sync", "sensor_id": scene.sensor}).items()
    assert out["reason"] == "reported is not as desired at /display/brightness"
    _shadow(scene, 3, wanted, wanted | {"app": app | {"version": "2.4.1"}})
    arrivals = subject.wait(3)
    assert [arrival.json()["event_type"] for arrival in arrivals[1:]] == ["device_in_sync", "device_app_updated"]
    assert arrivals[2].json()["app"] == {"name": "player", "version": "2.4.1", "previous_version": "2.4.0"}
    # An older version is nothing; what is the same is told once.
    _shadow(scene, 2, wanted, {})
    _shadow(scene, 4, wanted, wanted | {"more": 1})
    _shadow(scene, 5, wanted, {"interval_s": 61})
    arrivals = subject.wait(4)
    assert arrivals[3].json()["event_type"] == "device_out_of_sync"
    assert [arrival.sequence for arrival in arrivals] == [1, 2, 3, 4]


def test_a_malformed_shadow_is_kept_with_its_cause(scene: Scene, dead_letters: DeadLetters) -> None:
    scene.device.publish(_topic(scene), b'{"current": {"version": "one"}}')
    causes, payload = dead_letters.one(_topic(scene))
    assert causes == ["not a shadow document: current.version: must be a whole number"]
    assert payload == b'{"current": {"version": "one"}}'
