"""A night: the hours of rest on the home's own wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge.localtime import S_PER_DAY, LocalTime
from edge.signals import SignalError

S_PER_HOUR: Final = 3600
_HOURS_PER_DAY: Final = 24


@dataclass(frozen=True, slots=True)
class Night:
    """From `from_h` to `until_h` local time, past midnight when it ends earlier than it begins."""

    local: LocalTime
    from_h: float
    until_h: float

    def __post_init__(self) -> None:
        for name, hour in (("from_h", self.from_h), ("until_h", self.until_h)):
            if not 0 <= hour < _HOURS_PER_DAY:
                raise SignalError(name, f"{hour} is not an hour of the day")
        if self.from_h == self.until_h:
            raise SignalError("until_h", "a night must have a length")

    def contains(self, time_ns: int) -> bool:
        """Whether it is night then."""
        hour = self.local.second_of_day(time_ns) / S_PER_HOUR
        if self.from_h < self.until_h:
            return self.from_h <= hour < self.until_h
        return hour >= self.from_h or hour < self.until_h

    def around(self, time_ns: int) -> tuple[int, int]:
        """Start and end, UTC ns, of the night that is now, or of the next one."""
        begin_s, end_s = round(self.from_h * S_PER_HOUR), round(self.until_h * S_PER_HOUR)
        day = self.local.day(time_ns)
        for first in (day - 1, day, day + 1):
            last = first if begin_s < end_s else first + 1
            end_ns = self.local.utc_ns(last, end_s)
            if time_ns < end_ns:
                return self.local.utc_ns(first, begin_s), end_ns
        raise AssertionError(f"no night within {S_PER_DAY} s of {time_ns}")  # pragma: no cover
