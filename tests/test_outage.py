"""A receiver that is killed for a minute and comes back: what it gets then, and what its outage costs."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from api import Api
from cloud import Cloud
from receiver import Arrival, Receiver
from telemetry import Sensor

import scene as scenes
from mortal_receiver import MortalReceiver
from scene import Scene, Subscription
from waiting import until

DOWN_SECONDS = 60.0
# So many that the first failure of each opens the breaker.
SPACES = 6
# What happens in each space at once when the receiver has just died, and then one after the other.
BURST = 4
WAVES = 18
# Readings of each space: one before, the burst, the waves.
READINGS = 1 + BURST + WAVES
# People come and go with every reading: each is a report and a change.
EVENTS = 2 * READINGS
KINDS = ("space_report", "space_availability")
# Probes after 5, 10, 20 and 40 s, give or take a fifth: at the latest 90 s after the first failure. Then it drains.
PATIENCE_SECONDS = 60.0
PROMPT_SECONDS = 2.5


@dataclass
class Outage:
    """What was published, and when the receiver was there."""

    spaces: list[Scene]
    receiver: MortalReceiver
    witness: Subscription
    by_mode: dict[str, Subscription]
    published: dict[tuple[str, str], float] = field(default_factory=dict)
    """`time.monotonic()` of each reading, by the space's name and its timestamp."""
    readings: int = 0
    in_outage: dict[str, Any] = field(default_factory=dict)
    """The backlog of each as the API showed it at the end of the outage."""

    def publish(self, readings: int) -> None:
        """So many readings of each space, in one message a space."""
        numbers = range(self.readings + 1, self.readings + readings + 1)
        self.readings += readings
        for space in self.spaces:
            told = [space.reading(number, count=number % 2) for number in numbers]
            for reading in told:
                self.published[space.space, reading["timestamp"]] = time.monotonic()
            space.publish(told)

    def arrivals(self, mode: str) -> list[Arrival]:
        """What the mortal receiver got of the subscription of this mode."""
        return self.receiver.arrivals(f"/{mode}")

    def of_spaces(self, mode: str) -> list[list[Arrival]]:
        """The same, of each space."""
        arrivals = self.arrivals(mode)
        return [[one for one in arrivals if _record(one)["space_id"] == space.space_id] for space in self.spaces]

    def delay(self, arrival: Arrival) -> float:
        """Seconds from publishing to arrival."""
        record = _record(arrival)
        return arrival.at - self.published[record["space_ref_id"], record["timestamp"]]


def _record(arrival: Arrival) -> dict[str, Any]:
    body = arrival.json()
    return body[0] if isinstance(body, list) else body


def _backlog(subscription: Subscription) -> dict[str, Any]:
    return subscription.api.call("GET", f"{subscription.path}/backlog")


@pytest.fixture(scope="module")
def outage(cloud: Cloud, api: Api, receiver: Receiver, device: Sensor, tmp_path_factory: Any) -> Iterator[Outage]:
    """The minute, once for all tests here."""
    journal: Path = tmp_path_factory.mktemp("mortal") / "journal"
    with contextlib.ExitStack() as open_:
        spaces = [
            open_.enter_context(scenes.opened(cloud, api, receiver, device, f"outage-{number}"))
            for number in range(SPACES)
        ]
        mortal = open_.enter_context(MortalReceiver(cloud.authority.server(), journal))
        everywhere = {"building_ref_ids": [space.building for space in spaces]}
        witness = spaces[0].subscribe("witness", *KINDS, **everywhere)
        by_mode = {
            mode: spaces[0].subscribe(mode, *KINDS, url=mortal.url(f"/{mode}"), backlog=mode, **everywhere)
            for mode in ("all", "latest")
        }
        outage = Outage(spaces, mortal, witness, by_mode)
        outage.publish(1)
        for subscription in by_mode.values():
            subscription.recorded(2 * SPACES)

        mortal.die()
        died = time.monotonic()
        outage.publish(BURST)
        for wave in range(WAVES):
            _sleep_until(died + (wave + 1) * (DOWN_SECONDS - 5) / WAVES)
            outage.publish(1)
        witness.wait(SPACES * EVENTS)
        _sleep_until(died + DOWN_SECONDS)
        outage.in_outage = {mode: _backlog(subscription) for mode, subscription in by_mode.items()}
        mortal.live()
        for mode, subscription in by_mode.items():
            until(lambda: _is_drained(subscription), f"the backlog of '{mode}' drained", PATIENCE_SECONDS)
        yield outage


