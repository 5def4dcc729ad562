"""Requests that are sent again: done once, with the same answer, whatever happens between."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from api import Api
from cloud import Cloud

from exchange import Answer, ask, problem
from second_tenant import SecondTenant

PATH = "/v1/subscriptions"


def _subscription() -> dict[str, Any]:
    name = f"Once {uuid.uuid4().hex}"
    return {"name": name, "url": "https://example.com/hook", "event_types": ["space_report"], "enabled": False}


def _once(api: Api, key: str, body: Any, path: str = PATH) -> Answer:
    return ask(api, "POST", path, body, Idempotency_Key=key)


def test_a_repeat_gets_the_same_answer_and_does_nothing_more(api: Api, second_tenant: SecondTenant) -> None:
    key, body = str(uuid.uuid4()), _subscription()
    first, repeat = _once(api, key, body), _once(api, key, body)
    assert (first.status, repeat.status) == (201, 201)
    assert first.body == repeat.body and "signing_secret" in first.json()
    assert "idempotency-replayed" not in first.headers and repeat.headers["idempotency-replayed"] == "true"
    assert all(first.headers[name] == repeat.headers[name] for name in ("etag", "location", "content-type"))
    problem(_once(api, key, _subscription()), 409, "idempotency-conflict")
    theirs = _once(second_tenant.api, key, body)
    assert theirs.status == 201 and theirs.json()["id"] != first.json()["id"], "keys are their callers' own"
    second_tenant.api.call("DELETE", f"{PATH}/{theirs.json()['id']}")
    api.call("DELETE", f"{PATH}/{first.json()['id']}")


def test_of_many_at_once_one_is_done(api: Api) -> None:
    key, body = str(uuid.uuid4()), {"name": "Once", "role": "viewer"}
    before = len(api.every("/v1/api-keys"))
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: _once(api, key, body, "/v1/api-keys"), range(8)))
    done = [answer for answer in answers if answer.status == 201]
    assert done and len({answer.body for answer in done}) == 1
    for answer in answers:
        if answer.status != 201:
            problem(answer, 409, "idempotency-in-progress")
    assert len(api.every("/v1/api-keys")) == before + 1
    api.call("DELETE", f"/v1/api-keys/{done[0].json()['id']}")


def test_no_item_of_the_table_holds_a_secret_of_an_answer(cloud: Cloud, api: Api) -> None:
    subscription = _once(api, str(uuid.uuid4()), _subscription()).json()
    made = _once(api, str(uuid.uuid4()), {"name": "Sealed", "role": "viewer"}, "/v1/api-keys").json()
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["TableName"])
    items = [item for page in pages for item in page["Items"]]
    sealed = [item for item in items if item["pk"]["S"].startswith("I#")]
    assert len(sealed) >= 2 and all(item["answer"]["B"] for item in sealed if item["ended"]["S"] == "answered")
    secrets = [subscription["signing_secret"], made["token"], cloud.admin_key()]
    for item in items:
        text = json.dumps(item, default=lambda value: bytes(value).decode("latin-1"))
        assert not any(secret in text for secret in secrets), item["pk"]
    api.call("DELETE", f"{PATH}/{subscription['id']}")
    api.call("DELETE", f"/v1/api-keys/{made['id']}")
