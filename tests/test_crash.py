"""A function that dies in the middle of its work loses nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cloud import Cloud

import function_processes
import scene as scenes
from held import Held
from queue_counts import wait_until_empty
from scene import Scene
from waiting import until

pytestmark = function_processes.needs_proc

KINDS = ("space_report", "space_availability")
# People come and do not leave: one availability, after the first report.
READINGS = 6


@pytest.fixture
def crashing(hasty_cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A scene in a cloud whose queues give again soon what was not done."""
    with scenes.opened_in(hasty_cloud, request.node.name) as scene:
        yield scene


def test_a_dispatcher_killed_in_mid_batch_delivers_all_the_same(crashing: Scene) -> None:
    held = Held(3)
    subscription = crashing.subscribe("both", *KINDS, answer=held)
    crashing.publish([crashing.reading(minute, count=minute + 1) for minute in range(READINGS)])
    due = READINGS + 1
    held.kill(crashing.cloud)

    until(lambda: set(held.sequences()) == set(range(1, due + 1)), "every event", seconds=40)
    first: dict[int, str] = {}
    for arrival in held.seen:
        assert first.setdefault(arrival.sequence, arrival.event_id) == arrival.event_id, "the same id again"
        assert arrival.is_signed_with(subscription.secret)
        assert arrival.headers["spacehook-attempt"] == "1", "a crash of ours is no failure of the receiver"
    before, after = held.sequences()[: held.before], held.sequences()[held.before :]
    assert before == [1, 2, 3]
    assert 3 in after, "what was in hand comes again"
    assert after == sorted(set(after)), "in order, and what was not begun comes once"

    # What was delivered by the dead one is not recorded; what came after is, and no queue of events holds anything.
    subscription.recorded(len(after))
    assert subscription.stats()["totals"]["failures"] == 0
    for queue in ("EventsQueueUrl", "EventsDeadQueueUrl", "RetriesDeadQueueUrl", "IngestDeadQueueUrl"):
        wait_until_empty(crashing.cloud, queue)


def test_ingest_killed_under_load_takes_every_reading_in(crashing: Scene) -> None:
    # People come and go with every reading, each in a message of its own: what a dead ingest had in hand comes again,
    # and the history of the space has no gap.
    count = 40
    subscription = crashing.subscribe("both", *KINDS)
    killed = 0
    for minute in range(count):
        crashing.publish([crashing.reading(minute, count=minute % 2)])
        if minute % 8 == 4:
            killed += function_processes.kill(crashing.cloud, "ingest")
    assert killed
    last = crashing.reading(count - 1, 0)["timestamp"]
    until(lambda: crashing.state()["observed_at"] == last, "the last reading in the state", seconds=40)
    due = crashing.state()["sequence"]

    def heard() -> bool:
        return {one.sequence for one in subscription.arrivals()} == set(range(1, due + 1))

    until(heard, f"events 1 to {due} without a gap", seconds=40)
