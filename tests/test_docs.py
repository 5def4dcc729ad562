"""The documentation for people: served where the page looks for its parts, and made of a script that is one."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path

import pytest
from api import Api

from exchange import Answer, ask


def _served(api: Api, path: str) -> Answer:
    answer = ask(Api(api.base, None), "GET", path)
    assert answer.status == 200, (path, answer.body)
    return answer


def test_the_page_finds_its_parts(api: Api) -> None:
    """Its links lead there also where the API is not at the root of its host, as here."""
    page = _served(api, "/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    links = re.findall(r'(?:src|href)="([^"#][^"]*)"', page.body.decode())
    parts = [link for link in links if not link.startswith("data:")]
    assert parts
    for part in parts:
        url = urllib.parse.urljoin(f"{api.base}/docs", part)
        assert url.startswith(f"{api.base}/"), part
        _served(api, url.removeprefix(api.base))


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_script_parses(api: Api, tmp_path: Path) -> None:
    script = tmp_path / "page.js"
    script.write_bytes(_served(api, "/docs/page.js").body)
    checked = subprocess.run(["node", "--check", str(script)], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stderr
