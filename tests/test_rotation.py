"""A new signing secret: for a while both sign, then the new one alone, and a receiver can change over whenever it likes."""

from __future__ import annotations

from typing import Any

from receiver import Arrival
from standardwebhooks import Webhook

from kept_items import Table
from scene import Scene, Subscription


def _publish(scene: Scene, witness: Subscription) -> None:
    before = len(witness.attempts())
    scene.publish(scene.reading(before + 1, count=before + 1))
    witness.recorded(before + 1)


def _rotate(subject: Subscription, **body: Any) -> dict[str, Any]:
    return subject.api.call("POST", f"{subject.path}/signing-secret/rotate", body)


def _signed(arrival: Arrival, *secrets: str) -> tuple[bool, ...]:
    return tuple(arrival.is_signed_with(secret) for secret in secrets)


def test_both_sign_until_the_moment_that_is_shown(scene: Scene) -> None:
    subject, witness = scene.subscribe("subject"), scene.subscribe("witness")
    _publish(scene, witness)
    rotated = _rotate(subject)
    old, new = subject.secret, rotated["signing_secret"]
    assert new != old and rotated["previous_signing_secret_until"] == subject.get()["previous_signing_secret_until"]
    _publish(scene, witness)

    # The time comes: the record says so, and nothing else is written.
    Table(scene.cloud).end_overlap(subject)
    subject.patch(description="so that the dispatcher reads the record again")
    _publish(scene, witness)

    first, second, third = subject.wait(3)
    assert [_signed(arrival, old, new) for arrival in (first, second, third)] == [
        (True, False),
        (True, True),
        (False, True),
    ]
    counts = [len(arrival.headers["webhook-signature"].split(" ")) for arrival in (first, second, third)]
    assert counts == [1, 2, 1]
    newest = second.headers["webhook-signature"].split(" ")[0]
    Webhook(new).verify(second.body, second.headers | {"webhook-signature": newest})


def test_at_once_and_again_within_the_overlap(scene: Scene) -> None:
    subject, witness = scene.subscribe("subject"), scene.subscribe("witness")
    one = _rotate(subject, overlap_hours=168)["signing_secret"]
    two = _rotate(subject, overlap_hours=1)["signing_secret"]
    _publish(scene, witness)
    three = _rotate(subject, overlap_hours=0)["signing_secret"]
    _publish(scene, witness)
    secrets = (subject.secret, one, two, three)
    first, second = subject.wait(2)
    assert _signed(first, *secrets) == (False, True, True, False), "at most two sign"
    assert _signed(second, *secrets) == (False, False, False, True)
    assert subject.get()["previous_signing_secret_until"] is None
