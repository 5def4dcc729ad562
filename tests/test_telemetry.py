"""Telemetry as it really comes: broken, unknown, from the future, twice, and in the wrong order."""

from __future__ import annotations

import datetime
import itertools
import json
import random
from typing import Any

import pytest
from cloud import Cloud

from dead_letters import DeadLetters
from function_log import FunctionLog
from scene import MakeScene, Scene, Subscription
from second_tenant import SecondTenant
from waiting import until


def _taken(log: FunctionLog, topic: str, messages: int) -> list[dict[str, Any]]:
    """Waits until ingest has taken in so many messages of a topic; its lines about them."""

    def lines() -> list[dict[str, Any]]:
        found = log.lines(topic=topic, message="telemetry taken in")
        return found if len(found) >= messages else []

    return until(lines, f"{messages} messages of {topic} taken in")


@pytest.fixture
def ingest_log(cloud: Cloud) -> FunctionLog:
    """What ingest logs during the test."""
    return FunctionLog(cloud.function_log("ingest"))


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b'{"person_count": 2', "not JSON: "),
        (b"\xff\xfe\x00 no text at all", "not JSON: "),
        (b"", "not JSON: "),
        (b"42", "must be an object, or an array of objects"),
        (b'{"person_count": "two"}', "reading 0: person_count: must be a whole number from 0 to 10000"),
        (b'{"signs_of_life": 1}', "reading 0: signs_of_life: must be true or false"),
        (b'{"person_count": 1, "timestamp": "yesterday"}', "reading 0: timestamp: must be "),
        (b'{"firmware": "1.2"}', "reading 0: reading: carries no quantity that is known here"),
    ],
)
def test_what_can_not_be_read_is_kept_whole_with_its_cause(
    scene: Scene, dead_letters: DeadLetters, payload: bytes, cause: str
) -> None:
    scene.publish(payload)
    causes, kept = dead_letters.one(scene.topic())
    assert kept == payload
    assert len(causes) == 1 and causes[0].startswith(cause), causes
    assert scene.state()["sequence"] == 0


def test_a_bad_reading_does_not_cost_the_good_ones(scene: Scene, dead_letters: DeadLetters) -> None:
    reports = scene.subscribe()
    wrong = scene.reading(2, count=2) | {"person_count": "two"}
    batch = [scene.reading(1, count=1), wrong, 7, scene.reading(3, count=3)]
    scene.publish(batch)
    assert [arrival.json()["person_count"] for arrival in reports.wait(2)] == [1, 3]
    causes, kept = dead_letters.one(scene.topic())
    assert json.loads(kept) == batch
    assert [cause.split(":")[0] for cause in causes] == ["reading 1", "reading 2"]
    assert "person_count" in causes[0]


def test_an_unknown_profile_is_refused_by_name(scene: Scene, dead_letters: DeadLetters) -> None:
    topic = scene.topic(profile="acme-9000")
    scene.publish(b'{"person_count": 1}', topic)
    causes, kept = dead_letters.one(topic)
    [cause] = causes
    assert cause.startswith("there is no profile 'acme-9000'; there are native, aws_iot_lorawan_milesight, butlr, ")
    assert kept == b'{"person_count": 1}'


def test_an_unknown_sensor_is_listed_then_assigned_then_heard(scene: Scene) -> None:
    reports = scene.subscribe()
    stranger = f"new-{scene.sensor}"
    topic = scene.topic(sensor=stranger)

    def listed() -> dict[str, Any] | None:
        every = scene.api.every("/v1/unassigned-sensors")
        return next((one for one in every if one["sensor_id"] == stranger), None)

    # A stranger in the message of a sensor that is known costs that one nothing.
    scene.publish([scene.reading(1, count=1), {"sensor_id": stranger} | scene.reading(1, count=5)])
    assert [arrival.json()["person_count"] for arrival in reports.wait(1)] == [1]
    assert until(listed, f"{stranger} among the unassigned sensors")["readings"] == 1
    scene.publish(scene.reading(2, count=5), topic)
    until(lambda: (listed() or {}).get("readings") == 2, "the second reading counted")

    place = {"building_ref_id": scene.building, "space_ref_id": scene.space}
    scene.api.call("PUT", f"/v1/sensors/{stranger}", place)
    assert listed() is None
    scene.publish(scene.reading(3, count=5), topic)
    report = reports.wait(2)[1].json()
    assert (report["person_count"], report["sensor_ids"]) == (6, sorted([scene.sensor, stranger]))
    assert len(reports.arrivals()) == 2, "what the stranger said before is no event"


def test_a_clock_in_2099_gives_way_to_the_arrival(scene: Scene, ingest_log: FunctionLog) -> None:
    reports = scene.subscribe()
    before = datetime.datetime.now(datetime.timezone.utc)
    scene.publish({"timestamp": "2099-01-01T00:00:00Z", "person_count": 3, "temperature": 20.5})
    report = reports.wait(1)[0].json()
    for said in (report["timestamp"], report["environment"]["timestamp"]):
        passed = datetime.datetime.fromisoformat(said.replace("Z", "+00:00")) - before
        assert datetime.timedelta(seconds=-1) <= passed < datetime.timedelta(seconds=30), said
    assert until(lambda: ingest_log.lines(sensor=scene.sensor, clock="Ahead"), "a line about the clock")

    # The future has not happened: the next reading is newer.
    scene.publish({"person_count": 0})
    assert reports.wait(2)[1].json()["person_count"] == 0


