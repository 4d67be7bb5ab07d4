"""Timers outlive steps of the machine's clock: what is left of a delay is the same after one.

Due times are stored as times of the wall clock, so that they survive restarts. When that clock is
set (NTP after a bad battery, a person) everything that is due moves with it. How far it stepped is
told by the clock since boot, which nobody sets and which all processes of a machine share; so a
step that happened while all workers were down is found as well. Each step is taken in once: by
whichever worker sees it first, under a lock (`note_clock`, migration 0027).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import text

from cloud.clock import Clock
from cloud.database import Database

# Below it is drift, which NTP corrects by running faster or slower; timers are right to 1 s.
STEP_NS: Final = 250_000_000
# The mark is renewed this often, so that another machine sees that its keeper is gone.
RENEW_NS: Final = 10_000_000_000
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_log = structlog.get_logger(__name__)


def boot_time_ns() -> int:
    """Nanoseconds of a clock that nobody sets, the same for all processes of this machine."""
    which = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(which)


def boot_id() -> str:
    """Which run of which machine `boot_time_ns` belongs to; where it does not say: this process."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return str(uuid.uuid4())


class ClockWatch:
    """One for each process that works timers; asked before each round."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        boot: str | None = None,
        boot_ns: Callable[[], int] = boot_time_ns,
    ) -> None:
        self._database = database
        self._clock = clock
        self._boot = boot or boot_id()
        self._boot_ns = boot_ns
        self._offset_ns: int | None = None
        self._renewed_ns = 0

    async def look(self) -> float:
        """Take in a step of the clock, if there was one that nobody has; by how many seconds."""
        boot_ns, wall_ns = self._boot_ns(), self._clock.now_ns()
        offset_ns = wall_ns - boot_ns
        known = self._offset_ns is not None and abs(offset_ns - self._offset_ns) < STEP_NS
        if known and boot_ns - self._renewed_ns < RENEW_NS:
            return 0.0
        values = {
            "boot": self._boot, "offset": offset_ns, "boot_ns": boot_ns, "wall": self._clock.now(),
        }  # fmt: skip
        async with self._database.transaction() as session:
            statement = text("SELECT note_clock(:boot, :offset, :boot_ns, :wall)")
            step_s = float((await session.execute(statement, values)).scalar_one())
        self._offset_ns, self._renewed_ns = offset_ns, boot_ns
        if step_s:
            _log.warning("clock_stepped", seconds=round(step_s, 3))
        return step_s
