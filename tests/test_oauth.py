"""OAuth 2.0 client credentials against a real authorization server, and secrets that their user keeps by themselves."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from api import Api
from cloud import Cloud
from receiver import Arrival

from exchange import ask
from oauth_server import OAuthServer
from scene import Scene, Subscription
from waiting import until

SECRET = "cl1ent-s3cret-hx52"
DELIVERIES = 25


@pytest.fixture(scope="module")
def _server(cloud: Cloud) -> Iterator[OAuthServer]:
    with OAuthServer(cloud.authority.server()) as started:
        yield started


@pytest.fixture
def oauth(_server: OAuthServer) -> OAuthServer:
    """The server, as if it had just been started."""
    _server.down = False
    for kept in (_server.clients, _server.tokens, _server.issued, _server.forms, _server.answers):
        kept.clear()
    return _server


def _auth(oauth: OAuthServer, **more: Any) -> dict[str, Any]:
    return {
        "type": "oauth2_client_credentials",
        "token_url": oauth.url,
        "client_id": "kiosk",
        "client_secret": SECRET,
        **more,
    }


def _publish(scene: Scene, count: int, first: int = 1) -> None:
    # In one message: of several the later may be taken in first, and what is older then gives no event.
    scene.publish([scene.reading(minute, count=minute) for minute in range(first, first + count)])


def test_one_token_serves_many_deliveries(scene: Scene, oauth: OAuthServer) -> None:
    oauth.client("kiosk", SECRET)
    subscription = scene.subscribe(auth=_auth(oauth), answer=oauth.protected)
    assert subscription.get()["auth"] == {"type": "oauth2_client_credentials", "credentials_set": True}
    _publish(scene, 1)
    subscription.wait(1)
    # From here on there is a dispatcher that has the token; another one that is started has its own.
    _publish(scene, DELIVERIES - 1, first=2)
    arrivals = subscription.wait(DELIVERIES)
    assert len(arrivals) == DELIVERIES and all(arrival.is_signed_with(subscription.secret) for arrival in arrivals)
    tokens = [arrival.headers["authorization"].removeprefix("Bearer ") for arrival in arrivals]
    assert set(tokens) == set(oauth.issued), "every token that was asked for is used"
    assert len(oauth.issued) <= 3 < DELIVERIES, f"{len(oauth.issued)} tokens for {DELIVERIES} deliveries"
    assert set(oauth.answers) == {200}
    assert all(form == {"grant_type": "client_credentials"} for form in oauth.forms), "id and secret are in the header"
    assert all(attempt["accepted"] for attempt in subscription.recorded(DELIVERIES))


def test_id_secret_and_parameters_are_in_the_body_if_wanted(scene: Scene, oauth: OAuthServer) -> None:
    secret = "of many kinds: +&=%/ ~"
    oauth.client("kiosk", secret, scope="hooks.read hooks.write", method="client_secret_post")
    auth = _auth(
        oauth,
        client_secret=secret,
        scope="hooks.write hooks.read",
        audience="https://api.example.com/é",
        auth_style="body",
        parameters={"resource": "urn:a&b"},
    )
    subscription = scene.subscribe(auth=auth, answer=oauth.protected)
    _publish(scene, 1)
    assert oauth.accepts(subscription.wait(1)[0])
    assert oauth.forms == [
        {
            "grant_type": "client_credentials",
            "client_id": "kiosk",
            "client_secret": secret,
            "scope": "hooks.write hooks.read",
            "audience": "https://api.example.com/é",
            "resource": "urn:a&b",
        }
    ]


def test_a_secret_of_any_characters_survives_the_header(scene: Scene, oauth: OAuthServer) -> None:
    secret = "of many kinds: +&=%/ ~"
    oauth.client("ki:osk", secret)
    auth = _auth(oauth, client_id="ki:osk", client_secret=secret)
    subscription = scene.subscribe(auth=auth, answer=oauth.protected)
    _publish(scene, 1)
    assert oauth.accepts(subscription.wait(1)[0])


def test_a_token_that_was_taken_back_is_renewed_within_the_attempt(scene: Scene, oauth: OAuthServer) -> None:
    oauth.client("kiosk", SECRET)
    subscription = scene.subscribe(auth=_auth(oauth), answer=oauth.protected)
    _publish(scene, 1)
    subscription.wait(1)
    oauth.revoke_all()
    before = len(oauth.issued)
    _publish(scene, 1, first=2)
    _, refused, accepted = subscription.wait(3)[:3]
    assert not _in_force(oauth, refused) and _in_force(oauth, accepted)
    assert refused.event_id == accepted.event_id and refused.body == accepted.body
    assert [one.headers["spacehook-attempt"] for one in (refused, accepted)] == ["1", "1"]
    assert len(oauth.issued) - before == 1
    attempts = subscription.recorded(2)
    assert [(one["number"], one["accepted"]) for one in attempts] == [(1, True), (1, True)]


def _in_force(oauth: OAuthServer, arrival: Arrival) -> bool:
    return arrival.headers["authorization"].removeprefix("Bearer ") in oauth.tokens


def test_a_wrong_secret_says_so_and_mending_it_delivers(scene: Scene, oauth: OAuthServer) -> None:
    oauth.client("kiosk", SECRET)
    subscription = scene.subscribe(auth=_auth(oauth, client_secret="wr0ng-s3cret-qq"), answer=oauth.protected)
    _publish(scene, 1)
    [attempt] = subscription.recorded(1)
    assert attempt["reason"]["key"] == "oauth_error_invalid_client"
    assert attempt["reason"]["text"] == "OAuth token: refused with invalid_client"
    assert attempt["status"] is None and subscription.arrivals() == []
    stats = until(lambda: (now := subscription.stats())["totals"]["failures"] and now, "the failure counted")
    assert "oauth_error_invalid_client" in json.dumps(stats)
    subscription.patch(auth={"client_secret": SECRET})
    [arrival] = subscription.wait(1)
    assert oauth.accepts(arrival) and arrival.json()["person_count"] == 1


def test_a_server_that_is_down_is_not_hammered(scene: Scene, oauth: OAuthServer) -> None:
    oauth.client("kiosk", SECRET)
    oauth.down = True
    subscriptions = [scene.subscribe(f"s{n}", auth=_auth(oauth), answer=oauth.protected) for n in range(2)]
    # One batch brings many deliveries of each, and each is attempted or kept; none needs a request of its own.
    _publish(scene, 10)
    for subscription in subscriptions:
        assert subscription.recorded(1)[0]["reason"]["key"] == "oauth_http_503"
    assert len(oauth.answers) < 10
    oauth.down = False
    for subscription in subscriptions:
        assert oauth.accepts(subscription.wait(1)[0])


def test_a_token_url_is_guarded_like_a_receivers(scene: Scene, oauth: OAuthServer) -> None:
    def refused(url: str) -> dict[str, Any]:
        body = {"name": scene.name, "url": "https://example.com/", "event_types": ["space_report"]}
        answer = ask(scene.api, "POST", "/v1/subscriptions", body | {"auth": _auth(oauth, token_url=url)})
        assert answer.status == 422, answer.body
        [error] = answer.json()["errors"]
        return error

    for url, rule in [
        ("http://login.example.com/", "not_https"),
        ("https://169.254.169.254/", "link_local"),
        ("https://10.0.0.1/token", "private_network"),
    ]:
        assert (refused(url)["pointer"], refused(url)["rule"]) == ("/auth/token_url", rule)


def test_no_answer_and_no_item_has_a_client_secret_or_a_token(
    cloud: Cloud, api: Api, scene: Scene, oauth: OAuthServer
) -> None:
    oauth.client("kiosk", SECRET)

    def echo(arrival: Arrival) -> tuple[int, bytes]:
        return 500, json.dumps(arrival.headers).encode()

    subscription = scene.subscribe(auth=_auth(oauth), answer=echo)
    _publish(scene, 1)
    [attempt] = subscription.recorded(1)[:1]
    assert "Bearer [redacted]" in attempt["answer"]
    shown = json.dumps([subscription.get(), subscription.attempts(), api.call("GET", "/v1/subscriptions?limit=100")])
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["TableName"])
    kept = json.dumps([page["Items"] for page in pages], default=repr)
    logged = cloud.function_log("dispatcher").read_text() + cloud.function_log("api").read_text()
    for secret in (SECRET, *oauth.issued):
        assert secret not in shown and secret not in kept and secret not in logged


# --- secrets of the user's own ---


@pytest.fixture
def own_secret(cloud: Cloud, scene: Scene) -> Iterator[OwnSecret]:
    """A secret that the test keeps in Secrets Manager, tagged for its tenant."""
    secret = OwnSecret(cloud, scene.tenant)
    yield secret
    secret.delete()


class OwnSecret:
    """A secret in Secrets Manager."""

    def __init__(self, cloud: Cloud, tenant: str) -> None:
        self._secrets = cloud.client("secretsmanager")
        tags = [{"Key": "spacehook-stage", "Value": cloud.parameters["Stage"]}, {"Key": "spacehook-tenant", "Value": tenant}]
        made = self._secrets.create_secret(Name=f"receivers/{uuid.uuid4().hex}", SecretString="{}", Tags=tags)
        self.arn: str = made["ARN"]

    @property
    def auth(self) -> dict[str, str]:
        """As a subscription points at it."""
        return {"type": "own_secret", "secret_arn": self.arn}

    def put(self, **content: Any) -> None:
        """Rotates it."""
        self._secrets.put_secret_value(SecretId=self.arn, SecretString=json.dumps(content))

    def delete(self) -> None:
        """Deletes it."""
        self._secrets.delete_secret(SecretId=self.arn, ForceDeleteWithoutRecovery=True)


class Gate:
    """A receiver's answer that accepts one token."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, arrival: Arrival) -> tuple[int, bytes]:
        return (204 if arrival.headers.get("authorization") == f"Bearer {self.token}" else 401), b""


