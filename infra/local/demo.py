"""What `make run` shows: a real office room in over MQTT, webhooks out over HTTPS, all through the local cloud.

Imports a building, subscribes two receivers, replays the room minute by minute, and holds what arrived against what
the recording says must arrive. Then it stays up until Ctrl-C; with DEMO=once it ends, with 0 only if every webhook
arrived, in order, signed and as documented.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import room  # noqa: E402
from api import Api, Problem  # noqa: E402
from cloud import Cloud, CloudError, interrupt_on_sigterm, stay  # noqa: E402
from receiver import Arrival, Receiver  # noqa: E402
from telemetry import connected  # noqa: E402

_PLACE = room.Place(building="mons-1", floor="ground", space="office", sensor="uci-occupancy-1")
_PAIRS = {"site": "Mons", "connector": "demo"}
_BASIC = {"type": "basic", "username": "facility", "password": "correct horse"}
_BEARER = {"type": "bearer", "token": "demo-token-7f3a"}
# What the two look like on the wire, written out: not computed as the product computes them.
_BASIC_HEADER = "Basic ZmFjaWxpdHk6Y29ycmVjdCBob3JzZQ=="
_BEARER_HEADER = "Bearer demo-token-7f3a"
_ARRIVAL_SECONDS = 20.0
# Readings in a row whose report does not arrive, until the replay is given up.
_MISSED_LIMIT = 3


@dataclass
class Subscriptions:
    """The two subscriptions of the demo."""

    report_id: str
    report_secret: str
    availability_id: str
    availability_secret: str


def main() -> int:
    """Runs the demo; the exit code of DEMO=once."""
    once = os.environ.get("DEMO") == "once"
    minutes = room.read(Path(os.environ.get("ROOM", room.ROOM)))
    interrupt_on_sigterm()
    cloud = Cloud()
    with cloud.running(), Receiver(cloud.authority.server()) as receiver:
        print(f"local cloud at {cloud.endpoint}; deploying template.yaml ...", flush=True)
        cloud.deploy()
        api = Api(cloud.api_url, cloud.admin_key())
        space_id = _import_building(api)
        subscriptions = _subscribe(api, receiver)
        print(f"replaying {len(minutes):,} minutes of a room through MQTT, one reading after the other", flush=True)
        latencies = _replay(cloud, receiver, minutes, subscriptions)
        problems = _examine(api, receiver, minutes, space_id, subscriptions)
        _summarize(receiver, minutes, space_id, latencies, problems)
        if once:
            return 1 if problems else 0
        _say_where_to_look(cloud, api, subscriptions)
        stay()
    return 0


def _import_building(api: Api) -> int:
    """Makes the room anew, so that a second run replays it from the beginning; Spacehook's number of it."""
    for path in (f"/v1/sensors/{_PLACE.sensor}", f"/v1/buildings/{_PLACE.building}/spaces/{_PLACE.space}"):
        try:
            api.call("DELETE", path)
        except Problem as problem:
            if problem.status != 404:
                raise
    row = f"{_PLACE.building},Office in Mons,{_PLACE.floor},Ground floor,{_PLACE.space},Office,{_PLACE.sensor},Recorder"
    header = "building_ref_id,building_name,floor_ref_id,floor_name,space_ref_id,space_name,sensor_id,sensor_name"
    api.call("POST", "/v1/import", f"{header}\n{row}\n".encode(), content_type="text/csv")
    return api.call("GET", f"/v1/buildings/{_PLACE.building}/spaces/{_PLACE.space}")["space_id"]


def _subscribe(api: Api, receiver: Receiver) -> Subscriptions:
    for subscription in api.every("/v1/subscriptions"):
        if subscription["name"].startswith("Demo: "):
            api.call("DELETE", f"/v1/subscriptions/{subscription['id']}")
    receiver.inbox("/reports")
    receiver.inbox("/availability")
    report = api.call(
        "POST",
        "/v1/subscriptions",
        {
            "name": "Demo: reports",
            "url": receiver.url("/reports"),
            "event_types": ["space_report"],
            "auth": _BASIC,
            "key_values": _PAIRS,
        },
    )
    availability = api.call(
        "POST",
        "/v1/subscriptions",
        {
            "name": "Demo: availability",
            "url": receiver.url("/availability"),
            "event_types": ["space_availability"],
            "auth": _BEARER,
        },
    )
    return Subscriptions(report["id"], report["signing_secret"], availability["id"], availability["signing_secret"])


