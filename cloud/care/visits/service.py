"""Rules of visits: figures and plans, what is due, what was done, what pulls one forward."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert

from cloud.alerts.codes import Category, Priority
from cloud.alerts.findings import Verdict
from cloud.alerts.models import Alert
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.tasks.models import CareTask
from cloud.care.tasks.service import open_tasks
from cloud.care.visits import catalogue
from cloud.care.visits.history import NOTHING, Past, done_since, pasts
from cloud.care.visits.models import VisitPlan, VisitRequest, VisitSettings
from cloud.care.visits.places import open_place, seal_place
from cloud.care.visits.plan import (
    Due,
    FellDue,
    Pull,
    end_of,
    fell_due,
    last_that_counts,
    next_due,
)
from cloud.care.visits.schemas import (
    PlaceIO,
    VisitPlanIn,
    VisitRequestIn,
    VisitSettingsIn,
)
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ChangedMeanwhileError, ConflictError
from cloud.identity.models import User
from cloud.identity.permissions import GRANTS, Permission
from cloud.identity.service import Principal
from cloud.people.models import Elder, Stay
from cloud.people.service import covers, find_elder
from cloud.places.models import Bed, Home, Room

# Longer ago than the longest interval an alert has nothing to say about the next visit.
_ALERTS_LOOKED_AT: Final = timedelta(days=92)
# What was due by a visit from before this was due before: no interval is longer (schemas.py).
_LONGEST_INTERVAL: Final = timedelta(days=367)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is in force: the house's own figures over the defaults."""

    interval_days: Mapping[str, int]
    pull_forward: timedelta
    remote_in_a_row: int
    row: VisitSettings | None


@dataclass(frozen=True, slots=True)
class AtHome:
    """Somebody who lives in a home of their own, and which."""

    elder: Elder
    home: Home


@dataclass(frozen=True, slots=True)
class Row:
    """An elder with a plan, and how the next visit stands."""

    elder: Elder
    home: Home | None
    plan: VisitPlan
    interval_days: int
    due: Due
    past: Past


async def figures(scope: TenantScope) -> Figures:
    """The figures in force."""
    row = (await scope.session.scalars(scope.select(VisitSettings))).one_or_none()
    own = {} if row is None else row.interval_days
    return Figures(
        {key: own.get(key, group.interval_days) for key, group in catalogue.groups().items()},
        timedelta(hours=catalogue.default_pull_forward_h() if row is None else row.pull_forward_h),
        catalogue.default_remote_in_a_row() if row is None else row.remote_in_a_row,
        row,
    )


async def set_figures(principal: Principal, wanted: VisitSettingsIn, now: datetime) -> None:
    """Raises BadFieldError, ProblemError (409)."""
    scope = principal.scope
    for key in wanted.interval_days:
        if key not in catalogue.groups():
            raise BadFieldError("interval_days", f"没有“{key}”这个分组")
    statement = scope.select(VisitSettings).with_for_update()
    held = (await scope.session.scalars(statement)).one_or_none()
    if wanted.version != (0 if held is None else held.version):
        raise ChangedMeanwhileError("探访设置")
    if held is None:
        held = VisitSettings(institution_id=scope.institution_id, version=0)
        scope.session.add(held)
    held.interval_days = dict(wanted.interval_days)
    held.pull_forward_h = wanted.pull_forward_h
    held.remote_in_a_row = wanted.remote_in_a_row
    held.station = None if wanted.station is None else wanted.station.model_dump()
    held.version += 1
    held.updated_at, held.updated_by = now, principal.user.display_name
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now,
        changes={"visit_settings": (None, wanted.model_dump_json())},
    )  # fmt: skip
    await scope.session.flush()


async def staff(scope: TenantScope) -> dict[uuid.UUID, str]:
    """Who may visit and follow up, by id."""
    roles = [role for role, may in GRANTS.items() if Permission.CARE_WRITE in may]
    statement = scope.select(User).where(User.role.in_(roles), User.disabled_at.is_(None))
    rows = await scope.session.scalars(statement.order_by(User.display_name, User.id))
    return {user.id: user.display_name for user in rows}


