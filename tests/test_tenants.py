"""Tenants, by the operator's API: limits that hold, and a suspension that everything keeps to until it is lifted."""

from __future__ import annotations

import uuid

import pytest
from api import Api
from cloud import Cloud

import second_tenant as tenants
from exchange import ask, problem
from scene import MakeScene
from second_tenant import SecondTenant
from waiting import until


@pytest.fixture
def theirs(cloud: Cloud, api: Api) -> SecondTenant:
    """A tenant of the test's own."""
    return tenants.found(cloud, api, f"t-{uuid.uuid4().hex[:12]}")


def test_a_tenant_is_listed_and_the_first_one_with_it(cloud: Cloud, api: Api, theirs: SecondTenant) -> None:
    listed = {tenant["id"]: tenant for tenant in api.every("/v1/tenants")}
    assert {theirs.name, cloud.parameters["FirstTenant"]} <= listed.keys()
    assert listed[theirs.name]["status"] == "active"
    assert theirs.api.call("GET", "/v1/tenant")["id"] == theirs.name
    problem(ask(theirs.api, "GET", "/v1/tenants"), 403, "scope-missing")
    problem(ask(api, "POST", "/v1/tenants", {"id": theirs.name, "name": "Again"}), 409, "tenant-exists")


def test_a_tenant_has_as_many_subscriptions_as_the_operator_says(api: Api, theirs: SecondTenant) -> None:
    api.call("PATCH", f"/v1/tenants/{theirs.name}", {"limits": {"subscriptions": 2}})
    body = {"url": "https://example.com/hook", "event_types": ["space_report"], "enabled": False}
    made = [theirs.api.call("POST", "/v1/subscriptions", body | {"name": f"n{number}"}) for number in range(2)]
    document = problem(ask(theirs.api, "POST", "/v1/subscriptions", body | {"name": "n2"}), 409, "limit-reached")
    assert "2 subscriptions" in document["detail"]
    assert theirs.api.call("GET", "/v1/tenant")["usage"]["subscriptions"] == 2
    theirs.api.call("DELETE", f"/v1/subscriptions/{made[0]['id']}")
    theirs.api.call("POST", "/v1/subscriptions", body | {"name": "n2"})


def test_a_suspension_stops_everything_and_loses_nothing_that_was_under_way(
    api: Api, theirs: SecondTenant, make_scene: MakeScene
) -> None:
    scene = make_scene(theirs.api, theirs.name)
    # Its receiver is down, so something waits when the tenant is suspended.
    down = [True]
    waiting = scene.subscribe("waiting", answer=lambda _: (503, b"") if down[0] else (200, b""))
    scene.publish(scene.reading(0, count=1))
    waiting.recorded(1)

    path = f"/v1/tenants/{theirs.name}"
    suspended = api.call("POST", f"{path}/suspend", {"reason": "unpaid"})
    assert (suspended["status"], suspended["suspended"]["reason"]) == ("suspended", "unpaid")
    document = problem(ask(theirs.api, "GET", "/v1/tenant"), 403, "tenant-suspended")
    assert "unpaid" in document["detail"]

    # What happens meanwhile makes no events. Another tenant's telemetry is the witness that ingest goes on.
    before = len(waiting.arrivals())
    scene.publish(scene.reading(1, count=2))
    witness = make_scene()
    heard = witness.subscribe()
    witness.publish(witness.reading(1, count=1))
    heard.wait(1)
    down[0] = False

    resumed = api.call("POST", f"{path}/resume")
    assert (resumed["status"], resumed["suspended"]) == ("active", None)
    until(lambda: scene.state()["person_count"] == 2, "the state that the telemetry meanwhile gave")
    arrived = waiting.wait(before + 1)
    assert arrived[-1].json()["person_count"] == 1, "what waited is sent"
    scene.publish(scene.reading(2, count=3))
    arrived = waiting.wait(before + 2)
    assert [one.json()["person_count"] for one in arrived[before:]] == [1, 3], "and then what is new"
