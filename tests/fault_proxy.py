"""Faults between a function and AWS: the microburst proxy in front of the emulator.

Its faults have the form that AWS gives them, so that the SDK in the function does what it does on AWS.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloud import Cloud

import function_settings
from waiting import until

_PROCESS = Path(__file__).with_name("fault_proxy_process.py")

Rule = dict[str, Any]
"""One fault, in microburst's words. Of several that fit a request, the first counts."""


class FaultProxy:
    """The proxy, which lets everything through until it is told otherwise. A context manager."""

    def __init__(self, cloud: Cloud, log: Path) -> None:
        self._upstream = cloud.endpoint
        self._log = log
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        """What is AWS to whoever is to have the faults."""
        self._process: subprocess.Popen[bytes] | None = None

    def inject(self, *rules: Rule) -> None:
        """These faults from now on, instead of those of before; none ends them."""
        self._ask("rules", list(rules))

    def fired(self) -> Counter[str]:
        """How many faults there were so far, by operation."""
        counts: Counter[str] = Counter()
        for fault in self._ask("fired?limit=100000"):
            counts[fault["operation"]] += 1
        return counts

    def _ask(self, what: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}/_microburst/{what}", data, timeout=10) as answer:
            return json.load(answer)

    def _is_up(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(self._ask("health"))
        return False

    def __enter__(self) -> FaultProxy:
        with self._log.open("wb") as log:
            command = [str(_PROCESS), "--upstream", self._upstream, "--port", str(self.port)]
            self._process = subprocess.Popen([sys.executable, *command], stdout=log, stderr=subprocess.STDOUT)
        until(self._is_up, "the proxy")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def between(cloud: Cloud, function: str, log: Path) -> Iterator[FaultProxy]:
    """A proxy between a function of this cloud and the emulator, as long as the block lasts."""
    with FaultProxy(cloud, log) as proxy, function_settings.changed(cloud, function, AWS_ENDPOINT_URL=proxy.url):
        yield proxy
