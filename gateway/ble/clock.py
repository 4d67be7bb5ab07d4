"""The clock of a device that counts its samples, mapped to ours.

What arrives is late by the radio's delay, never early: the least lateness of the last while is
the best guess of the offset. The mapping is moved gently, so that blocks neither overlap nor gap,
and set anew when it is off by more than a gap.
"""

from __future__ import annotations

from collections import deque
from typing import Final

# About a minute of one-second blocks: drift of a cheap crystal (50 ppm) is then 3 ms.
WINDOW: Final = 60
# The part of a correction taken per block: none is seen as a jump by a detector (under 1 sample).
SLEW_NS: Final = 2_000_000
# Beyond it the device began anew or our clock was set; no crystal drifts that far in a window.
STEP_NS: Final = 500_000_000
# A stalled radio delivers late, and then in time again; later by a step for this many blocks
# together is no stall.
_STALL_BLOCKS: Final = 10


class DeviceClock:
    """UTC for times of the device's own clock, in nanoseconds."""

    def __init__(self, slew_ns: int = SLEW_NS) -> None:
        self._slew_ns = slew_ns
        self._offsets: deque[int] = deque(maxlen=WINDOW)
        self._offset_ns: int | None = None

    def utc_ns(self, device_ns: int, received_ns: int) -> int:
        """UTC of `device_ns`, the time of the newest sample of something received now."""
        offset = received_ns - device_ns
        self._offsets.append(offset)
        if self._offset_ns is None or self._has_stepped(offset, self._offset_ns):
            self._offsets = deque([offset], maxlen=WINDOW)
            self._offset_ns = offset
        wanted = min(self._offsets) - self._offset_ns
        self._offset_ns += max(-self._slew_ns, min(self._slew_ns, wanted))
        return device_ns + self._offset_ns

    def _has_stepped(self, offset: int, believed: int) -> bool:
        """Earlier than possible, or late for longer than a radio can stall."""
        if offset < believed - STEP_NS:
            return True
        latest = list(self._offsets)[-_STALL_BLOCKS:]
        return len(latest) == _STALL_BLOCKS and min(latest) > believed + STEP_NS

    @property
    def uncertainty_s(self) -> float:
        """Spread of what was seen lately: the delay that cannot be told from offset."""
        if not self._offsets:
            return 0.0
        return (max(self._offsets) - min(self._offsets)) / 1e9
