"""A function that dies in the middle of its work loses nothing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from api import Api
from cloud import Cloud
from receiver import Arrival, Receiver
from telemetry import connected

import function_processes
import scene as scenes
from queue_counts import wait_until_empty
from scene import Scene
from waiting import until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the processes in /proc")

READINGS = 6
# How soon SQS gives again what a dead function had in hand. The template says 360 s, six times the function's
# timeout; what the function does with what comes again does not depend on when it comes.
VISIBILITY_SECONDS = 8


@pytest.fixture
def crashing(spare_cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A scene in a cloud whose events queue gives again soon what was not done."""
    sqs, url = spare_cloud.client("sqs"), spare_cloud.outputs["EventsQueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)})
    api = Api(spare_cloud.api_url, spare_cloud.admin_key())
    with (
        Receiver(spare_cloud.authority.server()) as receiver,
        connected(spare_cloud.port) as device,
        scenes.opened(spare_cloud, api, receiver, device, request.node.name) as scene,
    ):
        yield scene
    sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


def test_a_dispatcher_killed_in_mid_batch_delivers_all_the_same(crashing: Scene) -> None:
    in_hand, killed = threading.Event(), threading.Event()
    seen: list[Arrival] = []

    def hold_third(arrival: Arrival) -> tuple[int, bytes]:
        """Takes two, and holds the third until the dispatcher is dead."""
        seen.append(arrival)
        if arrival.sequence >= 3 and not killed.is_set():
            in_hand.set()
            killed.wait(30)
        return 204, b""

    subscription = crashing.subscribe("both", "space_report", "space_availability", answer=hold_third)
    # People come and do not leave: one availability, after the first report.
    crashing.publish([crashing.reading(minute, count=minute + 1) for minute in range(READINGS)])
    due = READINGS + 1
    assert in_hand.wait(20), "the third delivery never came"
    assert function_processes.kill(crashing.cloud, "dispatcher") >= 1
    before = len(seen)
    killed.set()

    def after() -> list[Arrival]:
        return seen[before:]

    until(lambda: {one.sequence for one in seen} == set(range(1, due + 1)), "every event", seconds=40)
    first: dict[int, str] = {}
    for arrival in seen:
        assert first.setdefault(arrival.sequence, arrival.event_id) == arrival.event_id, "the same id again"
        assert arrival.is_signed_with(subscription.secret)
        assert arrival.headers["spacehook-attempt"] == "1", "a crash of ours is no failure of the receiver"
    assert {1, 2, 3} <= {one.sequence for one in seen[:before]}
    assert 3 in {one.sequence for one in after()}, "what was in hand comes again"
    order = [one.sequence for one in after()]
    assert order == sorted(order), "and in order"

    # What was delivered by the dead one is not recorded; what came after is, and no queue holds anything.
    subscription.recorded(len(order))
    assert subscription.stats()["totals"]["failures"] == 0
    for queue in ("EventsQueueUrl", "EventsDeadQueueUrl", "RetriesQueueUrl", "IngestDeadQueueUrl"):
        wait_until_empty(crashing.cloud, queue)


def test_ingest_killed_under_load_takes_every_reading_in(crashing: Scene) -> None:
    # People come and go with every reading, each in a message of its own: what a dead ingest had in hand comes again,
    # and the history of the space has no gap.
    count = 40
    subscription = crashing.subscribe("both", "space_report", "space_availability")
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
