"""The built pages as a browser on a slow line gets them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from cloud.web_files import DIST, SecurityHeaders, install_web

SCRIPT = b"console.log('yuyue');" * 100


@pytest.fixture
def browser(tmp_path: Path) -> httpx.AsyncClient:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    script = tmp_path / "assets" / "page-1.js"
    script.write_bytes(SCRIPT)
    script.with_name("page-1.js.br").write_bytes(b"brotli")
    script.with_name("page-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    app = FastAPI()
    app.add_middleware(SecurityHeaders)
    install_web(app, tmp_path)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub")


@pytest.mark.parametrize(
    ("taken", "sent"),
    [("gzip", "gzip"), ("gzip, deflate, br;q=0.9", "br"), ("br; q=0, gzip", "gzip"),
     ("identity", None), ("", None)],
)  # fmt: skip
async def test_a_browser_gets_the_best_it_takes(
    browser: httpx.AsyncClient, taken: str, sent: str | None
) -> None:
    async with browser.stream(
        "GET", "/assets/page-1.js", headers={"Accept-Encoding": taken}
    ) as answer:
        assert answer.headers.get("content-encoding") == sent
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "immutable" in answer.headers["cache-control"]
        if sent != "br":
            await answer.aread()
            assert answer.content == SCRIPT


async def test_the_first_views_own_code_is_named_with_the_page(
    browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / ".vite").mkdir()
    files = {
        "index.html": {"file": "assets/index-1.js", "imports": ["_react.js"]},
        "_react.js": {"file": "assets/react-1.js"},
        "_plan.js": {"file": "assets/plan-1.js", "imports": ["_react.js"]},
        "src/duty/DutyPage.tsx": {
            "file": "assets/DutyPage-1.js", "imports": ["index.html", "_plan.js"],
            "css": ["assets/DutyPage-1.css"],
        },
    }  # fmt: skip
    (tmp_path / ".vite" / "manifest.json").write_text(json.dumps(files))
    link = (await browser.get("/duty")).headers["link"]
    assert link == (
        "</assets/DutyPage-1.css>; rel=preload; as=style; crossorigin,"
        " </assets/DutyPage-1.js>; rel=modulepreload; crossorigin,"
        " </assets/plan-1.js>; rel=modulepreload; crossorigin"
    )
    assert "link" not in (await browser.get("/nowhere")).headers


async def test_a_page_brings_its_policy_and_its_parts_do_not_repeat_it(
    browser: httpx.AsyncClient,
) -> None:
    page = await browser.get("/duty")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    part = await browser.get("/assets/page-1.js")
    assert part.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in part.headers


async def test_what_was_not_packed_is_sent_plain(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/care/elders", headers={"Accept-Encoding": "br, gzip"})
    assert answer.text == "<!doctype html>"
    assert "content-encoding" not in answer.headers


def test_the_build_packs_every_script() -> None:
    if not (DIST / "index.html").is_file():
        pytest.skip("the web is not built: make cloud/web/dist/index.html")
    scripts = [path for path in DIST.glob("assets/*.js") if path.stat().st_size >= 1024]
    assert scripts
    assert [path.name for path in scripts if not path.with_name(path.name + ".br").is_file()] == []
