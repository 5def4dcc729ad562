"""AWS itself fails the dispatcher: throttled, erring, silent, or not saying what it did. Nothing is lost or overtaken.

Before it does so a dispatcher is killed with a backlog half sent, so that another takes over in the middle of all that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cloud import Cloud
from receiver import Arrival

import fault_proxy
import function_processes
import scene as scenes
from fault_proxy import FaultProxy, Rule
from held import Held
from queue_counts import wait_until_empty
from scene import Scene, Subscription
from waiting import until

pytestmark = function_processes.needs_proc

KINDS = ("space_report", "space_availability")
# What the dispatcher asks of DynamoDB on its way through a batch, a failure and a drain.
TABLE_OPERATIONS = ("GetItem", "Query", "UpdateItem", "TransactWriteItems", "BatchWriteItem")
FAULT_SECONDS = 4.0
# What is given back comes again after 1, 2, 4 ... seconds: six times within this.
FAULT_PATIENCE_SECONDS = 75.0
# Readings in a burst, as the faults begin, and then one after the other while they last.
BURST = 4
SINGLE = 4
# People come and go with every reading: each is a report and a change.
EVENTS = 2 * (BURST + SINGLE)
# And what was given back last, once more after that.
PATIENCE_SECONDS = 120.0
# What waits when a run over a backlog is killed, and where: within its second ten, that is, with the first ten settled.
KEPT = 14
KILLED_AT = 12
SETTLED = 10
# A run that is dead holds its lease for 45 s.
LEASE_SECONDS = 45.0

THROTTLED: list[Rule] = [
    {"service": "dynamodb", "operation": operation, "error": {"code": code}}
    for operation, code in zip(TABLE_OPERATIONS, ("ProvisionedThroughputExceededException", "ThrottlingException") * 3)
]
# As DynamoDB says of a transaction that a part of it was throttled, or met another one.
CANCELLED: list[Rule] = [
    {
        "service": "dynamodb",
        "operation": "TransactWriteItems",
        "sequence": {"fail": 1, "pass": passing},
        "error": {
            "code": "TransactionCanceledException",
            "message": f"Transaction cancelled, please refer cancellation reasons for specific reasons [{reason}, None]",
            "fields": {"CancellationReasons": [{"Code": reason, "Message": reason}, {"Code": "None"}]},
        },
    }
    for reason, passing in (("ThrottlingError", 1), ("TransactionConflict", 0))
]
# An error, a connection that is reset, a change that is made while the answer that says so is lost, and now and then a
# success: so the work stops at every point between its beginning and its end. A run over a backlog begins with three
# readings (tenant, subscription, backlog) and is to come past them now and then, so these fail less in a row.
# Eleven in all: as many as no turn makes, so that turns do not fall into step with it.
ERRS = {"GetItem": {"fail": 4, "pass": 7}}
FAILING: list[Rule] = [
    {"service": "dynamodb", "operation": operation, **fault}
    for operation in TABLE_OPERATIONS
    for fault in (
        {"sequence": ERRS.get(operation, {"fail": 5, "pass": 3}), "error": {"code": "InternalServerError", "status": 500}},
        {"sequence": {"fail": 1, "pass": 2}, "reset": True},
        {"sequence": {"fail": 1, "pass": 1}, "response": {"abort_bytes": 0}},
    )
]
# No timer can be set, and nothing can be given back.
MUTE_QUEUES: list[Rule] = [
    {"service": "sqs", "operation": operation, "error": {"code": "ServiceUnavailable", "status": 503}}
    for operation in ("SendMessage", "ChangeMessageVisibility")
]
# A timer is set while the answer that says so is lost.
DEAF_QUEUES: list[Rule] = [{"service": "sqs", "operation": "SendMessage", "response": {"abort_bytes": 0}}]


@dataclass
class FailsFirst:
    """A receiver that refuses the first request for each space, so that there is a backlog to make and to drain."""

    refused: set[str] = field(default_factory=set)
    accepted: list[Arrival] = field(default_factory=list)

    def __call__(self, arrival: Arrival) -> tuple[int, bytes]:
        space = _space(arrival)
        if space not in self.refused:
            self.refused.add(space)
            return 503, b""
        self.accepted.append(arrival)
        return 204, b""


def _space(arrival: Arrival) -> str:
    body = arrival.json()
    return (body[0] if isinstance(body, list) else body)["space_ref_id"]


@pytest.fixture(scope="module")
def killed(hasty_cloud: Cloud) -> Iterator[tuple[Subscription, Held]]:
    """A run over a backlog that was killed in the middle; its lease ends while other tests go on."""
    with scenes.opened_in(hasty_cloud, "killed") as scene:
        held = Held(KILLED_AT)
        subscription = scene.subscribe("both", *KINDS, answer=held)
        witness = scene.subscribe("witness", *KINDS)
        subscription.api.call("POST", f"{subscription.path}/disable")
        # People come and do not leave: one availability, after the first report.
        scene.publish([scene.reading(minute, count=1) for minute in range(KEPT - 1)])
        witness.recorded(KEPT)
        subscription.api.call("POST", f"{subscription.path}/enable")
        held.kill(hasty_cloud)
        yield subscription, held


@pytest.fixture(scope="module")
def proxy(hasty_cloud: Cloud, killed: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    """A proxy between the dispatcher and the emulator."""
    log: Path = tmp_path_factory.mktemp("proxy") / "microburst.log"
    with fault_proxy.between(hasty_cloud, "dispatcher", log) as proxy:
        yield proxy


@pytest.fixture
def spaces(hasty_cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[list[Scene]]:
    """Two spaces."""
    with (
        scenes.opened_in(hasty_cloud, request.node.name) as one,
        scenes.opened(hasty_cloud, one.api, one.receiver, one.device, request.node.name) as other,
    ):
        yield [one, other]


@pytest.mark.parametrize(
    ("rules", "operations"),
    [
        pytest.param(THROTTLED, {"GetItem"}, id="throttled-table"),
        pytest.param(CANCELLED, {"TransactWriteItems"}, id="cancelled-transactions"),
        pytest.param(FAILING, {"GetItem", "TransactWriteItems", "UpdateItem"}, id="failing-table"),
        pytest.param(MUTE_QUEUES, {"SendMessage", "ChangeMessageVisibility"}, id="mute-queues"),
        pytest.param(DEAF_QUEUES, {"SendMessage"}, id="deaf-queues"),
    ],
)
def test_nothing_is_lost(proxy: FaultProxy, spaces: list[Scene], rules: list[Rule], operations: set[str]) -> None:
    fails_first = FailsFirst()
    both = {"building_ref_ids": [space.building for space in spaces]}
    steady = spaces[0].subscribe("steady", *KINDS, **both)
    shaky = spaces[0].subscribe("shaky", *KINDS, answer=fails_first, **both)

    before = proxy.fired()
    proxy.inject(*rules)
    _publish_for(FAULT_SECONDS, spaces)
    # What comes first fails first: until the rest of the way was met with faults too.
    until(lambda: operations <= (proxy.fired() - before).keys(), "a fault of each operation", seconds=FAULT_PATIENCE_SECONDS)
    proxy.inject()

    for subscription, got in ((steady, steady.inbox.arrivals), (shaky, fails_first.accepted)):
        due = [(space.space, number) for space in spaces for number in range(1, EVENTS + 1)]
        arrived = subscription.receiver.wait(
            lambda: {(_space(one), one.sequence) for one in got} >= set(due), PATIENCE_SECONDS
        )
        missing = set(due) - {(_space(one), one.sequence) for one in got}
        assert arrived, f"{subscription.get()['name']}: {missing}"
        for space in spaces:
            _assert_in_order([one for one in list(got) if _space(one) == space.space], subscription)
    wait_until_empty(spaces[0].cloud, "EventsQueueUrl", PATIENCE_SECONDS)
    for queue in ("EventsDeadQueueUrl", "RetriesDeadQueueUrl", "IngestDeadQueueUrl"):
        wait_until_empty(spaces[0].cloud, queue)
    backlog = shaky.api.call("GET", f"{shaky.path}/backlog")
    assert (backlog["waiting"], backlog["breaker"]["state"]) == (0, "closed")
    assert shaky.api.every(f"{shaky.path}/dead-deliveries") == []


def _publish_for(seconds: float, spaces: list[Scene]) -> None:
    for space in spaces:
        space.publish([space.reading(number, count=number % 2) for number in range(1, BURST + 1)])
    for number in range(BURST + 1, BURST + SINGLE + 1):
        # Faults take their time: there is nothing to wait for.
        time.sleep(seconds / SINGLE)
        for space in spaces:
            space.publish(space.reading(number, count=number % 2))


def _assert_in_order(arrivals: list[Arrival], subscription: Subscription) -> None:
    """What comes for the first time comes in order; what comes again is the same."""
    ids: dict[int, str] = {}
    for arrival in arrivals:
        if arrival.sequence not in ids:
            assert arrival.sequence == len(ids) + 1, [one.sequence for one in arrivals]
        assert ids.setdefault(arrival.sequence, arrival.event_id) == arrival.event_id, "the same id again"
        assert arrival.is_signed_with(subscription.secret)


def test_a_run_over_a_backlog_that_is_killed_is_taken_over(killed: tuple[Subscription, Held]) -> None:
    subscription, held = killed
    until(lambda: set(held.sequences()) == set(range(1, KEPT + 1)), "every event", seconds=LEASE_SECONDS + 30)
    until(lambda: subscription.api.call("GET", f"{subscription.path}/backlog")["waiting"] == 0, "nothing waits")
    assert held.sequences()[: held.before] == list(range(1, KILLED_AT + 1))
    # What was settled does not come again; what was under way does, and the rest follows in order.
    after = held.sequences()[held.before :]
    assert list(dict.fromkeys(after)) == list(range(SETTLED + 1, KEPT + 1)), after
