"""A second confirmed fall asks for a new assessment, and its level changes tonight's rounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cloud.care.assessment.form import load_form
from edge.sos.detector import REPEAT_HOLD_S
from tests.journeys.test_gateway_alone import press
from tests.support.pages import sign_in, violations
from tests.support.processes import wait_until
from tests.support.stack import Stack

ELDER, DEVICE = "陈淑珍", "wearable-0005"
ONCE_A_SHIFT, HOURLY = "等级 0", "等级 4"


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 740})
    yield context
    context.close()


def a_confirmed_fall(stack: Stack) -> None:
    """The button on the wrist is pressed; a carer finds that it was a real fall."""
    known = {one["id"] for one in of_elder(stack)}
    press(stack, DEVICE)
    wait_until(lambda: {one["id"] for one in of_elder(stack)} - known, "the call comes", 20)
    (alert,) = [one for one in of_elder(stack) if one["id"] not in known]
    with stack.api() as api:
        said = {
            "move": "resolve", "client_time": alert["raised_at"], "finding": "real_fall",
            "injury": "minor", "cause": "起身太急", "measure": "陪护起身", "family": "told",
        }  # fmt: skip
        answer = api.post(f"/api/v1/alerts/{alert['id']}/moves", json=said)
        assert answer.status_code == 200, answer.text


def of_elder(stack: Stack) -> list[dict[str, Any]]:
    """Their alerts that are open."""
    return [one for one in stack.alerts("open") if (one["elder"] or {}).get("name") == ELDER]


def card_of(page: Page) -> Any:
    return page.get_by_test_id("round-card").filter(has_text=ELDER)


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_a_second_fall_changes_the_rounds(
    stack: Stack, browser: Browser, phone: BrowserContext, tmp_path: Path
) -> None:
    # The head nurse starts the plan of the unit and sees what it will ask for.
    desk = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900}).new_page()
    sign_in(desk, stack, stack.login_of("head_nurse"))
    desk.wait_for_url("**/duty")
    desk.goto(f"{stack.cloud_url}/care/rounds/plan")
    form = desk.get_by_test_id("round-plan")
    form.get_by_label("启用：到时提醒，漏检报警").check()
    desk.get_by_test_id("plan-preview").click()
    expect(desk.get_by_test_id("plan-load")).to_contain_text("夜班")
    form.get_by_role("button", name="保存计划").click()
    expect(form.get_by_role("status")).to_be_visible()
    desk.screenshot(path=tmp_path / "plan.png", full_page=True)
    desk.goto(f"{stack.cloud_url}/care/rounds")
    expect(card_of(desk)).to_contain_text(ONCE_A_SHIFT)
    expect(card_of(desk).get_by_text("翻身：")).to_have_count(0)

    a_confirmed_fall(stack)
    page = phone.new_page()
    sign_in(page, stack, stack.login_of("assessor"))
    page.wait_for_url("**/care/assessments")
    expect(page.get_by_text(ELDER)).to_be_visible()
    expect(page.locator(".data-table tbody tr").filter(has_text="请立即复评")).to_have_count(0)
    page.wait_for_timeout(round((REPEAT_HOLD_S + 1) * 1000))  # pressed sooner it is one call
    a_confirmed_fall(stack)
    page.reload()
    first = page.locator(".data-table tbody tr").first
    expect(first).to_contain_text(ELDER)
    expect(first).to_contain_text("确认跌倒 2 次")
    page.screenshot(path=tmp_path / "due.png")

    # Assessed at the bedside: everything at its lowest is complete loss.
    first.get_by_role("link").click()
    page.get_by_test_id("start-assessment").click()
    expect(page.get_by_test_id("counted-incidents").get_by_role("listitem")).to_have_count(2)
    for code, item in load_form().items.items():
        page.locator(f"input[name='{code}'][value='{item.options[-1].code}']").check()
    page.get_by_label("评估员一").fill("陈评")
    page.get_by_label("评估员二").fill("林估")
    page.get_by_label("信息提供者", exact=True).fill("陈小明")
    page.get_by_label("与老人的关系").fill("子女")
    page.get_by_label("信息提供者已在现场签名确认").check()
    expect(page.get_by_test_id("saved-mark")).to_have_text("已保存到服务器", timeout=15_000)
    page.get_by_test_id("file-assessment").click()
    report = page.get_by_test_id("report")
    expect(report).to_contain_text("最终等级：完全失能")
    assert violations(page) == []
    page.goto(f"{stack.cloud_url}/care/assessments")
    expect(page.locator(".data-table tbody tr").filter(has_text=ELDER)).to_have_count(0)

    # Tonight's list: every hour, and turning.
    desk.reload()
    expect(card_of(desk)).to_contain_text(HOURLY)
    expect(card_of(desk).get_by_text("翻身：")).to_be_visible()
    desk.screenshot(path=tmp_path / "rounds.png")
    desk.context.close()
