"""One person's sensors, at the desk and at a daughter's: bed, inactivity, one and all silent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import paho.mqtt.client as paho
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.pages import sign_in, violations
from tests.support.processes import wait_until
from tests.support.stack import Stack

ELDER = "黄建平"
MANAGER, RELATIVE = 4, 7
SENSORS = {
    "pir-kitchen": {"role": "motion", "room": "厨房", "room_kind": "kitchen"},
    "pir-hall": {"role": "motion", "room": "走廊", "room_kind": "hall"},
    "mat-303": {"role": "bed", "room": "卧室", "room_kind": "bedroom"},
}
BEAT_S = 20
HISTORY_S = 3 * 3600


@pytest.fixture
def publish(stack: Stack) -> Iterator[Callable[[str, list[dict[str, Any]]], None]]:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set(stack.mosquitto.username, stack.mosquitto.password)
    client.connect("127.0.0.1", stack.mosquitto.port)
    client.loop_start()

    def send(device_id: str, values: list[dict[str, Any]]) -> None:
        for start in range(0, len(values), 500):
            pack = values[start : start + 500]
            pack[0] = {**pack[0], "origin": "simulated"}
            topic = f"yuyue/v1/{device_id}/senml"
            said = stack.tagged(topic, json.dumps(pack).encode())
            client.publish(topic, said, qos=1).wait_for_publish(10)

    yield send
    client.disconnect()
    client.loop_stop()


def set_up(stack: Stack) -> str:
    """Sensors, plan, a daughter with consent; the elder's id."""
    now = datetime.now(UTC)
    with stack.api(MANAGER) as api:

        def done(answer: Any) -> Any:
            assert answer.status_code < 300, answer.text
            return answer.json() if answer.content else None

        (elder,) = [e for e in done(api.get("/api/v1/coverage"))["elders"]
                    if e["elder_name"] == ELDER]  # fmt: skip
        elder_id = elder["elder_id"]
        for device_id, sensor in SENSORS.items():
            kind = "bed" if sensor["role"] == "bed" else "motion"
            done(api.post("/api/v1/devices", json={
                "id": device_id, "model": "demo", "kind": kind}))  # fmt: skip
            done(api.put(f"/api/v1/devices/{device_id}/sensor", json=sensor))
            done(api.post(f"/api/v1/devices/{device_id}/assignments", json={
                "elder_id": elder_id, "at": (now - timedelta(hours=20)).isoformat()}))  # fmt: skip
        hour = now.astimezone(ZoneInfo("Asia/Shanghai")).hour
        done(api.put(f"/api/v1/elders/{elder_id}/watch-plan", json={
            "lives_alone": True, "requires": ["inactivity", "bed"], "overrides": {
                "bed.night_from_h": (hour - 6) % 24, "bed.night_until_h": (hour + 6) % 24,
                "inactivity.start_limit_s": 1800, "inactivity.min_limit_s": 1500}}))  # fmt: skip
        done(api.post(f"/api/v1/elders/{elder_id}/family", json={
            "name": "黄丽", "relationship": "女儿", "username": "jiashu",
            "may_see": ["presence", "night", "alerts", "coverage"]}))  # fmt: skip
        members = done(api.get(f"/api/v1/elders/{elder_id}/family"))
        (member,) = [m for m in members["family"] if m["name"] == "黄丽"]
        done(api.post(f"/api/v1/elders/{elder_id}/consents", json={
            "purpose": "family_sharing", "family_member_id": member["id"],
            "kinds": ["presence", "night", "alerts", "coverage"], "text_version": "1",
            "signer": "self", "signer_name": ELDER, "valid_from": now.isoformat()}))  # fmt: skip
    return str(elder_id)