def _tokens(subscription: Subscription, count: int) -> list[str]:
    return [one.headers["authorization"].removeprefix("Bearer ") for one in subscription.wait(count)]


def test_a_rotation_of_ones_own_secret_loses_and_delays_nothing(scene: Scene, own_secret: OwnSecret) -> None:
    gate = Gate("first-t0ken")
    own_secret.put(token="first-t0ken")
    subscription = scene.subscribe(auth=own_secret.auth, answer=gate)
    assert subscription.get()["auth"] == {**own_secret.auth, "credentials_set": True}
    _publish(scene, 1)
    assert _tokens(subscription, 1) == ["first-t0ken"]
    # The secret is first: what is kept is still accepted.
    own_secret.put(type="bearer", token="second-t0ken")
    _publish(scene, 1, first=2)
    assert _tokens(subscription, 2)[-1] == "first-t0ken"
    # Then the receiver: what is kept is refused, and the present one is read and sent within the same attempt.
    gate.token = "second-t0ken"
    _publish(scene, 1, first=3)
    assert _tokens(subscription, 4)[2:] == ["first-t0ken", "second-t0ken"]
    # The receiver is first the next time, and the secret is put while its delivery waits for the first retry.
    gate.token = "third-t0ken"
    _publish(scene, 1, first=4)
    subscription.recorded(4)
    own_secret.put(token="third-t0ken")
    until(lambda: "third-t0ken" in _tokens(subscription, 4), "the token that was put last")
    attempts = subscription.recorded(5)
    assert [(one["number"], one["accepted"]) for one in attempts] == [
        (1, True),
        (1, True),
        (1, True),
        (1, False),
        (2, True),
    ]


