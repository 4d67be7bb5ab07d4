"""Readings into PostgreSQL: a batch is one statement, and each point counts once.

The row of a series' hour is locked by every writer of that hour. Points later than its last one
cannot be held yet: they go in at once, as a segment. Only what comes late, or again, is compared
with what is held.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from psycopg import AsyncCursor

from cloud.arrays import Float8Array, Int4Array, Int8Array
from cloud.database import TenantScope
from cloud.series.columns import POINT, IntArray, Points, held_in, in_order
from cloud.series.postgres_cursor import HOUR_NS
from cloud.series.postgres_points import points_of_hours
from cloud.series.slots import Slots, Unit, slots_of_readings, summarise

TIMES: Final = ("first_ns", "last_ns", "min_ns", "max_ns")
VALUES: Final = ("first_value", "last_value", "min_value", "max_value", "sum_value")
COLUMNS: Final = ("series_id", "slot", "count", *TIMES, *VALUES)
_PARAMETERS: Final = ", ".join(f"%({name})b" for name in COLUMNS)

_INSERT_HOURS: Final = (
    f"INSERT INTO series_hour AS held (institution_id, {', '.join(COLUMNS)})"  # noqa: S608
    f" SELECT %(institution)s, * FROM unnest({_PARAMETERS})"
    " ON CONFLICT (series_id, slot) DO UPDATE SET"
)
# `substring` of a parameter copies its own part only.
_INSERT_SEGMENTS: Final = """
    INSERT INTO series_segment (institution_id, series_id, first_ns, points, uncertainty)
    SELECT %(institution)s, s.series_id, s.first_ns,
        substring(%(points)b::bytea FROM s.begin * 16 + 1 FOR s.count * 16),
        substring(%(uncertainty)b::bytea FROM s.begin * 8 + 1 FOR s.count * 8)
    FROM unnest(%(series_id)b, %(slot)b, %(first_ns)b, %(count)b, %(begin)b)
        AS s (series_id, slot, first_ns, count, begin)
"""

# All of an hour at once; a row that does not satisfy the WHERE is locked all the same.
_ADD_IN_ORDER: Final = f"""
WITH taken AS (
    {_INSERT_HOURS}
        count = held.count + excluded.count,
        sum_value = held.sum_value + excluded.sum_value,
        last_ns = excluded.last_ns,
        last_value = excluded.last_value,
        min_ns = CASE WHEN excluded.min_value < held.min_value
            THEN excluded.min_ns ELSE held.min_ns END,
        min_value = least(held.min_value, excluded.min_value),
        max_ns = CASE WHEN excluded.max_value > held.max_value
            THEN excluded.max_ns ELSE held.max_ns END,
        max_value = greatest(held.max_value, excluded.max_value)
    WHERE held.last_ns < excluded.first_ns
    RETURNING series_id, slot
), stored AS ({_INSERT_SEGMENTS} JOIN taken USING (series_id, slot))
SELECT CASE WHEN count(*) < %(sent)s THEN array_agg(series_id) END,
    CASE WHEN count(*) < %(sent)s THEN array_agg(slot) END, count(*)
FROM taken
"""  # noqa: S608

_MERGE_HOURS: Final = f"""{_INSERT_HOURS}
    count = held.count + new.count,
    sum_value = held.sum_value + new.sum_value,
    first_ns = least(held.first_ns, new.first_ns),
    last_ns = greatest(held.last_ns, new.last_ns),
    first_value = CASE WHEN new.first_ns < held.first_ns
        THEN new.first_value ELSE held.first_value END,
    last_value = CASE WHEN new.last_ns > held.last_ns
        THEN new.last_value ELSE held.last_value END,
    min_value = least(held.min_value, new.min_value),
    min_ns = CASE WHEN (new.min_value, new.min_ns) < (held.min_value, held.min_ns)
        THEN new.min_ns ELSE held.min_ns END,
    max_value = greatest(held.max_value, new.max_value),
    max_ns = CASE WHEN (-new.max_value, new.max_ns) < (-held.max_value, held.max_ns)
        THEN new.max_ns ELSE held.max_ns END
""".replace("new.", "excluded.")


async def add_points(scope: TenantScope, points: Points) -> None:
    """Store what is not held yet, and bring its hours up to date."""
    points = in_order(points)
    hours = _hours(points)
    async with scope.driver_cursor() as cursor:
        await cursor.execute(_ADD_IN_ORDER, _parameters(scope, points, hours))
        ((series, slots, taken),) = await cursor.fetchall()
        if taken < len(hours):
            done = set(zip(series or [], slots or [], strict=True))
            keys = zip(hours["series"].tolist(), hours["slot"].tolist(), strict=True)
            late = np.repeat([key not in done for key in keys], hours["count"])
            await _add_late(scope, cursor, points.where(late))


async def _add_late(scope: TenantScope, cursor: AsyncCursor[Any], points: Points) -> None:
    """Compare with what is held: the hours are locked, nobody else adds to them."""
    hours = _hours(points)
    held = await points_of_hours(scope, cursor, hours["series"], hours["slot"])
    fresh = points.where(~held_in(points, held))
    if len(fresh):
        await add_segments(scope, cursor, fresh)
        await merge_hours(scope, cursor, _hours(fresh))


async def add_segments(scope: TenantScope, cursor: AsyncCursor[Any], points: Points) -> None:
    """Store points that are known to be new."""
    await cursor.execute(_INSERT_SEGMENTS, _parameters(scope, points, _hours(points)))


async def merge_hours(scope: TenantScope, cursor: AsyncCursor[Any], hours: Slots) -> None:
    """Bring hours up to date by readings that were not in them yet."""
    await cursor.execute(_MERGE_HOURS, _slot_parameters(scope, hours))


def _hours(points: Points) -> Slots:
    return summarise(slots_of_readings(points.series, points.time_ns, points.value), Unit.HOUR)


def _slot_parameters(scope: TenantScope, hours: Slots) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "institution": scope.institution_id,
        "series_id": Int4Array(hours["series"]),
        "slot": Int4Array(hours["slot"]),
        "count": Int4Array(hours["count"]),
    }
    for name in TIMES:
        parameters[name] = Int8Array(hours[name])
    for name in VALUES:
        parameters[name] = Float8Array(hours[name])
    return parameters


def _parameters(scope: TenantScope, points: Points, hours: Slots) -> dict[str, Any]:
    """Points by series and time; a segment each for the hours made of them."""
    begin: IntArray = np.cumsum(hours["count"]) - hours["count"]
    known = not bool(np.isnan(points.uncertainty_s).all())
    return _slot_parameters(scope, hours) | {
        "points": encode_points(points.time_ns, points.value),
        "uncertainty": points.uncertainty_s.astype(">f8").tobytes() if known else None,
        "begin": Int4Array(begin),
        "sent": len(hours),
    }


def encode_points(time_ns: IntArray, value: Any) -> bytes:
    """As a segment holds them."""
    packed = np.empty(len(time_ns), POINT)
    packed["time_ns"], packed["value"] = time_ns, value
    return packed.tobytes()


def hours_between(from_ns: int, until_ns: int) -> tuple[int, int]:
    """The hours that [from_ns, until_ns) touches: first, and one after the last."""
    return from_ns // HOUR_NS, -(-until_ns // HOUR_NS)
