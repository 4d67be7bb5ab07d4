"""A new gateway by docs/gateway.md, and the night on which its line is cut: real parts, a phone."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.pages import violations
from tests.support.processes import Process, free_port, wait_until
from tests.support.proxy import Line
from tests.support.stack import CHANGES, Stack

PHONE = {"width": 360, "height": 740}
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


def operator(house: Stack) -> httpx.Client:
    login = next(entry for entry in house.seed["logins"] if entry["role"] == "operator")
    client = httpx.Client(base_url=house.cloud_url, headers=CHANGES, timeout=10)
    answer = client.post(
        "/api/v1/session", json={"username": login["username"], "password": login["password"]}
    )
    assert answer.status_code == 200, answer.text
    return client


def enrol(house: Stack, code: str, data_dir: Path) -> str:
    """As the installer does; the PIN of the local page."""
    process = Process(
        "enroll",
        ["gateway", "enroll", "--cloud", f"http://127.0.0.1:{house.proxy.port}", "--code", code,
         "--data-dir", str(data_dir)],
        {}, house.directory,
    )  # fmt: skip
    process.start()
    assert process.wait(60) == 0, process.log_tail()
    for name in ("identity.json", "settings.json", "registry.json", "local_pin.json"):
        assert (data_dir / name).stat().st_mode & 0o077 == 0
    found = re.search(r"PIN of the local alarm page: (\d{8})", process.log_tail())
    assert found, process.log_tail()
    return found[1]


def press(house: Stack, device_id: str) -> None:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set(house.mosquitto.username, house.mosquitto.password)
    client.connect("127.0.0.1", house.mosquitto.port)
    client.loop_start()
    body = json.dumps([{"n": "sos", "v": 1}]).encode()
    client.publish(f"yuyue/v1/{device_id}/senml", body, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def log_in(page: Page, pin: str) -> None:
    page.get_by_label("您的姓名").fill("张护士")
    page.get_by_label("本地密码").fill(pin)
    page.get_by_role("button", name="登录").click()


def test_enrolled_by_a_code_and_alone_in_the_night(house: Stack, browser: Browser) -> None:
    client, port, data_dir = operator(house), free_port(), house.directory / "second"
    made = client.post("/api/v1/gateways", json={"name": "二楼网关"}).json()
    path = f"/api/v1/gateways/{made['gateway']['id']}"
    pin = enrol(house, made["code"], data_dir)
    environment = {
        "YUYUE_GATEWAY_DATA_DIR": str(data_dir),
        "YUYUE_GATEWAY_LOCAL_ALARM_HOST": "127.0.0.1",
        "YUYUE_GATEWAY_LOCAL_ALARM_PORT": str(port),
    }
    gateway = Process("second", ["gateway", "run"], {**os.environ, **environment}, house.directory)
    house._start(gateway)
    # The broker is told by the cloud, while the gateway runs.
    settings = {
        "mqtt_port": house.mosquitto.port, "mqtt_username": house.mosquitto.username,
        "mqtt_password": house.mosquitto.password, "local_alarm_delay_s": 2,
    }  # fmt: skip
    assert client.put(f"{path}/settings", json=settings).status_code == 200

    def row() -> dict[str, Any]:
        rows = client.get("/api/v1/gateways").json()["gateways"]
        return next(dict(row) for row in rows if row["id"] == made["gateway"]["id"])

    wait_until(lambda: row()["sources"].get("mqtt"), "settings applied, the broker takes it", 30)
    assert row()["settings_applied"] == 2

    page = browser.new_context(locale="zh-CN", viewport=PHONE).new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    assert violations(page) == []
    log_in(page, pin)
    expect(page.locator("#cloud")).to_contain_text("云端正常")
    expect(page.locator("#sound")).to_contain_text("声音已开启")

    house.proxy.set_line(Line.CUT)
    press(house, "wearable-0001")
    alarm = page.locator("#alarms li")
    expect(alarm).to_contain_text("紧急呼叫", timeout=20_000)
    expect(alarm).to_contain_text(house.device("wearable-0001")["elder"])
    expect(page.locator("#cloud")).to_contain_text("云端不可用", timeout=20_000)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    alarm.get_by_role("button").click()
    expect(alarm).to_contain_text("张护士 已确认")
    assert house.alerts() == []
    time.sleep(3)

    house.proxy.set_line(Line.UP)
    (alert,) = wait_until(house.alerts, "the cloud has the call", 40)
    wait_until(lambda: house.alerts()[0]["acknowledged_by"], "and who answered it", 20)
    (alert,) = house.alerts()
    assert alert["acknowledged_by"] == "张护士 @ 二楼网关"
    assert alert["late_s"] > 3
    expect(alarm).to_contain_text("已报到云端", timeout=20_000)
    expect(page.locator("#cloud")).to_contain_text("云端正常", timeout=20_000)
    with house.api() as desk:
        ledger = desk.get(f"/api/v1/alerts/{alert['id']}").json()["ledger"]
    hops = {hop["hop"] for hop in ledger}
    assert {"local_raised", "local_shown", "local_acknowledged"} <= hops

    gateway.stop()
    expect(page.locator("#line")).to_be_visible(timeout=25_000)  # blind is never shown as well
    client.post(f"{path}/revoke")
    client.close()
    page.context.close()
