"""Taking away what was measured of a person: readings, and the summaries made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg import AsyncCursor

from cloud.database import TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.series.columns import Points
from cloud.series.packing import pack_slots, unpack_slots
from cloud.series.postgres_cursor import DAY_NS, HOUR_NS
from cloud.series.postgres_keep import KEEP_LOCK, PUT_MINUTES, put_day
from cloud.series.postgres_points import points_between
from cloud.series.postgres_write import hours_between, merge_hours
from cloud.series.service import Erased
from cloud.series.slots import Unit, slots_of_readings, summarise

_OF_ONE: Final = " WHERE institution_id = %s AND series_id = %s AND "
_OF_HOURS: Final = f"{_OF_ONE} slot >= %s AND slot < %s"
_DAYS: Final = f"SELECT DISTINCT slot / 24 FROM series_hour {_OF_HOURS} ORDER BY 1"  # noqa: S608
_LOCK_HOURS: Final = f"SELECT 1 FROM series_hour {_OF_HOURS} ORDER BY slot FOR UPDATE"  # noqa: S608
_DELETE_HOURS: Final = f"DELETE FROM series_hour {_OF_HOURS}"  # noqa: S608
_DELETE_SEGMENTS: Final = f"DELETE FROM series_segment {_OF_ONE} first_ns >= %s AND first_ns < %s"  # noqa: S608
_DELETE_DAY: Final = f"DELETE FROM series_day {_OF_ONE} day = %s"  # noqa: S608
_MINUTES: Final = f"SELECT slots FROM series_minute {_OF_ONE} day = %s"  # noqa: S608
_DELETE_MINUTES: Final = f"DELETE FROM series_minute {_OF_ONE} day = %s"  # noqa: S608


class Eraser:
    """Works in one transaction. A summary that is only partly in a span and whose readings are
    gone goes as well: it cannot be parted."""

    def __init__(self, scope: TenantScope, cursor: AsyncCursor[Any]) -> None:
        self._scope = scope
        self._cursor = cursor
        self.erased = Erased()

    async def erase(self, series_ids: Sequence[int], span: DeviceSpan) -> None:
        """What the series hold of the span."""
        for series_id in series_ids:
            who = [self._scope.institution_id, series_id]
            await self._cursor.execute(_DAYS, [*who, *hours_between(span.from_ns, span.until_ns)])
            for (day,) in await self._cursor.fetchall():
                from_ns = max(span.from_ns, day * DAY_NS)
                until_ns = min(span.until_ns, (day + 1) * DAY_NS)
                await self._erase_day(series_id, day, from_ns, until_ns)

    async def _erase_day(self, series_id: int, day: int, from_ns: int, until_ns: int) -> None:
        who = [self._scope.institution_id, series_id]
        first, end = hours_between(from_ns, until_ns)
        # Whoever adds to these hours waits, and finds them gone.
        await self._cursor.execute(_LOCK_HOURS, [*who, first, end])
        whole_day = (day * DAY_NS, (day + 1) * DAY_NS)
        points = await points_between(self._scope, self._cursor, [series_id], *whole_day)
        inside = (points.time_ns >= from_ns) & (points.time_ns < until_ns)
        self.erased.readings += int(inside.sum())
        touched = (points.time_ns >= first * HOUR_NS) & (points.time_ns < end * HOUR_NS)
        await self._erase_hours(series_id, (first, end), points.where(touched & ~inside))
        await self._erase_minutes(series_id, day, from_ns, until_ns)
        if len(points):
            await self._cursor.execute(_DELETE_SEGMENTS, [*who, *whole_day])
            await self._cursor.execute(_DELETE_DAY, [*who, day])
            await put_day(self._scope, self._cursor, series_id, day, points.where(~inside))

    async def _erase_hours(self, series_id: int, hours: tuple[int, int], kept: Points) -> None:
        await self._cursor.execute(_DELETE_HOURS, [self._scope.institution_id, series_id, *hours])
        self.erased.hours += self._cursor.rowcount
        if len(kept):
            slots = slots_of_readings(kept.series, kept.time_ns, kept.value)
            again = summarise(slots, Unit.HOUR)
            self.erased.hours -= len(again)
            await merge_hours(self._scope, self._cursor, again)

    async def _erase_minutes(self, series_id: int, day: int, from_ns: int, until_ns: int) -> None:
        who = [self._scope.institution_id, series_id, day]
        await self._cursor.execute(_MINUTES, who)
        for (block,) in await self._cursor.fetchall():
            minutes = unpack_slots(block, series_id)
            stay = minutes[(minutes["last_ns"] < from_ns) | (minutes["first_ns"] >= until_ns)]
            self.erased.minutes += len(minutes) - len(stay)
            await self._cursor.execute(_DELETE_MINUTES, who)
            if len(stay):
                await self._cursor.execute(PUT_MINUTES, [*who, len(stay), pack_slots(stay)])


async def erase(scope: TenantScope, series_ids: Sequence[int], span: DeviceSpan) -> Erased:
    """Take away what the series hold of [from, until)."""
    async with scope.driver_cursor() as cursor:
        eraser = Eraser(scope, cursor)
        await cursor.execute(KEEP_LOCK, [str(scope.institution_id)])
        await eraser.erase(series_ids, span)
    return eraser.erased
