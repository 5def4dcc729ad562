"""A receiver of webhooks: real HTTPS on loopback, which checks and remembers what arrives.

Signatures are verified with the `standardwebhooks` package: other people's code in another language.
"""

from __future__ import annotations

import http.server
import json
import socketserver
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from ca import Certificate


@dataclass(frozen=True)
class Arrival:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    """`time.monotonic()` when its body was read."""
    verdicts: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)
    """What verifying it with a secret said the first time: a signature is good for five minutes only."""

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def event_id(self) -> str:
        """The id that is the same in every attempt of a delivery."""
        return self.headers["webhook-id"]

    @property
    def sequence(self) -> int:
        """The event's place in the history of its space."""
        return int(self.headers["spacehook-sequence"])

    def is_signed_with(self, *secrets: str) -> bool:
        """Whether its signature verifies with one of these secrets, as of the first time that was asked."""
        return any(self._verifies(secret) for secret in secrets)

    def _verifies(self, secret: str) -> bool:
        if secret not in self.verdicts:
            try:
                Webhook(secret).verify(self.body, self.headers)
                self.verdicts[secret] = True
            except WebhookVerificationError:
                self.verdicts[secret] = False
        return self.verdicts[secret]


@dataclass
class Inbox:
    """What arrived at one path, and how it is answered."""

    answer: Callable[[Arrival], tuple[int, bytes]] = lambda _: (204, b"")
    arrivals: list[Arrival] = field(default_factory=list)


class Receiver:
    """An HTTPS server on 127.0.0.1, with an inbox a path. A context manager."""

    def __init__(self, certificate: Certificate, port: int = 0) -> None:
        """Binds the port (0: a free one); serves from `__enter__` on."""
        self._changed = threading.Condition()
        self._inboxes: dict[str, Inbox] = {}
        self._server = _Server(("127.0.0.1", port), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        self._server.context = context
        self.port: int = self._server.server_address[1]

    def url(self, path: str) -> str:
        """Where a subscription sends to, for the inbox at `path`."""
        return f"https://localhost:{self.port}{path}"

    def inbox(self, path: str, answer: Callable[[Arrival], tuple[int, bytes]] | None = None) -> Inbox:
        """The inbox at `path`; made if there is none. `answer` gives status and body (default 204)."""
        with self._changed:
            inbox = self._inboxes.setdefault(path, Inbox())
            if answer is not None:
                inbox.answer = answer
            return inbox

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Waits until the condition holds, looking after each arrival. Whether it does in the end."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def _take(self, arrival: Arrival) -> tuple[int, bytes]:
        inbox = self._inboxes.get(arrival.path)
        if inbox is None:
            return 404, b"no inbox here"
        status, body = inbox.answer(arrival)
        with self._changed:
            inbox.arrivals.append(arrival)
            self._changed.notify_all()
        return status, body

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
    context: ssl.SSLContext

    def get_request(self) -> tuple[Any, Any]:
        # The handshake is made in the connection's own thread: who hangs in it hangs alone.
        connection, address = self.socket.accept()
        wrapped = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away in the middle is not news here.
        pass


def _handler(receiver: Receiver) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60

        def do_POST(self) -> None:  # noqa: N802 (the base class names it so)
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = receiver._take(Arrival(self.path, headers, body, time.monotonic()))
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
