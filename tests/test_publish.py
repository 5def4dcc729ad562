"""Events that another platform publishes: checked by the schemas of their types, delivered in order, once."""

from __future__ import annotations

from typing import Any

import pytest
from api import Api, Problem

from exchange import ask, problem
from scene import Scene
from test_event_types import own_type

READINGS = 20


@pytest.fixture(scope="module")
def publisher(api: Api) -> Api:
    """The API with a key that may publish, and nothing else."""
    made = api.call("POST", "/v1/api-keys", {"name": "Publisher", "scopes": ["publish"]})
    return Api(api.base, made["token"])


def _event(name: str, subject: str | None = None, **data: Any) -> dict[str, Any]:
    event = {"event_type": name, "data": {"door": "north", **data}}
    return event if subject is None else {**event, "subject": subject}


def test_what_is_published_arrives_signed_and_in_the_order_of_its_subject(scene: Scene, publisher: Api) -> None:
    name = own_type(scene.api)
    doors = scene.subscribe("doors", name, key_values={"site": "HQ"})
    scene.subscribe("others", "visitor_check_in")
    subjects = [f"{scene.name}-{side}" for side in ("north", "south")]
    taken = []
    for number in range(0, READINGS, 2):
        batch = [_event(name, subject, number=number + more) for subject in subjects for more in range(2)]
        taken += publisher.call("POST", "/v1/events/batch", {"events": batch})["events"]
    alone = publisher.call("POST", "/v1/events", {**_event(name, number=99), "occurred_at": "2026-02-02T14:20:00Z"})
    arrivals = doors.wait(2 * READINGS + 1)
    by_id = {arrival.event_id: arrival for arrival in arrivals}
    assert len(by_id) == len(arrivals) == 2 * READINGS + 1
    for subject in subjects:
        ids = [event["id"] for event in taken if event["subject"] == subject]
        heard = [arrival.event_id for arrival in arrivals if arrival.event_id in ids]
        assert heard == ids and [by_id[id].json()["number"] for id in ids] == list(range(READINGS))
        sequences = [by_id[id].sequence for id in ids]
        assert sequences == sorted(sequences) and sequences[-1] < 2**53
    assert by_id[alone["id"]].json() == {
        "event_type": name,
        "timestamp": "2026-02-02T14:20:00Z",
        "door": "north",
        "number": 99,
        "site": "HQ",
    }
    assert all(arrival.is_signed_with(doors.secret) for arrival in arrivals)
    assert all("spacehook-test" not in arrival.headers for arrival in arrivals)


def test_a_platforms_own_events_reach_who_asked_for_them(scene: Scene, publisher: Api) -> None:
    example = scene.api.call("GET", "/v1/event-types/visitor_check_in")["example"]
    data = {field: value for field, value in example.items() if field not in ("event_type", "timestamp")}
    data["visitor"] = {"id": scene.name}
    # An event without a space is of no building, and no filter of buildings is about it.
    visitors = scene.subscribe("visitors", "visitor_check_in", "visitor_check_out")
    publisher.call("POST", "/v1/events", {"event_type": "visitor_check_in", "data": data, "subject": scene.name})
    publisher.call("POST", "/v1/events", {"event_type": "visitor_check_out", "data": data, "subject": scene.name})
    mine = [arrival.json() for arrival in visitors.wait(2) if arrival.json()["visitor"]["id"] == scene.name]
    assert [body["event_type"] for body in mine] == ["visitor_check_in", "visitor_check_out"]
    assert {field: mine[0][field] for field in data} == data


def test_every_mistake_is_named_and_nothing_of_the_batch_is_sent(scene: Scene, publisher: Api) -> None:
    name = own_type(scene.api)
    doors = scene.subscribe("doors", name)
    batch = [
        _event(name),
        _event(name, number="three", window=1),
        {"event_type": "space_report", "data": {}},
        {"event_type": "tests.never_registered", "data": {}},
        {"event_type": name, "data": {"door": "d", "timestamp": "now"}, "occurred_at": "2099-01-01T00:00:00Z"},
        {"event_type": "user_created", "data": {"user": {}}},
    ]
    with pytest.raises(Problem) as refused:
        publisher.call("POST", "/v1/events/batch", {"events": batch})
    places = {error["pointer"] for error in refused.value.document["errors"]}
    assert refused.value.status == 422
    assert places == {
        "/events/1/data/number",
        "/events/1/data/window",
        "/events/2/event_type",
        "/events/3/event_type",
        "/events/4/data/timestamp",
        "/events/4/occurred_at",
        "/events/5/data/user/id",
    }
    scene.api.call("POST", f"/v1/event-types/{name}/archive")
    with pytest.raises(Problem) as archived:
        publisher.call("POST", "/v1/events", _event(name))
    assert [error["pointer"] for error in archived.value.document["errors"]] == ["/event_type"]
    scene.api.call("POST", f"/v1/event-types/{name}/unarchive")
    sent = publisher.call("POST", "/v1/events", _event(name, number=1))
    assert [arrival.event_id for arrival in doors.wait(1)] == [sent["id"]], "and nothing before it"


def test_publishing_needs_its_own_scope(api: Api, publisher: Api) -> None:
    name = own_type(api)
    writer = api.call("POST", "/v1/api-keys", {"name": "Writer", "scopes": ["write"]})
    for path, body in [("/v1/events", _event(name)), ("/v1/events/batch", {"events": [_event(name)]})]:
        problem(ask(Api(api.base, writer["token"]), "POST", path, body), 403, "scope-missing")
        problem(ask(Api(api.base, None), "POST", path, body), 401, "unauthenticated")
    problem(ask(publisher, "GET", "/v1/event-types"), 403, "scope-missing")
