"""How people are watched: their plans and pauses, what devices are for, which gateway has whom."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.coverage.models import (
    AssessedLevel,
    GatewayArea,
    SensorPlacement,
    WatchPause,
    WatchPlan,
)
from cloud.coverage.schemas import (
    AreaIn,
    CapabilityName,
    PauseIn,
    PauseOut,
    PauseReason,
    SensorIn,
    WatchPlanIn,
    WatchPlanOut,
)
from cloud.coverage.subjects import level_in_force, watched_people
from cloud.database import TenantScope
from cloud.devices.models import Device, Gateway
from cloud.errors import NotFoundError, ProblemError
from cloud.identity.service import Principal
from cloud.people.service import find_elder
from cloud.places.models import Unit
from edge.fall.limits import own_limit
from edge.signals import SignalError
from edge.subject import Subject, SubjectSettings
from edge.subjects import SubjectEngine

_MAX_OVERRIDES: Final = 100
# Pauses of somebody who is not in the house; the others are of the watch.
_AWAY: Final = ("leave", "hospital")
# No round is further apart; whoever came back earlier has been looked in on since.
_LATELY: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class AssessedLevelIn:
    """What a filed assessment says of how to watch somebody."""

    level: int
    reference_date: date
    assessment_id: uuid.UUID
    filed_at: datetime


async def plan_of(scope: TenantScope, elder_id: uuid.UUID, now: datetime) -> WatchPlanOut:
    """The plan in force. Raises NotFoundError."""
    await find_elder(scope, elder_id)
    statement = scope.select(WatchPlan).where(WatchPlan.elder_id == elder_id)
    plan = (await scope.session.scalars(statement)).one_or_none()
    rows = await scope.session.scalars(
        scope.select(WatchPause)
        .where(
            WatchPause.elder_id == elder_id,
            WatchPause.until_at > now,
            WatchPause.ended_by.is_(None),
        )
        .order_by(WatchPause.from_at)
    )
    pauses = [
        PauseOut(
            id=row.id,
            from_at=row.from_at,
            until_at=row.until_at,
            reason=cast(PauseReason, row.reason),
            created_by=row.created_by,
        )
        for row in rows
    ]
    held = scope.select(AssessedLevel).where(AssessedLevel.elder_id == elder_id)
    assessed = (await scope.session.scalars(held)).one_or_none()
    own = WatchPlanIn() if plan is None else WatchPlanIn(
        timezone=plan.timezone,
        ability_level=None if plan.follows_assessment else plan.ability_level,
        lives_alone=plan.lives_alone,
        requires=cast(list[CapabilityName] | None, plan.requires),
        overrides=plan.overrides,
    )  # fmt: skip
    return WatchPlanOut(
        **dict(own),
        elder_id=elder_id,
        level_in_force=level_in_force(plan, assessed),
        assessed_level=None if assessed is None else assessed.level,
        assessed_on=None if assessed is None else assessed.reference_date,
        updated_at=None if plan is None else plan.updated_at,
        updated_by=None if plan is None else plan.updated_by,
        pauses=pauses,
    )


async def away_at(scope: TenantScope, now: datetime) -> set[uuid.UUID]:
    """Who is known to be out of the house; a pause that was ended early is over."""
    statement = scope.select(WatchPause).where(
        WatchPause.from_at <= now, WatchPause.until_at > now, WatchPause.ended_by.is_(None),
        WatchPause.reason.in_(_AWAY),
    )  # fmt: skip
    return {row.elder_id for row in await scope.session.scalars(statement)}


async def back_since(scope: TenantScope, now: datetime) -> dict[uuid.UUID, datetime]:
    """When those who were out of the house lately came back, as far as anybody said."""
    statement = scope.select(WatchPause).where(
        WatchPause.from_at <= now, WatchPause.until_at > now - _LATELY,
        WatchPause.reason.in_(_AWAY),
    )  # fmt: skip
    found: dict[uuid.UUID, datetime] = {}
    for row in await scope.session.scalars(statement):
        end = row.until_at if row.ended_at is None else min(row.ended_at, row.until_at)
        if row.from_at < end <= now:
            found[row.elder_id] = max(end, found.get(row.elder_id, end))
    return found


async def set_plan(
    principal: Principal, elder_id: uuid.UUID, wanted: WatchPlanIn, now: datetime
) -> WatchPlanOut:
    """Take a plan that the detectors accept on trial. Raises NotFoundError, ProblemError."""
    scope = principal.scope
    before = await plan_of(scope, elder_id, now)
    values: dict[str, Any] = {
        "timezone": wanted.timezone,
        "ability_level": wanted.ability_level or 0,
        "follows_assessment": wanted.ability_level is None,
        "lives_alone": wanted.lives_alone,
        "requires": None if wanted.requires is None else sorted(set(wanted.requires)),
        "overrides": wanted.overrides,
        "updated_at": now,
        "updated_by": principal.user.display_name,
    }
    key = {"institution_id": scope.institution_id, "elder_id": elder_id}
    await scope.session.execute(
        insert(WatchPlan)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=list(key), set_=values)
    )
    await _refuse_bad_limits(scope, elder_id, wanted, now)
    after = await plan_of(scope, elder_id, now)
    names = ("timezone", "ability_level", "lives_alone", "requires", "overrides")
    changes = {
        name: (getattr(before, name), getattr(after, name))
        for name in names
        if getattr(before, name) != getattr(after, name)
    }
    _note(principal, now, elder_id, changes)
    return after


async def take_assessed_level(
    scope: TenantScope, elder_id: uuid.UUID, level: AssessedLevelIn
) -> None:
    """An assessment was filed: who follows it is watched by its level from the next heartbeat on.

    One about an earlier day than what holds changes nothing.
    """
    values = {
        "level": level.level,
        "reference_date": level.reference_date,
        "assessment_id": level.assessment_id,
        "filed_at": level.filed_at,
    }
    key = {"institution_id": scope.institution_id, "elder_id": elder_id}
    await scope.session.execute(
        insert(AssessedLevel)
        .values(**key, **values)
        .on_conflict_do_update(
            index_elements=list(key),
            set_=values,
            where=AssessedLevel.reference_date <= level.reference_date,
        )
    )


async def set_override(
    scope: TenantScope, elder_id: uuid.UUID, name: str, value: float | None, *, by: str,
    now: datetime,
) -> None:  # fmt: skip
    """One limit of one person, None: the detector's own again. Raises NotFoundError."""
    held = await plan_of(scope, elder_id, now)
    overrides = {key: limit for key, limit in held.overrides.items() if key != name}
    if value is not None:
        overrides[name] = value
    values: dict[str, Any] = {"overrides": overrides, "updated_at": now, "updated_by": by}
    of_level = {
        "ability_level": held.ability_level or 0,
        "follows_assessment": held.ability_level is None,
    }
    key = {"institution_id": scope.institution_id, "elder_id": elder_id}
    await scope.session.execute(
        insert(WatchPlan)
        .values(**key, timezone=held.timezone, **of_level, **values)
        .on_conflict_do_update(index_elements=list(key), set_=values)
    )


