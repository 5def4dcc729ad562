"""Profiles of a tenant's own: made over the API, followed by ingest with the next message, tried before that."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from api import Api

from dead_letters import DeadLetters
from exchange import ask, problem
from scene import MakeScene, Scene

# As vendors publish them: temperature in tenths of a degree, occupancy as a bit, and what else the API of decoders has.
DECODER = """
function Bits(value) { this.value = value; }
Bits.prototype.has = function (bit) { return (this.value >> bit & 1) === 1; };

function decodeUplink(input) {
  var data = {}, bytes = input.bytes;
  if (input.fPort !== 2) return { errors: ['unknown port ' + input.fPort] };
  data.temperature = (bytes[0] << 8 | bytes[1]) / 10;
  data.occupied = new Bits(bytes[2]).has(0);
  return { data: data, warnings: [] };
}
function encodeDownlink(input) { return { bytes: [], fPort: 1 }; }
"""

MakeProfile = Callable[[dict[str, Any]], str]


@pytest.fixture
def make_profile(api: Api) -> Iterator[MakeProfile]:
    """Makes profiles and, in the end, deletes those that are left."""
    names: list[str] = []

    def make(definition: dict[str, Any]) -> str:
        name = f"own_{uuid.uuid4().hex[:12]}"
        api.call("POST", "/v1/profiles", {"name": name, "definition": definition})
        names.append(name)
        return name

    yield make
    for name in names:
        ask(api, "DELETE", f"/v1/profiles/{name}")


def _lorawan(quantities: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "envelope": "the_things_stack",
        "decode": {"source": DECODER},
        "quantities": quantities
        or {"temperature": {"at": "/decoded/temperature"}, "signs_of_life": {"at": "/decoded/occupied"}},
    }


def _uplink(scene: Scene, payload: bytes, port: int = 2) -> dict[str, Any]:
    return {
        "end_device_ids": {"device_id": scene.sensor},
        "uplink_message": {"f_port": port, "frm_payload": base64.b64encode(payload).decode()},
    }


def test_a_vendor_s_decoder_makes_reports(make_scene: MakeScene, make_profile: MakeProfile, api: Api) -> None:
    scene, name = make_scene(), make_profile(_lorawan())
    uplink = _uplink(scene, bytes([0x00, 0xE1, 0x01]))
    tried = api.call("POST", f"/v1/profiles/{name}:test", {"message": uplink, "sensor_id": scene.sensor})
    assert tried["error"] is None and tried["decoded"] == {"temperature": 22.5, "occupied": True}
    assert tried["readings"][0]["measurements"] == {"temperature": 22.5, "signs_of_life": True}

    reports = scene.subscribe()
    scene.publish(uplink, scene.topic(name))
    [arrival] = reports.wait(1)
    report = arrival.json()
    assert (report["signs_of_life"], report["environment"]["temperature"]["value"]) == (True, 22.5)


def test_a_change_holds_with_the_next_message(make_scene: MakeScene, make_profile: MakeProfile, api: Api) -> None:
    scene = make_scene()
    name = make_profile({"quantities": {"person_count": {"at": "/in"}}})
    reports = scene.subscribe()
    scene.publish({"in": 1, "all": 5}, scene.topic(name))
    reports.wait(1)
    replaced = api.call("PUT", f"/v1/profiles/{name}", {"definition": {"quantities": {"person_count": {"at": "/all"}}}})
    assert replaced["version"] == 2
    scene.publish({"in": 2, "all": 6}, scene.topic(name))
    assert [arrival.json()["person_count"] for arrival in reports.wait(2)] == [1, 6]
    versions = api.call("GET", f"/v1/profiles/{name}/versions")["data"]
    assert [one["version"] for one in versions] == [2, 1]


def test_a_script_says_what_a_table_can_t(make_scene: MakeScene, make_profile: MakeProfile) -> None:
    scene = make_scene()
    # Two rows of seats, a bit a seat, and the minutes since midnight.
    normalize = """
    const seats = (row) => [...row].filter((seat) => seat === 'x').length;
    function normalize(data, meta) {
      const midnight = new Date(meta.received_at);
      midnight.setUTCHours(0, 0, 0, 0);
      return data.samples.map(({ minute, rows }) => ({
        sensor_id: meta.sensor_id,
        timestamp: new Date(midnight.getTime() + minute * 60000).toISOString(),
        person_count: rows.reduce((sum, row) => sum + seats(row), 0),
      }));
    }
    """
    name = make_profile({"normalize": normalize})
    reports = scene.subscribe()
    scene.publish({"samples": [{"minute": 0, "rows": ["x..", "xx."]}]}, scene.topic(name))
    [arrival] = reports.wait(1)
    assert arrival.json()["person_count"] == 3
    assert arrival.json()["timestamp"].endswith("T00:00:00Z")


def test_a_sensor_overrides_the_profile_of_its_topic(make_scene: MakeScene, make_profile: MakeProfile) -> None:
    scene, name = make_scene(), make_profile({"quantities": {"person_count": {"at": "/people"}}})
    place = {"building_ref_id": scene.building, "space_ref_id": scene.space}
    scene.api.call("PUT", f"/v1/sensors/{scene.sensor}", {**place, "profile": name})
    reports = scene.subscribe()
    scene.publish({"people": 4}, scene.topic("native"))
    [arrival] = reports.wait(1)
    assert arrival.json()["person_count"] == 4
    answer = ask(scene.api, "PUT", f"/v1/sensors/{scene.sensor}", {**place, "profile": "no_such_profile"})
    assert problem(answer, 422, "invalid-fields")["errors"][0]["pointer"] == "/profile"


HOSTILE = {
    "endless": ("for (;;) {}", "took more than 50 ms"),
    "memory": ("var a = []; for (;;) a.push(new Array(1e6).fill(7));", ""),
    "recursion": ("(function f() { f(); })();", ""),
    "no error": ("throw 'just a text';", "just a text"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_decoder_costs_its_own_message_alone(
    make_scene: MakeScene, make_profile: MakeProfile, dead_letters: DeadLetters, kind: str
) -> None:
    scene = make_scene()
    script, cause = HOSTILE[kind]
    bad = make_profile(
        {
            "envelope": "the_things_stack",
            "decode": {"source": f"function decodeUplink(input) {{ {script} }}"},
            "quantities": {"co2": {"at": "/decoded/co2"}},
        }
    )
    good, reports = make_profile(_lorawan()), scene.subscribe()
    scene.publish(_uplink(scene, b"\x01"), scene.topic(bad))
    scene.publish(_uplink(scene, bytes([0x00, 0xC8, 0x00])), scene.topic(good))
    [arrival] = reports.wait(1)
    assert arrival.json()["environment"]["temperature"]["value"] == 20
    causes, _ = dead_letters.one(scene.topic(bad))
    assert "decoder" in causes[0] and cause in causes[0]


def test_what_a_decoder_or_a_profile_lacks_is_told(
    make_scene: MakeScene, make_profile: MakeProfile, dead_letters: DeadLetters, api: Api
) -> None:
    scene, name = make_scene(), make_profile(_lorawan())
    scene.publish(_uplink(scene, b"\x00\x00\x00", port=9), scene.topic(name))
    causes, _ = dead_letters.one(scene.topic(name))
    assert causes == ["the decoder says: unknown port 9"]

    gone = make_profile({"quantities": {"co2": {"at": "/co2"}}})
    api.call("DELETE", f"/v1/profiles/{gone}")
    scene.publish({"co2": 400}, scene.topic(gone))
    causes, _ = dead_letters.one(scene.topic(gone))
    assert causes[0].startswith(f"there is no profile '{gone}'; there are native, ")


def test_what_can_t_be_followed_is_never_saved(api: Api) -> None:
    body = {
        "name": "never_saved",
        "definition": {
            "envelope": "chirpstack",
            "decode": {"source": "function decodeUplink(input) {\n  return {data: {;\n}"},
            "quantities": {"co2": {"at": "/decoded/co2"}},
        },
    }
    refused = problem(ask(api, "POST", "/v1/profiles", body), 422, "invalid-fields")
    assert refused["errors"][0]["pointer"] == "/definition/decode/source"
    assert "line 2" in refused["errors"][0]["detail"]
    problem(ask(api, "GET", "/v1/profiles/never_saved"), 404, "not-found")
