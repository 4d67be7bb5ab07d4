"""The series store in PostgreSQL: segments of today, packed days, hours always current."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert

from cloud.clock import NS_PER_S, ns_from_datetime
from cloud.database import Database, TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.series.columns import Key, Points, ReadingColumns, columns_of
from cloud.series.models import SeriesKey, WaveformRow
from cloud.series.postgres_cursor import DAY_NS
from cloud.series.postgres_erase import erase
from cloud.series.postgres_keep import LATE_GRACE_NS, pack_days, put_minutes
from cloud.series.postgres_points import points_between
from cloud.series.postgres_read import latest_of, newest_of, tracks_of, tracks_of_quantities
from cloud.series.postgres_write import add_points, merge_hours
from cloud.series.service import Erased, Latest, Retention, SeriesDay
from cloud.series.slots import Slots, Track, Unit
from edge.signals import MAX_WAVEFORM_DURATION_S, Origin, Reading, Waveform
from edge.wire import counts_from_bytes, waveform_to_record

# A gateway that was cut off sends days late; what is older than this (a broken clock, an import)
# goes to the rest partition instead of making a table for every day since 1970.
OLDEST_PARTITION_DAYS: Final = 400
# Retention takes whole days that are over their time; nearer than this to it, ask what is gone.
_ASK_BEFORE_DAYS: Final = 2
# Some 10 ms of work before urgent requests get their turn; larger makes them wait, not faster.
_ROWS_AT_A_TIME: Final = 250
_LONGEST_BLOCK_NS: Final = round(MAX_WAVEFORM_DURATION_S * NS_PER_S)

_INVENTORY: Final = """
    SELECT k.device_id, k.quantity, k.origin, d.day, sum(d.count)::bigint FROM (
        SELECT series_id, (first_ns / 86400000000000)::integer AS day, length(points) / 16 AS count
        FROM series_segment WHERE institution_id = %(institution)s
        UNION ALL SELECT series_id, day, count FROM series_day
        WHERE institution_id = %(institution)s
    ) AS d JOIN series_key k ON k.id = d.series_id AND k.institution_id = %(institution)s
    WHERE %(devices)s::text[] IS NULL OR k.device_id = ANY(%(devices)s)
    GROUP BY 1, 2, 3, 4 ORDER BY 4, 1, 2, 3
