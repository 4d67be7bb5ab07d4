"""From one series store to the other: a day of a series at a time, checked, resumable."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cloud.clock import NS_PER_S
from cloud.database import Database, TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.series.service import SeriesDay, SeriesStore
from cloud.series.slots import Unit
from edge.signals import Reading

_DAY_NS: Final = 86_400 * NS_PER_S

Progress = Callable[[int, int], None]  # days done, of how many


class MoveError(RuntimeError):
    """The target does not hold what was moved: nothing is taken from the source, ever."""


@dataclass(slots=True)
class Moved:
    """What came of it."""

    days: int = 0
    readings: int = 0
    skipped: int = 0  # days that were moved before
    expired: int = 0  # days that the target would not keep
    summaries: int = 0


@dataclass(slots=True)
class Journal:
    """What is done, a line each, on the disk before the next begins."""

    path: Path
    done: dict[str, int] = field(default_factory=dict)

    def load(self) -> None:
        """What an earlier run has done; a torn last line was not done."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                what, count = json.loads(line)
            except ValueError:
                continue
            self.done[what] = count

    def note(self, what: str, count: int) -> None:
        """This is done."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([what, count]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.done[what] = count


@dataclass(frozen=True, slots=True)
class Mover:
    """Both stores on one database. The source goes on serving meanwhile."""

    database: Database
    source: SeriesStore
    target: SeriesStore
    journal: Journal

    async def move(self, now_ns: int, progress: Progress) -> Moved:
        """Move what is not moved yet. Raises MoveError."""
        moved = Moved()
        for store in (self.source, self.target):
            await store.prepare([now_ns], now_ns)
        horizon_ns = await self.target.prepare([0], now_ns)
        todo: list[tuple[uuid.UUID, SeriesDay]] = []
        for institution_id in await self.database.institutions():
            async with self.database.tenant(institution_id) as scope:
                days = await self.source.inventory(scope)
            todo += [(institution_id, day) for day in days]
            moved.summaries += await self._move_summaries(institution_id, days, now_ns)
        for number, (institution_id, day) in enumerate(todo):
            progress(number, len(todo))
            what = f"{institution_id}/{day.device_id}/{day.quantity}/{day.origin}/{day.day}"
            if self.journal.done.get(what) == day.count:
                moved.skipped += 1
            elif (day.day + 1) * _DAY_NS <= horizon_ns:
                moved.expired += 1
            else:
                moved.readings += await self._move_day(institution_id, day, now_ns)
                moved.days += 1
                self.journal.note(what, day.count)
        progress(len(todo), len(todo))
        return moved

    async def _move_day(self, institution_id: uuid.UUID, day: SeriesDay, now_ns: int) -> int:
        async with self.database.tenant(institution_id) as scope:
            readings = await _readings(self.source, scope, day)
            await self.target.prepare([day.day * _DAY_NS], now_ns)
            await self.target.append(scope, [], readings)
        async with self.database.tenant(institution_id) as scope:
            held = await _readings(self.target, scope, day)
        missing = set(readings) - set(held)
        if missing:
            raise MoveError(
                f"{day.device_id} {day.quantity}, day {day.day}: {len(missing)} of "
                f"{len(readings)} readings are not in the target"
            )
        return len(readings)

    async def _move_summaries(
        self, institution_id: uuid.UUID, days: Sequence[SeriesDay], now_ns: int
    ) -> int:
        """Summaries older than the first reading of their series; the others are made anew."""
        count = 0
        async with self.database.tenant(institution_id) as scope:
            for device_id, quantity in await self.source.quantities(scope):
                mine = [d.day for d in days if (d.device_id, d.quantity) == (device_id, quantity)]
                until_ns = min(mine) * _DAY_NS if mine else now_ns
                span = DeviceSpan(device_id, 0, until_ns)
                for unit in (Unit.MINUTE, Unit.HOUR):
                    for track in await self.source.tracks(scope, [span], quantity, unit):
                        key = (device_id, quantity, track.origin.value)
                        await self.target.append_slots(scope, key, unit, track.slots)
                        count += len(track.slots)
        return count


async def _readings(store: SeriesStore, scope: TenantScope, day: SeriesDay) -> list[Reading]:
    bounds = (day.day * _DAY_NS, (day.day + 1) * _DAY_NS)
    readings = await store.readings(scope, day.device_id, day.quantity, *bounds)
    return [reading for reading in readings if reading.origin.value == day.origin]
