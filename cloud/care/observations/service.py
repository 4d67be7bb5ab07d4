"""Notes on elders: written once, read at every handover, never changed."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.dialects.postgresql import insert

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.observations.models import CareObservation
from cloud.database import TenantScope
from cloud.errors import BadFieldError
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.people.service import find_elder

# What a phone without a network sends later is of this shift or the one before; older is a mistake.
OLDEST: Final = timedelta(hours=24)
_CLOCK_AHEAD: Final = timedelta(minutes=2)
SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be written down. `at` None: now."""

    id: uuid.UUID
    text: str
    important: bool
    at: datetime | None
    corrects_id: uuid.UUID | None


async def add_note(
    principal: Principal, elder_id: uuid.UUID, wanted: Note, now: datetime
) -> CareObservation:
    """Once, however often it is sent. Raises NotFoundError, BadFieldError."""
    scope = principal.scope
    await find_elder(scope, elder_id)
    known = scope.select(CareObservation).where(CareObservation.id == wanted.id)
    if (held := (await scope.session.scalars(known)).one_or_none()) is not None:
        await (await reach_of(principal)).require_elder(held.elder_id)
        return held
    text = wanted.text.strip()
    if not text:
        raise BadFieldError("text", "请写下观察到的情况")
    at = wanted.at or now
    if not now - OLDEST <= at <= now + _CLOCK_AHEAD:
        raise BadFieldError("at", "观察时间应在最近 24 小时内")
    await _refuse_foreign(scope, elder_id, wanted.corrects_id)
    await scope.session.execute(
        insert(CareObservation)
        .values(
            institution_id=scope.institution_id, id=wanted.id, elder_id=elder_id,
            at=min(at, now), recorded_at=now, by_id=principal.user.id,
            by=principal.user.display_name, text=text, important=wanted.important,
            corrects_id=wanted.corrects_id,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
    audit.record(
        scope, principal.actor, Action.RECORD_CREATED, now, elder_id=elder_id,
        subject=("observation", wanted.id),
    )  # fmt: skip
    return (await scope.session.scalars(known)).one()


async def _refuse_foreign(
    scope: TenantScope, elder_id: uuid.UUID, corrects_id: uuid.UUID | None
) -> None:
    if corrects_id is None:
        return
    statement = scope.select(CareObservation).where(
        CareObservation.id == corrects_id, CareObservation.elder_id == elder_id
    )
    if (await scope.session.scalars(statement)).one_or_none() is None:
        raise BadFieldError("corrects_id", "没有这位老人的这条观察记录")


async def notes_of(scope: TenantScope, elder_id: uuid.UUID) -> list[CareObservation]:
    """The newest of an elder first. Raises NotFoundError."""
    await find_elder(scope, elder_id)
    statement = (
        scope.select(CareObservation)
        .where(CareObservation.elder_id == elder_id)
        .order_by(CareObservation.at.desc(), CareObservation.id)
        .limit(SHOWN)
    )
    return list(await scope.session.scalars(statement))


async def notes_since(
    scope: TenantScope, elder_ids: Collection[uuid.UUID], since: datetime
) -> list[CareObservation]:
    """Of several elders, oldest first; what was written down since counts, whenever it was seen."""
    statement = (
        scope.select(CareObservation)
        .where(CareObservation.elder_id.in_(elder_ids), CareObservation.recorded_at >= since)
        .order_by(CareObservation.at, CareObservation.id)
    )
    return list(await scope.session.scalars(statement))
