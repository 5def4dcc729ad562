"""A tenant beside the first one.

Keys belong to a tenant, and the API makes keys of the caller's own tenant only. So the first key of another one is
put where the API would put it: a copy of a key that the API made, with another tenant, name and hash.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from api import Api
from cloud import Cloud


@dataclass(frozen=True)
class SecondTenant:
    """The tenant's name, and the API with an admin key of it."""

    name: str
    api: Api


def found(cloud: Cloud, first: Api, name: str = "globex") -> SecondTenant:
    """Makes the tenant."""
    pattern = first.call("POST", "/v1/api-keys", {"name": "Pattern", "scopes": ["admin"]})
    id = secrets.token_hex(8)
    # As long as a key that the API makes: 43 characters after its id.
    token = f"shk_{id}_{secrets.token_urlsafe(32)}"
    hashed: Any = {"L": [{"N": str(byte)} for byte in hashlib.sha256(token.encode()).digest()]}
    table = cloud.client("dynamodb")
    key = {"pk": {"S": f"K#{pattern['id']}"}, "sk": {"S": "KEY"}}
    item = table.get_item(TableName=cloud.outputs["TableName"], Key=key)["Item"]
    assert item["hash"].keys() == hashed.keys(), "the form in which hashes are kept has changed"
    item |= {"pk": {"S": f"K#{id}"}, "id": {"S": id}, "tenant": {"S": name}, "hash": hashed}
    table.put_item(TableName=cloud.outputs["TableName"], Item=item)
    first.call("DELETE", f"/v1/api-keys/{pattern['id']}")
    return SecondTenant(name, Api(first.base, token))
