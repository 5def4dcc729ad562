"""What was lost, and what died in the middle, is done by a later run of health: once."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cloud import Cloud, CloudError

import failing
import fault_proxy
import function_processes
from fault_proxy import FaultProxy, Rule
from health_runs import SCHEDULE, mails, run, ses_says_sent, timers_set
from kept_items import Table, earlier
from queue_counts import lose_timers, wait_until_empty
from scene import Scene, Subscription
from waiting import until

pytestmark = pytest.mark.usefixtures("health_by_hand")

# How much later than due a timer is taken for lost, and more.
OVERDUE_SECONDS = 240
# Longer than it takes to kill a run.
STILL_MS = 60_000
# How long a run that is about to send a mail is waited for, and more.
LEASE_SECONDS = 16 * 60
DISABLED = "subscription_disabled"


# ---------------------------------------------------- mail, and what dies ----


@pytest.fixture(scope="module")
def proxy(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    """A proxy between health and the emulator."""
    with fault_proxy.between(cloud, "health", tmp_path_factory.mktemp("proxy") / "microburst.log") as proxy:
        yield proxy
        proxy.inject()


def _refused(code: str, status: int) -> list[Rule]:
    return [{"service": "sesv2", "operation": "SendEmail", "error": {"code": code, "status": status}}]


@pytest.mark.parametrize(
    ("rules", "tries"),
    [
        pytest.param(_refused("TooManyRequestsException", 429), 4, id="throttled"),
        pytest.param(_refused("MessageRejected", 400), 1, id="refused"),
    ],
)
def test_mail_that_ses_does_not_take_is_sent_by_a_later_run(
    proxy: FaultProxy, scene: Scene, rules: list[Rule], tries: int
) -> None:
    subject, watcher = _about_to_be_disabled(scene), scene.subscribe("watcher", DISABLED)
    before = proxy.fired()["SendEmail"]
    proxy.inject(*rules)
    first = run(scene.cloud)
    assert (first["disabled"], first["mailed"], first["faults"]) == (1, 0, 1)
    assert proxy.fired()["SendEmail"] - before == tries
    assert mails(scene.cloud, subject) == []
    proxy.inject()
    for _ in range(2):
        run(scene.cloud)
    assert len(mails(scene.cloud, subject)) == 1
    assert len(watcher.wait(1)) == 1, "whoever hears by event was not kept waiting, nor told again"
    assert Table(scene.cloud).notices(subject) == []


def _about_to_be_disabled(scene: Scene) -> Subscription:
    [subject] = failing.subscriptions(scene, 1, contacts=["ops@example.com"])
    Table(scene.cloud).count(subject, failed=20, accepted=0)
    return subject


# Where a run stands still until it is killed: with which request about the subject. What it asks for never happens.
STILL = {
    "before it disables": ("TransactWriteItems", 1),
    "when it has disabled": ("DeleteItem", 1),
    "when the event is queued": ("PutItem", 1),
    "when it has noted that": ("PutItem", 2),
}


@function_processes.needs_proc
@pytest.mark.parametrize("where", STILL)
def test_a_run_that_dies_is_finished_by_the_next(proxy: FaultProxy, scene: Scene, where: str) -> None:
    subject, watcher = _about_to_be_disabled(scene), scene.subscribe("watcher", DISABLED)
    _die(scene.cloud, proxy, subject, *STILL[where])
    assert mails(scene.cloud, subject) == []
    for _ in range(2):
        run(scene.cloud)
    assert subject.get()["disabled"]["code"] == "failure_rate"
    assert len(mails(scene.cloud, subject)) == 1
    assert len(watcher.wait(1)) == 1, "queued twice, it is one event"
    assert Table(scene.cloud).notices(subject) == []


@function_processes.needs_proc
@pytest.mark.parametrize(
    ("was_sent", "ses_tells"),
    [
        pytest.param(False, False, id="not sent"),
        pytest.param(True, True, id="sent, and SES tells"),
        # Then nobody knows, and two mails are better than none.
        pytest.param(True, False, id="sent, and SES says nothing"),
    ],
)
def test_a_mail_in_the_hands_of_a_run_that_dies(
    proxy: FaultProxy, scene: Scene, was_sent: bool, ses_tells: bool
) -> None:
    cloud, table, subject = scene.cloud, Table(scene.cloud), _about_to_be_disabled(scene)
    # SES is never reached, or its word can't be noted: by deleting the notice, after the marker.
    _die(cloud, proxy, subject, *(("DeleteItem", 2) if was_sent else ("SendEmail", 1)))
    assert len(mails(cloud, subject)) == int(was_sent)
    [notice] = table.notices(subject)
    assert json.loads(notice["document"]["S"])["mail"]["state"] == "sending"

    assert run(cloud)["mailed"] == 0, "whoever sends it has time for it"
    if ses_tells:
        cloud.invoke("health", ses_says_sent(_notice_id(notice)))
        assert table.notices(subject) == []
    else:
        table.change(notice, "document", _long_ago)
    again = 0 if ses_tells else 1
    done = run(cloud)
    assert (done["mailed"], done["notices"]) == (again, again)
    assert run(cloud)["mailed"] == 0
    assert len(mails(cloud, subject)) == int(was_sent) + again
    assert table.notices(subject) == []


def _notice_id(notice: dict[str, Any]) -> str:
    """As it is told to SES with a mail."""
    tenant, subscription, at_ms, happened = notice["sk"]["S"].split("#")
    return f"{tenant}_{subscription}_{int(at_ms)}_{happened}"


def _long_ago(document: Any) -> Any:
    until_then = earlier(document["mail"]["until"], LEASE_SECONDS)
    return document | {"mail": document["mail"] | {"until": until_then}}


def _die(cloud: Cloud, proxy: FaultProxy, subject: Subscription, operation: str, nth: int) -> None:
    """A run that stands still with its first, second, … request of an operation about the subject, and is killed."""
    before = proxy.fired()[operation]
    about: Rule = {"operation": operation, "body": f"contains(to_string(@), '{subject.id}')"}
    proxy.inject(about | {"latency": 1, "times": nth - 1}, about | {"timeout_ms": STILL_MS})
    with ThreadPoolExecutor(1) as runs:
        invoked = runs.submit(cloud.invoke, "health", SCHEDULE)
        until(lambda: proxy.fired()[operation] == before + nth, "a run that stands still")
        assert function_processes.kill(cloud, "health", endpoint=proxy.url) >= 1
        with pytest.raises(CloudError):
            invoked.result(30)
    proxy.inject()


# ----------------------------------------------------- timers, and events ----


def test_a_backlog_whose_timer_is_lost_is_sent(scene: Scene) -> None:
    cloud, table = scene.cloud, Table(scene.cloud)
    answers = iter([503])
    subject = scene.subscribe("subject", answer=lambda _: (next(answers, 204), b""))
    scene.publish(scene.reading(1, count=1))
    subject.recorded(1)
    lose_timers(cloud)
    assert timers_set(cloud, subject) == 0, "it may still come"

    backlog = table.backlog(subject)
    table.change(backlog, "document", _waited, due=OVERDUE_SECONDS)
    # It need not have failed lately, nor be looked at by anything else.
    marker = table.marker(subject)
    assert marker is not None
    table.delete(marker)
    assert timers_set(cloud, subject) == 1
    assert [arrival.headers["spacehook-attempt"] for arrival in subject.wait(2)] == ["1", "2"]
    until(lambda: subject.api.call("GET", f"{subject.path}/backlog")["waiting"] == 0, "nothing waits")
    assert timers_set(cloud, subject) == 0


def _waited(backlog: Any) -> Any:
    times = [name for name in ("wake_at", "lease_until") if backlog[name]]
    return backlog | {name: earlier(backlog[name], OVERDUE_SECONDS) for name in times}


def test_the_timer_of_a_disabled_subscription_is_not_missed(scene: Scene) -> None:
    cloud, table = scene.cloud, Table(scene.cloud)
    subject = scene.subscribe("subject", answer=lambda _: (503, b""))
    scene.publish(scene.reading(1, count=1))
    subject.recorded(1)
    subject.api.call("POST", f"{subject.path}/disable")
    lose_timers(cloud)
    table.change(table.backlog(subject), "document", _waited, due=OVERDUE_SECONDS)
    assert timers_set(cloud, subject) == 0
    assert "due_at" not in table.backlog(subject), "it is not looked at again and again"
    subject.inbox.answer = lambda _: (204, b"")
    subject.api.call("POST", f"{subject.path}/enable")
    assert len(subject.wait(2)) == 2


def test_events_that_were_saved_and_never_queued_are_sent_once(
    scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cloud, table = scene.cloud, Table(scene.cloud)
    subject = scene.subscribe("subject", "space_report", "space_availability")
    log: Path = tmp_path_factory.mktemp("proxy") / "microburst.log"
    with fault_proxy.between(cloud, "ingest", log) as proxy:
        # One that the SDK does not try again by itself.
        refused = {"code": "AWS.SimpleQueueService.NonExistentQueue", "status": 400}
        proxy.inject({"service": "sqs", "body": "contains(QueueUrl, 'events')", "error": refused})
        # Not by the rule, for which Lambda would try twice more: as if it had, and given up.
        with pytest.raises(CloudError):
            cloud.invoke("ingest", _message(scene, scene.reading(1, count=1)))
    assert "pending" in table.space(scene) and subject.arrivals() == []
    assert run(cloud)["pending"] == 0, "Lambda may still do it"

    item = table.space(scene)
    table.change(item, "pending", lambda pending: pending, due=OVERDUE_SECONDS * 2)
    assert run(cloud)["pending"] == 2
    assert [arrival.sequence for arrival in subject.wait(2)] == [1, 2]
    assert "pending" not in table.space(scene)
    assert run(cloud)["pending"] == 0
    # In order with what follows, and once.
    scene.publish(scene.reading(2, count=2))
    assert [arrival.sequence for arrival in subject.wait(3)] == [1, 2, 3]
    wait_until_empty(cloud, "EventsQueueUrl")


def _message(scene: Scene, reading: dict[str, Any]) -> dict[str, Any]:
    """A reading, as the rule hands it over."""
    payload = base64.b64encode(json.dumps(reading).encode()).decode()
    return {"payload_base64": payload, "topic": scene.topic(), "received_at_ms": round(time.time() * 1000)}
