"""A new user by docs/gateway.md: a gateway is made, enrolled and told its broker; a device never
seen before is found, accepted and somebody's, and its readings are on that elder's page.
"""

from __future__ import annotations

import json
import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from firmware_sim.transports.bridges import Message, ZigbeeBridge, ZigbeeDevice
from tests.gateway.test_found_end_to_end import HEAD_NURSE, elder_named, publish
from tests.journeys.test_records_pages import check
from tests.support.pages import sign_in
from tests.support.processes import Process, free_port, wait_until
from tests.support.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]
IEEE, ELDER = "0x00158d00000000e7", "刘德明"
SOON_MS = 30_000


def log_in(browser: Browser, house: Stack, role: str) -> Page:
    page = browser.new_context(
        locale="zh-CN", viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    ).new_page()
    sign_in(page, house, house.login_of(role))
    page.get_by_test_id("login-submit").wait_for(state="detached")
    return page


def shell(house: Stack, command: str, data_dir: Path) -> Process:
    """A line that the installer types, in the environment that the page says."""
    name, *arguments = shlex.split(command)
    assert name == "yuyue"
    environment = {
        "YUYUE_GATEWAY_DATA_DIR": str(data_dir),
        "YUYUE_GATEWAY_LOCAL_ALARM_HOST": "127.0.0.1",
        "YUYUE_GATEWAY_LOCAL_ALARM_PORT": str(free_port()),
    }
    return Process(arguments[1], arguments, {**os.environ, **environment}, house.directory)


def ends_well(process: Process) -> str:
    process.start()
    assert process.wait(60) == 0, process.log_tail()
    return process.log_tail()


def tell(house: Stack, *messages: Message) -> None:
    """In a thread of its own: the browser has this one's event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(publish, house, "zigbee", *messages).result(30)


def test_from_no_gateway_to_readings_on_an_elders_page(house: Stack, browser: Browser) -> None:
    data_dir = house.directory / "new"
    operator = log_in(browser, house, "operator")
    operator.goto(f"{house.cloud_url}/operator/gateways")
    operator.get_by_label("新网关的名称").fill("二楼网关")
    operator.get_by_role("button", name="新建并取登记码").click()
    command = operator.locator(".gateway-code pre").inner_text()
    check(operator)
    assert "PIN" in ends_well(shell(house, command, data_dir))
    operator.get_by_role("button", name="已记下，关闭").click()
    gateway = shell(house, "yuyue gateway run", data_dir)
    house._start(gateway)

    row = operator.get_by_role("row").filter(has_text="二楼网关")
    row.get_by_role("button", name="设置").click()
    for label, value in (
        ("MQTT 服务器", "127.0.0.1"), ("MQTT 端口", str(house.mosquitto.port)),
        ("MQTT 用户名", house.mosquitto.username), ("MQTT 密码", house.mosquitto.password),
    ):  # fmt: skip
        operator.get_by_label(label).fill(value)
    operator.get_by_role("button", name="保存设置").click()
    expect(row).to_contain_text("mqtt 正常", timeout=SOON_MS)
    check(operator)
    operator.get_by_role("button", name="收起").click()
    doctor = shell(house, "yuyue gateway doctor --json", data_dir)
    doctor.start()
    doctor.wait(60)
    checks = json.loads(doctor.log_path.read_text())
    # Nobody wears the made-up house's devices.
    assert {one["name"] for one in checks if one["level"] == "fail"} == {"devices"}

    bridge = ZigbeeBridge({IEEE: ZigbeeDevice(IEEE, "203/卫生间", ("motion", "battery_level"))})
    tell(house, *bridge.announce(), *bridge.state(IEEE, motion=1, battery_level=88))
    # Whoever has the technical side alone chooses beds and rooms there; she knows people.
    nurse = log_in(browser, house, "head_nurse")
    nurse.goto(f"{house.cloud_url}/operator/found")
    found = nurse.get_by_role("row").filter(has_text=IEEE)
    found.wait_for(timeout=SOON_MS)
    check(nurse)
    found.get_by_role("button", name="接收").click()
    dialog = nurse.get_by_role("dialog")
    dialog.get_by_label("属于").click()
    dialog.get_by_label("属于").fill(ELDER)
    nurse.locator(".ant-select-item-option").filter(has_text=ELDER).first.click()
    dialog.get_by_role("button", name="接收").click()
    expect(found).to_have_count(0, timeout=SOON_MS)

    def measured() -> bool:
        tell(house, *bridge.state(IEEE, motion=1, battery_level=87))
        with house.api(HEAD_NURSE) as api:
            page = api.get(f"/api/v1/elders/{elder_id}/page").json()
        return any(one["device_id"] == IEEE for one in page["latest"])

    with house.api(HEAD_NURSE) as api:
        elder_id = elder_named(api, ELDER)
    wait_until(measured, "what it measures is the elder's", 30)
    nurse.goto(f"{house.cloud_url}/care/elders/{elder_id}")
    latest = nurse.get_by_role("row").filter(has_text=IEEE)
    expect(latest.filter(has_text="87")).to_have_count(1)
    check(nurse)
    for page in (operator, nurse):
        page.context.close()
