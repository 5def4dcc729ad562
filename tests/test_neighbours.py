"""Receivers that hang cost the others nothing: as long as it takes to notice, one attempt's timeout, and then nothing.

What is measured is the time from just before a reading is published to its arrival at a healthy receiver, through MQTT,
ingest, the queue and the dispatcher. Two groups of ten receivers take turns in the same run, so that whatever else this
machine does falls on both: in one all are healthy, in the other five hang. Of each group five healthy ones count. A
reading is published when the one before it has arrived everywhere, so that no queue builds up that would be measured
instead.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from api import Api
from cloud import Cloud
from receiver import Receiver
from telemetry import Sensor

import scene as scenes
from raw_receiver import RawReceiver, hang
from scene import Scene, Subscription
from waiting import until

# As many as the emulator runs invocations at once: none of the first events waits for its turn.
SPACES = 4
COUNTED = 5
HANGING = 5
# Readings of each space: those that find out who hangs, and, of those that are measured, the least and the most. One turn is
# one sample, however many arrivals it has, since they wait for each other: of 50, the slowest alone would be the p99, that
# is to say a moment at which the machine did something else.
FIRST = range(1, 3)
LEAST, MOST = 250, 500
# Long enough for second attempts, which hang as the first did, and open the breakers.
MEASURED_SECONDS = 12.0
TIMES = 2.0
# What a busy machine of two processors may add to one sample in a hundred, and far from what is looked for: who waits
# for a receiver that hangs waits for up to 5 s.
FLOOR_SECONDS = 0.25
ATTEMPT_SECONDS = 5.0
PROMPT_SECONDS = 2.5


@dataclass
class Group:
    """Spaces, and ten receivers that hear of each."""

    spaces: list[Scene]
    counted: list[Subscription]
    hanging: list[Subscription] = field(default_factory=list)
    published: dict[tuple[str, str], float] = field(default_factory=dict)

    def publish(self, number: int, *, waits: bool = True) -> None:
        """A reading of each space, heard by each of the receivers that count when it returns, unless it `waits` not."""
        for space in self.spaces:
            reading = space.reading(number, count=1)
            self.published[space.space, reading["timestamp"]] = time.monotonic()
            space.publish(reading)
        for subscription in self.counted if waits else ():
            subscription.wait(len(self.published))

    def delays(self, numbers: Sequence[int]) -> list[float]:
        """Seconds from publishing to each arrival, of the readings of these numbers."""
        times = {self.spaces[0].reading(number, count=1)["timestamp"] for number in numbers}
        arrivals = [arrival for subscription in self.counted for arrival in subscription.arrivals()]
        reports = [(arrival.at, arrival.json()) for arrival in arrivals]
        return [
            at - self.published[report["space_ref_id"], report["timestamp"]]
            for at, report in reports
            if report["timestamp"] in times
        ]


Groups = tuple[Group, Group, list[RawReceiver]]


@pytest.fixture
def groups(cloud: Cloud, api: Api, receiver: Receiver, device: Sensor) -> Iterator[Groups]:
    """The group without and the one with receivers that hang, and these."""
    with contextlib.ExitStack() as open_:

        def group(name: str) -> tuple[Group, dict[str, Any]]:
            opened = (scenes.opened(cloud, api, receiver, device, f"{name}-{number}") for number in range(SPACES))
            spaces = [open_.enter_context(one) for one in opened]
            everywhere = {"building_ref_ids": [space.building for space in spaces]}
            counted = [spaces[0].subscribe(f"counted-{number}", **everywhere) for number in range(COUNTED)]
            return Group(spaces, counted), everywhere

        calm, everywhere = group("calm")
        for number in range(HANGING):
            calm.spaces[0].subscribe(f"uncounted-{number}", **everywhere)
        beset, everywhere = group("beset")
        raw = [open_.enter_context(RawReceiver(cloud.authority.server(), hang)) for _ in range(HANGING)]
        beset.hanging = [
            beset.spaces[0].subscribe(f"hanging-{number}", url=one.url, **everywhere) for number, one in enumerate(raw)
        ]
        yield calm, beset, raw


def test_receivers_that_hang_cost_the_others_nothing(groups: Groups) -> None:
    calm, beset, raw = groups
    _find_out(beset, raw)
    before = sum(one.requests for one in raw)
    numbers = _measure(calm, beset)

    without, beside = calm.delays(numbers), beset.delays(numbers)
    assert len(without) == len(beside) == len(numbers) * SPACES * COUNTED
    assert sum(one.requests for one in raw) > before, "they were tried again, and hung"
    for subscription in beset.hanging:
        until(lambda: _breaker(subscription) == "open", f"the breaker of {subscription.id} open")
    told = ", ".join(
        f"p{percent} {_percentile(without, percent):.3f} s without and {_percentile(beside, percent):.3f} s beside them"
        for percent in (50, 99)
    )
    print(told)
    assert max(beside) < PROMPT_SECONDS, f"one waited for those that hang: {max(beside):.3f} s"
    assert _percentile(beside, 99) <= max(TIMES * _percentile(without, 99), FLOOR_SECONDS), told


def _measure(calm: Group, beset: Group) -> range:
    """Has the groups take turns; the numbers of the readings."""
    began, first = time.monotonic(), FIRST.stop
    for number in range(first, first + MOST):
        # Each goes first every other time.
        for group in (calm, beset) if number % 2 else (beset, calm):
            group.publish(number)
        if number >= first + LEAST and time.monotonic() - began > MEASURED_SECONDS:
            break
    return range(first, number + 1)


def _find_out(beset: Group, raw: list[RawReceiver]) -> None:
    """The first events, which find out that five hang: they delay nobody by more than one attempt's timeout."""
    beset.publish(FIRST[0], waits=False)
    until(lambda: all(one.requests for one in raw), "requests to those that hang")
    # Behind the attempts that hang.
    beset.publish(FIRST[1])
    assert max(beset.delays(FIRST[:1])) < PROMPT_SECONDS
    assert max(beset.delays(FIRST[1:])) < ATTEMPT_SECONDS + PROMPT_SECONDS


def _breaker(subscription: Subscription) -> str:
    return subscription.api.call("GET", f"{subscription.path}/backlog")["breaker"]["state"]


def _percentile(samples: list[float], percent: int) -> float:
    return sorted(samples)[math.ceil(len(samples) * percent / 100) - 1]