async def set_plan(
    principal: Principal, elder_id: uuid.UUID, wanted: VisitPlanIn, keyring: Keyring, now: datetime
) -> VisitPlan:
    """Raises NotFoundError, BadFieldError, ProblemError (409)."""
    scope = principal.scope
    await find_elder(scope, elder_id)
    if wanted.group not in catalogue.groups():
        raise BadFieldError("group", f"没有“{wanted.group}”这个分组")
    if wanted.visitor_id is not None and wanted.visitor_id not in await staff(scope):
        raise BadFieldError("visitor_id", "没有这位探访人员")
    plan = await find_plan(scope, elder_id, lock=True)
    if wanted.version != (0 if plan is None else plan.version):
        raise ChangedMeanwhileError("这份探访计划")
    before = None if plan is None else _told(plan)
    if plan is None:
        plan = VisitPlan(institution_id=scope.institution_id, elder_id=elder_id, version=0)
        scope.session.add(plan)
    plan.group_key, plan.interval_days = wanted.group, wanted.interval_days
    plan.visitor_id, plan.purchaser = wanted.visitor_id, wanted.purchaser
    plan.place_sealed = seal_place(keyring, wanted.place, "visit_plan", elder_id)
    plan.starts_on, plan.note = wanted.starts_on, wanted.note
    plan.ended_at = (plan.ended_at or now) if wanted.ended else None
    plan.version += 1
    plan.updated_at, plan.updated_by = now, principal.user.display_name
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=elder_id,
        subject=("visit_plan", elder_id), changes={"visit_plan": (before, _told(plan))},
    )  # fmt: skip
    await scope.session.flush()
    return plan


def _told(plan: VisitPlan) -> str:
    ended = "，已停止" if plan.ended_at is not None else ""
    return f"{plan.group_key} {plan.interval_days or ''} {plan.starts_on}{ended}"


async def find_plan(
    scope: TenantScope, elder_id: uuid.UUID, *, lock: bool = False
) -> VisitPlan | None:
    """An elder's plan, also one that has ended."""
    statement = scope.select(VisitPlan).where(VisitPlan.elder_id == elder_id)
    if lock:
        statement = statement.with_for_update()
    return (await scope.session.scalars(statement)).one_or_none()


async def at_home(
    scope: TenantScope, now: datetime, elder_ids: Collection[uuid.UUID] | None = None
) -> dict[uuid.UUID, AtHome]:
    """Who stays in a home of their own now, by elder."""
    statement = (
        scope.select(Elder)
        .join(Stay, (Stay.institution_id == Elder.institution_id) & (Stay.elder_id == Elder.id))
        .join(Bed, Bed.id == Stay.bed_id)
        .join(Room, Room.id == Bed.room_id)
        .join(Home, Home.id == Room.home_id)
        .where(*covers(now), Elder.archived_at.is_(None))
        .with_only_columns(Elder, Home)
    )
    if elder_ids is not None:
        statement = statement.where(Elder.id.in_(elder_ids))
    rows = await scope.session.execute(statement)
    return {elder.id: AtHome(elder, home) for elder, home in rows}


async def due_rows(
    scope: TenantScope, now: datetime, *, elder_ids: Collection[uuid.UUID] | None = None
) -> list[Row]:
    """Everybody whom a plan covers, the earliest due first."""
    statement = (
        scope.select(VisitPlan)
        .join(
            Elder,
            (Elder.institution_id == VisitPlan.institution_id) & (Elder.id == VisitPlan.elder_id),
        )
        .where(VisitPlan.ended_at.is_(None), Elder.archived_at.is_(None))
        .with_only_columns(VisitPlan, Elder)
    )
    if elder_ids is not None:
        statement = statement.where(VisitPlan.elder_id.in_(elder_ids))
    planned = [(plan, elder) for plan, elder in await scope.session.execute(statement)]
    ids = [elder.id for _, elder in planned]
    known = await figures(scope)
    homes, past = await at_home(scope, now, ids), await pasts(scope, ids)
    pulls = await _pulls(scope, ids, known, now - _ALERTS_LOOKED_AT)
    rows = []
    for plan, elder in planned:
        seen = past.get(elder.id, NOTHING)
        interval = plan.interval_days or known.interval_days[plan.group_key]
        last = last_that_counts((one.done for one in seen.done), known.remote_in_a_row)
        due = next_due(last, plan.starts_on, interval, pulls[elder.id], now)
        home = homes[elder.id].home if elder.id in homes else None
        rows.append(Row(elder, home, plan, interval, due, seen))
    return sorted(rows, key=lambda row: (row.due.due_at, row.elder.name, str(row.elder.id)))


async def _pulls(
    scope: TenantScope, elder_ids: Collection[uuid.UUID], known: Figures, since: datetime
) -> dict[uuid.UUID, list[Pull]]:
    """What may ask for an earlier visit: confirmed alerts, and what was asked for."""
    found: dict[uuid.UUID, list[Pull]] = defaultdict(list)
    alerts = scope.select(Alert).where(
        Alert.elder_id.in_(elder_ids), Alert.category == Category.PERSON.value,
        Alert.priority == Priority.HIGH.value, Alert.origin == "live",
        Alert.verdict == Verdict.TRUE.value, Alert.resolved_at > since,
    )  # fmt: skip
    for alert in await scope.session.scalars(alerts):
        if alert.elder_id is not None and alert.resolved_at is not None:
            at = alert.resolved_at
            found[alert.elder_id].append(Pull(at, at + known.pull_forward, "alert", alert.code))
    asked = scope.select(VisitRequest).where(VisitRequest.elder_id.in_(elder_ids))
    for row in await scope.session.scalars(asked):
        found[row.elder_id].append(Pull(row.made_at, row.due_at, row.reason, row.note))
    wanted = set(elder_ids)
    for task in await open_tasks(scope, kind="visit"):
        if task.elder_id in wanted:
            found[task.elder_id].append(_pull_of(task))
    return found


