"""Messages that nobody can read: buried with their cause, in nobody's way, and back when they are repaired."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud import ROOT, Cloud

from fault_proxy import FaultProxy, Rule
from function_log import FunctionLog
from queue_counts import messages
from scene import MakeScene, Scene, Subscription
from waiting import until

PROMPT_SECONDS = 2.5
DEAD = {"events": "EventsDeadQueueUrl", "retries": "RetriesDeadQueueUrl"}


def _event(scene: Scene, sequence: int, version: int = 1) -> str:
    """An event of this space, as ingest writes it."""
    body = json.loads((ROOT / "events" / "dispatcher-events.json").read_text())["Records"][0]["body"]
    event = json.loads(body)
    place = {"building_ref_id": scene.building, "floor_ref_id": scene.floor, "space_ref_id": scene.space}
    event |= {"v": version, "id": f"evt_{uuid.uuid4().hex}", "tenant": scene.tenant, "sequence": sequence}
    event["space"] = {"space_id": scene.space_id, **place}
    event["data"] |= {"space_id": scene.space_id, **place}
    return json.dumps(event)


def _send(scene: Scene, output: str, body: str) -> None:
    """A message into a queue; into one of events, in the group of the scene's space."""
    url = scene.cloud.outputs[output]
    of_group = {}
    if url.endswith(".fifo"):
        of_group = {"MessageGroupId": _group(scene), "MessageDeduplicationId": uuid.uuid4().hex}
    scene.cloud.client("sqs").send_message(QueueUrl=url, MessageBody=body, **of_group)


def _group(scene: Scene) -> str:
    return f"{scene.tenant}:{scene.space_id}"


