"""A receiver that always fails: disabled once, told once, left alone, and back when it is enabled."""

from __future__ import annotations

import json
import time
from typing import Any

from cloud import ROOT, Cloud
from receiver import Arrival

from scene import MakeScene, Scene, Subscription
from waiting import until

EVENT = json.loads((ROOT / "events" / "health-schedule.json").read_text())
ANSWER = b"<script>alert('hook')</script>"
# Of so many spaces eight are tried at once, since one run sends to one receiver eight at a time. With two probes these
# are the ten attempts that it takes to disable: of one space alone it would be minutes until then.
SPACES = 8
DECIDING = 10
# Longer than it takes to begin eight attempts: none is spared because another has failed.
ANSWER_SECONDS = 1.0


def _mails(cloud: Cloud, subscription: Subscription) -> list[dict[str, Any]]:
    return [mail for mail in cloud.mails() if subscription.id in mail["BodyText"]]


def _publish(spaces: list[Scene], minute: int) -> None:
    for space in spaces:
        space.publish(space.reading(minute, count=minute))


def _fail(_: Arrival) -> tuple[int, bytes]:
    time.sleep(ANSWER_SECONDS)
    return 500, ANSWER


def _run(cloud: Cloud, subscription: Subscription) -> None:
    """Has the backlog looked at, as each of its timers does; returns when that is done."""
    sample = json.loads((ROOT / "events" / "dispatcher-retries.json").read_text())
    [record] = sample["Records"]
    timer = json.loads(record["body"]) | {"subscription_id": subscription.id, "ticket": None}
    record["body"] = json.dumps(timer)
    assert cloud.invoke("dispatcher", sample) == {"batchItemFailures": []}


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

    cloud.invoke("health", EVENT)
    shown = subject.get()
    assert (shown["enabled"], shown["disabled"]["code"]) == (False, "failure_rate")
    failures = shown["disabled"]["failures"]
    assert failures >= DECIDING
    assert shown["disabled"]["reason"] == f"{failures} of {failures} attempts failed within 24 h"
    assert witness.get()["enabled"] is True, "who answers is left alone"

    [mail] = _mails(cloud, subject)
    assert sorted(mail["To"]) == contacts and mail["Source"] == cloud.parameters["MailFrom"]
    assert scene.name in mail["Subject"] and "100.00 %" in mail["Subject"]
    for body in (mail["BodyText"], mail["BodyHtml"]):
        assert "HTTP 500" in body and f"{failures} of {failures}" in body
        assert f"/v1/subscriptions/{subject.id}/enable" in body
    assert "<script>" not in mail["BodyHtml"] and "&lt;script&gt;" in mail["BodyHtml"]

    cloud.invoke("health", EVENT)
    assert len(_mails(cloud, subject)) == 1, "told once"
    assert subject.get() == shown

    # Nothing more arrives: neither new events nor those that wait.
    heard = len(subject.arrivals())
    _publish(spaces, 2)
    witness.recorded(2 * SPACES)
    _run(cloud, subject)
    assert len(subject.arrivals()) == heard

    mended.append(True)
    enabled = subject.api.call("POST", f"{subject.path}/enable")
    assert (enabled["enabled"], enabled["disabled"]) == (True, None)
    assert subject.stats()["since_enabled"]["attempts"] == 0, "failures are counted anew"
    _publish(spaces, 3)
    reports = [arrival.json() for arrival in subject.wait(heard + 3 * SPACES)[heard:]]
    for space in spaces:
        # Nothing was accepted before: all that happened comes, in order.
        assert [one["person_count"] for one in reports if one["space_ref_id"] == space.space] == [1, 2, 3]
    cloud.invoke("health", EVENT)
    assert subject.get()["enabled"] is True
    assert len(_mails(cloud, subject)) == 1


def test_fewer_than_ten_attempts_decide_nothing(make_scene: MakeScene) -> None:
    spaces = [make_scene() for _ in range(4)]
    scene, buildings = spaces[0], [space.building for space in spaces]
    failing = {"answer": lambda _: (500, b""), "contacts": ["ops@example.com"]}
    subject = scene.subscribe(building_ref_ids=buildings, **failing)
    _publish(spaces, 1)
    until(lambda: subject.stats()["totals"]["failures"] >= 4, "4 failures counted")
    scene.cloud.invoke("health", EVENT)
    assert subject.get()["enabled"] is True
    assert _mails(scene.cloud, subject) == []
