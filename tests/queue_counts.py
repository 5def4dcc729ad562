"""How much is in a queue, how soon it is given again, and losing it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cloud import Cloud

from waiting import PATIENCE_SECONDS, until

_WHERE = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible")


def messages(cloud: Cloud, output: str) -> int:
    """Messages in the queue whose URL is this output of the stack: waiting, delayed or in somebody's hands."""
    queues = cloud.client("sqs")
    answer = queues.get_queue_attributes(QueueUrl=cloud.outputs[output], AttributeNames=list(_WHERE))
    return sum(int(answer["Attributes"][name]) for name in _WHERE)


def wait_until_empty(cloud: Cloud, output: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Waits until nothing is left in the queue."""
    until(lambda: messages(cloud, output) == 0, f"{output} empty", seconds)


def lose_timers(cloud: Cloud) -> None:
    """Loses every timer that is set: nothing that waits is tried again until somebody asks for it."""
    cloud.client("sqs").purge_queue(QueueUrl=cloud.outputs["RetriesQueueUrl"])


@contextlib.contextmanager
def visible_again_after(seconds: int, cloud: Cloud, *outputs: str) -> Iterator[None]:
    """Has these queues give again after so many seconds what was not done, as long as the block lasts."""
    queues, before = cloud.client("sqs"), {}
    for output in outputs:
        url = cloud.outputs[output]
        before[url] = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        for url, attributes in before.items():
            queues.set_queue_attributes(QueueUrl=url, Attributes=attributes)
