"""Slow changes: the last days against the weeks before, per person and quantity."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np

# The last 3 days against the up to 28 before them: a change of season or of a medicine becomes the
# new usual in a month; one bad night does not make three days.
RECENT_DAYS: Final = 3
BASELINE_DAYS: Final = 28
MIN_BASELINE_DAYS: Final = 10
# Robust z from which a change stands out of the person's own day-to-day variation.
MIN_Z: Final = 3.0
# 1.4826 times the median absolute deviation estimates a standard deviation.
_MAD_TO_SD: Final = 1.4826


@dataclass(frozen=True, slots=True)
class TrendRule:
    """`least` is the smallest change that matters to care (D); `bin` the resolution of medians."""

    least: float
    bin: float


TRENDS: Final = MappingProxyType(
    {
        "heart_rate": TrendRule(10.0, 1.0),
        "respiration_rate": TrendRule(3.0, 0.5),
        "spo2": TrendRule(2.0, 0.5),
        "body_temperature": TrendRule(0.5, 0.1),
        "systolic_pressure": TrendRule(15.0, 1.0),
        "diastolic_pressure": TrendRule(10.0, 1.0),
        "blood_glucose": TrendRule(2.0, 0.1),
        "body_weight": TrendRule(2.0, 0.1),
    }
)


@dataclass(slots=True)
class Trend:
    """Medians of the last 31 days with values; a histogram of today."""

    day: int = -1
    today: dict[str, int] = field(default_factory=dict)
    days: list[int] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    told: int = 0  # the direction last told: -1, 0, +1

    def add(self, value: float, day: int, rule: TrendRule) -> None:
        """A value of today (`close` has ended every earlier day)."""
        self.day = day
        key = str(round(value / rule.bin))
        self.today[key] = self.today.get(key, 0) + 1

    def close(self, rule: TrendRule) -> None:
        """The day is over: keep its median."""
        if self.today:
            bins = sorted((int(key), count) for key, count in self.today.items())
            half, seen = sum(count for _, count in bins) / 2, 0
            for index, count in bins:
                seen += count
                if seen >= half:
                    self.days.append(self.day)
                    self.medians.append(round(index * rule.bin, 3))
                    break
        self.today = {}
        oldest = self.day - BASELINE_DAYS - RECENT_DAYS
        keep = [i for i, day in enumerate(self.days) if day > oldest]
        self.days = [self.days[i] for i in keep]
        self.medians = [self.medians[i] for i in keep]

    def change(self, rule: TrendRule) -> tuple[float, float, float] | None:
        """(recent, usual, z), it stands out from |z| >= MIN_Z; None while too little is known."""
        split = self.day - RECENT_DAYS
        recent = [m for d, m in zip(self.days, self.medians, strict=True) if d > split]
        before = [m for d, m in zip(self.days, self.medians, strict=True) if d <= split]
        if len(recent) < RECENT_DAYS or len(before) < MIN_BASELINE_DAYS:
            return None
        usual, now = float(np.median(before)), float(np.median(recent))
        spread = _MAD_TO_SD * float(np.median(np.abs(np.array(before) - usual)))
        return now, usual, (now - usual) / max(spread, rule.least / MIN_Z)
