"""A clerk decides on a list and undoes it; a relative reads what may be had and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.pages import sign_in, too_wide_px, violations
from tests.support.stack import Stack

PHONE = {"width": 360, "height": 740}
LIST = """某区低保人员名单,,,
姓 名,身份证号码,出生日期,救助类别
王 秀兰,,1941年3月12日,城市低保
马无人,,1944-05-01,特困
李*强,,1938-09-05,低保
""".encode("gbk")


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_a_clerk_imports_a_gbk_list_decides_and_undoes(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_context(locale="zh-CN", viewport=PHONE).new_page()
    sign_in(page, stack, stack.login_of("assessor"))
    page.wait_for_url("**/care/assessments")
    page.goto(f"{stack.cloud_url}/care/matching")
    page.get_by_test_id("list-source").fill("示范区民政局")
    page.get_by_test_id("list-as-of").fill("2026-01-31")
    page.get_by_test_id("list-purpose").fill("核对救助身份")
    page.get_by_test_id("list-basis").fill("信息共享协议 2026-01")
    page.get_by_test_id("list-file").set_input_files(
        {"name": "低保.csv", "mimeType": "text/csv", "buffer": LIST}
    )
    page.screenshot(path=tmp_path / "new-list.png", full_page=True)
    assert violations(page) == []
    page.get_by_test_id("new-list").get_by_role("button", name="上传并比对").click()
    state = page.get_by_test_id("list-state")
    expect(state).to_have_attribute("data-state", "ready", timeout=20_000)

    row = page.get_by_test_id("match-row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("可能（姓名和出生日期）")
    expect(row).to_contain_text("经济困难情况：待核实 → 低保")
    page.screenshot(path=tmp_path / "changed.png", full_page=True)
    assert violations(page) == []
    assert too_wide_px(page) == 0
    row.get_by_test_id("apply").click()
    page.get_by_test_id("ask-submit").click()
    expect(row.get_by_test_id("decided")).to_contain_text("已写进档案")
    row.get_by_test_id("undo").click()
    expect(row.get_by_test_id("decided")).to_contain_text("已撤销")

    page.get_by_test_id("group-unreadable").click()
    expect(row).to_contain_text("姓名不完整（含 * 或乱码）")
    page.get_by_test_id("group-new").click()
    expect(row).to_contain_text("档案里没有这个人")
    row.get_by_test_id("task").click()
    expect(row.get_by_test_id("decided")).to_contain_text("已开走访任务")
    page.screenshot(path=tmp_path / "new.png", full_page=True)
    page.goto(f"{stack.cloud_url}/care/services")
    expect(page.get_by_text("示范区民政局名单第 4 行")).to_be_visible()
    page.screenshot(path=tmp_path / "tasks.png", full_page=True)
    assert violations(page) == []
    page.context.close()


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_a_relative_reads_what_may_be_had_and_what_is_missing(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_context(locale="zh-CN", viewport=PHONE).new_page()
    sign_in(page, stack, stack.login_of("family"))
    page.wait_for_url("**/family/today")
    card = page.get_by_test_id("family-entitlements")
    card.locator("summary").first.click()
    expect(page.get_by_test_id("family-met")).to_contain_text("高龄津贴")
    unknown = page.get_by_test_id("family-unknown")
    expect(unknown).to_contain_text("护理补贴")
    expect(unknown).to_contain_text("还不知道：经济困难情况")
    page.screenshot(path=tmp_path / "relative.png", full_page=True)
    assert violations(page) == []
    assert too_wide_px(page) == 0
    page.get_by_role("link", name="看解读手册").click()
    expect(page.get_by_role("heading", name="探访服务")).to_be_visible()
    page.screenshot(path=tmp_path / "handbook.png")
    assert violations(page) == []
    assert too_wide_px(page) == 0
    page.context.close()


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_a_head_nurse_sees_whom_a_rule_would_touch_before_it_is_published(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_context(locale="zh-CN", viewport=PHONE).new_page()
    sign_in(page, stack, stack.login_of("head_nurse"))
    page.get_by_test_id("connection-state").wait_for()
    page.goto(f"{stack.cloud_url}/care/services/rules")
    page.get_by_test_id("rules-title").fill("示范区清单")
    page.get_by_test_id("new-rules").get_by_role("button", name="开始").click()
    allowance = page.get_by_test_id("service-old_age_allowance")
    allowance.get_by_role("button", name="修改").click()
    allowance.get_by_label("值").fill("95")
    expect(page.get_by_text("草稿有没保存的改动")).to_be_visible()
    page.get_by_test_id("rule-editor").get_by_role("button", name="保存草稿").click()
    page.get_by_test_id("rule-from").fill("2099-01-01")
    page.get_by_test_id("rule-preview").get_by_role("button", name="看会影响谁").click()
    seen = page.get_by_test_id("rule-seen")
    expect(seen).to_contain_text("位老人，会有")
    page.screenshot(path=tmp_path / "preview.png", full_page=True)
    assert violations(page) == []
    assert too_wide_px(page) == 0
    page.get_by_test_id("publish-rules").click()
    page.get_by_test_id("ask-reason").fill("示范区 2099 年第 1 号文")
    page.get_by_test_id("ask-submit").click()
    expect(page.get_by_text("示范区 2099 年第 1 号文")).to_be_visible()
    page.context.close()
