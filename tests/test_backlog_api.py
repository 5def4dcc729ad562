"""What waits for a subscription and what was given up, as its owner sees it in the API, and what they can do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from api import Problem
from receiver import Arrival

from scene import MakeScene, Scene, Subscription
from second_tenant import SecondTenant
from waiting import until

READINGS = 3
# The second and third attempt of a refused document come after 5 and 30 s, a fifth more at most, and a timer may be a
# second late.
THIRD_ATTEMPT_SECONDS = 60
# A breaker opens with the fifth failure in a row; the first probe comes after 5 s, and each that fails doubles the wait.
PROBE_SECONDS = 40


def _backlog(subscription: Subscription) -> dict[str, Any]:
    return subscription.api.call("GET", f"{subscription.path}/backlog")


def _when(subscription: Subscription, holds: Callable[[dict[str, Any]], bool], what: str, seconds: float = 20) -> Any:
    """Waits until the backlog is so, and returns it."""
    return until(lambda: (now if holds(now := _backlog(subscription)) else None), what, seconds)


def _of(scene: Scene, arrivals: list[Arrival]) -> list[int]:
    """The counts that were reported of the scene's space, as they arrived."""
    bodies = [arrival.json() for arrival in arrivals]
    return [body["person_count"] for body in bodies if body["building_ref_id"] == scene.building]


def _publish(scenes: list[Scene], first: int = 1, readings: int = READINGS) -> None:
    for scene in scenes:
        scene.publish([scene.reading(minute, count=minute) for minute in range(first, first + readings)])


@pytest.mark.parametrize(
    ("what", "delivered", "superseded", "dropped"),
    [
        ("deliver", [1, 2, 3], None, {"superseded": 0, "discarded": 0}),
        ("latest", [3], "2", {"superseded": 4, "discarded": 0}),
        ("discard", [], None, {"superseded": 0, "discarded": 6}),
    ],
)
def test_what_is_kept_while_disabled(
    make_scene: MakeScene, what: str, delivered: list[int], superseded: str | None, dropped: dict[str, int]
) -> None:
    scenes = [make_scene(), make_scene()]
    buildings = [scene.building for scene in scenes]
    subject = scenes[0].subscribe("subject", building_ref_ids=buildings)
    witness = scenes[0].subscribe("witness", building_ref_ids=buildings)
    subject.api.call("POST", f"{subject.path}/disable")
    _publish(scenes)
    witness.recorded(2 * READINGS)
    kept = _when(subject, lambda now: now["waiting"] == 2 * READINGS, "six deliveries wait")
    assert (kept["breaker"]["state"], kept["waiting_spaces"], kept["decided"]) == ("closed", 2, None)
    by_space = {one["space_id"]: one["waiting"] for one in kept["spaces"]}
    assert by_space == {scene.space_id: READINGS for scene in scenes}
    listed = subject.api.every(f"{subject.path}/backlog/deliveries")
    order = [(one["space_id"], one["sequence"]) for one in listed]
    assert order == sorted(order) and len(order) == 2 * READINGS
    assert subject.arrivals() == []

    enabled = subject.api.call("POST", f"{subject.path}/enable", {"backlog": what})
    assert enabled["kept_deliveries"] == what
    arrivals = subject.wait(2 * len(delivered))
    for scene in scenes:
        assert _of(scene, arrivals) == delivered
    assert {arrival.headers.get("spacehook-superseded") for arrival in arrivals} <= {superseded}
    assert all(arrival.is_signed_with(subject.secret) for arrival in arrivals)

    _when(subject, lambda now: now["waiting"] == 0 and now["breaker"]["state"] == "closed", "nothing waits")
    again = subject.api.call("POST", f"{subject.path}/enable", {"backlog": "discard"})
    assert again["kept_deliveries"] is None, "enabled already: nothing is decided"
    _publish(scenes, READINGS + 1, 1)
    subject.wait(2 * len(delivered) + 2)
    for scene in scenes:
        assert _of(scene, subject.arrivals()) == [*delivered, READINGS + 1]
    until(lambda: {cause: subject.stats()["dropped"][cause] for cause in dropped} == dropped, f"dropped: {dropped}")


