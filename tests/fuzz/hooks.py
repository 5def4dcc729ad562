"""Where the API is right and the document can't say it, each with its reason; and what is not to be broken."""

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
# Which types of events there are depends on the tenant.
schemathesis.openapi.format("event-type", strategies.sampled_from(os.environ["SPACEHOOK_EVENT_TYPES"].split()))
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
    (r"/sensor_ids/\d+", "there is no such sensor", "whether the sensor is registered"),
    (r"/sensor_ids/\d+", "the sensor is in", "in how many groups the sensor is"),
    (r"/expires_at", "must be in the future", "what time it is"),
    (r"/privacy/raw_payloads/keep_until", "must be in the future", "what time it is"),
    (r"/since|since", "must be before until", "what time it is, and what `until` is"),
    (r"(/events/\d+)?/occurred_at", "is more than 5 minutes ahead", "what time it is"),
    (r"/event_type", "has no example", "which types the tenant gave an example"),
    (r"/filter(/.*)?", "", "a filter is an event pattern, with limits on the whole of it"),
    (r"/event_id|/attempt_id", "its event is", "which events are kept, and of which types the subscription is"),
    (r"/attempt_id", "is no attempt of this subscription", "which attempts there were"),
    (r"(/events/\d+)?/event_type|/event_types/\d+", "is no event type", "which types the tenant has"),
    (r"(/events/\d+)?/event_type|/event_types/\d+", "is archived", "which types the tenant has archived"),
    (r"(/events/\d+)?/event_type", "is made by Spacehook alone", "which types are published is in the catalogue"),
    (r"(/events/\d+)?/data(/.*)?", "", "the schema of what is published is that of its type"),
    (r"/name", "is the name of a type of Spacehook's own", "which types there are is in the catalogue"),
    (r"/event_types/\d+|", "the subscription", "which types the subscription lists"),
    (r"/event", "", "what is not said of the space of an event is taken from its data"),
    (r"/definition(/.*)?", "", "a definition is a recipe, with rules of its own"),
    (r"/name", "is the name of a profile that every tenant has", "which profiles are built in"),
    (r"/profile", "there is no such profile", "which profiles there are"),
    (r"/payload_base64", "", "what is base64, and that it is the only message"),
    (r"/message", "is required", "whether the message is said in the other way"),
    (r"/schema(/.*)?|/example(/.*)?", "", "an example is valid under the schema beside it, which is a JSON Schema"),
]
# Of a patch, whatever is said of these: it is merged with what is there, and together they may be no way to authenticate.
MERGED = r"/auth(/.*)?"
# The key has its id in it: `shk_<id>_<secret>`.
OWN_KEY_ID = os.environ["SPACEHOOK_KEY"].split("_")[1]


@schemathesis.auth()
class Key:
    """The API key. As an authentication and not as a header, so that what happens without it is looked at, too."""

    def get(self, case: Any, context: Any) -> str:
        """The key."""
        return os.environ["SPACEHOOK_KEY"]

    def set(self, case: Any, data: str, context: Any) -> None:
        """Sends it."""
        case.headers["authorization"] = f"Bearer {data}"


# Tenants that were made here.
tenants: set[str] = set()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Spares the key that asks, and tenants that were not made here.

    A list leads to what can be done with the things in it. With the key gone, all that follows would be 401 alone.
    """
    if case.operation.label == "DELETE /v1/api-keys/{id}" and case.path_parameters.get("id") == OWN_KEY_ID:
        case.path_parameters["id"] = "0" * len(OWN_KEY_ID)
    changes_tenant = case.path.startswith("/v1/tenants/") and case.method.upper() != "GET"
    if changes_tenant and case.path_parameters.get("id") not in tenants:
        case.path_parameters["id"] = "nobodys"


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Notes which tenants were made."""
    if case.operation.label == "POST /v1/tenants" and response.status_code == 201:
        tenants.add(response.json()["id"])


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
    if case.method.upper() == "PATCH" and re.fullmatch(MERGED, place, re.DOTALL):
        return True
    detail = error.get("detail", "")
    return any(re.fullmatch(where, place, re.DOTALL) and said in detail for where, said, _ in DEPENDS)
