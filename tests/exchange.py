"""One HTTP exchange with the API, with its status and headers, whatever they are."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from api import Api


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


def ask(api: Api, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """Asks; `body` is JSON unless it is bytes. Headers of the name's own spelling, `_` for `-`."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(api.base + path, data, method=method)
    if api.key is not None:
        request.add_header("authorization", f"Bearer {api.key}")
    if data is not None:
        request.add_header("content-type", "application/json")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return _answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return _answer(error.code, error.headers, error.read())


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers.items()}, body)


def problem(answer: Answer, status: int, kind: str) -> dict[str, Any]:
    """The problem document of an answer, after a look at all that every problem must have (RFC 9457)."""
    document = answer.json()
    assert (answer.status, document["type"]) == (status, f"/problems/{kind}"), document
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["status"] == status
    assert document["title"] and document["detail"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return document
