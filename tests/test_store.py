"""The adapters of table and queues against real APIs: their own Rust suites, pointed at the emulator of this session."""

from __future__ import annotations

import os
import re
import subprocess

from cloud import ROOT, Cloud


def test_the_rust_suites_of_store_and_queues_pass_and_skip_nothing(cloud: Cloud) -> None:
    # The whole workspace, as `make unit` builds it, so that nothing is compiled again for this; only the suites named
    # `it` run, and of these only the store's asks for a table, and the queues' for queues.
    command = ["cargo", "test", "--release", "--workspace", "--test", "it", "--", "--nocapture"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"SPACEHOOK_TEST_DYNAMODB": cloud.endpoint, "SPACEHOOK_TEST_SQS": cloud.endpoint},
        capture_output=True,
        text=True,
        timeout=900,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    assert re.search(r"test result: ok\. [1-9]", said), said[-2000:]
    assert "skipped" not in said.replace("0 skipped", ""), said[-6000:]
