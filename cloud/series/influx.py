"""The series store in InfluxDB 2: readings and summaries there, waveforms in PostgreSQL.

Writing is idempotent there: the same series and time is the same point. So at-least-once here is
exactly once there; of two values for one moment the later stays. A batch is written before its
transaction commits, and its days are marked in that transaction: a crash between the two leaves
points that the gateway sends again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

import numpy as np

from cloud.clock import ns_from_datetime
from cloud.database import Database, TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.series.columns import Key, Points, ReadingColumns, columns_of, joined
from cloud.series.influx_client import InfluxClient
from cloud.series.influx_days import DAY_NS, LATE_GRACE_NS, DayMarks
from cloud.series.influx_text import (
    READING,
    SUMMARY,
    delete_predicate,
    last,
    reading_lines,
    readings_in,
    select,
    slot_lines,
    slots_in,
    tags_of,
)
from cloud.series.postgres import PostgresSeries
from cloud.series.service import Erased, Latest, Retention, SeriesDay
from cloud.series.slots import SLOT, Slots, Track, Unit, slots_of_readings, summarise
from edge.signals import Origin, Reading, Waveform


class InfluxSeries:
    """`client` writes and asks; `database` holds waveforms and which days are summarised."""

    first_stays = False

    def __init__(
        self, client: InfluxClient, database: Database, retention: Retention | None = None
    ) -> None:
        self._client = client
        self._database = database
        self.retention = retention or Retention()
        self._waveforms = PostgresSeries(database, self.retention)
        self._days = DayMarks(database)
        self._now_ns = 0

    async def ready(self) -> None:
        """Make the buckets that are missing."""
        await asyncio.to_thread(self._client.ensure_buckets, self.retention)

    async def ping(self) -> None:
        """Raises SeriesBusyError where InfluxDB does not answer."""
        await self._client.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def prepare(self, times_ns: Sequence[int], now_ns: int) -> int:
        """Waveforms need partitions; what the bucket would not keep is refused."""
        self._now_ns = max(self._now_ns, now_ns)
        horizon_ns = await self._waveforms.prepare(times_ns, now_ns)
        oldest_ns = now_ns - self.retention.raw_days * DAY_NS
        return max(horizon_ns, oldest_ns - oldest_ns % DAY_NS)

    async def append(
        self,
        scope: TenantScope,
        waveforms: Sequence[Waveform],
        readings: Sequence[Reading] | ReadingColumns,
    ) -> None:
        """Write, and mark the days as changed in the transaction of the scope."""
        await self._waveforms.append(scope, waveforms, [])
        columns = columns_of(readings)
        if not len(columns):
            return
        await self._days.mark(scope, columns, self._now_ns)
        await self._client.write("raw", reading_lines(str(scope.institution_id), columns))

    async def append_slots(self, scope: TenantScope, key: Key, unit: Unit, slots: Slots) -> None:
        """Summaries whose readings are gone, from another store; their day is not open."""
        await self._client.write(
            _BUCKETS[unit], slot_lines(str(scope.institution_id), key, slots, unit)
        )
        marks = sorted({int(day) for day in np.unique(slots["first_ns"] // DAY_NS)})
        await self._days.mark_days(scope, [(key, day) for day in marks])
        for day in marks:
            await self._days.done(scope, key, day, 0)

    async def waveforms(
        self, scope: TenantScope, device_id: str, quantity: str, from_ns: int, until_ns: int
    ) -> list[Waveform]:
        """Blocks that touch [from_ns, until_ns), by start."""
        return await self._waveforms.waveforms(scope, device_id, quantity, from_ns, until_ns)

    async def readings(
        self, scope: TenantScope, device_id: str, quantity: str, from_ns: int, until_ns: int
    ) -> list[Reading]:
        """Readings in [from_ns, until_ns), by time."""
        found: list[Reading] = []
        by_key = await self._points(scope, device_id, quantity, (from_ns, until_ns))
        for key, points in by_key.items():
            found += points.readings(key)
        return sorted(found, key=lambda reading: reading.time_ns)

    async def tracks(
        self, scope: TenantScope, spans: Sequence[DeviceSpan], quantity: str, unit: Unit
    ) -> list[Track]:
        """What the devices said in their spans, in slots of `unit` or finer."""
        pieces: dict[Key, list[Slots]] = {}
        for span in spans:
            for key in await self._days.keys(scope, [span.device_id], quantity):
                part = await self._slots(scope, key, (span.from_ns, span.until_ns), unit)
                if len(part):
                    pieces.setdefault(key, []).append(part)
        return [
            Track(key[0], Origin(key[2]), _by_time(parts)) for key, parts in sorted(pieces.items())
        ]

    async def tracks_of_many(
        self,
        scope: TenantScope,
        spans: Sequence[DeviceSpan],
        quantities: Sequence[str],
        unit: Unit,
    ) -> dict[str, list[Track]]:
        """`tracks` of several quantities, of those that there is anything of."""
        devices = {span.device_id for span in spans}
        held = {kind for device, kind in await self.quantities(scope) if device in devices}
        return {
            quantity: await self.tracks(scope, spans, quantity, unit) if quantity in held else []
            for quantity in quantities
        }

    async def latest(self, scope: TenantScope, spans: Sequence[DeviceSpan]) -> list[Latest]:
        """The newest reading of each quantity and origin within the spans."""
        newest: dict[tuple[str, str], Latest] = {}
        for span in spans:
            tags = tags_of(str(scope.institution_id), device=span.device_id)
            oldest_ns = max(span.from_ns, self._now_ns - self.retention.raw_days * DAY_NS, 0)
            asked = oldest_ns < span.until_ns
            answer = await self._client.ask(
                last(select(self._client.bucket("raw"), READING, tags, oldest_ns, span.until_ns))
            ) if asked else ""  # fmt: skip
            found = {k: (t[-1], v[-1]) for k, (t, v, _) in readings_in(answer).items() if t}
            for key in await self._days.keys(scope, [span.device_id], None):
                value = found.get(key) or await self._last_summary(scope, key, span)
                known = newest.get((key[1], key[2]))
                if value is not None and (known is None or known.time_ns < value[0]):
                    newest[key[1], key[2]] = Latest(key[0], key[1], Origin(key[2]), *value)
        return [newest[key] for key in sorted(newest)]

    async def newest(
        self, scope: TenantScope, spans: Sequence[DeviceSpan], quantity: str
    ) -> list[Latest]:
        """The newest reading of a quantity, for each device and origin by itself."""
        by_device: dict[str, list[DeviceSpan]] = {}
        for span in spans:
            by_device.setdefault(span.device_id, []).append(span)
        found = [await self.latest(scope, own) for _, own in sorted(by_device.items())]
        return [one for latest in found for one in latest if one.quantity == quantity]

    async def quantities(self, scope: TenantScope) -> list[tuple[str, str]]:
        """All (device_id, quantity) there is anything of."""
        return sorted({(key[0], key[1]) for key, _ in await self._days.all(scope)})

    async def inventory(
        self, scope: TenantScope, device_ids: Sequence[str] | None = None
    ) -> list[SeriesDay]:
        """How many readings are held of each series and day: counted there."""
        days = []
        for key, day in await self._days.all(scope):
            if device_ids is not None and key[0] not in device_ids:
                continue
            points = await self._of_key(scope, key, (day * DAY_NS, (day + 1) * DAY_NS))
            if len(points):
                days.append(SeriesDay(*key, day, len(points)))
        return days

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

    async def erase(self, scope: TenantScope, spans: Sequence[DeviceSpan]) -> Erased:
        """Take away all that the devices said in their spans; summaries that touch them too."""
        total = await self._waveforms.erase(scope, spans)
        kept_from = (self._now_ns - self.retention.raw_days * DAY_NS) // DAY_NS
        for span in spans:
            bounds = (span.from_ns, min(span.until_ns, self._forever_ns()))
            predicate = delete_predicate(tags_of(str(scope.institution_id), device=span.device_id))
            keys = await self._days.keys(scope, [span.device_id], None)
            for key in keys:
                total.readings += len(await self._of_key(scope, key, bounds))
            total.minutes += await self._erase_slots(scope, keys, bounds, Unit.MINUTE, predicate)
            total.hours += await self._erase_slots(scope, keys, bounds, Unit.HOUR, predicate)
            await self._client.delete("raw", bounds, predicate)
            # What stays of the days at both ends is summarised anew.
            await self._days.reopen(scope, span.device_id, bounds, kept_from)
        return total

    async def _erase_slots(
        self, scope: TenantScope, keys: Sequence[Key], bounds: tuple[int, int], unit: Unit,
        predicate: str,
    ) -> int:  # fmt: skip
        """Deleting is by the beginning of a slot: what the span does not touch is put back."""
        whole = (bounds[0] // unit * unit, -(-bounds[1] // unit) * unit)
        gone, stay = 0, []
        for key in keys:
            held = await self._summaries(scope, key, whole, unit)
            touched = (held["last_ns"] >= bounds[0]) & (held["first_ns"] < bounds[1])
            gone += int(touched.sum())
            if not touched.all():
                stay.append((key, held[~touched]))
        await self._client.delete(_BUCKETS[unit], whole, predicate)
        for key, slots in stay:
            lines = slot_lines(str(scope.institution_id), key, slots, unit)
            await self._client.write(_BUCKETS[unit], lines)
        return gone

    async def keep(self, now: datetime) -> int:
        """Summarise the days that are over and changed; waveforms are dropped with proof.

        Readings go by the retention of their bucket.
        """
        self._now_ns = max(self._now_ns, ns_from_datetime(now))
        until_day = (self._now_ns - LATE_GRACE_NS) // DAY_NS
        for institution_id in await self._database.institutions():
            while True:
                async with self._database.tenant(institution_id) as scope:
                    if not await self._summarise_days(scope, until_day):
                        break
        return await self._waveforms.drop_expired(now)

    async def _summarise_days(self, scope: TenantScope, until_day: int) -> int:
        opened = await self._days.to_summarise(scope, until_day)
        for key, day in opened:
            points = await self._of_key(scope, key, (day * DAY_NS, (day + 1) * DAY_NS))
            if len(points):
                readings = slots_of_readings(points.series, points.time_ns, points.value)
                for unit in (Unit.MINUTE, Unit.HOUR):
                    lines = slot_lines(
                        str(scope.institution_id), key, summarise(readings, unit), unit
                    )
                    await self._client.write(_BUCKETS[unit], lines)
            await self._days.done(scope, key, day, len(points))
        return len(opened)

    async def _slots(
        self, scope: TenantScope, key: Key, bounds: tuple[int, int], unit: Unit
    ) -> Slots:
        """As PostgreSQL's reader: whole slots in the bounds, finer ones where they are cut."""
        from_ns, until_ns = bounds[0], min(bounds[1], self._forever_ns())
        if from_ns >= until_ns:
            return np.empty(0, SLOT)
        if unit is Unit.RAW:
            return _slots_of(await self._of_key(scope, key, (from_ns, until_ns)))
        first, end = from_ns // unit, -(-until_ns // unit)
        slots = await self._summaries(scope, key, (first * unit, end * unit), unit)
        within = (slots["first_ns"] >= from_ns) & (slots["last_ns"] < until_ns)
        pieces = [slots[within]]
        touched = (slots["last_ns"] >= from_ns) & (slots["first_ns"] < until_ns) & ~within
        finer = Unit.MINUTE if unit is Unit.HOUR else Unit.RAW
        for cut in slots[touched]["slot"].tolist():
            part = (max(from_ns, cut * unit), min(until_ns, (cut + 1) * unit))
            pieces.append(await self._slots(scope, key, part, finer))
        return np.concatenate(pieces)

    async def _summaries(
        self, scope: TenantScope, key: Key, bounds: tuple[int, int], unit: Unit
    ) -> Slots:
        """Written summaries; of days that changed since, from the readings."""
        tags = tags_of(str(scope.institution_id), device=key[0], quantity=key[1], origin=key[2])
        bucket = self._client.bucket(_BUCKETS[unit])
        answer = await self._client.ask(select(bucket, SUMMARY, tags, *bounds))
        slots = slots_in(answer, unit).get(key, np.empty(0, SLOT))
        opened = await self._days.open_days(scope, key, bounds)
        pieces = [slots[~np.isin(slots["first_ns"] // DAY_NS, opened)]]
        for day in opened:
            part = (max(bounds[0], day * DAY_NS), min(bounds[1], (day + 1) * DAY_NS))
            points = await self._of_key(scope, key, part)
            if len(points):
                pieces.append(summarise(_slots_of(points), unit))
        return np.concatenate(pieces)

    async def _last_summary(
        self, scope: TenantScope, key: Key, span: DeviceSpan
    ) -> tuple[int, float] | None:
        """The newest hour wholly within the span, for what is older than the readings."""
        until_ns = min(span.until_ns, self._forever_ns())
        slots = await self._summaries(scope, key, (span.from_ns, until_ns), Unit.HOUR)
        whole = slots[(slots["first_ns"] >= span.from_ns) & (slots["last_ns"] < until_ns)]
        if not len(whole):
            return None
        newest = whole[np.argmax(whole["last_ns"])]
        return int(newest["last_ns"]), float(newest["last_value"])

    async def _of_key(self, scope: TenantScope, key: Key, bounds: tuple[int, int]) -> Points:
        by_key = await self._points(scope, key[0], key[1], bounds, key[2])
        return by_key.get(key, joined([]))

    async def _points(
        self,
        scope: TenantScope,
        device_id: str,
        quantity: str,
        bounds: tuple[int, int],
        origin: str | None = None,
    ) -> dict[Key, Points]:
        if bounds[0] >= bounds[1]:
            return {}
        tags = tags_of(
            str(scope.institution_id), device=device_id, quantity=quantity, origin=origin
        )
        bucket = self._client.bucket("raw")
        answer = await self._client.ask(select(bucket, READING, tags, *bounds))
        return {
            key: Points(
                np.zeros(len(times), np.int64), np.array(times, np.int64),
                np.array(values, np.float64), np.array(uncertainty, np.float64),
            )
            for key, (times, values, uncertainty) in readings_in(answer).items()
        }  # fmt: skip

    def _forever_ns(self) -> int:
        """No reading is later: InfluxDB is not asked about the year 2262."""
        return self._now_ns + 2 * DAY_NS


_BUCKETS: Final = {Unit.MINUTE: "minute", Unit.HOUR: "hour"}


def _slots_of(points: Points) -> Slots:
    return slots_of_readings(points.series, points.time_ns, points.value)


def _by_time(pieces: list[Slots]) -> Slots:
    slots = np.concatenate(pieces)
    return slots[np.argsort(slots["first_ns"], kind="stable")]
