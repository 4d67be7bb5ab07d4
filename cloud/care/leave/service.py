"""Leave: quiet while somebody is known to be out, an alert when they do not come back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cloud.alerts.reports import Report, follow, recover_raised
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.leave.models import ElderLeave
from cloud.coverage.models import WatchPause
from cloud.coverage.plans import add_pause, end_pause
from cloud.coverage.schemas import PauseIn
from cloud.database import TenantScope
from cloud.devices.service import Subject
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.identity.service import Principal
from cloud.people.service import bed_of, find_elder

CODE: Final = "no_return"
# Design default (D): the bus is late now and then.
GRACE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(days=60)
# A leave is often written down when they are already out of the door.
_BACK_DATED: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Absence:
    """What is said of a leave when they go."""

    out_at: datetime
    due_back_at: datetime
    companion: str
    destination: str


async def open_leaves(scope: TenantScope) -> list[ElderLeave]:
    """Who is out, or going, and not back; the earliest due first."""
    statement = (
        scope.select(ElderLeave)
        .where(ElderLeave.back_at.is_(None))
        .order_by(ElderLeave.due_back_at)
    )
    return list(await scope.session.scalars(statement))


async def leaves_of(scope: TenantScope, elder_id: uuid.UUID) -> list[ElderLeave]:
    """All of an elder, newest first. Raises NotFoundError."""
    await find_elder(scope, elder_id)
    statement = (
        scope.select(ElderLeave)
        .where(ElderLeave.elder_id == elder_id)
        .order_by(ElderLeave.out_at.desc())
    )
    return list(await scope.session.scalars(statement))


async def register(
    principal: Principal, elder_id: uuid.UUID, wanted: Absence, now: datetime
) -> ElderLeave:
    """Raises NotFoundError, BadFieldError, ConflictError."""
    scope = principal.scope
    await find_elder(scope, elder_id)
    out_at, due_back_at = wanted.out_at, wanted.due_back_at
    if not out_at < due_back_at <= out_at + LONGEST:
        raise BadFieldError("due_back_at", f"应晚于离开时间，最长 {LONGEST.days} 天")
    if due_back_at <= now:
        raise BadFieldError("due_back_at", "预计返回时间已经过了")
    if out_at < now - _BACK_DATED:
        raise BadFieldError("out_at", "最多补登一天以内的外出")
    held = scope.select(ElderLeave).where(
        ElderLeave.elder_id == elder_id, ElderLeave.back_at.is_(None)
    )
    if (await scope.session.scalars(held)).one_or_none() is not None:
        raise ConflictError("elder_id", "这位老人已有一条没有销假的请假")
    pause_id = await _pause(principal, elder_id, out_at, due_back_at, now)
    leave = ElderLeave(
        id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id, out_at=out_at,
        due_back_at=due_back_at, companion=wanted.companion, destination=wanted.destination,
        registered_at=now, registered_by=principal.user.display_name, pause_id=pause_id,
    )  # fmt: skip
    scope.session.add(leave)
    await scope.session.flush()
    return leave


async def extend(
    principal: Principal, elder_id: uuid.UUID, leave_id: uuid.UUID, due_back_at: datetime,
    now: datetime,
) -> ElderLeave:  # fmt: skip
    """They said they will be later. Raises NotFoundError, BadFieldError, ConflictError."""
    leave = await _open(principal.scope, elder_id, leave_id)
    if not max(now, leave.out_at) < due_back_at <= leave.out_at + LONGEST:
        raise BadFieldError("due_back_at", f"应晚于现在，全程最长 {LONGEST.days} 天")
    await end_pause(principal, elder_id, leave.pause_id, now)
    leave.pause_id = await _pause(principal, elder_id, max(now, leave.out_at), due_back_at, now)
    leave.due_back_at = due_back_at
    await principal.scope.session.flush()
    await recover_raised(principal.scope, CODE, str(elder_id), now)
    return leave


async def take_back(
    principal: Principal, elder_id: uuid.UUID, leave_id: uuid.UUID, now: datetime
) -> ElderLeave:
    """They are back: watched again at once. Raises NotFoundError, ConflictError."""
    leave = await _open(principal.scope, elder_id, leave_id)
    await end_pause(principal, elder_id, leave.pause_id, now)
    leave.back_at, leave.back_by = now, principal.user.display_name
    audit.record(
        principal.scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=elder_id,
        subject=("leave", leave.id), changes={"back_at": (None, now.isoformat())},
    )  # fmt: skip
    await principal.scope.session.flush()
    await recover_raised(principal.scope, CODE, str(elder_id), now)
    return leave


async def follow_leaves(scope: TenantScope, now: datetime) -> int:
    """Raise for those who should be back and are not; how many are new."""
    late = {
        str(leave.elder_id): leave
        for leave in await open_leaves(scope)
        if now > leave.due_back_at + GRACE
    }

    async def report(key: str) -> Report:
        leave = late[key]
        bed_id = await bed_of(scope, leave.elder_id, now)
        return Report(
            CODE,
            key,
            Subject(leave.elder_id, bed_id, None),
            happened_at=leave.due_back_at,
            note=f"请假外出未按时返回：{leave.destination or '去处未登记'}",
        )

    found = {key: partial(report, key) for key in late}
    return await follow(scope, CODE, found, now)


async def _pause(
    principal: Principal, elder_id: uuid.UUID, begin: datetime, end: datetime, now: datetime
) -> uuid.UUID:
    """Nothing over routine is alarmed or learned meanwhile; calls and falls still are."""
    scope = principal.scope
    await add_pause(principal, elder_id, PauseIn(from_at=begin, until_at=end, reason="leave"), now)
    statement = (
        scope.select(WatchPause)
        .where(
            WatchPause.elder_id == elder_id, WatchPause.until_at == end,
            WatchPause.reason == "leave", WatchPause.ended_by.is_(None),
        )
        .order_by(WatchPause.created_at.desc())
    )  # fmt: skip
    return (await scope.session.scalars(statement.limit(1))).one().id


async def _open(scope: TenantScope, elder_id: uuid.UUID, leave_id: uuid.UUID) -> ElderLeave:
    statement = scope.select(ElderLeave).where(
        ElderLeave.id == leave_id, ElderLeave.elder_id == elder_id
    )
    leave = (await scope.session.scalars(statement.with_for_update())).one_or_none()
    if leave is None:
        raise NotFoundError("leave")
    if leave.back_at is not None:
        raise ConflictError("leave_id", "这条请假已经销假")
    return leave
