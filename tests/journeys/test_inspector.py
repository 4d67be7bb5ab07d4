"""An inspector reads the month of the district without seeing one name."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import openpyxl
import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.support.faces import switch_language
from tests.support.pages import check, sign_in
from tests.support.stack import Stack

SHOTS = Path(__file__).parents[2] / "var" / "shots"


@pytest.fixture
def inspector(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = browser.new_context(
        locale="zh-CN", viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    page = context.new_page()
    sign_in(page, stack, stack.bureau_login())
    page.wait_for_url("**/bureau/month*")
    yield page
    context.close()


def people_of(stack: Stack) -> set[str]:
    """Elders, relatives and staff of the made-up house, as its manager sees them."""
    manager = stack.house_login_of("manager")
    with httpx.Client(base_url=stack.cloud_url, headers={"X-Yuyue-Request": "1"}) as client:
        said = {"username": manager.username, "password": manager.password}
        assert client.post("/api/v1/session", json=said).status_code < 300
        wanted = {"limit": 200, "everybody": True}
        found = client.get("/api/v1/elders", params=wanted).json()
        assert found["next"] is None
        names = {one["name"] for one in found["elders"]}
        for one in found["elders"]:
            names |= {
                who["name"]
                for who in client.get(f"/api/v1/elders/{one['id']}/family").json()["family"]
            }
    return names | {one["name"] for one in stack.house()["logins"]}


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"inspector-{name}.png", full_page=True)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_an_inspector_reads_the_month_without_a_name(inspector: Page, stack: Stack) -> None:
    page, people = inspector, people_of(stack)
    assert len(people) > 100
    read: list[str] = []
    told: list[Response] = []
    # Not only what is shown: what the browser was given at all.
    page.on(
        "response", lambda answer: told.append(answer) if "/api/v1/bureau" in answer.url else None
    )

    def look(name: str) -> None:
        read.append(page.content())
        check(page)
        shot(page, name)

    figures = page.get_by_role("table", name="指标")
    expect(figures).to_contain_text("60 秒内应答率")
    look("month")
    page.get_by_role("table", name="下级").get_by_role("link").first.click()
    page.get_by_role("table", name="下级").get_by_role("link").first.click()
    expect(page.get_by_role("table", name="下级")).to_have_count(0)
    look("institution")
    figures.get_by_role("link", name="确认的跌倒").click()
    expect(page.get_by_role("heading", name="怎么算")).to_be_visible()
    expect(page.get_by_role("table", name="近 12 个月")).to_be_visible()
    look("indicator")
    page.get_by_role("link", name="回到月报").click()
    files = {}
    for button in ("下载 PDF", "下载 Excel", "下载签名文件"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=button).click()
        files[button] = Path(waiting.value.path()).read_bytes()
    assert files["下载 PDF"].startswith(b"%PDF")
    book = openpyxl.load_workbook(io.BytesIO(files["下载 Excel"]))
    read += [str(cell.value) for sheet in book for row in sheet for cell in row]
    read.append(files["下载签名文件"].decode())
    page.get_by_role("link", name="指标说明").click()
    expect(page.get_by_role("table", name="指标说明")).to_contain_text("巡查完成率")
    look("definitions")
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("link", name="月报").click()
    expect(figures).to_be_visible()
    shot(page, "phone")
    switch_language(page)
    expect(page.get_by_role("table", name="Indicators")).to_contain_text("Answered within 60 s")
    read.append(page.inner_text("main"))
    shot(page, "phone-en")
    read += [answer.text() for answer in told if "json" in answer.headers.get("content-type", "")]
    assert len(told) > 5
    everything = "\n".join(read)
    assert not [name for name in people if name in everything]