"""


class PostgresSeries:
    """Partitions are made ahead by `prepare`, in a short transaction of their own."""

    first_stays = True

    def __init__(self, database: Database, retention: Retention | None = None) -> None:
        self._database = database
        self.retention = retention or Retention()
        self._ready_days: set[int] = set()
        self._keys: dict[tuple[object, Key], int] = {}

    async def ready(self) -> None:
        """The migrations have made everything."""

    async def ping(self) -> None:
        """It is the database, which is asked anyway."""

    async def close(self) -> None:
        """The connections are the database's."""

    async def prepare(self, times_ns: Sequence[int], now_ns: int) -> int:
        """Make the partitions of these times that are missing; what is older is refused."""
        if not times_ns:
            return 0
        horizon_ns = 0
        surely_kept_ns = now_ns - max(1, self.retention.raw_days - _ASK_BEFORE_DAYS) * DAY_NS
        if min(times_ns) < surely_kept_ns:
            horizon_ns = await self._horizon_ns()
        today = now_ns // DAY_NS
        oldest = max(today - OLDEST_PARTITION_DAYS, horizon_ns // DAY_NS)
        days = {time_ns // DAY_NS for time_ns in times_ns} - self._ready_days
        for day in sorted(d for d in days if oldest <= d <= today + 1):
            async with self._database.transaction() as session:
                await session.execute(text("SELECT ensure_series_partitions(:day)"), {"day": day})
            self._ready_days.add(day)
        return horizon_ns

    async def append(
        self,
        scope: TenantScope,
        waveforms: Sequence[Waveform],
        readings: Sequence[Reading] | ReadingColumns,
    ) -> None:
        """Add; what is held already stays as it is."""
        for first in range(0, len(waveforms), _ROWS_AT_A_TIME):
            await scope.session.execute(
                insert(WaveformRow).on_conflict_do_nothing(),
                [_waveform_values(scope, w) for w in waveforms[first : first + _ROWS_AT_A_TIME]],
            )
        columns = columns_of(readings)
        if len(columns):
            ids = np.array(await self._series_ids(scope, columns.keys), np.int64)
            await add_points(
                scope,
                Points(ids[columns.key], columns.time_ns, columns.value, columns.uncertainty_s),
            )

    async def waveforms(
        self, scope: TenantScope, device_id: str, quantity: str, from_ns: int, until_ns: int
    ) -> list[Waveform]:
        """Blocks that touch [from_ns, until_ns), by start."""
        rows = await scope.session.scalars(
            scope.select(WaveformRow)
            .where(
                WaveformRow.device_id == device_id,
                WaveformRow.quantity == quantity,
                # A block is never longer: keeps the search within few partitions.
                WaveformRow.start_ns >= from_ns - _LONGEST_BLOCK_NS,
                WaveformRow.start_ns < until_ns,
                WaveformRow.end_ns > from_ns,
            )
            .order_by(WaveformRow.start_ns, WaveformRow.boot_id, WaveformRow.sequence_number)
        )
        return [_waveform(row) for row in rows]

    async def readings(
        self, scope: TenantScope, device_id: str, quantity: str, from_ns: int, until_ns: int
    ) -> list[Reading]:
        """Readings in [from_ns, until_ns), by time."""
        keys = await self._keys_of(scope, device_id, quantity)
        async with scope.driver_cursor() as cursor:
            points = await points_between(scope, cursor, list(keys), from_ns, until_ns)
        found: list[Reading] = []
        for series_id, key in keys.items():
            found += points.where(points.series == series_id).readings(key)
        return sorted(found, key=lambda reading: reading.time_ns)

    async def tracks(
        self, scope: TenantScope, spans: Sequence[DeviceSpan], quantity: str, unit: Unit
    ) -> list[Track]:
        """What the devices said in their spans, in slots of `unit` or finer."""
        return await tracks_of(scope, spans, quantity, unit)

    async def tracks_of_many(
        self,
        scope: TenantScope,
        spans: Sequence[DeviceSpan],
        quantities: Sequence[str],
        unit: Unit,
    ) -> dict[str, list[Track]]:
        """`tracks` of several quantities; single readings in three questions."""
        return await tracks_of_quantities(scope, spans, quantities, unit)

    async def latest(self, scope: TenantScope, spans: Sequence[DeviceSpan]) -> list[Latest]:
        """The newest reading of each quantity and origin within the spans."""
        return await latest_of(scope, spans)

    async def newest(
        self, scope: TenantScope, spans: Sequence[DeviceSpan], quantity: str
    ) -> list[Latest]:
        """The newest reading of a quantity, for each device and origin by itself."""
        return await newest_of(scope, spans, quantity)

    async def quantities(self, scope: TenantScope) -> list[tuple[str, str]]:
        """All (device_id, quantity) there is anything of."""
        statement = scope.select(SeriesKey).order_by(SeriesKey.device_id, SeriesKey.quantity)
        rows = await scope.session.execute(
            statement.with_only_columns(SeriesKey.device_id, SeriesKey.quantity).distinct()
        )
        return [(device_id, quantity) for device_id, quantity in rows]

    async def inventory(
        self, scope: TenantScope, device_ids: Sequence[str] | None = None
    ) -> list[SeriesDay]:
        """How many readings are held of each series and day."""
        wanted = None if device_ids is None else list(device_ids)
        async with scope.driver_cursor() as cursor:
            where = {"institution": scope.institution_id, "devices": wanted}
            await cursor.execute(_INVENTORY, where)
            return [SeriesDay(*row) for row in await cursor.fetchall()]

    async def readings_by_day(
        self, scope: TenantScope, device_id: str, quantity: str
    ) -> AsyncIterator[list[Reading]]:
        """All readings held, day by day: never more than one day in memory."""
        days = {
            item.day for item in await self.inventory(scope, [device_id])
            if (item.device_id, item.quantity) == (device_id, quantity)
        }  # fmt: skip
        for day in sorted(days):
            yield await self.readings(scope, device_id, quantity, day * DAY_NS, (day + 1) * DAY_NS)

    async def append_slots(self, scope: TenantScope, key: Key, unit: Unit, slots: Slots) -> None:
        """Summaries whose readings are gone, from another store."""
        (series_id,) = await self._series_ids(scope, [key])
        slots = slots.copy()
        slots["series"] = series_id
        if unit is Unit.MINUTE:
            await put_minutes(scope, series_id, slots)
            return
        async with scope.driver_cursor() as cursor:
            await cursor.execute(
                "DELETE FROM series_hour WHERE institution_id = %s AND series_id = %s"
                " AND slot = ANY(%s)",
                [scope.institution_id, series_id, slots["slot"].tolist()],
            )
            await merge_hours(scope, cursor, slots)

    async def erase(self, scope: TenantScope, spans: Sequence[DeviceSpan]) -> Erased:
        """Take away all that the devices said in their spans."""
        total = Erased()
        for span in spans:
            keys = await self._keys_of(scope, span.device_id, None)
            one = await erase(scope, list(keys), span)
            total.readings += one.readings
            total.minutes += one.minutes
            total.hours += one.hours
            gone = await scope.session.execute(
                delete(WaveformRow).where(
                    WaveformRow.institution_id == scope.institution_id,
                    WaveformRow.device_id == span.device_id,
                    WaveformRow.start_ns >= span.from_ns,
                    WaveformRow.start_ns < span.until_ns,
                )
            )
            total.waveforms += getattr(gone, "rowcount", 0)
        return total

    async def pack(self, until_ns: int) -> int:
        """Pack the days of all institutions that end by `until_ns`; how many."""
        packed = 0
        for institution_id in await self._database.institutions():
            while True:
                async with self._database.tenant(institution_id) as scope:
                    done = await pack_days(scope, until_ns)
                packed += done
                if not done:
                    break
        async with self._database.transaction() as session:
            await session.execute(
                text("SELECT trim_series_segments(:day)"), {"day": until_ns // DAY_NS}
            )
        return packed

    async def keep(self, now: datetime) -> int:
        """Pack the days that are over, drop what is expired; how many parts were dropped."""
        await self.pack(ns_from_datetime(now) - LATE_GRACE_NS)
        return await self.drop_expired(now)

    async def drop_expired(self, now: datetime) -> int:
        """Drop the partitions that are over, each leaving a row of proof; how many."""
        now_ns, dropped = ns_from_datetime(now), 0
        raw_ns = now_ns - self.retention.raw_days * DAY_NS
        minutes_ns = now_ns - self.retention.minute_days * DAY_NS
        for kind, before_ns in (("waveform", raw_ns), ("reading", raw_ns), ("minute", minutes_ns)):
            async with self._database.transaction() as session:
                dropped += await session.scalar(
                    text("SELECT drop_series_partitions(:kind, :before, :at)"),
                    {"kind": kind, "before": before_ns, "at": now},
                ) or 0  # fmt: skip
        if dropped:
            self._ready_days.clear()
        return dropped

    async def _horizon_ns(self) -> int:
        """Raw data before this has been dropped: a repetition could not be told any more."""
        async with self._database.transaction() as session:
            newest = text("SELECT max(until_ns) FROM series_deletion WHERE kind = 'reading'")
            return await session.scalar(newest) or 0

    async def _keys_of(
        self, scope: TenantScope, device_id: str, quantity: str | None
    ) -> dict[int, Key]:
        statement = scope.select(SeriesKey).where(SeriesKey.device_id == device_id)
        if quantity is not None:
            statement = statement.where(SeriesKey.quantity == quantity)
        return {
            row.id: (row.device_id, row.quantity, row.origin)
            for row in await scope.session.scalars(statement.order_by(SeriesKey.id))
        }

    async def _series_ids(self, scope: TenantScope, keys: Sequence[Key]) -> list[int]:
        institution_id, known = scope.institution_id, self._keys
        missing = {key for key in keys if (institution_id, key) not in known}
        if missing:
            # In a transaction of its own: what is remembered here must be committed.
            async with self._database.tenant(institution_id) as own:
                await own.session.execute(
                    insert(SeriesKey).on_conflict_do_nothing(),
                    [
                        {
                            "institution_id": institution_id,
                            "device_id": device_id,
                            "quantity": quantity,
                            "origin": origin,
                        }
                        for device_id, quantity, origin in sorted(missing)
                    ],
                )
            devices = {device_id for device_id, _, _ in missing}
            for row in await scope.session.scalars(
                scope.select(SeriesKey).where(SeriesKey.device_id.in_(devices))
            ):
                known[institution_id, (row.device_id, row.quantity, row.origin)] = row.id
        return [known[institution_id, key] for key in keys]


def _waveform_values(scope: TenantScope, waveform: Waveform) -> dict[str, Any]:
    record = waveform_to_record(waveform)
    return {
        "institution_id": scope.institution_id,
        "device_id": record.device_id,
        "quantity": record.quantity,
        "start_ns": record.start_ns,
        "boot_id": record.boot_id,
        "sequence_number": record.sequence_number,
        "end_ns": waveform.end_ns,
        "rate_hz": record.rate_hz,
        "scale": record.scale,
        "full_scale": record.full_scale,
        "channels": record.channels,
        "counts": record.counts,
        "origin": record.origin.value,
        "clock_uncertainty_s": record.clock_uncertainty_s,
    }


def _waveform(row: WaveformRow) -> Waveform:
    return Waveform(
        device_id=row.device_id,
        quantity=row.quantity,
        start_ns=row.start_ns,
        rate_hz=row.rate_hz,
        scale=row.scale,
        full_scale=row.full_scale,
        counts=counts_from_bytes(row.counts, row.channels),
        sequence_number=row.sequence_number,
        boot_id=row.boot_id,
        origin=Origin(row.origin),
        clock_uncertainty_s=row.clock_uncertainty_s,
    )
