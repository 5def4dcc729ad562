"""Waiting for conditions, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Generous, since a loaded machine must not fail a test; what has to be quick is measured by its own test.
PATIENCE_SECONDS = 20.0


def until(look: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Looks again and again until there is something true, and returns it. Fails the test, saying what is missing."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"within {seconds:g} s not seen: {what}")
        time.sleep(0.03)
