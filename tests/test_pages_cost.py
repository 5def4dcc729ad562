"""What a page of a list costs, however much there is: requests to DynamoDB, counted.

A tenant with 10,000 subscriptions and 100,000 attempts, 10,000 of each of ten subscriptions (of more in one partition the
emulator takes seconds a query): copies of what the functions wrote themselves. A list is read page by page at a cost that does
not depend on how much there is, with a filter and without; a filter that fits nothing ends a page early, with a cursor,
rather than reading on to the end.
"""

from __future__ import annotations

import http.client
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api import Api
from cloud import Cloud
from environment import REGION

import fault_proxy
from exchange import ask
from fault_proxy import FaultProxy
from kept_items import Table
from scene import MakeScene, Scene, Subscription
from second_tenant import found
from waiting import until

SUBSCRIPTIONS = 10_000
ATTEMPTS = 100_000
# Subscriptions that the attempts are of.
BUSY = 10
# Of each request: the key and its tenant's record; and the count of the key's requests in this minute.
EACH = Counter(GetItem=2, UpdateItem=1)
# What the list is of: the tenant, which says how its subscriptions are doing (of those that were told to be failing the
# markers say more; here none was), or the subscription.
OF = Counter(GetItem=1)
# By list and parameters: queries. A filter looks through a bounded part of the table, and its page ends there.
COSTS: list[tuple[str, dict[str, str], int]] = [
    ("subscriptions", {}, 1),
    ("subscriptions", {"limit": "100"}, 1),
    ("subscriptions", {"enabled": "true"}, 1),
    ("subscriptions", {"enabled": "false"}, 2),
    ("subscriptions", {"event_type": "space_report"}, 1),
    ("subscriptions", {"event_type": "subscription_failing"}, 1),
    ("subscriptions", {"building_ref_id": "nowhere"}, 2),
    ("subscriptions", {"health": "failing"}, 2),
    ("subscriptions", {"health": "disabled"}, 2),
    ("subscriptions", {"text": "nowhere-to-be-found"}, 2),
    ("attempts", {}, 1),
    ("attempts", {"limit": "100"}, 1),
    ("attempts", {"since": "2026-01-01T00:00:00Z"}, 1),
    ("attempts", {"until": "2026-01-01T00:00:00Z"}, 1),
    ("attempts", {"status": "failed"}, 4),
    ("attempts", {"event_type": "space_availability"}, 4),
    ("attempts", {"space_ref_id": "nowhere"}, 4),
    ("attempts", {"event_id": f"evt_{'0' * 32}"}, 4),
]