async def _refuse_bad_limits(
    scope: TenantScope, elder_id: uuid.UUID, wanted: WatchPlanIn, now: datetime
) -> None:
    """Limits that no detector would take must not leave this person unwatched at the gateway."""
    if len(wanted.overrides) > _MAX_OVERRIDES:
        raise ProblemError(422, "bad_request", f"overrides: at most {_MAX_OVERRIDES}")
    name = str(elder_id)
    try:
        watched = (await watched_people(scope, now)).get(name)
        subject = watched.subject if watched else Subject(name, name, SubjectSettings())
        SubjectEngine().open(subject)
        own_limit(wanted.overrides)
    except SignalError as error:
        raise ProblemError(422, "bad_request", f"overrides: {error}") from error
    except (ValueError, KeyError) as error:  # an unknown time zone
        raise ProblemError(422, "bad_request", f"timezone: {error}") from error


async def add_pause(
    principal: Principal, elder_id: uuid.UUID, wanted: PauseIn, now: datetime
) -> WatchPlanOut:
    """Raises NotFoundError, ProblemError."""
    scope = principal.scope
    await find_elder(scope, elder_id)
    if wanted.until_at <= wanted.from_at:
        raise ProblemError(422, "bad_request", "until_at: must be after from_at")
    scope.session.add(
        WatchPause(
            id=uuid.uuid4(),
            institution_id=scope.institution_id,
            elder_id=elder_id,
            from_at=wanted.from_at,
            until_at=wanted.until_at,
            reason=wanted.reason,
            created_at=now,
            created_by=principal.user.display_name,
        )
    )
    await scope.session.flush()
    told = f"{wanted.from_at.isoformat()} .. {wanted.until_at.isoformat()} {wanted.reason}"
    _note(principal, now, elder_id, {"watch_pause": (None, told)})
    return await plan_of(scope, elder_id, now)


