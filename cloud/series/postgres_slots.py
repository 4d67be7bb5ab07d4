"""Readings and their summaries in PostgreSQL: written together, read at the level that serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from psycopg import AsyncCursor

from cloud.database import TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.series.arrays import Float8Array, Int4Array, Int8Array, teach
from cloud.series.models import SeriesKey
from cloud.series.service import Latest
from cloud.series.slots import SLOT, Slots, Track, Unit, slots_of_readings, summarise
from edge.signals import Origin, Reading

# Held already: left out of `fresh`, and then it matters which ones they were.
_ADD: Final = """
WITH fresh AS (
    INSERT INTO series_reading (institution_id, series_id, time_ns, value, clock_uncertainty_s)
    SELECT %(institution)s, * FROM unnest(%(series)s, %(times)s, %(values)s, %(uncertainty)s)
    ON CONFLICT DO NOTHING RETURNING series_id, time_ns
)
SELECT count(*),
    CASE WHEN count(*) < %(sent)s THEN array_agg(series_id) END,
    CASE WHEN count(*) < %(sent)s THEN array_agg(time_ns) END
FROM fresh
"""

_TIMES: Final = ("first_ns", "last_ns", "min_ns", "max_ns")
_VALUES: Final = ("first_value", "last_value", "min_value", "max_value", "sum_value")
_COLUMNS: Final = ("series_id", "slot", "count", *_TIMES, *_VALUES)

_MERGE: Final = """
    INSERT INTO {table} AS held (institution_id, {columns})
    SELECT %(institution)s, * FROM unnest({parameters})
    ON CONFLICT (series_id, slot) DO UPDATE SET
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


def _merge(table: str, prefix: str) -> str:
    parameters = ", ".join(f"%({prefix}_{name})s" for name in _COLUMNS)
    return _MERGE.format(table=table, columns=", ".join(_COLUMNS), parameters=parameters)


_SUMMARISE: Final = (
    f"WITH minutes AS ({_merge('series_minute', 'minute')}) {_merge('series_hour', 'hour')}"
)

_TABLES: Final = {Unit.MINUTE: "series_minute", Unit.HOUR: "series_hour"}
_READ_SLOTS: Final = {
    unit: f"SELECT {', '.join(_COLUMNS)} FROM {table} WHERE institution_id = %s"  # noqa: S608
    " AND series_id = ANY(%s) AND slot >= %s AND slot < %s ORDER BY series_id, slot"
    for unit, table in _TABLES.items()
}
_READ_RAW: Final = (
    "SELECT series_id, time_ns, value FROM series_reading WHERE institution_id = %s"
    " AND series_id = ANY(%s) AND time_ns >= %s AND time_ns < %s ORDER BY series_id, time_ns"
)
_LAST_RAW: Final = (
    "SELECT time_ns, value FROM series_reading WHERE institution_id = %s AND series_id = %s"
    " AND time_ns >= %s AND time_ns < %s ORDER BY time_ns DESC LIMIT 1"
)
_LAST_HOUR: Final = (
    "SELECT last_ns, last_value FROM series_hour WHERE institution_id = %s AND series_id = %s"
    " AND slot >= %s AND slot < %s ORDER BY slot DESC LIMIT 1"
)


async def _cursor(scope: TenantScope) -> AsyncCursor[Any]:
    """The driver's own cursor in the scope's transaction: whole arrays, binary both ways."""
    connection = await (await scope.session.connection()).get_raw_connection()
    driver = connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    cursor: AsyncCursor[Any] = driver.cursor(binary=True)
    return teach(cursor)


async def add_readings(
    scope: TenantScope, series_ids: Sequence[int], readings: Sequence[Reading]
) -> None:
    """Store what is not held yet, and bring its minutes and hours up to date."""
    series = np.array(series_ids, np.int64)
    times = np.array([reading.time_ns for reading in readings], np.int64)
    values = np.array([reading.value for reading in readings], np.float64)
    uncertainty = np.array([reading.clock_uncertainty_s for reading in readings], np.float64)
    # Sorted: two batches cannot lock each other. Stable: of two in one batch the first is kept.
    order = np.lexsort((times, series))
    series, times, values = series[order], times[order], values[order]
    async with await _cursor(scope) as cursor:
        await cursor.execute(
            _ADD,
            {
                "institution": scope.institution_id,
                "series": Int4Array(series),
                "times": Int8Array(times),
                "values": Float8Array(values),
                "uncertainty": Float8Array(uncertainty[order]),
                "sent": len(readings),
            },
        )
        ((added, fresh_series, fresh_times),) = await cursor.fetchall()
        fresh = slots_of_readings(series, times, values)
        if added < len(readings):
            fresh = fresh[_which(series, times, fresh_series or [], fresh_times or [])]
        if len(fresh):
            await cursor.execute(_SUMMARISE, _summary_parameters(scope, fresh))


def _which(
    series: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    fresh_series: list[int],
    fresh_times: list[int],
) -> npt.NDArray[np.bool_]:
    """Of the rows sent, sorted, those that were added; of equal ones the first."""
    added = set(zip(fresh_series, fresh_times, strict=True))
    fresh = [key in added for key in zip(series.tolist(), times.tolist(), strict=True)]
    again = np.r_[False, (series[1:] == series[:-1]) & (times[1:] == times[:-1])]
    kept: npt.NDArray[np.bool_] = np.array(fresh, np.bool_) & ~again
    return kept


