"""The clock the gateway is given, so that nothing asks the wall for the time by itself."""

from __future__ import annotations

import time
from typing import Final, Protocol

import structlog

log = structlog.get_logger(__name__)

# Below it our clock is as good as anybody's; above it wearables with a right clock would soon be
# refused as `future_time` (5 s).
CLOCK_TOLERANCE_S: Final = 2.0
_NS_PER_S: Final = 1_000_000_000


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


class CorrectedClock:
    """A machine's clock, put right by the cloud's when the two differ by too much.

    A gateway without a battery clock starts in the past; it would refuse every block of a right
    wearable as coming from the future, and date calls for help wrongly. Once the cloud has agreed
    with the machine, a step of the machine's clock is not followed until the cloud agrees again.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        # (right time, monotonic time of it): steps of the machine's clock then do no harm.
        self._anchor: tuple[int, float] | None = None
        # The same, of the last time that the cloud found the machine's clock right.
        self._agreed: tuple[int, float] | None = None
        # The machine's clock minus the cloud's, as last observed.
        self.machine_offset_s: float | None = None

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        if self._anchor is not None:
            return self._since(self._anchor)
        machine_ns = self._machine.now_ns()
        if self._agreed is not None:
            # Slewing moves both clocks of a machine alike; only a step tells them apart.
            expected_ns = self._since(self._agreed)
            if abs(machine_ns - expected_ns) > CLOCK_TOLERANCE_S * _NS_PER_S:
                self._anchor = self._agreed
                log.error("clock_stepped", by_s=(machine_ns - expected_ns) / _NS_PER_S)
                return expected_ns
        return machine_ns

    def _since(self, anchor: tuple[int, float]) -> int:
        right_ns, at_s = anchor
        return right_ns + round((self._machine.monotonic_s() - at_s) * _NS_PER_S)

    def monotonic_s(self) -> float:
        """Seconds that only ever grow."""
        return self._machine.monotonic_s()

    def observe(self, cloud_ns: int, uncertainty_s: float) -> None:
        """What the cloud's clock says at this moment."""
        limit_ns = round((CLOCK_TOLERANCE_S + uncertainty_s) * _NS_PER_S)
        machine_ns = self._machine.now_ns()
        machine_off_ns = cloud_ns - machine_ns
        self.machine_offset_s = round(-machine_off_ns / _NS_PER_S, 3)
        if abs(machine_off_ns) <= limit_ns:
            self._agreed = (machine_ns, self._machine.monotonic_s())
            if self._anchor is not None:
                self._anchor = None
                log.info("clock_right_again")
        elif abs(cloud_ns - self.now_ns()) > limit_ns:
            self._anchor = (cloud_ns, self._machine.monotonic_s())
            self._agreed = None
            log.error("clock_wrong", behind_cloud_s=machine_off_ns / _NS_PER_S)
