"""Event types: the catalogue, types of a tenant's own, and the test event that shows what a receiver makes of one."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from api import Api, Problem

from exchange import ask, problem
from scene import Scene
from second_tenant import SecondTenant

_numbers = itertools.count(1)


def own_type(api: Api, **fields: Any) -> str:
    """Registers a type of the tenant's own, of a name that no other test has; its name."""
    name = f"tests.door_{next(_numbers)}"
    body = {
        "name": name,
        "description": "A door was opened.",
        "schema": {
            "type": "object",
            "properties": {"door": {"type": "string"}, "number": {"type": "integer", "minimum": 0}},
            "required": ["door"],
            "additionalProperties": False,
        },
        "example": {"door": "north"},
        **fields,
    }
    assert api.call("POST", "/v1/event-types", body)["version"] == 1
    return name


def _places(refused: pytest.ExceptionInfo[Problem]) -> set[str]:
    return {error["pointer"] for error in refused.value.document["errors"]}


def test_the_catalogue_has_every_type_with_its_shape(api: Api) -> None:
    types = api.every("/v1/event-types?archived=false")
    built_in = [one for one in types if one["group"] != "own"]
    assert len(built_in) == 49 and {one["origin"] for one in built_in} == {"derived", "published", "either"}
    for one in built_in:
        whole = api.call("GET", f"/v1/event-types/{one['name']}")
        assert whole["schema"]["title"] == one["name"]
        record = whole["example"][0] if isinstance(whole["example"], list) else whole["example"]
        assert record["event_type"] == one["name"]
    users = {one["name"] for one in api.every("/v1/event-types?group=user")}
    assert users == {one["name"] for one in built_in if one["name"].startswith("user_")} and len(users) == 8


def test_a_type_is_registered_changed_and_archived(api: Api, second_tenant: SecondTenant) -> None:
    name = own_type(api)
    path = f"/v1/event-types/{name}"
    problem(ask(api, "POST", "/v1/event-types", {"name": name}), 409, "name-taken")
    problem(ask(api, "POST", f"{path}/archive", if_match='"7"'), 412, "precondition-failed")
    second = api.call("PUT", path, {"schema": {"required": ["gate"]}, "example": {"gate": "g"}}, if_match='"1"')
    assert (second["version"], second["revision"]) == (2, 2)
    assert api.call("GET", f"{path}/versions/1")["example"] == {"door": "north"}
    assert api.call("GET", f"{path}/versions/2")["example"] == {"gate": "g"}
    with pytest.raises(Problem) as refused:
        api.call("PUT", path, {"schema": {"type": "objekt", "pattern": "(?=x)"}, "example": {"timestamp": 1}})
    assert _places(refused) == {"/schema/type", "/schema/pattern", "/example/timestamp"}
    for method, place in [("GET", path), ("PUT", path), ("POST", f"{path}/archive"), ("GET", f"{path}/versions/1")]:
        problem(ask(second_tenant.api, method, place, {} if method == "PUT" else None), 404, "not-found")
    assert api.call("POST", f"{path}/archive")["archived"]
    assert name in {one["name"] for one in api.every("/v1/event-types?archived=true&group=own")}
    assert not api.call("POST", f"{path}/unarchive")["archived"]


def test_a_subscription_lists_what_is_registered_and_not_archived(scene: Scene) -> None:
    api, name = scene.api, own_type(scene.api)
    subscription = scene.subscribe("doors", name)
    api.call("POST", f"/v1/event-types/{name}/archive")
    kept = subscription.patch(event_types=[name, "space_report"])
    assert set(kept["event_types"]) == {name, "space_report"}, "what it had it keeps"
    with pytest.raises(Problem) as refused:
        scene.subscribe("more", name, "tests.never_registered", "space_report")
    assert refused.value.status == 422 and _places(refused) == {"/event_types/0", "/event_types/1"}


def test_a_test_event_goes_to_one_subscription_and_says_what_it_is(scene: Scene) -> None:
    api, name = scene.api, own_type(scene.api)
    subject = scene.subscribe("subject", name, key_values={"site": "HQ"}, backlog="latest")
    other = scene.subscribe("other", name, "space_availability")
    sent = api.call("POST", f"{subject.path}/test")
    [arrival] = subject.wait(1)
    assert (arrival.event_id, sent["event_type"]) == (sent["event_id"], name)
    assert arrival.headers["spacehook-test"] == "true" and arrival.is_signed_with(subject.secret)
    body = arrival.json()
    assert body == {"event_type": name, "timestamp": body["timestamp"], "door": "north", "site": "HQ"}

    example = api.call("GET", "/v1/event-types/space_availability")["example"]
    api.call("POST", f"{subject.path}/test", {"event_type": "space_availability"})
    assert subject.wait(2)[1].json() == [{**record, "site": "HQ"} for record in example]
    assert {attempt["event_type"] for attempt in subject.recorded(2)} == {name, "space_availability"}
    assert other.arrivals() == []

    scene.publish(scene.reading(1, count=1))
    real = other.wait(1)[0]
    assert real.json()[0]["event_type"] == "space_availability" and "spacehook-test" not in real.headers
    api.call("POST", f"{subject.path}/disable")
    problem(ask(api, "POST", f"{subject.path}/test"), 409, "subscription-disabled")
