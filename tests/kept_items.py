"""Items of the table as the functions keep them: made older, or given other counts, so that a test need not wait.

What is written here has been written by the functions before; only numbers and times in it change.
"""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud import Cloud

from scene import Scene, Subscription

# As shared/store/src/keys.rs has it.
_SHARDS = 8


@dataclass(frozen=True)
class Table:
    """The table of a cloud."""

    cloud: Cloud

    @functools.cached_property
    def _table(self) -> Any:
        return self.cloud.client("dynamodb")

    @property
    def _name(self) -> str:
        return self.cloud.outputs["TableName"]

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """An item."""
        return self._table.get_item(TableName=self._name, Key=_key(pk, sk), ConsistentRead=True).get("Item")

    def of_partition(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        """The items of a partition whose sort keys begin so, in their order."""
        values = {":pk": {"S": pk}} | ({":prefix": {"S": prefix}} if prefix else {})
        condition = "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else "")
        pages = self._table.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        return [item for page in pages for item in page["Items"]]

    def put(self, item: dict[str, Any]) -> None:
        """Puts an item in the place of what is there."""
        self._table.put_item(TableName=self._name, Item=item)

    def put_many(self, items: list[dict[str, Any]]) -> None:
        """Puts items, 25 in a request."""
        client = self._table
        for first in range(0, len(items), 25):
            requests = [{"PutRequest": {"Item": item}} for item in items[first : first + 25]]
            answer = client.batch_write_item(RequestItems={self._name: requests})
            assert not answer.get("UnprocessedItems")

    def delete(self, item: dict[str, Any]) -> None:
        """Deletes an item."""
        self._table.delete_item(TableName=self._name, Key={name: item[name] for name in ("pk", "sk")})

    def change(self, item: dict[str, Any], attribute: str, change: Callable[[Any], Any], due: int = 0) -> None:
        """Changes the JSON text that an attribute holds, and lets the item be due so many seconds earlier."""
        held = json.loads(item[attribute]["S"])
        # As the functions write it: some compare it as a text.
        changed = item | {attribute: {"S": json.dumps(change(held), separators=(",", ":"), ensure_ascii=False)}}
        if due and "due_at" in item:
            changed["due_at"] = {"N": str(int(item["due_at"]["N"]) - due * 1000)}
        self.put(changed)

    # ------------------------------------------------------- what is there ----

    def space(self, scene: Scene) -> dict[str, Any]:
        """The state of a scene's space."""
        item = self.get(f"S#{scene.tenant}#{scene.space_id}", "STATE")
        assert item is not None
        return item

    def of_state(self, scene: Scene) -> Any:
        """What that state says."""
        return json.loads(self.space(scene)["state"]["S"])

    def backlog(self, subscription: Subscription) -> dict[str, Any]:
        """The backlog of a subscription."""
        item = self.get(f"B#{subscription.tenant}#{subscription.id}", "BACKLOG")
        assert item is not None
        return item

    def notices(self, subscription: Subscription) -> list[dict[str, Any]]:
        """What is not told yet of a subscription."""
        prefix = f"{subscription.tenant}#{subscription.id}#"
        return [item for shard in range(_SHARDS) for item in self.of_partition(f"NOTICE#{shard}", prefix)]

    def marker(self, subscription: Subscription) -> dict[str, Any] | None:
        """What says that a subscription failed lately."""
        sk = f"{subscription.tenant}#{subscription.id}"
        found = [self.get(f"FAILING#{shard}", sk) for shard in range(_SHARDS)]
        return next((item for item in found if item), None)

    # ------------------------------------------------------ what is changed ----

    def count(self, subscription: Subscription, *, failed: int, accepted: int) -> None:
        """Gives the newest counts of a subscription that has failed other numbers, of failures for the same reason."""
        item = self.of_partition(f"D#{subscription.tenant}#{subscription.id}", "STAT#")[-1]
        [reason] = [name for name in item if name.startswith("r#")]
        numbers = {"attempts": failed + accepted, "failures": failed, "successes": accepted, reason: failed}
        self.put(item | {name: {"N": str(number)} for name, number in numbers.items()})

    def end_overlap(self, subscription: Subscription) -> None:
        """Makes it so that the signing secret before the last rotation has just stopped."""

        def ended(document: Any) -> Any:
            until = document["previous_signing_secret_until"]
            now = datetime.datetime.now(datetime.UTC)
            too_long = (datetime.datetime.fromisoformat(until) - now).total_seconds()
            return document | {"previous_signing_secret_until": earlier(until, int(too_long) + 1)}

        item = self.get(f"T#{subscription.tenant}", f"SUB#{subscription.id}")
        assert item is not None
        self.change(item, "document", ended)

    def silence(self, scene: Scene, minutes: int, sensor_group_id: int | None = None) -> None:
        """Makes it so many minutes longer ago that anything was heard of the sensors of a scene's space, or of a group."""

        def older(state: Any) -> Any:
            for presence in state["presence"].values():
                presence["heard_at"] = earlier(presence["heard_at"], minutes * 60)
                if presence.get("link"):
                    presence["link"]["at"] = earlier(presence["link"]["at"], minutes * 60)
            return state

        of = scene.space_id if sensor_group_id is None else f"g{sensor_group_id}"
        item = self.get(f"S#{scene.tenant}#{of}", "STATE")
        assert item is not None
        self.change(item, "state", older, due=minutes * 60)


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def earlier(text: str, seconds: int) -> str:
    """A time that was so many seconds before, in the form that the functions write."""
    moved = datetime.datetime.fromisoformat(text) - datetime.timedelta(seconds=seconds)
    whole, _, fraction = moved.strftime("%Y-%m-%dT%H:%M:%S.%f").partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"
