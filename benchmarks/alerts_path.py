"""Sensor to browser over the whole hub: broker, gateway, cloud and Chromium, all real."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from playwright.sync_api import Page

from benchmarks.desk import hub_with_desk
from tests.support.processes import wait_until
from tests.support.stack import Stack

# Calls of one device within 10 s are one call; a second call joins one that nobody has answered.
_BETWEEN_S = 11.0
_MS = 1e3


def path(presses: int) -> list[list[str]]:
    """`presses` calls without decision windows; then falls of simulated wearers, with them."""
    with hub_with_desk() as (stack, page):
        calls = _calls(stack, page, presses)
        falls = _falls(stack, page)
    return [
        ["committed to drawn in a browser", _told([c[1] for c in calls]), "300 ms"],
        ["sensor message to drawn, no windows", _told([c[0] for c in calls]), "p99 under 1 s"],
        ["fall to drawn, windows included", _told(falls), "median 2 s, p99 5 s"],
    ]


def _told(values_ms: Sequence[float]) -> str:
    if not values_ms:
        return "nothing seen"
    found = [float(np.percentile(values_ms, q)) for q in (50, 99)]
    return f"median {found[0]:.0f}, p99 {found[1]:.0f} ms (n={len(values_ms)})"


def _calls(stack: Stack, page: Page, presses: int) -> list[tuple[float, float]]:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="benchmark-calls")
    client.username_pw_set(stack.mosquitto.username, stack.mosquitto.password)
    client.connect("127.0.0.1", stack.mosquitto.port)
    client.loop_start()
    devices = [entry["device_id"] for entry in stack.seed["devices"]]
    found, last_s = [], 0.0
    for number in range(presses):
        device_id = devices[number % len(devices)]
        if number % len(devices) == 0:
            time.sleep(max(0.0, last_s + _BETWEEN_S - time.monotonic()))
            last_s = time.monotonic()
        sent_s = time.time()
        topic = f"yuyue/v1/{device_id}/senml"
        client.publish(topic, json.dumps([{"n": "sos", "v": 1, "t": sent_s}]), qos=1)
        alert = wait_until(lambda d=device_id: _open_call(stack, d), "the call is there", 30)
        drawn_ms = _drawn_ms(page, alert["id"])
        with stack.api() as api:
            story = api.get(f"/api/v1/alerts/{alert['id']}").json()
            committed = next(hop["at"] for hop in story["ledger"] if hop["hop"] == "committed")
            found.append((drawn_ms - sent_s * _MS, drawn_ms - _to_ms(committed)))
            _resolve(api, alert["id"])
    client.loop_stop()
    return found


def _open_call(stack: Stack, device_id: str) -> dict[str, Any] | None:
    calls = (a for a in stack.alerts() if a["code"] == "sos" and a["device_id"] == device_id)
    return next(calls, None)


def _falls(stack: Stack, page: Page) -> list[float]:
    """One fall of each wearer: from the impact to the desk."""
    wearers = [entry["device_id"] for entry in stack.seed["devices"]][:4]
    for number, device_id in enumerate(wearers):
        stack.sim(
            "wearable", "--device-id", device_id, "--position", "waist", "--seed", str(7 + number),
            "--fall-after-s", str(12 + 2 * number), name=f"fall-{device_id}",
        )  # fmt: skip
    found: dict[str, float] = {}

    def all_seen() -> bool:
        for alert in stack.alerts():
            if alert["code"].startswith("fall") and alert["id"] not in found:
                found[alert["id"]] = _drawn_ms(page, alert["id"]) - _to_ms(alert["happened_at"])
        return len(found) >= len(wearers)

    wait_until(all_seen, "all falls are on the desk", 120)
    return list(found.values())


def _drawn_ms(page: Page, alert_id: str) -> float:
    # The frame after the card came: it is asked for until it is there.
    card = page.locator(f"[data-alert-id='{alert_id}'][data-shown-at]")
    return float(card.get_attribute("data-shown-at", timeout=10_000) or "nan")


def _to_ms(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp() * _MS


def _resolve(api: Any, alert_id: str) -> None:
    at = datetime.now().astimezone().isoformat()
    body = {"move": "resolve", "finding": "test", "client_time": at}
    api.post(f"/api/v1/alerts/{alert_id}/moves", json=body)
