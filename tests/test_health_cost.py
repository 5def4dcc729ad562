"""What a run of health costs: so much for each subscription that fails, and nothing for those that do not."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import Cloud
from environment import REGION

import failing
import fault_proxy
from fault_proxy import FaultProxy
from health_runs import run
from kept_items import Table
from scene import MakeScene, Scene
from second_tenant import found
from waiting import until

pytestmark = pytest.mark.usefixtures("health_by_hand")

FAILING = 10
HEALTHY = 100_000
# The partitions that failing subscriptions, notices, and spaces, backlogs and jobs that are due are spread over: 8 of each.
IDLE_QUERIES = 5 * 8


@pytest.fixture(scope="module")
def counting(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    """A proxy between health and the emulator, whose only fault is a millisecond: it counts."""
    log: Path = tmp_path_factory.mktemp("counting") / "microburst.log"
    with fault_proxy.between(cloud, "health", log) as proxy:
        proxy.inject({"service": "dynamodb", "latency": 1})
        # The first requests take the proxy so long that the SDK repeats them.
        run(cloud)
        yield proxy


@pytest.fixture
def populous(cloud: Cloud, make_scene: MakeScene) -> Scene:
    """A scene of a tenant that is to have many subscriptions."""
    tenant = found(cloud, make_scene().api, "populous")
    return make_scene(tenant.api, tenant.name)


def _requests(proxy: FaultProxy, scene: Scene, **done: int) -> Counter[str]:
    """What a run asks of DynamoDB that looks at the failing subscriptions, does this, and nothing else."""

    def counted() -> Counter[str] | None:
        before = proxy.fired()
        did = run(scene.cloud)
        # What waits is no work: it is counted only.
        did = {name: count for name, count in did.items() if name not in {"open_breakers", "waiting"}}
        expected = {"looked_at": FAILING, **done}
        if any(count != expected.get(name, 0) for name, count in did.items()):
            # It cleared up after other tests.
            return None
        return proxy.fired() - before

    return until(counted, f"a run that does {done} alone", seconds=60)


def test_healthy_subscriptions_cost_nothing(counting: FaultProxy, populous: Scene) -> None:
    table = Table(populous.cloud)
    subjects = failing.subscriptions(populous, FAILING, contacts=["ops@example.com"])
    for subject in subjects:
        # Too many to be well, and too few to be told of.
        table.count(subject, failed=45, accepted=55)

    among_few = _requests(counting, populous)
    # Of each: itself, its counts, its backlog, and what of it waits.
    assert among_few == {"Query": IDLE_QUERIES + 2 * FAILING, "GetItem": 2 * FAILING}

    pattern = table.get(f"T#{populous.tenant}", f"SUB#{subjects[0].id}")
    healthy = _Many(populous.cloud, pattern)
    try:
        healthy.write()
        assert _requests(counting, populous) == among_few, f"the same among {HEALTHY} that are well"

        for subject in subjects:
            table.count(subject, failed=100, accepted=0)
        disabling = _requests(counting, populous, disabled=FAILING, mailed=FAILING)
    finally:
        healthy.delete()
    # Of each: read it, disable, forget it; note that nobody wants the event; say that the mail is sent, write it, say that
    # it was.
    assert disabling == {
        "Query": IDLE_QUERIES + 3 * FAILING,
        "GetItem": 3 * FAILING,
        "TransactWriteItems": FAILING,
        "DeleteItem": 2 * FAILING,
        "PutItem": 2 * FAILING,
    }


class _Many:
    """Many subscriptions like one, written past the SDK, which would take most of the time."""

    def __init__(self, cloud: Cloud, pattern: Any) -> None:
        assert pattern is not None
        self._table = cloud.outputs["TableName"]
        self._connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
        # Its texts are enough: nobody is to read these, and the emulator takes them thrice as fast.
        self._pattern = json.dumps({name: value for name, value in pattern.items() if "S" in value})
        self._id: str = pattern["sk"]["S"].removeprefix("SUB#")
        self._pk = pattern["pk"]

    def write(self) -> None:
        """Writes them all."""
        self._each(lambda id: f'{{"PutRequest":{{"Item":{self._pattern.replace(self._id, id)}}}}}')

    def delete(self) -> None:
        """Deletes them all."""
        key = json.dumps({"pk": self._pk, "sk": {"S": f"SUB#{self._id}"}})
        self._each(lambda id: f'{{"DeleteRequest":{{"Key":{key.replace(self._id, id)}}}}}')
        self._connection.close()

    def _each(self, request: Any) -> None:
        scope = f"local/20260202/{REGION}/dynamodb/aws4_request"
        headers = {
            "X-Amz-Target": "DynamoDB_20120810.BatchWriteItem",
            "Content-Type": "application/x-amz-json-1.0",
            # The emulator looks at the credential's scope and not at the signature.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
        }
        for first in range(0, HEALTHY, 25):
            requests = ",".join(request(f"sub_{number:032x}") for number in range(first, first + 25))
            body = f'{{"RequestItems":{{"{self._table}":[{requests}]}}}}'
            self._connection.request("POST", "/", body, headers)
            answer = self._connection.getresponse()
            text = answer.read()
            assert answer.status == 200 and not json.loads(text).get("UnprocessedItems"), text
