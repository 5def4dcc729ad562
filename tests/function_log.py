"""What a function logs: one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class FunctionLog:
    """The log file of one function, from where it was when this was made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start = path.stat().st_size if path.exists() else 0

    def text(self) -> str:
        """What was logged since."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read().decode(errors="replace")

    def lines(self, **fields: Any) -> list[dict[str, Any]]:
        """The objects logged since that have these fields."""
        found = []
        for line in self.text().splitlines():
            try:
                logged = json.loads(line)
            except ValueError:
                continue
            if isinstance(logged, dict) and all(logged.get(name) == value for name, value in fields.items()):
                found.append(logged)
        return found
