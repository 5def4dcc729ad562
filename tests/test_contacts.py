"""The contacts of a tenant, through the gateway: who is told of a subscription that has no contacts of its own.

They are the second tenant's, so that what other tests' mails go to does not depend on them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api import Api

from exchange import Answer, ask, problem
from second_tenant import SecondTenant

PATH = "/v1/contacts"


@pytest.fixture
def theirs(second_tenant: SecondTenant) -> Iterator[Api]:
    """The API, as admin of a tenant without contacts."""
    yield second_tenant.api
    second_tenant.api.call("PUT", PATH, {"contacts": []})


def _put(api: Api, *contacts: str, **headers: str) -> Answer:
    return ask(api, "PUT", PATH, {"contacts": list(contacts)}, **headers)


def test_contacts_are_replaced_and_are_the_tenants_own(api: Api, theirs: Api) -> None:
    mine = ask(api, "GET", PATH).json()
    put = _put(theirs, "owner@example.com", "ops@example.com")
    assert put.status == 200
    shown = ask(theirs, "GET", PATH)
    assert shown.json() == put.json()
    assert shown.json()["contacts"] == ["ops@example.com", "owner@example.com"]
    assert shown.headers["etag"] == put.headers["etag"] == f'"{shown.json()["revision"]}"'
    assert ask(api, "GET", PATH).json() == mine


def test_a_change_of_another_revision_is_refused(theirs: Api) -> None:
    before = _put(theirs, "first@example.com").headers["etag"]
    after = _put(theirs, "second@example.com", if_match=before)
    assert (after.status, after.headers["etag"] != before) == (200, True)
    problem(_put(theirs, "third@example.com", if_match=before), 412, "precondition-failed")
    assert ask(theirs, "GET", PATH).json()["contacts"] == ["second@example.com"]


def test_what_is_no_address_is_named(theirs: Api) -> None:
    document = problem(_put(theirs, "ops@example.com", "Ops <ops@example.com>"), 422, "invalid-fields")
    assert [error["pointer"] for error in document["errors"]] == ["/contacts/1"]
    document = problem(_put(theirs, *(f"{number}@example.com" for number in range(11))), 422, "invalid-fields")
    assert [error["pointer"] for error in document["errors"]] == ["/contacts"]
    assert ask(theirs, "GET", PATH).json()["contacts"] == []


@pytest.mark.parametrize(("scope", "may"), [("read", (200, 403)), ("write", (200, 403)), ("admin", (200, 200))])
def test_whoever_reads_sees_them_and_an_admin_changes_them(theirs: Api, scope: str, may: tuple[int, int]) -> None:
    made = theirs.call("POST", "/v1/api-keys", {"name": f"Only {scope}", "scopes": [scope]})
    with_it = Api(theirs.base, made["token"])
    assert (ask(with_it, "GET", PATH).status, _put(with_it, "ops@example.com").status) == may
    theirs.call("DELETE", f"/v1/api-keys/{made['id']}")
