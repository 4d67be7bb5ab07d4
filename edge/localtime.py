"""Local time: what the wall clock in the home shows at an instant of event time."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge.signals import NS_PER_S, SignalError

S_PER_DAY: Final = 86_400
# Every change of a zone's offset in the tz database since 1970 falls on a quarter hour UTC.
_OFFSET_STEP_S: Final = 900
# One entry a quarter hour for a month: enough for live use, small enough to forget about.
_CACHE_ENTRIES: Final = 3_000
# 1970-01-01 was a Thursday; weekdays count from Monday = 0.
_EPOCH_WEEKDAY: Final = 3


class LocalTime:
    """The time rule of one zone (`Asia/Shanghai`). Pure data, no clock. Raises SignalError."""

    def __init__(self, timezone: str) -> None:
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SignalError("timezone", f"unknown time zone {timezone!r}") from error
        self.timezone = timezone
        self._offsets: dict[int, int] = {}

    def offset_s(self, time_s: int) -> int:
        """Local minus UTC, in s, at `time_s` UTC."""
        step = time_s // _OFFSET_STEP_S
        offset = self._offsets.get(step)
        if offset is None:
            if len(self._offsets) >= _CACHE_ENTRIES:
                self._offsets.clear()
            delta = datetime.fromtimestamp(step * _OFFSET_STEP_S, UTC).astimezone(self._zone)
            utc_offset = delta.utcoffset()
            offset = 0 if utc_offset is None else round(utc_offset.total_seconds())
            self._offsets[step] = offset
        return offset

    def local_s(self, time_ns: int) -> int:
        """Seconds the wall clock would count since 1970-01-01 00:00 local."""
        time_s = time_ns // NS_PER_S
        return time_s + self.offset_s(time_s)

    def second_of_day(self, time_ns: int) -> int:
        """0..86,399 on the wall clock."""
        return self.local_s(time_ns) % S_PER_DAY

    def day(self, time_ns: int) -> int:
        """Number of the local calendar day, 1970-01-01 being 0."""
        return self.local_s(time_ns) // S_PER_DAY

    def weekday(self, time_ns: int) -> int:
        """0 Monday .. 6 Sunday, local."""
        return (self.day(time_ns) + _EPOCH_WEEKDAY) % 7

    def utc_ns(self, day: int, second_of_day: int) -> int:
        """First instant at which the wall clock shows that time (or the next one it shows)."""
        local = day * S_PER_DAY + second_of_day
        offset = self.offset_s(local - self.offset_s(local))
        # In the hour that a clock skips, the earlier offset lands just behind the jump.
        earlier = max(offset, self.offset_s(local - S_PER_DAY))
        if local - earlier + self.offset_s(local - earlier) == local:
            offset = earlier
        return (local - offset) * NS_PER_S


@lru_cache(maxsize=64)
def local_time(timezone: str) -> LocalTime:
    """The rule of a zone, shared by all who live in it. Raises SignalError."""
    return LocalTime(timezone)
