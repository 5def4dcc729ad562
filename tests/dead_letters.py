"""The queue of telemetry that could not be taken."""

from __future__ import annotations

import base64
import json
from typing import Any

from cloud import Cloud

from waiting import until


class DeadLetters:
    """Empties `ingest-dead` into memory, where each test finds its own by topic."""

    def __init__(self, cloud: Cloud) -> None:
        self._queue = cloud.client("sqs")
        self._url = cloud.outputs["IngestDeadQueueUrl"]
        self._letters: list[dict[str, Any]] = []

    def of_topic(self, topic: str) -> list[dict[str, Any]]:
        """The letters about this topic, so far."""
        taken = self._queue.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", [])
        for message in taken:
            self._letters.append(json.loads(message["Body"]))
            self._queue.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return [letter for letter in self._letters if letter.get("topic") == topic]

    def one(self, topic: str) -> tuple[list[str], bytes]:
        """The causes and the payload of the one letter about this topic; waits for it."""
        letters = until(lambda: self.of_topic(topic), f"a dead letter about {topic}")
        assert len(letters) == 1, letters
        return letters[0]["causes"], base64.b64decode(letters[0]["payload_base64"], validate=True)
