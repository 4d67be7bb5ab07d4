"""A house is built by its pages: places, a home bed, an elder, a device; then readings are seen."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from edge.signals import Reading
from edge.wire import Batch, Lane, Record
from tests.support.pages import check, sign_in
from tests.support.stack import Stack


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The head of the made-up house, who may do all of it, on a computer."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    sign_in(opened, stack, stack.house_login_of("manager"))
    opened.get_by_test_id("connection-state").wait_for()
    yield opened
    context.close()


def add_place(page: Page, kind: str, name: str, under: str | None = None) -> None:
    form = page.get_by_test_id("add-place")
    form.get_by_test_id("place-kind").select_option(kind)
    form.get_by_test_id("place-name").fill(name)
    if under is not None:
        form.get_by_test_id("place-parent").select_option(label=under)
    form.get_by_role("button", name="新增").click()
    expect(form.get_by_role("status")).to_have_text("已保存")


def send_reading(stack: Stack, token: str, device_id: str, value: float) -> None:
    """As a gateway of that house."""
    now_ns = time.time_ns()
    held = Record(1, now_ns, reading=Reading(device_id, "heart_rate", now_ns, value))
    batch = Batch(1, "outbox-journey", Lane.BULK, 1, now_ns, [held])
    answer = httpx.post(
        f"{stack.cloud_url}/api/v1/ingest",
        content=msgspec.json.encode(batch),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_from_an_empty_room_to_a_heart_rate(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.cloud_url}/operator/places")
    add_place(page, "unit", "9 楼 试验区")
    add_place(page, "room", "901", "9 楼 试验区")
    add_place(page, "bed", "1", "9 楼 试验区 901")
    add_place(page, "home", "试验家", "9 楼 试验区")
    expect(page.get_by_role("table", name="9 楼 试验区")).to_contain_text("空床")
    rename_room(page)
    page.get_by_role("link", name="打开 试验家").click()
    expect(page.get_by_role("heading", name="试验家")).to_be_visible()
    check(page)

    page.goto(f"{stack.cloud_url}/care/elders")
    form = page.get_by_test_id("add-elder")
    form.get_by_test_id("elder-name").fill("单桂英")
    form.get_by_test_id("elder-birth").fill("1941-03-12")
    check(page)
    form.get_by_role("button", name="新建档案").click()
    page.wait_for_url(re.compile(r"/care/elders/[0-9a-f-]{36}$"))
    expect(page.get_by_text("没有同意书，以下数据不采集")).to_be_visible()
    move = page.get_by_test_id("move-in")
    move.get_by_test_id("move-in-bed").select_option(label="9 楼 试验区 902-1")
    move.get_by_role("button", name="办理入住或换床").click()
    expect(page.get_by_role("heading", name="902-1 床")).to_be_visible()
    consent = page.get_by_test_id("add-consent")
    for purpose in ("safety", "vitals"):
        consent.get_by_test_id("consent-purpose").select_option(purpose)
        consent.get_by_test_id("consent-text").fill("2026-1")
        consent.get_by_role("button", name="登记同意书").click()
        expect(consent.get_by_role("status")).to_have_text("已保存")
    expect(page.get_by_text("没有同意书")).to_have_count(0)
    check(page)
    record_url = page.url

    page.goto(f"{stack.cloud_url}/operator/devices")
    take_in_and_assign(page)
    check(page)

    printed = stack.run(
        "cloud", "add-gateway", "旅程网关", "--institution", stack.house()["institution"]
    )
    found = re.search(r"YUYUE_GATEWAY_TOKEN=(\S+)", printed)
    assert found is not None, printed
    send_reading(stack, found[1], "journey-watch", 68.0)
    page.goto(record_url)
    row = page.get_by_role("row").filter(has_text="心率")
    expect(row).to_contain_text("68")
    expect(row).to_contain_text("journey-watch")
    see_coverage_and_chart(page, stack)


def rename_room(page: Page) -> None:
    """By a dialog, which is as accessible as the page."""
    page.get_by_text("房间管理 · 9 楼 试验区").click()
    room = page.get_by_role("listitem").filter(has_text="9 楼 试验区 901")
    room.get_by_role("button", name="改名").click()
    page.get_by_test_id("ask-name").fill("902")
    check(page)
    page.get_by_test_id("ask-submit").click()
    expect(page.get_by_role("table", name="9 楼 试验区")).to_contain_text("902")
    check(page)


def see_coverage_and_chart(page: Page, stack: Stack) -> None:
    # No gateway watches over this unit, and the page says so beside the value.
    expect(page.get_by_test_id("elder-coverage")).to_have_attribute("data-state", "blind")
    chart = page.get_by_test_id("elder-chart")
    expect(chart.get_by_role("img")).to_have_attribute("aria-label", re.compile("最低 68"))
    expect(chart.get_by_test_id("chart-gaps")).to_contain_text("没有给老人分配设备")
    check(page)
    page.goto(f"{stack.cloud_url}/care/risks/tasks")
    expect(page.get_by_role("table", name="九防待办")).to_contain_text("单桂英")
    check(page)


def take_in_and_assign(page: Page) -> None:
    form = page.get_by_test_id("add-device")
    form.get_by_test_id("device-id").fill("journey-watch")
    form.get_by_test_id("device-model").fill("watch-1")
    form.get_by_role("button", name="登记设备").click()
    expect(form.get_by_role("status")).to_have_text("已保存")
    give = page.get_by_test_id("assign-device")
    give.get_by_test_id("assign-id").fill("journey-watch")
    give.get_by_test_id("elder-search").fill("shangui")
    give.get_by_test_id("elder-select").select_option(label="单桂英 · 9 楼 试验区 902-1 床")
    give.get_by_role("button", name="分配设备").click()
    expect(give.get_by_role("status")).to_have_text("已保存")
