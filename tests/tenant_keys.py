"""Keys of any tenant and of any scopes, whoever may make them through the API.

A key that the API made for the first tenant is put anew under another tenant, name and hash, as `second_tenant.py` does.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any

from api import Api
from cloud import Cloud


def key(cloud: Cloud, first: Api, tenant: str, scopes: Iterable[str]) -> str:
    """The text of a new key of this tenant with these scopes."""
    pattern = first.call("POST", "/v1/api-keys", {"name": "Pattern", "scopes": list(scopes)})
    id = secrets.token_hex(8)
    token = f"shk_{id}_{secrets.token_urlsafe(32)}"
    hashed: Any = {"L": [{"N": str(byte)} for byte in hashlib.sha256(token.encode()).digest()]}
    table, name = cloud.client("dynamodb"), cloud.outputs["TableName"]
    found = table.get_item(TableName=name, Key={"pk": {"S": f"K#{pattern['id']}"}, "sk": {"S": "KEY"}})["Item"]
    assert found["hash"].keys() == hashed.keys(), "the form in which hashes are kept has changed"
    found |= {"pk": {"S": f"K#{id}"}, "id": {"S": id}, "tenant": {"S": tenant}, "hash": hashed}
    table.put_item(TableName=name, Item=found)
    first.call("DELETE", f"/v1/api-keys/{pattern['id']}")
    return token
