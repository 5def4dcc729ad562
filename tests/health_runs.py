"""Runs of the health function, as its schedule begins them, and what they send."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from cloud import ROOT, Cloud

from function_log import FunctionLog
from scene import Subscription
from waiting import until

SCHEDULE = json.loads((ROOT / "events" / "health-schedule.json").read_text())
SES_SENT = json.loads((ROOT / "events" / "health-mail-sent.json").read_text())
# The last thing that a run says.
_DONE = "looked after the health of the system"


def run(cloud: Cloud) -> dict[str, int]:
    """One run; what it says that it did, for all that it looks at."""
    said = _logged(cloud).lines(message=_DONE)
    counted = [{name: value for name, value in line.items() if isinstance(value, int)} for line in said]
    return {name: sum(one[name] for one in counted) for name in counted[0]}


def timers_set(cloud: Cloud, subscription: Subscription) -> int:
    """One run; how many timers of a subscription's backlog it set again. Backlogs of other tests may be overdue, too."""
    again = _logged(cloud).lines(message="the timer of a backlog is overdue, and set again")
    return sum(line["subscription"] == subscription.id for line in again)


def _logged(cloud: Cloud) -> FunctionLog:
    """What one run logs, once it has said all."""
    log = FunctionLog(cloud.function_log("health"))
    cloud.invoke("health", SCHEDULE)
    until(lambda: log.lines(message=_DONE), "what the run did")
    return log


@contextlib.contextmanager
def by_hand(cloud: Cloud) -> Iterator[None]:
    """Has health run when a test says so, and not by its schedule, as long as the block lasts."""
    events, health = cloud.client("events"), cloud.function_name("health")
    scheduled = [rule["Name"] for rule in events.list_rules()["Rules"] if rule.get("ScheduleExpression")]
    [rule] = [
        name
        for name in scheduled
        if any(target["Arn"].endswith(f":{health}") for target in events.list_targets_by_rule(Rule=name)["Targets"])
    ]
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def mails(cloud: Cloud, subscription: Subscription) -> list[dict[str, Any]]:
    """The mails about a subscription, the oldest first."""
    return [mail for mail in cloud.mails() if subscription.id in mail["BodyText"]]


def ses_says_sent(notice: str) -> dict[str, Any]:
    """SES's word that it accepted the mail about a notice."""
    event = json.loads(json.dumps(SES_SENT))
    event["detail"]["mail"]["tags"]["spacehook-notice"] = [notice]
    return event