def _pull_of(task: CareTask) -> Pull:
    reason = "discovery" if task.source == "discovery" else "person"
    return Pull(task.asked_at, end_of(task.due_on), reason, task.why, task.ended_at)


async def past_dues(scope: TenantScope, since: datetime) -> dict[uuid.UUID, list[FellDue]]:
    """Every due date since, by elder, lived again from the visits as they are corrected now.

    Not by what a visit said was due when it was written down: a later pull, a voided visit or one
    sent late has changed that. Only under a plan: nothing after one ended, or the elder left us.
    """
    statement = (
        scope.select(VisitPlan)
        .join(
            Elder,
            (Elder.institution_id == VisitPlan.institution_id) & (Elder.id == VisitPlan.elder_id),
        )
        .with_only_columns(VisitPlan, Elder.archived_at)
    )
    planned = (await scope.session.execute(statement)).all()
    known, ids = await figures(scope), [plan.elder_id for plan, _ in planned]
    done = await done_since(scope, since - _LONGEST_INTERVAL)
    pulls = await _pulls(scope, ids, known, since - _ALERTS_LOOKED_AT)
    ended = scope.select(CareTask).where(
        CareTask.kind == "visit", CareTask.state != "open",
        CareTask.ended_at > since - _ALERTS_LOOKED_AT,
    )  # fmt: skip
    for task in await scope.session.scalars(ended):
        pulls[task.elder_id].append(_pull_of(task))
    found: dict[uuid.UUID, list[FellDue]] = {}
    for plan, archived_at in planned:
        interval = plan.interval_days or known.interval_days[plan.group_key]
        until = min((at for at in (plan.ended_at, archived_at) if at is not None), default=None)
        found[plan.elder_id] = [
            one
            for one in fell_due(
                done.get(plan.elder_id, ()), plan.starts_on, interval, pulls[plan.elder_id],
                known.remote_in_a_row,
            )
            if one.due_at > since and (until is None or one.due_at <= until)
            and (one.visit is None or one.visit.planned)
        ]  # fmt: skip
    return found


async def ask_for_visit(
    scope: TenantScope, elder_id: uuid.UUID, *, due_at: datetime, reason: str, note: str,
    source: str, by: str, now: datetime, evidence: Mapping[str, Any] | None = None,
) -> bool:  # fmt: skip
    """Pull the next visit forward, with the reason shown; whether it is new.

    `source` names what it came from (`discovery:ID`, `activity:2026-03-01`): the same asks once.
    """
    values = {
        "id": uuid.uuid4(), "institution_id": scope.institution_id, "elder_id": elder_id,
        "made_at": now, "made_by": by, "due_at": due_at, "reason": reason, "note": note,
        "source": source, "evidence": dict(evidence or {}),
    }  # fmt: skip
    made = await scope.session.execute(
        insert(VisitRequest).values(**values).on_conflict_do_nothing().returning(VisitRequest.id)
    )
    return made.first() is not None


async def request_visit(
    principal: Principal, elder_id: uuid.UUID, wanted: VisitRequestIn, now: datetime
) -> None:
    """A person asks for an earlier visit. Raises NotFoundError, BadFieldError, ConflictError."""
    scope = principal.scope
    await find_elder(scope, elder_id)
    plan = await find_plan(scope, elder_id)
    if plan is None or plan.ended_at is not None:
        raise ConflictError("elder_id", "这位老人没有探访计划，请先建立计划")
    if wanted.due_at <= now:
        raise BadFieldError("due_at", "希望探访的时间应晚于现在")
    await ask_for_visit(
        scope, elder_id, due_at=wanted.due_at, reason="person", note=wanted.note,
        source=f"person:{uuid.uuid4()}", by=principal.user.display_name, now=now,
    )  # fmt: skip
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=elder_id,
        subject=("visit_plan", elder_id), reason=wanted.note,
    )  # fmt: skip


def place_of(plan: VisitPlan, keyring: Keyring) -> PlaceIO | None:
    """Where the door is on the map."""
    return open_place(keyring, plan.place_sealed, "visit_plan", plan.elder_id)
