"""API keys through the gateway: roles, expiry, last use, and that a deleted one stops at once."""

from __future__ import annotations

import datetime
import time

from api import Api
from cloud import Cloud

from exchange import ask, problem
from kept_items import Table

_UTC = datetime.UTC


def test_a_deleted_key_stops_with_the_next_request(api: Api) -> None:
    made = api.call("POST", "/v1/api-keys", {"name": "Short-lived", "role": "viewer"})
    holder = Api(api.base, made["token"])
    # Several at once, so that every instance of the function has seen the key.
    for _ in range(8):
        assert ask(holder, "GET", "/v1/subscriptions").status == 200
    api.call("DELETE", f"/v1/api-keys/{made['id']}")
    for _ in range(8):
        problem(ask(holder, "GET", "/v1/subscriptions"), 401, "unauthenticated")


def test_a_key_expires_and_says_so(api: Api) -> None:
    soon = datetime.datetime.now(_UTC) + datetime.timedelta(seconds=3)
    body = {"name": "Visitor", "role": "viewer", "expires_at": soon.isoformat()}
    made = api.call("POST", "/v1/api-keys", body)
    holder = Api(api.base, made["token"])
    assert ask(holder, "GET", "/v1/api-keys/self").json()["expires_at"] == made["expires_at"]
    while datetime.datetime.now(_UTC) <= soon:
        time.sleep(0.1)
    document = problem(ask(holder, "GET", "/v1/api-keys/self"), 401, "unauthenticated")
    assert document["detail"].startswith("The API key expired at ")
    past = body | {"expires_at": "2020-01-01T00:00:00Z"}
    problem(ask(api, "POST", "/v1/api-keys", past), 422, "invalid-fields")
    api.call("DELETE", f"/v1/api-keys/{made['id']}")


def test_the_last_use_of_a_key_is_shown_and_the_table_does_not_remove_keys(cloud: Cloud, api: Api) -> None:
    later = "2099-01-01T00:00:00Z"
    made = api.call("POST", "/v1/api-keys", {"name": "Used", "role": "viewer", "expires_at": later})
    path = f"/v1/api-keys/{made['id']}"
    assert api.call("GET", path)["last_used_at"] is None
    ask(Api(api.base, made["token"]), "GET", "/v1/api-keys/self")
    assert api.call("GET", path)["last_used_at"] is not None
    [listed] = [key for key in api.every("/v1/api-keys") if key["id"] == made["id"]]
    assert listed == api.call("GET", path)
    item = Table(cloud).get(f"K#{made['id']}", "KEY")
    assert item is not None and "expires_at" not in item
    api.call("DELETE", path)


def test_an_operator_key_is_made_by_one_alone(api: Api) -> None:
    admin = api.call("POST", "/v1/api-keys", {"name": "Admin", "role": "owner"})
    body = {"name": "Operator", "scopes": ["operator"]}
    problem(ask(Api(api.base, admin["token"]), "POST", "/v1/api-keys", body), 403, "scope-missing")
    operator = api.call("POST", "/v1/api-keys", body)
    assert ask(Api(api.base, operator["token"]), "GET", "/v1/tenants").status == 200
    for made in (admin, operator):
        api.call("DELETE", f"/v1/api-keys/{made['id']}")
