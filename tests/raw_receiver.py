"""Receivers that misbehave on the wire: TLS by hand, and then whatever a test wants to send, or not to send."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from ca import Certificate

Behaviour = Callable[[ssl.SSLSocket, threading.Event], None]
"""What to do on a connection once the request has been read; the event is set when the receiver goes."""


class RawReceiver:
    """A TLS server on a free port of 127.0.0.1 that reads each request whole and then behaves. A context manager."""

    def __init__(self, certificate: Certificate, behave: Behaviour) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.chain, certificate.key)
        self._behave = behave
        self._going = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.requests = 0
        """Requests read."""

    @property
    def url(self) -> str:
        """Its URL."""
        return f"https://localhost:{self._listener.getsockname()[1]}/hook"

    def __enter__(self) -> RawReceiver:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._going.set()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        # A dispatcher that has had enough closes the connection in the middle: that is what most tests are about.
        with contextlib.suppress(OSError), self._context.wrap_socket(connection, server_side=True) as secured:
            _read_request(secured)
            self.requests += 1
            self._behave(secured, self._going)


def _read_request(connection: ssl.SSLSocket) -> None:
    with connection.makefile("rb") as stream:
        length = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        stream.read(length)


def redirect_to(url: str) -> Behaviour:
    """Answers that the thing is elsewhere."""

    def behave(connection: ssl.SSLSocket, _: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 302 Found\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n".encode())

    return behave


def drip(text: bytes) -> Behaviour:
    """Sends `text` and then a byte a second, for ever."""

    def behave(connection: ssl.SSLSocket, going: threading.Event) -> None:
        connection.sendall(text)
        while not going.wait(1):
            connection.sendall(b"x")

    return behave


def hang(connection: ssl.SSLSocket, going: threading.Event) -> None:
    """Says nothing."""
    going.wait()


def close(connection: ssl.SSLSocket, going: threading.Event) -> None:
    """Hangs up without an answer."""


def answer_megabytes(megabytes: int) -> Behaviour:
    """Answers 200 with so much."""

    def behave(connection: ssl.SSLSocket, _: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {megabytes << 20}\r\n\r\n".encode())
        for _ in range(megabytes):
            connection.sendall(b"m" * (1 << 20))

    return behave


def refusing_port() -> tuple[int, socket.socket]:
    """A port of 127.0.0.1 that refuses connections as long as the socket is kept: bound, and not listening."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound.getsockname()[1], bound
