"""Rounds as the API shows them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from cloud.care.rounds import service
from cloud.care.rounds.load import ShiftLoad, loads
from cloud.care.rounds.models import RoundCheck, RoundPlan
from cloud.care.rounds.plan import (
    DEFAULT_GRACE_MIN,
    DEFAULT_SENSOR_IN_A_ROW,
    Due,
    planned_times,
)
from cloud.care.rounds.schemas import (
    BodyPosition,
    DueNow,
    FrequencyIO,
    Kind,
    LabelOut,
    LabelsOut,
    LevelPlanIO,
    PlanLoadOut,
    RoundCheckOut,
    RoundFinding,
    RoundListOut,
    RoundPlanIn,
    RoundPlanOut,
    RoundPlansOut,
    RoundRow,
    SheetOut,
    SheetRow,
    ShiftLoadOut,
    UnitLoadOut,
    Way,
)
from cloud.care.rounds.tags import address_of, labels_of, qr_svg
from cloud.database import TenantScope
from cloud.errors import NotFoundError
from cloud.identity.shifts import Shift, pattern_of, shift_at
from cloud.people.service import elders_by_id
from cloud.places.service import bed_names, unit_names


async def plans_out(scope: TenantScope) -> RoundPlansOut:
    """The house's plan first; where there is none, the defaults that would be taken."""
    held = await service.plans(scope)
    names = await unit_names(scope, [unit_id for unit_id in held if unit_id is not None])
    own = [plan_out(plan, names[unit_id]) for unit_id, plan in held.items() if unit_id is not None]
    return RoundPlansOut(plans=[plan_out(held.get(None), None), *own])


def plan_out(plan: RoundPlan | None, unit_name: str | None) -> RoundPlanOut:
    """One plan with every level."""
    levels = [
        LevelPlanIO(
            level=level,
            night=FrequencyIO(per_shift=one.night.per_shift, every_min=one.night.every_min),
            day=FrequencyIO(per_shift=one.day.per_shift, every_min=one.day.every_min),
            turning_min=one.turning_min,
        )
        for level, one in sorted(service.levels_of(plan).items())
    ]
    return RoundPlanOut(
        unit_id=None if plan is None else plan.unit_id,
        unit_name=unit_name,
        active=plan is not None and plan.active,
        levels=levels,
        sensor_allowed=plan is not None and plan.sensor_allowed,
        sensor_in_a_row=DEFAULT_SENSOR_IN_A_ROW if plan is None else plan.sensor_in_a_row,
        grace_min=DEFAULT_GRACE_MIN if plan is None else plan.grace_min,
        version=0 if plan is None else plan.version,
        updated_at=None if plan is None else plan.updated_at,
        updated_by=None if plan is None else plan.updated_by,
    )


async def load_out(scope: TenantScope, wanted: RoundPlanIn, now: datetime) -> PlanLoadOut:
    """By unit, in rounds an hour. Raises NotFoundError."""
    if wanted.unit_id is not None and not await unit_names(scope, [wanted.unit_id]):
        raise NotFoundError("unit")
    found = await loads(scope, now, service.levels_wanted(wanted), wanted.unit_id)
    names = await unit_names(scope, list(found))
    units = [
        UnitLoadOut(
            unit_id=unit_id, unit=names[unit_id], people=dict(sorted(people.items())),
            now=[_load_out(one) for one in before], wanted=[_load_out(one) for one in after],
        )
        for unit_id, (people, before, after) in found.items()
    ]  # fmt: skip
    return PlanLoadOut(units=sorted(units, key=lambda unit: unit.unit))


def _load_out(load: ShiftLoad) -> ShiftLoadOut:
    return ShiftLoadOut(
        shift=load.shift.name, night=load.night, rounds=round(load.rounds, 1),
        rounds_per_h=round(load.rounds_per_h, 2), turnings_per_h=round(load.turnings_per_h, 2),
    )  # fmt: skip


