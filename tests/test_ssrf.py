"""The guard of receivers, at the API: what may be called, and which rule says that something may not.

The vectors are those of the domain's own tests. The local cloud accepts loopback on ports from 1024 up; every line of
`ssrf-refuse.txt` is refused all the same.
"""

from __future__ import annotations

import itertools

import pytest
from api import Api
from cloud import ROOT

from exchange import ask, problem

_VECTORS = ROOT / "shared" / "domain" / "tests" / "data"
_numbers = itertools.count(1)


def _lines(name: str) -> list[str]:
    return [line for line in (_VECTORS / name).read_text().splitlines() if line.strip()]


# The rules by which some must be refused, in the words that answers and statistics have.
RULES = {
    "http://example.com/": "not_https",
    "ftp://example.com/": "not_https",
    "file:///etc/passwd": "not_https",
    "gopher://127.0.0.1:6379/_INFO": "not_https",
    "not a url": "not_a_url",
    "https://user:pass@example.com/": "userinfo",
    "https://localhost/": "localhost_name",
    "https://127.0.0.1/": "loopback",
    "https://2130706433/": "loopback",
    "https://[::ffff:127.0.0.1]/": "embedded_ipv4",
    "https://10.0.0.1/": "private_network",
    "https://100.64.0.1/": "carrier_grade_nat",
}


def _body(url: str) -> dict[str, object]:
    # Disabled: what is accepted here must not be sent to.
    name = f"Guard {next(_numbers)}"
    return {"name": name, "url": url, "event_types": ["space_report"], "enabled": False}


@pytest.mark.parametrize("url", _lines("ssrf-refuse.txt"))
def test_what_must_be_refused_is_refused_with_the_rule_named(api: Api, url: str) -> None:
    document = problem(ask(api, "POST", "/v1/subscriptions", _body(url)), 422, "receiver-refused")
    [error] = document["errors"]
    assert error["pointer"] == "/url"
    assert error["rule"] and error["detail"]
    assert error["rule"] == RULES.get(url, error["rule"])


@pytest.mark.parametrize("url", _lines("ssrf-allow.txt"))
def test_what_may_be_called_is_accepted(api: Api, url: str) -> None:
    made = api.call("POST", "/v1/subscriptions", _body(url))
    assert made["url"] == url
    api.call("DELETE", f"/v1/subscriptions/{made['id']}")


def test_the_table_of_rules_is_about_the_vectors() -> None:
    assert RULES.keys() <= set(_lines("ssrf-refuse.txt"))
    assert (len(_lines("ssrf-refuse.txt")), len(_lines("ssrf-allow.txt"))) == (39, 5)


@pytest.mark.parametrize("url", ["http://example.com/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/"])
def test_a_change_of_the_url_is_guarded_like_a_new_one(api: Api, url: str) -> None:
    made = api.call("POST", "/v1/subscriptions", _body("https://example.com/hook"))
    path = f"/v1/subscriptions/{made['id']}"
    document = problem(ask(api, "PATCH", path, {"url": url}), 422, "receiver-refused")
    assert [error["pointer"] for error in document["errors"]] == ["/url"]
    assert api.call("GET", path)["url"] == "https://example.com/hook"
    api.call("DELETE", path)
