"""Runs ministack, the emulator of AWS, with what Spacehook has to mend in it.

cloud.py starts this file as a process of its own and holds the other end of its standard input: when that end
closes, for whatever reason, this process saves its state, ends the functions and goes. Everything it listens on is
on 127.0.0.1. Each mend below says what it is for; infra/local/README.md has the measurements.
"""

from __future__ import annotations

import functools
import os
import signal
import socketserver
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Invocations of one function from one source that run at once; others wait for their turn. AWS would start an
# environment for each, up to a thousand: here each is a process on this machine, and a burst of telemetry would start
# one for each message.
CONCURRENT_INVOCATIONS = 4

# How often the queues are looked through for messages whose delay has ended.
LOOK_FOR_MESSAGES_SECONDS = 0.05

# Room for a log file of one function; one that is fuller when the emulator starts is set aside as `.previous`.
LOG_FILE_BYTES = 20 * 1024 * 1024


def main() -> None:
    """Mends ministack and runs it until SIGTERM, or until standard input closes."""
    threading.Thread(target=_stop_when_launcher_ends, daemon=True, name="lifeline").start()
    _send_small_packets_at_once()
    # Imported here: ministack reads its configuration from the environment when it is imported.
    from ministack.core import lambda_runtime
    from ministack.services import iot, lambda_svc, secretsmanager

    _write_function_logs(lambda_runtime, Path(os.environ["SPACEHOOK_LOGS"]))
    _bound_invocations(lambda_svc)
    _let_functions_name_their_endpoint(lambda_svc)
    _poll_fifo_groups_concurrently(lambda_svc)
    _look_for_delayed_messages_often(lambda_svc)
    _invoke_from_rules_as_events(iot, lambda_svc)
    _name_first_versions_as_asked(secretsmanager)
    from ministack import app

    sys.argv = ["ministack"]
    try:
        app.main()
    finally:
        lambda_runtime.reset()


def _stop_when_launcher_ends() -> None:
    """Reads the lifeline. It carries no data: its end says that the launcher is gone, even by SIGKILL."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _send_small_packets_at_once() -> None:
    """Turns Nagle's algorithm off in the Runtime API that functions poll: 45 ms for each invocation otherwise."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def _mend(owner: Any, name: str, make: Callable[[Callable], Callable]) -> None:
    """Replaces a function of ministack by what `make` makes of it; fails if this release no longer has it."""
    original = getattr(owner, name, None)
    if original is None:
        raise SystemExit(f"ministack has no {owner.__name__}.{name}: see infra/local/emulator.py")
    setattr(owner, name, functools.wraps(original)(make(original)))


def _write_function_logs(lambda_runtime: Any, directory: Path) -> None:
    """Writes what functions print to one file each, as they print it.

    ministack waits up to 50 ms after each invocation for a line to arrive, to have it in the invocation's log; with a
    file to read, nobody needs to wait. Lines still reach CloudWatch Logs, at the latest with the next invocation.
    """
    worker_class = lambda_runtime.ProvidedWorker
    files: dict[str, Any] = {}
    opening = threading.Lock()

    def file_of(function: str) -> Any:
        with opening:
            if function not in files:
                path = directory / f"{function}.log"
                if path.exists() and path.stat().st_size > LOG_FILE_BYTES:
                    path.replace(path.with_suffix(".log.previous"))
                # Unbuffered and appending, so that lines of several environments do not cut into each other.
                files[function] = path.open("ab", buffering=0)
            return files[function]

    def pump_through_file(original: Callable) -> Callable:
        def pump(self: Any, stream: Any, log_queue: Any) -> None:
            original(self, _Tee(stream, file_of(self.func_name)), log_queue)

        return pump

    _mend(worker_class, "_pump_output", pump_through_file)
    _mend(worker_class, "_drain_stderr_bounded", lambda _: lambda self, *_a, **_k: self._drain_stderr())


class _Tee:
    """A stream whose lines are also written to a file."""

    def __init__(self, stream: Any, file: Any) -> None:
        self._stream = stream
        self._file = file

    def readline(self) -> bytes:
        line = self._stream.readline()
        if line:
            self._file.write(line)
        return line

    def close(self) -> None:
        self._stream.close()


