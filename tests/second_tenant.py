"""A tenant beside the first one, made as the operator makes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from api import Api, Problem
from cloud import Cloud


@dataclass(frozen=True)
class SecondTenant:
    """The tenant's name, and the API with an admin key of it."""

    name: str
    api: Api


def found(cloud: Cloud, operator: Api, name: str = "globex") -> SecondTenant:
    """Makes the tenant, unless it is there, and a key of its owner."""
    _make(operator, name)
    key = operator.call("POST", f"/v1/tenants/{name}/api-keys", {"name": "Owner", "role": "owner"})
    return SecondTenant(name, Api(cloud.api_url, key["token"]))


def key_of(operator: Api, name: str, scopes: Iterable[str]) -> str:
    """The text of a new key with these scopes, of this tenant, which is made unless it is there."""
    _make(operator, name)
    wanted = {"name": "Of a test", "scopes": sorted(scopes)}
    return str(operator.call("POST", f"/v1/tenants/{name}/api-keys", wanted)["token"])


def _make(operator: Api, name: str) -> None:
    try:
        operator.call("POST", "/v1/tenants", {"id": name, "name": name.title()})
    except Problem as problem:
        if problem.document["type"] != "/problems/tenant-exists":
            raise
