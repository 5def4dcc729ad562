"""Size and start-up time of each function, measured on the release binaries alone: no emulator is inside.

A stub of Lambda's Runtime API stands in for Lambda. It notes when a function asks for its first invocation; `ingest` is
then given one that makes it call SQS once, over TLS, at a stub of that, and the processor time this takes is read from
the kernel.
"""

from __future__ import annotations

import argparse
import http.server
import io
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from ca import Authority  # noqa: E402
from cloud import FUNCTIONS, ROOT  # noqa: E402

_RUNS = 15
_SECONDS = 10.0
_GOALS = "goals: 10 MB, zip 4 MB, first poll 12 ms, first TLS call 5 ms of processor time"
# A topic that is refused: ingest then makes one request, to keep the message with its cause.
_INVOCATION = b'{"payload_base64": "e30=", "topic": "no/telemetry", "received_at_ms": 1770000000000}'


class _Stub(http.server.ThreadingHTTPServer):
    """An HTTP server on loopback that hands each request to a function."""

    daemon_threads = True

    def __init__(self, answer: Callable[[str, bytes], tuple[int, bytes, dict[str, str]]]) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:  # noqa: N802
                self._answer()

            def do_POST(self) -> None:  # noqa: N802
                self._answer()

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                status, text, headers = answer(self.path, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.handle_error = lambda *_: None  # type: ignore[method-assign]  # A function that is killed hangs up.
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Runtime:
    """Lambda's end of the Runtime API, for one process."""

    def __init__(self, invocation: bytes | None) -> None:
        self._invocations = [invocation] if invocation else []
        self.polled = threading.Event()
        self.measured = threading.Event()
        self.answered = threading.Event()
        self.polled_at = 0.0
        self.stub = _Stub(self._answer)

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        if not path.endswith("/invocation/next"):
            self.answered.set()
            return 202, b"", {}
        if not self.polled.is_set():
            self.polled_at = time.monotonic()
            self.polled.set()
        self.measured.wait()
        if not self._invocations:
            threading.Event().wait()
        headers = {
            "lambda-runtime-aws-request-id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "lambda-runtime-deadline-ms": str(int((time.time() + 60) * 1000)),
            "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:sizes",
        }
        return 200, self._invocations.pop(), headers


def _environment(runtime: _Runtime, endpoint: str, certificates: Path) -> dict[str, str]:
    """Everything a function wants to be set; nothing of it leads off this machine."""
    names = "TABLE_NAME STAGE EVENTS_QUEUE_URL HOLDS_QUEUE_URL INGEST_DEAD_QUEUE_URL RETRIES_QUEUE_URL"
    names += " EVENTS_DEAD_QUEUE_URL RETRIES_DEAD_QUEUE_URL SECRET_PREFIX ADMIN_KEY_SECRET_ARN"
    return dict.fromkeys(names.split(), f"{endpoint}/000000000000/sizes") | {
        "FIRST_TENANT": "default",
        "LOG_LEVEL": "error",
        "AWS_LAMBDA_RUNTIME_API": runtime.stub.address,
        "AWS_LAMBDA_FUNCTION_NAME": "sizes",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "sizes",
        "AWS_LAMBDA_LOG_STREAM_NAME": "sizes",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL": endpoint,
        "SSL_CERT_FILE": str(certificates),
    }


def _start(binary: Path, invocation: bytes | None, endpoint: str, certificates: Path) -> tuple[float, float]:
    """Starts a function once: milliseconds to its first poll, and of processor time for its first invocation."""
    runtime = _Runtime(invocation)
    environment = _environment(runtime, endpoint, certificates)
    began = time.monotonic()
    process = subprocess.Popen([binary], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        if not runtime.polled.wait(_SECONDS):
            process.kill()
            raise SystemExit(f"{binary} did not ask for an invocation:\n{process.communicate()[0].decode()}")
        before = _processor_ms(process.pid)
        runtime.measured.set()
        spent = 0.0
        if invocation:
            if not runtime.answered.wait(_SECONDS):
                raise SystemExit(f"{binary} did not answer its invocation")
            spent = _processor_ms(process.pid) - before
        return (runtime.polled_at - began) * 1000, spent
    finally:
        process.kill()
        process.wait()
        runtime.stub.shutdown()
        runtime.stub.server_close()


def _processor_ms(pid: int) -> float:
    """Processor time of all threads of a process, from the scheduler's own count in nanoseconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def _tls_stub(authority: Authority) -> tuple[_Stub, str]:
    """A stub of SQS over TLS."""
    stub = _Stub(lambda path, body: (200, b'{"MessageId": "1"}', {"content-type": "application/x-amz-json-1.0"}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = authority.server()
    context.load_cert_chain(files.chain, files.key)
    stub.socket = context.wrap_socket(stub.socket, server_side=True)
    return stub, f"https://localhost:{stub.server_address[1]}"


def _trusted(authority: Authority, directory: Path) -> Path:
    """The machine's own trusted certificates and the stub's: as many to read as in Lambda."""
    defaults = ssl.get_default_verify_paths()
    own = next((Path(file) for file in (defaults.cafile, "/etc/ssl/certs/ca-certificates.crt") if file), None)
    text = own.read_text() if own and own.exists() else ""
    file = directory / "trusted.pem"
    file.write_text(text + "\n" + authority.pem())
    return file


def _zipped(binary: Path) -> int:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(binary, "bootstrap")
    return len(buffer.getvalue())


def main() -> None:
    """Prints the table."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--binaries", type=Path, help="directory of the release binaries (default target/release)")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binaries = reader.parse_args().binaries or target / "release"
    authority = Authority(ROOT / ".local" / "ca")
    print(f"{_RUNS} starts each, median (min to max); {_GOALS}")
    print(f"{'function':<12}{'MB':>6}{'zip MB':>8}  {'first poll, ms':<24}{'processor, first TLS call, ms'}")
    with tempfile.TemporaryDirectory() as scratch:
        certificates = _trusted(authority, Path(scratch))
        stub, endpoint = _tls_stub(authority)
        for function in FUNCTIONS:
            invocation = _INVOCATION if function == "ingest" else None
            runs = [_start(binaries / function, invocation, endpoint, certificates) for _ in range(_RUNS)]
            size, zipped = (binaries / function).stat().st_size / 1e6, _zipped(binaries / function) / 1e6
            polls, spent = [run[0] for run in runs], [run[1] for run in runs]
            tls = _spread(spent) if invocation else ""
            print(f"{function:<12}{size:>6.1f}{zipped:>8.1f}  {_spread(polls):<24}{tls}", flush=True)
        stub.shutdown()
        stub.server_close()


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
