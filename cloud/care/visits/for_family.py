"""Visits as a relative sees them, within what the elder agreed to share (`visits`)."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import Final, cast

from cloud.care.visits.history import corrections_of, visits_of
from cloud.care.visits.schemas import FamilyVisit, FamilyVisits, VisitOutcome, WayOfVisit
from cloud.care.visits.service import due_rows
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.people.family import consents_of, elders_of_user, sees
from cloud.people.service import find_elder

SHARE: Final = "visits"
SHOWN: Final = 10


async def visits_for_relative(
    scope: TenantScope, user_id: uuid.UUID, now: datetime
) -> list[FamilyVisits]:
    """Of every elder this login is a relative of."""
    told = []
    for member in await elders_of_user(scope, user_id):
        elder = await find_elder(scope, member.elder_id)
        shared = SHARE in sees(member, await consents_of(scope, elder.id), now)
        told.append(
            FamilyVisits(
                elder_id=elder.id,
                elder_name=elder.name,
                shared=shared,
                done=await done_of(scope, elder.id) if shared else [],
                next_due_on=await _next(scope, elder.id, now) if shared else None,
            )
        )
    return told


async def done_of(scope: TenantScope, elder_id: uuid.UUID) -> list[FamilyVisit]:
    """The last visits, newest first. What was found is told by people, not by a page."""
    visits = await visits_of(scope, elder_id, SHOWN)
    corrections = await corrections_of(scope, [one.id for one in visits])
    told = []
    for one in visits:
        newest = corrections[one.id][-1] if corrections.get(one.id) else None
        if newest is not None and newest.void:
            continue
        corrected = None if newest is None else newest.started_at
        told.append(
            FamilyVisit(
                at=corrected or one.started_at, by=one.by, way=cast(WayOfVisit, one.way),
                outcome=cast(VisitOutcome, one.outcome),
            )
        )  # fmt: skip
    return told


async def _next(scope: TenantScope, elder_id: uuid.UUID, now: datetime) -> date | None:
    rows = await due_rows(scope, now, elder_ids=[elder_id])
    # A regular one is due until midnight, which is the next day already.
    return local_date(rows[0].due.due_at - timedelta(microseconds=1)) if rows else None
