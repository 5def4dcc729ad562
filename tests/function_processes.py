"""The processes in which the emulator runs a function."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from cloud import Cloud

needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the processes in /proc")


def kill(cloud: Cloud, function: str, endpoint: str | None = None) -> int:
    """Ends every process of a function of this cloud by SIGKILL, as a crash would; how many there were.

    `endpoint`: what is AWS to it, where that is not the emulator itself.
    """
    killed = 0
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _is_of(process, cloud.function_name(function), endpoint or cloud.endpoint):
            os.kill(int(process.name), signal.SIGKILL)
            killed += 1
    return killed


def _is_of(process: Path, name: str, endpoint: str) -> bool:
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        # Another user's, or gone meanwhile.
        return False
    wanted = {f"AWS_LAMBDA_FUNCTION_NAME={name}", f"AWS_ENDPOINT_URL={endpoint}"}
    return wanted <= {one.decode(errors="replace") for one in environment}
