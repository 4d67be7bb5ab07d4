"""Before a shift begins: every elder's chain for the next hours, and what in it is missing."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from cloud.alerts.codes import Priority
from cloud.alerts.consoles.health import is_healthy
from cloud.alerts.consoles.models import Console, PreFlight
from cloud.alerts.escalation.policies import policy_for
from cloud.alerts.escalation.reach import recipients
from cloud.alerts.models import Alert
from cloud.alerts.notify.gate import LIVE
from cloud.alerts.notify.models import ContactPoint
from cloud.alerts.notify.points import users_with_a_way
from cloud.alerts.store import unit_of
from cloud.database import TenantScope
from cloud.devices.service import Subject
from cloud.errors import ConflictError, NotFoundError
from cloud.identity.models import User
from cloud.identity.service import Principal
from cloud.identity.shifts import duties_between
from cloud.people.service import elders_by_id, stays_at

HORIZON: Final = timedelta(hours=12)


async def make_pre_flight(scope: TenantScope, now: datetime, by: str) -> PreFlight:
    """Walk all chains and write down what was found; somebody signs it then."""
    users = {user.id: user.display_name for user in await scope.session.scalars(scope.select(User))}
    problems = [
        *await _empty_steps(scope, now),
        *await _without_way(scope, now, users),
        *await _points(scope, users),
        *await _consoles(scope, now, users),
    ]
    stays = await stays_at(scope, now)
    check = PreFlight(
        id=uuid.uuid4(), institution_id=scope.institution_id, made_at=now, made_by=by,
        result={"elders": len(stays), "hours": HORIZON.total_seconds() / 3600,
                "problems": problems},
    )  # fmt: skip
    scope.session.add(check)
    await scope.session.flush()
    return check


async def _empty_steps(scope: TenantScope, now: datetime) -> list[dict[str, Any]]:
    """At every change of the roster: which step of whose chain would reach nobody."""
    duties = await duties_between(scope, now, now + HORIZON)
    changes = {now, *(d.starts_at for d in duties), *(d.ends_at for d in duties)}
    moments = sorted(at for at in changes if now <= at < now + HORIZON)
    stays = await stays_at(scope, now)
    names = await elders_by_id(scope, {stay.elder_id for stay in stays})
    found: dict[tuple[str, str, str], list[str]] = {}
    for stay in stays:
        unit_id = await unit_of(scope, Subject(stay.elder_id, stay.bed_id, None))
        chain = Alert(
            code="fall_confirmed", elder_id=stay.elder_id, bed_id=stay.bed_id, unit_id=unit_id,
            origin=LIVE,
        )  # fmt: skip
        for at in moments:
            policy = await policy_for(scope, chain, Priority.HIGH, at)
            for number, step in enumerate(policy.body.steps):
                if not await recipients(scope, chain, step.targets, at):
                    key = (at.isoformat(), str(number), ", ".join(step.targets))
                    found.setdefault(key, []).append(names[stay.elder_id].name)
    return [
        {"kind": "empty_step", "at": at, "step": int(number), "targets": targets, "elders": elders}
        for (at, number, targets), elders in sorted(found.items())
    ]


async def _without_way(
    scope: TenantScope, now: datetime, users: dict[uuid.UUID, str]
) -> list[dict[str, Any]]:
    duties = await duties_between(scope, now, now + HORIZON)
    on_duty = {duty.user_id for duty in duties}
    with_way = await users_with_a_way(scope, on_duty, LIVE)
    return [
        {"kind": "desk_only", "name": users[user_id]}
        for user_id in sorted(on_duty - with_way, key=lambda user_id: users[user_id])
    ]


async def _points(scope: TenantScope, users: dict[uuid.UUID, str]) -> list[dict[str, Any]]:
    found = []
    statement = scope.select(ContactPoint).where(ContactPoint.removed_at.is_(None))
    for point in await scope.session.scalars(statement):
        name = users.get(point.user_id, "") if point.user_id else ""
        if point.dead_at is not None:
            found.append({"kind": "dead_point", "name": name, "label": point.label})
        elif point.verified_at is None:
            found.append({"kind": "unverified_point", "name": name, "label": point.label})
    return sorted(found, key=lambda row: (row["kind"], row["name"], row["label"]))


async def _consoles(
    scope: TenantScope, now: datetime, users: dict[uuid.UUID, str]
) -> list[dict[str, Any]]:
    statement = scope.select(Console).where(
        Console.closed_at.is_(None), Console.last_seen_at > now - HORIZON
    )
    consoles = list(await scope.session.scalars(statement))
    found: list[dict[str, Any]] = [
        {"kind": "console", "name": users[c.user_id], "audio": c.audio, "live": c.live}
        for c in consoles
        if not is_healthy(c, now)
    ]
    if not any(is_healthy(console, now) for console in consoles):
        found.append({"kind": "no_console"})
    return found


async def sign_pre_flight(
    principal: Principal, check_id: uuid.UUID, remark: str | None, now: datetime
) -> PreFlight:
    """Somebody has read it. Raises NotFoundError, ConflictError."""
    scope = principal.scope
    statement = scope.select(PreFlight).where(PreFlight.id == check_id).with_for_update()
    check = (await scope.session.scalars(statement)).one_or_none()
    if check is None:
        raise NotFoundError("pre-flight")
    if check.signed_at is not None:
        raise ConflictError("already_signed", f"signed by {check.signed_by}")
    check.signed_at, check.signed_by_id = now, principal.user.id
    check.signed_by, check.remark = principal.user.display_name, remark
    return check
