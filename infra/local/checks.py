"""What a deployment to the emulator must really have.

The emulator can report a stack as complete and still lack parts of it, so that a test would fail far from the cause.
`mend` sets what its CloudFormation leaves out; `missing` asks the services themselves, not CloudFormation, and makes
one call through the API.
"""

from __future__ import annotations

import contextlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloud import Cloud

# As in template.yaml, Table.TimeToLiveSpecification.
_TTL_ATTRIBUTE = "expires_at"
_ADMIN_KEY = re.compile(r"[A-Za-z0-9]{48}")


def mend(cloud: Cloud) -> None:
    """Sets what the template asks for in vain, and what an operator of a real account does by hand.

    The table's TTL: the emulator's CloudFormation ignores TimeToLiveSpecification. The sender of mail: a verified
    identity, which in a real account is made once, outside the stack.
    """
    dynamodb = cloud.client("dynamodb")
    table = cloud.outputs["TableName"]
    if _ttl(dynamodb, table) != _TTL_ATTRIBUTE:
        dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": _TTL_ATTRIBUTE}
        )
    mail = cloud.client("sesv2")
    with contextlib.suppress(mail.exceptions.AlreadyExistsException):
        mail.create_email_identity(EmailIdentity=cloud.parameters["MailFrom"])


def missing(cloud: Cloud) -> list[str]:
    """What the stack claims to have and has not, one line each."""
    found: list[str] = []
    for check in (_table, _queues, _functions, _mappings, _rule, _schedule, _admin_key, _route, _answer):
        try:
            found += check(cloud)
        except Exception as error:  # a check that cannot ask has found something missing too
            found.append(f"{check.__name__.strip('_')}: {type(error).__name__}: {error}")
    return found


def _ttl(dynamodb: Any, table: str) -> str | None:
    told = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    return told.get("AttributeName") if told["TimeToLiveStatus"] == "ENABLED" else None


def _table(cloud: Cloud) -> Iterator[str]:
    dynamodb = cloud.client("dynamodb")
    name = cloud.outputs["TableName"]
    schema = dynamodb.describe_table(TableName=name)["Table"]["KeySchema"]
    keys = {one["AttributeName"]: one["KeyType"] for one in schema}
    if keys != {"pk": "HASH", "sk": "RANGE"}:
        yield f"table {name} has the keys {keys}"
    if _ttl(dynamodb, name) != _TTL_ATTRIBUTE:
        yield f"table {name} has no TTL on {_TTL_ATTRIBUTE}"


def _attributes(cloud: Cloud, output: str) -> dict[str, str]:
    answer = cloud.client("sqs").get_queue_attributes(QueueUrl=cloud.outputs[output], AttributeNames=["All"])
    return answer["Attributes"]


def _queues(cloud: Cloud) -> Iterator[str]:
    for source, dead in (
        ("EventsQueueUrl", "EventsDeadQueueUrl"),
        ("RetriesQueueUrl", "RetriesDeadQueueUrl"),
        ("HoldsQueueUrl", "HoldsDeadQueueUrl"),
    ):
        redrive = json.loads(_attributes(cloud, source).get("RedrivePolicy", "{}"))
        if redrive.get("deadLetterTargetArn") != _attributes(cloud, dead)["QueueArn"]:
            yield f"{source} does not redrive to {dead}"
        if int(redrive.get("maxReceiveCount", 0)) != 10:
            yield f"{source} redrives after {redrive.get('maxReceiveCount')} receives"
    for fifo in ("EventsQueueUrl", "EventsDeadQueueUrl"):
        if _attributes(cloud, fifo).get("FifoQueue") != "true":
            yield f"{fifo} is not a FIFO queue"


