"""Where the API is right and the document can't say it. Each with its reason."""

from __future__ import annotations

import os
import re
from typing import Any

import schemathesis
from hypothesis import strategies
from schemathesis.specs.openapi.checks import positive_data_acceptance

# Which URLs are allowed is the operator's policy: public addresses over HTTPS unless more is allowed. A schema says only
# that it is a URL, and most of what is made of that is refused, rightly: what the guard refuses has tests of its own.
URLS = ["https://example.com/hooks", "https://example.org:8443/a?b=c"]
schemathesis.openapi.format("uri", strategies.sampled_from(URLS))
# So it is with the ARN of a secret, which names this account and this region.
ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:receivers/kiosk-a1B2c3"
schemathesis.openapi.format("secret-arn", strategies.just(ARN))

# What is wrong with a request that its schema allows, since it depends on what there is: where it stands, what is said
# of it, and why no schema can say it.
DEPENDS: list[tuple[str, str, str]] = [
    ("cursor", "is not a cursor of this list", "a cursor is opaque: only the list that made it can tell"),
    (r".*/floor_ref_id", "there is no such floor", "whether the floor is registered"),
    (r".*/space_ref_id", "there is no such space", "whether the space is registered"),
    (r".*/building_ref_id", "there is no such building", "whether the building is registered"),
    (r"/auth(/.*)?", "", "a patch is merged with what is there, and together they may be no way to authenticate"),
]


@schemathesis.auth()
class Key:
    """The API key. As an authentication and not as a header, so that what happens without it is looked at, too."""

    def get(self, case: Any, context: Any) -> str:
        """The key."""
        return os.environ["SPACEHOOK_KEY"]

    def set(self, case: Any, data: str, context: Any) -> None:
        """Sends it."""
        case.headers["authorization"] = f"Bearer {data}"


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Headers that nobody knows are passed over, as HTTP has it (RFC 9110, 5.1): they are no mistake of a request."""
    return not any(name.lower().startswith("x-schemathesis") for name in case.headers or {})


@schemathesis.check
def takes_valid_data(context: Any, response: Any, case: Any) -> bool | None:
    """`positive_data_acceptance`, but for refusals that depend on what there is."""
    if response.status_code == 412 or _depends_on_what_there_is(case, response):
        # 412: which revision there is.
        return None
    return positive_data_acceptance(context, response, case)


def _depends_on_what_there_is(case: Any, response: Any) -> bool:
    if response.status_code not in (400, 422):
        return False
    errors = response.json().get("errors") or [{}]
    if case.media_type == "text/csv":
        # What a CSV has in its columns no schema says.
        return all("line" in error for error in errors)
    return all(_is_known(case, error) for error in errors)


def _is_known(case: Any, error: dict[str, Any]) -> bool:
    place = error.get("pointer") or error.get("parameter") or ""
    for where, said, _ in DEPENDS:
        is_patch = case.method.upper() == "PATCH"
        if re.fullmatch(where, place) and said in error.get("detail", "") and (said or is_patch):
            return True
    return False
