"""The processes in which the emulator runs a function."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from cloud import Cloud

needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the processes in /proc")


def kill(cloud: Cloud, function: str) -> int:
    """Ends every process of a function of this cloud by SIGKILL, as a crash would; how many there were."""
    killed = 0
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _is_of(process, cloud, function):
            os.kill(int(process.name), signal.SIGKILL)
            killed += 1
    return killed


def _is_of(process: Path, cloud: Cloud, function: str) -> bool:
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        # Another user's, or gone meanwhile.
        return False
    wanted = {f"AWS_LAMBDA_FUNCTION_NAME={cloud.function_name(function)}", f"AWS_ENDPOINT_URL={cloud.endpoint}"}
    return wanted <= {one.decode(errors="replace") for one in environment}
