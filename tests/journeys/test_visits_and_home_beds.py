"""A social worker works a route; a home bed goes from its application into service."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.pages import check, sign_in
from tests.support.stack import Stack

# A door of the made-up house's neighbourhood (cloud/seed_home_beds.py).
HERE = {"latitude": 29.5300, "longitude": 106.4900, "accuracy": 20}


@pytest.fixture
def worker(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The head of the made-up house, who may visit and manage places, with a phone that locates."""
    context = browser.new_context(
        locale="zh-CN", viewport={"width": 1280, "height": 900}, geolocation=HERE,
        permissions=["geolocation"],
    )  # fmt: skip
    page = context.new_page()
    sign_in(page, stack, stack.house_login_of("manager"))
    page.get_by_test_id("connection-state").wait_for()
    yield page
    context.close()


def shot(page: Page, name: str) -> None:
    """Into YUYUE_SCREENSHOTS, where somebody wants to look."""
    if directory := os.environ.get("YUYUE_SCREENSHOTS"):
        page.screenshot(path=f"{directory}/visits-{name}.png", full_page=True)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_route_from_the_due_list_to_a_follow_up(worker: Page, stack: Stack) -> None:
    worker.goto(f"{stack.cloud_url}/care/visits")
    overdue = worker.locator("[data-standing=overdue]")
    expect(overdue.first).to_contain_text("已超期")
    before = overdue.count()
    name = overdue.first.get_by_role("link").first.inner_text()
    check(worker)
    shot(worker, "due")

    worker.get_by_role("link", name="今日路线").click()
    expect(worker.get_by_role("img", name=re.compile("路线图"))).to_be_visible()
    # What was pulled forward is walked first; the longest overdue may come later.
    first = worker.get_by_test_id("visit-card").filter(has_text=name)
    check(worker)
    shot(worker, "route")

    first.get_by_role("button", name="打卡").click()
    form = first.get_by_test_id("visit-form")
    expect(form.get_by_test_id("visit-place")).to_contain_text("已定位（误差约 20 米）")
    form.get_by_label("吃得少、没好好吃饭").check()
    form.get_by_test_id("visit-note").fill("冰箱里只有剩饭")
    form.get_by_test_id("visit-todo").fill("联系助餐点送午餐")
    check(worker)
    shot(worker, "check-in")
    form.get_by_role("button", name="记录这次探访").click()
    expect(form).to_have_count(0)

    worker.get_by_role("link", name="后续事项").click()
    row = worker.get_by_role("row", name=re.compile("联系助餐点送午餐"))
    expect(row).to_contain_text(name)
    row.get_by_role("button", name="完成").click()
    dialog = worker.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("周一起送")
    dialog.get_by_role("button", name="完成").click()
    expect(row).to_have_count(0)
    check(worker)

    worker.get_by_role("link", name="到期名单").click()
    expect(worker.locator("[data-standing=overdue]")).to_have_count(before - 1)
    worker.get_by_role("link", name=name).first.click()
    visits = worker.get_by_role("table", name="历次探访")
    expect(visits).to_contain_text("冰箱里只有剩饭")
    expect(visits).to_contain_text("距门口")
    check(worker)
    shot(worker, "elder")
    worker.get_by_role("link", name="助餐助浴助医").click()
    expect(worker.get_by_role("table", name="助餐、助浴、助医")).to_contain_text("已下单")
    check(worker)
    worker.get_by_role("link", name="月度结算单").click()
    expect(worker.get_by_role("heading", name=re.compile("服务结算单"))).to_be_visible()
    check(worker)
    shot(worker, "statement")
    worker.get_by_role("link", name="分组和频次").click()
    expect(worker.get_by_role("table", name="分组和频次")).to_contain_text("已核实")
    check(worker)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_home_bed_from_application_to_service(worker: Page, stack: Stack) -> None:
    worker.goto(f"{stack.cloud_url}/care/homebeds")
    expect(worker.get_by_role("table", name=re.compile("服务中"))).to_be_visible()
    check(worker)
    shot(worker, "home-beds")
    # Somebody who applied and whose assessment is still missing: the page says what is in the way.
    applied = worker.get_by_role("table", name=re.compile("已申请"))
    applied.get_by_role("link").first.click()
    expect(worker.get_by_text("还没有提交的能力评估")).to_be_visible()
    worker.go_back()

    # Somebody who was assessed: plan, agreement, fitting.
    worker.get_by_role("table", name=re.compile("已评估")).get_by_role("link").first.click()
    form = worker.get_by_test_id("move-plan")
    form.get_by_label("上门探访").check()
    form.get_by_label("助餐").check()
    check(worker)
    form.get_by_role("button", name="规划").click()
    form = worker.get_by_test_id("move-agree")
    form.get_by_test_id("agreement-text").fill("示范 1")
    form.get_by_test_id("agreement-signer").fill("女儿")
    form.get_by_role("button", name="签约").click()
    form = worker.get_by_test_id("move-begin_fitting")
    form.get_by_test_id("new-home-name").fill("试验街 8 号")
    form.get_by_role("button", name="开始安装").click()
    expect(worker.get_by_test_id("step-fitting")).to_have_attribute("aria-current", "step")
    expect(worker.get_by_text(re.compile("还有 .* 件设备没有装"))).to_be_visible()
    check(worker)
    shot(worker, "fitting")

    # Refused before it is all fitted, with every reason; then fitted on the home's own page.
    form = worker.get_by_test_id("move-accept")
    form.get_by_test_id("accepted-by").fill("女儿")
    form.get_by_role("button", name="验收").click()
    expect(form.get_by_role("alert")).to_contain_text("安装清单还有 8 项没有完成")
    bed_url = worker.url
    home_id = fit_all(worker, stack, bed_url)
    worker.goto(bed_url)
    form = worker.get_by_test_id("move-accept")
    form.get_by_test_id("accepted-by").fill("女儿")
    form.get_by_role("button", name="验收").click()
    worker.get_by_test_id("move-start").get_by_role("button", name="开始服务").click()
    expect(worker.get_by_test_id("step-in_service")).to_have_attribute("aria-current", "step")
    check(worker)
    shot(worker, "in-service")
    worker.goto(f"{stack.cloud_url}/operator/places/homes/{home_id}")
    expect(worker.get_by_text("服务中")).to_be_visible()


def fit_all(page: Page, stack: Stack, bed_url: str) -> str:
    """Everything of the home's list and checklist, by the calls its own page makes."""
    api = page.context.request
    where = f"{stack.cloud_url}/api/v1"
    changes = {"X-Yuyue-Request": "1"}
    bed = api.get(f"{where}/home-beds/{bed_url.rpartition('/')[2]}").json()
    home_id = str(bed["row"]["home_id"])
    home = api.get(f"{where}/homes/{home_id}").json()
    for line in home["kit"]:
        answer = api.put(
            f"{where}/homes/{home_id}/kit/{line['id']}", headers=changes,
            data={"kind": line["kind"], "fitted": True},
        )  # fmt: skip
        assert answer.ok, answer.text()
    for point in home["checks"]:
        answer = api.put(
            f"{where}/homes/{home_id}/checks/{point['id']}", headers=changes, data={"done": True}
        )
        assert answer.ok, answer.text()
    return home_id