def _sleep_until(moment: float) -> None:
    # The outage takes its time: there is nothing to wait for.
    time.sleep(max(0.0, moment - time.monotonic()))


def _is_drained(subscription: Subscription) -> bool:
    backlog = _backlog(subscription)
    return backlog["breaker"]["state"] == "closed" and backlog["waiting"] == 0


def test_all_that_happened_comes_in_order(outage: Outage) -> None:
    for arrivals in outage.of_spaces("all"):
        assert [one.sequence for one in arrivals][:EVENTS] == list(range(1, EVENTS + 1))
        assert all(one.is_signed_with(outage.by_mode["all"].secret) for one in arrivals)
        assert all("spacehook-superseded" not in one.headers for one in arrivals)


def test_of_latest_the_newest_of_each_type_and_space_comes_and_says_what_it_stands_for(outage: Outage) -> None:
    # All but the newest and the one that came before the outage.
    superseded = str(READINGS - 2)
    for arrivals in outage.of_spaces("latest"):
        told = [(one.sequence, one.headers.get("spacehook-superseded")) for one in arrivals][:4]
        assert told == [(1, None), (2, None), (EVENTS - 1, superseded), (EVENTS, superseded)]


def test_what_waits_is_shown_during_the_outage(outage: Outage) -> None:
    everything, newest = outage.in_outage["all"], outage.in_outage["latest"]
    assert everything["waiting"] == SPACES * (EVENTS - 2)
    assert newest["waiting"] == SPACES * len(KINDS)
    for backlog in (everything, newest):
        assert backlog["breaker"]["state"] == "open" and backlog["breaker"]["failed_probes"] >= 2
        assert backlog["waiting_spaces"] == SPACES
    assert {space["superseded"] for space in newest["spaces"]} == {2 * (READINGS - 2)}


def test_an_outage_costs_one_probe_at_a_time(outage: Outage) -> None:
    for subscription in outage.by_mode.values():
        failed = [one for one in subscription.attempts() if not one["accepted"]]
        # The first delivery of each space, and then probes, the fewer the longer it lasts.
        assert 5 <= len(failed) <= SPACES + 4, [one["started_at"] for one in failed]
        assert {one["reason"]["key"] for one in failed} <= {"connection_refused", "connection_closed"}
        started = sorted(datetime.datetime.fromisoformat(one["started_at"]) for one in failed[SPACES:])
        gaps = [(after - before).total_seconds() for before, after in zip(started, started[1:])]
        assert all(gap >= nominal * 0.8 for gap, nominal in zip(gaps, (10, 20, 40))), gaps


def test_nobody_else_waits_for_it(outage: Outage) -> None:
    arrivals = outage.witness.wait(SPACES * EVENTS)
    assert max(outage.delay(one) for one in arrivals) < PROMPT_SECONDS


def test_when_it_has_drained_new_events_go_directly(outage: Outage) -> None:
    before = {mode: len(outage.arrivals(mode)) for mode in outage.by_mode}
    outage.publish(1)
    for mode, subscription in outage.by_mode.items():

        def new() -> list[Arrival]:
            return outage.arrivals(mode)[before[mode] :]

        until(lambda: len(new()) == 2 * SPACES, "the new events")
        assert {one.sequence for one in new()} == {EVENTS + 1, EVENTS + 2}
        assert {one.headers["spacehook-attempt"] for one in new()} == {"1"}
        assert all("spacehook-superseded" not in one.headers for one in new())
        assert max(outage.delay(one) for one in new()) < PROMPT_SECONDS
        assert _backlog(subscription)["waiting"] == 0
