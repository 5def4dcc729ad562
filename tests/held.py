"""A receiver in whose hands a request is when the dispatcher dies."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from cloud import Cloud
from receiver import Arrival

import function_processes


@dataclass
class Held:
    """A receiver that accepts, holds one request until the dispatcher is dead, and accepts from then on."""

    sequence: int
    seen: list[Arrival] = field(default_factory=list)
    in_hand: threading.Event = field(default_factory=threading.Event)
    killed: threading.Event = field(default_factory=threading.Event)
    before: int = 0
    """What had been seen when it was killed."""

    def __call__(self, arrival: Arrival) -> tuple[int, bytes]:
        self.seen.append(arrival)
        if arrival.sequence >= self.sequence and not self.killed.is_set():
            self.in_hand.set()
            self.killed.wait(30)
        return 204, b""

    def kill(self, cloud: Cloud) -> None:
        """Kills every dispatcher, with that request in hand."""
        assert self.in_hand.wait(20), f"delivery {self.sequence} never came"
        assert function_processes.kill(cloud, "dispatcher") >= 1
        self.before = len(self.seen)
        self.killed.set()

    def sequences(self) -> list[int]:
        """What has come, in its order."""
        return [one.sequence for one in self.seen]
