"""Who a step means, and who of them can be reached: by a healthy desk, or on a way of their own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cloud.alerts.consoles.health import healthy_users
from cloud.alerts.models import Alert
from cloud.alerts.notify.gate import LIVE
from cloud.alerts.notify.points import relatives_with_a_way, users_with_a_way
from cloud.alerts.notify.relatives import relatives
from cloud.alerts.store import is_at_home
from cloud.database import TenantScope
from cloud.identity.models import User
from cloud.identity.permissions import Role
from cloud.identity.shifts import DutyAs, on_duty


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person to be told."""

    name: str
    user_id: uuid.UUID | None = None
    family_id: uuid.UUID | None = None


_BY_DUTY: Final = MappingProxyType({"head_nurse": DutyAs.HEAD_NURSE, "manager": DutyAs.MANAGER})
_OF_THE_ELDER: Final = MappingProxyType({"family_home": "relative", "helpers": "helper"})
_BY_ROLE: Final = MappingProxyType(
    {
        "any_head_nurse": Role.HEAD_NURSE, "any_manager": Role.MANAGER,
        "any_operator": Role.OPERATOR,
    }
)  # fmt: skip


async def recipients(
    scope: TenantScope, alert: Alert, targets: Sequence[str], now: datetime
) -> list[Recipient]:
    """The people the targets mean now, each once."""
    found: dict[uuid.UUID, Recipient] = {}
    for target in targets:
        if target in _OF_THE_ELDER:
            for relative in await _at_home(scope, alert, _OF_THE_ELDER[target], now):
                found.setdefault(relative.user_id or uuid.uuid4(), relative)
        for user in await _users_of(scope, alert, target, now):
            found[user.id] = Recipient(user.display_name, user_id=user.id)
    return list(found.values())


async def _at_home(scope: TenantScope, alert: Alert, role: str, now: datetime) -> list[Recipient]:
    """The family of a home bed, or its paired helpers, are asked to help when nobody has answered:
    they have a key, and may be nearer than anybody. In the house the staff is there.
    """
    if alert.elder_id is None or not await is_at_home(scope, alert):
        return []
    return [
        Recipient(member.name, user_id=member.user_id, family_id=member.id)
        for member in await relatives(scope, alert.elder_id, now, role)
    ]


async def _users_of(scope: TenantScope, alert: Alert, target: str, now: datetime) -> list[User]:
    if target == "unit_duty":
        return await on_duty(scope, now, unit_id=alert.unit_id, duty_as=DutyAs.DUTY)
    if target == "on_shift":
        # All who are in the house as duty staff, of whichever unit.
        return await on_duty(scope, now, duty_as=DutyAs.DUTY, whole_house=True)
    if target in _BY_DUTY:
        return await on_duty(scope, now, unit_id=alert.unit_id, duty_as=_BY_DUTY[target])
    if target in _BY_ROLE:
        statement = scope.select(User).where(
            User.role == _BY_ROLE[target], User.disabled_at.is_(None)
        )
        return list(await scope.session.scalars(statement.order_by(User.id)))
    return []


async def reachable(
    scope: TenantScope, people: Sequence[Recipient], now: datetime
) -> list[Recipient]:
    """Those with a desk that can be believed, or with a way of their own that works."""
    ids = [person.user_id for person in people if person.user_id is not None]
    at_desk = await healthy_users(scope, now)
    # As if it were live: what is not is stopped at the gate (cloud/alerts/notify/gate.py).
    with_way = await users_with_a_way(scope, ids, LIVE)
    families = {person.family_id for person in people if person.family_id is not None}
    family_with_way = await relatives_with_a_way(scope, families, LIVE)
    return [
        person
        for person in people
        if person.user_id in at_desk | with_way or person.family_id in family_with_way
    ]
