"""The management API, as a person or a script uses it: plain HTTP and JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any


class Problem(Exception):
    """The API refused: an RFC 9457 problem."""

    def __init__(self, status: int, document: Any) -> None:
        super().__init__(f"HTTP {status}: {json.dumps(document)}")
        self.status = status
        self.document = document


class Api:
    """The API at a base URL, with a key (or none)."""

    def __init__(self, base: str, key: str | None) -> None:
        self.base = base
        self.key = key

    def call(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json", **headers: str
    ) -> Any:
        """Makes a request and returns the JSON of its answer (None where it has none). Raises Problem on 4xx and 5xx."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        if self.key is not None:
            request.add_header("authorization", f"Bearer {self.key}")
        if data is not None:
            request.add_header("content-type", content_type)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                document = json.loads(text)
            except ValueError:
                document = text.decode(errors="replace")
            raise Problem(error.code, document) from None
        return json.loads(text) if text else None

    def every(self, path: str) -> list[Any]:
        """All items of a list, page after page."""
        items: list[Any] = []
        cursor = ""
        while True:
            mark = "&" if "?" in path else "?"
            page = self.call("GET", f"{path}{mark}limit=100{cursor}")
            items += page["data"]
            if page["next_cursor"] is None:
                return items
            cursor = "&cursor=" + urllib.parse.quote(page["next_cursor"])
