"""States of Zigbee2MQTT devices: a JSON object by property, as `bridge/devices` defines it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge.signals import Signal
from gateway.drivers.base import DriverError
from gateway.drivers.mqtt_state import readings, unpacked
from gateway.mqtt.frames import Binding
from gateway.mqtt.templates import Context, NoValueError


def decode_zigbee2mqtt(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """The readings of a state. Raises DriverError."""
    context, definition = unpacked(payload)
    try:
        content = context.json
    except NoValueError as error:
        raise DriverError("not_json", str(error)) from error
    if not isinstance(content, dict):
        raise DriverError("not_json", "is no JSON object")
    return readings(device_id, context, definition, _property, received_ns)


def _property(binding: Binding, context: Context) -> Any:
    return context.json.get(binding.path)


def decode_availability(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """`online`, `offline`, or `{"state": ...}`: whether the bridge reaches the device."""
    context, definition = unpacked(payload)
    return readings(device_id, context, definition, _state, received_ns)


def _state(_binding: Binding, context: Context) -> Any:
    text = context.text.strip()
    if not text.startswith("{"):
        return text
    content = context.json
    return content.get("state") if isinstance(content, dict) else None
