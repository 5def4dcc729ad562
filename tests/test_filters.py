"""What narrows down what is sent: filters on fields, floors and spaces; and how subscriptions are found again."""

from __future__ import annotations

from typing import Any

import pytest
from api import Api, Problem
from receiver import Arrival

from kept_items import Table
from scene import Scene, Subscription
from waiting import until

# A run looks a minute after a deletion for what was appended meanwhile.
GONE_SECONDS = 90


def _counts(arrivals: list[Arrival]) -> list[int]:
    return [arrival.json()["person_count"] for arrival in arrivals]


def _publish(scene: Scene, witness: Subscription, counts: list[int]) -> None:
    """Publishes readings, and returns when all that is sent of them is settled: the witness gets each."""
    before = len(witness.attempts())
    scene.publish([scene.reading(before + minute, count=count) for minute, count in enumerate(counts, start=1)])
    witness.recorded(before + len(counts))


def test_only_what_matches_is_sent(scene: Scene) -> None:
    witness = scene.subscribe("witness")
    filters: dict[str, tuple[dict[str, Any], list[int]]] = {
        "numeric": ({"person_count": [{"numeric": [">", 1, "<=", 3]}]}, [2, 3]),
        "exact": ({"person_count": [0, 4.0]}, [0, 4]),
        "nested": ({"people": {"count": [{"anything-but": [0, 1, 2]}]}}, [3, 4]),
        "array": ({"sensor_ids": [{"prefix": "d-"}]}, [0, 2, 3, 4]),
        "absent": ({"environment": {"iaq": {"value": [{"exists": False}]}}}, [0, 2, 3, 4]),
        "either": ({"$or": [{"person_count": [2]}, {"event_type": ["space_stale"]}]}, [2]),
        "never": ({"building_ref_id": ["elsewhere"]}, []),
    }
    subjects = {name: scene.subscribe(name, filter=pattern) for name, (pattern, _) in filters.items()}
    _publish(scene, witness, [0, 2, 3, 4])
    for name, (pattern, expected) in filters.items():
        assert _counts(subjects[name].wait(len(expected))) == expected, name
        assert subjects[name].get()["filter"] == pattern


def test_a_filter_that_changes_holds_from_the_next_event_on(scene: Scene) -> None:
    witness, subject = scene.subscribe("witness"), scene.subscribe("subject", filter={"person_count": [1]})
    _publish(scene, witness, [1, 2])
    subject.patch(filter={"person_count": [2]})
    _publish(scene, witness, [1, 2])
    subject.patch(filter=None)
    _publish(scene, witness, [1])
    assert _counts(subject.wait(3)) == [1, 2, 1]


def test_floors_and_spaces_by_their_names(scene: Scene) -> None:
    witness = scene.subscribe("witness")
    chosen: list[tuple[str, dict[str, Any], bool]] = [
        ("floor", {"floor_ref_ids": [scene.floor, "another"]}, True),
        ("other-floor", {"floor_ref_ids": ["another"]}, False),
        ("space", {"space_ref_ids": [scene.space]}, True),
        ("other-space", {"space_ref_ids": ["another"]}, False),
        ("anywhere", {"space_ref_ids": [scene.space], "building_ref_ids": []}, True),
        ("both", {"floor_ref_ids": [scene.floor], "space_ref_ids": ["another"]}, False),
    ]
    subjects = [(scene.subscribe(what, **fields), sent) for what, fields, sent in chosen]
    _publish(scene, witness, [1])
    for subject, sent in subjects:
        assert _counts(subject.wait(int(sent))) == ([1] if sent else []), subject.inbox


def test_a_filter_with_mistakes_is_refused_with_every_place(scene: Scene) -> None:
    with pytest.raises(Problem) as refused:
        scene.subscribe("bad", filter={"a": 1, "b": {"c": [{"numeric": [">"]}, {"wildcard": "x*"}]}})
    assert refused.value.status == 422
    places = [error["pointer"] for error in refused.value.document["errors"]]
    assert places == ["/filter/a", "/filter/b/c/0/numeric", "/filter/b/c/1/wildcard"]


def test_replaced_whole(scene: Scene) -> None:
    subject = scene.subscribe("subject", filter={"person_count": [1]}, auth={"type": "bearer", "token": "tok-en-12345"})
    witness = scene.subscribe("witness")
    body = {"name": f"{scene.name} new", "url": subject.get()["url"], "event_types": ["space_report"]}
    body |= {"building_ref_ids": [scene.building], "metadata": {"erp": "4711"}}
    with pytest.raises(Problem) as stale:
        subject.api.call("PUT", subject.path, body, if_match='"7"')
    assert stale.value.status == 412
    replaced = subject.api.call("PUT", subject.path, body, if_match='"1"')
    assert (replaced["filter"], replaced["auth"]["type"], replaced["metadata"]) == (None, "none", {"erp": "4711"})
    _publish(scene, witness, [5])
    [arrival] = subject.wait(1)
    assert "authorization" not in arrival.headers and arrival.is_signed_with(subject.secret)


def test_found_by_what_they_want_and_how_they_do(scene: Scene, api: Api) -> None:
    failing = scene.subscribe("failing-receiver", answer=lambda _: (503, b"down"))
    scene.subscribe("availability", "space_availability", description=f"for ROBOTS of {scene.name}")
    off = scene.subscribe("off", enabled=False)
    witness = scene.subscribe("witness")

    def found(**filters: str) -> list[str]:
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        listed = api.every(f"/v1/subscriptions?text={scene.name}&{query}")
        return [one["name"].removeprefix(f"{scene.name} ") for one in listed]

    assert found() == ["failing-receiver", "availability", "off", "witness"]
    assert found(enabled="false") == ["off"]
    assert found(event_type="space_availability") == ["availability"]
    assert found(building_ref_id="elsewhere") == []
    assert api.every(f"/v1/subscriptions?text=robots%20of%20{scene.name}")[0]["description"].startswith("for ROBOTS")
    _publish(scene, witness, [1])
    until(lambda: found(health="waiting") == ["failing-receiver"], "its delivery waits")
    assert (failing.get()["health"], off.get()["health"], witness.get()["health"]) == ("waiting", "disabled", "healthy")

    page = api.call("GET", f"/v1/subscriptions?text={scene.name}&limit=1")
    cursor = page["next_cursor"]
    rest = api.call("GET", f"/v1/subscriptions?text={scene.name}&limit=9&cursor={cursor}")
    assert len(rest["data"]) == 3
    for other in ("", "text=other&", f"text={scene.name}&enabled=true&"):
        with pytest.raises(Problem) as refused:
            api.call("GET", f"/v1/subscriptions?{other}cursor={cursor}")
        assert refused.value.document["errors"][0]["parameter"] == "cursor"


def test_a_deleted_subscription_leaves_nothing_behind(scene: Scene) -> None:
    table = Table(scene.cloud)
    subject = scene.subscribe("subject", answer=lambda arrival: (503, b"down"))
    witness = scene.subscribe("witness")
    _publish(scene, witness, [1, 2, 3])
    partition = f"B#{subject.tenant}#{subject.id}"
    until(lambda: len(table.of_partition(partition)) >= 5, "a backlog, a lane and three deliveries")
    subject.api.call("DELETE", subject.path)
    assert not table.of_partition(partition, "KEPT#"), "what waited went with it"
    until(lambda: not table.of_partition(partition), "nothing is left", GONE_SECONDS)
    tenant = table.get(f"T#{subject.tenant}", "TENANT")
    assert tenant is not None and subject.id not in tenant.get("backlogs", {}).get("SS", [])
