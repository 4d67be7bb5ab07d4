"""Taking in a batch: all of it, or none of it, in one transaction (docs/wire.md, 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError

from cloud.alerts.intake import Arrival, take_event
from cloud.alerts.machine import IllegalMove
from cloud.clock import NS_PER_S, datetime_from_ns
from cloud.devices.gateways import GatewayPrincipal
from cloud.devices.models import Assignment
from cloud.devices.service import assignment_at, assignments_of, note_activity, subject_of
from cloud.errors import SequenceGapError
from cloud.ingest.decode import DecodedBatch, Entry, Unusable, unusable
from cloud.ingest.models import IngestLane, Quarantine
from cloud.series.service import SeriesStore
from edge.events import Event
from edge.signals import Reading, Waveform
from edge.wire import RejectedFrame

# Clocks differ by seconds; what is further ahead than this is a broken clock (docs/wire.md).
FUTURE_LIMIT_NS: Final = 300 * NS_PER_S
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Taken:
    """What came of a batch, for the counters: only counted once it is committed."""

    acknowledged_through: int
    skipped: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[tuple[str, str]] = field(default_factory=Counter)
    moves: Counter[str] = field(default_factory=Counter)


class BatchIntake:
    """One batch of one gateway."""

    def __init__(self, principal: GatewayPrincipal, series: SeriesStore, now_ns: int) -> None:
        self._scope = principal.scope
        self._gateway_id = principal.gateway.id
        self._gateway_name = principal.gateway.name
        self._series = series
        self._now_ns = now_ns
        self._now = datetime_from_ns(now_ns)
        self._intervals: dict[str, list[Assignment]] = {}
        self._horizon_ns = 0

    async def take(self, batch: DecodedBatch) -> Taken:
        """Raises SequenceGapError."""
        lane = await self._lock_lane(batch)
        if batch.first_seq > lane.last_seq + 1:
            raise SequenceGapError(lane.last_seq + 1, batch.first_seq)
        fresh = [entry for entry in batch.entries if entry.seq > lane.last_seq]
        taken = Taken(lane.last_seq, skipped=len(batch.entries) - len(fresh))
        if fresh:
            await self._take_all(fresh, taken)
            lane.last_seq = taken.acknowledged_through = fresh[-1].seq
            lane.updated_at = self._now
        return taken

    async def _lock_lane(self, batch: DecodedBatch) -> IngestLane:
        scope = self._scope
        key = {
            "institution_id": scope.institution_id,
            "gateway_id": self._gateway_id,
            "outbox_id": batch.outbox_id,
            "lane": batch.lane.value,
        }
        await scope.session.execute(
            insert(IngestLane)
            .values(**key, last_seq=0, updated_at=self._now)
            .on_conflict_do_nothing()
        )
        return (
            await scope.session.scalars(
                scope.select(IngestLane)
                .filter_by(**key)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).one()

    async def _take_all(self, entries: list[Entry], taken: Taken) -> None:
        bodies = [entry.body for entry in entries]
        devices = {b.device_id for b in bodies if isinstance(b, Event | Reading | Waveform)}
        self._intervals = await assignments_of(self._scope, devices)
        times_ns = [_time_ns(b) for b in bodies if isinstance(b, Reading | Waveform)]
        usable = [time_ns for time_ns in times_ns if time_ns <= self._now_ns + FUTURE_LIMIT_NS]
        self._horizon_ns = await self._series.prepare(usable, self._now_ns)
        waveforms: list[Waveform] = []
        readings: list[Reading] = []
        events: list[tuple[Entry, Event, Assignment]] = []
        for entry in entries:
            body = entry.body
            if isinstance(body, Unusable | RejectedFrame):
                self._quarantine(body, taken)
                continue
            assignment = self._assignment_of(body)
            if not isinstance(assignment, Assignment):
                self._quarantine(unusable(entry.raw, *assignment), taken)
            elif isinstance(body, Event):
                events.append((entry, body, assignment))
            elif isinstance(body, Waveform):
                waveforms.append(body)
            else:
                readings.append(body)
        for entry, event, assignment in events:
            await self._take_event(entry, event, assignment, taken)
        await self._series.append(self._scope, waveforms, readings)
        await note_activity(self._scope, _newest(waveforms, readings), self._now)
        taken.kinds.update(waveform=len(waveforms), reading=len(readings))

    def _assignment_of(self, body: Event | Reading | Waveform) -> Assignment | tuple[str, str]:
        """Whose it was at its own time; or why nobody can tell: code and sentence."""
        time_ns = _time_ns(body)
        if time_ns > self._now_ns + FUTURE_LIMIT_NS:
            ahead_s = (time_ns - self._now_ns) / NS_PER_S
            return "future_time", f"{ahead_s:.0f} s ahead of the cloud"
        if time_ns < self._horizon_ns and not isinstance(body, Event):
            return "expired_time", "older than what retention keeps: cannot be told from a copy"
        intervals = self._intervals.get(body.device_id)
        if intervals is None:
            return "unknown_device", f"{body.device_id} is not a device of this institution"
        at = datetime_from_ns(time_ns)
        return assignment_at(intervals, at) or (
            "unassigned_device",
            f"{body.device_id} belonged to nobody at {at.isoformat()}",
        )

    async def _take_event(
        self, entry: Entry, event: Event, assignment: Assignment, taken: Taken
    ) -> None:
        """In a savepoint: an event that cannot be stored must not stop those behind it."""
        if entry.evidence_fault is not None:
            self._quarantine(unusable(entry.raw, "bad_evidence", entry.evidence_fault), taken)
            event = replace(event, evidence=None)
        at = datetime_from_ns(event.time_ns)
        subject = await subject_of(self._scope, assignment, at)
        arrival = Arrival(event, self._gateway_id, self._gateway_name, entry.stored_ns, subject)
        await self._scope.session.flush()
        try:
            async with self._scope.savepoint():
                moves = await take_event(self._scope, arrival, self._now)
        except (DataError, IntegrityError, IllegalMove) as error:
            _log.error("event_not_taken", seq=entry.seq, error=type(error).__name__)
            detail = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            self._quarantine(unusable(entry.raw, "cannot_store", detail), taken)
            return
        taken.kinds["event"] += 1
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


def _time_ns(body: Event | Reading | Waveform) -> int:
    return body.start_ns if isinstance(body, Waveform) else body.time_ns


def _newest(waveforms: Iterable[Waveform], readings: Iterable[Reading]) -> dict[str, datetime]:
    newest_ns: dict[str, int] = {}
    for device_id, time_ns in (
        *((w.device_id, w.start_ns) for w in waveforms),
        *((r.device_id, r.time_ns) for r in readings),
    ):
        newest_ns[device_id] = max(time_ns, newest_ns.get(device_id, 0))
    return {device_id: datetime_from_ns(time_ns) for device_id, time_ns in newest_ns.items()}
