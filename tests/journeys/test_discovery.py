"""A social worker works through the list of the morning, on a phone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.faces import switch_language
from tests.support.pages import PHONE_PX, check, sign_in
from tests.support.stack import Stack

SHOTS = os.environ.get("YUYUE_SCREENSHOTS")


def social_worker(stack: Stack, browser: Browser) -> Page:
    """Logged in on a phone."""
    context = browser.new_context(locale="zh-CN", viewport={"width": PHONE_PX, "height": 780})
    page = context.new_page()
    sign_in(page, stack, stack.house_login_of("assessor"))
    page.wait_for_url("**/care/**")
    return page


def to_the_end(page: Page, stack: Stack, left: int, asked_for: str, shots: Path) -> None:
    """Whom nobody sees first, then the others; and what was asked for is worked off."""
    cards = page.get_by_test_id("discovery-card")
    switch_language(page)
    for number in range(left, 0, -1):
        expect(cards).to_have_count(number)
        cards.first.get_by_role("button", name="核实为真").click()
        cards.first.get_by_label("看到的情况").fill("已上门，插座松了，已恢复")
        cards.first.get_by_role("button", name="保存").click()
    expect(page.get_by_text("今天没有需要核实的老人")).to_be_visible()
    check(page)
    page.screenshot(path=shots / "discovery-done.png", full_page=True)
    page.goto(f"{stack.cloud_url}/care/services")
    asked = page.get_by_role("row").filter(has_text=f"{asked_for}上门探访：主动发现")
    expect(asked).to_contain_text("看看腿和夜里的情况")
    check(page)
    page.screenshot(path=shots / "discovery-asked.png", full_page=True)
    asked.get_by_role("button", name="办结").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("办理情况").fill("膝关节疼，已约家庭医生")
    dialog.get_by_role("button", name="办结").click()
    expect(asked).to_have_count(0)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_social_worker_works_through_the_list(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    page = social_worker(stack, browser)
    shots = tmp_path if SHOTS is None else Path(SHOTS)
    page.goto(f"{stack.cloud_url}/care/discovery")
    cards = page.get_by_test_id("discovery-card")
    expect(cards.first).to_be_visible()
    before = cards.count()
    assert before >= 4
    # Whom nothing is seen of stands first, whatever the points.
    expect(cards.first).to_contain_text("什么都看不到：不等于平安")
    check(page)
    page.screenshot(path=shots / "discovery-list.png", full_page=True)

    names = [cards.nth(n).get_attribute("data-elder") for n in range(before)]

    def card(number: int) -> Locator:
        return page.locator(f"[data-testid=discovery-card][data-elder='{names[number]}']")

    # A drop with its curve: a visit is asked for, and the case stays until it is answered.
    card(1).get_by_role("button", name="看曲线").click()
    expect(card(1).get_by_test_id("discovery-curve").first).to_contain_text("平时")
    card(1).get_by_role("button", name="安排").click()
    card(1).get_by_label("补充说明").fill("看看腿和夜里的情况")
    check(page)
    page.screenshot(path=shots / "discovery-ask.png", full_page=True)
    card(1).get_by_role("button", name="保存").click()
    expect(card(1).get_by_test_id("discovery-task")).to_contain_text("上门探访")

    # It is so.
    card(2).get_by_role("button", name="核实为真").click()
    card(2).get_by_label("看到的情况").fill("夜里起身多，脚肿，已联系家庭医生")
    card(2).get_by_role("button", name="保存").click()
    expect(card(2)).to_have_count(0)

    # It is not, and why.
    card(3).get_by_role("button", name="排除").click()
    card(3).get_by_test_id("dismiss-code").select_option("habit")
    page.screenshot(path=shots / "discovery-dismiss.png", full_page=True)
    card(3).get_by_role("button", name="保存").click()
    expect(card(3)).to_have_count(0)
    expect(cards).to_have_count(before - 2)
    expect(page.get_by_test_id("discovery-stats")).to_contain_text("作息改变，本人安好 1")

    # The history says who did what.
    card(1).get_by_role("link").first.click()
    expect(page.get_by_text("安排上门探访（许文）")).to_be_visible()
    expect(page.get_by_test_id("discovery-curve").first).to_be_visible()
    check(page)
    page.screenshot(path=shots / "discovery-history.png", full_page=True)
    page.goto(f"{stack.cloud_url}/care/discovery")
    switch_language(page)
    expect(page.get_by_role("heading", name="Today's list")).to_be_visible()
    expect(cards.first).to_contain_text("nothing could be seen")
    page.screenshot(path=shots / "discovery-english.png", full_page=True)
    to_the_end(page, stack, before - 2, str(names[1]), shots)
    page.context.close()