def test_a_receiver_that_follows_late_gets_what_was_before(
    cloud: Cloud, scene: Scene, own_secret: OwnSecret
) -> None:
    own_secret.put(username="user", password="0ld-passw0rd")
    own_secret.put(username="user", password="new-passw0rd")
    pair = "Basic dXNlcjowbGQtcGFzc3cwcmQ="

    def late(arrival: Arrival) -> tuple[int, bytes]:
        return (204 if arrival.headers.get("authorization") == pair else 403), b""

    subscription = scene.subscribe(auth=own_secret.auth, answer=late)
    _publish(scene, 1)
    refused, accepted = subscription.wait(2)[:2]
    assert (refused.headers["authorization"] == pair, accepted.headers["authorization"]) == (False, pair)
    assert [(one["number"], one["accepted"]) for one in subscription.recorded(1)] == [(1, True)]


def test_ones_own_oauth_client_gets_its_tokens(scene: Scene, own_secret: OwnSecret, oauth: OAuthServer) -> None:
    oauth.client("kiosk", SECRET)
    own_secret.put(**_auth(oauth))
    subscription = scene.subscribe(auth=own_secret.auth, answer=oauth.protected)
    _publish(scene, 1)
    assert oauth.accepts(subscription.wait(1)[0])


def test_a_secret_that_can_not_be_used_says_why(cloud: Cloud, scene: Scene, own_secret: OwnSecret) -> None:
    others = OwnSecret(cloud, "another-tenant")
    others.put(token="n0t-yours-aa11")
    gone = OwnSecret(cloud, scene.tenant)
    gone.delete()
    subscriptions = {
        "credentials_own_secret_unreadable": scene.subscribe("unreadable", auth=own_secret.auth),
        "credentials_own_secret_denied": scene.subscribe("denied", auth=others.auth),
        "credentials_own_secret_missing": scene.subscribe("missing", auth=gone.auth),
    }
    try:
        _publish(scene, 1)
        for key, subscription in subscriptions.items():
            assert subscription.recorded(1)[0]["reason"]["key"] == key
            assert subscription.arrivals() == []
    finally:
        others.delete()
