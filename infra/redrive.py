"""Puts messages of a dead-letter queue back into their queue: the same for AWS and for the local cloud.

    make redrive QUEUE=events STAGE=prod DRY_RUN=1               what is there, and why
    make redrive QUEUE=events STAGE=prod DRY_RUN=1 MESSAGE=<id>  the body of one, to be repaired
    make redrive QUEUE=events STAGE=prod MESSAGE=<id> BODY=file  that one, repaired
    make redrive QUEUE=events STAGE=prod                         all of them, as they are

A message goes back into its own message group, without its cause, and what is dead of a group goes back in order. It is
sent first and deleted then: whatever happens between the two, it is in one of the queues, or in both. Sent twice
within five minutes it counts once. What dies again while this runs stays where it is then.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUEUES = {
    "events": ("EventsDeadQueueUrl", "EventsQueueUrl"),
    "retries": ("RetriesDeadQueueUrl", "RetriesQueueUrl"),
    "holds": ("HoldsDeadQueueUrl", "HoldsQueueUrl"),
}
LOCAL = "local"
_CAUSE = "cause"
# How long a message is kept from others while this decides about it.
_HELD_SECONDS = 120
# Long polling: an empty answer then means that nothing is there, not that one of SQS's hosts had nothing.
_WAIT_SECONDS = 1


class RedriveFailed(Exception):
    """It can't be done, or not to its end; the message is for the person who asked."""


@dataclass(frozen=True)
class Letter:
    """A message of a dead-letter queue."""

    id: str
    receipt: str
    body: str
    group: str | None
    cause: str
    attributes: dict[str, Any]
    """The message attributes that it keeps: all but its cause."""

    def __str__(self) -> str:
        group = f", group {self.group}" if self.group else ""
        return f"{self.id}{group}, {len(self.body.encode())} bytes: {self.cause}"


def _letter(message: dict[str, Any]) -> Letter:
    attributes = dict(message.get("MessageAttributes", {}))
    told = attributes.pop(_CAUSE, {}).get("StringValue")
    return Letter(
        id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        group=message.get("Attributes", {}).get("MessageGroupId"),
        cause=told or "received too often without being handled",
        attributes={name: _plain(value) for name, value in attributes.items()},
    )


def _plain(attribute: dict[str, Any]) -> dict[str, Any]:
    return {name: attribute[name] for name in ("DataType", "StringValue", "BinaryValue") if name in attribute}


class Redrive:
    """The way back from a dead-letter queue into its queue."""

    def __init__(self, sqs: Any, dead_url: str, url: str) -> None:
        """`sqs` is a boto3 client; the two queues are both FIFO or both not."""
        self._sqs = sqs
        self._dead_url = dead_url
        self._url = url
        self._held: list[Letter] = []

    def all(self) -> list[Letter]:
        """Puts everything back, each body once: what comes again has died again. Raises RedriveFailed."""
        seen: set[tuple[str | None, str]] = set()

        def is_new(letter: Letter) -> bool:
            known = len(seen)
            seen.add((letter.group, letter.body))
            return len(seen) > known

        return self._redrive(is_new, None)

    def one(self, id: str, body: str | None) -> Letter:
        """Puts this message back, with another body where one is given. Raises RedriveFailed."""
        for letter in self._redrive(lambda letter: letter.id == id, body):
            return letter
        raise RedriveFailed(_not_seen(id))

    def look(self) -> list[Letter]:
        """What is dead, without changing it. Of one message group the first ten at most: SQS shows no more."""
        try:
            for _ in self._received():
                pass
            return list(self._held)
        finally:
            self._let_go()

    def _redrive(self, is_wanted: Callable[[Letter], bool], body: str | None) -> list[Letter]:
        done: list[Letter] = []
        try:
            for letter in self._received():
                if is_wanted(letter):
                    self._put_back(letter, letter.body if body is None else body)
                    self._held.remove(letter)
                    done.append(letter)
        finally:
            self._let_go()
        return done

    def _received(self) -> Iterator[Letter]:
        """Each message once, and of a group one after the other. It is held until it is deleted or let go."""
        while messages := self._receive():
            letters = [_letter(message) for message in messages]
            self._held += letters
            yield from letters

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._dead_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_HELD_SECONDS,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        return answer.get("Messages", [])

    def _put_back(self, letter: Letter, body: str) -> None:
        of_group = {}
        if letter.group is not None:
            # Not the id that it first had: SQS would take it and drop it, if that was less than five minutes ago.
            digest = hashlib.sha256(body.encode()).hexdigest()[:32]
            of_group = {"MessageGroupId": letter.group, "MessageDeduplicationId": f"redrive-{letter.id}-{digest}"}
        try:
            self._sqs.send_message(
                QueueUrl=self._url, MessageBody=body, MessageAttributes=letter.attributes, **of_group
            )
        except Exception as error:
            raise RedriveFailed(f"{letter.id} stays among the dead letters: {error}") from error
        try:
            self._sqs.delete_message(QueueUrl=self._dead_url, ReceiptHandle=letter.receipt)
        except Exception as error:
            raise RedriveFailed(
                f"{letter.id} is back in its queue, and could not be deleted from the dead letters: {error}"
            ) from error

    def _let_go(self) -> None:
        """Shows again what was received and not deleted. If this fails, SQS does it after _HELD_SECONDS."""
        for letter in self._held:
            try:
                self._sqs.change_message_visibility(
                    QueueUrl=self._dead_url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
                )
            except Exception as error:
                print(f"redrive: {letter.id} shows again in {_HELD_SECONDS} s only: {error}", file=sys.stderr)


