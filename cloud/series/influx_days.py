"""Which days of which series are in InfluxDB, and which of them changed since their summary.

Kept in PostgreSQL, where a mark is part of the transaction that acknowledges the data.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import text

from cloud.clock import NS_PER_S
from cloud.database import Database, TenantScope
from cloud.series.columns import Key, ReadingColumns

DAY_NS: Final = 86_400 * NS_PER_S
# As in PostgreSQL: what comes later than this marks its day anew.
LATE_GRACE_NS: Final = 2 * 3600 * NS_PER_S
_MARK: Final = text("""
    INSERT INTO series_influx_day AS d
        (institution_id, device_id, quantity, origin, day, readings, summarised)
    SELECT :institution, new.*, 0, false FROM unnest(CAST(:devices AS text[]),
        CAST(:quantities AS text[]), CAST(:origins AS text[]), CAST(:days AS integer[])) AS new
    ON CONFLICT (institution_id, device_id, quantity, origin, day)
    DO UPDATE SET summarised = false WHERE d.summarised
""")
_OPEN: Final = text("""
    SELECT device_id, quantity, origin, day FROM series_influx_day
    WHERE institution_id = :institution AND NOT summarised AND day < :day
    ORDER BY day, device_id, quantity, origin LIMIT 200 FOR UPDATE SKIP LOCKED
""")
_DONE: Final = text("""
    UPDATE series_influx_day SET summarised = true, readings = :readings
    WHERE institution_id = :institution AND device_id = :device AND quantity = :quantity
        AND origin = :origin AND day = :day
""")
_KEYS: Final = text("""
    SELECT DISTINCT device_id, quantity, origin FROM series_influx_day
    WHERE institution_id = :institution AND device_id = ANY(:devices)
        AND (CAST(:quantity AS text) IS NULL OR quantity = :quantity) ORDER BY 1, 2, 3
""")
_OPEN_DAYS: Final = text("""
    SELECT day FROM series_influx_day WHERE institution_id = :institution
        AND device_id = :device AND quantity = :quantity AND origin = :origin
        AND NOT summarised AND day >= :first AND day < :end ORDER BY day
""")


_ALL: Final = text("""
    SELECT device_id, quantity, origin, day FROM series_influx_day
    WHERE institution_id = :institution ORDER BY day, device_id, quantity, origin
""")


class DayMarks:
    """The table `series_influx_day`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._marked: set[tuple[uuid.UUID, Key, int]] = set()

    async def all(self, scope: TenantScope) -> list[tuple[Key, int]]:
        """All series and days there is anything of."""
        return _pairs(await scope.session.execute(_ALL, {"institution": scope.institution_id}))

    async def to_summarise(self, scope: TenantScope, until_day: int) -> list[tuple[Key, int]]:
        """Some of the days before `until_day` that changed; locked, nobody else has them."""
        where = {"institution": scope.institution_id, "day": until_day}
        return _pairs(await scope.session.execute(_OPEN, where))

    async def keys(
        self, scope: TenantScope, devices: Sequence[str], quantity: str | None
    ) -> list[Key]:
        """The series of devices."""
        where = {
            "institution": scope.institution_id, "devices": list(devices), "quantity": quantity,
        }  # fmt: skip
        rows = await scope.session.execute(_KEYS, where)
        return [(device_id, kind, origin) for device_id, kind, origin in rows]

    async def open_days(self, scope: TenantScope, key: Key, bounds: tuple[int, int]) -> list[int]:
        """The days in the bounds that changed since their summary."""
        where = {
            "institution": scope.institution_id, "device": key[0], "quantity": key[1],
            "origin": key[2], "first": bounds[0] // DAY_NS, "end": -(-bounds[1] // DAY_NS),
        }  # fmt: skip
        return list((await scope.session.scalars(_OPEN_DAYS, where)).all())

    async def mark(self, scope: TenantScope, columns: ReadingColumns, now_ns: int) -> None:
        """A day that is over may be summarised at any time: it is marked each time.

        Others are marked once, in a transaction of their own: what is remembered is committed.
        """
        over = (now_ns - LATE_GRACE_NS) // DAY_NS
        days = (columns.time_ns // DAY_NS).tolist()
        late, new = [], []
        for index, day in set(zip(columns.key.tolist(), days, strict=True)):
            mark = (scope.institution_id, columns.keys[index], day)
            if day < over:
                late.append((columns.keys[index], day))
            elif mark not in self._marked:
                new.append(mark)
        await self.mark_days(scope, late)
        if new:
            async with self._database.tenant(scope.institution_id) as own:
                await self.mark_days(own, [(key, day) for _, key, day in new])
            self._marked = {mark for mark in self._marked if mark[2] >= over} | set(new)

    async def mark_days(self, scope: TenantScope, pairs: Sequence[tuple[Key, int]]) -> None:
        """These days changed. Sorted: two batches cannot lock each other."""
        if not pairs:
            return
        pairs = sorted(pairs)
        where: dict[str, Any] = {
            "institution": scope.institution_id,
            "devices": [key[0] for key, _ in pairs],
            "quantities": [key[1] for key, _ in pairs],
            "origins": [key[2] for key, _ in pairs],
            "days": [day for _, day in pairs],
        }
        await scope.session.execute(_MARK, where)

    async def done(self, scope: TenantScope, key: Key, day: int, readings: int) -> None:
        """The summary of a day is written."""
        where = {
            "institution": scope.institution_id, "device": key[0], "quantity": key[1],
            "origin": key[2], "day": day, "readings": readings,
        }  # fmt: skip
        await scope.session.execute(_DONE, where)

    async def reopen(
        self, scope: TenantScope, device_id: str, bounds: tuple[int, int], kept_from: int
    ) -> None:
        """The days in the bounds changed, as far back as readings are held."""
        await scope.session.execute(
            text(
                "UPDATE series_influx_day SET summarised = false"
                " WHERE institution_id = :institution AND device_id = :device"
                " AND day >= :kept AND day >= :first AND day <= :end"
            ),
            {
                "institution": scope.institution_id, "device": device_id, "kept": kept_from,
                "first": bounds[0] // DAY_NS, "end": bounds[1] // DAY_NS,
            },
        )  # fmt: skip


def _pairs(rows: Iterable[Any]) -> list[tuple[Key, int]]:
    return [((device, quantity, origin), day) for device, quantity, origin, day in rows]
