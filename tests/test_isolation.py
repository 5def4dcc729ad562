"""No tenant can see, guess or affect another's: every operation of the document, with every kind of key.

The owner's things are made through the document itself, from the examples of its operations, so a new operation is tried
as soon as it is described. What comes of all of it is a table of operation and key, which is checked in
(`isolation.table`), whole: a new operation, or one that lets in whom it did not, fails the test. After a look at the
difference, `REGENERATE=1` writes the table anew.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from api import Api
from cloud import Cloud
from receiver import Receiver
from telemetry import Sensor

from exchange import Answer, ask
from second_tenant import key_of
from waiting import until

TABLE = Path(__file__).with_name("isolation.table")
METHODS = ("get", "put", "post", "patch", "delete")
OWNER, STRANGER = "isolation-owner", "isolation-stranger"
# What only the owner's things say.
MARK = "only the owner's"
# What tells the time, or changes with it.
VOLATILE = {"from", "to", "buckets", "last_used_at", "request_id", "requests_this_minute"}


@dataclass(frozen=True)
class Operation:
    """An operation of the document."""

    method: str
    path: str
    described: dict[str, Any]

    @property
    def line(self) -> str:
        """Its name in the table."""
        return f"{self.method.upper()} {self.path}"

    @property
    def scope(self) -> str | None:
        """The scope that it asks for."""
        return next((scope for one in self.described.get("security", []) for scope in one["api_key"]), None)

    def body(self) -> tuple[Any, str]:
        """The example of its body, and the content type."""
        for media, content in self.described.get("requestBody", {}).get("content", {}).items():
            return content["example"], media
        return None, "application/json"


@dataclass
class World:
    """The document, and the names of the owner's things."""

    cloud: Cloud
    first: Api
    owner: Api
    operations: list[Operation]
    names: dict[str, str] = field(default_factory=dict)

    def key_of(self, path: str, parameter: str) -> str:
        """What `names` calls a parameter: with what stands before it, since many are called `id`."""
        before = path.split(f"/{{{parameter}}}")[0].rsplit("/", 1)[-1]
        return f"{before}/{parameter}"

    def named(self, path: str) -> str | None:
        """The path with the owner's names; None where one is not known."""
        for parameter in re.findall(r"\{([^}]*)\}", path):
            name = self.names.get(self.key_of(path, parameter))
            if name is None:
                return None
            path = path.replace(f"{{{parameter}}}", urllib.parse.quote(name, safe=""), 1)
        return path

    def learn(self, path: str, thing: Any) -> None:
        """Takes the name of a thing that an operation on a collection answered."""
        for other in self.operations:
            found = re.fullmatch(re.escape(path) + r"/\{([^}]*)\}", other.path)
            if found and isinstance(thing, dict):
                # `job_id` is the `id` of a job.
                name = thing.get(found[1], thing.get("id"))
                if name is not None:
                    self.names.setdefault(self.key_of(other.path, found[1]), str(name))

    def ask(self, api: Api, operation: Operation, path: str, body: Any) -> Answer:
        """Asks for an operation."""
        headers = {} if body is None else {"content_type": operation.body()[1]}
        return ask(api, operation.method.upper(), path, body, **headers)


