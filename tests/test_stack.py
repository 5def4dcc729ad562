"""Deploying anew and starting again keep everything, and go on as before."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from api import Api
from cloud import Cloud
from telemetry import connected

import scene as scenes
from scene import Scene


@contextlib.contextmanager
def _telemetry(scene: Scene) -> Iterator[None]:
    """A connection of now: the one of before went with the emulator."""
    with connected(scene.cloud.port) as scene.device:
        yield


def _kept(api: Api, scene: Scene) -> dict[str, Any]:
    """What must be the same before and after."""
    return {
        "subscriptions": api.every("/v1/subscriptions"),
        "space": api.call("GET", scene.space_path),
        "state": scene.state(),
        "sensor": api.call("GET", f"/v1/sensors/{scene.sensor}"),
        "key": scene.cloud.admin_key(),
    }


def test_an_update_and_a_restart_keep_everything(spare_cloud: Cloud) -> None:
    with scenes.opened_in(spare_cloud, "stack") as scene:
        api = scene.api
        reports = scene.subscribe(auth={"type": "bearer", "token": "kept-token"})
        scene.publish(scene.reading(1, count=1))
        reports.recorded(1)
        before = _kept(api, scene)

        spare_cloud.deploy()
        assert _kept(api, scene) == before
        scene.publish(scene.reading(2, count=2))
        reports.recorded(2)

        before = _kept(api, scene)
        outputs = spare_cloud.outputs
        spare_cloud.stop()
        spare_cloud.start()
        spare_cloud.deploy()
        assert spare_cloud.outputs == outputs
        assert _kept(api, scene) == before
        with _telemetry(scene):
            scene.publish(scene.reading(3, count=3))
            arrivals = reports.wait(3)
        reports.recorded(3)
        assert [arrival.json()["person_count"] for arrival in arrivals] == [1, 2, 3]
        assert {arrival.headers["authorization"] for arrival in arrivals} == {"Bearer kept-token"}
        assert all(arrival.is_signed_with(reports.secret) for arrival in arrivals)
        assert len({arrival.event_id for arrival in arrivals}) == 3
