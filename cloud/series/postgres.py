"""The series store in PostgreSQL, one partition a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from cloud.clock import NS_PER_S
from cloud.database import Database, TenantScope
from cloud.series.models import ReadingRow, WaveformRow
from edge.signals import MAX_WAVEFORM_DURATION_S, Origin, Reading, Waveform
from edge.wire import counts_from_bytes, waveform_to_record

_DAY_NS: Final = 86_400 * NS_PER_S
# A gateway that was cut off sends days late; what is older than this (a broken clock, an import)
# goes to the rest partition instead of making a table for every day since 1970.
OLDEST_PARTITION_DAYS: Final = 400
# Some 10 ms of work before urgent requests get their turn; larger makes them wait, not faster.
_ROWS_AT_A_TIME: Final = 250
_LONGEST_BLOCK_NS: Final = round(MAX_WAVEFORM_DURATION_S * NS_PER_S)


class PostgresSeries:
    """Partitions are made ahead by `prepare`, in a short transaction of their own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ready_days: set[int] = set()

    async def prepare(self, times_ns: Sequence[int], now_ns: int) -> None:
        """Make the partitions of these times that are missing."""
        today = now_ns // _DAY_NS
        days = {time_ns // _DAY_NS for time_ns in times_ns} - self._ready_days
        missing = sorted(d for d in days if today - OLDEST_PARTITION_DAYS <= d <= today + 1)
        for day in missing:
            async with self._database.transaction() as session:
                await session.execute(text("SELECT ensure_series_partitions(:day)"), {"day": day})
            self._ready_days.add(day)

    async def append(
        self, scope: TenantScope, waveforms: Sequence[Waveform], readings: Sequence[Reading]
    ) -> None:
        """Add; what is held already stays as it is."""
        for first in range(0, len(waveforms), _ROWS_AT_A_TIME):
            await scope.session.execute(
                insert(WaveformRow).on_conflict_do_nothing(),
                [_waveform_values(scope, w) for w in waveforms[first : first + _ROWS_AT_A_TIME]],
            )
        for first in range(0, len(readings), _ROWS_AT_A_TIME):
            await scope.session.execute(
                insert(ReadingRow).on_conflict_do_nothing(),
                [_reading_values(scope, r) for r in readings[first : first + _ROWS_AT_A_TIME]],
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
        rows = await scope.session.scalars(
            scope.select(ReadingRow)
            .where(
                ReadingRow.device_id == device_id,
                ReadingRow.quantity == quantity,
                ReadingRow.time_ns >= from_ns,
                ReadingRow.time_ns < until_ns,
            )
            .order_by(ReadingRow.time_ns)
        )
        return [
            Reading(
                row.device_id, row.quantity, row.time_ns, row.value, Origin(row.origin),
                row.clock_uncertainty_s,
            )
            for row in rows
        ]  # fmt: skip


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


def _reading_values(scope: TenantScope, reading: Reading) -> dict[str, object]:
    return {
        "institution_id": scope.institution_id,
        "device_id": reading.device_id,
        "quantity": reading.quantity,
        "time_ns": reading.time_ns,
        "origin": reading.origin.value,
        "value": reading.value,
        "clock_uncertainty_s": reading.clock_uncertainty_s,
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
