"""The clock the gateway is given, so that nothing asks the wall for the time by itself."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two times: one to write down, one to measure durations with."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC. May step when the machine learns the right time."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that only ever grow; meaningless outside this process."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()
