"""The local cloud: the project's own template.yaml, deployed by the same commands, to an emulator on this machine.

    python infra/local/cloud.py start | deploy | status | stop | reset

As a module, for the demo and the tests:

    with Cloud(port=0, state=tmp_path).running() as cloud:
        cloud.deploy()
        requests to cloud.api_url, cloud.client("sqs"), cloud.invoke("health", {}), cloud.outputs["TableName"]

An instance is a port on 127.0.0.1 and a directory of state. Whatever ends the process that started it, by Ctrl-C or
by SIGKILL, ends the emulator and the functions it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "infra"), str(ROOT / "infra" / "local")]

import checks  # noqa: E402
import environment  # noqa: E402
from ca import Authority  # noqa: E402
from deploy import DeployFailed, deploy, read_parameters  # noqa: E402

DEFAULT_PORT = 4566
FUNCTIONS = ("ingest", "dispatcher", "api", "health")
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_BUCKET = "deploy"


class CloudError(Exception):
    """The local cloud cannot do what was asked; the message is for the person who asked."""


class Cloud:
    """One instance of the local cloud: a port on 127.0.0.1 and a directory of state."""

    def __init__(self, port: int | None = None, state: Path | None = None, binaries: Path | None = None) -> None:
        """An instance, not started yet.

        `port`: default SPACEHOOK_PORT or 4566; 0 takes a free one. `state`: default .local/state (another port gets
        a directory of its own). `binaries`: directory of the functions' release binaries, default target/release.
        """
        wanted = int(os.environ.get("SPACEHOOK_PORT", DEFAULT_PORT)) if port is None else port
        self.port = wanted or _free_port()
        self.state = (state or _state_of(self.port)).resolve()
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        self.binaries = binaries or target / "release"
        self.endpoint = environment.endpoint(self.port)
        self.logs = self.state / "logs"
        self.authority = Authority(ROOT / ".local" / "ca")
        self.parameters = read_parameters(ROOT / "infra" / "parameters" / "local.json")
        self.stack = f"spacehook-{self.parameters['Stage']}"
        self._emulator: subprocess.Popen[bytes] | None = None
        self._lock: Any = None

    # ------------------------------------------------------------- life ----

    @contextlib.contextmanager
    def running(self) -> Iterator[Cloud]:
        """Starts the instance and stops it at the end, however the block ends. Raises CloudError."""
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Starts the emulator and waits until it answers. Raises CloudError if the port or the state is taken."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self._take_state()
        _require_free(self.port)
        with (self.logs / "emulator.log").open("wb") as log:
            # Its own session: Ctrl-C reaches the launcher alone, which then stops the emulator in order, and
            # everything the emulator starts can be ended as one group. Standard input is its lifeline (emulator.py).
            self._emulator = subprocess.Popen(
                [sys.executable, str(ROOT / "infra" / "local" / "emulator.py")],
                env=environment.of_emulator(self.state, self.logs, self.port),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._await_ready()

    def stop(self) -> None:
        """Stops the emulator, which saves its state, and ends whatever it started. Harmless if nothing runs."""
        emulator, self._emulator = self._emulator, None
        if emulator is not None:
            if emulator.poll() is None:
                emulator.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    emulator.wait(_STOP_SECONDS)
            # The group outlives its leader as long as one function does.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(emulator.pid, signal.SIGKILL)
            emulator.wait()
            if emulator.stdin:
                emulator.stdin.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def deploy(self, *, quiet: bool = True) -> None:
        """Deploys the present template and binaries, mends what CloudFormation left out, and checks that it is there.

        Raises CloudError when a binary is missing, a command fails, or the stack lacks what it claims to have.
        """
        template = self._stage_package()
        s3 = self.client("s3")
        if _BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=_BUCKET)
        # One line: an environment variable's newlines may be written \n.
        ca = self.authority.pem().strip().replace("\n", "\\n")
        try:
            deploy(
                aws=str(Path(sys.executable).parent / "aws"),
                template=template,
                packaged=template.with_name("packaged.yaml"),
                bucket=_BUCKET,
                stack=self.stack,
                parameters=self.parameters | {"TrustedCaPem": ca},
                environment=self.environment(),
                quiet=quiet,
            )
        except DeployFailed as error:
            raise CloudError(str(error)) from error
        self.__dict__.pop("outputs", None)
        for function in FUNCTIONS:
            waiter = self.client("lambda").get_waiter("function_active_v2")
            waiter.wait(FunctionName=self.function_name(function), WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        checks.mend(self)
        missing = checks.missing(self)
        if missing:
            raise CloudError("the stack was deployed, but:\n" + "\n".join(f"  - {one}" for one in missing))

    # -------------------------------------------------------------- use ----

    @functools.cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name. Raises CloudError if it is not deployed."""
        try:
            stack = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]
        except Exception as error:
            raise CloudError(f"{self.stack} is not deployed at {self.endpoint}: {error}") from error
        return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}

    @property
    def api_url(self) -> str:
        """Base URL of the management API here. (The stack's own output names a host that only AWS has.)"""
        return f"{self.endpoint}/_aws/execute-api/{self.outputs['ApiId']}"

    def admin_key(self) -> str:
        """The admin API key that the template generated."""
        answer = self.client("secretsmanager").get_secret_value(SecretId=self.outputs["AdminKeySecretArn"])
        return answer["SecretString"]

    def function_name(self, function: str) -> str:
        """The name in AWS of one of FUNCTIONS."""
        return self.outputs[f"{function.capitalize()}FunctionName"]

    def function_log(self, function: str) -> Path:
        """The file that has what one of FUNCTIONS logs, as it logs it."""
        return self.logs / f"{self.function_name(function)}.log"

    def invoke(self, function: str, event: Any) -> Any:
        """Invokes one of FUNCTIONS and returns its answer. Raises CloudError if the function failed."""
        answer = self.client("lambda").invoke(
            FunctionName=self.function_name(function), Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            raise CloudError(f"{function} failed: {payload}")
        return payload

    def mails(self) -> list[dict[str, Any]]:
        """The mail that was sent, oldest first, as the emulator keeps it."""
        with urllib.request.urlopen(f"{self.endpoint}/_ministack/ses/messages", timeout=10) as answer:
            return [mail for of_account in json.load(answer)["messages"].values() for mail in of_account]

    def client(self, service: str) -> Any:
        """A boto3 client of an AWS service, here."""
        return environment.session().client(service, endpoint_url=self.endpoint)

    def environment(self) -> dict[str, str]:
        """Environment variables with which the AWS CLI and SDKs talk to this instance and to nothing else."""
        return environment.of_clients(self.endpoint)

    # ------------------------------------------------------------ parts ----

    def _take_state(self) -> None:
        lock = (self.state / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise CloudError(f"a local cloud already runs on {self.state} (stop it: make stop)") from None
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "port": self.port}))
        lock.flush()
        self._lock = lock

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._emulator is None or self._emulator.poll() is not None:
                raise CloudError(f"the emulator ended while it started:\n{self._last_words()}")
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/ready", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise CloudError(f"the emulator did not answer within {_START_SECONDS:.0f} s:\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join((self.logs / "emulator.log").read_text(errors="replace").splitlines()[-15:])

    def _stage_package(self) -> Path:
        """Copies the template and the binaries to where the template's relative paths lead.

        Not to target/lambda itself, which holds what cargo-lambda built for AWS, maybe for another processor.
        """
        package = self.state / "package"
        package.mkdir(parents=True, exist_ok=True)
        for function in FUNCTIONS:
            binary = self.binaries / function
            if not binary.is_file():
                raise CloudError(f"{binary} is missing: build it with `cargo build --release`")
            bootstrap = package / "target" / "lambda" / function / "bootstrap"
            bootstrap.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(binary, bootstrap)
        return Path(shutil.copy2(ROOT / "template.yaml", package / "template.yaml"))


