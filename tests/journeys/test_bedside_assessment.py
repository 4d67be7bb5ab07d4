"""A nurse assesses at the bedside with the network off; it is sent and filed when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from cloud.care.assessment.form import load_form
from tests.support.pages import sign_in, violations
from tests.support.processes import wait_until
from tests.support.stack import Stack

# Takes 5 points away and is dementia: 85, first level 1, final level 2.
WORSE = {"B.1.3": "1", "B.2.3": "2"}


def _wait_until_put_by(page: Page) -> None:
    """Opened where there is a network, it opens where there is none."""
    ask = "caches.match('/index.html').then(Boolean)"
    wait_until(lambda: page.evaluate(ask), "the page is put by for the bedside")


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_assessed_offline_sent_later_and_filed(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    # A phone in one hand.
    context = browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 740})
    page = context.new_page()
    sign_in(page, stack, stack.login_of("assessor"))
    page.wait_for_url("**/care/assessments")
    elder = page.locator(".data-table a").first
    name = elder.inner_text()
    elder.click()
    page.get_by_test_id("start-assessment").click()
    expect(page.get_by_test_id("progress")).to_have_text("已填 0 / 26 项")
    expect(page.get_by_test_id("saved-mark")).to_have_text("已保存到服务器", timeout=10_000)
    _wait_until_put_by(page)

    context.set_offline(True)
    for code, item in load_form().items.items():
        answer = WORSE.get(code, item.options[0].code)
        page.locator(f"input[name='{code}'][value='{answer}']").check()
    expect(page.get_by_test_id("progress")).to_have_text("已填 26 / 26 项")
    expect(page.get_by_test_id("saved-mark")).to_contain_text("已存在这台设备上")
    # The browser is closed and opened again at the bedside: still without a network.
    page.reload()
    expect(page.get_by_test_id("progress")).to_have_text("已填 26 / 26 项", timeout=10_000)
    expect(page.get_by_test_id("saved-mark")).to_contain_text("已存在这台设备上")
    page.screenshot(path=tmp_path / "reloaded.png")
    # The desk does not open from what was put by: it would look alive and be blind.
    desk = context.new_page()
    with pytest.raises(Error):
        desk.goto(f"{stack.cloud_url}/duty")
    desk.close()
    page.get_by_label("确诊痴呆").check()
    page.get_by_label("评估员一").fill("陈评")
    page.get_by_label("评估员二").fill("林估")
    page.get_by_label("信息提供者", exact=True).fill("王小明")
    page.get_by_label("与老人的关系").fill("子女")
    page.get_by_label("信息提供者已在现场签名确认").check()
    page.get_by_test_id("file-assessment").click()
    expect(page.get_by_text("没有网络，现在不能提交")).to_be_visible()
    page.screenshot(path=tmp_path / "offline.png")

    context.set_offline(False)
    expect(page.get_by_test_id("saved-mark")).to_have_text("已保存到服务器", timeout=15_000)
    assert violations(page) == []
    page.get_by_test_id("file-assessment").click()
    report = page.get_by_test_id("report")
    expect(report).to_contain_text("总分 85 / 90")
    expect(report).to_contain_text("初步等级：轻度失能")
    expect(report).to_contain_text("等级 1 → 2")
    expect(report).to_contain_text("最终等级：中度失能")
    page.screenshot(path=tmp_path / "report.png")

    # Nothing of it stays on the device.
    left = page.evaluate("Object.keys(localStorage).filter(k => k.startsWith('yuyue.assessment.'))")
    assert left == []
    pdf = page.request.get(
        stack.cloud_url + (page.locator(".report a").get_attribute("href") or "")
    )
    assert pdf.headers["content-type"] == "application/pdf"

    page.goto(f"{stack.cloud_url}/care/assessments")
    expect(page.get_by_text(name)).to_have_count(0)  # no longer due
    context.close()
