"""Whose record someone may open: their own units', or another's with a reason (break-glass).

Who serves units (identity's `user_unit`) opens the records of elders who stay in them, and of
homes that such a unit serves. Who serves none, and whoever has RECORDS_ALL_UNITS, opens all. An
emergency needs no permission slip, only a reason: it is written down, ends by itself, and stands
in a list until somebody else has looked at it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from sqlalchemy import func

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.database import TenantScope
from cloud.errors import NotFoundError, ProblemError
from cloud.identity.models import BreakGlass
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.identity.users import units_of
from cloud.people.models import Stay
from cloud.people.service import covers, find_elder
from cloud.places.models import Bed, Home, Room

# An emergency and what follows it; the next shift gives its own reason.
GLASS_STAYS_OPEN: Final = timedelta(hours=4)


class OutsideUnitError(ProblemError):
    """The elder stays in a unit that the user does not serve."""

    def __init__(self) -> None:
        super().__init__(
            403,
            "outside_unit",
            "This elder is in another unit. In an emergency, open the record with a reason.",
        )


async def guard_record(principal: Principal, elder_id: uuid.UUID) -> None:
    """Called for every route with `{elder_id}` in its path. Raises OutsideUnitError.

    An elder who is not there passes: the route itself says so.
    """
    if principal.may(Permission.RECORDS_ALL_UNITS):
        return
    scope = principal.scope
    own = (await units_of(scope, [principal.user.id])).get(principal.user.id)
    if not own:
        return
    unit_id = await _unit_of(principal, elder_id)
    if unit_id is None or unit_id in own:
        return
    opened = scope.select(BreakGlass).where(
        BreakGlass.user_id == principal.user.id,
        BreakGlass.elder_id == elder_id,
        BreakGlass.closes_at > principal.at,
    )
    if (await scope.session.scalars(opened.limit(1))).first() is None:
        raise OutsideUnitError


async def _unit_of(principal: Principal, elder_id: uuid.UUID) -> uuid.UUID | None:
    statement = (
        principal.scope.select(Stay)
        .join(Bed, Bed.id == Stay.bed_id)
        .join(Room, Room.id == Bed.room_id)
        .outerjoin(Home, Home.id == Room.home_id)
        .where(Stay.elder_id == elder_id, *covers(principal.at))
        .with_only_columns(func.coalesce(Room.unit_id, Home.operator_unit_id))
    )
    return (await principal.scope.session.execute(statement)).scalar()


async def break_glass(principal: Principal, elder_id: uuid.UUID, reason: str) -> BreakGlass:
    """Open a record for a while. Raises NotFoundError."""
    await find_elder(principal.scope, elder_id)
    row = BreakGlass(
        id=uuid.uuid4(),
        institution_id=principal.scope.institution_id,
        user_id=principal.user.id,
        elder_id=elder_id,
        reason=reason,
        opened_at=principal.at,
        closes_at=principal.at + GLASS_STAYS_OPEN,
    )
    principal.scope.session.add(row)
    await principal.scope.session.flush()
    record(
        principal.scope, principal.actor, Action.BROKE_GLASS, principal.at, elder_id=elder_id,
        subject=("break_glass", row.id), reason=reason,
    )  # fmt: skip
    return row


async def review(principal: Principal, glass_id: uuid.UUID, note: str) -> BreakGlass:
    """Somebody else has looked at it. Raises NotFoundError, ProblemError."""
    row = await _find(principal.scope, glass_id)
    if row.user_id == principal.user.id:
        raise ProblemError(409, "own_act", "Somebody else must review what you opened.")
    if row.reviewed_at is None:
        row.reviewed_at = principal.at
        row.reviewed_by_id = principal.user.id
        row.review_note = note
        record(
            principal.scope, principal.actor, Action.GLASS_REVIEWED, principal.at,
            elder_id=row.elder_id, subject=("break_glass", row.id), reason=note,
        )  # fmt: skip
    return row


async def _find(scope: TenantScope, glass_id: uuid.UUID) -> BreakGlass:
    row = (
        await scope.session.scalars(scope.select(BreakGlass).where(BreakGlass.id == glass_id))
    ).one_or_none()
    if row is None:
        raise NotFoundError("opened record")
    return row
