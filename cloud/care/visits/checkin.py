"""Writing down a visit, correcting one, and ending what was to be done after it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.dialects.postgresql import insert

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.tasks.service import end_all, end_task, open_tasks
from cloud.care.visits import catalogue
from cloud.care.visits.models import Visit, VisitCorrection, VisitFollowup
from cloud.care.visits.places import apart_m, seal_place
from cloud.care.visits.schemas import FollowupDoneIn, FollowupIn, VisitCorrectionIn, VisitIn
from cloud.care.visits.service import due_rows, find_plan, place_of, staff
from cloud.clock import local_date
from cloud.crypto import Keyring
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.people.service import find_elder

# Design default (D): a phone without a network sends within a weekend; older is a mistake.
OLDEST_VISIT: Final = timedelta(hours=72)
# A visit longer than a working day is two, or a slip of the hand.
LONGEST_VISIT: Final = timedelta(hours=12)
_CLOCK_AHEAD: Final = timedelta(minutes=2)
_CALLED: Final = frozenset({"no_answer"})


async def take_visit(
    principal: Principal, wanted: VisitIn, keyring: Keyring, now: datetime
) -> Visit:
    """Write it down, once however often it is sent. Raises NotFoundError, BadFieldError."""
    scope = principal.scope
    known = scope.select(Visit).where(Visit.id == wanted.id)
    if (held := (await scope.session.scalars(known)).one_or_none()) is not None:
        await (await reach_of(principal)).require_elder(held.elder_id)
        return held
    await find_elder(scope, wanted.elder_id)
    await (await reach_of(principal)).require_elder(wanted.elder_id)
    started_at, ended_at = _times(wanted, now)
    _what_was_found(wanted)
    remote = catalogue.ways()[wanted.way].remote
    if not remote and wanted.place is None and not wanted.no_place_reason.strip():
        raise BadFieldError("no_place_reason", "没有位置时要写明原因（如室内无信号、未授权定位）")
    plan = await find_plan(scope, wanted.elder_id)
    door = None if plan is None else place_of(plan, keyring)
    due = await due_rows(scope, now, elder_ids=[wanted.elder_id])
    values = {
        "id": wanted.id, "institution_id": scope.institution_id, "elder_id": wanted.elder_id,
        "by_id": principal.user.id, "by": principal.user.display_name, "way": wanted.way,
        "outcome": wanted.outcome, "started_at": started_at, "ended_at": ended_at,
        "recorded_at": now, "due_at": due[0].due.due_at if due else None,
        "interval_days": due[0].interval_days if due else None,
        "place_sealed": seal_place(keyring, wanted.place, "visit", wanted.id),
        "accuracy_m": None if wanted.place is None else wanted.place.accuracy_m,
        "distance_m": apart_m(door, wanted.place), "findings": wanted.findings,
        "purchaser": "" if plan is None else plan.purchaser,
        "no_place_reason": wanted.no_place_reason.strip(), "note": wanted.note,
    }  # fmt: skip
    await scope.session.execute(insert(Visit).values(**values).on_conflict_do_nothing())
    visit = (await scope.session.scalars(known)).one()
    await _answer_tasks(principal, visit, now)
    for one in wanted.followups:
        await _add_followup(principal, visit, one, now)
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=wanted.elder_id,
        subject=("visit", visit.id), detail={"outcome": wanted.outcome, "way": wanted.way},
    )  # fmt: skip
    await scope.session.flush()
    return visit


async def _answer_tasks(principal: Principal, visit: Visit, now: datetime) -> None:
    """Who asked for a visit hears that it was made or refused; not at home: somebody goes again."""
    scope, by = principal.scope, principal.user.display_name
    if visit.outcome == "done":
        await end_all(scope, visit.elder_id, "visit", "已探访", by, now)
    elif visit.outcome == "refused":
        for task in await open_tasks(scope, kind="visit", elder_id=visit.elder_id):
            await end_task(scope, task.id, "refused", "拒绝探访", by, now)


def _times(wanted: VisitIn, now: datetime) -> tuple[datetime, datetime]:
    if not now - OLDEST_VISIT <= wanted.started_at <= now + _CLOCK_AHEAD:
        raise BadFieldError("started_at", "探访时间应在最近 72 小时内")
    started_at = min(wanted.started_at, now)
    ended_at = min(wanted.ended_at or now, now)
    if not started_at <= ended_at <= started_at + LONGEST_VISIT:
        raise BadFieldError("ended_at", "结束时间应在开始之后，最长 12 小时")
    return started_at, ended_at


def _what_was_found(wanted: VisitIn) -> None:
    remote = catalogue.ways()[wanted.way].remote
    unknown = [code for code in wanted.findings if code not in catalogue.findings()]
    if unknown:
        raise BadFieldError("findings", f"没有这些情况代码：{'、'.join(unknown)}")
    if wanted.outcome == "done":
        if not wanted.findings:
            raise BadFieldError("findings", "请至少选一项看到的情况")
        if catalogue.ALL_WELL in wanted.findings and len(set(wanted.findings)) > 1:
            raise BadFieldError("findings", "“一切安好”不能和其他情况同时选")
    elif wanted.findings:
        raise BadFieldError("findings", "没有见到老人，不能写看到的情况")
    if remote and wanted.outcome == "not_home":
        raise BadFieldError("outcome", "电话、视频没有接通，请选“未接通”")
    if not remote and wanted.outcome in _CALLED:
        raise BadFieldError("outcome", "上门没有见到，请选“不在家”")


async def _add_followup(
    principal: Principal, visit: Visit, wanted: FollowupIn, now: datetime
) -> None:
    scope = principal.scope
    owner = (await staff(scope)).get(wanted.owner_id)
    if owner is None:
        raise BadFieldError("followups", "没有这位负责人")
    if wanted.due_on < local_date(now):
        raise BadFieldError("followups", "期限不能早于今天")
    await scope.session.execute(
        insert(VisitFollowup)
        .values(
            institution_id=scope.institution_id, id=wanted.id, elder_id=visit.elder_id,
            visit_id=visit.id, what=wanted.what, owner_id=wanted.owner_id, owner=owner,
            due_on=wanted.due_on, created_at=now, created_by=principal.user.display_name,
            result="",
        )
        .on_conflict_do_nothing()
    )  # fmt: skip


async def correct_visit(
    principal: Principal, visit_id: uuid.UUID, wanted: VisitCorrectionIn, now: datetime
) -> Visit:
    """The visit stays as it is; the correction stands beside it. Raises NotFoundError, ..."""
    scope = principal.scope
    statement = scope.select(Visit).where(Visit.id == visit_id)
    visit = (await scope.session.scalars(statement)).one_or_none()
    if visit is None:
        raise NotFoundError("visit")
    await (await reach_of(principal)).require_elder(visit.elder_id)
    if wanted.started_at is not None and wanted.ended_at is not None:
        if not wanted.started_at <= wanted.ended_at <= wanted.started_at + LONGEST_VISIT:
            raise BadFieldError("ended_at", "结束时间应在开始之后，最长 12 小时")
        if wanted.ended_at > now:
            raise BadFieldError("ended_at", "结束时间不能晚于现在")
    scope.session.add(
        VisitCorrection(
            id=uuid.uuid4(), institution_id=scope.institution_id, visit_id=visit_id, at=now,
            by=principal.user.display_name, reason=wanted.reason, void=wanted.void,
            started_at=wanted.started_at, ended_at=wanted.ended_at,
        )
    )  # fmt: skip
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=visit.elder_id,
        subject=("visit", visit_id), reason=wanted.reason,
        changes={"void": (None, wanted.void), "started_at": (visit.started_at, wanted.started_at)},
    )  # fmt: skip
    await scope.session.flush()
    return visit


async def end_followup(
    principal: Principal, followup_id: uuid.UUID, wanted: FollowupDoneIn, now: datetime
) -> VisitFollowup:
    """It is done, and what came of it. Raises NotFoundError, ConflictError."""
    scope = principal.scope
    statement = scope.select(VisitFollowup).where(VisitFollowup.id == followup_id)
    row = (await scope.session.scalars(statement.with_for_update())).one_or_none()
    if row is None:
        raise NotFoundError("follow-up")
    await (await reach_of(principal)).require_elder(row.elder_id)
    if row.done_at is not None:
        raise ConflictError("followup_id", "这项后续已经完成")
    row.done_at, row.done_by, row.result = now, principal.user.display_name, wanted.result
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=row.elder_id,
        subject=("visit_followup", row.id), changes={"done_at": (None, now.isoformat())},
    )  # fmt: skip
    await scope.session.flush()
    return row
