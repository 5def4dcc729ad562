"""One local cloud for all tests, deployed once, and what every test needs of it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "infra" / "local")]

from api import Api  # noqa: E402
from cloud import FUNCTIONS, Cloud, interrupt_on_sigterm  # noqa: E402
from receiver import Receiver  # noqa: E402
from telemetry import Sensor, connected  # noqa: E402

import health_runs  # noqa: E402
import scene as scenes  # noqa: E402
import second_tenant as tenants  # noqa: E402
from dead_letters import DeadLetters  # noqa: E402
from function_log import FunctionLog  # noqa: E402
from queue_counts import visible_again_after  # noqa: E402
from scene import MakeScene, Scene  # noqa: E402
from second_tenant import SecondTenant  # noqa: E402

_LOG_LINES = 40
_clouds: list[Cloud] = []
_logs = pytest.StashKey[list[FunctionLog]]()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud that the tests share: the real template, the real binaries."""
    yield from _deployed(tmp_path_factory.mktemp("cloud"))


@pytest.fixture(scope="session")
def spare_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Another one, for tests that stop it, deploy to it anew or turn its settings."""
    yield from _deployed(tmp_path_factory.mktemp("spare-cloud"))


# How soon SQS gives again what a dead function had in hand, or what could not be given back. The template says 90 s;
# what the function does with what comes again does not depend on when it comes.
_HASTY_SECONDS = 8


@pytest.fixture(scope="module")
def hasty_cloud(spare_cloud: Cloud) -> Iterator[Cloud]:
    """The spare cloud, whose queues give again soon what was not done."""
    with visible_again_after(_HASTY_SECONDS, spare_cloud, "EventsQueueUrl", "RetriesQueueUrl"):
        yield spare_cloud


def _deployed(state: Path) -> Iterator[Cloud]:
    interrupt_on_sigterm()
    with Cloud(port=0, state=state).running() as started:
        _clouds.append(started)
        started.deploy()
        yield started


@pytest.fixture(scope="session")
def api(cloud: Cloud) -> Api:
    """The management API, as admin of the first tenant."""
    return Api(cloud.api_url, cloud.admin_key())


@pytest.fixture(scope="session")
def receiver(cloud: Cloud) -> Iterator[Receiver]:
    """A receiver whose certificate is in order."""
    with Receiver(cloud.authority.server()) as started:
        yield started


@pytest.fixture(scope="session")
def device(cloud: Cloud) -> Iterator[Sensor]:
    """A connected MQTT client."""
    with connected(cloud.port) as client:
        yield client


@pytest.fixture(scope="session")
def dead_letters(cloud: Cloud) -> DeadLetters:
    """Telemetry that could not be taken."""
    return DeadLetters(cloud)


@pytest.fixture(scope="module")
def health_by_hand(cloud: Cloud) -> Iterator[None]:
    """Health runs when a test says so alone: what a run did is then known."""
    with health_runs.by_hand(cloud):
        yield


@pytest.fixture(scope="session")
def second_tenant(cloud: Cloud, api: Api) -> SecondTenant:
    """A tenant beside the first one."""
    return tenants.found(cloud, api)


@pytest.fixture
def make_scene(
    cloud: Cloud, api: Api, receiver: Receiver, device: Sensor, request: pytest.FixtureRequest
) -> Iterator[MakeScene]:
    """Makes scenes of the test's own."""
    with contextlib.ExitStack() as opened:

        def make(api: Api = api, tenant: str | None = None) -> Scene:
            return opened.enter_context(scenes.opened(cloud, api, receiver, device, request.node.name, tenant))

        yield make


@pytest.fixture
def scene(make_scene: MakeScene) -> Scene:
    """The test's own building, space and sensor."""
    return make_scene()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remembers where the functions' logs are before the test."""
    item.stash[_logs] = _function_logs()


def _function_logs() -> list[FunctionLog]:
    # By file and not by the stack's outputs: a cloud that did not deploy has logs, too.
    return [FunctionLog(path) for cloud in _clouds for path in sorted(cloud.logs.glob("*.log"))]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to the report of a failure what each function logged during the test."""
    report = yield
    if report.failed:
        before: dict[Any, FunctionLog] = {log.path: log for log in item.stash.get(_logs, [])}
        for log in _function_logs():
            # A log that was not there before the test is the test's from its beginning.
            log.start = before[log.path].start if log.path in before else 0
            lines = log.text().splitlines()[-_LOG_LINES:]
            if lines and any(function in log.path.name for function in (*FUNCTIONS, "emulator")):
                report.sections.append((f"log {log.path.name}", "\n".join(lines)))
    return report
