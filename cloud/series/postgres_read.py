"""Charts and newest values out of PostgreSQL, at the level that serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from psycopg import AsyncCursor

from cloud.arrays import Int4Array
from cloud.database import TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.series.columns import Points
from cloud.series.packing import unpack_slots
from cloud.series.postgres_cursor import DAY_NS, HOUR_NS, array_in
from cloud.series.postgres_points import points_between
from cloud.series.postgres_write import COLUMNS, hours_between
from cloud.series.service import Latest
from cloud.series.slots import SLOT, Slots, Track, Unit, slots_of_readings, summarise
from edge.signals import Origin

_KEYS: Final = (
    "SELECT id, device_id, quantity, origin FROM series_key WHERE institution_id = %s"
    " AND device_id = ANY(%s) AND (%s::text IS NULL OR quantity = %s) ORDER BY id"
)
# Whole columns as arrays: hundreds of rows without touching one in Python.
_HOURS: Final = (
    f"SELECT {', '.join(f'array_agg({name})' for name in COLUMNS)} FROM ("  # noqa: S608
    f"SELECT {', '.join(COLUMNS)} FROM series_hour WHERE institution_id = %s"
    " AND series_id = ANY(%s) AND slot >= %s AND slot < %s ORDER BY series_id, slot) AS hours"
)
_OPEN_DAYS: Final = (
    "SELECT DISTINCT series_id, first_ns / 86400000000000 FROM series_segment"
    " WHERE institution_id = %s AND series_id = ANY(%s) AND first_ns >= %s AND first_ns < %s"
)
_MINUTES: Final = (
    "SELECT series_id, day, slots FROM series_minute WHERE institution_id = %s"
    " AND series_id = ANY(%s) AND day >= %s AND day < %s ORDER BY series_id, day"
)
# The series of devices and the newest hour of each in its span: the usual case in one question.
_NEWEST: Final = (
    "SELECT w.number, k.id, k.device_id, k.quantity, k.origin,"
    " h.slot, h.first_ns, h.last_ns, h.last_value"
    " FROM unnest(%(number)b, %(device)s::text[], %(first)b, %(end)b)"
    " AS w (number, device_id, first, end_)"
    " JOIN series_key k ON k.institution_id = %(institution)s AND k.device_id = w.device_id"
    " CROSS JOIN LATERAL (SELECT * FROM series_hour h WHERE h.institution_id = %(institution)s"
    " AND h.series_id = k.id AND h.slot >= w.first AND h.slot < w.end_"
    " ORDER BY h.slot DESC LIMIT 1) AS h"
)
_NEWEST_HOURS: Final = (
    "SELECT w.number, h.slot, h.first_ns, h.last_ns, h.last_value"
    " FROM unnest(%(number)b, %(series)b, %(first)b, %(end)b) AS w (number, series_id, first, end_)"
    " CROSS JOIN LATERAL (SELECT * FROM series_hour h WHERE h.institution_id = %(institution)s"
    " AND h.series_id = w.series_id AND h.slot >= w.first AND h.slot < w.end_"
    " ORDER BY h.slot DESC LIMIT 1) AS h"
)
_DTYPES: Final = dict.fromkeys(("series_id", "slot", "count"), ">i4")

SeriesRow = tuple[int, str, str, str]  # id, device, quantity, origin


class Reader:
    """Reads in one transaction of one institution."""

    def __init__(self, scope: TenantScope, cursor: AsyncCursor[Any]) -> None:
        self._scope = scope
        self._cursor = cursor

    async def keys(self, device_ids: set[str], quantity: str | None) -> list[SeriesRow]:
        """The series of devices."""
        who = [self._scope.institution_id, sorted(device_ids), quantity, quantity]
        await self._cursor.execute(_KEYS, who)
        return await self._cursor.fetchall()

    async def tracks(self, spans: Sequence[DeviceSpan], quantity: str, unit: Unit) -> list[Track]:
        """Slots of `unit`; where a span begins or ends within one, finer ones.

        A slot that is only partly in the span and whose readings are gone is left out: its other
        part is of somebody else.
        """
        keys = await self.keys({span.device_id for span in spans}, quantity)
        pieces: dict[int, list[Slots]] = {key[0]: [] for key in keys}
        for span in spans:
            ids = [key[0] for key in keys if key[1] == span.device_id]
            if not ids:
                continue
            slots = await self.slots(ids, span.from_ns, span.until_ns, unit)
            for series_id in ids:
                part = slots[slots["series"] == series_id] if len(ids) > 1 else slots
                if len(part):
                    pieces[series_id].append(part)
        return [
            Track(device_id, Origin(origin), _by_time(pieces[series_id]))
            for series_id, device_id, _, origin in keys if pieces[series_id]
        ]  # fmt: skip

    async def tracks_of_many(
        self, spans: Sequence[DeviceSpan], quantities: Sequence[str], unit: Unit
    ) -> dict[str, list[Track]]:
        """Single readings of all at once; summaries quantity by quantity."""
        if unit is not Unit.RAW:
            return {q: await self.tracks(spans, q, unit) for q in quantities}
        found: dict[str, list[Track]] = {quantity: [] for quantity in quantities}
        devices = {span.device_id for span in spans}
        keys = [key for key in await self.keys(devices, None) if key[2] in found]
        if not keys:
            return found
        begin, end = min(s.from_ns for s in spans), max(s.until_ns for s in spans)
        points = await points_between(
            self._scope, self._cursor, [key[0] for key in keys], begin, end
        )
        slots = _slots(points)[np.lexsort((points.time_ns, points.series))]
        for series_id, device_id, quantity, origin in keys:
            first, last = np.searchsorted(slots["series"], [series_id, series_id + 1])
            mine = slots[first:last]
            pieces = []
            for span in spans:
                if span.device_id == device_id:
                    a, b = np.searchsorted(mine["first_ns"], [span.from_ns, span.until_ns])
                    pieces.append(mine[a:b])
            held = np.concatenate(pieces)
            if len(held):
                found[quantity].append(Track(device_id, Origin(origin), held))
        return found

    async def slots(self, ids: list[int], from_ns: int, until_ns: int, unit: Unit) -> Slots:
        """[from, until) as slots of `unit` that lie wholly in it, and finer ones at its ends."""
        if from_ns >= until_ns:
            return np.empty(0, SLOT)
        if unit is Unit.RAW:
            return _slots(await points_between(self._scope, self._cursor, ids, from_ns, until_ns))
        first, end = from_ns // unit, -(-until_ns // unit)
        read = self._hours if unit is Unit.HOUR else self._minutes
        slots = await read(ids, first, end)
        within = (slots["first_ns"] >= from_ns) & (slots["last_ns"] < until_ns)
        if bool(within.all()):
            return slots
        pieces = [slots[within]]
        touched = (slots["last_ns"] >= from_ns) & (slots["first_ns"] < until_ns) & ~within
        finer = Unit.MINUTE if unit is Unit.HOUR else Unit.RAW
        for cut in slots[touched]:
            slot = int(cut["slot"])
            begin, finish = max(from_ns, slot * unit), min(until_ns, (slot + 1) * unit)
            pieces.append(await self.slots([int(cut["series"])], begin, finish, finer))
        return np.concatenate(pieces)

    async def latest(self, spans: Sequence[DeviceSpan]) -> list[Latest]:
        """The newest reading of each quantity and origin within the spans."""
        newest: dict[tuple[str, str], Latest] = {}
        for one in await self.newest(spans, None):
            known = newest.get((one.quantity, one.origin.value))
            if known is None or known.time_ns < one.time_ns:
                newest[one.quantity, one.origin.value] = one
        return [newest[key] for key in sorted(newest)]

    async def newest(self, spans: Sequence[DeviceSpan], quantity: str | None) -> list[Latest]:
        """The same for each device by itself; of one quantity, or of all."""
        if not spans:
            return []
        wanted: list[tuple[SeriesRow, DeviceSpan]] = []
        rows = []
        for number, *row in await self._newest_of_devices(spans):
            if quantity is None or row[2] == quantity:
                wanted.append(((row[0], row[1], row[2], row[3]), spans[number]))
                rows.append((len(wanted) - 1, *row[4:]))
        newest: dict[tuple[str, str, str], Latest] = {}
        while rows:
            waiting = {}
            for number, slot, first_ns, last_ns, value in rows:
                key, span = wanted[number]
                found = await self._last_in(key[0], span, (slot, first_ns, last_ns, value))
                if found is None:
                    first, _ = hours_between(span.from_ns, span.until_ns)
                    waiting[number] = (key[0], first, slot)  # look further back
                    continue
                which = (key[1], key[2], key[3])
                known = newest.get(which)
                if known is None or known.time_ns < found[0]:
                    newest[which] = Latest(key[1], key[2], Origin(key[3]), *found)
            rows = await self._newest_hours(waiting) if waiting else []
        return [newest[key] for key in sorted(newest)]

    async def _newest_of_devices(self, spans: Sequence[DeviceSpan]) -> list[tuple[Any, ...]]:
        """(span's number, series, newest hour) of every series of the devices of spans."""
        hours = np.array([hours_between(s.from_ns, s.until_ns) for s in spans], np.int64)
        values = {
            "institution": self._scope.institution_id,
            "number": Int4Array(np.arange(len(spans))),
            "device": [span.device_id for span in spans],
            "first": Int4Array(hours[:, 0]),
            "end": Int4Array(hours[:, 1]),
        }
        await self._cursor.execute(_NEWEST, values)
        return await self._cursor.fetchall()

    async def _newest_hours(
        self, wanted: dict[int, tuple[int, int, int]]
    ) -> list[tuple[int, int, int, int, float]]:
        columns = np.array([(n, *row) for n, row in wanted.items()], np.int64).T
        names = ("number", "series", "first", "end")
        parameters: dict[str, Any] = {
            name: Int4Array(column) for name, column in zip(names, columns, strict=True)
        }
        parameters["institution"] = self._scope.institution_id
        await self._cursor.execute(_NEWEST_HOURS, parameters)
        return await self._cursor.fetchall()

    async def _last_in(
        self, series_id: int, span: DeviceSpan, hour: tuple[int, int, int, float]
    ) -> tuple[int, float] | None:
        """The last reading of an hour that lies in the span; its row says it unless it is cut."""
        slot, first_ns, last_ns, value = hour
        if span.from_ns <= last_ns < span.until_ns:
            return last_ns, value
        if last_ns < span.from_ns or first_ns >= span.until_ns:
            return None
        begin, end = max(span.from_ns, slot * HOUR_NS), min(span.until_ns, (slot + 1) * HOUR_NS)
        points = await points_between(self._scope, self._cursor, [series_id], begin, end)
        if not len(points):
            return None
        return int(points.time_ns[-1]), float(points.value[-1])

    async def _hours(self, ids: list[int], first: int, end: int) -> Slots:
        await self._cursor.execute(_HOURS, [self._scope.institution_id, ids, first, end])
        columns = [
            array_in(self._cursor, number, _DTYPES.get(name, ">f8" if "value" in name else ">i8"))
            for number, name in enumerate(COLUMNS)
        ]
        slots = np.empty(len(columns[0]), SLOT)
        for name, column in zip(COLUMNS, columns, strict=True):
            slots[name.removesuffix("_id")] = column
        return slots

    async def _minutes(self, ids: list[int], first: int, end: int) -> Slots:
        """Packed minutes; of days that have segments, from the readings: they are newer."""
        from_ns, until_ns = first * Unit.MINUTE, end * Unit.MINUTE
        days = (from_ns // DAY_NS, -(-until_ns // DAY_NS))
        who = [self._scope.institution_id, ids]
        await self._cursor.execute(_OPEN_DAYS, [*who, days[0] * DAY_NS, days[1] * DAY_NS])
        opened = set(await self._cursor.fetchall())
        await self._cursor.execute(_MINUTES, [*who, *days])
        pieces = [
            unpack_slots(block, series_id)
            for series_id, day, block in await self._cursor.fetchall()
            if (series_id, day) not in opened
        ]
        for day in sorted({day for _, day in opened}):
            mine = [series_id for series_id, of in opened if of == day]
            begin, finish = max(from_ns, day * DAY_NS), min(until_ns, (day + 1) * DAY_NS)
            points = await points_between(self._scope, self._cursor, mine, begin, finish)
            if len(points):
                pieces.append(summarise(_slots(points), Unit.MINUTE))
        slots = np.concatenate(pieces) if pieces else np.empty(0, SLOT)
        return slots[(slots["slot"] >= first) & (slots["slot"] < end)]


async def tracks_of(
    scope: TenantScope, spans: Sequence[DeviceSpan], quantity: str, unit: Unit
) -> list[Track]:
    """What the devices said in their spans."""
    async with scope.driver_cursor() as cursor:
        return await Reader(scope, cursor).tracks(spans, quantity, unit)


async def tracks_of_quantities(
    scope: TenantScope, spans: Sequence[DeviceSpan], quantities: Sequence[str], unit: Unit
) -> dict[str, list[Track]]:
    """The same of several quantities."""
    async with scope.driver_cursor() as cursor:
        return await Reader(scope, cursor).tracks_of_many(spans, quantities, unit)


async def latest_of(scope: TenantScope, spans: Sequence[DeviceSpan]) -> list[Latest]:
    """The newest reading of each quantity and origin within the spans."""
    async with scope.driver_cursor() as cursor:
        return await Reader(scope, cursor).latest(spans)


async def newest_of(scope: TenantScope, spans: Sequence[DeviceSpan], quantity: str) -> list[Latest]:
    """The newest reading of a quantity, for each device and origin."""
    async with scope.driver_cursor() as cursor:
        return await Reader(scope, cursor).newest(spans, quantity)


def _slots(points: Points) -> Slots:
    return slots_of_readings(points.series, points.time_ns, points.value)


def _by_time(pieces: list[Slots]) -> Slots:
    slots = np.concatenate(pieces)
    return slots[np.argsort(slots["first_ns"], kind="stable")]
