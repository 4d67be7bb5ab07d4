"""Who is on duty: by unit and time; and which shift a moment belongs to."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import or_

from cloud.database import TenantScope
from cloud.errors import NotFoundError, ProblemError
from cloud.identity.models import User
from cloud.identity.shift_models import Duty, ShiftPattern

# China keeps one time; a shift starts by the clock on the wall.
ZONE: Final = ZoneInfo("Asia/Shanghai")
_DAY_MIN: Final = 24 * 60
# A duty longer than this is a typing mistake; a week of standby for a manager is not.
LONGEST_DUTY: Final = timedelta(days=31)


class DutyAs(StrEnum):
    """What somebody is on duty as."""

    DUTY = "duty"
    HEAD_NURSE = "head_nurse"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Shift:
    """One shift of one day."""

    name: str
    starts_at: datetime
    ends_at: datetime


# Design default (D): three shifts. An institution may have its own in `shift_pattern`.
DEFAULT_PATTERN: Final = (("早班", 7 * 60, 15 * 60), ("中班", 15 * 60, 22 * 60),
                          ("夜班", 22 * 60, 7 * 60))  # fmt: skip


async def pattern_of(scope: TenantScope) -> list[tuple[str, int, int]]:
    """The institution's shifts, in order of their starts."""
    rows = list(await scope.session.scalars(scope.select(ShiftPattern)))
    if not rows:
        return list(DEFAULT_PATTERN)
    return sorted(((r.name, r.starts_minute, r.ends_minute) for r in rows), key=lambda r: r[1])


def shift_at(pattern: Sequence[tuple[str, int, int]], at: datetime) -> Shift:
    """The shift that holds a moment; a gap in the pattern belongs to the shift before it."""
    local = at.astimezone(ZONE)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    candidates = []
    for name, starts, ends in pattern:
        length = (ends - starts) % _DAY_MIN or _DAY_MIN
        for days in (-1, 0):
            begin = midnight + timedelta(days=days, minutes=starts)
            if begin <= local:
                candidates.append(Shift(name, begin, begin + timedelta(minutes=length)))
    return max(candidates, key=lambda shift: shift.starts_at)


def shift_after(pattern: Sequence[tuple[str, int, int]], shift: Shift) -> Shift:
    """The shift that follows; where the pattern has a gap, the next that begins."""
    midnight = shift.starts_at.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    following = [
        Shift(name, begin, begin + timedelta(minutes=(ends - starts) % _DAY_MIN or _DAY_MIN))
        for name, starts, ends in pattern
        for begin in (midnight + timedelta(days=days, minutes=starts) for days in (0, 1))
        if begin > shift.starts_at
    ]
    return min(following, key=lambda one: one.starts_at)


def shift_before(pattern: Sequence[tuple[str, int, int]], shift: Shift) -> Shift:
    """The shift that went before."""
    return shift_at(pattern, shift.starts_at - timedelta(minutes=1))


async def on_duty(
    scope: TenantScope,
    at: datetime,
    *,
    unit_id: uuid.UUID | None = None,
    duty_as: DutyAs | None = None,
    whole_house: bool = False,
) -> list[User]:
    """Users on duty for a unit (those of the whole house with them), or for any unit."""
    statement = (
        scope.select(User)
        .join(Duty, (Duty.institution_id == User.institution_id) & (Duty.user_id == User.id))
        .where(
            Duty.starts_at <= at, Duty.ends_at > at, Duty.removed_at.is_(None),
            User.disabled_at.is_(None),
        )
        .distinct()
        .order_by(User.id)
    )  # fmt: skip
    if duty_as is not None:
        statement = statement.where(Duty.duty_as == duty_as)
    if not whole_house:
        statement = statement.where(or_(Duty.unit_id.is_(None), Duty.unit_id == unit_id))
    return list(await scope.session.scalars(statement))


async def duties_between(scope: TenantScope, begin: datetime, end: datetime) -> list[Duty]:
    """The roster over an interval."""
    statement = (
        scope.select(Duty)
        .where(Duty.ends_at > begin, Duty.starts_at < end, Duty.removed_at.is_(None))
        .order_by(Duty.starts_at, Duty.id)
    )
    return list(await scope.session.scalars(statement))


async def add_duty(
    scope: TenantScope,
    user_id: uuid.UUID,
    duty_as: DutyAs,
    starts_at: datetime,
    ends_at: datetime,
    *,
    now: datetime,
    by: str,
    unit_id: uuid.UUID | None = None,
) -> Duty:
    """Put somebody on the roster. Raises NotFoundError, ProblemError (the field is named)."""
    if not starts_at < ends_at <= starts_at + LONGEST_DUTY:
        raise ProblemError(422, "bad_request", "ends_at: after starts_at, 31 days at most")
    user = (await scope.session.scalars(scope.select(User).where(User.id == user_id))).one_or_none()
    if user is None or user.disabled_at is not None:
        raise NotFoundError("user")
    duty = Duty(
        id=uuid.uuid4(), institution_id=scope.institution_id, user_id=user_id, unit_id=unit_id,
        duty_as=duty_as.value, starts_at=starts_at, ends_at=ends_at, created_at=now, created_by=by,
    )  # fmt: skip
    scope.session.add(duty)
    await scope.session.flush()
    return duty


async def remove_duty(scope: TenantScope, duty_id: uuid.UUID, now: datetime, by: str) -> Duty:
    """Take a duty off the roster; the row stays. Raises NotFoundError."""
    statement = scope.select(Duty).where(Duty.id == duty_id, Duty.removed_at.is_(None))
    duty = (await scope.session.scalars(statement)).one_or_none()
    if duty is None:
        raise NotFoundError("duty")
    duty.removed_at, duty.removed_by = now, by
    return duty
