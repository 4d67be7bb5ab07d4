"""Score alarms against recordings, event by event: one fall per fall recording.

A hit is an alarm from 1 s before to 30 s after the labelled impact. Every alarm in a recording
of daily activity, or earlier in a fall recording, is false; false alarms within 10 s are one.
Falls with less than 1 s before or 3 s after the impact are left out ("short").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from edge.fall.training.recordings import Recording

HIT_BEFORE_S: Final = 1.0
HIT_AFTER_S: Final = 30.0
MERGE_S: Final = 10.0
MIN_HEAD_S: Final = 1.0
MIN_TAIL_S: Final = 3.0
_Z_95: Final = 1.96
_S_PER_H: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One recording: was its fall hit, how late, and which alarms were false."""

    hit: bool
    eligible: bool
    latency_s: float | None
    false_s: tuple[float, ...]
    hours: float


def judge(recording: Recording, alarms_s: Iterable[float]) -> Verdict:
    """Score the alarms of one recording; times in s since its first sample."""
    impact_s = recording.impact_s if recording.is_fall else math.inf
    hit, latency_s, false_s, last_s = False, None, [], -math.inf
    for alarm_s in sorted(alarms_s):
        if alarm_s < impact_s - HIT_BEFORE_S:
            if alarm_s - last_s >= MERGE_S:
                false_s.append(alarm_s)
                last_s = alarm_s
        elif not hit and alarm_s <= impact_s + HIT_AFTER_S:
            hit, latency_s = True, alarm_s - impact_s
    if not recording.is_fall:
        return Verdict(False, False, None, tuple(false_s), recording.duration_s / _S_PER_H)
    eligible = recording.duration_s - impact_s >= MIN_TAIL_S and impact_s >= MIN_HEAD_S
    hours = max(0.0, impact_s - HIT_BEFORE_S) / _S_PER_H
    return Verdict(hit, eligible, latency_s, tuple(false_s), hours)


@dataclass(slots=True)
class Row:
    """One line of the table. Rates are NaN where there is nothing to divide by."""

    group: str
    falls: int = 0
    short: int = 0
    hits: int = 0
    activities: int = 0
    quiet: int = 0
    false_alarms: int = 0
    hours: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    def add(self, recording: Recording, verdict: Verdict) -> None:
        """Count one recording."""
        self.false_alarms += len(verdict.false_s)
        self.hours += verdict.hours
        if not recording.is_fall:
            self.activities += 1
            self.quiet += not verdict.false_s
        elif not verdict.eligible:
            self.short += 1
        else:
            self.falls += 1
            self.hits += verdict.hit
            if verdict.latency_s is not None:
                self.latencies_s.append(verdict.latency_s)

    @property
    def sensitivity(self) -> float:
        """Share of eligible falls that were hit."""
        return _share(self.hits, self.falls)

    @property
    def specificity(self) -> float:
        """Share of recordings of daily activity without any alarm."""
        return _share(self.quiet, self.activities)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), where FP are false alarms."""
        if not self.falls:
            return math.nan
        return 2 * self.hits / (self.hits + self.falls + self.false_alarms)

    @property
    def false_per_hour(self) -> float:
        """False alarms per hour of recorded activity."""
        return self.false_alarms / self.hours if self.hours else math.nan

    def latency_s(self, percentile: float) -> float:
        """Percentile of the time from the labelled impact to the alarm."""
        return float(np.percentile(self.latencies_s, percentile)) if self.latencies_s else math.nan


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def wilson(part: int, whole: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson)."""
    if not whole:
        return math.nan, math.nan
    share, z2 = part / whole, _Z_95 * _Z_95
    centre = share + z2 / (2 * whole)
    half = _Z_95 * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole))
    return (centre - half) / (1 + z2 / whole), (centre + half) / (1 + z2 / whole)


def by_group(recording: Recording) -> tuple[str, ...]:
    """The line of the table a recording belongs to."""
    return recording.dataset, str(recording.position), recording.age_group


def table(
    recordings: Iterable[Recording],
    alarms: Mapping[str, Iterable[float]],
    key: Callable[[Recording], tuple[str, ...]] = by_group,
) -> list[Row]:
    """One row per group in order, then one for all of trunk, of wrist, and of everything."""
    rows: dict[str, Row] = {}
    totals = {name: Row(name) for name in ("TRUNK", "WRIST", "ALL")}
    for recording in recordings:
        verdict = judge(recording, alarms.get(recording.rec_id, ()))
        part = "WRIST" if recording.position == "wrist" else "TRUNK"
        name = "/".join(key(recording))
        for row in (rows.setdefault(name, Row(name)), totals[part], totals["ALL"]):
            row.add(recording, verdict)
    used = [row for row in totals.values() if row.falls or row.activities or row.short]
    return [rows[name] for name in sorted(rows)] + used
