"""Alerts follow the assignments: corrected ones are tied to whom their device really belonged."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_

from cloud.alerts.models import Alert, AlertRelink
from cloud.alerts.store import announce, unit_of
from cloud.clock import datetime_from_ns, ns_from_datetime
from cloud.database import TenantScope
from cloud.devices.models import Assignment
from cloud.devices.service import Subject, assignment_at, assignments_of
from cloud.people.models import Stay


@dataclass(frozen=True, slots=True)
class Correction:
    """Who corrected, and why."""

    actor_id: uuid.UUID | None
    actor: str
    reason: str
    now: datetime


class _Stays:
    """Stays of some elders and beds, to ask about any time."""

    def __init__(self, rows: Iterable[Stay]) -> None:
        self._by_elder: dict[uuid.UUID, list[Stay]] = defaultdict(list)
        self._by_bed: dict[uuid.UUID, list[Stay]] = defaultdict(list)
        for row in rows:
            self._by_elder[row.elder_id].append(row)
            self._by_bed[row.bed_id].append(row)

    def subject(self, assignment: Assignment | None, at: datetime) -> Subject:
        """Whom and where an assignment meant at a time; nobody and nowhere without one."""
        if assignment is None:
            return Subject(None, None, None)
        if assignment.elder_id is not None:
            stay = _covering(self._by_elder[assignment.elder_id], at)
            return Subject(assignment.elder_id, None if stay is None else stay.bed_id, None)
        if assignment.bed_id is not None:
            stay = _covering(self._by_bed[assignment.bed_id], at)
            return Subject(None if stay is None else stay.elder_id, assignment.bed_id, None)
        return Subject(None, None, assignment.room_id)


def _covering(stays: Iterable[Stay], at: datetime) -> Stay | None:
    for stay in stays:
        if stay.valid_from <= at and (stay.valid_until is None or at < stay.valid_until):
            return stay
    return None


async def relink_devices(
    scope: TenantScope, device_ids: Collection[str], since: datetime, correction: Correction
) -> int:
    """Tie all alerts of these devices from `since` on to whom they belong now; how many moved."""
    if not device_ids:
        return 0
    statement = (
        scope.select(Alert)
        .where(Alert.device_id.in_(device_ids), Alert.happened_ns >= ns_from_datetime(since))
        .order_by(Alert.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    alerts = list(await scope.session.scalars(statement))
    if not alerts:
        return 0
    intervals = await assignments_of(scope, device_ids)
    stays = await _stays_for(scope, [row for rows in intervals.values() for row in rows])
    moved = 0
    for alert in alerts:
        at = datetime_from_ns(alert.happened_ns)
        held = intervals.get(alert.device_id or "", ())
        wanted = stays.subject(assignment_at(held, at), at)
        moved += await tie_to(scope, alert, wanted, correction)
    await scope.session.flush()
    return moved


async def devices_of(
    scope: TenantScope, elder_ids: Collection[uuid.UUID], bed_ids: Collection[uuid.UUID]
) -> set[str]:
    """Devices that were ever given to these elders or beds: a stay says what they meant."""
    statement = (
        scope.select(Assignment)
        .where(or_(Assignment.elder_id.in_(elder_ids), Assignment.bed_id.in_(bed_ids)))
        .with_only_columns(Assignment.device_id)
    )
    return set(await scope.session.scalars(statement))


async def _stays_for(scope: TenantScope, assignments: Sequence[Assignment]) -> _Stays:
    elders = {row.elder_id for row in assignments if row.elder_id}
    beds = {row.bed_id for row in assignments if row.bed_id}
    statement = scope.select(Stay).where(or_(Stay.elder_id.in_(elders), Stay.bed_id.in_(beds)))
    return _Stays(await scope.session.scalars(statement))


async def tie_to(scope: TenantScope, alert: Alert, wanted: Subject, correction: Correction) -> bool:
    """Tie one alert to a person and place; whether that changed anything."""
    before = Subject(alert.elder_id, alert.bed_id, alert.room_id)
    if before == wanted:
        return False
    alert.elder_id, alert.bed_id, alert.room_id = wanted.elder_id, wanted.bed_id, wanted.room_id
    alert.unit_id = await unit_of(scope, wanted)
    scope.session.add(
        AlertRelink(
            institution_id=scope.institution_id, alert_id=alert.id, at=correction.now,
            actor_id=correction.actor_id, actor=correction.actor, reason=correction.reason,
            elder_id_before=before.elder_id, bed_id_before=before.bed_id,
            room_id_before=before.room_id,
        )
    )  # fmt: skip
    announce(scope, alert, correction.now)
    return True
