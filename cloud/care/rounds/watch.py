"""A missed round is an alert, one for each unit, until everybody there has been seen."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime
from typing import Final

from cloud.alerts import store
from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert
from cloud.alerts.reports import Report, raise_alert, recover_raised
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
    standing = await _standing(scope)
    if not standing and not any(plan.active for plan in held.values()):
        return 0
    missed: dict[uuid.UUID, list[tuple[datetime, uuid.UUID]]] = defaultdict(list)
    for row in await service.rows(scope, now):
        late = [
            one.due_at
            for one in (row.round, row.turning)
            if one is not None and one.standing is Standing.MISSED
        ]
        if late:
            missed[row.who.unit_id].append((min(late), row.who.bed_id))
    if {str(unit_id) for unit_id in missed} == standing:
        return 0
    await store.lock_decisions(scope)
    standing = await _standing(scope)
    changed = 0
    for unit_id, late_beds in missed.items():
        key = str(unit_id)
        if key in standing:
            standing.remove(key)
            continue
        first = min(due_at for due_at, _ in late_beds)
        note = await _note(scope, sorted(late_beds))
        report = Report(CODE, key, unit_id=unit_id, happened_at=first, note=note)
        await raise_alert(scope, report, now)
        changed += 1
    for key in standing:
        changed += await recover_raised(scope, CODE, key, now)
    return changed


async def _standing(scope: TenantScope) -> set[str]:
    held = scope.select(Alert).where(
        Alert.code == CODE, Alert.recovered.is_(False), Alert.state.not_in(ENDED)
    )
    return {str(alert.key) for alert in await scope.session.scalars(held)}


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
