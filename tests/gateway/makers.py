"""Signals, events and a clock for these tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.events import DetectorInfo, Event, EventKind, Evidence, Reason, stable_id
from edge.signals import Origin, Reading, Waveform
from edge.wire import RejectedFrame

T0_NS = 1_790_000_000_000_000_000
S = 1_000_000_000


@dataclass
class HandClock:
    """Moves only when told."""

    ns: int = T0_NS

    def now_ns(self) -> int:
        return self.ns

    def monotonic_s(self) -> float:
        return self.ns / S

    def advance(self, seconds: float) -> None:
        self.ns += round(seconds * S)


def reading(n: int = 0, device_id: str = "w-1", quantity: str = "steps") -> Reading:
    return Reading(device_id, quantity, T0_NS + n * S, float(n))


def block(
    number: int, boot_id: int = 1, device_id: str = "w-1", quantity: str = "acceleration"
) -> Waveform:
    return Waveform(
        device_id=device_id,
        quantity=quantity,
        start_ns=T0_NS + number * S,
        rate_hz=50.0,
        scale=0.000122,
        full_scale=4.0,
        counts=np.full((50, 3), number % 1000, dtype=np.int16),
        sequence_number=number,
        boot_id=boot_id,
        origin=Origin.SIMULATED,
    )


def event(name: str | int, device_id: str = "w-1") -> Event:
    event_id = stable_id("test", name)
    return Event(
        event_id=event_id,
        episode_id=event_id,
        kind=EventKind.FALL_SUSPECTED,
        device_id=device_id,
        time_ns=T0_NS,
        decided_ns=T0_NS + S,
        confidence=0.75,
        reasons=(Reason("impact", {"peak_g": 3.5}),),
        detector=DetectorInfo("test", "1", {"limit_g": 2.5, "n": 3, "name": "x", "on": True}),
        origin=Origin.LIVE,
        evidence=Evidence("acceleration", "g", T0_NS, 50.0, 0.001, 3, b"\x01\x02" * 9, T0_NS),
    )


def refused(reason: str = "truncated", device_id: str | None = "w-1") -> RejectedFrame:
    return RejectedFrame("mqtt:topic", T0_NS, reason, "too short", b"\x00\xff", device_id)
