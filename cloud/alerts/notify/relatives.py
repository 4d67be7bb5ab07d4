"""Which relatives may hear of an elder's alerts."""

from __future__ import annotations

import uuid
from datetime import datetime

from cloud.alerts.notify.gate import LIVE
from cloud.alerts.notify.points import relatives_with_a_way
from cloud.database import TenantScope
from cloud.people.family import consents_of, family_of, sees
from cloud.people.models import FamilyMember


async def relatives(
    scope: TenantScope, elder_id: uuid.UUID, now: datetime, role: str = "relative"
) -> list[FamilyMember]:
    """Those whom the institution and a consent in force let see alerts, and who can be told.

    `role` "helper": the elder's paired helpers (互助) instead of relatives.
    By a login of their own, or on a way that the house keeps for them and they have proved.
    """
    known = [member for member in await family_of(scope, elder_id) if member.role == role]
    if not known:
        return []
    consents = await consents_of(scope, elder_id)
    members = [member for member in known if "alerts" in sees(member, consents, now)]
    with_way = await relatives_with_a_way(scope, {member.id for member in members}, LIVE)
    return [m for m in members if m.user_id is not None or m.id in with_way]
