"""A social worker works through the list of the morning, on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.pages import PHONE_PX, check, sign_in
from tests.support.stack import Stack


def social_worker(stack: Stack, browser: Browser) -> Page:
    """Logged in on a phone."""
    context = browser.new_context(locale="zh-CN", viewport={"width": PHONE_PX, "height": 780})
    page = context.new_page()
    sign_in(page, stack, stack.house_login_of("assessor"))
    page.wait_for_url("**/care/**")
    return page


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_social_worker_works_through_the_list(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    page = social_worker(stack, browser)
    page.goto(f"{stack.cloud_url}/care/discovery")
    cards = page.get_by_test_id("discovery-card")
    expect(cards.first).to_be_visible()
    before = cards.count()
    assert before >= 4
    # Whom nothing is seen of stands first, whatever the points.
    expect(cards.first).to_contain_text("什么都看不到：不等于平安")
    check(page)
    page.screenshot(path=tmp_path / "list.png", full_page=True)

    names = [cards.nth(n).get_attribute("data-elder") for n in range(before)]

    def card(number: int) -> Locator:
        return page.locator(f"[data-testid=discovery-card][data-elder='{names[number]}']")

    # A drop with its curve: a visit is asked for, and the case stays until it is answered.
    card(1).get_by_role("button", name="看曲线").click()
    expect(card(1).get_by_test_id("discovery-curve").first).to_contain_text("平时")
    card(1).get_by_role("button", name="安排").click()
    card(1).get_by_label("补充说明").fill("看看腿和夜里的情况")
    check(page)
    page.screenshot(path=tmp_path / "ask.png", full_page=True)
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
    page.screenshot(path=tmp_path / "dismiss.png", full_page=True)
    card(3).get_by_role("button", name="保存").click()
    expect(card(3)).to_have_count(0)
    expect(cards).to_have_count(before - 2)
    expect(page.get_by_test_id("discovery-stats")).to_contain_text("作息改变，本人安好 1")

    # The history says who did what.
    card(1).get_by_role("link").first.click()
    expect(page.get_by_text("安排上门探访（许文）")).to_be_visible()
    expect(page.get_by_test_id("discovery-curve").first).to_be_visible()
    check(page)
    page.screenshot(path=tmp_path / "history.png", full_page=True)
    page.goto(f"{stack.cloud_url}/care/discovery")
    page.get_by_test_id("language-switch").click()
    expect(page.get_by_role("heading", name="Today's list")).to_be_visible()
    expect(cards.first).to_contain_text("nothing could be seen")
    page.screenshot(path=tmp_path / "english.png", full_page=True)
    page.context.close()