def _summary_parameters(scope: TenantScope, fresh: Slots) -> dict[str, Any]:
    parameters: dict[str, Any] = {"institution": scope.institution_id}
    for prefix, unit in (("minute", Unit.MINUTE), ("hour", Unit.HOUR)):
        slots = summarise(fresh, unit)
        parameters[f"{prefix}_series_id"] = Int4Array(slots["series"])
        parameters[f"{prefix}_slot"] = Int4Array(slots["slot"])
        parameters[f"{prefix}_count"] = Int4Array(slots["count"])
        for name in _TIMES:
            parameters[f"{prefix}_{name}"] = Int8Array(slots[name])
        for name in _VALUES:
            parameters[f"{prefix}_{name}"] = Float8Array(slots[name])
    return parameters


class SlotReader:
    """Reads in one transaction of one institution."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def tracks(self, spans: Sequence[DeviceSpan], quantity: str, unit: Unit) -> list[Track]:
        """Slots of `unit`; where a span begins or ends within one, finer ones.

        A slot that is only partly in the span and whose readings are gone is left out: its other
        part is of somebody else.
        """
        series = await self._series({span.device_id for span in spans}, quantity)
        pieces: dict[int, list[Slots]] = {row.id: [] for row in series}
        async with await _cursor(self._scope) as cursor:
            for span in spans:
                ids = [row.id for row in series if row.device_id == span.device_id]
                if not ids:
                    continue
                for slots in await self._pieces(cursor, ids, span.from_ns, span.until_ns, unit):
                    for series_id in ids:
                        part = slots[slots["series"] == series_id] if len(ids) > 1 else slots
                        if len(part):
                            pieces[series_id].append(part)
        return [
            Track(row.device_id, Origin(row.origin), _by_time(pieces[row.id]))
            for row in series if pieces[row.id]
        ]  # fmt: skip

    async def latest(self, spans: Sequence[DeviceSpan]) -> list[Latest]:
        """The newest reading of each quantity and origin within the spans."""
        series = await self._series({span.device_id for span in spans}, None)
        newest: dict[tuple[str, str], Latest] = {}
        async with await _cursor(self._scope) as cursor:
            for span in spans:
                for row in series:
                    if row.device_id != span.device_id:
                        continue
                    found = await self._last(cursor, row.id, span)
                    key = (row.quantity, row.origin)
                    if found and (key not in newest or newest[key].time_ns < found[0]):
                        newest[key] = Latest(
                            row.device_id, row.quantity, Origin(row.origin), found[0], found[1]
                        )
        return [newest[key] for key in sorted(newest)]

    async def _series(self, device_ids: set[str], quantity: str | None) -> list[SeriesKey]:
        statement = self._scope.select(SeriesKey).where(SeriesKey.device_id.in_(device_ids))
        if quantity is not None:
            statement = statement.where(SeriesKey.quantity == quantity)
        return list(await self._scope.session.scalars(statement.order_by(SeriesKey.id)))

    async def _pieces(
        self, cursor: AsyncCursor[Any], ids: list[int], from_ns: int, until_ns: int, unit: Unit
    ) -> list[Slots]:
        """[from, until) as whole slots of `unit`, with finer ones at both ends."""
        if from_ns >= until_ns:
            return []
        if unit is Unit.RAW:
            return [await self._raw(cursor, ids, from_ns, until_ns)]
        finer = Unit.MINUTE if unit is Unit.HOUR else Unit.RAW
        first, last = -(-from_ns // unit), until_ns // unit
        if first >= last:
            return await self._pieces(cursor, ids, from_ns, until_ns, finer)
        await cursor.execute(_READ_SLOTS[unit], [self._scope.institution_id, ids, first, last])
        whole = np.array(await cursor.fetchall(), SLOT)  # before the cursor is used again
        return [
            *await self._pieces(cursor, ids, from_ns, first * unit, finer),
            whole,
            *await self._pieces(cursor, ids, last * unit, until_ns, finer),
        ]

    async def _raw(
        self, cursor: AsyncCursor[Any], ids: list[int], from_ns: int, until_ns: int
    ) -> Slots:
        await cursor.execute(_READ_RAW, [self._scope.institution_id, ids, from_ns, until_ns])
        rows = await cursor.fetchall()
        if not rows:
            return np.empty(0, SLOT)
        series, times, values = zip(*rows, strict=True)
        return slots_of_readings(np.array(series, np.int64), times, values)

    async def _last(
        self, cursor: AsyncCursor[Any], series_id: int, span: DeviceSpan
    ) -> tuple[int, float] | None:
        """The last of the hours wholly in the span, unless a reading of its ends is later."""
        first, last = -(-span.from_ns // Unit.HOUR), span.until_ns // Unit.HOUR
        edge_ns = max(span.from_ns, last * Unit.HOUR)
        who = [self._scope.institution_id, series_id]
        for statement, begin, end in (
            (_LAST_RAW, edge_ns, span.until_ns),
            (_LAST_HOUR, first, last),
            (_LAST_RAW, span.from_ns, min(first * Unit.HOUR, span.until_ns)),
        ):
            if begin < end:
                await cursor.execute(statement, [*who, begin, end])
                row = await cursor.fetchone()
                if row is not None:
                    return int(row[0]), float(row[1])
        return None


def _by_time(pieces: list[Slots]) -> Slots:
    slots = np.concatenate(pieces)
    return slots[np.argsort(slots["first_ns"], kind="stable")]
