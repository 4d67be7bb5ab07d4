"""Clues of active discovery that rules and lists open: once for one thing, closed by a person."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import not_, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.clues.models import DiscoveryClue
from cloud.database import TenantScope
from cloud.errors import ConflictError, NotFoundError
from cloud.identity.service import Principal
from cloud.people.reach import Reach, reach_of

# entitlement_met: an elder meets the conditions of a service now; list_row: a person on a list.
ClueKind = Literal["entitlement_met", "list_row"]
Outcome = Literal["done", "dismissed", "withdrawn"]
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clue to open. `subject` tells it from others of its kind; `detail` says why, for a page."""

    kind: ClueKind
    subject: str
    elder_id: uuid.UUID | None
    by: str
    detail: Mapping[str, Any] = field(default_factory=dict)


async def open_clue(scope: TenantScope, wanted: Wanted, now: datetime) -> DiscoveryClue:
    """Open it, or give the one that is open already."""
    await scope.session.execute(
        insert(DiscoveryClue)
        .values(
            id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=wanted.elder_id,
            kind=wanted.kind, subject=wanted.subject, detail=dict(wanted.detail), opened_at=now,
            opened_by=wanted.by, note="",
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
    statement = scope.select(DiscoveryClue).where(
        DiscoveryClue.kind == wanted.kind, DiscoveryClue.subject == wanted.subject,
        DiscoveryClue.closed_at.is_(None),
    )  # fmt: skip
    return (await scope.session.scalars(statement)).one()


async def open_clues(scope: TenantScope, reach: Reach) -> list[DiscoveryClue]:
    """The newest that are open, of elders within reach and of people without a record."""
    elder_id = cast("InstrumentedAttribute[uuid.UUID]", DiscoveryClue.elder_id)
    statement = (
        scope.select(DiscoveryClue)
        .where(
            DiscoveryClue.closed_at.is_(None),
            or_(DiscoveryClue.elder_id.is_(None), not_(reach.hides(elder_id))),
        )
        .order_by(DiscoveryClue.opened_at.desc(), DiscoveryClue.id)
        .limit(_SHOWN)
    )
    return list(await scope.session.scalars(statement))


async def find_clue(scope: TenantScope, task_id: uuid.UUID) -> DiscoveryClue:
    """Locked. Raises NotFoundError."""
    statement = scope.select(DiscoveryClue).where(DiscoveryClue.id == task_id).with_for_update()
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundError("clue")
    return found


async def close_clue(
    principal: Principal, task_id: uuid.UUID, outcome: Outcome, note: str, now: datetime
) -> DiscoveryClue:
    """Say what came of it. Raises NotFoundError, ConflictError, OutsideUnitError."""
    scope = principal.scope
    clue = await find_clue(scope, task_id)
    if clue.elder_id is not None:
        await (await reach_of(principal)).require_elder(clue.elder_id)
    if clue.closed_at is not None:
        raise ConflictError("outcome", f"{clue.closed_by} 已经办结了这条线索")
    end_clue(clue, principal.user.display_name, outcome, note, now)
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=clue.elder_id,
        subject=("discovery_clue", clue.id), reason=note or None, detail={"outcome": outcome},
    )  # fmt: skip
    await scope.session.flush()
    return clue


def end_clue(clue: DiscoveryClue, by: str, outcome: Outcome, note: str, now: datetime) -> None:
    """It is over."""
    clue.closed_at, clue.closed_by, clue.outcome, clue.note = now, by, outcome, note


async def withdraw_clue(
    scope: TenantScope, kind: ClueKind, subject: str, now: datetime, *, by: str, why: str
) -> None:
    """What opened it holds no longer; nothing where none is open."""
    statement = (
        scope.select(DiscoveryClue)
        .where(
            DiscoveryClue.kind == kind,
            DiscoveryClue.subject == subject,
            DiscoveryClue.closed_at.is_(None),
        )
        .with_for_update()
    )
    for clue in await scope.session.scalars(statement):
        end_clue(clue, by, "withdrawn", why, now)
