"""What would become of an event: the same that becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from api import Api, Problem

from scene import Scene
from second_tenant import SecondTenant

# What the HTTP client adds, and what an event that did not come by telemetry has not.
NOT_EXPLAINED = {"host", "content-length", "accept", "accept-encoding", "traceparent"}
TOKEN = "T0ken-for-explain-1"


def _explain(api: Api, **body: Any) -> dict[str, Any]:
    return api.call("POST", "/v1/explain", body)


def test_the_request_is_the_one_that_is_made(scene: Scene) -> None:
    subject = scene.subscribe(
        "subject",
        auth={"type": "bearer", "token": TOKEN},
        custom_headers={"X-Site": TOKEN},
        key_values={"site": "HQ"},
        filter={"person_count": [{"numeric": [">", 0]}]},
    )
    scene.publish(scene.reading(1, count=2, temperature=21.5))
    [arrival] = subject.wait(1)
    data = {name: value for name, value in arrival.json().items() if name != "site"}
    event = {"event_type": "space_report", "data": data}
    explained = _explain(subject.api, event=event, subscription_id=subject.id)
    assert explained["event"]["space_ref_id"] == scene.space, "the space is that of the data"
    [one] = explained["data"]
    assert one["sent"] and one["decided_by"] is None and all(condition["holds"] for condition in one["conditions"])
    request = one["request"]
    assert (request["method"], request["url"]) == ("POST", subject.get()["url"])
    assert request["body"].encode() == arrival.body
    headers = {header["name"]: header["value"] for header in request["headers"]}
    assert headers.keys() == arrival.headers.keys() - NOT_EXPLAINED
    assert (headers["authorization"], headers["x-site"]) == ("[redacted]", "[redacted]")
    assert headers["webhook-signature"] == "v1,[redacted]"
    assert headers["user-agent"] == arrival.headers["user-agent"]
    assert TOKEN not in str(explained)


def test_the_condition_that_decides_is_told_and_true(scene: Scene) -> None:
    witness = scene.subscribe("witness")
    refusing = {
        "building": scene.subscribe("elsewhere", building_ref_ids=["elsewhere"]),
        "floor": scene.subscribe("other-floor", floor_ref_ids=["other"]),
        "filter": scene.subscribe("filtered", filter={"person_count": [{"numeric": ["<", 2]}]}),
        "enabled": scene.subscribe("off", enabled=False),
    }
    scene.publish(scene.reading(1, count=2))
    data = witness.wait(1)[0].json()
    witness.recorded(1)
    explained = _explain(witness.api, event={"event_type": "space_report", "data": data})
    by_id = {one["subscription_id"]: one for one in explained["data"]}
    assert by_id[witness.id]["sent"]
    for code, subject in refusing.items():
        one = by_id[subject.id]
        assert (one["sent"], one["decided_by"], one["request"]) == (False, code, None)
        assert subject.arrivals() == []
    [told] = [one for one in by_id[refusing["filter"].id]["conditions"] if one["code"] == "filter"]
    assert told["sentence"] == (
        'The filter does not match: person_count is 2, and wanted is [{"numeric":["<",2]}].'
    )


def test_examples_kept_events_and_strangers(scene: Scene, second_tenant: SecondTenant) -> None:
    subject = scene.subscribe("subject", "space_availability", building_ref_ids=[])
    explained = _explain(subject.api, event_type="space_availability", subscription_id=subject.id)
    assert explained["data"][0]["sent"] and explained["event"]["data"][0]["event_type"] == "space_availability"
    for api, body in [
        (subject.api, {"event_id": "evt_" + "0" * 32}),
        (second_tenant.api, {"event_type": "space_availability", "subscription_id": subject.id}),
    ]:
        with pytest.raises(Problem) as refused:
            _explain(api, **body)
        assert refused.value.status == 404
    strangers = _explain(second_tenant.api, event_type="space_availability")
    assert subject.id not in {one["subscription_id"] for one in strangers["data"]}
