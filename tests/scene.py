"""A test's own part of the world: a building with a space and a sensor in it, and subscriptions to what happens there.

Every name is unique, and subscriptions listen to the test's own building unless a test says otherwise, so that tests
share a cloud and do not notice each other.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from api import Api, Problem
from cloud import Cloud
from receiver import Arrival, Inbox, Receiver
from telemetry import Sensor, connected

from waiting import PATIENCE_SECONDS, until

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Subscription:
    """A subscription, and the inbox it sends to."""

    api: Api
    tenant: str
    receiver: Receiver
    id: str
    secret: str
    inbox: Inbox

    @property
    def path(self) -> str:
        """Where the API has it."""
        return f"/v1/subscriptions/{self.id}"

    def arrivals(self) -> list[Arrival]:
        """What arrived so far."""
        return list(self.inbox.arrivals)

    def wait(self, count: int, seconds: float = PATIENCE_SECONDS) -> list[Arrival]:
        """Waits until so many requests have arrived, and returns all that have."""
        self.receiver.wait(lambda: len(self.inbox.arrivals) >= count, seconds)
        arrivals = self.arrivals()
        assert len(arrivals) >= count, f"within {seconds:g} s {len(arrivals)} requests arrived, not {count}"
        return arrivals

    def get(self) -> dict[str, Any]:
        """It, as the API shows it."""
        return self.api.call("GET", self.path)

    def patch(self, **changes: Any) -> dict[str, Any]:
        """Changes it."""
        return self.api.call("PATCH", self.path, changes)

    def attempts(self) -> list[dict[str, Any]]:
        """Its recorded attempts, the oldest first."""
        return list(reversed(self.api.every(f"{self.path}/attempts")))

    def recorded(self, count: int) -> list[dict[str, Any]]:
        """Waits until so many attempts are recorded. They are when their whole batch is settled."""
        return until(lambda: _at_least(self.attempts(), count), f"{count} recorded attempts of {self.id}")

    def stats(self) -> dict[str, Any]:
        """Its statistics."""
        return self.api.call("GET", f"{self.path}/stats")


def _at_least(items: list[Any], count: int) -> list[Any]:
    return items if len(items) >= count else []


@dataclass
class Scene:
    """A building with one space and one sensor."""

    cloud: Cloud
    api: Api
    receiver: Receiver
    device: Sensor
    name: str
    tenant: str
    space_id: int = 0
    subscriptions: list[str] = field(default_factory=list)

    building = property(lambda self: f"b-{self.name}")
    floor = property(lambda self: f"f-{self.name}")
    space = property(lambda self: f"s-{self.name}")
    sensor = property(lambda self: f"d-{self.name}")

    @property
    def space_path(self) -> str:
        """Where the API has the space."""
        return f"/v1/buildings/{self.building}/spaces/{self.space}"

    def register(self) -> None:
        """Registers all of it."""
        space = {"space_ref_id": self.space, "floor_ref_id": self.floor, "sensors": [{"sensor_id": self.sensor}]}
        building = {"building_ref_id": self.building, "floors": [{"floor_ref_id": self.floor}], "spaces": [space]}
        self.api.call("POST", "/v1/import", {"buildings": [building]})
        self.space_id = self.api.call("GET", self.space_path)["space_id"]

    def state(self) -> dict[str, Any]:
        """The present state of the space."""
        return self.api.call("GET", f"{self.space_path}/state")

    def reading(self, minute: int, count: int, **more: Any) -> dict[str, Any]:
        """A reading of the sensor, `minute` minutes after ten."""
        return {"timestamp": f"2026-02-02T{10 + minute // 60}:{minute % 60:02}:00Z", "person_count": count, **more}

    def topic(self, profile: str = "native", sensor: str | None = None) -> str:
        """Where the sensor publishes."""
        return f"telemetry/{self.tenant}/{profile}/{sensor or self.sensor}"

    def publish(self, payload: Any, topic: str | None = None) -> None:
        """Publishes telemetry; `payload` is JSON unless it is bytes."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.device.publish(topic or self.topic(), data)

    def subscribe(
        self,
        what: str = "reports",
        *event_types: str,
        url: str | None = None,
        answer: Callable[[Arrival], tuple[int, bytes]] | None = None,
        **fields: Any,
    ) -> Subscription:
        """Subscribes to this building (default: its reports), with an inbox of its own unless there is a `url`."""
        path = f"/{self.name}/{what}"
        inbox = self.receiver.inbox(path, answer)
        body = {
            "name": f"{self.name} {what}",
            "url": url or self.receiver.url(path),
            "event_types": list(event_types) or ["space_report"],
            "building_ref_ids": [self.building],
            **fields,
        }
        made = self.api.call("POST", "/v1/subscriptions", body)
        self.subscriptions.append(made["id"])
        return Subscription(self.api, self.tenant, self.receiver, made["id"], made["signing_secret"], inbox)

    def close(self) -> None:
        """Deletes its subscriptions: no retry of this test is left to disturb the next one."""
        for id in self.subscriptions:
            with contextlib.suppress(Problem):
                self.api.call("DELETE", f"/v1/subscriptions/{id}")


MakeScene = Callable[..., Scene]
"""Makes one more scene for the same test; takes an `api` and a `tenant` where it is another tenant's."""


@contextlib.contextmanager
def opened_in(cloud: Cloud, name: str) -> Iterator[Scene]:
    """A scene in another cloud than the one that the tests share, with a receiver and a connection of its own."""
    api = Api(cloud.api_url, cloud.admin_key())
    with (
        Receiver(cloud.authority.server()) as receiver,
        connected(cloud.port) as device,
        opened(cloud, api, receiver, device, name) as scene,
    ):
        yield scene


@contextlib.contextmanager
def opened(
    cloud: Cloud, api: Api, receiver: Receiver, device: Sensor, name: str, tenant: str | None = None
) -> Iterator[Scene]:
    """A scene of a unique name, registered, whose subscriptions are deleted at the end."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower().removeprefix("test_")).strip("-")[:40]
    scene = Scene(cloud, api, receiver, device, f"{slug}-{next(_numbers)}", tenant or cloud.parameters["FirstTenant"])
    scene.register()
    try:
        yield scene
    finally:
        scene.close()
