"""Secrets are where they belong and nowhere else: not in an answer, a log, an error or an item of the table."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from api import Api
from cloud import FUNCTIONS, Cloud
from receiver import Arrival

from exchange import ask
from function_log import FunctionLog
from scene import Scene, Subscription

PASSWORD = "Pa55word-kq83"
TOKEN = "Tok3n-zv17-secret"
KEY = "H3ader-value-mm42"
ROTATED = "R0tated-token-pp90"
CUSTOM = "Cust0m-header-tt11"
REFUSED = "Refus3d-value-ww55"


def _refuse_first(arrival: Arrival) -> tuple[int, bytes]:
    """Refuses the first attempt, and echoes what it came with: receivers do, and what they answer is kept and shown."""
    echo = json.dumps(arrival.headers).encode()
    return (500, echo) if arrival.headers["spacehook-attempt"] == "1" else (204, b"")


class Told:
    """The API, and everything that it answered."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.text = ""

    def ask(self, method: str, path: str, body: Any = None) -> None:
        """Asks, and keeps the answer with its headers."""
        answer = ask(self._api, method, path, body)
        self.text += f"{method} {path}: {answer.status} {json.dumps(answer.headers)} {answer.body.decode()}\n"


@pytest.fixture
def subscriptions(scene: Scene) -> list[Subscription]:
    """One of each kind of authentication, all of which have delivered, and failed to."""
    custom = {"X-Custom": CUSTOM}
    made = [
        scene.subscribe("basic", auth={"type": "basic", "username": "user", "password": PASSWORD}, answer=_refuse_first),
        scene.subscribe(
            "bearer", auth={"type": "bearer", "token": TOKEN}, custom_headers=custom, answer=_refuse_first
        ),
        scene.subscribe("header", auth={"type": "custom_header", "name": "x-key", "value": KEY}, answer=_refuse_first),
    ]
    made[1].patch(auth={"token": ROTATED})
    scene.publish(scene.reading(1, count=1))
    for subscription in made:
        assert "[redacted]" in subscription.recorded(1)[-1]["answer"]
    assert made[0].arrivals()[0].headers["authorization"].startswith("Basic ")
    assert made[1].arrivals()[0].headers["authorization"] == f"Bearer {ROTATED}"
    assert made[2].arrivals()[0].headers["x-key"] == KEY
    return made


@pytest.fixture
def secrets(subscriptions: list[Subscription], api: Api) -> list[str]:
    """Everything that is secret, in every form in which it could leak."""
    plain = [PASSWORD, TOKEN, KEY, ROTATED, CUSTOM, REFUSED, str(api.key)]
    signing = [subscription.secret.removeprefix("whsec_") for subscription in subscriptions]
    assert all(len(secret) >= 32 for secret in signing)
    pair = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    return [*plain, *signing, pair, *(base64.b64encode(one.encode()).decode().rstrip("=") for one in plain)]


def _items(cloud: Cloud) -> Iterator[str]:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["TableName"])
    for page in pages:
        for item in page["Items"]:
            yield json.dumps(item, default=repr)


def _everything_asked(api: Api, subscriptions: list[Subscription]) -> str:
    told = Told(api)
    told.ask("GET", "/v1/subscriptions?limit=100")
    told.ask("GET", "/v1/api-keys")
    for subscription in subscriptions:
        for path in ("", "/attempts", "/stats"):
            told.ask("GET", subscription.path + path)
        told.ask("PATCH", subscription.path, {"description": "changed"})
        told.ask("POST", f"{subscription.path}/disable")
        told.ask("POST", f"{subscription.path}/enable")
    path = subscriptions[1].path
    told.ask("PATCH", path, {"auth": {"token": f"{REFUSED}\r\nx: y"}})
    told.ask("PATCH", path, {"auth": {"type": "basic", "username": "a:b", "password": REFUSED, "token": REFUSED}})
    told.ask("PATCH", path, {"custom_headers": {"x-custom": f"{REFUSED}\n", "webhook-id": REFUSED}})
    told.ask("PATCH", path, {"auth": REFUSED})
    told.ask("PATCH", path, {"auth": {"type": REFUSED}})
    told.ask("PATCH", path, {"custom_headers": {"X-Custom": [REFUSED]}})
    return told.text


def test_no_answer_of_the_api_has_a_secret(api: Api, subscriptions: list[Subscription], secrets: list[str]) -> None:
    text = _everything_asked(api, subscriptions)
    assert '"credentials_set":true' in text.replace(" ", "") and text.count(": 422 ") == 6
    assert [secret for secret in secrets if secret in text] == []


def test_the_answer_to_a_creation_has_the_signing_secret_alone(scene: Scene) -> None:
    body = {
        "name": scene.name,
        "url": "https://example.com/",
        "event_types": ["space_report"],
        "enabled": False,
        "auth": {"type": "basic", "username": "user", "password": PASSWORD},
        "custom_headers": {"X-Custom": CUSTOM},
    }
    answer = ask(scene.api, "POST", "/v1/subscriptions", body)
    assert answer.status == 201 and answer.json()["signing_secret"].startswith("whsec_")
    assert PASSWORD not in answer.body.decode() and CUSTOM not in answer.body.decode()
    assert answer.json()["custom_headers"] == {"x-custom": {"set": True}}
    scene.api.call("DELETE", f"/v1/subscriptions/{answer.json()['id']}")


def test_no_item_of_the_table_has_a_secret(cloud: Cloud, secrets: list[str]) -> None:
    items = list(_items(cloud))
    assert len(items) > 10
    assert [(secret, item) for item in items for secret in secrets if secret in item] == []


def test_a_key_is_kept_as_a_hash_alone(cloud: Cloud, api: Api) -> None:
    made = api.call("POST", "/v1/api-keys", {"name": "Hashed", "scopes": ["read"]})
    secret = made["token"].removeprefix(f"shk_{made['id']}_")
    assert len(secret) == 43
    kept = [item for item in _items(cloud) if made["id"] in item]
    assert len(kept) == 2 and all(secret not in item for item in kept)
    assert secret not in json.dumps(api.every("/v1/api-keys"))
    api.call("DELETE", f"/v1/api-keys/{made['id']}")


def test_no_function_logs_a_secret_or_a_payload(
    cloud: Cloud, api: Api, subscriptions: list[Subscription], secrets: list[str]
) -> None:
    _everything_asked(api, subscriptions)
    logs = {function: FunctionLog(cloud.function_log(function)) for function in FUNCTIONS}
    for log in logs.values():
        log.start = 0
    text = {function: log.text() for function, log in logs.items()}
    assert all(text[function] for function in ("ingest", "dispatcher", "api"))
    assert [(function, secret) for function in text for secret in secrets if secret in text[function]] == []
    for function in FUNCTIONS:
        # A payload in a log line is a text in JSON: its quotes are escaped there.
        assert not re.search(r'person_count\\*"\s*:', text[function]) and "whsec_" not in text[function], function