def _operations(api: Api) -> list[Operation]:
    document = api.call("GET", "/openapi.json")
    return [
        Operation(method, path, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def _marked(body: Any, receiver: Receiver) -> Any:
    """The body with the owner's mark on it, and a receiver that is there."""
    if isinstance(body, dict):
        body = dict(body)
        # The names of event types and profiles can't have it, and what else has a description is marked there, too.
        marked = next(field for field in ("description", "title", "name") if field in body or field == "name")
        if isinstance(body.get(marked), str):
            body[marked] = f"{body[marked]} {MARK}"
        if isinstance(body.get("url"), str):
            body["url"] = receiver.url("/isolation")
            body.pop("auth", None)
    return body


def _make(world: World, receiver: Receiver) -> None:
    """Makes one of everything that the document can make, of its own examples, and learns what it is called."""
    for operation in world.operations:
        for parameter in operation.described.get("parameters", []):
            # What clients name themselves has the name that the examples give it, so that bodies can refer to it.
            if parameter.get("in") == "path" and _is_clients(world, operation.path, parameter["name"]):
                world.names.setdefault(world.key_of(operation.path, parameter["name"]), parameter["example"])
    makers = [one for one in world.operations if one.method == "put" and not _is_made_by_post(world, one.path)]
    makers += [one for one in world.operations if one.method == "post" and _is_collection(world, one.path)]
    refused: dict[str, str] = {}
    # What is in another thing can be made once that is there: in the next round, or the one after.
    for _ in range(len(makers)):
        left = [one for one in makers if not _is_made(world, one, receiver, refused)]
        if len(left) == len(makers):
            break
        makers = left
    assert not makers, "refuse their own examples: " + "\n".join(f"{one.line}: {refused[one.line]}" for one in makers)


def _is_made(world: World, operation: Operation, receiver: Receiver, refused: dict[str, str]) -> bool:
    path = world.named(operation.path)
    if path is None:
        refused[operation.line] = "the name of what it belongs to is not known"
        return False
    body, _ = operation.body()
    answer = world.ask(_maker(world, operation), operation, path, _marked(body, receiver))
    if answer.status >= 300:
        refused[operation.line] = answer.body.decode()
        return False
    if operation.method == "post":
        world.learn(operation.path, answer.json())
    return True


def _is_collection(world: World, path: str) -> bool:
    return any(re.fullmatch(re.escape(path) + r"/\{[^}]*\}", other.path) for other in world.operations)


def _is_made_by_post(world: World, path: str) -> bool:
    """True for what a POST on its collection makes: a PUT replaces it."""
    collection = re.sub(r"/\{[^}]*\}$", "", path)
    return collection != path and any(one.method == "post" and one.path == collection for one in world.operations)


def _is_clients(world: World, path: str, parameter: str) -> bool:
    """True for a name that a client chooses: what has it is made by PUT."""
    upto = path.split(f"{{{parameter}}}")[0] + f"{{{parameter}}}"
    is_put = any(one.method == "put" and one.path == upto for one in world.operations)
    return (is_put and not _is_made_by_post(world, upto)) or path.startswith(("/problems/", "/docs/"))


def _learn_what_came(world: World) -> None:
    """Learns the names of what was not made but came of it, from the lists."""
    for operation in sorted(world.operations, key=lambda one: one.path.count("/")):
        path = world.named(operation.path)
        if operation.method == "get" and "security" in operation.described and _is_collection(world, operation.path):
            if path is None:
                continue
            answer = ask(_maker(world, operation), "GET", path)
            for thing in (answer.json().get("data") or [])[:1] if answer.status == 200 else []:
                world.learn(operation.path, thing)


def _maker(world: World, operation: Operation) -> Api:
    return world.first if operation.scope == "operator" else world.owner


def _stable(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: _stable(value) for name, value in document.items() if name not in VOLATILE}
    return [_stable(item) for item in document] if isinstance(document, list) else document


def _seen_by_owner(world: World) -> dict[str, Any]:
    """All that the owner sees."""
    seen = {}
    for operation in world.operations:
        path = world.named(operation.path)
        if operation.method == "get" and "security" in operation.described and operation.scope != "operator" and path:
            answer = ask(world.owner, "GET", path)
            seen[operation.line] = (answer.status, _stable(answer.json()))
    return seen


def _keys(world: World, scopes: list[str]) -> Iterator[tuple[str, str | None]]:
    """The columns of the table: a name and a key of the stranger's, or none."""
    yield "no key", None
    yield "unknown", f"shk_{'0' * 16}_{'A' * 43}"
    yield "expired", _expired(world)
    for scope in scopes:
        # A tenant for each, so that what one key made is nothing to the next.
        yield scope, key_of(world.first, f"{STRANGER}-{scope}", [scope])


def _expired(world: World) -> str:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=3)
    body = {"name": "Expires", "scopes": ["admin"], "expires_at": soon.strftime("%Y-%m-%dT%H:%M:%SZ")}
    token = world.owner.call("POST", "/v1/api-keys", body)["token"]
    until(lambda: ask(Api(world.first.base, token), "GET", "/v1/subscriptions").status == 401, "that the key expired")
    return token


def _cell(answer: Answer) -> str:
    """Whether it was let in, and with which answer: a refusal by who asks, or what a stranger gets of what is not theirs."""
    allowed = "refused" if answer.status in (401, 403) else "allowed"
    status = str(answer.status) if answer.status in (401, 403, 404) else f"{answer.status // 100}xx"
    return f"{allowed} {status}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


@pytest.fixture
def world(cloud: Cloud, api: Api, receiver: Receiver, device: Sensor) -> World:
    """The owner with one of everything, quiet again."""
    owner = Api(api.base, key_of(api, OWNER, ["admin"]))
    made = World(cloud, api, owner, _operations(api))
    inbox = receiver.inbox("/isolation")
    _make(made, receiver)
    sensor = made.names["sensors/sensor_id"]
    subscription = f"/v1/subscriptions/{made.names['subscriptions/id']}"
    owner.call("PATCH", subscription, {"event_types": ["space_report"]})
    reading = {"timestamp": "2026-02-02T10:00:00Z", "person_count": 1}
    for name in (sensor, "nobodys-sensor"):
        device.publish(f"telemetry/{OWNER}/native/{name}", json.dumps(reading).encode())
    receiver.wait(lambda: len(inbox.arrivals) >= 1, 20)
    for what in (f"{subscription}/attempts", "/v1/unassigned-sensors"):
        until(lambda what=what: owner.every(what), what)
    _learn_what_came(made)
    return made


def test_every_operation_with_every_key(world: World) -> None:
    document = world.first.call("GET", "/openapi.json")
    keys = dict(_keys(world, document["components"]["schemas"]["Scope"]["enum"]))
    before = _seen_by_owner(world)
    assert json.dumps(before).count(MARK) >= 3, "the owner sees what is theirs"
    made = {name for name in world.names.values() if re.search(r"[0-9a-f]{16}", name)}

    rows = [["operation", "needs", "owner", *keys]]
    leaks: list[str] = []
    for operation in sorted(world.operations, key=lambda one: (one.path, METHODS.index(one.method))):
        # What the owner has none of is tried by the name of the example.
        path = world.named(operation.path) or _by_example(world, operation)
        body = _with_owners_ids(world, operation.body()[0])
        owner = before.get(operation.line)
        needs = operation.scope or ("a key" if "security" in operation.described else "-")
        row = [operation.line, needs, str(owner[0]) if owner else "-"]
        for name, key in keys.items():
            if operation.scope == "operator" and name == "operator" and operation.method != "get":
                # An operator may do that to any tenant; here it would be done.
                row.append("not tried")
                continue
            answer = world.ask(Api(world.first.base, key), operation, path, body)
            row.append(_cell(answer))
            told = answer.body.decode() + json.dumps(answer.headers)
            found = [secret for secret in (MARK, *made) if secret in told]
            if found and operation.scope != "operator":
                leaks.append(f"{operation.line} as {name}: {found}")
            assert answer.status < 500, (operation.line, name, answer.body)
        rows.append(row)

    assert not leaks, "\n".join(leaks)
    assert _seen_by_owner(world) == before, "the owner's things are as they were"
    _compare(_aligned(rows))


def _by_example(world: World, operation: Operation) -> str:
    """The path with the owner's names as far as they are known, and those of the examples."""
    path = operation.path
    for parameter in operation.described.get("parameters", []):
        if parameter.get("in") == "path":
            name = world.names.get(world.key_of(operation.path, parameter["name"]), str(parameter["example"]))
            path = path.replace(f"{{{parameter['name']}}}", urllib.parse.quote(name, safe=""))
    return path


def _with_owners_ids(world: World, body: Any) -> Any:
    """The body with the owner's ids where it has those of the examples."""
    text = json.dumps(body)
    for operation in world.operations:
        for parameter in operation.described.get("parameters", []):
            owners = world.names.get(world.key_of(operation.path, parameter.get("name", "")))
            if parameter.get("in") == "path" and owners is not None:
                text = text.replace(json.dumps(str(parameter["example"])), json.dumps(owners))
    return json.loads(text)


def _compare(table: str) -> None:
    if os.environ.get("REGENERATE"):
        TABLE.write_text(table)
        return
    expected = {_operation_of(line): line.split() for line in TABLE.read_text().splitlines()}
    found = {_operation_of(line): line.split() for line in table.splitlines()}
    wrong = [f"{line}: has no row in {TABLE.name}" for line in found.keys() - expected.keys()]
    wrong += [f"{line}: has a row in {TABLE.name} and is no operation" for line in expected.keys() - found.keys()]
    for line in found.keys() & expected.keys():
        if found[line] != expected[line]:
            wrong.append(f"{line}: is {' '.join(found[line][2:])}\n  and not {' '.join(expected[line][2:])}")
    hint = f"look at each; if all is as it should be, REGENERATE=1 writes {TABLE.name} anew"
    assert not wrong, "\n".join([*sorted(wrong), hint])


def _operation_of(line: str) -> str:
    return " ".join(line.split()[:2])
