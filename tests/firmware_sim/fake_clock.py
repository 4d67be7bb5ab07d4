"""Time that passes only when somebody waits."""

from __future__ import annotations

import asyncio

START_NS = 1_700_000_000_000_000_000


class FakeClock:
    """Wall and monotonic time together; sleeping takes none of ours."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now_ns(self) -> int:
        return START_NS + round(self.elapsed_s * 1e9)

    def monotonic_s(self) -> float:
        return 5000.0 + self.elapsed_s

    async def sleep(self, duration_s: float) -> None:
        self.elapsed_s += max(0.0, duration_s)
        await asyncio.sleep(0)
