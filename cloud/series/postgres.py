"""The series store in PostgreSQL: partitions of a day, summaries kept current."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert

from cloud.clock import NS_PER_S, ns_from_datetime
from cloud.database import Database, TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.series.models import ReadingRow, SeriesKey, WaveformRow
from cloud.series.postgres_slots import SlotReader, add_readings
from cloud.series.service import Latest, Retention
from cloud.series.slots import Track, Unit
from edge.signals import MAX_WAVEFORM_DURATION_S, Origin, Reading, Waveform
from edge.wire import counts_from_bytes, waveform_to_record

_DAY_NS: Final = 86_400 * NS_PER_S
# A gateway that was cut off sends days late; what is older than this (a broken clock, an import)
# goes to the rest partition instead of making a table for every day since 1970.
OLDEST_PARTITION_DAYS: Final = 400
# Later than this after its time, data may be of a day that retention has taken already: ask.
_SURELY_KEPT_NS: Final = _DAY_NS
# Some 10 ms of work before urgent requests get their turn; larger makes them wait, not faster.
_ROWS_AT_A_TIME: Final = 250
_LONGEST_BLOCK_NS: Final = round(MAX_WAVEFORM_DURATION_S * NS_PER_S)


class PostgresSeries:
    """Partitions are made ahead by `prepare`, in a short transaction of their own."""

    def __init__(self, database: Database, retention: Retention | None = None) -> None:
        self._database = database
        self.retention = retention or Retention()
        self._ready_days: set[int] = set()
        self._keys: dict[tuple[object, str, str, Origin], int] = {}

    async def prepare(self, times_ns: Sequence[int], now_ns: int) -> int:
        """Make the partitions of these times that are missing; what is older is refused."""
        horizon_ns = 0
        if times_ns and min(times_ns) < now_ns - _SURELY_KEPT_NS:
            horizon_ns = await self._horizon_ns()
        today = now_ns // _DAY_NS
        oldest = max(today - OLDEST_PARTITION_DAYS, horizon_ns // _DAY_NS)
        days = {time_ns // _DAY_NS for time_ns in times_ns} - self._ready_days
        for day in sorted(d for d in days if oldest <= d <= today + 1):
            async with self._database.transaction() as session:
                await session.execute(text("SELECT ensure_series_partitions(:day)"), {"day": day})
            self._ready_days.add(day)
        return horizon_ns

    async def append(
        self, scope: TenantScope, waveforms: Sequence[Waveform], readings: Sequence[Reading]
    ) -> None:
        """Add; what is held already stays as it is."""
        for first in range(0, len(waveforms), _ROWS_AT_A_TIME):
            await scope.session.execute(
                insert(WaveformRow).on_conflict_do_nothing(),
                [_waveform_values(scope, w) for w in waveforms[first : first + _ROWS_AT_A_TIME]],
            )
        if readings:
            keys = [(r.device_id, r.quantity, r.origin) for r in readings]
            await add_readings(scope, await self._series_ids(scope, keys), readings)

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
        statement = (
            scope.select(ReadingRow)
            .join(SeriesKey, SeriesKey.id == ReadingRow.series_id)
            .where(
                SeriesKey.institution_id == scope.institution_id,
                SeriesKey.device_id == device_id,
                SeriesKey.quantity == quantity,
                ReadingRow.time_ns >= from_ns,
                ReadingRow.time_ns < until_ns,
            )
            .order_by(ReadingRow.time_ns)
            .with_only_columns(
                SeriesKey.device_id, SeriesKey.quantity, ReadingRow.time_ns, ReadingRow.value,
                SeriesKey.origin, ReadingRow.clock_uncertainty_s,
            )
        )  # fmt: skip
        return [
            Reading(device, kind, time_ns, value, Origin(origin), uncertainty_s)
            for device, kind, time_ns, value, origin, uncertainty_s in (
                await scope.session.execute(statement)
            ).all()
        ]

    async def tracks(
        self, scope: TenantScope, spans: Sequence[DeviceSpan], quantity: str, unit: Unit
    ) -> list[Track]:
        """What the devices said in their spans, in slots of `unit` or finer."""
        return await SlotReader(scope).tracks(spans, quantity, unit)

    async def latest(self, scope: TenantScope, spans: Sequence[DeviceSpan]) -> list[Latest]:
        """The newest reading of each quantity and origin within the spans."""
        return await SlotReader(scope).latest(spans)

    async def quantities(self, scope: TenantScope) -> list[tuple[str, str]]:
        """All (device_id, quantity) there is anything of."""
        statement = scope.select(SeriesKey).order_by(SeriesKey.device_id, SeriesKey.quantity)
        rows = await scope.session.execute(
            statement.with_only_columns(SeriesKey.device_id, SeriesKey.quantity).distinct()
        )
        return [(device_id, quantity) for device_id, quantity in rows]

    async def readings_by_day(
        self, scope: TenantScope, device_id: str, quantity: str
    ) -> AsyncIterator[list[Reading]]:
        """All readings held, day by day: never more than one day in memory."""
        bounds = (
            scope.select(ReadingRow)
            .join(SeriesKey, SeriesKey.id == ReadingRow.series_id)
            .where(SeriesKey.device_id == device_id, SeriesKey.quantity == quantity)
        )
        after_ns = -1
        while True:
            next_ns = await scope.session.scalar(
                bounds.where(ReadingRow.time_ns > after_ns).with_only_columns(
                    func.min(ReadingRow.time_ns)
                )
            )
            if next_ns is None:
                return
            day_ns = next_ns - next_ns % _DAY_NS
            yield await self.readings(scope, device_id, quantity, day_ns, day_ns + _DAY_NS)
            after_ns = day_ns + _DAY_NS - 1

    async def drop_expired(self, now: datetime) -> int:
        """Drop the partitions that are over, each leaving a row of proof; how many."""
        now_ns, dropped = ns_from_datetime(now), 0
        raw_ns = now_ns - self.retention.raw_days * _DAY_NS
        minutes_ns = now_ns - self.retention.minute_days * _DAY_NS
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

    async def _series_ids(
        self, scope: TenantScope, keys: Sequence[tuple[str, str, Origin]]
    ) -> list[int]:
        institution_id, known = scope.institution_id, self._keys
        missing = {key for key in set(keys) if (institution_id, *key) not in known}
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
                            "origin": origin.value,
                        }
                        for device_id, quantity, origin in sorted(missing)
                    ],
                )
            devices = {device_id for device_id, _, _ in missing}
            for row in await scope.session.scalars(
                scope.select(SeriesKey).where(SeriesKey.device_id.in_(devices))
            ):
                known[institution_id, row.device_id, row.quantity, Origin(row.origin)] = row.id
        return [known[institution_id, *key] for key in keys]


def _waveform_values(scope: TenantScope, waveform: Waveform) -> dict[str, object]:
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
