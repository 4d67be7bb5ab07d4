"""Devices that a gateway hears and nobody has accepted: what it tells the cloud of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from edge.subject import SensorRole

# One report. A house with more strangers than this hears its neighbours' too.
MAX_FOUND: Final = 256
# Often enough for an operator who stands beside the device; new ones are told at once.
FOUND_INTERVAL_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """One device, as heard until now.

    `transport`: ble or mqtt. `format`: whose format it speaks (bthome, xiaomi, gatt, zigbee2mqtt,
    home_assistant, senml, waveform). `quantities`: the last value of each, None where it is not a
    single number or was only announced. `link`: how it would be reached, as in RegisteredDevice.
    `problem`: why its messages cannot be used yet, as a reason of the quarantine (`no_bind_key`).
    """

    device_id: str
    transport: str
    format: str
    first_heard_ns: int
    last_heard_ns: int
    messages: int
    suggested_role: SensorRole | None
    name: str = ""
    vendor: str = ""
    model: str = ""
    description: str = ""
    rssi_dbm: int | None = None
    link_quality: int | None = None
    quantities: dict[str, float | None] = field(default_factory=dict)
    link: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class FoundReport:
    """All strangers a gateway knows now, by the registry of this version."""

    sent_ns: int
    registry_version: int
    devices: list[FoundDevice]


# The first row that a device fits says what it most likely is. Falls before presence: a radar
# tells both. What the installer says counts in the end.
_ROLES: Final[tuple[tuple[frozenset[str], SensorRole], ...]] = (
    (frozenset({"acceleration", "angular_rate", "steps", "worn"}), SensorRole.WEARABLE),
    (frozenset({"in_bed", "bed_motion", "bed_load", "bed_edge"}), SensorRole.BED),
    (frozenset({"fall_reported", "presence"}), SensorRole.RADAR),
    (frozenset({"smoke"}), SensorRole.SMOKE),
    (frozenset({"gas"}), SensorRole.GAS),
    (frozenset({"water"}), SensorRole.WATER),
    (frozenset({"door_open"}), SensorRole.DOOR),
    (frozenset({"motion", "motion_count"}), SensorRole.MOTION),
    (frozenset({"sos"}), SensorRole.BUTTON),
    (
        frozenset(
            {"systolic_pressure", "blood_glucose", "body_temperature", "body_weight", "spo2",
             "heart_rate", "respiration_rate"}
        ),
        SensorRole.SPOT_VITALS,
    ),
    (frozenset({"appliance_on"}), SensorRole.APPLIANCE),
    (frozenset({"in_zone"}), SensorRole.LOCATOR),
    (frozenset({"air_temperature", "relative_humidity"}), SensorRole.CLIMATE),
)  # fmt: skip


def suggested_role(quantities: Collection[str]) -> SensorRole | None:
    """What a device that measures this is most likely for; None where nothing says it."""
    measured = set(quantities)
    return next((role for wanted, role in _ROLES if wanted & measured), None)
