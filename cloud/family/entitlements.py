"""What an elder may be entitled to, for a relative: how it stands and what is missing, no more.

The record's own values and their sources stay with the house: that a relative may read the list
is no consent to read the record.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

from cloud.care.service_list.evaluation import Entitlement, Evidence
from cloud.care.service_list.service import entitlements_of
from cloud.clock import local_date
from cloud.errors import NotFoundError
from cloud.family.schemas import FamilyConditionOut, FamilyEntitlementsOut, FamilyServiceOut
from cloud.identity.service import Principal
from cloud.people.family import consents_of, elders_of_user, sees
from cloud.people.service import find_elder

KIND: Final = "entitlements"


async def entitlements_for(
    principal: Principal, elder_id: uuid.UUID, now: datetime
) -> FamilyEntitlementsOut:
    """Raises NotFoundError for an elder of whom this login is no relative."""
    scope, today = principal.scope, local_date(now)
    members = await elders_of_user(scope, principal.user.id)
    member = next((one for one in members if one.elder_id == elder_id), None)
    if member is None:
        raise NotFoundError("elder")
    shared = KIND in sees(member, await consents_of(scope, elder_id), now)
    found: tuple[Entitlement, ...] = ()
    if shared:
        _, found = await entitlements_of(scope, await find_elder(scope, elder_id), today)
    return FamilyEntitlementsOut(
        elder_id=elder_id, on=today, shared=shared, services=[_service(one) for one in found]
    )


def _service(found: Entitlement) -> FamilyServiceOut:
    service = found.service
    return FamilyServiceOut(
        key=service.key,
        name=service.zh,
        name_en=service.en,
        category=service.category,
        target=service.target_zh,
        draft=service.status != "verified",
        standing=found.standing,
        missing=list(found.missing),
        conditions=[_condition(row) for row in found.evidence],
        excluded_by=list(found.excluded_by),
    )


def _condition(row: Evidence) -> FamilyConditionOut:
    return FamilyConditionOut(
        field=row.field,
        op=row.op,
        wanted=list(row.wanted) if isinstance(row.wanted, tuple) else row.wanted,
        standing=row.standing,
    )