def _redrive(
    cloud: Cloud, queue: str, port: int | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`make redrive`, as an operator runs it, on this cloud, or through what listens on that port."""
    told = [f"{name}={value}" for name, value in {"QUEUE": queue, **variables}.items()]
    # Not under the make that runs these tests: what that was told is no business of this one. And with no account of
    # whoever runs them.
    kept = {name: value for name, value in cloud.environment().items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "--no-print-directory", "redrive", *told],
        cwd=ROOT,
        env=kept | {"SPACEHOOK_PORT": str(port or cloud.port)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _done(answer: subprocess.CompletedProcess[str]) -> str:
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def _listed(cloud: Cloud, queue: str, what: str) -> list[tuple[str, str]]:
    """Ids and causes of the dead letters whose line has this text."""
    lines = _done(_redrive(cloud, queue, DRY_RUN="1")).splitlines()
    found = [re.fullmatch(r"would put back (\S+?)(, group \S+)?, \d+ bytes: (.*)", line) for line in lines]
    return [(one[1], one[3]) for one in found if one and what in one[0]]


@pytest.fixture(autouse=True)
def _nothing_dead(cloud: Cloud) -> Iterator[None]:
    for output in DEAD.values():
        assert messages(cloud, output) == 0, "another test left dead letters behind"
    yield
    for output in DEAD.values():
        cloud.client("sqs").purge_queue(QueueUrl=cloud.outputs[output])


def test_what_can_not_be_read_is_dead_at_once_and_in_nobodys_way(scene: Scene, tmp_path: Path) -> None:
    cloud, log = scene.cloud, FunctionLog(scene.cloud.function_log("dispatcher"))
    subscription = scene.subscribe()
    _send(scene, "EventsQueueUrl", "no JSON")
    newer = _event(scene, sequence=1, version=9)
    _send(scene, "EventsQueueUrl", newer)
    _send(scene, "EventsQueueUrl", '{"v": 1, "share": "first"}')
    _send(scene, "EventsQueueUrl", _event(scene, sequence=2))
    _send(scene, "RetriesQueueUrl", "no JSON either")
    _send(scene, "RetriesQueueUrl", '{"v": 7}')
    [behind] = subscription.wait(1, seconds=PROMPT_SECONDS)
    assert behind.sequence == 2, "the space goes on"
    scene.publish(scene.reading(1, count=1))
    subscription.wait(2, seconds=PROMPT_SECONDS)

    until(lambda: (messages(cloud, DEAD["events"]), messages(cloud, DEAD["retries"])) == (3, 2), "five dead letters")
    for queue in ("EventsQueueUrl", "RetriesQueueUrl"):
        until(lambda: _waiting(cloud, queue) == 0, f"{queue} empty: nothing is tried again")
    newer_letter = _ids_by_cause(
        cloud, "events", "event version 9; this release reads version 1", "not a share of an event: ", "not an event: "
    )[0]
    _ids_by_cause(cloud, "retries", "not a timer: ", "timer version 7; this release reads version 1")
    assert len(log.lines(level="ERROR")) >= 5

    _repair_and_redrive(cloud, newer_letter, newer, subscription, tmp_path)
    for queue in DEAD:
        # What is put back as it was dies again, and once for each time it was put back.
        assert "2 put back" in _done(_redrive(cloud, queue))
        until(lambda: messages(cloud, DEAD[queue]) == 2, "what can't be read among the dead again")


def _ids_by_cause(cloud: Cloud, queue: str, *causes: str) -> list[str]:
    """The ids of the dead letters of a queue, whose causes, sorted, begin so."""
    listed = sorted(_listed(cloud, queue, ""), key=lambda one: one[1])
    assert len(listed) == len(causes), listed
    assert all(told.startswith(cause) for (_, told), cause in zip(listed, causes)), listed
    return [id for id, _ in listed]


def _waiting(cloud: Cloud, output: str) -> int:
    told = cloud.client("sqs").get_queue_attributes(
        QueueUrl=cloud.outputs[output], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(told["Attributes"]["ApproximateNumberOfMessages"])


def _repair_and_redrive(cloud: Cloud, id: str, dead: str, subscription: Subscription, directory: Path) -> None:
    body, repaired = _done(_redrive(cloud, "events", DRY_RUN="1", MESSAGE=id)), directory / "repaired.json"
    assert body.strip() == dead
    repaired.write_text(body.replace('"v": 9', '"v": 1'))
    broken = directory / "broken.json"
    broken.write_text(body[:-3])
    assert "no JSON document" in _redrive(cloud, "events", MESSAGE=id, BODY=str(broken)).stderr
    assert messages(cloud, DEAD["events"]) == 3, "looking and failing change nothing"

    before = len(subscription.arrivals())
    assert id in _done(_redrive(cloud, "events", MESSAGE=id, BODY=str(repaired)))
    delivered = subscription.wait(before + 1)[before]
    assert delivered.event_id == json.loads(dead)["id"]
    assert delivered.is_signed_with(subscription.secret)
    assert messages(cloud, DEAD["events"]) == 2
    assert "can be seen" in _redrive(cloud, "events", MESSAGE=id).stderr


def test_all_dead_letters_of_a_space_come_back_in_order(make_scene: MakeScene) -> None:
    # As SQS itself buries what was received too often: without a cause.
    one, other = make_scene(), make_scene()
    by_scene = {scene.name: scene.subscribe() for scene in (one, other)}
    for sequence in range(1, 13):
        for scene in (one, other):
            _send(scene, DEAD["events"], _event(scene, sequence))
    causes = {cause for _, cause in _listed(one.cloud, "events", _group(one))}
    assert causes == {"received too often without being handled"}
    assert "24 put back" in _done(_redrive(one.cloud, "events"))
    for scene in (one, other):
        arrivals = by_scene[scene.name].wait(12)
        assert [arrival.sequence for arrival in arrivals] == list(range(1, 13))
    assert messages(one.cloud, DEAD["events"]) == 0


def test_a_redrive_that_fails_loses_nothing_and_repeats_nothing(scene: Scene, tmp_path: Path) -> None:
    subscription = scene.subscribe()
    _send(scene, DEAD["events"], _event(scene, 1))

    def denied(operation: str) -> Rule:
        return {"service": "sqs", "operation": operation, "error": {"code": "AccessDenied", "status": 403}}

    with FaultProxy(scene.cloud, tmp_path / "microburst.log") as proxy:
        proxy.inject(denied("SendMessage"))
        answer = _redrive(scene.cloud, "events", port=proxy.port)
        assert answer.returncode != 0 and "stays among the dead letters" in answer.stderr
        assert (messages(scene.cloud, DEAD["events"]), subscription.arrivals()) == (1, [])
        proxy.inject(denied("DeleteMessage"))
        answer = _redrive(scene.cloud, "events", port=proxy.port)
        assert answer.returncode != 0 and "could not be deleted from the dead letters" in answer.stderr
        subscription.wait(1)
        assert messages(scene.cloud, DEAD["events"]) == 1
    assert "1 put back" in _done(_redrive(scene.cloud, "events"))
    assert messages(scene.cloud, DEAD["events"]) == 0
    _send(scene, "EventsQueueUrl", _event(scene, 2))
    assert [arrival.sequence for arrival in subscription.wait(2)] == [1, 2]


def test_redrive_says_what_it_needs(cloud: Cloud, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text("{}")
    refusals = {
        "BODY needs MESSAGE": _redrive(cloud, "events", BODY=str(body)),
        "invalid choice": _redrive(cloud, "everything"),
        "the queues of stage 'elsewhere' are not to be had": _redrive(cloud, "events", STAGE="elsewhere"),
    }
    for told, answer in refusals.items():
        assert answer.returncode != 0 and told in answer.stderr, answer.stderr
    assert "0 put back" in _done(_redrive(cloud, "events"))
