"""Limits of measured vital signs: defaults from the domain notes, and this person's own."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final

from edge.signals import SignalError


@dataclass(frozen=True, slots=True)
class Band:
    """Limits of one quantity, in its own unit; infinite where there is none.

    Outside `plausible_*` the device is at fault, not the person. `hold_s` 0: one reading is enough,
    and a repeat is asked for. `margin` is how far inside the warning band a value must be to end an
    alarm.
    """

    plausible_low: float
    plausible_high: float
    warning_low: float
    warning_high: float
    critical_low: float
    critical_high: float
    hold_s: float
    margin: float

    def outside_warning(self, value: float) -> bool:
        """Beyond the warning band."""
        return value < self.warning_low or value > self.warning_high

    def outside_critical(self, value: float) -> bool:
        """Beyond the critical band."""
        return value < self.critical_low or value > self.critical_high

    def well_inside(self, value: float) -> bool:
        """Inside the warning band by the margin."""
        return self.warning_low + self.margin <= value <= self.warning_high - self.margin

    def plausible(self, value: float) -> bool:
        """Can be a measurement on a living person."""
        return self.plausible_low <= value <= self.plausible_high


_INF: Final = math.inf
# domain/records-and-privacy.md section 3 (all D). Margins (D): about the noise between readings of
# a good device, so that a value that sits on a limit does not raise and end alarms in turn.
BANDS: Final = MappingProxyType(
    {
        "heart_rate": Band(25, 220, 50, 110, 40, 130, 30, 3),
        "respiration_rate": Band(4, 60, 10, 24, 8, 30, 60, 1),
        "spo2": Band(50, 100, 92, _INF, 88, _INF, 30, 1),
        "body_temperature": Band(30, 43, 35.5, 37.8, 35.0, 39.0, 0, 0.2),
        "systolic_pressure": Band(50, 260, 95, 160, 85, 185, 0, 5),
        "blood_glucose": Band(1, 35, 4.0, 13.9, 3.0, 20, 0, 0.3),
    }
)
_NAMES: Final = tuple(field.name for field in fields(Band))


def person_bands(overrides: dict[str, float]) -> dict[str, Band]:
    """Bands with this person's overrides (`heart_rate.warning_low`). Raises SignalError."""
    bands = {}
    for quantity, default in BANDS.items():
        values = {
            name: overrides.get(f"{quantity}.{name}", getattr(default, name)) for name in _NAMES
        }
        band = Band(**values)
        _check(quantity, band)
        bands[quantity] = band
    return bands


def _check(quantity: str, band: Band) -> None:
    order = (
        ("critical_low", "warning_low"),
        ("warning_low", "warning_high"),
        ("warning_high", "critical_high"),
        ("plausible_low", "critical_low"),
        ("critical_high", "plausible_high"),
    )
    for lower, upper in order:
        low, high = getattr(band, lower), getattr(band, upper)
        if upper == "plausible_high" and math.isinf(low):
            continue
        if not low <= high:
            raise SignalError(f"{quantity}.{lower}", f"{low} is above {upper} {high}")
    if not 0 <= band.hold_s < _INF:
        raise SignalError(f"{quantity}.hold_s", f"cannot be {band.hold_s}")
    if band.margin < 0 or band.warning_low + band.margin > band.warning_high - band.margin:
        raise SignalError(f"{quantity}.margin", f"{band.margin} leaves no band")
