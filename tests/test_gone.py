"""A receiver that answers 410 Gone: disabled at once, told once, and nothing lost of what happens meanwhile."""

from __future__ import annotations

import pytest
from receiver import Arrival

from health_runs import SCHEDULE, mails
from scene import Scene
from waiting import until

CONTACTS = ["ops@example.com", "owner@example.com"]
KEPT = [1, 2, 3]
"""People in the reports that are kept: the one that was refused, and two after it."""


def _counts(arrivals: list[Arrival]) -> list[int]:
    return [arrival.json()["person_count"] for arrival in arrivals]


def _publish(scene: Scene, count: int) -> None:
    scene.publish(scene.reading(count, count=count))


@pytest.mark.parametrize(
    ("what", "delivered", "dropped"),
    [
        ("deliver", KEPT, {"superseded": 0, "discarded": 0}),
        ("latest", KEPT[-1:], {"superseded": 2, "discarded": 0}),
        ("discard", [], {"superseded": 0, "discarded": 3}),
    ],
)
def test_a_receiver_that_is_gone(scene: Scene, what: str, delivered: list[int], dropped: dict[str, int]) -> None:
    cloud, back = scene.cloud, []
    subject = scene.subscribe("subject", answer=lambda _: (204 if back else 410, b""), contacts=CONTACTS)
    witness = scene.subscribe("witness", contacts=CONTACTS)

    _publish(scene, 1)
    shown = until(lambda: (now := subject.get())["disabled"] and now, "disabled at once")
    assert (shown["enabled"], shown["disabled"]["code"]) == (False, "gone")
    assert shown["disabled"]["reason"] == "the receiver answered 410 Gone"
    assert _counts(subject.arrivals()) == [1]

    # Nothing more is sent, and everything is kept.
    for count in KEPT[1:]:
        _publish(scene, count)
    witness.recorded(len(KEPT))
    assert _counts(subject.arrivals()) == [1]
    kept = until(
        lambda: len(waiting := subject.api.every(f"{subject.path}/backlog/deliveries")) == len(KEPT) and waiting,
        "the refused delivery and the two after it among those that wait",
    )
    assert kept[0]["event_id"] == subject.arrivals()[0].event_id
    assert [one["sequence"] for one in kept] == sorted(one["sequence"] for one in kept)

    # Told once, whatever health does after it, with a mail of its own.
    for _ in range(2):
        cloud.invoke("health", SCHEDULE)
    [mail] = mails(cloud, subject)
    assert sorted(mail["To"]) == CONTACTS
    assert mail["Subject"] == f'Your webhook "{subject.get()["name"]}" was disabled: its receiver answered 410 Gone'
    for body in (mail["BodyText"], mail["BodyHtml"]):
        for needed in ("localhost", "deliver", "latest", "discard", f"{subject.path}/enable", f"{subject.path}/backlog"):
            assert needed in body, needed
        assert f"/{scene.name}/subject" not in body, "of the URL the host alone is shown"
    assert mails(cloud, witness) == []

    back.append(True)
    enabled = subject.api.call("POST", f"{subject.path}/enable", {"backlog": what})
    assert (enabled["enabled"], enabled["disabled"], enabled["kept_deliveries"]) == (True, None, what)
    arrivals = subject.wait(1 + len(delivered))[1:]
    assert _counts(arrivals) == delivered
    if what == "deliver":
        assert arrivals[0].event_id == subject.arrivals()[0].event_id, "the same delivery again"
    if what == "latest":
        assert arrivals[0].headers["spacehook-superseded"] == "2"
    assert all(arrival.is_signed_with(subject.secret) for arrival in arrivals)

    until(lambda: subject.api.call("GET", f"{subject.path}/backlog")["waiting"] == 0, "nothing waits")
    until(lambda: subject.api.call("GET", f"{subject.path}/backlog")["breaker"]["state"] == "closed", "closed again")
    _publish(scene, 4)
    assert _counts(subject.wait(2 + len(delivered))[1:]) == [*delivered, 4]
    counted = until(lambda: _at_least(subject.stats()["dropped"], dropped), f"dropped: {dropped}")
    assert {cause: counted[cause] for cause in dropped} == dropped

    cloud.invoke("health", SCHEDULE)
    assert subject.get()["enabled"] is True
    assert len(mails(cloud, subject)) == 1


def _at_least(counted: dict[str, int], wanted: dict[str, int]) -> dict[str, int] | None:
    return counted if all(counted[cause] >= count for cause, count in wanted.items()) else None


def test_a_receiver_that_is_gone_and_nobody_to_tell(scene: Scene) -> None:
    subject = scene.subscribe("subject", answer=lambda _: (410, b""))
    _publish(scene, 1)
    until(lambda: subject.get()["disabled"], "disabled at once")
    scene.cloud.invoke("health", SCHEDULE)
    assert mails(scene.cloud, subject) == []
    subject.patch(contacts=CONTACTS)
    scene.cloud.invoke("health", SCHEDULE)
    assert mails(scene.cloud, subject) == [], "the notice is gone: nobody is told of what is long past"
