"""Which relatives may hear of an elder's alerts."""

from __future__ import annotations

import uuid
from datetime import datetime

from cloud.database import TenantScope
from cloud.people.family import consents_of, family_of, sees
from cloud.people.models import FamilyMember


async def relatives(scope: TenantScope, elder_id: uuid.UUID, now: datetime) -> list[FamilyMember]:
    """Those whom the institution and a consent in force let see alerts, with a login."""
    consents = await consents_of(scope, elder_id)
    return [
        member
        for member in await family_of(scope, elder_id)
        if member.user_id is not None and "alerts" in sees(member, consents, now)
    ]
