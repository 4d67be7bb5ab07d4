"""Signals: what devices measured, in one vocabulary for gateway, cloud and simulator.

All classes are frozen dataclasses made of plain values and numpy arrays, so that any codec
can carry them. Times are integer nanoseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

NS_PER_S: Final = 1_000_000_000

Int16Array = npt.NDArray[np.int16]
FloatArray = npt.NDArray[np.float64]


class SignalError(ValueError):
    """A value that cannot be a signal. `field` names what is wrong, `reason` says how."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Origin(StrEnum):
    """Where data comes from. Marked at the source and carried on every record that follows."""

    LIVE = "live"
    SIMULATED = "simulated"
    DRILL = "drill"


class Position(StrEnum):
    """Where on the body a wearable sits."""

    WRIST = "wrist"
    WAIST = "waist"
    CHEST = "chest"
    NECK = "neck"


@dataclass(frozen=True, slots=True)
class QuantityDescription:
    """One row of the quantity table.

    `unit` is the only unit a quantity is ever stored in. `low` and `high` are physical limits:
    a value outside them cannot be a measurement (it is not an alarm limit).
    """

    unit: str
    low: float
    high: float
    name_zh: str
    channels: int = 1


# Physical limits: what the quantity can be in or on a living person, or what the sensor class
# can report at all; wide on purpose, so that only nonsense falls outside.
QUANTITIES: Final = MappingProxyType(
    {
        "acceleration": QuantityDescription("g", -16.5, 16.5, "加速度", channels=3),
        "angular_rate": QuantityDescription("deg/s", -2100.0, 2100.0, "角速度", channels=3),
        "bed_motion": QuantityDescription("1", -1e6, 1e6, "床体运动"),
        "heart_rate": QuantityDescription("1/min", 0.0, 350.0, "心率"),
        "respiration_rate": QuantityDescription("1/min", 0.0, 120.0, "呼吸频率"),
        "spo2": QuantityDescription("%", 0.0, 100.0, "血氧饱和度"),
        "body_temperature": QuantityDescription("Cel", 20.0, 46.0, "体温"),
        "systolic_pressure": QuantityDescription("mmHg", 0.0, 350.0, "收缩压"),
        "diastolic_pressure": QuantityDescription("mmHg", 0.0, 250.0, "舒张压"),
        "blood_glucose": QuantityDescription("mmol/l", 0.0, 60.0, "血糖"),
        "body_weight": QuantityDescription("kg", 0.0, 400.0, "体重"),
        "steps": QuantityDescription("count", 0.0, 1e7, "步数"),
        "battery_level": QuantityDescription("%", 0.0, 100.0, "电量"),
        "air_temperature": QuantityDescription("Cel", -60.0, 90.0, "气温"),
        "relative_humidity": QuantityDescription("%RH", 0.0, 100.0, "相对湿度"),
        "presence": QuantityDescription("1", 0.0, 1.0, "有人"),
        "motion": QuantityDescription("1", 0.0, 1.0, "活动"),
        "door_open": QuantityDescription("1", 0.0, 1.0, "开门"),
        "in_bed": QuantityDescription("1", 0.0, 1.0, "在床"),
        "sos": QuantityDescription("1", 0.0, 1.0, "紧急呼叫"),
        "fall_cancel": QuantityDescription("1", 0.0, 1.0, "取消跌倒报警"),
        "worn": QuantityDescription("1", 0.0, 1.0, "佩戴"),
        "bed_load": QuantityDescription("1", -1e6, 1e6, "床面压力"),
        "bed_edge": QuantityDescription("1", 0.0, 1.0, "坐床边"),
        "body_turn": QuantityDescription("1", 0.0, 1.0, "翻身"),
        "body_movement": QuantityDescription("1", 0.0, 1.0, "体动"),
        "heart_rate_quality": QuantityDescription("1", 0.0, 1.0, "心率质量"),
        "respiration_rate_quality": QuantityDescription("1", 0.0, 1.0, "呼吸质量"),
        "smoke": QuantityDescription("1", 0.0, 1.0, "烟雾"),
        "gas": QuantityDescription("1", 0.0, 1.0, "燃气"),
        "water": QuantityDescription("1", 0.0, 1.0, "水浸"),
        "device_fault": QuantityDescription("1", 0.0, 1.0, "设备故障"),
        "motion_count": QuantityDescription("count", 0.0, 1e6, "活动次数"),
        "appliance_on": QuantityDescription("1", 0.0, 1.0, "电器使用"),
        "in_zone": QuantityDescription("1", 0.0, 1.0, "在区域内"),
        "mains_power": QuantityDescription("1", 0.0, 1.0, "市电"),
        "fall_reported": QuantityDescription("1", 0.0, 1.0, "设备报告跌倒"),
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one quantity at one time.

    `value` is in the unit of `QUANTITIES[quantity]`. `clock_uncertainty_s` is how wrong `time_ns`
    may be; None when the time was stamped on receipt.
    """

    device_id: str
    quantity: str
    time_ns: int
    value: float
    origin: Origin = Origin.LIVE
    clock_uncertainty_s: float | None = None

    def __post_init__(self) -> None:
        description = QUANTITIES.get(self.quantity)
        if description is None:
            raise SignalError("quantity", f"unknown quantity {self.quantity!r}")
        if not math.isfinite(self.value):
            raise SignalError("value", f"{self.quantity} is not a finite number: {self.value}")
        if not description.low <= self.value <= description.high:
            raise SignalError(
                "value",
                f"{self.quantity} {self.value} is outside "
                f"{description.low}..{description.high} {description.unit}",
            )


# 20 Hz is the slowest wearable we know that still shows an impact; 1 kHz is far above any
# wearable or bed sensor. Anything outside is a broken header, not a device.
MIN_WAVEFORM_RATE_HZ: Final = 1.0
MAX_WAVEFORM_RATE_HZ: Final = 1000.0
# A block longer than this would make an alarm late by itself.
MAX_WAVEFORM_DURATION_S: Final = 60.0
_BLOCK_NDIM: Final = 2  # (n, channels)


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """A block of evenly sampled values of one quantity.

    `counts` has shape (n, channels), int16; physical value = counts * scale, in the unit of the
    quantity. `full_scale` is the sensor's range in the same unit (values at it are clipped).
    Sample k is at `start_ns + k / rate_hz`. (`boot_id`, `sequence_number`) name the block within
    its device: `boot_id` grows by one at each start of the device, `sequence_number` starts at 0.
    """

    device_id: str
    quantity: str
    start_ns: int
    rate_hz: float
    scale: float
    full_scale: float
    counts: Int16Array
    sequence_number: int
    boot_id: int
    origin: Origin = Origin.LIVE
    clock_uncertainty_s: float | None = None

    def __post_init__(self) -> None:
        description = QUANTITIES.get(self.quantity)
        if description is None:
            raise SignalError("quantity", f"unknown quantity {self.quantity!r}")
        if not MIN_WAVEFORM_RATE_HZ <= self.rate_hz <= MAX_WAVEFORM_RATE_HZ:  # NaN fails too
            raise SignalError(
                "rate_hz",
                f"{self.rate_hz} is outside {MIN_WAVEFORM_RATE_HZ}..{MAX_WAVEFORM_RATE_HZ} Hz",
            )
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise SignalError("scale", f"must be a positive number, got {self.scale}")
        if not (math.isfinite(self.full_scale) and self.full_scale > 0):
            raise SignalError("full_scale", f"must be a positive number, got {self.full_scale}")
        if self.counts.dtype != np.int16 or self.counts.ndim != _BLOCK_NDIM:
            raise SignalError("counts", "must be an int16 array of shape (n, channels)")
        if self.counts.shape[1] != description.channels:
            raise SignalError(
                "counts",
                f"{self.quantity} has {description.channels} channels, got {self.counts.shape[1]}",
            )
        if not 0 < self.counts.shape[0] <= MAX_WAVEFORM_DURATION_S * self.rate_hz:
            raise SignalError(
                "counts",
                f"{self.counts.shape[0]} samples at {self.rate_hz} Hz is not a block of "
                f"at most {MAX_WAVEFORM_DURATION_S:g} s",
            )
        if self.sequence_number < 0:
            raise SignalError("sequence_number", f"must not be negative: {self.sequence_number}")
        if self.boot_id < 1:
            raise SignalError("boot_id", f"must be 1 or more, got {self.boot_id}")

    @property
    def end_ns(self) -> int:
        """Time just after the last sample: the start of the next block if none is lost."""
        return self.start_ns + round(len(self.counts) * NS_PER_S / self.rate_hz)

    def values(self) -> FloatArray:
        """Physical values, shape (n, channels), float64, in the unit of the quantity."""
        return self.counts.astype(np.float64) * self.scale


Signal = Reading | Waveform