def _of_space(arrivals: list[Arrival], space_id: int) -> list[Arrival]:
    """Without what a run before left in the queue."""

    def number(arrival: Arrival) -> Any:
        body = arrival.json()
        return (body[0] if isinstance(body, list) else body).get("space_id")

    return [arrival for arrival in list(arrivals) if number(arrival) == space_id]


def _replay(
    cloud: Cloud, receiver: Receiver, minutes: list[room.Minute], subscriptions: Subscriptions
) -> list[float]:
    """Publishes each minute once the report of the one before has arrived; seconds from publishing to arrival.

    A room really reports once a minute. Sped up without waiting, IoT Core would run several functions at once, and a
    reading that is overtaken by a newer one rightly gives no report.
    """
    inbox = receiver.inbox("/reports")
    progress = _Progress(len(minutes), receiver, subscriptions)
    latencies: list[float] = []
    missed = 0
    with connected(cloud.port, "uci-occupancy-1") as sensor:
        for number, minute in enumerate(minutes, start=1):
            wanted = minute.timestamp().encode()
            seen = len(inbox.arrivals)
            published = time.monotonic()
            sensor.publish(f"telemetry/{cloud.parameters['FirstTenant']}/native/{_PLACE.sensor}", minute.telemetry())

            def arrived() -> bool:
                return any(wanted in arrival.body for arrival in inbox.arrivals[seen:])

            if receiver.wait(arrived, _ARRIVAL_SECONDS):
                latencies.append(inbox.arrivals[-1].at - published)
                missed = 0
            elif (missed := missed + 1) == _MISSED_LIMIT:
                print(f"\nnothing arrives any more; the reason is in {cloud.logs}/", flush=True)
                break
            progress.show(number, latencies)
    progress.end()
    return latencies


def _examine(
    api: Api, receiver: Receiver, minutes: list[room.Minute], space_id: int, subscriptions: Subscriptions
) -> list[str]:
    """Everything that is not as it must be."""
    changed = room.changes(minutes)
    inbox = receiver.inbox("/availability")
    receiver.wait(lambda: len(_of_space(inbox.arrivals, space_id)) >= len(changed), _ARRIVAL_SECONDS)
    problems = _held_against(
        "space_report",
        _of_space(receiver.inbox("/reports").arrivals, space_id),
        [_PLACE.report(minute, space_id, _PAIRS) for minute in minutes],
        subscriptions.report_secret,
        _BASIC_HEADER,
    )
    problems += _held_against(
        "space_availability",
        _of_space(inbox.arrivals, space_id),
        [_PLACE.availability(minute, space_id) for minute in changed],
        subscriptions.availability_secret,
        _BEARER_HEADER,
    )
    for id, expected in ((subscriptions.report_id, len(minutes)), (subscriptions.availability_id, len(changed))):
        counted = _settled_stats(api, id, expected)
        if counted != (expected, 0):
            problems.append(f"the API counts {counted[0]} successes and {counted[1]} failures, not {expected} and 0")
    return problems


def _settled_stats(api: Api, id: str, expected: int) -> tuple[int, int]:
    """Successes and failures by the API; attempts are recorded after they are made, so it may be a moment behind."""
    deadline = time.monotonic() + _ARRIVAL_SECONDS
    while True:
        totals = api.call("GET", f"/v1/subscriptions/{id}/stats")["totals"]
        if totals["successes"] + totals["failures"] >= expected or time.monotonic() > deadline:
            return totals["successes"], totals["failures"]
        time.sleep(0.1)