def _functions(cloud: Cloud) -> Iterator[str]:
    functions = cloud.client("lambda")
    for name in ("ingest", "dispatcher", "api", "health"):
        told = functions.get_function_configuration(FunctionName=cloud.function_name(name))
        if told["Runtime"] != "provided.al2023" or told["State"] != "Active":
            yield f"function {name} is {told['State']} on {told['Runtime']}"
    # The qualifier that SAM gives it; without one, AWS means the same and the emulator finds nothing.
    kept = functions.get_function_event_invoke_config(FunctionName=cloud.function_name("ingest"), Qualifier="$LATEST")
    on_failure = kept.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if on_failure != _attributes(cloud, "IngestDeadQueueUrl")["QueueArn"]:
        yield f"ingest's on-failure destination is {on_failure}"


def _mappings(cloud: Cloud) -> Iterator[str]:
    yield from _mappings_of(cloud, "dispatcher", "EventsQueueUrl", "RetriesQueueUrl")
    yield from _mappings_of(cloud, "ingest", "HoldsQueueUrl")


def _mappings_of(cloud: Cloud, function: str, *outputs: str) -> Iterator[str]:
    name = cloud.function_name(function)
    told = cloud.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    by_source = {one["EventSourceArn"]: one for one in told if one["State"] == "Enabled"}
    for output in outputs:
        mapping = by_source.pop(_attributes(cloud, output)["QueueArn"], None)
        if mapping is None:
            yield f"nothing hands {output} to {function}"
        elif mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"the mapping of {output} does not take partial failures"
        elif not isinstance((mapping.get("ScalingConfig") or {}).get("MaximumConcurrency", 0), int):
            yield f"the mapping of {output} has a maximum concurrency that is no number: its poller stops"
    if by_source:
        yield f"{function} has other mappings: {sorted(by_source)}"


def _rule(cloud: Cloud) -> Iterator[str]:
    name = cloud.outputs["TelemetryRuleName"]
    rule = cloud.client("iot").get_topic_rule(ruleName=name)["rule"]
    targets = [action.get("lambda", {}).get("functionArn", "") for action in rule.get("actions", [])]
    if rule.get("ruleDisabled") or "FROM 'telemetry/+/+/+'" not in rule["sql"]:
        yield f"IoT rule {name} does not take telemetry: {rule['sql']}"
    if [target.rsplit(":", 1)[-1] for target in targets] != [cloud.function_name("ingest")]:
        yield f"IoT rule {name} invokes {targets}"
    if rule.get("errorAction", {}).get("sqs", {}).get("queueUrl") != cloud.outputs["IngestDeadQueueUrl"]:
        yield f"IoT rule {name} has no error action to the ingest-dead queue"


def _schedule(cloud: Cloud) -> Iterator[str]:
    events = cloud.client("events")
    health = cloud.function_name("health")
    rates = [
        rule["ScheduleExpression"]
        for rule in events.list_rules()["Rules"]
        if rule.get("State") == "ENABLED" and rule.get("ScheduleExpression")
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if target["Arn"].endswith(f":{health}")
    ]
    if rates != ["rate(5 minutes)"]:
        yield f"health is scheduled at {rates}"


def _admin_key(cloud: Cloud) -> Iterator[str]:
    if not _ADMIN_KEY.fullmatch(cloud.admin_key()):
        yield "the admin key is not 48 letters and digits"


def _route(cloud: Cloud) -> Iterator[str]:
    gateway = cloud.client("apigatewayv2")
    api = cloud.outputs["ApiId"]
    routes = [one["RouteKey"] for one in gateway.get_routes(ApiId=api)["Items"]]
    stages = [one["StageName"] for one in gateway.get_stages(ApiId=api)["Items"]]
    if routes != ["$default"] or stages != ["$default"]:
        yield f"the API has the routes {routes} and the stages {stages}"


def _answer(cloud: Cloud) -> Iterator[str]:
    """The one check that goes the whole way: the API's function starts and answers."""
    url = f"{cloud.api_url}/openapi.json"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            json.load(answer)
    except urllib.error.HTTPError as error:
        yield f"GET {url} answered {error.code}: {error.read(500)!r} (see {cloud.function_log('api')})"
