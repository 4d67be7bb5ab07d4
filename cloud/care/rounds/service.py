"""Plans in force, who is to be seen now, checks taken."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.rounds.bedside import Bedside, bedsides, time_of
from cloud.care.rounds.models import RoundCheck, RoundPlan
from cloud.care.rounds.plan import (
    DEFAULT_GRACE_MIN,
    DEFAULT_LEVELS,
    DEFAULT_SENSOR_IN_A_ROW,
    Due,
    Frequency,
    LevelPlan,
    not_before,
    round_due,
    turning_due,
)
from cloud.care.rounds.schemas import RoundCheckIn, RoundPlanIn
from cloud.clock import NS_PER_S, ns_from_datetime
from cloud.coverage.models import AssessedLevel, WatchPlan
from cloud.coverage.plans import away_at, back_since
from cloud.coverage.subjects import level_in_force
from cloud.database import TenantScope
from cloud.errors import (
    BadFieldError,
    ChangedMeanwhileError,
    ProblemError,
)
from cloud.identity.service import Principal
from cloud.identity.shifts import pattern_of
from cloud.people.models import Elder, Stay
from cloud.people.reach import reach_of
from cloud.people.service import covers
from cloud.places.models import Bed, Room, Unit
from cloud.series.service import SeriesStore, elder_latest
from edge.signals import Origin

# A look by sensor needs somebody in bed who breathes, told within this time.
SENSOR_FRESH_S: Final = 300
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LIFE: Final = ("respiration_rate", "heart_rate")


@dataclass(frozen=True, slots=True)
class InBed:
    """Somebody who has a bed in a unit. `since`: in this bed, or back in the house."""

    elder: Elder
    bed_id: uuid.UUID
    unit_id: uuid.UUID
    since: datetime
    level: int
    level_since: datetime
    away: bool


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody with how their rounds stand; None: nothing is planned (or they are away)."""

    who: InBed
    plan: RoundPlan | None
    seen: RoundCheck | None
    turned: RoundCheck | None
    round: Due | None
    turning: Due | None


async def plans(scope: TenantScope) -> dict[uuid.UUID | None, RoundPlan]:
    """By unit; the house's under None."""
    return {row.unit_id: row for row in await scope.session.scalars(scope.select(RoundPlan))}


def levels_of(plan: RoundPlan | None) -> dict[int, LevelPlan]:
    """What a plan says of each level, defaults where it says nothing."""
    own = {} if plan is None else plan.levels
    return dict(DEFAULT_LEVELS) | {
        int(level): LevelPlan(
            Frequency(**said["night"]), Frequency(**said["day"]), said["turning_min"]
        )
        for level, said in own.items()
    }


def levels_wanted(wanted: RoundPlanIn) -> dict[int, LevelPlan]:
    """As a plan would have them once it is set."""
    said = {
        one.level: LevelPlan(
            Frequency(one.night.per_shift, one.night.every_min),
            Frequency(one.day.per_shift, one.day.every_min),
            one.turning_min,
        )
        for one in wanted.levels
    }
    return dict(DEFAULT_LEVELS) | said


async def set_plan(principal: Principal, wanted: RoundPlanIn, now: datetime) -> RoundPlan:
    """Raises BadFieldError, ProblemError (409)."""
    scope = principal.scope
    if wanted.unit_id is not None:
        unit = scope.select(Unit).where(Unit.id == wanted.unit_id, Unit.closed_at.is_(None))
        if (await scope.session.scalars(unit)).one_or_none() is None:
            raise BadFieldError("unit_id", "no such unit")
    if len({one.level for one in wanted.levels}) != len(wanted.levels):
        raise BadFieldError("levels", "each level once")
    plan = await _locked_plan(scope, wanted.unit_id, now)
    if wanted.version != plan.version:
        raise ChangedMeanwhileError("这份巡查计划")
    if wanted.active and not plan.active:
        plan.active_since = now
    plan.active = wanted.active
    plan.levels = {str(one.level): one.model_dump(exclude={"level"}) for one in wanted.levels}
    plan.sensor_allowed = wanted.sensor_allowed
    plan.sensor_in_a_row, plan.grace_min = wanted.sensor_in_a_row, wanted.grace_min
    plan.version += 1
    plan.updated_at, plan.updated_by = now, principal.user.display_name
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, subject=("round_plan", plan.id),
        changes={"round_plan": (None, wanted.model_dump_json())},
    )  # fmt: skip
    await scope.session.flush()
    return plan


