"""Two people hand a shift over at one screen; an incident is reported, reviewed and closed."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.pages import sign_in, too_wide_px, violations
from tests.support.stack import Stack

ELDER = "黄建平"


def password_of(stack: Stack, username: str) -> str:
    return str(next(o["password"] for o in stack.seed["logins"] if o["username"] == username))


def look_at(page: Page, tmp_path: Path, name: str) -> None:
    """Clean for a screen reader, nothing beside the screen; and a picture to look at."""
    assert violations(page) == [], name
    wide = too_wide_px(page)
    assert wide == 0, f"{name}: {wide} pixels beside the screen"
    page.screenshot(path=tmp_path / f"{name}.png", full_page=True)


def sign(page: Page, which: str, username: str, password: str) -> None:
    page.get_by_test_id(f"{which}-username").fill(username)
    page.get_by_test_id(f"{which}-password").fill(password)


def a_note(stack: Stack, text: str) -> None:
    with stack.api() as api:
        elders = api.get("/api/v1/elders", params={"q": ELDER}).json()["elders"]
        body = {"id": str(uuid.uuid4()), "text": text}
        answer = api.post(f"/api/v1/elders/{elders[0]['id']}/observations", json=body)
        assert answer.status_code == 200, answer.text


def settings(page: Page, **changes: Any) -> None:
    form = page.get_by_test_id("handover-settings")
    form.get_by_label("启用：超时没有双签就提醒护士长").check()
    form.get_by_label("下班前几分钟起可以交班").fill(str(changes["earliest_min"]))
    form.get_by_role("button", name="保存设置").click()


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_handed_over_at_one_screen(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    sign_in(page, stack, stack.login_of("head_nurse"))
    page.wait_for_url("**/duty")
    page.goto(f"{stack.cloud_url}/care/handover")
    page.get_by_test_id("handover-unit").select_option(label="3 楼 护理二区")
    settings(page, earliest_min=1440)
    a_note(stack, "下午左手发凉，已加衣")
    shift = page.get_by_test_id("handover-shift").last
    shift.get_by_role("link", name="打开交接单").click()
    expect(page.get_by_test_id("handover-observations")).to_contain_text("左手发凉")
    look_at(page, tmp_path, "handover-sheet")

    sign(page, "give", "hushizhang", "wrong")
    give = page.get_by_role("button", name="我已核对，签字交班")
    give.click()
    expect(page.get_by_test_id("give-form").get_by_role("alert")).to_contain_text("没有签字")
    # Somebody writes while the giver reads: nobody signs what they have not seen.
    a_note(stack, "家属来电，明天上午来")
    page.get_by_test_id("give-password").fill(password_of(stack, "hushizhang"))
    give.click()
    expect(page.get_by_test_id("handover-renewed")).to_be_visible()
    expect(page.get_by_test_id("handover-observations")).to_contain_text("明天上午来")
    sign(page, "give", "hushizhang", password_of(stack, "hushizhang"))
    give.click()
    page.wait_for_timeout(300)
    page.reload()
    expect(page.get_by_test_id("take-form")).to_be_visible()

    a_note(stack, "晚饭后血压 150/90，已复测")
    page.reload()
    expect(page.get_by_test_id("handover-changes")).to_contain_text("血压 150/90")
    sign(page, "take", "zhiban1", password_of(stack, "zhiban1"))
    page.get_by_test_id("take-submit").click()
    expect(page.get_by_test_id("take-form").get_by_role("alert")).to_contain_text("我已看过")
    page.get_by_test_id("take-read").check()
    page.set_viewport_size({"width": 360, "height": 740})
    look_at(page, tmp_path, "handover-take-360")
    page.get_by_test_id("take-submit").click()
    expect(page.get_by_test_id("handover-head")).to_be_visible()
    expect(page.get_by_test_id("handover-move")).to_have_count(2)
    expect(page.get_by_text("✓ 与签字时一致")).to_have_count(2)
    look_at(page, tmp_path, "handover-signed-360")
    context.close()


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_an_incident_is_reviewed_and_closed(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    sign_in(page, stack, stack.login_of("head_nurse"))
    page.wait_for_url("**/duty")
    page.goto(f"{stack.cloud_url}/care/risks")
    expect(page.get_by_role("heading", name="九防一览（8 位在住老人）")).to_be_visible()
    look_at(page, tmp_path, "risks")
    page.get_by_role("link", name="事故登记").click()
    report = page.get_by_test_id("report-incident")
    report.get_by_test_id("elder-search").fill(ELDER)
    report.get_by_test_id("elder-select").select_option(index=1)
    page.get_by_test_id("incident-kind").select_option("scald")
    page.get_by_test_id("incident-injury").select_option("minor")
    page.get_by_test_id("incident-description").fill("打翻热水杯，烫到左手背")
    page.get_by_test_id("incident-cause").fill("杯子没有盖")
    report.get_by_role("button", name="登记").click()
    incident = page.get_by_test_id("incident")
    expect(incident).to_have_attribute("data-state", "reported")
    page.get_by_test_id("incident-review").click()
    page.get_by_test_id("ask-submit").click()
    expect(page.get_by_test_id("ask").get_by_role("alert")).to_contain_text("还没有填措施")
    page.keyboard.press("Escape")
    page.get_by_test_id("incident-measure").fill("换带盖水杯")
    page.get_by_role("button", name="保存修改").click()
    expect(incident).to_contain_text("换带盖水杯")
    for step, state in (("review", "reviewed"), ("close", "closed")):
        page.get_by_test_id(f"incident-{step}").click()
        page.get_by_test_id("ask-submit").click()
        expect(incident).to_have_attribute("data-state", state)
    page.set_viewport_size({"width": 360, "height": 740})
    look_at(page, tmp_path, "incident-360")
    page.goto(f"{stack.cloud_url}/care/risks/incidents")
    expect(page.get_by_role("cell", name="烫伤").first).to_be_visible()
    look_at(page, tmp_path, "incidents-360")
    csv = page.request.get(
        stack.cloud_url + (page.get_by_test_id("incidents-csv").get_attribute("href") or "")
    )
    assert "换带盖水杯" in csv.body().decode("utf-8-sig")

    context.close()


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_planned_drill_and_labels(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 740})
    page = context.new_page()
    sign_in(page, stack, stack.login_of("head_nurse"))
    page.wait_for_url("**/duty")
    page.goto(f"{stack.cloud_url}/shift/drills")
    page.get_by_test_id("drill-kind").select_option("fire")
    page.get_by_test_id("drill-quarter").select_option("4")
    page.get_by_role("button", name="加入计划").click()
    page.get_by_test_id("drill-done").click()
    page.get_by_test_id("ask-participants").fill("周敏、吴倩")
    page.get_by_test_id("ask-submit").click()
    expect(page.get_by_test_id("drill-standing")).to_have_attribute("data-standing", "done")
    look_at(page, tmp_path, "drills-360")

    page.goto(f"{stack.cloud_url}/care/rounds/tags")
    page.get_by_test_id("tags-fill").click()
    expect(page.locator(".bed-label img")).to_have_count(6)
    look_at(page, tmp_path, "labels-360")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    page.screenshot(path=tmp_path / "labels-print.png")
    context.close()
