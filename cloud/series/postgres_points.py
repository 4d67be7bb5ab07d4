"""Readings out of PostgreSQL: from segments, and from the packed days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from psycopg import AsyncCursor

from cloud.arrays import Int4Array
from cloud.database import TenantScope
from cloud.series.columns import POINT, IntArray, Points, joined
from cloud.series.packing import unpack_points
from cloud.series.postgres_cursor import DAY_NS, HOUR_NS

# Segments first: what is packed between the two statements is then found in its day.
_SEGMENTS: Final = (
    "SELECT series_id, points, uncertainty FROM series_segment WHERE institution_id = %s"
    " AND series_id = ANY(%s) AND first_ns >= %s AND first_ns < %s ORDER BY series_id, first_ns"
)
_DAYS: Final = (
    "SELECT series_id, points FROM series_day WHERE institution_id = %s"
    " AND series_id = ANY(%s) AND day >= %s AND day < %s ORDER BY series_id, day"
)
_SEGMENTS_OF_HOURS: Final = (
    "SELECT s.series_id, s.points, s.uncertainty FROM unnest(%(series)b, %(slot)b)"
    " AS w (series_id, slot) JOIN series_segment s ON s.institution_id = %(institution)s"
    " AND s.series_id = w.series_id AND s.first_ns >= w.slot * 3600000000000"
    " AND s.first_ns < (w.slot + 1) * 3600000000000"
    " WHERE s.first_ns >= %(from_ns)s AND s.first_ns < %(until_ns)s"
)
_DAYS_OF_HOURS: Final = (
    "SELECT s.series_id, s.points FROM (SELECT DISTINCT series_id, slot / 24 AS day"
    " FROM unnest(%(series)b, %(slot)b) AS u (series_id, slot)) AS w"
    " JOIN series_day s ON s.institution_id = %(institution)s"
    " AND s.series_id = w.series_id AND s.day = w.day"
    " WHERE s.day >= %(from_ns)s / 86400000000000 AND s.day <= %(until_ns)s / 86400000000000"
)


def points_in_segments(rows: Sequence[tuple[int, bytes, bytes | None]]) -> Points:
    """All points of segments, in their order."""
    blob = b"".join(row[1] for row in rows)
    packed = np.frombuffer(blob, POINT)
    counts = [len(row[1]) // POINT.itemsize for row in rows]
    series = np.repeat(np.array([row[0] for row in rows], np.int64), counts)
    if any(row[2] is not None for row in rows):
        uncertainty = np.concatenate([
            np.full(count, np.nan) if row[2] is None else np.frombuffer(row[2], ">f8")
            for row, count in zip(rows, counts, strict=True)
        ]).astype(np.float64)  # fmt: skip
    else:
        uncertainty = np.full(len(packed), np.nan)
    return Points(
        series, packed["time_ns"].astype(np.int64), packed["value"].astype(np.float64), uncertainty
    )


def points_in_day(series_id: int, block: bytes) -> Points:
    """The points of a packed day."""
    time_ns, value, uncertainty_s = unpack_points(block)
    return Points(np.full(len(time_ns), series_id, np.int64), time_ns, value, uncertainty_s)


async def points_between(
    scope: TenantScope, cursor: AsyncCursor[Any], ids: Sequence[int], from_ns: int, until_ns: int
) -> Points:
    """All readings of the series in [from_ns, until_ns)."""
    if from_ns >= until_ns or not ids:
        return joined([])
    who = [scope.institution_id, list(ids)]
    await cursor.execute(_SEGMENTS, [*who, from_ns - from_ns % HOUR_NS, until_ns])
    segments = await cursor.fetchall()
    await cursor.execute(_DAYS, [*who, from_ns // DAY_NS, -(-until_ns // DAY_NS)])
    parts = [points_in_day(*row) for row in await cursor.fetchall()]
    if segments:
        parts.append(points_in_segments(segments))
    points = joined(parts)
    return points.where((points.time_ns >= from_ns) & (points.time_ns < until_ns))


async def points_of_hours(
    scope: TenantScope, cursor: AsyncCursor[Any], series: IntArray, hours: IntArray
) -> Points:
    """All readings of the days or hours named, at least those of the hours."""
    parameters = {
        "institution": scope.institution_id, "series": Int4Array(series), "slot": Int4Array(hours),
        "from_ns": int(hours.min()) * HOUR_NS, "until_ns": (int(hours.max()) + 1) * HOUR_NS,
    }  # fmt: skip
    await cursor.execute(_SEGMENTS_OF_HOURS, parameters)
    segments = await cursor.fetchall()
    await cursor.execute(_DAYS_OF_HOURS, parameters)
    parts = [points_in_day(*row) for row in await cursor.fetchall()]
    if segments:
        parts.append(points_in_segments(segments))
    return joined(parts)
