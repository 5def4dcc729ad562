"""A receiver that can be killed, and comes back at the same address: a process of its own.

    python mortal_receiver.py PORT CHAIN KEY JOURNAL

It accepts everything. What arrives goes into the journal, one JSON object a line, before it is answered.
"""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "infra" / "local")]

from ca import Certificate  # noqa: E402
from receiver import Arrival, Receiver  # noqa: E402

from waiting import until  # noqa: E402

# Below those that the system gives to outgoing connections: one of these must not take the dead receiver's.
_PORTS = range(20_000, 30_000)


class MortalReceiver:
    """The process, seen from the test. A context manager; it lives from the beginning."""

    def __init__(self, certificate: Certificate, journal: Path) -> None:
        self._certificate = certificate
        self._journal = journal
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, path: str) -> str:
        """Where a subscription sends to."""
        return f"https://localhost:{self._port}{path}"

    def live(self) -> None:
        """Starts it, and waits until it answers."""
        command = [__file__, str(self._port), str(self._certificate.chain), str(self._certificate.key)]
        self._process = subprocess.Popen([sys.executable, *command, str(self._journal)], stdin=subprocess.PIPE)
        until(self._listens, "the receiver's port")

    def die(self) -> None:
        """Kills it: connections are reset, and new ones refused."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def arrivals(self, path: str) -> list[Arrival]:
        """What arrived there so far, in all its lives."""
        if not self._journal.exists():
            return []
        # The line that it was writing when it died is not whole: that request was not answered.
        lines = self._journal.read_text().split("\n")[:-1]
        found = [json.loads(line) for line in lines]
        return [
            Arrival(one["path"], one["headers"], one["body"].encode(), one["at"])
            for one in found
            if one["path"] == path
        ]

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def __enter__(self) -> MortalReceiver:
        self.live()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()


def _free_port() -> int:
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")


class _Journal(Receiver):
    """The receiver in its own process."""

    def __init__(self, port: int, certificate: Certificate, journal: Path) -> None:
        super().__init__(certificate, port)
        self._file = journal.open("a")
        self._writing = threading.Lock()

    def _take(self, arrival: Arrival) -> tuple[int, bytes]:
        line = {"path": arrival.path, "headers": arrival.headers, "body": arrival.body.decode(), "at": arrival.at}
        with self._writing:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        return 204, b""


def main() -> None:
    """The process: until it is killed, or whoever started it is gone."""
    port, chain, key, journal = sys.argv[1:]
    with _Journal(int(port), Certificate(Path(chain), Path(key)), Path(journal)):
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