def _held_against(
    what: str, arrivals: list[Arrival], expected: list[Any], secret: str, authorization: str
) -> list[str]:
    problems = []
    first: dict[str, Arrival] = {}
    for arrival in arrivals:
        first.setdefault(arrival.event_id, arrival)
    bodies = [arrival.json() for arrival in first.values()]
    if len(arrivals) != len(first):
        problems.append(f"{what}: {len(arrivals) - len(first)} deliveries arrived twice")
    if len(bodies) != len(expected):
        problems.append(f"{what}: {len(bodies)} arrived, {len(expected)} were due")
    for place, (found, due) in enumerate(zip(bodies, expected)):
        if found != due:
            problems.append(f"{what} {place + 1} is {found}, not {due}")
            break
    sequences = [arrival.sequence for arrival in first.values()]
    if sequences != sorted(set(sequences)):
        problems.append(f"{what}: delivered out of order")
    unsigned = sum(not arrival.is_signed_with(secret) for arrival in arrivals)
    if unsigned:
        problems.append(f"{what}: {unsigned} signatures do not verify")
    strangers = sum(arrival.headers.get("authorization") != authorization for arrival in arrivals)
    if strangers:
        problems.append(f"{what}: {strangers} came without the right credentials")
    return problems


def _quantile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def _latency(latencies: list[float]) -> str:
    return f"p50 {_quantile(latencies, 0.5) * 1000:.0f} ms, p99 {_quantile(latencies, 0.99) * 1000:.0f} ms"


class _Progress:
    """A line that is written over on a terminal, and now and then a line elsewhere."""

    def __init__(self, total: int, receiver: Receiver, subscriptions: Subscriptions) -> None:
        self._total = total
        self._reports, self._availability = receiver.inbox("/reports"), receiver.inbox("/availability")
        self._secrets = (subscriptions.report_secret, subscriptions.availability_secret)
        self._seen = {"/reports": 0, "/availability": 0}
        self._verified = 0
        self._live = sys.stdout.isatty()
        self._next = 0.0

    def show(self, readings: int, latencies: list[float]) -> None:
        """Shows how far the replay is: at most five times a second, and at its end."""
        now = time.monotonic()
        if now < self._next and readings < self._total:
            return
        self._next = now + (0.2 if self._live else 10.0)
        self._verify()
        reports, changes = len(self._reports.arrivals), len(self._availability.arrivals)
        line = (
            f"  {readings:,} of {self._total:,} readings in; {reports + changes:,} webhooks out: {reports:,} reports, "
            f"{changes:,} availability changes; {self._verified:,} signatures verified; {_latency(latencies)}"
        )
        print(f"\r{line}" if self._live else line, end="" if self._live else "\n", flush=True)

    def _verify(self) -> None:
        """Verifies what arrived since the last time."""
        for path, inbox in (("/reports", self._reports), ("/availability", self._availability)):
            new = inbox.arrivals[self._seen[path] :]
            self._seen[path] += len(new)
            self._verified += sum(arrival.is_signed_with(*self._secrets) for arrival in new)

    def end(self) -> None:
        if self._live:
            print()


def _summarize(
    receiver: Receiver, minutes: list[room.Minute], space_id: int, latencies: list[float], problems: list[str]
) -> None:
    reports = len(_of_space(receiver.inbox("/reports").arrivals, space_id))
    availability = len(_of_space(receiver.inbox("/availability").arrivals, space_id))
    print(f"\n{len(minutes):,} readings in; {reports + availability:,} webhooks out:")
    print(f"  {reports:,} space_report, {availability} space_availability")
    print(f"  from the sensor's publish to the receiver: {_latency(latencies)} (in an emulator, on this machine)")
    if problems:
        print("NOT as it must be:")
        for problem in problems:
            print(f"  - {problem}")
    else:
        print("  every one due arrived once, in order, as documented, authenticated; every signature verifies")


def _say_where_to_look(cloud: Cloud, api: Api, subscriptions: Subscriptions) -> None:
    key = f"-H 'authorization: Bearer {api.key}'"
    print(f"""
API      {api.base}    (its description: /openapi.json)
API key  {api.key}
logs     {cloud.logs}/

Try:
  curl {key} {api.base}/v1/subscriptions
  curl {key} {api.base}/v1/subscriptions/{subscriptions.report_id}/stats
  curl {key} {api.base}/v1/buildings/{_PLACE.building}/spaces/{_PLACE.space}/state

Ctrl-C stops everything; data is kept for the next run (`make clean-local` forgets it).""", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CloudError, Problem, ConnectionError, ValueError) as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
