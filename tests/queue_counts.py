"""How much is in a queue."""

from __future__ import annotations

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
