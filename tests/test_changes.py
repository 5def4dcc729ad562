"""A change of a subscription holds from the next event on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from api import Problem
from receiver import Arrival

from scene import Scene
from waiting import until


class Steps:
    """Publishes one reading after the other, each delivered to a witness and settled before the next."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.witness = scene.subscribe("witness")
        self.count = 0

    def publish(self) -> None:
        """Publishes; when it returns, every subscription has got what it gets of it."""
        self.count += 1
        self.scene.publish(self.scene.reading(self.count, count=self.count))
        # Attempts are recorded when the whole batch is settled, that is, after all deliveries of this event.
        self.witness.recorded(self.count)


@pytest.fixture
def steps(scene: Scene) -> Steps:
    """A scene with a witness."""
    return Steps(scene)


def _counts(arrivals: list[Arrival]) -> list[int]:
    return [arrival.json()["person_count"] for arrival in arrivals]


@pytest.mark.parametrize(
    ("choice", "counts"),
    [(None, [1, 2, 3, 4]), ("deliver", [1, 2, 3, 4]), ("latest", [1, 3, 4]), ("discard", [1, 4])],
)
def test_disabling_and_enabling(steps: Steps, choice: str | None, counts: list[int]) -> None:
    subject = steps.scene.subscribe("subject")
    steps.publish()
    disabled = subject.api.call("POST", f"{subject.path}/disable")
    assert (disabled["enabled"], disabled["disabled"]["code"]) == (False, "by_request")
    steps.publish()
    steps.publish()
    assert _counts(subject.arrivals()) == [1], "what happens meanwhile is kept"
    enabled = subject.api.call("POST", f"{subject.path}/enable", choice and {"backlog": choice})
    assert (enabled["enabled"], enabled["disabled"]) == (True, None)
    steps.publish()
    assert _counts(subject.wait(len(counts))) == counts
    until(lambda: subject.api.call("GET", f"{subject.path}/backlog")["waiting"] == 0, "nothing waits any more")
    assert _counts(subject.arrivals()) == counts


def test_a_new_url(steps: Steps) -> None:
    subject = steps.scene.subscribe("subject")
    moved = replace(subject, inbox=steps.scene.receiver.inbox("/moved-to"))
    steps.publish()
    subject.patch(url=steps.scene.receiver.url("/moved-to"))
    steps.publish()
    assert (_counts(subject.wait(1)), _counts(moved.wait(1))) == ([1], [2])
    assert moved.arrivals()[0].is_signed_with(subject.secret)


def test_a_rotated_credential_and_another_way_to_authenticate(steps: Steps) -> None:
    subject = steps.scene.subscribe("subject", auth={"type": "bearer", "token": "old-token-11"})
    changes = [
        {"auth": {"token": "new-token-22"}},
        {"auth": {"type": "basic", "username": "Aladdin", "password": "open sesame"}},
        {"auth": {"type": "none"}, "custom_headers": {"X-One": "1", "X-Two": "2"}},
        {"custom_headers": {"x-ONE": None}},
    ]
    steps.publish()
    for change in changes:
        subject.patch(**change)
        steps.publish()
    arrivals = subject.wait(5)
    assert [arrival.headers.get("authorization") for arrival in arrivals] == [
        "Bearer old-token-11",
        "Bearer new-token-22",
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        None,
        None,
    ]
    assert [arrival.headers.get("x-one") for arrival in arrivals] == [None, None, None, "1", None]
    assert [arrival.headers.get("x-two") for arrival in arrivals] == [None, None, None, "2", "2"]
    assert all(arrival.is_signed_with(subject.secret) for arrival in arrivals), "the signing secret stays"


def test_other_events_other_pairs_and_another_building(steps: Steps) -> None:
    subject = steps.scene.subscribe("subject", key_values={"a": "1", "b": "2"})
    subject.patch(key_values={"a": None, "c": "3"})
    steps.publish()
    subject.patch(event_types=["space_availability"])
    steps.publish()
    subject.patch(event_types=["space_report"], building_ref_ids=["another-building"])
    steps.publish()
    subject.patch(building_ref_ids=None)
    steps.publish()
    # The second reading does not change who is there, and so there is no space_availability.
    assert _counts(subject.wait(2)) == [1, 4]
    body = subject.arrivals()[0].json()
    assert "a" not in body and (body["b"], body["c"]) == ("2", "3")


def test_a_deleted_subscription_gets_nothing_and_leaves_no_secret(steps: Steps) -> None:
    subject = steps.scene.subscribe("subject", auth={"type": "bearer", "token": "doomed-token"})
    steps.publish()
    subject.api.call("DELETE", subject.path)
    steps.publish()
    assert _counts(subject.arrivals()) == [1]
    with pytest.raises(Problem) as refused:
        subject.get()
    assert refused.value.status == 404
    secrets = steps.scene.cloud.client("secretsmanager")
    left = [one for page in secrets.get_paginator("list_secrets").paginate() for one in page["SecretList"]]
    assert not [one["Name"] for one in left if subject.id in one["Name"] and "DeletedDate" not in one]


def test_two_subscriptions_get_the_same_event_each_signed_for_itself(steps: Steps) -> None:
    other = steps.scene.subscribe("other", key_values={"mine": "yes"})
    steps.publish()
    [one], [two] = steps.witness.wait(1), other.wait(1)
    assert (one.event_id, one.sequence) == (two.event_id, two.sequence)
    assert one.json() == {key: value for key, value in two.json().items() if key != "mine"}
    assert one.is_signed_with(steps.witness.secret) and two.is_signed_with(other.secret)
    assert not one.is_signed_with(other.secret) and not two.is_signed_with(steps.witness.secret)
