"""Deliveries that somebody asks for again: one, those of a time, those of a space, the dead; watched and cancelled."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import function_processes
import function_settings
from exchange import ask, problem
from receiver import Arrival

from scene import Scene, Subscription
from waiting import until

READINGS = 5


def _replay(subscription: Subscription, what: str = "replays", **asked: Any) -> str:
    made = subscription.api.call("POST", f"{subscription.path}/{what}", asked)
    assert made["state"] == "queued"
    return f"{subscription.path}/replays/{made['id']}"


def _ended(subscription: Subscription, job: str, seconds: float = 30) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        now: dict[str, Any] = subscription.api.call("GET", job)
        return now if now["ended_at"] is not None else None

    ended = until(look, f"the end of {job}", seconds)
    assert ended is not None
    return ended


def _delivered(scene: Scene, subscription: Subscription) -> list[dict[str, Any]]:
    """Some readings, delivered and kept: their events, in order, each with a time of its own."""
    for minute in range(READINGS):
        # What comes in one message arrives at one time.
        scene.publish(scene.reading(minute, minute + 1))
        subscription.wait(minute + 1)
    path = f"/v1/events?building_ref_id={scene.building}&event_type=space_report"
    return until(lambda: kept if len(kept := scene.api.every(path)) >= READINGS else [], "all kept")


def _times(subscription: Subscription) -> Counter[str]:
    return Counter(arrival.event_id for arrival in subscription.arrivals())


def test_one_event_and_the_event_of_one_attempt_are_sent_again(scene: Scene) -> None:
    subscription = scene.subscribe()
    events = _delivered(scene, subscription)
    one, two = events[1]["event_id"], events[3]["event_id"]
    ended = _ended(subscription, _replay(subscription, event_id=one))
    assert (ended["state"], ended["matched"], ended["enqueued"]) == ("done", 1, 1)
    subscription.wait(READINGS + 1)
    [attempt] = scene.api.every(f"{subscription.path}/attempts?event_id={two}")
    ended = _ended(subscription, _replay(subscription, attempt_id=attempt["id"]))
    assert (ended["event_id"], ended["attempt_id"]) == (two, attempt["id"])
    arrivals = subscription.wait(READINGS + 2)
    assert [arrival.event_id for arrival in arrivals[READINGS:]] == [one, two]
    bodies = {arrival.event_id: arrival.body for arrival in arrivals[:READINGS]}
    assert all(arrival.body == bodies[arrival.event_id] for arrival in arrivals)


def test_all_since_a_moment_in_order_and_what_is_wanted_alone(scene: Scene) -> None:
    subscription = scene.subscribe()
    elsewhere = scene.subscribe("elsewhere", building_ref_ids=["another-building"])
    events = _delivered(scene, subscription)
    since = events[2]["received_at"]
    ended = _ended(subscription, _replay(subscription, since=since))
    assert (ended["state"], ended["enqueued"]) == ("done", READINGS - 2)
    assert ended["reached"] == ended["until"]
    arrivals = subscription.wait(READINGS + 3)
    assert [arrival.sequence for arrival in arrivals[READINGS:]] == [event["sequence"] for event in events[2:]]
    of_space = _ended(subscription, _replay(subscription, since=since, space_ref_id=scene.space))
    assert of_space["enqueued"] == READINGS - 2
    nothing = _ended(subscription, _replay(subscription, since=since, space_ref_id="no-such-space"))
    assert (nothing["state"], nothing["enqueued"]) == ("done", 0)
    assert _ended(elsewhere, _replay(elsewhere, since=since))["enqueued"] == 0
    assert elsewhere.arrivals() == []
    # What is new goes on as ever.
    scene.publish(scene.reading(READINGS, 9))
    until(lambda: subscription.arrivals()[-1].json()["person_count"] == 9, "the newest report")


def test_dead_deliveries_all_at_once(scene: Scene) -> None:
    is_well = False

    def answer(_: Arrival) -> tuple[int, bytes]:
        return (200, b"") if is_well else (422, b"never")

    # A refused document is dead after its third attempt, after 5 and 30 s; the second waits for the first.
    subscription = scene.subscribe(answer=answer)
    scene.publish(scene.reading(0, 1))
    dead = f"{subscription.path}/dead-deliveries"
    until(lambda: scene.api.every(dead), "a dead delivery", seconds=60)
    is_well = True
    before = len(subscription.arrivals())
    ended = _ended(subscription, _replay(subscription, dead=True))
    assert (ended["state"], ended["enqueued"]) == ("done", 1)
    subscription.wait(before + 1)
    assert scene.api.every(dead) == []


def test_a_replay_is_no_faster_than_its_rate_and_ends_when_it_is_cancelled(scene: Scene) -> None:
    subscription = scene.subscribe()
    events = _delivered(scene, subscription)
    began = time.monotonic()
    ended = _ended(subscription, _replay(subscription, since=events[0]["received_at"], rate_per_second=2))
    assert ended["enqueued"] == READINGS
    assert time.monotonic() - began >= 2, "five at two a second are three steps, a second apart"
    subscription.wait(2 * READINGS)

    job = _replay(subscription, since=events[0]["received_at"], rate_per_second=1)
    subscription.wait(2 * READINGS + 1)
    cancelled = scene.api.call("POST", f"{job}/cancel")
    assert cancelled["state"] == "cancelled"
    assert 1 <= cancelled["enqueued"] < READINGS
    subscription.wait(2 * READINGS + cancelled["enqueued"])
    time.sleep(3)
    assert len(subscription.arrivals()) == 2 * READINGS + cancelled["enqueued"], "nothing comes after it"
    assert scene.api.call("GET", job)["state"] == "cancelled"


def test_a_disabled_subscription_gets_it_when_it_is_enabled(scene: Scene) -> None:
    subscription = scene.subscribe()
    events = _delivered(scene, subscription)
    scene.api.call("POST", f"{subscription.path}/disable")
    ended = _ended(subscription, _replay(subscription, since=events[0]["received_at"]))
    assert (ended["state"], ended["enqueued"]) == ("done", READINGS)
    time.sleep(2)
    assert len(subscription.arrivals()) == READINGS
    assert scene.api.call("GET", f"{subscription.path}/backlog")["waiting"] == READINGS
    scene.api.call("POST", f"{subscription.path}/enable")
    subscription.wait(2 * READINGS)


def test_a_dispatcher_killed_midway_loses_nothing_of_it(scene: Scene) -> None:
    subscription = scene.subscribe()
    events = _delivered(scene, subscription)
    job = _replay(subscription, since=events[0]["received_at"], rate_per_second=1)
    subscription.wait(READINGS + 2)
    function_processes.kill(scene.cloud, "dispatcher")
    # What a dead function had in hand comes again after the queue's 90 s.
    ended = _ended(subscription, job, seconds=150)
    assert (ended["state"], ended["enqueued"]) == ("done", READINGS)
    until(lambda: all(times >= 2 for times in _times(subscription).values()), "each again", seconds=150)


def test_a_resync_sends_the_present_state(scene: Scene) -> None:
    subscription = scene.subscribe("both", "space_report", "space_availability")
    scene.publish([scene.reading(minute, minute + 1) for minute in range(2)])
    subscription.wait(3)
    sequence = scene.state()["sequence"]
    ended = _ended(subscription, _replay(subscription, "resync", building_ref_ids=[scene.building]))
    assert (ended["kind"], ended["state"], ended["enqueued"]) == ("resync", "done", 2)
    arrivals = subscription.wait(5)
    fresh = arrivals[3:]
    assert [arrival.sequence for arrival in fresh] == [sequence, sequence]
    assert not {arrival.event_id for arrival in fresh} & {arrival.event_id for arrival in arrivals[:3]}
    newest = [arrival.json() for arrival in arrivals[:3] if isinstance(arrival.json(), dict)][-1]
    assert newest in [arrival.json() for arrival in fresh]


def test_a_replay_of_a_time_is_refused_where_no_events_are_kept(scene: Scene) -> None:
    path = f"{scene.subscribe().path}/replays"
    with function_settings.changed(scene.cloud, "api", EVENTS_KEPT_DAYS="0"):
        answer = ask(scene.api, "POST", path, {"since": "2026-02-02T10:00:00Z"})
    [error] = problem(answer, 422, "invalid-fields")["errors"]
    assert error["pointer"] == "/since" and "EventsKeptDays is 0" in error["detail"]
