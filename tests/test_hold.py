"""Settings of spaces and buildings: an empty space is held back before it is available, and small changes are not told."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest
from receiver import Arrival

from health_runs import run
from kept_items import Table
from scene import Scene, Subscription
from waiting import until

pytestmark = pytest.mark.usefixtures("health_by_hand")

AVAILABILITY = "space_availability"
HOLD_SECONDS = 3


def _settle(scene: Scene, **settings: Any) -> dict[str, Any]:
    return scene.api.call("PUT", scene.space_path, {"floor_ref_id": scene.floor, **settings})


def _say(scene: Scene, count: int, at: datetime.datetime | None = None, **more: Any) -> datetime.datetime:
    """Says now, or of a time, how many people there are; when that was, to the millisecond."""
    at = at or datetime.datetime.now(datetime.UTC)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    scene.publish({"timestamp": at.isoformat(), "person_count": count, **more})
    return at


def _told(arrivals: list[Arrival]) -> list[tuple[str, datetime.datetime]]:
    records = [arrival.json()[0] for arrival in arrivals]
    return [(one["state"], datetime.datetime.fromisoformat(one["timestamp"])) for one in records]


def _held(scene: Scene) -> datetime.datetime | None:
    """Until when the space is held, as the API shows it."""
    state = scene.state()
    if state["held_until"] is None:
        return None
    assert (state["state"], state["person_count"], state["passively_occupied"]) == ("occupied", 0, None)
    return datetime.datetime.fromisoformat(state["held_until"])


def _subscribed(scene: Scene) -> Subscription:
    return scene.subscribe("availability", AVAILABILITY)


def test_a_space_is_available_when_it_has_stayed_empty(scene: Scene) -> None:
    shown = _settle(scene, vacant_after_s=HOLD_SECONDS)
    assert (shown["vacant_after_s"], shown["minimum_change"]) == (HOLD_SECONDS, None)
    subject = _subscribed(scene)
    hold = datetime.timedelta(seconds=HOLD_SECONDS)
    came = _say(scene, 2)
    subject.wait(1)
    left = _say(scene, 0)
    until(lambda: _held(scene) == left + hold, "the hold")
    back = _say(scene, 1)
    until(lambda: scene.state()["held_until"] is None, "somebody is back")
    left_again = _say(scene, 0)
    # What goes on to say so does not begin it anew.
    for _ in range(2):
        until(lambda: _held(scene) == left_again + hold, "the hold")
        _say(scene, 0)
    arrivals = subject.wait(2)
    arrived_at = datetime.datetime.now(datetime.UTC)
    assert _told(arrivals) == [("occupied", came), ("available", left_again + hold)], back
    assert datetime.timedelta() <= arrived_at - (left_again + hold) < datetime.timedelta(seconds=2.5)
    assert (scene.state()["state"], scene.state()["held_until"]) == ("available", None)


def test_health_tells_what_a_lost_timer_did_not(scene: Scene) -> None:
    _settle(scene, vacant_after_s=2)
    subject = _subscribed(scene)
    came = _say(scene, 1)
    subject.wait(1)
    left = _say(scene, 0)
    until(lambda: _held(scene) is not None, "the hold")
    scene.cloud.client("sqs").purge_queue(QueueUrl=scene.cloud.outputs["HoldsQueueUrl"])
    end = left + datetime.timedelta(seconds=2)
    assert int(Table(scene.cloud).space(scene)["due_at"]["N"]) == round(end.timestamp() * 1000)
    time.sleep(max(0.0, end.timestamp() - time.time()) + 0.1)
    done = run(scene.cloud)
    assert (done["holds"], done["silent"]) == (1, 0)
    assert _told(subject.wait(2)) == [("occupied", came), ("available", end)]


def test_a_building_settles_what_its_spaces_do_not(scene: Scene) -> None:
    subject = _subscribed(scene)
    building = f"/v1/buildings/{scene.building}"
    came = _say(scene, 1)
    subject.wait(1)
    # It holds with the next message.
    assert scene.api.call("PUT", building, {"vacant_after_s": 600})["vacant_after_s"] == 600
    left = _say(scene, 0)
    until(lambda: _held(scene) == left + datetime.timedelta(seconds=600), "the building's hold")
    _say(scene, 1)
    until(lambda: scene.state()["held_until"] is None, "somebody is back")
    _settle(scene, vacant_after_s=0)
    left = _say(scene, 0)
    assert _told(subject.wait(2)) == [("occupied", came), ("available", left)], "the space wins"


def test_changes_that_are_too_small_are_not_told(scene: Scene) -> None:
    scene.api.call("PUT", f"/v1/buildings/{scene.building}", {"minimum_change": {"temperature": 1, "person_count": 5}})
    _settle(scene, minimum_change={"person_count": 2})
    subject = scene.subscribe("changes", send="on_change")
    start = datetime.datetime.now(datetime.UTC).replace(minute=0, second=0) - datetime.timedelta(hours=2)
    # A slow drift adds up: of people by two, of degrees by one.
    said = [(1, 20.0), (2, 20.4), (3, 20.8), (3, 21.3), (3, 21.8), (3, 22.3), (2, 22.4), (1, 22.4)]
    for second, (count, degrees) in enumerate(said):
        _say(scene, count, start + datetime.timedelta(seconds=second), temperature=degrees)
        until(lambda: scene.state()["sequence"] > second, "the report")
    # The first of an hour is told whatever it says.
    _say(scene, 1, start + datetime.timedelta(hours=1), temperature=22.4)
    arrivals = subject.wait(5)
    told = [(one.json()["person_count"], one.json()["environment"]["temperature"]["value"]) for one in arrivals]
    assert told == [(1, 20.0), (3, 20.8), (3, 21.8), (1, 22.4), (1, 22.4)]
