"""The API's description of itself is true: JSON, and every operation in it is there."""

from __future__ import annotations

import re
from typing import Any

from api import Api

from exchange import ask

_METHODS = ("get", "put", "post", "patch", "delete")


def _document(api: Api) -> dict[str, Any]:
    answer = ask(Api(api.base, None), "GET", "/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()


def test_the_document_is_served_without_a_key(api: Api) -> None:
    document = _document(api)
    assert document["openapi"].startswith("3.1")
    assert {"/v1/subscriptions", "/v1/subscriptions/{id}/attempts", "/v1/import", "/v1/api-keys"} <= set(
        document["paths"]
    )


def test_every_operation_is_there(api: Api) -> None:
    """Asked without a key, an operation that needs one says 401; what is not there would say 404 or 405."""
    seen = 0
    for path, item in _document(api)["paths"].items():
        concrete = re.sub(r"\{[^}]*\}", "x", path)
        for method in _METHODS:
            if method not in item:
                continue
            body = {} if method in ("put", "post", "patch") else None
            answer = ask(Api(api.base, None), method.upper(), concrete, body)
            if "security" in item[method]:
                assert answer.status == 401, (method, path, answer.body)
            else:
                known = answer.status == 200 or path == "/problems/{kind}"
                assert known, (method, path, answer.body)
            seen += 1
    assert seen > 25


def test_every_kind_of_problem_is_explained(api: Api) -> None:
    names = _document(api)["components"]["responses"]
    assert {"not-found", "receiver-refused", "unauthenticated"} <= set(names)
    for name in names:
        kind = api.call("GET", f"/problems/{name}")
        assert kind["type"] == f"/problems/{name}" and kind["meaning"] and kind["status"] >= 400


def test_it_says_that_it_runs(api: Api) -> None:
    assert Api(api.base, None).call("GET", "/health")["status"] == "ok"
