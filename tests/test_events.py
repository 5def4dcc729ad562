"""The sample invocations in `events/`: each is one that its function really takes."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from api import Api
from cloud import FUNCTIONS, ROOT, Cloud

from dead_letters import DeadLetters

_SAMPLES = sorted((ROOT / "events").glob("*.json"))
_NOTHING_TO_GIVE_BACK = {"batchItemFailures": []}
_STATUSES = {"api-create-subscription": 201, "api-list-subscriptions": 200, "api-import-csv": 200, "api-health": 200}
_ANSWERS: dict[str, Any] = {"ingest": None, "dispatcher": _NOTHING_TO_GIVE_BACK, "health": None}


def _sample(name: str) -> Any:
    return json.loads((ROOT / "events" / f"{name}.json").read_text())


@pytest.mark.parametrize("path", _SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_taken(cloud: Cloud, api: Api, path: Path) -> None:
    function = path.stem.partition("-")[0]
    sample = path.read_text().replace("REPLACE_WITH_THE_ADMIN_KEY", cloud.admin_key())
    answer = cloud.invoke(function, json.loads(sample))
    if function == "api":
        assert answer["statusCode"] == _STATUSES[path.stem], answer["body"]
        if answer["statusCode"] == 201:
            api.call("DELETE", f"/v1/subscriptions/{json.loads(answer['body'])['id']}")
    else:
        assert answer == _ANSWERS[function]


def test_every_function_has_a_sample() -> None:
    assert {path.stem.partition("-")[0] for path in _SAMPLES} >= set(FUNCTIONS) - {"api"}
    assert {path.stem.partition("-")[0] for path in _SAMPLES} <= set(FUNCTIONS)


def test_the_refused_sample_is_among_the_dead_letters(cloud: Cloud, dead_letters: DeadLetters) -> None:
    sample = _sample("ingest-invalid")
    cloud.invoke("ingest", sample)
    letters = dead_letters.of_topic(sample["topic"])
    assert letters and all(one["payload_base64"] == sample["payload_base64"] for one in letters)


def test_an_unreadable_event_is_buried_with_its_cause(cloud: Cloud) -> None:
    queue, url = cloud.client("sqs"), cloud.outputs["EventsDeadQueueUrl"]
    sample = _sample("dispatcher-unreadable")
    assert cloud.invoke("dispatcher", sample) == _NOTHING_TO_GIVE_BACK
    [message] = queue.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"], WaitTimeSeconds=5
    )["Messages"]
    assert message["Body"] == sample["Records"][0]["body"]
    assert message["MessageAttributes"]["cause"]["StringValue"].startswith("event version 9")
    assert message["Attributes"]["MessageGroupId"] == sample["Records"][0]["attributes"]["MessageGroupId"]
    queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_the_samples_of_events_have_the_ids_that_ingest_would_give() -> None:
    bodies = [json.loads(record["body"]) for record in _sample("dispatcher-events")["Records"]]
    bodies += [json.loads(record["body"])["event"] for record in _sample("dispatcher-share")["Records"]]
    for event in bodies:
        cause = f"{event['tenant']}\n{event['space']['space_id']}\n{event['type']}\n{event['sequence']}"
        received_ms = round(datetime.fromisoformat(event["received_at"]).timestamp() * 1000)
        assert event["id"] == f"evt_{received_ms:012x}" + hashlib.sha256(cause.encode()).hexdigest()[:20]