def _bound_invocations(lambda_svc: Any) -> None:
    """Lets at most CONCURRENT_INVOCATIONS of a function run at once, and the others wait, first come first served.

    Each queue that a function is invoked from has its own: on AWS timers never take the places of events, however long
    they run.
    """
    turns: dict[tuple[str, str], threading.Semaphore] = {}
    adding = threading.Lock()

    def bounded(original: Callable) -> Callable:
        def execute(func: dict, event: Any, request_id: str) -> Any:
            name = (func.get("config") or func).get("FunctionName", "")
            with adding:
                turn = turns.setdefault((name, _queue_of(event)), threading.Semaphore(CONCURRENT_INVOCATIONS))
            with turn:
                return original(func, event, request_id)

        return execute

    _mend(lambda_svc, "_execute_function_provided_warm", bounded)


def _queue_of(event: Any) -> str:
    """The queue that an invocation's messages are from; empty where it is no batch of messages."""
    records = event.get("Records") if isinstance(event, dict) else None
    return records[0].get("eventSourceARN", "") if records else ""


def _let_functions_name_their_endpoint(lambda_svc: Any) -> None:
    """Lets a function's own AWS_ENDPOINT_URL count, so that a test can put a proxy between it and the emulator.

    ministack does so for other runtimes; for `provided` ones it sets its own after the function's.
    """

    def as_configured(original: Callable) -> Callable:
        def environment(config: dict, code_dir: str, port: int) -> dict:
            own = config.get("Environment", {}).get("Variables", {}).get("AWS_ENDPOINT_URL")
            return original(config, code_dir, port) | ({"AWS_ENDPOINT_URL": own} if own else {})

        return environment

    _mend(lambda_svc, "_provided_worker_env", as_configured)


def _poll_fifo_groups_concurrently(lambda_svc: Any) -> None:
    """Takes batches from a FIFO queue concurrently, as AWS does for different message groups.

    ministack takes one at a time, so that one receiver that hangs for 5 s would hold up every space. Its own queue
    gives no message of a group that has one in flight, so order within a group holds all the same.
    """

    def concurrent(original: Callable) -> Callable:
        def limit(esm: dict, func_rec: dict, config: dict, queue: dict | None = None) -> int:
            if (queue or {}).get("is_fifo"):
                return CONCURRENT_INVOCATIONS
            return original(esm, func_rec, config, queue)

        return limit

    _mend(lambda_svc, "_sqs_esm_concurrency", concurrent)


class _ImpatientEvent:
    """An event whose waits last no longer than LOOK_FOR_MESSAGES_SECONDS."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event
        self.set = event.set
        self.clear = event.clear

    def wait(self, timeout: float) -> bool:
        return self._event.wait(min(timeout, LOOK_FOR_MESSAGES_SECONDS))


def _look_for_delayed_messages_often(lambda_svc: Any) -> None:
    """Takes a delayed message soon after it becomes visible.

    A new message wakes ministack's poller; one whose delay or visibility timeout ends does not, and waits for the
    next of its rounds, one a second. AWS has it within milliseconds.
    """
    lambda_svc._esm_wake = _ImpatientEvent(lambda_svc._esm_wake)
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = 0.005


def _invoke_from_rules_as_events(iot: Any, lambda_svc: Any) -> None:
    """Makes an IoT rule invoke its function as AWS does: asynchronously, retried, with the on-failure destination.

    ministack invokes once and forgets: telemetry that ingest failed on would be gone. A function that does not exist
    is an error of the action, which is what the rule's error action is for.
    """

    def as_event(_original: Callable) -> Callable:
        def dispatch(account_id: str, region: str, function_arn: str, event: Any) -> None:
            func, config, _name = lambda_svc._get_func_record_for_ref_in_scope(
                function_arn, account_id=account_id, region=region
            )
            if not func or not config:
                raise RuntimeError(f"function {function_arn} not found")
            lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(func, config), event)

        return dispatch

    _mend(iot, "_dispatch_rule_to_lambda", as_event)


def _name_first_versions_as_asked(secretsmanager: Any) -> None:
    """Gives a new secret's first version the id that the request names, as Secrets Manager does.

    ministack draws one of its own there (and takes the request's in PutSecretValue): the version that a subscription
    names would not exist.
    """

    def as_asked(create: Callable) -> Callable:
        def created(data: dict) -> Any:
            asked, known = data.get("ClientRequestToken"), data.get("Name") in secretsmanager._secrets
            answer = create(data)
            secret = secretsmanager._secrets.get(data.get("Name"))
            if known or not asked or secret is None:
                return answer
            drawn, version = secret["Versions"].popitem()
            secret["Versions"][asked] = version
            status, headers, body = answer
            return status, headers, body.replace(drawn.encode(), asked.encode())

        return created

    _mend(secretsmanager, "_create_secret", as_asked)


if __name__ == "__main__":
    main()
