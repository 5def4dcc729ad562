"""Environment variables of the local cloud: the emulator's, and those of whatever talks to it.

Both are made so that no setting of the person's own reaches AWS by mistake, and none of this machine's reaches the
functions.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

REGION = "us-east-1"

# The emulator takes any. A real account's can neither be used by it nor against it.
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
_NO_USER_SETTINGS = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_PAGER": ""}


def endpoint(port: int) -> str:
    """Where the emulator on `port` answers for every service of AWS."""
    return f"http://127.0.0.1:{port}"


def of_clients(endpoint_url: str) -> dict[str, str]:
    """This process's environment, with every AWS setting replaced by those of the emulator at `endpoint_url`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | _CREDENTIALS | _NO_USER_SETTINGS | {"AWS_ENDPOINT_URL": endpoint_url}


@functools.cache
def session() -> Any:
    """A boto3 session with the emulator's credentials; pass `endpoint_url` to its clients."""
    # Imported late: `cloud.py status` and `stop` need no SDK.
    import boto3

    return boto3.Session(
        aws_access_key_id=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def of_emulator(state: Path, logs: Path, port: int) -> dict[str, str]:
    """The emulator's environment; makes the directories it names.

    Few variables on purpose: the functions inherit them, and must find nothing that the template does not set.
    """
    directories = {name: state / name for name in ("emulator", "s3", "tmp")}
    for directory in directories.values():
        directory.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(state),
        "LANG": "C.UTF-8",
        # Where the functions' code is unpacked.
        "TMPDIR": str(directories["tmp"]),
        **_CREDENTIALS,
        **_NO_USER_SETTINGS,
        "AWS_ENDPOINT_URL": endpoint(port),
        "SPACEHOOK_LOGS": str(logs),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        # Queue URLs name this host; "localhost" could resolve to ::1, where nothing listens.
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directories["emulator"]),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(directories["s3"]),
        # Both would listen on every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # emulator.py makes invocations wait instead: a throttled one would lose its retries.
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",
    }
