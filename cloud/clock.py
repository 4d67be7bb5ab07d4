"""Time for the cloud: passed in everywhere, so that tests can move it."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Final, Protocol
from zoneinfo import ZoneInfo

NS_PER_S: Final = 1_000_000_000
NS_PER_US: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What time it is, for storing and showing; and a clock that never jumps, for durations."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        ...

    def now(self) -> datetime:
        """The same in UTC, to the microsecond."""
        ...

    def monotonic_s(self) -> float:
        """Seconds of a clock that only goes forward."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return time.time_ns()

    def now(self) -> datetime:
        """The same in UTC, to the microsecond."""
        return datetime_from_ns(time.time_ns())

    def monotonic_s(self) -> float:
        """Seconds of a clock that only goes forward."""
        return time.monotonic()


def datetime_from_ns(time_ns: int) -> datetime:
    """UTC, rounded down to the microsecond. Raises OverflowError beyond the year 9999."""
    return _EPOCH + timedelta(microseconds=time_ns // NS_PER_US)


def ns_from_datetime(moment: datetime) -> int:
    """Nanoseconds since 1970 of an aware time, exactly."""
    since = moment - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * NS_PER_US


# China keeps one time zone; dates on forms and due lists are its days.
LOCAL_ZONE: Final = ZoneInfo("Asia/Shanghai")


def local_date(moment: datetime) -> date:
    """The calendar day in China at a moment."""
    return moment.astimezone(LOCAL_ZONE).date()


def day_begins(day: date) -> datetime:
    """Midnight in China."""
    return datetime.combine(day, clock_time(), LOCAL_ZONE)
