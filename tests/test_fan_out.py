"""Events that many subscriptions want: split into shares, each subscription served once and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from api import Api
from cloud import Cloud
from receiver import Receiver
from telemetry import Sensor

import scene as scenes
import second_tenant as tenants
from function_log import FunctionLog
from queue_counts import wait_until_empty
from scene import Scene, Subscription
from waiting import until

SUBSCRIPTIONS = 150
READINGS = 4
# As shared/domain/src/share.rs has it.
SHARES = 32
# The API has four invocations at once here.
CALLERS = 4


@pytest.fixture
def crowded(cloud: Cloud, api: Api, receiver: Receiver, device: Sensor) -> Iterator[Scene]:
    """A scene of a tenant of its own: a tenant that once had so many subscriptions has its events split for good."""
    tenant = tenants.found(cloud, api, "initech")
    with scenes.opened(cloud, tenant.api, receiver, device, "crowded", tenant.name) as scene:
        yield scene


def test_an_event_for_many_is_split_and_reaches_each_once_and_in_order(crowded: Scene) -> None:
    with ThreadPoolExecutor(CALLERS) as callers:
        subscriptions = list(callers.map(lambda number: crowded.subscribe(f"s{number}"), range(SUBSCRIPTIONS)))
    log = FunctionLog(crowded.cloud.function_log("dispatcher"))
    crowded.publish([crowded.reading(minute, count=minute) for minute in range(1, READINGS + 1)])

    def delivered() -> int:
        return sum(len(one.inbox.arrivals) for one in subscriptions)

    crowded.receiver.wait(lambda: delivered() >= SUBSCRIPTIONS * READINGS, 60)
    wait_until_empty(crowded.cloud, "EventsQueueUrl")
    missing = {one.id: _counts(one) for one in subscriptions if _counts(one) != list(range(1, READINGS + 1))}
    assert not missing, f"{delivered()} deliveries"

    batches = [one for one in until(lambda: _settled(log), "every batch reported") if one["messages"]]
    # Each event as it came, and once for each share; more where timers of other tests come in between.
    assert sum(one["messages"] for one in batches) >= READINGS * (1 + SHARES)
    most = Counter({one["request_id"]: one["accepted"] for one in batches}).most_common(1)[0][1]
    assert most < SUBSCRIPTIONS, "no invocation has them all"


def _counts(subscription: Subscription) -> list[int]:
    return [arrival.json()["person_count"] for arrival in subscription.arrivals()]


def _settled(log: FunctionLog) -> list[dict[str, int]]:
    batches = log.lines(message="batch delivered")
    return batches if sum(one["accepted"] for one in batches) >= SUBSCRIPTIONS * READINGS else []