def _not_seen(id: str) -> str:
    return f"no dead letter {id} can be seen (of one message group, SQS shows the first ten)"


def read_body(path: Path) -> str:
    """A repaired body from a file. Raises RedriveFailed if it is no JSON: it would only die again."""
    try:
        body = path.read_text(encoding="utf-8").strip()
        json.loads(body)
    except (OSError, ValueError) as error:
        raise RedriveFailed(f"{path} has no JSON document: {error}") from error
    return body


def _session(stage: str) -> tuple[Any, str | None]:
    """A boto3 session and the endpoint: the person's own settings, or the local cloud and nothing else."""
    import boto3

    if stage != LOCAL:
        return boto3.Session(), None
    sys.path[:0] = [str(Path(__file__).resolve().parent / "local")]
    import cloud
    import environment

    port = int(os.environ.get("SPACEHOOK_PORT", cloud.DEFAULT_PORT))
    return environment.session(), environment.endpoint(port)


def _opened(stage: str, queue: str) -> Redrive:
    session, endpoint = _session(stage)
    try:
        stacks = session.client("cloudformation", endpoint_url=endpoint).describe_stacks(StackName=f"spacehook-{stage}")
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stacks["Stacks"][0].get("Outputs", [])}
        dead_url, url = (outputs[name] for name in QUEUES[queue])
        return Redrive(session.client("sqs", endpoint_url=endpoint), dead_url, url)
    except Exception as error:
        raise RedriveFailed(f"the queues of stage '{stage}' are not to be had: {error}") from error


def _look(redrive: Redrive, message: str | None) -> None:
    letters = redrive.look()
    if message is None:
        print(*(f"would put back {letter}" for letter in letters), f"{len(letters)} found", sep="\n")
        return
    found = [letter for letter in letters if letter.id == message]
    if not found:
        raise RedriveFailed(_not_seen(message))
    # The body alone on standard output: what is to be repaired, for a file.
    print(f"would put back {found[0]}", file=sys.stderr)
    print(found[0].body)


def _run(given: argparse.Namespace) -> None:
    if given.body is not None and given.message is None:
        raise RedriveFailed("BODY needs MESSAGE: say which message it repairs")
    body = None if given.body is None else read_body(given.body)
    redrive = _opened(given.stage, given.queue)
    if given.dry_run:
        _look(redrive, given.message)
    elif given.message is not None:
        print(f"put back {redrive.one(given.message, body)}")
    else:
        letters = redrive.all()
        print(*(f"put back {letter}" for letter in letters), f"{len(letters)} put back", sep="\n")


def main() -> None:
    """The command line of `make redrive`."""
    reader = argparse.ArgumentParser(description="Put dead letters back into their queue.")
    reader.add_argument("--queue", required=True, choices=QUEUES, help="the queue that they go back into")
    reader.add_argument("--stage", default=LOCAL, help="whose; default: the local cloud on SPACEHOOK_PORT")
    reader.add_argument("--dry-run", action="store_true", help="list them, or print the body of --message")
    reader.add_argument("--message", help="the id of one message")
    reader.add_argument("--body", type=Path, help="a file with the body that --message goes back with")
    try:
        _run(reader.parse_args())
    except RedriveFailed as error:
        sys.exit(f"redrive: {error}")


if __name__ == "__main__":
    main()
