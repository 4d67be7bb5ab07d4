"""A clerk finds a free bed for somebody unnamed; a head of house finds who can come to an elder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.pages import PHONE_PX, check, sign_in, too_wide_px
from tests.support.stack import Login, Stack


@pytest.fixture
def enter(browser: Browser, stack: Stack) -> Iterator[Callable[[Login], Page]]:
    """A browser of one's own, logged in."""
    contexts = []

    def open_as(login: Login) -> Page:
        context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        sign_in(page, stack, login)
        page.wait_for_function("!location.pathname.startsWith('/login')")
        return page

    yield open_as
    for context in contexts:
        context.close()


def shot(page: Page, name: str) -> None:
    """Into YUYUE_SCREENSHOTS, where somebody wants to look: on a desk, and on a phone."""
    if directory := os.environ.get("YUYUE_SCREENSHOTS"):
        page.screenshot(path=f"{directory}/caremap-{name}.png", full_page=True)
        page.set_viewport_size({"width": PHONE_PX, "height": 740})
        page.screenshot(path=f"{directory}/caremap-{name}-360.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_clerk_finds_a_free_bed_for_somebody_unnamed(
    enter: Callable[[Login], Page], stack: Stack
) -> None:
    clerk = enter(stack.bureau_login())
    clerk.goto(f"{stack.cloud_url}/bureau/map")
    expect(clerk.get_by_role("heading", name="机构和床位（5 家）")).to_be_visible()
    expect(clerk.get_by_role("img", name="5 家机构的位置示意图")).to_be_visible()
    expect(clerk.get_by_role("list").filter(has_text="两江颐年公寓")).to_contain_text("空 4 / 6")
    expect(clerk.get_by_role("table", name="等待中的需求")).to_contain_text("·· 渝悦康养中心")
    check(clerk)
    shot(clerk, "bureau")

    # By keyboard alone: nursing beds, from the house in the middle, within 10 km.
    kind = clerk.get_by_test_id("need-kind")
    while "护理" not in kind.evaluate("e => e.selectedOptions[0].text"):
        kind.press("ArrowDown")
    clerk.get_by_test_id("need-from").select_option(label="渝悦康养中心（示范）")
    clerk.get_by_role("group", name="必须有").get_by_label("失能卧床照护").check()
    expect(clerk.get_by_role("heading", name="机构和床位（2 家）")).to_be_visible()
    clerk.get_by_role("button", name="匹配").press("Enter")
    result = clerk.get_by_test_id("match-result")
    expect(result).to_contain_text("合适的（2）")
    expect(result.locator("ol > li").first).to_contain_text("有必须的：失能卧床照护")
    result.locator("summary").press("Enter")
    expect(result.locator("details")).to_contain_text("没有这类床位，只有：普通床位")
    check(clerk)
    shot(clerk, "bureau-matched")
    clerk.get_by_test_id("language-switch").click()
    expect(result).to_contain_text("has what is needed: care of bedridden people")
    said = result.inner_text()
    assert not [one["name"] for one in stack.house()["logins"] if one["name"] in said]
    clerk.set_viewport_size({"width": PHONE_PX, "height": 740})
    assert too_wide_px(clerk) == 0


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_head_of_house_finds_who_can_come_and_keeps_the_entry(
    enter: Callable[[Login], Page], stack: Stack
) -> None:
    head = enter(stack.house_login_of("manager"))
    head.goto(f"{stack.cloud_url}/care/map")
    needs = head.get_by_role("table", name="等待中的老人")
    expect(needs).to_contain_text("申请家庭养老床位（已申请）")
    check(head)
    shot(head, "needs")
    needs.get_by_role("button").first.press("Enter")
    expect(head.get_by_test_id("need-kind")).to_be_focused()
    head.get_by_test_id("need-kind").select_option("responder")
    head.get_by_test_id("need-from").select_option("elder")
    head.get_by_role("group", name="必须有").get_by_label("助浴").check()
    head.get_by_role("button", name="匹配", exact=True).last.click()
    result = head.get_by_test_id("match-result")
    expect(result).to_contain_text("工作人员")
    expect(result.locator("details")).to_contain_text("没有必须的：助浴")
    check(head)
    shot(head, "responders")

    head.get_by_role("link", name="人员技能").click()
    expect(head.get_by_role("table", name="本院人员和互助人员")).to_contain_text("互助人员 · 和")
    check(head)
    shot(head, "skills")
    head.get_by_role("link", name="本院登记").click()
    form = head.get_by_test_id("care-map-profile")
    form.get_by_test_id("profile-address").fill("")
    form.get_by_role("button", name="保存").click()
    expect(form.get_by_role("alert")).to_contain_text("公布前请填写地址")
    form.get_by_test_id("profile-address").fill("示范路 1 号 2 栋")
    form.get_by_role("button", name="保存").click()
    expect(form.get_by_role("status")).to_be_visible()
    check(head)
    shot(head, "profile")
    head.goto(f"{stack.cloud_url}/bureau/map")
    expect(head.get_by_text("示范路 1 号 2 栋")).to_be_visible()