async def end_pause(
    principal: Principal, elder_id: uuid.UUID, pause_id: uuid.UUID, now: datetime
) -> WatchPlanOut:
    """Back sooner than planned. Raises NotFoundError."""
    scope = principal.scope
    statement = scope.select(WatchPause).where(
        WatchPause.id == pause_id, WatchPause.elder_id == elder_id
    )
    pause = (await scope.session.scalars(statement)).one_or_none()
    if pause is None:
        raise NotFoundError("pause")
    if pause.ended_by is None:
        pause.ended_by, pause.ended_at = principal.user.display_name, now
        await scope.session.flush()
        _note(principal, now, elder_id, {"watch_pause": (pause.reason, None)})
    return await plan_of(scope, elder_id, now)


def _note(
    principal: Principal,
    now: datetime,
    elder_id: uuid.UUID,
    changes: Mapping[str, tuple[object, object]],
) -> None:
    record(
        principal.scope,
        principal.actor,
        Action.RECORD_CHANGED,
        now,
        elder_id=elder_id,
        changes=changes,
    )


async def place_sensor(
    principal: Principal, device_id: str, wanted: SensorIn, now: datetime
) -> None:
    """Say what a device is for. Raises NotFoundError."""
    scope = principal.scope
    device = scope.select(Device).where(Device.device_id == device_id)
    if (await scope.session.scalars(device)).one_or_none() is None:
        raise NotFoundError("device")
    await put_sensor(scope, device_id, wanted, now, by=principal.user.display_name)
    record(
        scope, principal.actor, Action.DEVICE_CHANGED, now, subject=("device", device_id),
        changes={"sensor": (None, wanted.model_dump_json(exclude_none=True))},
    )  # fmt: skip


async def put_sensor(
    scope: TenantScope, device_id: str, wanted: SensorIn, now: datetime, *, by: str
) -> None:
    """What a device is for, of a device that is there."""
    values = {**wanted.model_dump(), "updated_at": now, "updated_by": by}
    key = {"institution_id": scope.institution_id, "device_id": device_id}
    await scope.session.execute(
        insert(SensorPlacement)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=list(key), set_=values)
    )


async def set_area(
    principal: Principal, gateway_id: uuid.UUID, wanted: AreaIn, now: datetime
) -> None:
    """Which units a gateway watches over. Raises NotFoundError."""
    scope = principal.scope
    gateway = scope.select(Gateway).where(Gateway.id == gateway_id)
    if (await scope.session.scalars(gateway)).one_or_none() is None:
        raise NotFoundError("gateway")
    wanted_ids = sorted(set(wanted.unit_ids), key=str)
    known = set(
        await scope.session.scalars(
            scope.select(Unit).where(Unit.id.in_(wanted_ids)).with_only_columns(Unit.id)
        )
    )
    if missing := [str(each) for each in wanted_ids if each not in known]:
        raise ProblemError(422, "bad_request", f"unit_ids: no such unit {', '.join(missing)}")
    await scope.session.execute(
        delete(GatewayArea).where(
            GatewayArea.institution_id == scope.institution_id,
            GatewayArea.gateway_id == gateway_id,
        )
    )
    scope.session.add_all(
        GatewayArea(institution_id=scope.institution_id, gateway_id=gateway_id, unit_id=unit_id)
        for unit_id in wanted_ids
    )
    await scope.session.flush()
    record(
        scope, principal.actor, Action.GATEWAY_CHANGED, now, subject=("gateway", gateway_id),
        changes={"unit_ids": (None, [str(each) for each in wanted_ids])},
    )  # fmt: skip
