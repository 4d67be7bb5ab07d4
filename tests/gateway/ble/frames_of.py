"""Shorthand for frames in these tests."""

from __future__ import annotations

from datetime import UTC, datetime

from edge.signals import Reading, Signal
from gateway.ble.frames import notification_frame
from gateway.drivers import match_topic

# 2026-07-24 10:15:30 in Shanghai.
SHANGHAI_S = 8 * 3600
LOCAL = datetime(2026, 7, 24, 10, 15, 0, tzinfo=UTC)
NOW_NS = (int(LOCAL.timestamp()) - SHANGHAI_S + 30) * 10**9
LOCAL_BYTES = bytes.fromhex("ea0707180a0f00")


def decode(kind: str, payload: bytes) -> list[Signal]:
    device_id, driver = match_topic(f"ble/v1/d-1/{kind}")
    return list(driver(device_id, payload, NOW_NS))


def values(signals: list[Signal]) -> dict[str, float]:
    assert all(isinstance(s, Reading) for s in signals)
    return {s.quantity: s.value for s in signals if isinstance(s, Reading)}


def notified(hex_value: str) -> bytes:
    return notification_frame(bytes.fromhex(hex_value), SHANGHAI_S)
