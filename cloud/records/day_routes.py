"""HTTP for a day on one time axis."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Final, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request

from cloud.alerts.codes import CODES
from cloud.alerts.models import Alert
from cloud.alerts.schemas import FindingName, PriorityName
from cloud.alerts.schemas import StateName as AlertStateName
from cloud.clock import datetime_from_ns, local_date
from cloud.coverage.schemas import PauseReason
from cloud.errors import Problem, ProblemError
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.records.day import Day, day_bounds, pause_end, read_day
from cloud.records.day_line import RoomLane, VitalLane, totals
from cloud.records.day_schemas import (
    BedStretch,
    ChangeName,
    DayAlert,
    DayChange,
    DayHole,
    DayOut,
    DayPause,
    DayTotals,
    RoomLaneOut,
    Span,
    VitalLaneOut,
)
from cloud.series.service import SeriesStore
from cloud.series.slots import Interval, Unit
from cloud.state import State
from edge.signals import QUANTITIES

_NS_PER_MS: Final = 1_000_000
_OLDEST: Final = date(1971, 1, 1)

DayReader = Annotated[Principal, requires(Permission.SERIES_READ)]

router = APIRouter(
    prefix="/api/v1/elders",
    tags=["elders"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 422)},
)


@router.get("/{elder_id}/day")
async def get_elder_day(
    elder_id: UUID,
    request: Request,
    who: DayReader,
    state: State,
    day: Annotated[date | None, Query(description="a day in China; without: today")] = None,
) -> DayOut:
    """Bed, rooms, vital signs, alerts, holes and changes of devices on one time axis."""
    now = state.clock.now()
    wanted = local_date(now) if day is None else day
    if not _OLDEST <= wanted <= local_date(now):
        message = "no later than today, no earlier than 1971"
        errors = [{"field": "query.day", "message": message}]
        raise ProblemError(422, "bad_request", f"query.day: {message}", errors=errors)
    store: SeriesStore = request.app.state.series
    read = await read_day(who.scope, store, elder_id, day_bounds(wanted), now)
    return day_said(elder_id, wanted, read, with_alerts=who.may(Permission.ALERTS_READ))


def day_said(elder_id: UUID, day: date, read: Day, *, with_alerts: bool) -> DayOut:
    """As the API tells it."""
    line, summed = read.line, totals(read.line.bed)
    return DayOut(
        elder_id=elder_id, day=day, from_at=read.from_at, until_at=read.until_at,
        server_time=read.now, slot_s=read.unit // Unit.MINUTE * 60, simulated=line.simulated,
        bed=None if line.bed is None else [
            BedStretch(
                from_at=datetime_from_ns(s.from_ns), until_at=datetime_from_ns(s.until_ns),
                state=s.state,
            ) for s in line.bed
        ],
        totals=None if line.bed is None else DayTotals(
            in_bed_min=summed.in_bed_min, up_min=summed.up_min, out_min=summed.out_min,
            unseen_min=summed.unseen_min, up_times=summed.up_times,
        ),
        rooms=[_room(lane) for lane in line.rooms],
        vitals=[_vital(lane) for lane in line.vitals],
        not_worn=_spans(line.not_worn), blind=_spans(line.blind),
        holes=[
            DayHole(from_at=h.from_at, until_at=h.until_at, device_id=h.device_id, cause=h.cause)
            for h in read.holes
        ],
        alerts=[_alert(row) for row in read.alerts] if with_alerts else None,
        changes=[
            DayChange(at=c.at, device_id=c.device_id, label=c.label, what=cast(ChangeName, c.what))
            for c in read.changes
        ],
        pauses=[
            DayPause(from_at=p.from_at, until_at=pause_end(p), reason=cast(PauseReason, p.reason))
            for p in read.pauses
        ],
    )  # fmt: skip


def _spans(intervals: Iterable[Interval]) -> list[Span]:
    return [Span(from_at=datetime_from_ns(a), until_at=datetime_from_ns(b)) for a, b in intervals]


def _room(lane: RoomLane) -> RoomLaneOut:
    return RoomLaneOut(
        room=lane.room, shared=lane.shared, active=_spans(lane.active), unseen=_spans(lane.unseen)
    )


def _vital(lane: VitalLane) -> VitalLaneOut:
    known = QUANTITIES[lane.quantity]
    return VitalLaneOut(
        quantity=lane.quantity, unit=known.unit, label_zh=known.name_zh,
        at_ms=[at // _NS_PER_MS for at in lane.at_ns], low=lane.low, mean=lane.mean,
        high=lane.high, unseen=_spans(lane.unseen),
    )  # fmt: skip


def _alert(row: Alert) -> DayAlert:
    code = CODES.get(row.code)
    return DayAlert(
        id=row.id, code=row.code, name_zh=row.code if code is None else code.name_zh,
        name_en=row.code if code is None else code.name_en,
        priority=cast(PriorityName, row.priority), state=cast(AlertStateName, row.state),
        origin=row.origin, happened_at=datetime_from_ns(row.happened_ns),
        acknowledged_at=row.acknowledged_at, arrived_at=row.arrived_at,
        ended_at=row.resolved_at or row.closed_at, finding=cast(FindingName | None, row.finding),
    )  # fmt: skip