async def labels_out(scope: TenantScope, unit_id: uuid.UUID, base_url: str) -> LabelsOut:
    """With the QR code of each."""
    labels = []
    for one in await labels_of(scope, unit_id):
        address = None if one.tag is None else address_of(base_url, one.tag)
        labels.append(
            LabelOut(
                bed_id=one.bed_id, room=one.room, bed=one.bed, tag=one.tag, set_at=one.set_at,
                address=address, qr_svg=None if address is None else qr_svg(address),
            )
        )  # fmt: skip
    return LabelsOut(unit=(await unit_names(scope, [unit_id]))[unit_id], labels=labels)


async def list_out(
    scope: TenantScope, now: datetime, unit_ids: Sequence[uuid.UUID] | None
) -> RoundListOut:
    """The list to walk by."""
    found = await service.rows(scope, now, unit_ids)
    names = await bed_names(scope, [row.who.bed_id for row in found])
    shift = shift_at(await pattern_of(scope), now)
    return RoundListOut(
        server_time=now,
        shift=shift.name,
        active=any(row.plan is not None and row.plan.active for row in found),
        rows=[
            RoundRow(
                elder_id=row.who.elder.id,
                elder_name=row.who.elder.name,
                bed_id=row.who.bed_id,
                place=names[row.who.bed_id].label,
                unit_id=row.who.unit_id,
                level=row.who.level,
                away=row.who.away,
                sensor_allowed=row.plan is not None and row.plan.sensor_allowed,
                round=_due_out(row.round, row.seen),
                turning=_due_out(row.turning, row.turned),
            )
            for row in found
        ],
    )


def _due_out(due: Due | None, last: RoundCheck | None) -> DueNow | None:
    if due is None:
        return None
    return DueNow(
        last_at=None if last is None else last.at,
        last_way=None if last is None else cast(Way, last.way),
        last_by=None if last is None else last.by,
        due_at=due.due_at,
        standing=due.standing.value,
    )


async def checks_out(scope: TenantScope, checks: Sequence[RoundCheck]) -> list[RoundCheckOut]:
    """With names and places."""
    elders = await elders_by_id(scope, {one.elder_id for one in checks})
    names = await bed_names(scope, {one.bed_id for one in checks})
    return [
        RoundCheckOut(
            id=one.id,
            elder_id=one.elder_id,
            elder_name=elders[one.elder_id].name,
            place=names[one.bed_id].label,
            kind=cast(Kind, one.kind),
            way=cast(Way, one.way),
            at=one.at,
            by=one.by,
            finding=cast(RoundFinding, one.finding),
            position=cast(BodyPosition | None, one.position),
            note=one.note,
        )
        for one in checks
    ]


async def sheet_out(
    scope: TenantScope, shift: Shift, unit_id: uuid.UUID, level_at: datetime
) -> SheetOut:
    """A shift's sheet: who was to be seen how often, and every check."""
    rows = await service.rows(scope, level_at, [unit_id])
    statement = (
        scope.select(RoundCheck)
        .where(
            RoundCheck.unit_id == unit_id, RoundCheck.at >= shift.starts_at,
            RoundCheck.at < shift.ends_at,
        )
        .order_by(RoundCheck.at)
    )  # fmt: skip
    by_elder: dict[uuid.UUID, list[RoundCheckOut]] = defaultdict(list)
    for check in await checks_out(scope, list(await scope.session.scalars(statement))):
        by_elder[check.elder_id].append(check)
    places = await bed_names(scope, [row.who.bed_id for row in rows])
    lines = []
    for row in sorted(rows, key=lambda row: places[row.who.bed_id].label):
        checks = by_elder.get(row.who.elder.id, [])
        seen = [one for one in checks if one.finding != "not_there"]
        level = service.levels_of(row.plan)[row.who.level]
        lines.append(
            SheetRow(
                elder_id=row.who.elder.id,
                elder_name=row.who.elder.name,
                place=places[row.who.bed_id].label,
                level=row.who.level,
                planned_rounds=planned_times(level, shift),
                in_person=sum(one.way != "sensor" for one in seen),
                by_sensor=sum(one.way == "sensor" for one in seen),
                turnings=sum(one.kind == "turning" for one in checks),
                checks=checks,
            )
        )
    return SheetOut(
        unit_name=(await unit_names(scope, [unit_id])).get(unit_id),
        shift=shift.name,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        day=shift.starts_at.date(),
        rows=lines,
    )
