"""The main job: a recorded room in over MQTT, webhooks out over HTTPS, each held against the recording."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import room
from api import Api
from cloud import Cloud
from receiver import Arrival, Receiver
from room import Minute, Place
from telemetry import Sensor

import scene as scenes
from scene import Scene, Subscription
from waiting import until

_ALL = room.read()
# Two hours, and two stretches in which people come and go.
MINUTES = _ALL[:120] + _ALL[190:230] + _ALL[1035:1047]
CHANGES = room.changes(MINUTES)

PAIRS = {"site": "Mons", "connector": "é 1"}
BASIC = {"type": "basic", "username": "facility", "password": "correct horse"}
BEARER = {"type": "bearer", "token": "room-token-91c2"}
KEY_HEADER = {"type": "custom_header", "name": "X-Api-Key", "value": "room key 5d"}


@dataclass(frozen=True)
class Replay:
    """The scene, and what came of it."""

    scene: Scene
    place: Place
    by_name: dict[str, Subscription]

    def arrivals(self, name: str) -> list[Arrival]:
        """What a subscription got of this space."""
        arrivals = self.by_name[name].arrivals()
        return [one for one in arrivals if _record(one)["space_id"] == self.scene.space_id]

    def reports(self, minutes: list[Minute], pairs: dict[str, str]) -> list[object]:
        """What must be reported of these minutes."""
        return [self.place.report(minute, self.scene.space_id, pairs) for minute in minutes]

    def changes(self, pairs: dict[str, str]) -> list[object]:
        """The changes that must be told."""
        told = [self.place.availability(minute, self.scene.space_id) for minute in CHANGES]
        return [[{**record, **pairs} for record in records] for records in told]


def _record(arrival: Arrival) -> dict[str, object]:
    body = arrival.json()
    return body[0] if isinstance(body, list) else body


def _bodies(arrivals: list[Arrival]) -> list[object]:
    return [arrival.json() for arrival in arrivals]


@pytest.fixture(scope="module")
def replay(cloud: Cloud, api: Api, receiver: Receiver, device: Sensor) -> Iterator[Replay]:
    """The room replayed, once for all tests here."""
    with scenes.opened(cloud, api, receiver, device, "room") as scene:
        both = ("space_report", "space_availability")
        by_name = {
            "reports": scene.subscribe("reports", auth=BASIC, key_values=PAIRS),
            "changes": scene.subscribe("changes", "space_availability", auth=BEARER, key_values=PAIRS),
            "thinned": scene.subscribe("thinned", send="on_change", auth=KEY_HEADER),
            "both": scene.subscribe("both", *both, custom_headers={"X-Site": "Mons", "x-floor": "ground"}),
            "unfiltered": scene.subscribe("unfiltered", building_ref_ids=[]),
            "elsewhere": scene.subscribe("elsewhere", *both, building_ref_ids=["another-building"]),
            "disabled": scene.subscribe("disabled", *both, enabled=False),
        }
        for number, minute in enumerate(MINUTES, start=1):
            scene.publish(minute.telemetry().encode())
            # A room reports once a minute. Not waiting would have IoT run several functions at once, and a reading
            # that is overtaken by a newer one rightly gives no report.
            by_name["reports"].wait(number)
        by_name["changes"].wait(len(CHANGES))
        by_name["both"].wait(len(MINUTES) + len(CHANGES))
        by_name["both"].recorded(len(MINUTES) + len(CHANGES))
        yield Replay(scene, Place(scene.building, scene.floor, scene.space, scene.sensor), by_name)


def test_every_reading_is_reported_as_documented(replay: Replay) -> None:
    assert _bodies(replay.arrivals("reports")) == replay.reports(MINUTES, PAIRS)


def test_every_change_is_told_as_documented(replay: Replay) -> None:
    assert len(CHANGES) >= 7
    assert _bodies(replay.arrivals("changes")) == replay.changes(PAIRS)


def test_on_change_leaves_out_what_says_nothing_new(replay: Replay) -> None:
    def is_news(before: Minute | None, now: Minute) -> bool:
        return before is None or before.occupied != now.occupied or now.timestamp()[:13] > before.timestamp()[:13]

    due = [now for before, now in zip([None, *MINUTES], MINUTES) if is_news(before, now)]
    assert len(CHANGES) < len(due) < len(MINUTES) / 4
    assert _bodies(replay.arrivals("thinned")) == replay.reports(due, {})


def test_no_building_filter_means_all_and_others_get_nothing(replay: Replay) -> None:
    assert _bodies(replay.arrivals("unfiltered")) == replay.reports(MINUTES, {})
    assert replay.by_name["elsewhere"].arrivals() == []
    assert replay.by_name["disabled"].arrivals() == []


def test_events_of_a_space_arrive_in_the_order_of_their_sequence(replay: Replay) -> None:
    due = []
    for minute in MINUTES:
        due += ["space_report"] + ["space_availability"] * (minute in CHANGES)
    both = replay.arrivals("both")
    assert [_record(arrival)["event_type"] for arrival in both] == due
    assert [arrival.sequence for arrival in both] == list(range(1, len(due) + 1))
    for name in ("reports", "changes", "thinned"):
        sequences = [arrival.sequence for arrival in replay.arrivals(name)]
        assert sequences == sorted(set(sequences)), name


def test_ids_are_the_events_own_and_the_same_for_every_receiver(replay: Replay) -> None:
    for arrival in replay.arrivals("both"):
        cause = f"{replay.scene.tenant}\n{replay.scene.space_id}\n{_record(arrival)['event_type']}\n{arrival.sequence}"
        # When it was received, to the millisecond, and a digest of its cause.
        assert arrival.event_id[-20:] == hashlib.sha256(cause.encode()).hexdigest()[:20]
        assert abs(time.time() - int(arrival.event_id[4:16], 16) / 1000) < 600
    ids = [arrival.event_id for arrival in replay.arrivals("both")]
    assert len(set(ids)) == len(ids)
    of_both = {one.event_id for one in replay.arrivals("reports") + replay.arrivals("changes")}
    assert of_both == set(ids)


def test_every_signature_verifies_with_its_own_secret_alone(replay: Replay) -> None:
    for name in ("reports", "changes", "thinned", "both", "unfiltered"):
        secret = replay.by_name[name].secret
        assert all(arrival.is_signed_with(secret) for arrival in replay.arrivals(name)), name
    strangers = replay.by_name["changes"].secret
    assert not any(arrival.is_signed_with(strangers) for arrival in replay.arrivals("reports"))


def test_every_request_is_authenticated_as_its_subscription_says(replay: Replay) -> None:
    def values(name: str, header: str) -> set[str | None]:
        return {arrival.headers.get(header) for arrival in replay.arrivals(name)}

    # Written out, not computed as the product computes it.
    assert values("reports", "authorization") == {"Basic ZmFjaWxpdHk6Y29ycmVjdCBob3JzZQ=="}
    assert values("changes", "authorization") == {"Bearer room-token-91c2"}
    assert values("thinned", "x-api-key") == {"room key 5d"}
    assert values("thinned", "authorization") == values("both", "authorization") == {None}
    assert (values("both", "x-site"), values("both", "x-floor")) == ({"Mons"}, {"ground"})
    assert values("reports", "x-site") == values("reports", "x-api-key") == {None}


def test_every_request_has_the_documented_headers(replay: Replay) -> None:
    for arrival in replay.arrivals("both"):
        assert arrival.headers["content-type"] == "application/json"
        assert arrival.headers["user-agent"].startswith("Spacehook/")
        assert arrival.headers["spacehook-attempt"] == "1"


def test_what_was_delivered_is_counted_and_listed(replay: Replay) -> None:
    both = replay.by_name["both"]
    due = len(MINUTES) + len(CHANGES)
    totals = until(lambda: (now := both.stats()["totals"])["attempts"] >= due and now, f"{due} attempts counted")
    assert totals == {"attempts": due, "successes": due, "failures": 0, "failure_rate": 0}
    assert both.stats()["top_reasons"] == []
    attempts = both.attempts()
    assert {one["event_id"] for one in attempts} == {arrival.event_id for arrival in both.arrivals()}
    assert all(one["accepted"] and one["status"] == 204 and one["number"] == 1 for one in attempts)
    assert replay.by_name["elsewhere"].attempts() == replay.by_name["disabled"].attempts() == []


def test_the_state_of_the_space_is_what_its_sensor_last_said(replay: Replay) -> None:
    state, last = replay.scene.state(), MINUTES[-1]
    due = replay.place.report(last, replay.scene.space_id, {})
    assert state["state"] == ("occupied" if last.occupied else "available")
    assert (state["person_count"], state["environment"]) == (due["person_count"], due["environment"])
    assert (state["observed_at"], state["sequence"]) == (last.timestamp(), len(MINUTES) + len(CHANGES))