class _Copies:
    """Copies of an item, written past the SDK, which would take most of the time."""

    def __init__(self, cloud: Cloud) -> None:
        self._table = cloud.outputs["TableName"]
        self._connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
        scope = f"local/20260202/{REGION}/dynamodb/aws4_request"
        self._headers = {
            "X-Amz-Target": "DynamoDB_20120810.BatchWriteItem",
            "Content-Type": "application/x-amz-json-1.0",
            # The emulator looks at the credential's scope and not at the signature.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
        }

    def write(self, copies: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
        """Writes them all; their keys."""
        keys = []
        batch: list[dict[str, Any]] = []
        for item in copies:
            keys.append({"pk": item["pk"], "sk": item["sk"]})
            batch.append({"PutRequest": {"Item": item}})
            if len(batch) == 25:
                self._send(batch)
                batch = []
        if batch:
            self._send(batch)
        return keys

    def delete(self, keys: list[dict[str, Any]]) -> None:
        """Deletes them all."""
        # The emulator has hung up meanwhile.
        self._connection.close()
        for first in range(0, len(keys), 25):
            self._send([{"DeleteRequest": {"Key": key}} for key in keys[first : first + 25]])
        self._connection.close()

    def _send(self, requests: list[dict[str, Any]]) -> None:
        body = json.dumps({"RequestItems": {self._table: requests}})
        self._connection.request("POST", "/", body, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status == 200 and not json.loads(text).get("UnprocessedItems"), text


@pytest.fixture(scope="module")
def counting(cloud: Cloud, api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    """A proxy between the api function and the emulator, whose only fault is a millisecond: it counts."""
    log: Path = tmp_path_factory.mktemp("counting-pages") / "microburst.log"
    with fault_proxy.between(cloud, "api", log) as proxy:
        proxy.inject({"service": "dynamodb", "latency": 1})
        # The first requests take the proxy so long that they are not waited for.
        until(lambda: ask(api, "GET", "/v1/subscriptions").status == 200, "an answer through the proxy", seconds=60)
        yield proxy


@pytest.fixture
def crowded(cloud: Cloud, make_scene: MakeScene) -> Scene:
    """A scene of a tenant that is to have many subscriptions."""
    tenant = found(cloud, make_scene().api, "crowded")
    return make_scene(tenant.api, tenant.name)


def _subscriptions(pattern: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Copies of a subscription, each with an id and a name of its own. Lists read these alone: what matching reads of a
    subscription is in other items."""
    document = json.loads(pattern["document"]["S"])
    for number in range(SUBSCRIPTIONS - 1):
        copy = document | {"id": f"sub_{number:032x}", "name": f"crowd {number}"}
        yield pattern | {"sk": {"S": f"SUB#{copy['id']}"}, "document": {"S": json.dumps(copy)}}


def _attempts(pattern: dict[str, Any], id: str) -> Iterator[dict[str, Any]]:
    """Copies of an attempt, one each second before it, of the subscription itself and of copies of it."""
    prefix, _, rest = pattern["sk"]["S"].partition("#")
    assert prefix == "ATT", pattern["sk"]
    keys = [{"S": f"{prefix}#{_earlier_key(rest, number)}"} for number in range(1, ATTEMPTS // BUSY + 1)]
    for copy in (id, *(f"sub_{number:032x}" for number in range(BUSY - 1))):
        partition = {"S": pattern["pk"]["S"].replace(id, copy)}
        yield from (pattern | {"pk": partition, "sk": key} for key in keys)


def _earlier_key(key: str, seconds: int) -> str:
    """A UUID of version 7 whose time is so many seconds before."""
    return uuid.UUID(int=uuid.UUID(key).int - ((seconds * 1000) << 80)).hex


def _cost(proxy: FaultProxy, ask_once: Callable[[], Any]) -> tuple[Counter[str], Any]:
    # Keys may be remembered, and whatever else is read once: the second time shows what a page costs.
    ask_once()
    before = proxy.fired()
    answer = ask_once()
    return proxy.fired() - before, answer


def test_pages_cost_the_same_however_much_there_is(counting: FaultProxy, crowded: Scene) -> None:
    table, copies = Table(crowded.cloud), _Copies(crowded.cloud)
    subject: Subscription = crowded.subscribe()
    crowded.publish(crowded.reading(1, count=1))
    subject.recorded(1)
    [attempt] = table.of_partition(f"D#{crowded.tenant}#{subject.id}", "ATT#")
    pattern = table.get(f"T#{crowded.tenant}", f"SUB#{subject.id}")
    assert pattern is not None

    lists = {"subscriptions": "/v1/subscriptions", "attempts": f"{subject.path}/attempts"}
    keys = []
    try:
        keys += copies.write(_subscriptions(pattern))
        keys += copies.write(_attempts(attempt, subject.id))
        wrong = []
        for of, parameters, queries in COSTS:
            query = "&".join(f"{name}={value}" for name, value in parameters.items())
            path = f"{lists[of]}?{query}"
            counted, answer = _cost(counting, lambda path=path: ask(crowded.api, "GET", path))
            assert answer.status == 200, (path, answer.body)
            line = f"GET {of} {query or '(no filter)'}: {dict(counted)}, {len(answer.json()['data'])} items"
            print(line)
            if counted != EACH + OF + Counter(Query=queries):
                wrong.append(line)
        assert not wrong, "\n".join(wrong)
        _to_the_end(crowded.api, lists["subscriptions"], SUBSCRIPTIONS)
    finally:
        copies.delete(keys)


def _to_the_end(api: Api, path: str, count: int) -> None:
    """The pages together are all there is, once."""
    ids = [item["id"] for item in api.every(path)]
    assert len(ids) == len(set(ids)) == count
