"""The microburst proxy, as fault_proxy.py starts it: with the second version of SES's API, which functions use.

Both versions sign as `ses`, and microburst takes each for the first: it would not know the operation, and would give a
fault the form (XML) in which a client of the second can't read it.
"""

from __future__ import annotations

import sys
from typing import Any

from microburst import cli
from microburst.core import pipeline
from microburst.detection.operation import resolve_operation

_detect = pipeline.detect


def _detect_ses_too(headers: Any, method: str, path: str, query: Any, body: bytes | None) -> Any:
    context = _detect(headers, method, path, query, body)
    if context.service == "ses" and path.startswith("/v2/email/"):
        context.service, context.protocol = "sesv2", "rest-json"
        context.operation = resolve_operation("sesv2", headers, method, path, query, body)
    return context


pipeline.detect = _detect_ses_too

if __name__ == "__main__":
    sys.exit(cli.main())
