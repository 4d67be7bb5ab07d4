"""Whose record someone may open: their own units', or another's with a reason (break-glass).

Who is of whose unit: cloud/people/reach.py. An
emergency needs no permission slip, only a reason: it is written down, ends by itself, and stands
in a list until somebody else has looked at it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.database import TenantScope
from cloud.errors import NotFoundError, ProblemError
from cloud.identity.models import BreakGlass
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.people.service import find_elder

# An emergency and what follows it; the next shift gives its own reason.
GLASS_STAYS_OPEN: Final = timedelta(hours=4)


async def guard_record(principal: Principal, elder_id: uuid.UUID) -> None:
    """Called for every route with `{elder_id}` in its path. Raises OutsideUnitError."""
    await (await reach_of(principal)).require_elder(elder_id)


async def guard_home(principal: Principal, home_id: uuid.UUID) -> None:
    """The same for `{home_id}`: its page has the address and the way in."""
    await (await reach_of(principal)).require_home(home_id)


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