async def _locked_plan(scope: TenantScope, unit_id: uuid.UUID | None, now: datetime) -> RoundPlan:
    """The plan of a unit, made where there is none: two who are first at once meet here."""
    blank = {
        "active": False, "levels": {}, "sensor_allowed": False,
        "sensor_in_a_row": DEFAULT_SENSOR_IN_A_ROW, "grace_min": DEFAULT_GRACE_MIN,
        "version": 0, "updated_at": now, "updated_by": "",
    }  # fmt: skip
    await scope.session.execute(
        insert(RoundPlan)
        .values(id=uuid.uuid4(), institution_id=scope.institution_id, unit_id=unit_id, **blank)
        .on_conflict_do_nothing()
    )
    statement = scope.select(RoundPlan).where(RoundPlan.unit_id.is_not_distinct_from(unit_id))
    locked = statement.with_for_update().execution_options(populate_existing=True)
    return (await scope.session.scalars(locked)).one()


async def rows(
    scope: TenantScope, now: datetime, unit_ids: Sequence[uuid.UUID] | None = None
) -> list[Row]:
    """Everybody in a bed of a unit with what is due, the earliest due first."""
    held, pattern = await plans(scope), await pattern_of(scope)
    people = await in_beds(scope, now, unit_ids)
    seen = await _latest(scope, [who.elder.id for who in people], turning=False)
    turned = await _latest(scope, [who.elder.id for who in people], turning=True)
    found = []
    for who in people:
        plan = held.get(who.unit_id) or held.get(None)
        last, turn = seen.get(who.elder.id), turned.get(who.elder.id)
        if plan is None or not plan.active or plan.active_since is None or who.away:
            found.append(Row(who, plan, last, turn, None, None))
            continue
        level, grace = levels_of(plan)[who.level], timedelta(minutes=plan.grace_min)
        since = max(plan.active_since, who.since)
        due = round_due(level, pattern, max(since, last.at) if last else since, now, grace)
        due = not_before(due, who.level_since, now, grace)
        turning = None
        if level.turning_min is not None:
            at = max(since, turn.at) if turn else since
            turning = turning_due(level.turning_min, at, now, grace)
            turning = not_before(turning, who.level_since, now, grace)
        found.append(Row(who, plan, last, turn, due, turning))
    return sorted(found, key=lambda row: (_due_at(row) is None, _due_at(row) or now))


def _due_at(row: Row) -> datetime | None:
    return min((one.due_at for one in (row.round, row.turning) if one is not None), default=None)


async def in_beds(
    scope: TenantScope, now: datetime, unit_ids: Sequence[uuid.UUID] | None = None
) -> list[InBed]:
    """Who has a bed in a unit now. People in their own homes get visits, not rounds."""
    statement = (
        scope.select(Elder)
        .join(Stay, (Stay.institution_id == Elder.institution_id) & (Stay.elder_id == Elder.id))
        .join(Bed, Bed.id == Stay.bed_id)
        .join(Room, Room.id == Bed.room_id)
        .where(*covers(now), Room.unit_id.is_not(None))
        .order_by(Room.name, Bed.name)
        .with_only_columns(Elder, Bed.id, Room.unit_id, Stay.valid_from)
    )
    if unit_ids is not None:
        statement = statement.where(Room.unit_id.in_(unit_ids))
    found = (await scope.session.execute(statement)).all()
    levels = await _levels(scope)
    away, back = await away_at(scope, now), await back_since(scope, now)
    return [
        InBed(
            elder, bed_id, unit_id, max(since, back.get(elder.id, since)),
            *levels.get(elder.id, (0, since)), elder.id in away,
        )
        for elder, bed_id, unit_id, since in found
        if unit_id is not None  # the query says so too
    ]  # fmt: skip


async def _levels(scope: TenantScope) -> dict[uuid.UUID, tuple[int, datetime]]:
    """The level that steers the watch steers the rounds too, and since when one holds.

    A plan's own level is not dated: its row changes for other reasons, and none of them may make
    a round that was missed look as if it were not due yet.
    """
    watch = {row.elder_id: row for row in await scope.session.scalars(scope.select(WatchPlan))}
    held = {row.elder_id: row for row in await scope.session.scalars(scope.select(AssessedLevel))}
    found: dict[uuid.UUID, tuple[int, datetime]] = {}
    for elder_id in watch.keys() | held.keys():
        plan, assessed = watch.get(elder_id), held.get(elder_id)
        follows = assessed is not None and (plan is None or plan.follows_assessment)
        since = assessed.filed_at if assessed is not None and follows else _LONG_AGO
        found[elder_id] = level_in_force(plan, assessed), since
    return found


async def _latest(
    scope: TenantScope, elder_ids: Sequence[uuid.UUID], *, turning: bool
) -> dict[uuid.UUID, RoundCheck]:
    """Who was turned was seen. Who was not there was not."""
    newest = (
        select(RoundCheck.id)
        .ext(distinct_on(RoundCheck.elder_id))
        .where(
            RoundCheck.institution_id == scope.institution_id,
            RoundCheck.elder_id.in_(elder_ids), RoundCheck.finding != "not_there",
        )
        .order_by(RoundCheck.elder_id, RoundCheck.at.desc())
    )  # fmt: skip
    if turning:
        newest = newest.where(RoundCheck.kind == "turning")
    held = await scope.session.scalars(scope.select(RoundCheck).where(RoundCheck.id.in_(newest)))
    return {row.elder_id: row for row in held}


