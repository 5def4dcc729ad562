"""How many requests a key may make in a minute: counted by all instances of the function together."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from api import Api
from cloud import Cloud

import second_tenant as tenants
from exchange import ask, problem
from waiting import until

LIMIT = 20
CALLERS = 4


def test_a_key_gets_its_limit_and_then_429_whichever_instance_it_asks(cloud: Cloud, api: Api) -> None:
    theirs = tenants.found(cloud, api, f"r-{uuid.uuid4().hex[:12]}")
    api.call("PATCH", f"/v1/tenants/{theirs.name}", {"limits": {"requests_per_minute": LIMIT}})

    # Minutes are the clock's: one that is nearly over would let the second half through.
    until(lambda: time.time() % 60 < 45, "a minute with enough of it left")
    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(lambda _: ask(theirs.api, "GET", "/v1/tenant"), range(2 * LIMIT)))
    counted = Counter(answer.status for answer in answers)
    assert counted == {200: LIMIT, 429: LIMIT}
    refused = next(answer for answer in answers if answer.status == 429)
    problem(refused, 429, "rate-limited")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    left = sorted(int(answer.headers["ratelimit-remaining"]) for answer in answers if answer.status == 200)
    assert left == list(range(LIMIT)), "each request is counted once"
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {str(LIMIT)}
    assert ask(api, "GET", "/v1/tenant").status == 200, "nobody else is held up"