def test_an_outage_is_seen_and_ends_by_itself(make_scene: MakeScene) -> None:
    # Five spaces: the first delivery of each fails, and five failures in a row open the breaker.
    scenes, mended = [make_scene() for _ in range(5)], []
    buildings = [scene.building for scene in scenes]
    subject = scenes[0].subscribe(
        "subject", building_ref_ids=buildings, answer=lambda _: (204 if mended else 503, b"down")
    )
    _publish(scenes, readings=2)
    open_ = _when(subject, lambda now: now["breaker"]["state"] == "open" and now["waiting"] == 10, "open, all waits")
    assert open_["failures_in_a_row"] >= 5
    assert open_["waiting_spaces"] == 5 and len(open_["spaces"]) == 5
    assert open_["breaker"]["since"] is not None and open_["breaker"]["next_probe_at"] is not None
    assert open_["waiting_since"] == min(one["waiting_since"] for one in open_["spaces"])
    mended.append(True)
    _when(
        subject,
        lambda now: now["waiting"] == 0 and now["breaker"]["state"] == "closed",
        "closed again, nothing waits",
        PROBE_SECONDS,
    )
    accepted = [attempt for attempt in subject.recorded(10) if attempt["accepted"]]
    assert len({attempt["event_id"] for attempt in accepted}) == 10
    for scene in scenes:
        heard = _of(scene, subject.arrivals())
        assert heard == sorted(heard) and heard[-1] == 2, "in order, attempts that failed included"


def test_what_waits_can_be_discarded(scene: Scene) -> None:
    mended: list[bool] = []
    subject = scene.subscribe("subject", answer=lambda _: (204 if mended else 503, b"down"))
    _publish([scene])
    _when(subject, lambda now: now["waiting"] == READINGS, "three deliveries wait")
    decided = subject.api.call("DELETE", f"{subject.path}/backlog")
    assert decided["decided"]["kept_deliveries"] == "discard"
    _when(subject, lambda now: now["waiting"] == 0 and now["breaker"]["state"] == "closed", "nothing waits")
    until(lambda: subject.stats()["dropped"]["discarded"] == READINGS, "three counted as discarded")
    tried = len(subject.arrivals())
    mended.append(True)
    _publish([scene], READINGS + 1, 1)
    assert _of(scene, subject.wait(tried + 1)[tried:]) == [READINGS + 1]


def test_a_dead_delivery_is_listed_and_replayed(scene: Scene, second_tenant: SecondTenant) -> None:
    mended: list[bool] = []
    subject = scene.subscribe("subject", answer=lambda _: (204 if mended else 422, b"no such field"))
    scene.publish(scene.reading(1, count=7))
    dead = f"{subject.path}/dead-deliveries"
    [listed] = until(lambda: subject.api.every(dead), "dead after its third attempt", THIRD_ATTEMPT_SECONDS)
    [first, *_] = attempts = subject.arrivals()
    assert len(attempts) == 3 and len({arrival.event_id for arrival in attempts}) == 1
    assert (listed["event_id"], listed["because"]) == (first.event_id, "document_refused")
    assert (listed["attempts"], listed["reason"]["key"]) == (3, "http_422")
    assert (listed["space_id"], listed["sequence"]) == (scene.space_id, first.sequence)
    one = subject.api.call("GET", f"{dead}/{first.event_id}")
    assert one["data"] == first.json()
    assert one | {"data": None} == listed | {"data": None}
    until(lambda: subject.stats()["dropped"]["dead"] == 1, "counted as dead")
    assert _backlog(subject)["waiting"] == 0, "it is not among those that wait"

    # Something newer goes on, though this one is dead.
    mended.append(True)
    scene.publish(scene.reading(2, count=8))
    subject.wait(4)
    with pytest.raises(Problem) as refused:
        second_tenant.api.call("POST", f"{dead}/{first.event_id}/replay")
    assert refused.value.status == 404

    replayed = subject.api.call("POST", f"{dead}/{first.event_id}/replay")
    assert replayed == {"replayed": 1, "more": False, "sent_now": True}
    again = subject.wait(5)[-1]
    assert (again.event_id, again.json()) == (first.event_id, first.json())
    assert again.is_signed_with(subject.secret)
    assert subject.api.every(dead) == []
    _when(subject, lambda now: now["waiting"] == 0, "nothing waits")
    with pytest.raises(Problem) as gone:
        subject.api.call("POST", f"{dead}/{first.event_id}/replay")
    assert gone.value.status == 404
    assert subject.api.call("POST", f"{dead}/replay") == {"replayed": 0, "more": False, "sent_now": True}


def test_a_rate_limit_and_a_way_to_keep_are_what_was_said(scene: Scene) -> None:
    subject = scene.subscribe("subject", backlog="latest", rate_limit_per_second=5)
    assert (subject.get()["backlog"], subject.get()["rate_limit_per_second"]) == ("latest", 5)
    assert _backlog(subject)["attempts_per_second"] == 5
    with pytest.raises(Problem) as refused:
        subject.patch(backlog="some", rate_limit_per_second=0)
    places = {error["pointer"] for error in refused.value.document["errors"]}
    assert (refused.value.status, places) == (422, {"/backlog", "/rate_limit_per_second"})
    reset = subject.patch(backlog=None, rate_limit_per_second=None)
    assert (reset["backlog"], reset["rate_limit_per_second"]) == ("all", None)
