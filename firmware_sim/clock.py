"""The clock that simulated devices live by: passed in, so that tests can own time."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is sent, monotonic time for pacing."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, duration_s: float) -> None:
        """Wait; returns at once when `duration_s` is not positive."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, duration_s: float) -> None:
        """Wait; returns at once when `duration_s` is not positive."""
        await asyncio.sleep(max(0.0, duration_s))