def _history(scene: Scene) -> list[dict[str, Any]]:
    """Three quarters of an hour in which quantities come together and alone."""
    drawn = random.Random(7)
    readings = []
    for minute in range(45):
        reading: dict[str, Any] = {"timestamp": scene.reading(minute, 0)["timestamp"]}
        if minute % 3:
            reading["person_count"] = drawn.choice([0, 0, 1, 4])
        if minute % 4 == 0:
            reading |= {"temperature": 20 + drawn.randrange(50) / 10, "battery": 90 - minute}
        if minute % 5 == 0:
            reading["signs_of_life"] = drawn.random() < 0.5
        readings.append(reading if len(reading) > 1 else reading | {"humidity": 40})
    return readings


def _settled(scene: Scene) -> dict[str, Any]:
    """The state without what differs from scene to scene: names, how many events there were, when readings arrived."""
    state = json.loads(json.dumps(scene.state()).replace(scene.name, "NAME"))
    for sensor in state["sensors"]:
        del sensor["last_reading_at"], sensor["last_seen_at"]
    return {key: value for key, value in state.items() if key not in ("space_id", "sequence")}


def _last_change(subscription: Subscription, state: str) -> dict[str, Any]:
    """Waits until the last availability that arrived says this state; its record."""

    def last() -> dict[str, Any] | None:
        arrivals = subscription.arrivals()
        record = arrivals[-1].json()[0] if arrivals else {}
        return record if record.get("state") == state else None

    return until(last, f"a last availability that says {state}")


def test_reversed_and_repeated_telemetry_ends_where_ordered_telemetry_ends(
    make_scene: MakeScene, ingest_log: FunctionLog
) -> None:
    ordered, backwards, shuffled = make_scene(), make_scene(), make_scene()
    changes = [one.subscribe("changes", "space_availability") for one in (ordered, backwards, shuffled)]
    history = _history(ordered)
    mixed = history * 3
    random.Random(11).shuffle(mixed)

    ordered.publish(history)
    for reading in reversed(history):
        backwards.publish(reading)
    for start in range(0, len(mixed), 5):
        shuffled.publish(mixed[start : start + 5])
    _taken(ingest_log, ordered.topic(), 1)
    _taken(ingest_log, backwards.topic(), len(history))
    _taken(ingest_log, shuffled.topic(), len(mixed) // 5)

    due = _settled(ordered)
    assert due["state"] and due["environment"] and due["signs_of_life"] is not None
    assert _settled(backwards) == due
    assert _settled(shuffled) == due
    for subscription in changes:
        last = _last_change(subscription, due["state"])
        assert last["passively_occupied"] in (due["passively_occupied"], None)
        told = [arrival.json()[0]["state"] for arrival in subscription.arrivals()]
        assert all(one != other for one, other in itertools.pairwise(told)), "each tells a change"


def test_a_repeat_is_no_event(scene: Scene, ingest_log: FunctionLog) -> None:
    reports = scene.subscribe()
    scene.publish(scene.reading(1, count=1))
    reports.wait(1)
    for minute in (1, 1, 0):
        scene.publish(scene.reading(minute, count=1))
    assert sum(line["events"] for line in _taken(ingest_log, scene.topic(), 4)) == 1
    assert (scene.state()["sequence"], len(reports.arrivals())) == (2, 1)


def test_one_message_may_speak_for_several_spaces(make_scene: MakeScene) -> None:
    one, two = make_scene(), make_scene()
    reports = [one.subscribe(), two.subscribe()]
    batch = [{"sensor_id": scene.sensor} | scene.reading(1, count) for scene, count in ((one, 1), (two, 2))]
    one.publish(batch)
    assert [each.wait(1)[0].json()["person_count"] for each in reports] == [1, 2]


def test_what_nobody_subscribes_to_costs_no_queue_message(
    make_scene: MakeScene, ingest_log: FunctionLog, second_tenant: SecondTenant
) -> None:
    # A tenant of its own: the other tests subscribe in the first one all the time.
    scene = make_scene(second_tenant.api, second_tenant.name)
    scene.publish([scene.reading(minute, count=minute % 2) for minute in range(5)])
    [line] = _taken(ingest_log, scene.topic(), 1)
    assert (line["readings"], line["events"]) == (5, 0)
    assert scene.state()["sequence"] == 10, "events that are not sent keep their place"

    changes = scene.subscribe("changes", "space_availability")
    scene.publish([scene.reading(minute, count=minute % 2) for minute in (6, 7)])
    assert _taken(ingest_log, scene.topic(), 2)[1]["events"] == 1
    # Minute 6 said nobody, as minute 4 did: two reports and one change.
    assert [arrival.sequence for arrival in changes.wait(1)] == [13]
