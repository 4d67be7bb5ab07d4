"""A missed round is an alert, one for each unit, until everybody there has been seen."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cloud.alerts.reports import Report, answered_at, follow, standing
from cloud.care.rounds import service
from cloud.care.rounds.plan import Standing
from cloud.clock import LOCAL_ZONE
from cloud.database import TenantScope
from cloud.places.service import bed_names

CODE: Final = "round_missed"
# More beds than these in one note would not be read.
_NAMED: Final = 6


async def follow_rounds(scope: TenantScope, now: datetime) -> int:
    """Raise for units where somebody was missed, recover where all are seen; how many changed."""
    held = await service.plans(scope)
    if not any(plan.active for plan in held.values()) and not await standing(scope, CODE):
        return 0
    missed: dict[uuid.UUID, list[tuple[datetime, uuid.UUID]]] = defaultdict(list)
    last_miss: dict[uuid.UUID, datetime] = {}
    for row in await service.rows(scope, now):
        late = [
            one
            for one in (row.round, row.turning)
            if one is not None and one.standing is Standing.MISSED
        ]
        if not late or row.plan is None:
            continue
        unit_id, grace = row.who.unit_id, timedelta(minutes=row.plan.grace_min)
        missed[unit_id].append((min(one.due_at for one in late), row.who.bed_id))
        misses = [at for one in late if (at := one.last_miss(now, grace)) is not None]
        last_miss[unit_id] = max(last_miss.get(unit_id, misses[0]), *misses)
    stand, answered = await standing(scope, CODE), await answered_at(scope, CODE)

    async def report(unit_id: uuid.UUID) -> Report:
        late_beds = sorted(missed[unit_id])
        return Report(
            CODE, str(unit_id), unit_id=unit_id, happened_at=late_beds[0][0],
            note=await _note(scope, late_beds),
        )  # fmt: skip

    # Whoever resolved the alert knew of what was missed then; a further miss rings again.
    found = {
        str(unit_id): partial(report, unit_id)
        for unit_id in missed
        if str(unit_id) in stand
        or (known := answered.get(str(unit_id))) is None
        or last_miss[unit_id] > known
    }
    return await follow(scope, CODE, found, now)


async def _note(scope: TenantScope, late_beds: list[tuple[datetime, uuid.UUID]]) -> str:
    """Beds, never names: the note is read on a wall screen."""
    shown = late_beds[:_NAMED]
    names = await bed_names(scope, [bed_id for _, bed_id in shown])
    told = "、".join(
        f"{names[bed_id].room}-{names[bed_id].bed} 床（应于 {due_at.astimezone(LOCAL_ZONE):%H:%M}）"
        for due_at, bed_id in shown
    )
    more = f" 等 {len(late_beds)} 张床" if len(late_beds) > _NAMED else ""
    return f"{told}{more}"