def open_family(browser: Browser, stack: Stack) -> Page:
    page = browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 740}).new_page()
    sign_in(page, stack, stack.login(RELATIVE), "/family")
    return page


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(480)
def test_bed_inactivity_and_coverage_reach_the_desk_and_the_family_is_never_told_well(
    stack: Stack, browser: Browser, open_desk: Callable[[int], Page],
    publish: Callable[[str, list[dict[str, Any]]], None],
) -> None:  # fmt: skip
    set_up(stack)
    desk, relative = open_desk(0), open_family(browser, stack)
    mood = relative.get_by_test_id("family-card").filter(has_text=ELDER)
    person = desk.get_by_test_id("coverage-person").filter(has_text=ELDER)
    expect(person).to_have_attribute("data-state", "blind", timeout=30_000)
    expect(mood).to_have_attribute("data-mood", "not_seen", timeout=30_000)

    def heard() -> bool:
        publish("pir-kitchen", [{"n": "battery_level", "u": "%", "v": 90, "t": -HISTORY_S}])
        time.sleep(1)
        return stack.last_data_at("pir-kitchen") is not None

    wait_until(heard, "the gateway knows the new sensors", 60)
    now = time.time()

    def beats(until_s: float) -> list[dict[str, Any]]:
        times = range(-HISTORY_S + BEAT_S, round(until_s), BEAT_S)
        return [{"n": "battery_level", "u": "%", "v": 90, "t": now + t} for t in times]

    # The hall's sensor is unplugged an hour ago; the bed was left 40 minutes ago.
    streams = {
        "pir-kitchen": beats(-5) + [
            {"n": "motion", "v": 1, "t": now + t} for t in range(-HISTORY_S + 60, -4800, 300)],
        "pir-hall": beats(-3600) + [
            {"n": "motion", "v": 1, "t": now + t} for t in range(-HISTORY_S + 90, -4800, 300)],
        "mat-303": [
            *beats(-5),
            {"n": "in_bed", "v": 1, "t": now - 4500},
            {"n": "in_bed", "v": 0, "t": now - 2400},
        ],
    }  # fmt: skip
    merged = sorted(
        ((value["t"], name, value) for name, values in streams.items() for value in values),
        key=lambda entry: entry[0],
    )
    for _, name, value in _runs(merged):
        publish(name, value)

    expect(person).to_have_attribute("data-state", "degraded", timeout=60_000)
    expect(person).to_contain_text("走廊")
    expect(person).to_contain_text("活动监测不完整")
    for codes in (("bed_exit_no_return",), ("inactivity",), ("device_offline", "coverage_blind")):
        # The silent devices' alert becomes that of the blind elder when the last one is gone.
        wanted = ", ".join(f'[data-testid=alert-card][data-code="{code}"]' for code in codes)
        expect(desk.locator(wanted).filter(has_text=ELDER).first).to_be_visible(timeout=30_000)
    expect(mood).not_to_have_attribute("data-mood", "calm")

    # Then everything falls silent.
    expect(person).to_have_attribute("data-state", "blind", timeout=200_000)
    expect(desk.locator('[data-testid=alert-card][data-code="coverage_blind"]')
           .filter(has_text=ELDER)).to_have_count(1, timeout=30_000)  # fmt: skip
    relative.reload()
    expect(mood).to_be_visible(timeout=30_000)
    expect(mood).not_to_have_attribute("data-mood", "calm")
    expect(relative.get_by_test_id("family-coverage").first).to_have_attribute(
        "data-state", "blind"
    )
    # Blind is told in words and signs that everybody can read.
    assert violations(relative) == []
    relative.context.close()


def _runs(
    entries: list[tuple[float, str, dict[str, Any]]],
) -> Iterator[tuple[float, str, list[Any]]]:
    """In the order of time, a minute of one sensor at once: as sensors would have spoken."""
    chunk: dict[str, list[Any]] = {}
    begin = entries[0][0]
    for at, name, value in entries:
        if at - begin >= 60:
            yield from ((begin, key, values) for key, values in chunk.items())
            chunk, begin = {}, at
        chunk.setdefault(name, []).append(value)
    yield from ((begin, key, values) for key, values in chunk.items())
