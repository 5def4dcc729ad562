"""The API's description of itself is true: JSON, and every operation in it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
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
                known = answer.status == 200 or "{" in path
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


def _contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body of the document: where it stands, and its schema and example."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            line = f"{method} {path}"
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{line} request {media}", content
            for status, response in operation["responses"].items():
                for media, content in response.get("content", {}).items():
                    yield f"{line} {status} {media}", content
    for name, response in document["components"]["responses"].items():
        for media, content in response["content"].items():
            yield f"problem {name} {media}", content


def test_every_example_is_valid_under_its_schema(api: Api) -> None:
    document = _document(api)
    formats = jsonschema.Draft202012Validator.FORMAT_CHECKER
    wrong: list[str] = []
    for place, content in _contents(document):
        # The references of a schema are the document's.
        schema = content["schema"] | {"components": document["components"]}
        validator = jsonschema.Draft202012Validator(schema, format_checker=formats)
        if "example" not in content:
            wrong.append(f"{place}: no example")
            continue
        for error in validator.iter_errors(content["example"]):
            wrong.append(f"{place}: {error.json_path} {error.message}")
    assert not wrong, "\n".join(wrong)


def test_every_parameter_of_a_path_has_a_valid_example(api: Api) -> None:
    for path, item in _document(api)["paths"].items():
        for method, operation in item.items():
            for parameter in operation.get("parameters", []):
                if parameter.get("in") == "path":
                    assert "example" in parameter, (method, path, parameter["name"])
                    jsonschema.validate(parameter["example"], parameter["schema"])


def test_every_link_leads_to_an_operation_that_takes_its_parameters(api: Api) -> None:
    document = _document(api)
    operations = {one["operationId"]: one for item in document["paths"].values() for one in item.values()}
    seen = 0
    for item in document["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                for link in response.get("links", {}).values():
                    taken = {one["name"] for one in operations[link["operationId"]].get("parameters", []) if one.get("in") == "path"}
                    assert set(link["parameters"]) == taken, link
                    seen += 1
    assert seen > 20
