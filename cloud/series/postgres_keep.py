"""Keeping PostgreSQL's series: days that are over are packed; what may not stay is taken away."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from psycopg import AsyncCursor

from cloud.arrays import Int4Array
from cloud.database import TenantScope
from cloud.series.columns import Points, joined
from cloud.series.packing import pack_points, pack_slots
from cloud.series.postgres_cursor import DAY_NS, HOUR_NS
from cloud.series.postgres_points import points_in_day, points_in_segments
from cloud.series.slots import Slots, Unit, slots_of_readings, summarise

# A gateway sends within seconds; what comes later than this is added to the packed day.
LATE_GRACE_NS: Final = 2 * HOUR_NS
# A transaction of some 100 ms: a packed day is 1,440 points or, at one a second, 86,400.
_DAYS_AT_A_TIME: Final = 50

KEEP_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('series_keep' || %s::text, 0))"
_FIND: Final = (
    "SELECT series_id, first_ns / 86400000000000 AS day FROM series_segment"
    " WHERE institution_id = %s AND first_ns < %s GROUP BY 1, 2 LIMIT %s"
)
_TAKE: Final = (
    "DELETE FROM series_segment s USING unnest(%(series)b, %(day)b) AS w (series_id, day)"
    " WHERE s.institution_id = %(institution)s AND s.series_id = w.series_id"
    " AND s.first_ns >= w.day * 86400000000000 AND s.first_ns < (w.day + 1) * 86400000000000"
    " AND s.first_ns >= %(from_ns)s AND s.first_ns < %(until_ns)s"
    " RETURNING s.series_id, s.points, s.uncertainty"
)
_HELD: Final = (
    "SELECT s.series_id, s.points FROM unnest(%(series)b, %(day)b) AS w (series_id, day)"
    " JOIN series_day s ON s.institution_id = %(institution)s"
    " AND s.series_id = w.series_id AND s.day = w.day"
)
_PUT_DAY: Final = (
    "INSERT INTO series_day (institution_id, series_id, day, count, points)"
    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (series_id, day)"
    " DO UPDATE SET count = excluded.count, points = excluded.points"
)
PUT_MINUTES: Final = (
    "INSERT INTO series_minute (institution_id, series_id, day, count, slots)"
    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (series_id, day)"
    " DO UPDATE SET count = excluded.count, slots = excluded.slots"
)


async def pack_days(scope: TenantScope, until_ns: int) -> int:
    """Pack days that end by `until_ns`, some at a time; how many. 0: there is nothing left."""
    async with scope.driver_cursor() as cursor:
        await cursor.execute(KEEP_LOCK, [str(scope.institution_id)])
        until_ns -= until_ns % DAY_NS
        await cursor.execute(_FIND, [scope.institution_id, until_ns, _DAYS_AT_A_TIME])
        found = np.array(await cursor.fetchall(), np.int64)
        if not len(found):
            return 0
        series, days = found.T
        parameters: dict[str, Any] = {
            "institution": scope.institution_id, "series": Int4Array(series),
            "day": Int4Array(days), "from_ns": int(days.min()) * DAY_NS, "until_ns": until_ns,
        }  # fmt: skip
        await cursor.execute(_TAKE, parameters)
        segments = points_in_segments(await cursor.fetchall())
        await cursor.execute(_HELD, parameters)
        held = [points_in_day(*row) for row in await cursor.fetchall()]
        points = joined([*held, segments])
        for series_id, day in found.tolist():
            mine = (points.series == series_id) & (points.time_ns // DAY_NS == day)
            await put_day(scope, cursor, series_id, day, points.where(mine))
    return len(found)


async def put_day(
    scope: TenantScope, cursor: AsyncCursor[Any], series_id: int, day: int, points: Points
) -> None:
    """A packed day in the place of what was there, with its minutes."""
    if not len(points):
        return
    who = [scope.institution_id, series_id, day]
    block = pack_points(points.time_ns, points.value, points.uncertainty_s)
    await cursor.execute(_PUT_DAY, [*who, len(points), block])
    minutes = summarise(_slots(points), Unit.MINUTE)
    await cursor.execute(PUT_MINUTES, [*who, len(minutes), pack_slots(minutes)])


async def put_minutes(scope: TenantScope, series_id: int, minutes: Slots) -> None:
    """Minutes whose readings are not held, from another store."""
    async with scope.driver_cursor() as cursor:
        for day in np.unique(minutes["first_ns"] // DAY_NS).tolist():
            mine = minutes[minutes["first_ns"] // DAY_NS == day]
            await cursor.execute(
                PUT_MINUTES, [scope.institution_id, series_id, day, len(mine), pack_slots(mine)]
            )


def _slots(points: Points) -> Slots:
    return slots_of_readings(points.series, points.time_ns, points.value)
