"""How urgent an event is beyond its code's default: what the detector says of it decides."""

from __future__ import annotations

from typing import Final

from cloud.alerts.codes import Priority
from edge.events import Event, EventKind

# alarms.md, 1: a battery below this is medium.
BATTERY_EMPTY_PERCENT: Final = 5.0


def priority_of(event: Event) -> Priority | None:
    """Its own priority, None: that of its code."""
    said = {reason.code: reason.values for reason in event.reasons}
    if event.kind is EventKind.DEVICE_OFFLINE and "alarm_device" in said:
        return Priority.MEDIUM  # without it nobody can call, or a fall goes unseen
    if event.kind is EventKind.BATTERY_LOW:
        percent = said.get("battery", {}).get("percent", 100.0)
        return Priority.MEDIUM if percent < BATTERY_EMPTY_PERCENT else None
    if event.kind is EventKind.GEOFENCE and "needs_company" in said:
        return Priority.HIGH
    return None
