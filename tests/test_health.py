"""A receiver that always fails: disabled once, told once, left alone, and back when it is enabled."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from api import Api
from cloud import ROOT, Cloud
from receiver import Arrival

import failing
from health_runs import SCHEDULE, mails, run
from kept_items import Table
from scene import MakeScene, Scene, Subscription
from second_tenant import SecondTenant
from waiting import until

pytestmark = pytest.mark.usefixtures("health_by_hand")

# Of so many spaces eight are tried at once, since one run sends to one receiver eight at a time. With two probes these
# are the ten attempts that it takes to disable: of one space alone it would be minutes until then.
SPACES = 8
DECIDING = 10
# Longer than it takes to begin eight attempts: none is spared because another has failed.
ANSWER_SECONDS = 1.0
HOURS = 24


def _publish(spaces: list[Scene], minute: int) -> None:
    for space in spaces:
        space.publish(space.reading(minute, count=minute))


def _fail(_: Arrival) -> tuple[int, bytes]:
    time.sleep(ANSWER_SECONDS)
    return 500, failing.ANSWER


def _run_backlog(cloud: Cloud, subscription: Subscription) -> None:
    """Has the backlog looked at, as each of its timers does; returns when that is done."""
    sample = json.loads((ROOT / "events" / "dispatcher-retries.json").read_text())
    [record] = sample["Records"]
    timer = json.loads(record["body"]) | {"subscription_id": subscription.id, "ticket": None}
    record["body"] = json.dumps(timer)
    assert cloud.invoke("dispatcher", sample) == {"batchItemFailures": []}


def _kept(subscription: Subscription) -> list[dict[str, Any]]:
    return subscription.api.every(f"{subscription.path}/backlog/deliveries")


def test_a_receiver_that_always_fails(make_scene: MakeScene) -> None:
    spaces = [make_scene() for _ in range(SPACES)]
    scene, mended = spaces[0], []
    cloud = scene.cloud
    contacts = ["ops@example.com", "owner@example.com"]
    fields = {"contacts": contacts, "building_ref_ids": [space.building for space in spaces]}

    def answer(arrival: Arrival) -> tuple[int, bytes]:
        return (204, b"") if mended else _fail(arrival)

    subject = scene.subscribe("subject", answer=answer, enabled=False, **fields)
    witness = scene.subscribe("witness", **fields)
    _publish(spaces, 1)
    witness.recorded(SPACES)
    subject.api.call("POST", f"{subject.path}/enable")
    until(lambda: subject.stats()["totals"]["failures"] >= DECIDING, f"{DECIDING} failures counted", seconds=90)

    cloud.invoke("health", SCHEDULE)
    shown = subject.get()
    assert (shown["enabled"], shown["disabled"]["code"]) == (False, "failure_rate")
    failures = shown["disabled"]["failures"]
    assert failures >= DECIDING
    assert shown["disabled"]["reason"] == f"{failures} of {failures} attempts failed within {HOURS} h"
    assert witness.get()["enabled"] is True, "who answers is left alone"

    [mail] = mails(cloud, subject)
    assert sorted(mail["To"]) == contacts and mail["Source"] == cloud.parameters["MailFrom"]
    assert scene.name in mail["Subject"] and "100.00 %" in mail["Subject"]
    for body in (mail["BodyText"], mail["BodyHtml"]):
        assert "HTTP 500" in body and f"{failures} of {failures}" in body
        assert f"/v1/subscriptions/{subject.id}/enable" in body
        assert f"{failures} times" in body and "What it means:" in body and "What to do:" in body
        for treatment in ("deliver", "latest", "discard"):
            assert treatment in body, "what happens with what was kept"
    _assert_chart(mail, failures)
    # Escaped, and not more than once: it is read as the receiver wrote it.
    assert failing.ANSWER.decode() in mail["BodyText"]
    assert "<script" not in mail["BodyHtml"] and "&lt;script&gt;alert(" in mail["BodyHtml"]

    cloud.invoke("health", SCHEDULE)
    assert len(mails(cloud, subject)) == 1, "told once"
    assert subject.get() == shown

    # Nothing more arrives: neither new events nor those that wait, which are all kept.
    heard = len(subject.arrivals())
    _publish(spaces, 2)
    witness.recorded(2 * SPACES)
    _run_backlog(cloud, subject)
    assert len(subject.arrivals()) == heard
    assert len(_kept(subject)) == 2 * SPACES

    mended.append(True)
    enabled = subject.api.call("POST", f"{subject.path}/enable", {"backlog": "deliver"})
    assert (enabled["enabled"], enabled["disabled"]) == (True, None)
    assert subject.stats()["since_enabled"]["attempts"] == 0, "failures are counted anew"
    _publish(spaces, 3)
    arrivals = subject.wait(heard + 3 * SPACES)[heard:]
    reports = [arrival.json() for arrival in arrivals]
    for space in spaces:
        # Nothing was accepted before: all that happened comes, in order.
        assert [one["person_count"] for one in reports if one["space_ref_id"] == space.space] == [1, 2, 3]
    assert all(arrival.is_signed_with(subject.secret) for arrival in arrivals)
    cloud.invoke("health", SCHEDULE)
    assert subject.get()["enabled"] is True, "what failed before is not counted again"
    assert len(mails(cloud, subject)) == 1


def _assert_chart(mail: dict[str, Any], failures: int) -> None:
    """A bar for each hour, and in plain text a line; all failures are in them."""
    assert len(re.findall(r'<table role="img" aria-label="[^"]+"', mail["BodyHtml"])) == 1
    bars = re.findall(r'<td [^>]*title="[^"]*: (\d+) failed, (\d+) accepted"', mail["BodyHtml"])
    assert len(bars) == HOURS and sum(int(failed) for failed, _ in bars) == failures
    told = [int(failed) for failed in re.findall(r"█+  (\d+) failed, 0 accepted", mail["BodyText"])]
    assert sum(told) == failures


def test_fewer_than_ten_attempts_decide_nothing(make_scene: MakeScene) -> None:
    spaces = [make_scene() for _ in range(4)]
    scene, buildings = spaces[0], [space.building for space in spaces]
    fields = {"answer": lambda _: (500, b""), "contacts": ["ops@example.com"]}
    subject = scene.subscribe(building_ref_ids=buildings, **fields)
    _publish(spaces, 1)
    until(lambda: subject.stats()["totals"]["failures"] >= 4, "4 failures counted")
    scene.cloud.invoke("health", SCHEDULE)
    assert subject.get()["enabled"] is True
    assert mails(scene.cloud, subject) == []


def test_one_that_is_enabled_again_and_still_fails_is_disabled_after_its_minimum(scene: Scene) -> None:
    table = Table(scene.cloud)
    [subject] = failing.subscriptions(scene, 1, contacts=["ops@example.com"])
    table.count(subject, failed=500, accepted=0)
    run(scene.cloud)
    assert subject.get()["disabled"]["failures"] == 500
    before = len(subject.arrivals())
    subject.api.call("POST", f"{subject.path}/enable", {"backlog": "deliver"})
    subject.wait(before + 1)
    until(lambda: subject.stats()["since_enabled"]["failures"] >= 1, "a failure since")
    for failed, disabled in ((DECIDING - 1, False), (DECIDING, True)):
        table.count(subject, failed=failed, accepted=0)
        run(scene.cloud)
        assert (subject.get()["enabled"] is False) == disabled, failed
    assert subject.get()["disabled"]["failures"] == DECIDING
    assert len(mails(scene.cloud, subject)) == 2, "one for each disabling"


# ------------------------------------------------------------- many at once ----

RUNS = 20
FAILING = 50


def test_twenty_runs_at_once_disable_fifty_once_each_and_send_fifty_mails(scene: Scene) -> None:
    cloud, table = scene.cloud, Table(scene.cloud)
    news = scene.subscribe("news", "subscription_disabled")
    subjects = failing.subscriptions(scene, FAILING, contacts=["ops@example.com"])
    for subject in subjects:
        table.count(subject, failed=20, accepted=0)

    # Each run as if from a source of its own: the local cloud lets four of one source run at once.
    schedules = [SCHEDULE | {"Records": [{"eventSourceARN": f"schedule-{number}"}]} for number in range(RUNS)]
    with ThreadPoolExecutor(RUNS) as runs:
        assert list(runs.map(lambda schedule: cloud.invoke("health", schedule), schedules)) == [None] * RUNS
    # What one run was about to do while another began is left to nobody: the run that claimed it does it.
    assert run(cloud)["disabled"] == 0

    shown = [subject.get() for subject in subjects]
    assert all(one["disabled"]["code"] == "failure_rate" for one in shown)
    told = cloud.mails()
    by_subject = [sum(subject.id in mail["BodyText"] for mail in told) for subject in subjects]
    assert by_subject == [1] * FAILING
    assert all(table.notices(subject) == [] and table.marker(subject) is None for subject in subjects)
    arrivals = news.wait(FAILING)
    assert sorted(one.json()["subscription"]["id"] for one in arrivals) == sorted(one.id for one in subjects)


# ----------------------------------------------------------------- contacts ----


@pytest.fixture
def theirs(second_tenant: SecondTenant, make_scene: MakeScene) -> Any:
    """A scene of another tenant, whose contacts are as before at the end."""
    yield make_scene(second_tenant.api, second_tenant.name)
    second_tenant.api.call("PUT", "/v1/contacts", {"contacts": []})


@pytest.mark.parametrize(
    ("own", "of_tenant", "told"),
    [
        (["own@example.com"], ["tenant@example.com"], ["own@example.com"]),
        ([], ["one@example.com", "two@example.com"], ["one@example.com", "two@example.com"]),
        ([], [], None),
    ],
    ids=["its own", "the tenant's", "nobody's"],
)
def test_who_is_told(theirs: Scene, own: list[str], of_tenant: list[str], told: list[str] | None) -> None:
    api: Api = theirs.api
    api.call("PUT", "/v1/contacts", {"contacts": of_tenant})
    table = Table(theirs.cloud)
    [subject] = failing.subscriptions(theirs, 1, contacts=own)
    table.count(subject, failed=20, accepted=0)
    run(theirs.cloud)
    assert subject.get()["disabled"]["code"] == "failure_rate"
    assert [sorted(mail["To"]) for mail in mails(theirs.cloud, subject)] == ([told] if told else [])
    assert table.notices(subject) == [], "nothing is left to tell"