def _state_of(port: int) -> Path:
    name = "state" if port == DEFAULT_PORT else f"state-{port}"
    return ROOT / ".local" / name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # As the emulator binds it: a connection that lingers from the last run is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CloudError(
                f"port {port} on 127.0.0.1 is taken ({error.strerror}). Stop what uses it, or choose another: "
                "SPACEHOOK_PORT=4666 make run"
            ) from None


def _launcher(cloud: Cloud) -> int | None:
    """The process that runs this instance, or None. The lock, not the number in it, says whether it runs."""
    path = cloud.state / "lock"
    if not path.exists():
        return None
    with path.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return int(json.load(lock)["pid"])
    return None


def stay() -> None:
    """Waits for Ctrl-C or SIGTERM."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def interrupt_on_sigterm() -> None:
    """Makes SIGTERM and SIGHUP end this process as Ctrl-C does: `running()` then stops what it started in order."""
    # SIGINT as well: a shell that starts a job in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def _start(cloud: Cloud) -> None:
    interrupt_on_sigterm()
    began = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt), cloud.running():
        print(f"emulator at {cloud.endpoint}, deploying ...", flush=True)
        cloud.deploy()
        print(f"deployed after {time.monotonic() - began:.1f} s\nAPI   {cloud.api_url}\nlogs  {cloud.logs}/")
        print("Ctrl-C stops it.", flush=True)
        stay()
    print("stopped", flush=True)


def _deploy(cloud: Cloud) -> None:
    if _launcher(cloud) is None:
        raise CloudError(f"no local cloud runs on {cloud.state} (start it: python infra/local/cloud.py start)")
    cloud.deploy(quiet=False)
    print(f"API   {cloud.api_url}")


def _status(cloud: Cloud) -> None:
    pid = _launcher(cloud)
    if pid is None:
        raise CloudError(f"no local cloud runs on {cloud.state}")
    print(f"running: process {pid}, {cloud.endpoint}\nstate {cloud.state}\nlogs  {cloud.logs}/")


def _stop(cloud: Cloud) -> None:
    pid = _launcher(cloud)
    if pid is None:
        print("nothing runs")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS + 5
    while _launcher(cloud) is not None:
        if time.monotonic() > deadline:
            raise CloudError(f"process {pid} did not stop")
        time.sleep(0.05)
    print("stopped")


def _reset(cloud: Cloud) -> None:
    if _launcher(cloud) is not None:
        raise CloudError("stop the local cloud first: make stop")
    shutil.rmtree(cloud.state, ignore_errors=True)
    print(f"{cloud.state} is gone")


def main() -> None:
    """The command line."""
    commands = {"start": _start, "deploy": _deploy, "status": _status, "stop": _stop, "reset": _reset}
    reader = argparse.ArgumentParser(description="The local cloud. SPACEHOOK_PORT chooses the instance's port.")
    reader.add_argument("command", choices=commands)
    try:
        commands[reader.parse_args().command](Cloud())
    except (CloudError, DeployFailed) as error:
        sys.exit(f"local cloud: {error}")


if __name__ == "__main__":
    main()
