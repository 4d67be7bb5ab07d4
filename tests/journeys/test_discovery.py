"""A social worker works through the list of the morning, on a phone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.processes import REPOSITORY
from tests.support.stack import Stack

AXE_PATH = REPOSITORY / "cloud/web/node_modules/axe-core/axe.min.js"
PHONE_PX = 360


def check(page: Page) -> None:
    """Accessible, and nothing to be pushed sideways."""
    page.evaluate(AXE_PATH.read_text())
    found = page.evaluate(
        "async () => (await axe.run(document)).violations.map("
        "v => [v.id, ...v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary)].join('; '))"
    )
    assert found == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_PX, page.url


def social_worker(stack: Stack, browser: Browser, logins: list[dict[str, str]]) -> Page:
    """Logged in on a phone."""
    login = next(one for one in logins if one["role"] == "assessor")
    context = browser.new_context(locale="zh-CN", viewport={"width": PHONE_PX, "height": 780})
    page = context.new_page()
    page.goto(f"{stack.cloud_url}/")
    page.get_by_test_id("login-username").fill(login["username"])
    page.get_by_test_id("login-password").fill(login["password"])
    page.get_by_test_id("login-submit").click()
    page.wait_for_url("**/care/**")
    return page


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_social_worker_works_through_the_list(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    path = stack.directory / "house.json"
    if not path.exists():
        stack.run("cloud", "seed", "--out", str(path))
    page = social_worker(stack, browser, json.loads(path.read_text())["logins"])
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
