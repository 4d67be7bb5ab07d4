"""States of devices that announce themselves to Home Assistant: a template an entity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge.signals import Signal
from gateway.drivers.base import DriverError
from gateway.drivers.mqtt_state import readings, unpacked
from gateway.mqtt.frames import Binding
from gateway.mqtt.templates import Context, NoValueError, TemplateError, compiled


def decode_home_assistant(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """The readings of a state. Raises DriverError."""
    context, definition = unpacked(payload)
    if any("value_json" in binding.path for binding in definition.bindings):
        try:
            _ = context.json
        except NoValueError as error:
            raise DriverError("not_json", str(error)) from error
    try:
        return readings(device_id, context, definition, _rendered, received_ns)
    except TemplateError as error:
        raise DriverError("bad_frame", str(error)) from error


def _rendered(binding: Binding, context: Context) -> Any:
    return compiled(binding.path)(context)
