"""A receiver that always fails: disabled once, told once, left alone, and back when it is enabled."""

from __future__ import annotations

import json
from typing import Any

from cloud import ROOT, Cloud

from queue_counts import wait_until_empty
from scene import Scene, Subscription
from waiting import until

EVENT = json.loads((ROOT / "events" / "health-schedule.json").read_text())
ANSWER = b"<script>alert('hook')</script>"
READINGS = 12


def _mails(cloud: Cloud, subscription: Subscription) -> list[dict[str, Any]]:
    return [mail for mail in cloud.mails() if subscription.id in mail["BodyText"]]


def _publish(scene: Scene, first: int, readings: int) -> None:
    scene.publish([scene.reading(minute, count=minute) for minute in range(first, first + readings)])


def test_a_receiver_that_always_fails(scene: Scene) -> None:
    cloud, mended = scene.cloud, []
    contacts = ["ops@example.com", "owner@example.com"]
    subject = scene.subscribe("subject", answer=lambda _: (204, b"") if mended else (500, ANSWER), contacts=contacts)
    witness = scene.subscribe("witness", contacts=contacts)
    _publish(scene, 1, READINGS)
    until(lambda: subject.stats()["totals"]["failures"] >= READINGS, f"{READINGS} failures counted")

    cloud.invoke("health", EVENT)
    shown = subject.get()
    assert (shown["enabled"], shown["disabled"]["code"]) == (False, "failure_rate")
    failures = shown["disabled"]["failures"]
    assert failures >= READINGS
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

    # Nothing more arrives: neither new events nor the retries that were on their way.
    heard = len(subject.arrivals())
    _publish(scene, READINGS + 1, 1)
    witness.recorded(READINGS + 1)
    wait_until_empty(cloud, "RetriesQueueUrl", seconds=60)
    assert len(subject.arrivals()) == heard

    mended.append(True)
    enabled = subject.api.call("POST", f"{subject.path}/enable")
    assert (enabled["enabled"], enabled["disabled"]) == (True, None)
    assert subject.stats()["since_enabled"]["attempts"] == 0, "failures are counted anew"
    _publish(scene, READINGS + 2, 1)
    assert subject.wait(heard + 1)[-1].json()["person_count"] == READINGS + 2
    cloud.invoke("health", EVENT)
    assert subject.get()["enabled"] is True
    assert len(_mails(cloud, subject)) == 1


def test_fewer_than_ten_attempts_decide_nothing(scene: Scene) -> None:
    subject = scene.subscribe(answer=lambda _: (500, b""), contacts=["ops@example.com"])
    _publish(scene, 1, 4)
    until(lambda: subject.stats()["totals"]["failures"] >= 4, "4 failures counted")
    scene.cloud.invoke("health", EVENT)
    assert subject.get()["enabled"] is True
    assert _mails(scene.cloud, subject) == []
