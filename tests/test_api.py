"""The management API through the gateway: who may do what, and how it says no."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from api import Api

from exchange import ask, problem
from scene import Scene
from second_tenant import SecondTenant

_numbers = itertools.count(1)


def _subscription(**fields: Any) -> dict[str, Any]:
    name = f"Api {next(_numbers)}"
    return {"name": name, "url": "https://example.com/hook", "event_types": ["space_report"], "enabled": False} | fields


@pytest.mark.parametrize("key", [None, "", "wrong", "x" * 48, "shk_0123456789abcdef_" + "A" * 43])
def test_without_a_valid_key_nothing_is_told(api: Api, key: str | None) -> None:
    answer = ask(Api(api.base, key), "GET", "/v1/subscriptions")
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_may_do_what_its_scopes_say(api: Api) -> None:
    may = {}
    for scope in ("read", "write", "admin", "publish"):
        made = api.call("POST", "/v1/api-keys", {"name": f"Only {scope}", "scopes": [scope]})
        with_it = Api(api.base, made["token"])
        created = ask(with_it, "POST", "/v1/subscriptions", _subscription())
        if created.status == 201:
            api.call("DELETE", f"/v1/subscriptions/{created.json()['id']}")
        may[scope] = (
            ask(with_it, "GET", "/v1/subscriptions").status,
            created.status,
            ask(with_it, "GET", "/v1/api-keys").status,
        )
        api.call("DELETE", f"/v1/api-keys/{made['id']}")
    assert may == {
        "read": (200, 403, 403),
        "write": (200, 201, 403),
        "admin": (200, 201, 200),
        "publish": (403, 403, 403),
    }


def test_a_scope_that_is_missing_is_named(api: Api) -> None:
    made = api.call("POST", "/v1/api-keys", {"name": "Reader", "scopes": ["read"]})
    document = problem(ask(Api(api.base, made["token"]), "GET", "/v1/api-keys"), 403, "scope-missing")
    assert "'admin'" in document["detail"]
    api.call("DELETE", f"/v1/api-keys/{made['id']}")


def test_another_tenants_things_are_not_there(scene: Scene, second_tenant: SecondTenant) -> None:
    theirs = scene.subscribe()
    stranger = second_tenant.api
    of_subscription = [theirs.path, f"{theirs.path}/attempts", f"{theirs.path}/stats"]
    of_place = [f"/v1/buildings/{scene.building}", scene.space_path, f"{scene.space_path}/state"]
    for path in [*of_subscription, *of_place, f"/v1/sensors/{scene.sensor}"]:
        problem(ask(stranger, "GET", path), 404, "not-found")
    problem(ask(stranger, "PATCH", theirs.path, {"name": "Mine"}), 404, "not-found")
    problem(ask(stranger, "POST", f"{theirs.path}/disable"), 404, "not-found")
    problem(ask(stranger, "DELETE", theirs.path), 404, "not-found")
    problem(ask(stranger, "DELETE", f"/v1/sensors/{scene.sensor}"), 404, "not-found")
    for path in ("/v1/subscriptions", "/v1/buildings", "/v1/sensors"):
        assert scene.name not in json.dumps(stranger.every(path)), path
    assert theirs.get()["enabled"] is True, "and nothing was changed"


def test_all_mistakes_are_told_at_once(api: Api) -> None:
    body = {
        "name": "",
        "url": "http://example.com/",
        "event_types": ["space_reprot"],
        "send": "sometimes",
        "auth": {"type": "basic", "username": "a:b"},
        "custom_headers": {"Content-Length": "1", "X-Good": "1"},
        "key_values": {"timestamp": "mine", "site": "HQ"},
        "contacts": ["nobody"],
        "evnt_types": [],
    }
    document = problem(ask(api, "POST", "/v1/subscriptions", body), 422, "receiver-refused")
    assert {error["pointer"] for error in document["errors"]} == {
        "/name",
        "/url",
        "/event_types/0",
        "/send",
        "/auth/username",
        "/auth/password",
        "/custom_headers/Content-Length",
        "/key_values/timestamp",
        "/contacts/0",
        "/evnt_types",
    }
    [misspelt] = [error for error in document["errors"] if error["pointer"] == "/evnt_types"]
    assert "did you mean 'event_types'?" in misspelt["detail"]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0"])
@pytest.mark.parametrize("where", ["value", "name", "auth"])
def test_a_header_can_not_smuggle_a_line_end(api: Api, end: str, where: str) -> None:
    smuggled = f"one{end}X-Admin: yes"
    bodies = {
        "value": {"custom_headers": {"X-Good": smuggled}},
        "name": {"custom_headers": {smuggled: "1"}},
        "auth": {"auth": {"type": "custom_header", "name": "X-Key", "value": smuggled}},
    }
    answer = ask(api, "POST", "/v1/subscriptions", _subscription(**bodies[where]))
    document = problem(answer, 422, "invalid-fields")
    [error] = document["errors"]
    assert error["pointer"].startswith("/auth" if where == "auth" else "/custom_headers/")
    assert where == "name" or "X-Admin" not in answer.body.decode(), "a value may be secret"


@pytest.mark.parametrize("header", ["webhook-id", "Webhook-Signature", "Host", "content-length", "Transfer-Encoding"])
def test_a_header_of_ours_can_not_be_set(api: Api, header: str) -> None:
    answer = ask(api, "POST", "/v1/subscriptions", _subscription(custom_headers={header: "mine"}))
    [error] = problem(answer, 422, "invalid-fields")["errors"]
    assert error["pointer"] == f"/custom_headers/{header}"


@pytest.mark.parametrize("key", ["timestamp", "person_count", "event_type", "state", "sensor_ids", "environment"])
def test_a_pair_can_not_override_what_is_documented(api: Api, key: str) -> None:
    answer = ask(api, "POST", "/v1/subscriptions", _subscription(key_values={key: "mine", "site": "HQ"}))
    [error] = problem(answer, 422, "invalid-fields")["errors"]
    assert error["pointer"] == f"/key_values/{key}"
    assert error["detail"] == f"'{key}' is a field of the documented body and can't be overridden"


def test_a_body_that_is_not_json_and_one_that_says_a_thing_twice(api: Api) -> None:
    problem(ask(api, "POST", "/v1/subscriptions", b"{"), 400, "malformed-request")
    twice = b'{"name": "a", "name": "b"}'
    document = problem(ask(api, "POST", "/v1/subscriptions", twice), 400, "malformed-request")
    assert '"name" is there twice' in document["detail"]
    problem(ask(api, "POST", "/v1/subscriptions", b"name=a", content_type="text/plain"), 415, "unsupported-media-type")
    problem(ask(api, "POST", "/v1/subscriptions", b"[" * 100_000), 400, "malformed-request")
    problem(ask(api, "POST", "/v1/subscriptions", b" " * (1 << 20) + b"{}"), 413, "body-too-large")


def test_a_path_and_a_method_that_are_not_there(api: Api) -> None:
    problem(ask(api, "GET", "/v1/nothing"), 404, "not-found")
    answer = ask(api, "PUT", "/v1/subscriptions", {})
    problem(answer, 405, "method-not-allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(","))


def test_a_name_is_taken_in_any_case(api: Api) -> None:
    made = api.call("POST", "/v1/subscriptions", _subscription(name="Lobby kiosk"))
    problem(ask(api, "POST", "/v1/subscriptions", _subscription(name="LOBBY Kiosk")), 409, "name-taken")
    api.call("DELETE", f"/v1/subscriptions/{made['id']}")
    again = api.call("POST", "/v1/subscriptions", _subscription(name="LOBBY Kiosk"))
    api.call("DELETE", f"/v1/subscriptions/{again['id']}")


def test_a_change_of_a_revision_that_is_gone_is_refused(api: Api) -> None:
    made = ask(api, "POST", "/v1/subscriptions", _subscription())
    path, tag = f"/v1/subscriptions/{made.json()['id']}", made.headers["etag"]
    changed = ask(api, "PATCH", path, {"description": "one"}, If_Match=tag)
    assert changed.status == 200 and changed.headers["etag"] != tag
    problem(ask(api, "PATCH", path, {"description": "two"}, If_Match=tag), 412, "precondition-failed")
    problem(ask(api, "DELETE", path, If_Match=tag), 412, "precondition-failed")
    assert ask(api, "DELETE", path, If_Match=changed.headers["etag"]).status == 204


def test_lists_come_in_pages_that_miss_nothing_and_repeat_nothing(api: Api) -> None:
    ids = [api.call("POST", "/v1/subscriptions", _subscription())["id"] for _ in range(5)]
    found, cursor = [], ""
    while True:
        page = api.call("GET", f"/v1/subscriptions?limit=2{cursor}")
        assert len(page["data"]) <= 2
        found += [one["id"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        assert re.fullmatch(r"[A-Za-z0-9_-]+", page["next_cursor"]), "safe in a URL as it is"
        cursor = f"&cursor={page['next_cursor']}"
    assert [one for one in found if one in ids] == ids
    assert len(set(found)) == len(found)
    for id in ids:
        api.call("DELETE", f"/v1/subscriptions/{id}")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=ten", "cursor=!", "cursor=", "limit=1&limit=2", "a=1"]
)
def test_a_parameter_that_is_wrong_is_named(api: Api, query: str) -> None:
    document = problem(ask(api, "GET", f"/v1/subscriptions?{query}"), 400, "invalid-parameters")
    assert [error["parameter"] for error in document["errors"]] == [query.partition("=")[0]]


def test_a_cursor_of_another_list_or_tenant_is_refused(api: Api, second_tenant: SecondTenant) -> None:
    for _ in range(2):
        api.call("PUT", f"/v1/buildings/paging-{next(_numbers)}", {})
    cursor = api.call("GET", "/v1/buildings?limit=1")["next_cursor"]
    problem(ask(api, "GET", f"/v1/sensors?cursor={cursor}"), 400, "invalid-parameters")
    problem(ask(second_tenant.api, "GET", f"/v1/buildings?cursor={cursor}"), 400, "invalid-parameters")