async def take_check(
    principal: Principal, store: SeriesStore, wanted: RoundCheckIn, now: datetime
) -> RoundCheck:
    """Write it down, once however often it is sent. Raises NotFoundError, BadFieldError, ..."""
    (taken,) = await take_checks(principal, store, [wanted], now)
    return taken


async def take_checks(
    principal: Principal, store: SeriesStore, wanted: Sequence[RoundCheckIn], now: datetime
) -> list[RoundCheck]:
    """Several at once, as asked of the database at once: all of them, or none."""
    scope, reach = principal.scope, await reach_of(principal)
    held = await _checks_by_id(scope, [one.id for one in wanted])
    for check in held.values():
        await reach.require_elder(check.elder_id)
    new = [one for one in wanted if one.id not in held]
    if not new:
        return [held[one.id] for one in wanted]
    beds = await bedsides(scope, new, now)
    rows = []
    for one in new:
        at = time_of(one, now)
        who = beds.whom(one, at)
        await reach.require_elder(who.elder_id)
        evidence: Mapping[str, object] = {}
        if one.by_sensor:
            evidence = await _by_sensor(scope, store, who, one, now)
        elif one.kind == "turning" and one.position is None:
            raise BadFieldError("position", "翻身要写明体位")
        way = "sensor" if one.by_sensor else "tag" if one.tag is not None else "bed_list"
        row = {
            "id": one.id, "institution_id": scope.institution_id, "elder_id": who.elder_id,
            "bed_id": who.bed_id, "unit_id": who.unit_id, "kind": one.kind, "way": way, "at": at,
            "recorded_at": now, "by_id": principal.user.id, "by": principal.user.display_name,
            "finding": one.finding, "position": one.position, "note": one.note,
            "evidence": dict(evidence),
        }  # fmt: skip
        rows.append(row)
    await scope.session.execute(insert(RoundCheck).on_conflict_do_nothing(), rows)
    taken = held | await _checks_by_id(scope, [one.id for one in new])
    return [taken[one.id] for one in wanted]


async def _checks_by_id(
    scope: TenantScope, ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, RoundCheck]:
    rows = await scope.session.scalars(scope.select(RoundCheck).where(RoundCheck.id.in_(ids)))
    return {row.id: row for row in rows}


async def _by_sensor(
    scope: TenantScope, store: SeriesStore, who: Bedside, wanted: RoundCheckIn, now: datetime
) -> dict[str, object]:
    """What the sensors said that stands for a look. Raises ProblemError where they cannot."""
    held = await plans(scope)
    plan = held.get(who.unit_id) or held.get(None)
    if plan is None or not plan.sensor_allowed or wanted.kind != "round":
        raise ProblemError(409, "sensor_not_allowed", "本单元的规定不允许用传感器代替到床查看。")
    # What the sensors say now is no evidence of an hour ago.
    if wanted.at is not None and now - wanted.at > timedelta(seconds=SENSOR_FRESH_S):
        raise BadFieldError("at", "用传感器查看只能当时打卡，不能补记；补记请按到床查看")
    last = await scope.session.scalars(
        scope.select(RoundCheck)
        .where(RoundCheck.elder_id == who.elder_id)
        .order_by(RoundCheck.at.desc())
        .limit(plan.sensor_in_a_row)
    )
    ways = [row.way for row in last]
    if len(ways) == plan.sensor_in_a_row and set(ways) == {"sensor"}:
        raise ProblemError(409, "go_in_person", "已连续用传感器查看，这一次请到床边。")
    now_ns = ns_from_datetime(now)
    told = {
        one.quantity: one
        for one in await elder_latest(scope, store, who.elder_id, now_ns + NS_PER_S)
        if one.origin is Origin.LIVE and one.time_ns >= now_ns - SENSOR_FRESH_S * NS_PER_S
    }
    in_bed = told.get("in_bed")
    life = next((told[name] for name in _LIFE if name in told and told[name].value > 0), None)
    if in_bed is None or in_bed.value < 1 or life is None:
        raise ProblemError(
            409,
            "sensor_blind",
            "传感器近 5 分钟没有同时看到在床和呼吸（或心率），请到床边。",
        )
    return {
        one.quantity: {"value": one.value, "time_ns": one.time_ns, "device_id": one.device_id}
        for one in (in_bed, life)
    }


async def own_units(principal: Principal) -> list[uuid.UUID] | None:
    """The units whose people one sees now; None: all of them."""
    units = (await reach_of(principal)).units
    return None if units is None else sorted(units, key=str)
