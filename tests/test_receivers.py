"""Receivers that fail in every way a receiver can: each gets its own reason, and none holds up another."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from api import Api
from cloud import Cloud
from receiver import Arrival, Inbox, Receiver
from telemetry import Sensor

import scene as scenes
from raw_receiver import RawReceiver, answer_megabytes, close, drip, hang, redirect_to, refusing_port
from scene import Scene, Subscription
from waiting import until

# What is prompt here. A receiver that hangs takes 5 s; what waited for it would take longer.
PROMPT_SECONDS = 2.5
METADATA = "http://169.254.169.254/latest/meta-data/"


@dataclass
class Outing:
    """One event to all of them at once."""

    by_name: dict[str, Subscription] = field(default_factory=dict)
    raw: dict[str, RawReceiver] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """From the publishing to the arrival, of those that are in order."""
    canary: Inbox = field(default_factory=Inbox)
    """Where a redirect leads to."""

    def first_attempt(self, name: str) -> dict[str, Any]:
        """The first recorded attempt of a subscription."""
        return self.by_name[name].recorded(1)[0]


def _once_broken(arrival: Arrival) -> tuple[int, bytes]:
    first = arrival.headers["spacehook-attempt"] == "1"
    return (500, b"down for a moment") if first else (200, b"")


def _subscribe_all(outing: Outing, scene: Scene, cloud: Cloud, open_: contextlib.ExitStack) -> None:
    good = cloud.authority.server()
    outing.canary = scene.receiver.inbox(f"/{scene.name}/canary")
    behaviours = {
        "metadata": redirect_to(METADATA),
        "elsewhere": redirect_to(scene.receiver.url(f"/{scene.name}/canary")),
        "slow-head": drip(b"HTTP/1.1 200 OK\r\nx-slow: "),
        "slow-body": drip(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"),
        "hanging": hang,
        "closing": close,
        "large": answer_megabytes(10),
    }
    for name, behave in behaviours.items():
        outing.raw[name] = open_.enter_context(RawReceiver(good, behave))
        outing.by_name[name] = scene.subscribe(name, url=outing.raw[name].url)
    for name, certificate in (("expired", cloud.authority.expired()), ("wrong-host", cloud.authority.wrong_host())):
        there = open_.enter_context(Receiver(certificate))
        outing.by_name[name] = scene.subscribe(name, url=there.url("/hook"))
    port, bound = refusing_port()
    open_.callback(bound.close)
    outing.by_name["refusing"] = scene.subscribe("refusing", url=f"https://localhost:{port}/")
    plain = f"https://127.0.0.1:{cloud.port}/"
    outing.by_name["not-tls"] = scene.subscribe("not-tls", url=plain)
    outing.by_name["missing-secret"] = scene.subscribe("missing-secret", auth={"type": "bearer", "token": "lost-1"})
    outing.by_name["failing"] = scene.subscribe("failing", answer=lambda _: (503, b"n" * 5000))
    outing.by_name["once-broken"] = scene.subscribe("once-broken", answer=_once_broken)
    outing.by_name["healthy"] = scene.subscribe("healthy")


def _lose_secret(cloud: Cloud, subscription: Subscription) -> None:
    secrets = cloud.client("secretsmanager")
    name = f"spacehook/{cloud.parameters['Stage']}/{cloud.parameters['FirstTenant']}/{subscription.id}"
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@pytest.fixture(scope="module")
def outing(cloud: Cloud, api: Api, receiver: Receiver, device: Sensor) -> Iterator[Outing]:
    """The event published, and another one in another space right after it."""
    outing = Outing()
    with contextlib.ExitStack() as open_:
        scene = open_.enter_context(scenes.opened(cloud, api, receiver, device, "receivers"))
        next_door = open_.enter_context(scenes.opened(cloud, api, receiver, device, "next-door"))
        _subscribe_all(outing, scene, cloud, open_)
        outing.by_name["next-door"] = next_door.subscribe("healthy")
        _lose_secret(cloud, outing.by_name["missing-secret"])

        published = time.monotonic()
        scene.publish(scene.reading(1, count=1))
        # Only once the others are under way: the neighbour must be prompt while they hang.
        until(lambda: outing.raw["hanging"].requests, "the request to the receiver that hangs")
        published_next_door = time.monotonic()
        next_door.publish(next_door.reading(1, count=1))
        outing.seconds["healthy"] = outing.by_name["healthy"].wait(1)[0].at - published
        outing.seconds["next-door"] = outing.by_name["next-door"].wait(1)[0].at - published_next_door
        yield outing


@pytest.mark.parametrize(
    ("name", "status", "key", "text"),
    [
        ("metadata", 302, "http_302", "redirect not followed (HTTP 302)"),
        ("elsewhere", 302, "http_302", "redirect not followed (HTTP 302)"),
        ("slow-head", None, "timeout", "timeout after 5 s"),
        ("hanging", None, "timeout", "timeout after 5 s"),
        ("closing", None, "connection_closed", "connection closed before the answer was complete"),
        ("expired", None, "tls_certificate_expired", "TLS: certificate expired"),
        ("wrong-host", None, "tls_wrong_host", "TLS: certificate is for another host"),
        ("refusing", None, "connection_refused", "connection refused"),
        ("not-tls", None, "tls_not_tls", "TLS: the receiver does not speak TLS"),
        ("missing-secret", None, "credentials_secret_missing", "credentials: secret missing"),
        ("failing", 503, "http_503", "HTTP 503"),
        ("once-broken", 500, "http_500", "HTTP 500"),
    ],
)
def test_each_failure_has_its_reason(outing: Outing, name: str, status: int | None, key: str, text: str) -> None:
    attempt = outing.first_attempt(name)
    reason = attempt["reason"]
    assert (attempt["accepted"], reason["key"], reason["text"]) == (False, key, text)
    assert attempt["status"] == status
    assert reason["meaning"] and reason["remedy"]
    stats = outing.by_name[name].stats()
    assert stats["totals"]["failures"] >= 1
    assert [one["text"] for one in stats["top_reasons"]] == [text]


def test_a_byte_a_second_and_silence_are_given_five_seconds_in_all(outing: Outing) -> None:
    for name in ("slow-head", "slow-body", "hanging"):
        assert 4_900 <= outing.first_attempt(name)["duration_ms"] <= 5_600, name


def test_a_body_that_drips_is_a_timeout_too(outing: Outing) -> None:
    attempt = outing.first_attempt("slow-body")
    assert (attempt["accepted"], attempt["reason"]["key"]) == (False, "timeout")


def test_ten_megabytes_are_a_success(outing: Outing) -> None:
    attempt = outing.first_attempt("large")
    assert (attempt["accepted"], attempt["status"], attempt["reason"]) == (True, 200, None)
    assert attempt["duration_ms"] < PROMPT_SECONDS * 1000


def test_a_redirect_is_followed_nowhere(outing: Outing) -> None:
    assert outing.first_attempt("elsewhere")["status"] == 302
    assert outing.canary.arrivals == []


def test_of_an_answer_to_a_failed_attempt_the_first_kibibyte_is_kept(outing: Outing) -> None:
    assert outing.first_attempt("failing")["answer"] == "n" * 1024


def test_nobody_waits_for_the_slow_ones(outing: Outing) -> None:
    assert outing.seconds["healthy"] < PROMPT_SECONDS, "the same event, to a receiver in order"
    assert outing.seconds["next-door"] < PROMPT_SECONDS, "another space, meanwhile"


def test_a_failed_delivery_is_tried_again_after_five_seconds(outing: Outing) -> None:
    subscription = outing.by_name["once-broken"]
    first, second = subscription.wait(2)[:2]
    # 5 s give or take a fifth, and what an emulator on a busy machine adds.
    assert 3.9 <= second.at - first.at <= 9
    assert [one.headers["spacehook-attempt"] for one in (first, second)] == ["1", "2"]
    assert second.event_id == first.event_id and second.sequence == first.sequence
    assert second.body == first.body
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert second.headers["webhook-signature"] != first.headers["webhook-signature"]
    assert first.is_signed_with(subscription.secret) and second.is_signed_with(subscription.secret)
    attempts = subscription.recorded(2)
    assert [(one["number"], one["accepted"], one["event_id"]) for one in attempts] == [
        (1, False, first.event_id),
        (2, True, first.event_id),
    ]
    totals = until(lambda: (now := subscription.stats()["totals"])["attempts"] == 2 and now, "both counted")
    assert (totals["successes"], totals["failures"], totals["failure_rate"]) == (1, 1, 0.5)


def test_without_its_secret_nothing_is_sent(scene: Scene) -> None:
    subscription = scene.subscribe(auth={"type": "bearer", "token": "first-token-aa"})
    _lose_secret(scene.cloud, subscription)
    scene.publish(scene.reading(1, count=1))
    assert subscription.recorded(1)[0]["reason"]["key"] == "credentials_secret_missing"
    assert subscription.arrivals() == []


def test_a_slow_receiver_does_not_slow_the_same_one_for_another_space(scene: Scene) -> None:
    # One space of the same subscription hangs in its receiver; the other's deliveries go on.
    here, there = f"s-{scene.name}", f"t-{scene.name}"
    building = {
        "building_ref_id": scene.building,
        "spaces": [{"space_ref_id": there, "sensors": [{"sensor_id": there}]}],
    }
    scene.api.call("POST", "/v1/import", {"buildings": [building]})
    release = threading.Event()

    def slow_for_one(arrival: Arrival) -> tuple[int, bytes]:
        if arrival.json()["space_ref_id"] == here:
            release.wait(4)
        return 204, b""

    subscription = scene.subscribe(answer=slow_for_one)
    scene.publish(scene.reading(1, count=1))
    scene.publish({"sensor_id": there} | scene.reading(1, count=2))
    try:
        [first] = subscription.wait(1, seconds=PROMPT_SECONDS)[:1]
        assert first.json()["space_ref_id"] == there
    finally:
        release.set()
    assert len(subscription.wait(2)) == 2
