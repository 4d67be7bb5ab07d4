"""Taking in a batch: all of it, or none of it, in one transaction (docs/wire.md, 2)."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError

from cloud.alerts.intake import Arrival, take_event
from cloud.alerts.local import take_local_action
from cloud.alerts.machine import IllegalMove
from cloud.alerts.rules import episodes_over
from cloud.alerts.store import lock_decisions
from cloud.clock import NS_PER_S, datetime_from_ns
from cloud.coverage.intake import take_coverage
from cloud.coverage.subjects import subject_named
from cloud.database import TenantScope
from cloud.devices.gaps import take_gap
from cloud.devices.service import (
    Subject,
    assignment_at,
    assignments_of,
    note_activity,
    subject_of,
)
from cloud.errors import SequenceGapError
from cloud.ingest.decode import DecodedBatch, Entry, Unusable, unusable
from cloud.ingest.intervals import ALWAYS, IntervalCache, Intervals
from cloud.ingest.models import IngestLane, Quarantine
from cloud.series.columns import ReadingColumns
from cloud.series.service import SeriesStore
from edge.events import Event
from edge.gateway_wire import Gap, LocalAction, gateway_device_id
from edge.signals import Reading, Waveform
from edge.wire import RejectedFrame

# Clocks differ by seconds; what is further ahead than this is a broken clock (docs/wire.md).
FUTURE_LIMIT_NS: Final = 300 * NS_PER_S
_DAY_NS: Final = 86_400 * NS_PER_S
_LOCK_LANE: Final = """
    SELECT last_seq,
        (SELECT version FROM registry_state r WHERE r.institution_id = l.institution_id),
        (SELECT name FROM gateway g WHERE g.id = l.gateway_id)
    FROM ingest_lane l WHERE institution_id = %(institution_id)s AND gateway_id = %(gateway_id)s
        AND outbox_id = %(outbox_id)s AND lane = %(lane)s FOR UPDATE
"""
_ADVANCE_LANE: Final = """
    UPDATE ingest_lane SET last_seq = %(last_seq)s, updated_at = %(now)s
    WHERE institution_id = %(institution_id)s AND gateway_id = %(gateway_id)s
        AND outbox_id = %(outbox_id)s AND lane = %(lane)s
