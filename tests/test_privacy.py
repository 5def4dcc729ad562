"""What of a tenant's telemetry is kept: its own to say."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterator

import pytest
from api import Api, Problem

from kept_items import Table
from scene import MakeScene, Scene
from second_tenant import SecondTenant
from waiting import until

PLACES = {"coordinates": [[1.0, 2.0]], "distances": [2.5]}
USUAL = {"coordinates": True, "raw_payloads": None}


@pytest.fixture
def other(make_scene: MakeScene, second_tenant: SecondTenant) -> Iterator[Scene]:
    """A scene of a tenant whose privacy no other test counts on; as usual again in the end."""
    scene = make_scene(second_tenant.api, second_tenant.name)
    yield scene
    _patch(scene.api, None)
    scene.api.call("DELETE", "/v1/raw-payloads")


def _patch(api: Api, privacy: dict | None) -> dict:
    return api.call("PATCH", "/v1/tenant", {"privacy": privacy})["privacy"]


def _in(hours: float) -> str:
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def test_where_people_are_is_dropped_before_anything_is_stored_or_sent(other: Scene) -> None:
    reports, table = other.subscribe(), Table(other.cloud)
    other.publish(other.reading(1, count=1, **PLACES))
    [before] = reports.wait(1)
    assert before.json()["people"]["coordinates"] == [PLACES["coordinates"]]
    assert _patch(other.api, {"coordinates": False}) == USUAL | {"coordinates": False}
    assert other.api.call("GET", "/v1/tenant")["privacy"]["coordinates"] is False

    other.publish(other.reading(2, count=2, **PLACES))
    after = reports.wait(2)[1].json()["people"]
    assert after == {"count": 2, "coordinates": []}
    state = other.state()
    assert (state["coordinates"], state["distances"], state["person_count"]) == ([], None, 2)
    assert not table.of_state(other)["sensors"][other.sensor].keys() & PLACES.keys(), "what was stored is gone, too"

    with pytest.raises(Problem) as refused:
        _patch(other.api, {"raw_payloads": {"keep_until": _in(1)}})
    assert refused.value.status == 422


def test_messages_are_kept_as_they_came_when_that_is_asked_for(other: Scene) -> None:
    api = other.api
    until_then = _in(1)
    asked = {"keep_until": until_then, "profile": None, "sensor_id": other.sensor}
    assert _patch(api, {"raw_payloads": asked}) == USUAL | {"raw_payloads": asked}
    sent = [other.reading(1, count=1), [other.reading(2, count=2), {"person_count": "many"}]]
    for place, payload in enumerate(sent, 1):
        other.publish(payload)
        until(lambda place=place: len(api.every("/v1/raw-payloads")) == place, "the message")
    other.publish(b"no JSON")
    other.publish(b" " * 65_537)
    other.publish(other.reading(3, count=3), other.topic(sensor="another"))
    until(lambda: len(api.every("/v1/raw-payloads")) == 4, "the messages")
    kept = list(reversed(api.every(f"/v1/raw-payloads?sensor_id={other.sensor}&profile=native")))
    assert len(kept) == 4, "of another sensor none was asked for"
    assert [json.loads(base64.b64decode(one["payload_base64"])) for one in kept[:2]] == sent
    assert [one["readings"] for one in kept] == [1, 1, 0, 0]
    assert kept[1]["causes"] == ["reading 1: person_count: must be a whole number from 0 to 10000"]
    assert {(one["bytes"], one["payload_base64"]) for one in kept[2:]} == {(7, "bm8gSlNPTg=="), (65_537, None)}
    assert all(one["topic"] == other.topic() for one in kept)
    assert api.every("/v1/raw-payloads?profile=milesight") == []
    api.call("DELETE", "/v1/raw-payloads")
    assert api.every("/v1/raw-payloads") == []
    assert _patch(api, {"raw_payloads": None}) == USUAL
