"""Subscriptions whose receivers fail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from queue_counts import lose_timers
from scene import Scene, Subscription

ANSWER = b"<script>alert('hook')</script>"
# The API has four invocations at once here.
_CALLERS = 4


def subscriptions(scene: Scene, count: int, **fields: Any) -> list[Subscription]:
    """So many subscriptions, each of which has failed once, and is not tried again by itself: its counts stay."""

    def subscribe(number: int) -> Subscription:
        return scene.subscribe(f"subject-{number}", answer=lambda _: (500, ANSWER), **fields)

    with ThreadPoolExecutor(_CALLERS) as callers:
        subjects = list(callers.map(subscribe, range(count)))
        scene.publish(scene.reading(1, count=1))
        list(callers.map(lambda one: one.recorded(1), subjects))
    lose_timers(scene.cloud)
    return subjects