"""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Taken:
    """What came of a batch, for the counters: only counted once it is committed."""

    acknowledged_through: int
    skipped: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[tuple[str, str]] = field(default_factory=Counter)
    moves: Counter[str] = field(default_factory=Counter)

    def add(self, other: Taken) -> None:
        """What came of a part."""
        self.kinds.update(other.kinds)
        self.quarantined.update(other.quarantined)
        self.moves.update(other.moves)


class BatchIntake:
    """One batch of one gateway."""

    def __init__(
        self,
        scope: TenantScope,
        gateway_id: uuid.UUID,
        series: SeriesStore,
        now_ns: int,
        known: IntervalCache,
    ) -> None:
        self._scope = scope
        self._gateway_id = gateway_id
        self._machine_id = gateway_device_id(str(gateway_id))
        self._gateway_name = ""
        self._each_alone = True
        self._series = series
        self._now_ns = now_ns
        self._now = datetime_from_ns(now_ns)
        self._known = known
        self._intervals: Intervals = {}
        self._horizon_ns = 0
        self._over: frozenset[str] = frozenset()

    async def take(self, batch: DecodedBatch) -> Taken:
        """Raises SequenceGapError."""
        lane, last_seq, version = await self._lock_lane(batch)
        if batch.first_seq > last_seq + 1:
            raise SequenceGapError(last_seq + 1, batch.first_seq)
        count = len(batch.entries) if batch.readings is None else len(batch.readings)
        skipped = min(count, last_seq + 1 - batch.first_seq)
        taken = Taken(last_seq, skipped=skipped)
        if skipped == count:
            return taken
        if batch.readings is None:
            await self._take_entries(batch.entries[skipped:], version, taken)
        else:
            await self._take_readings(batch, skipped, version, taken)
        taken.acknowledged_through = batch.first_seq + count - 1
        async with self._scope.driver_cursor() as cursor:
            moved = {"last_seq": taken.acknowledged_through, "now": self._now}
            await cursor.execute(_ADVANCE_LANE, lane | moved)
        return taken

    async def _lock_lane(self, batch: DecodedBatch) -> tuple[dict[str, Any], int, int | None]:
        """The lane's key, its last number, and the version of the registry."""
        lane = {
            "institution_id": self._scope.institution_id,
            "gateway_id": self._gateway_id,
            "outbox_id": batch.outbox_id,
            "lane": batch.lane.value,
        }
        async with self._scope.driver_cursor() as cursor:
            await cursor.execute(_LOCK_LANE, lane)
            found = await cursor.fetchone()
            if found is None:
                new = insert(IngestLane).values(**lane, last_seq=0, updated_at=self._now)
                await self._scope.session.execute(new.on_conflict_do_nothing())
                await cursor.execute(_LOCK_LANE, lane)
                found = await cursor.fetchone()
        if found is None:
            raise RuntimeError("a lane that was just made is gone")
        last_seq, version, self._gateway_name = found
        return lane, last_seq, version

    async def _take_readings(
        self, batch: DecodedBatch, skipped: int, version: int | None, taken: Taken
    ) -> None:
        """The usual batch: good readings, looked at by column."""
        columns = cast(ReadingColumns, batch.readings)
        number = np.arange(len(columns))
        fresh = columns.where(number >= skipped)
        devices = {device_id for device_id, _, _ in columns.keys}
        self._intervals = await self._intervals_of(version, devices)
        await self._prepare(fresh.time_ns)
        usable = self._usable(fresh)
        if not bool(usable.all()):
            for index in np.flatnonzero(~usable).tolist():
                device_id = fresh.keys[int(fresh.key[index])][0]
                reason = self._fault(device_id, int(fresh.time_ns[index]), kept=True)
                raw = batch.raw(batch.first_seq + skipped + index)
                self._quarantine(unusable(raw, *(reason or ("unusable", ""))), taken)
            fresh = fresh.where(usable)
        await self._series.append(self._scope, [], fresh)
        await note_activity(self._scope, fresh.newest_ns(), self._now)
        taken.kinds.update(reading=len(fresh))

    def _usable(self, columns: ReadingColumns) -> npt.NDArray[np.bool_]:
        """Which readings are neither of the future, nor too old, nor of a device of nobody."""
        time_ns = columns.time_ns
        usable: npt.NDArray[np.bool_] = (time_ns <= self._now_ns + FUTURE_LIMIT_NS) & (
            time_ns >= self._horizon_ns
        )
        low = np.full(len(columns.keys), np.iinfo(np.int64).max)
        high = np.zeros(len(columns.keys), np.int64)
        np.minimum.at(low, columns.key, time_ns)
        np.maximum.at(high, columns.key, time_ns)
        bounds = zip(columns.keys, low.tolist(), high.tolist(), strict=True)
        for index, ((device_id, _, _), first_ns, last_ns) in enumerate(bounds):
            spans = self._intervals.get(device_id, [])
            if any(begin <= first_ns and last_ns < end for begin, end in spans):
                continue
            mine = columns.key == index
            covered = np.zeros(len(columns), np.bool_)
            for begin, end in spans:
                covered |= (time_ns >= begin) & (time_ns < end)
            usable &= ~mine | covered
        return usable

    async def _prepare(self, times_ns: npt.NDArray[np.int64]) -> None:
        """Partitions for the days of these times; how far back data may still come."""
        times_ns = times_ns[times_ns <= self._now_ns + FUTURE_LIMIT_NS]
        if len(times_ns):
            _, one_a_day = np.unique(times_ns // _DAY_NS, return_index=True)
            wanted = [int(times_ns.min()), *times_ns[one_a_day].tolist()]
            self._horizon_ns = await self._series.prepare(wanted, self._now_ns)

    async def _take_entries(self, entries: list[Entry], version: int | None, taken: Taken) -> None:
        bodies = [entry.body for entry in entries]
        data = [b for b in bodies if isinstance(b, Event | Reading | Waveform)]
        # Findings about a person name the person; their device's say nothing of whose they are.
        devices = {body.device_id for body in data if _device_speaks(body)}
        self._intervals = await self._intervals_of(version, devices)
        kept = [_time_ns(body) for body in data if not isinstance(body, Event)]
        await self._prepare(np.array(kept, np.int64))
        waveforms: list[Waveform] = []
        readings: list[Reading] = []
        events: list[tuple[Entry, Event | LocalAction]] = []
        for entry in entries:
            body = entry.body
            if isinstance(body, Unusable | RejectedFrame):
                self._quarantine(body, taken)
                continue
            if isinstance(body, Gap):
                taken.kinds["gap"] += 1
                await take_gap(self._scope, self._gateway_id, body, self._now)
                continue
            if isinstance(body, LocalAction):
                events.append((entry, body))
                continue
            if not _device_speaks(body):
                events.append((entry, cast(Event, body)))
                continue
            fault = self._fault(body.device_id, _time_ns(body), kept=not isinstance(body, Event))
            if fault is not None:
                self._quarantine(unusable(entry.raw, *fault), taken)
            elif isinstance(body, Event):
                events.append((entry, body))
            elif isinstance(body, Waveform):
                waveforms.append(body)
            else:
                readings.append(body)
        await self._take_events(events, taken)
        await self._series.append(self._scope, waveforms, readings)
        await note_activity(self._scope, _newest(waveforms, readings), self._now)
        taken.kinds.update(waveform=len(waveforms), reading=len(readings))

    def _fault(self, device_id: str, time_ns: int, *, kept: bool) -> tuple[str, str] | None:
        """Why nobody can tell whose it was at its own time: code and sentence."""
        if time_ns > self._now_ns + FUTURE_LIMIT_NS:
            ahead_s = (time_ns - self._now_ns) / NS_PER_S
            return "future_time", f"{ahead_s:.0f} s ahead of the cloud"
        if time_ns < self._horizon_ns and kept:
            return "expired_time", "older than what retention keeps: cannot be told from a copy"
        intervals = self._intervals.get(device_id)
        if intervals is None:
            return "unknown_device", f"{device_id} is not a device of this institution"
        if not any(begin <= time_ns < end for begin, end in intervals):
            at = datetime_from_ns(time_ns)
            return "unassigned_device", f"{device_id} belonged to nobody at {at.isoformat()}"
        return None

    async def _take_finding(self, entry: Entry, event: Event, taken: Taken) -> None:
        """A finding about somebody watched through many devices."""
        at = datetime_from_ns(event.time_ns)
        subject = await subject_named(self._scope, str(event.subject_id), at)
        if event.time_ns > self._now_ns + FUTURE_LIMIT_NS:
            self._quarantine(unusable(entry.raw, "future_time", "ahead of the cloud"), taken)
        elif subject is None:
            reason = "unknown_subject", f"{event.subject_id} is nobody of this institution"
            self._quarantine(unusable(entry.raw, *reason), taken)
        else:
            await self._take_event(entry, event, subject, taken)

    async def _take_event(self, entry: Entry, event: Event, subject: Subject, taken: Taken) -> None:
        """Alone in a savepoint, where it must not take others with it."""
        if entry.evidence_fault is not None:
            self._quarantine(unusable(entry.raw, "bad_evidence", entry.evidence_fault), taken)
            event = replace(event, evidence=None)
        arrival = Arrival(
            event, self._gateway_id, self._gateway_name, entry.stored_ns, subject, self._over
        )
        await self._scope.session.flush()
        try:
            async with self._scope.savepoint() if self._each_alone else nullcontext():
                moves = await take_event(self._scope, arrival, self._now)
                await take_coverage(self._scope, event, subject, self._gateway_id, self._now)
        except (DataError, IntegrityError, IllegalMove) as error:
            if not self._each_alone:
                raise
            _log.error("event_not_taken", seq=entry.seq, error=type(error).__name__)
            detail = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            self._quarantine(unusable(entry.raw, "cannot_store", detail), taken)
            return
        taken.kinds["event"] += 1
        taken.moves.update(kind.value for kind in moves)

    async def _take_events(
        self, events: list[tuple[Entry, Event | LocalAction]], taken: Taken
    ) -> None:
        """In order: what was done about an event at the gateway comes behind it.

        All together first; where one cannot be stored, each alone, so that it stops no other.
        """
        if not events:
            return
        self._over = episodes_over(event for _, event in events if isinstance(event, Event))
        await lock_decisions(self._scope, to_the_end=True)
        for self._each_alone in (False, True):
            part = Taken(taken.acknowledged_through)
            try:
                async with self._scope.savepoint():
                    await self._take_in_order(events, part)
            except (DataError, IntegrityError, IllegalMove):
                if self._each_alone:
                    raise
            else:
                taken.add(part)
                return

    async def _take_in_order(
        self, events: list[tuple[Entry, Event | LocalAction]], taken: Taken
    ) -> None:
        devices = {event.device_id for _, event in events
                   if isinstance(event, Event) and _device_speaks(event)}  # fmt: skip
        intervals = await assignments_of(self._scope, devices)
        for entry, event in events:
            if isinstance(event, LocalAction):
                await self._take_local(entry, event, taken)
                continue
            if not _device_speaks(event):
                await self._take_finding(entry, event, taken)
                continue
            at = datetime_from_ns(event.time_ns)
            assignment = assignment_at(intervals.get(event.device_id, []), at)
            if assignment is not None:
                subject = await subject_of(self._scope, assignment, at)
                await self._take_event(entry, event, subject, taken)
            elif event.device_id == self._machine_id:
                await self._take_event(entry, event, Subject(None, None, None), taken)
            else:  # corrected between two statements of this transaction
                reason = "unassigned_device", f"{event.device_id} belonged to nobody"
                self._quarantine(unusable(entry.raw, *reason), taken)

    async def _intervals_of(self, version: int | None, devices: set[str]) -> Intervals:
        """Whose each device was when; the gateway's own machine speaks for itself at any time."""
        found = await self._known.of(self._scope, version, devices)
        return {**found, self._machine_id: ALWAYS} if self._machine_id in devices else found

    async def _take_local(self, entry: Entry, action: LocalAction, taken: Taken) -> None:
        """What was done at the gateway while we were away."""
        await self._scope.session.flush()
        try:
            async with self._scope.savepoint() if self._each_alone else nullcontext():
                moves = await take_local_action(self._scope, action, self._gateway_name, self._now)
        except (DataError, IntegrityError) as error:
            if not self._each_alone:
                raise
            detail = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            self._quarantine(unusable(entry.raw, "cannot_store", detail), taken)
            return
        if moves is None:
            detail = f"no alert holds the event {action.event_id}"
            self._quarantine(unusable(entry.raw, "no_such_event", detail), taken)
            return
        taken.kinds["local"] += 1
        taken.moves.update(kind.value for kind in moves)

    def _quarantine(self, body: Unusable | RejectedFrame, taken: Taken) -> None:
        if isinstance(body, RejectedFrame):
            found_by, received_at = "gateway", datetime_from_ns(body.received_ns)
        else:
            found_by, received_at = "cloud", self._now
        self._scope.session.add(
            Quarantine(
                institution_id=self._scope.institution_id,
                gateway_id=self._gateway_id,
                device_id=body.device_id,
                source=body.source,
                found_by=found_by,
                received_at=received_at,
                stored_at=self._now,
                reason=body.reason,
                detail=body.detail,
                frame=body.frame,
            )
        )
        taken.quarantined[body.reason, found_by] += 1


def _device_speaks(body: Event | Reading | Waveform) -> bool:
    """Whether whose it is, is asked of its device."""
    return not isinstance(body, Event) or body.subject_id is None


def _time_ns(body: Event | Reading | Waveform) -> int:
    return body.start_ns if isinstance(body, Waveform) else body.time_ns


def _newest(waveforms: Iterable[Waveform], readings: Iterable[Reading]) -> dict[str, int]:
    newest_ns: dict[str, int] = {}
    for device_id, time_ns in (
        *((w.device_id, w.start_ns) for w in waveforms),
        *((r.device_id, r.time_ns) for r in readings),
    ):
        newest_ns[device_id] = max(time_ns, newest_ns.get(device_id, 0))
    return newest_ns
