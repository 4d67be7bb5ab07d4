"""Events: what detectors say, with the evidence to judge it and to repeat it.

An event is plain data, carried unchanged from the gateway to the screen. Its id is computed from
what happened, so that a replay of the same signals gives the same id and nothing shows twice.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from edge.signals import Origin

# Fixed for ever: changing it would make old and new ids of the same event differ.
_EVENT_NAMESPACE: Final = uuid.UUID("5f0c6a5e-8a53-5d2b-9a63-7f0b8d1f2c41")


class EventKind(StrEnum):
    """What happened. Codes as in the alarm table of the domain notes, plus what follows them."""

    FALL_SUSPECTED = "fall_suspected"
    FALL_CONFIRMED = "fall_confirmed"
    FALL_RECOVERED = "fall_recovered"
    FALL_CANCELLED = "fall_cancelled"
    SOS = "sos"
    # Bed. `bed_exit_cleared` is the return to bed after `bed_exit_no_return`; `_high`: silence
    # everywhere after leaving the bed at night.
    BED_EXIT = "bed_exit"
    BED_EXIT_NO_RETURN = "bed_exit_no_return"
    BED_EXIT_NO_RETURN_HIGH = "bed_exit_no_return_high"
    BED_EXIT_CLEARED = "bed_exit_cleared"
    BED_EDGE = "bed_edge"
    BED_RESTLESS = "bed_restless"
    BED_RESTLESS_CLEARED = "bed_restless_cleared"
    NO_TURNING = "no_turning"
    NO_TURNING_CLEARED = "no_turning_cleared"
    NIGHT_SUMMARY = "night_summary"
    # Vital signs. A critical one is never closed by values alone: `vital_critical_eased`.
    VITAL_WARNING = "vital_warning"
    VITAL_WARNING_CLEARED = "vital_warning_cleared"
    VITAL_CRITICAL = "vital_critical"
    VITAL_CRITICAL_EASED = "vital_critical_eased"
    VITAL_TREND = "vital_trend"
    # Room and home.
    BATH_DWELL = "bath_dwell"
    BATH_DWELL_HIGH = "bath_dwell_high"
    BATH_DWELL_CLEARED = "bath_dwell_cleared"
    DOOR_LEFT_OPEN = "door_left_open"
    DOOR_LEFT_OPEN_CLEARED = "door_left_open_cleared"
    NIGHT_EXIT = "night_exit"
    NIGHT_EXIT_CLEARED = "night_exit_cleared"
    GEOFENCE = "geofence"
    GEOFENCE_CLEARED = "geofence_cleared"
    CLIMATE = "climate"
    CLIMATE_CLEARED = "climate_cleared"
    SMOKE = "smoke"
    SMOKE_CLEARED = "smoke_cleared"
    GAS = "gas"
    GAS_CLEARED = "gas_cleared"
    WATER = "water"
    WATER_CLEARED = "water_cleared"
    DEVICE_FAULT = "device_fault"
    DEVICE_FAULT_CLEARED = "device_fault_cleared"
    # Routine. `_high` is the same finding at 1.5 times its limit.
    INACTIVITY = "inactivity"
    INACTIVITY_HIGH = "inactivity_high"
    INACTIVITY_CLEARED = "inactivity_cleared"
    NO_RETURN = "no_return"
    NO_RETURN_HIGH = "no_return_high"
    NO_RETURN_CLEARED = "no_return_cleared"
    # Coverage: what the hub can and cannot see of a person.
    DEVICE_OFFLINE = "device_offline"
    DEVICE_OFFLINE_CLEARED = "device_offline_cleared"
    BATTERY_LOW = "battery_low"
    BATTERY_LOW_CLEARED = "battery_low_cleared"
    # The gateway's own machine runs on its battery.
    MAINS_LOST = "mains_lost"
    MAINS_LOST_CLEARED = "mains_lost_cleared"
    COVERAGE_DEGRADED = "coverage_degraded"
    COVERAGE_BLIND = "coverage_blind"
    COVERAGE_PROTECTED = "coverage_protected"


# Nobody waits for these: they may go behind a backlog.
UNHURRIED_KINDS: Final = frozenset(
    {
        EventKind.NIGHT_SUMMARY,
        EventKind.VITAL_TREND,
        EventKind.BED_RESTLESS,
        EventKind.BED_RESTLESS_CLEARED,
    }
)


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """Who decided, and all that the decision depended on besides the signal (range, position)."""

    name: str
    version: str
    settings: dict[str, float | int | str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The signal around the moment, as the detector saw it.

    `counts` is little-endian int16, C order, shape (n, channels); value = counts * scale in `unit`.
    `moment_ns` is the instant the event is about (for a fall, the impact). The window starts early
    enough that the same detector, fed only this window, takes the same decision.
    """

    quantity: str
    unit: str
    start_ns: int
    rate_hz: float
    scale: float
    channels: int
    counts: bytes
    moment_ns: int


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason in words a nurse understands: a code the UI translates, with its numbers."""

    code: str
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something a detector says happened to whoever the device belonged to at `time_ns`.

    `episode_id` is shared by all events of one happening (suspected, confirmed, recovered).
    `time_ns` is when it happened; `decided_ns` is the time of the last sample the decision needed.
    `confidence` is in 0..1. `subject_id` (an elder, or a room) is set where the finding is about
    somebody watched through many devices; whose it is is then not asked of the device.
    """

    event_id: str
    episode_id: str
    kind: EventKind
    device_id: str
    time_ns: int
    decided_ns: int
    confidence: float
    reasons: tuple[Reason, ...]
    detector: DetectorInfo
    origin: Origin
    evidence: Evidence | None = None
    subject_id: str | None = None


def stable_id(*parts: str | int) -> str:
    """A UUID that depends only on `parts`: the same happening has the same id on every run."""
    return str(uuid.uuid5(_EVENT_NAMESPACE, "|".join(str(part) for part in parts)))
