"""A shift that ended without both signatures is called out: one alert for each unit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cloud.alerts.reports import Report, answered_at, follow, standing
from cloud.care.handover.facts import residents_of
from cloud.care.handover.machine import HandoverState
from cloud.care.handover.models import Handover
from cloud.care.handover.service import LATEST, settings_of
from cloud.clock import LOCAL_ZONE
from cloud.database import TenantScope
from cloud.identity.shifts import Shift, pattern_of, shift_at, shift_before
from cloud.places.models import Unit

CODE: Final = "handover_missing"


async def follow_handovers(scope: TenantScope, now: datetime) -> int:
    """Raise for units whose last shifts nobody has taken, recover where they were; how many."""
    settings = await settings_of(scope)
    if settings is None or not settings.active or settings.active_since is None:
        return await follow(scope, CODE, {}, now)
    limit = timedelta(minutes=settings.limit_min)
    missing = await missing_shifts(scope, settings.active_since, limit, now)
    held, answered = await standing(scope, CODE), await answered_at(scope, CODE)
    found = {
        str(unit_id): partial(_report, unit_id, shifts, limit)
        for unit_id, shifts in missing.items()
        if str(unit_id) in held or _is_news(shifts, limit, answered.get(str(unit_id)))
    }
    return await follow(scope, CODE, found, now)


def _is_news(shifts: list[Shift], limit: timedelta, answered: datetime | None) -> bool:
    """Who resolved the alert knew of those: it rings again for a further one."""
    return answered is None or shifts[-1].ends_at + limit > answered


async def missing_shifts(
    scope: TenantScope, since: datetime, limit: timedelta, now: datetime
) -> Mapping[uuid.UUID, list[Shift]]:
    """By unit with people: shifts past their limit that nobody has taken, oldest first."""
    pattern = await pattern_of(scope)
    ended: list[Shift] = []
    shift = shift_before(pattern, shift_at(pattern, now))
    while shift.ends_at > max(since, now - LATEST):
        if now > shift.ends_at + limit:
            ended.insert(0, shift)
        shift = shift_before(pattern, shift)
    if not ended:
        return {}
    statement = scope.select(Handover).where(
        Handover.shift_starts_at >= ended[0].starts_at,
        Handover.state == HandoverState.TAKEN.value,
    )
    taken = {(row.unit_id, row.shift_starts_at) for row in await scope.session.scalars(statement)}
    units = await scope.session.scalars(scope.select(Unit).where(Unit.closed_at.is_(None)))
    found = {}
    for unit in units:
        lacking = [one for one in ended if (unit.id, one.starts_at) not in taken]
        if lacking and await residents_of(scope, unit.id, now):
            found[unit.id] = lacking
    return found


async def _report(unit_id: uuid.UUID, shifts: list[Shift], limit: timedelta) -> Report:
    told = "、".join(
        f"{one.name}（{one.ends_at.astimezone(LOCAL_ZONE):%m-%d %H:%M} 结束）" for one in shifts
    )
    return Report(
        CODE, str(unit_id), unit_id=unit_id, happened_at=shifts[0].ends_at + limit,
        note=f"没有完成交接班双签：{told}",
    )  # fmt: skip
