"""What people do with the list: confirm, dismiss, ask for a visit and the like."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Final

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.discovery.models import (
    DiscoveryCase,
    DiscoveryDay,
    DiscoveryMove,
    DiscoveryRun,
    DiscoveryScore,
)
from cloud.care.discovery.schemas import DiscoveryAnswerIn, DiscoveryAskIn, DiscoveryStatsOut
from cloud.care.discovery.vocabulary import ASK_AGAIN_DAYS, LONGEST_WAIT, LONGEST_WAIT_HARD
from cloud.care.tasks.models import CareTask
from cloud.care.tasks.service import Asked, ask, tasks_of
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.errors import BadFieldError, NotFoundError, ProblemError
from cloud.identity.service import Principal
from cloud.people.reach import reach_of

SOURCE: Final = "discovery"
STATS_DAYS: Final = timedelta(days=90)


async def last_run(scope: TenantScope) -> DiscoveryRun | None:
    """The newest night whose list stands."""
    statement = (
        scope.select(DiscoveryRun)
        .where(DiscoveryRun.scored_at.is_not(None))
        .order_by(DiscoveryRun.day.desc())
        .limit(1)
    )
    return (await scope.session.scalars(statement)).one_or_none()


async def waiting(principal: Principal) -> list[DiscoveryCase]:
    """Cases without an answer of whom one reaches: hard signals first, then by points."""
    reach = await reach_of(principal)
    statement = principal.scope.select(DiscoveryCase).where(
        DiscoveryCase.ended_at.is_(None),
        ~reach.hides(DiscoveryCase.elder_id),
    )
    found = list(await principal.scope.session.scalars(statement))
    return sorted(
        found,
        key=lambda case: (
            not any(reason["hard"] for reason in case.reasons), -case.score, str(case.id)
        ),
    )  # fmt: skip


async def of_elder(scope: TenantScope, elder_id: uuid.UUID) -> list[DiscoveryCase]:
    """All cases of an elder, newest first."""
    statement = (
        scope.select(DiscoveryCase)
        .where(DiscoveryCase.elder_id == elder_id)
        .order_by(DiscoveryCase.opened_on.desc())
    )
    return list(await scope.session.scalars(statement))


async def moves_of(
    scope: TenantScope, cases: Sequence[DiscoveryCase]
) -> dict[uuid.UUID, list[DiscoveryMove]]:
    """Steps by case, oldest first."""
    statement = (
        scope.select(DiscoveryMove)
        .where(DiscoveryMove.case_id.in_([case.id for case in cases]))
        .order_by(DiscoveryMove.id)
    )
    found: dict[uuid.UUID, list[DiscoveryMove]] = defaultdict(list)
    for move in await scope.session.scalars(statement):
        found[move.case_id].append(move)
    return found


async def tasks_by_case(
    scope: TenantScope, cases: Sequence[DiscoveryCase]
) -> dict[uuid.UUID, list[CareTask]]:
    """What was asked for from each."""
    found: dict[uuid.UUID, list[CareTask]] = defaultdict(list)
    for task in await tasks_of(scope, SOURCE, [case.id for case in cases]):
        if task.source_id is not None:
            found[task.source_id].append(task)
    return found


async def answer(
    principal: Principal, case_id: uuid.UUID, wanted: DiscoveryAnswerIn, now: datetime
) -> DiscoveryCase:
    """Confirm or dismiss. Raises NotFoundError, BadFieldError, ProblemError (403, 409)."""
    scope, today = principal.scope, local_date(now)
    case = await _locked(principal, case_id)
    if case.state == wanted.decision and case.version == wanted.version + 1:
        return case  # the answer to the first try was lost
    _refuse_stale(case, wanted.version)
    note = wanted.note.strip()
    if wanted.decision == "dismissed":
        if wanted.reason_code is None:
            raise BadFieldError("reason_code", "请选择排除的原因")
        if wanted.reason_code == "other" and not note:
            raise BadFieldError("note", "选“其他”时请写明说明")
    elif wanted.reason_code is not None:
        raise BadFieldError("reason_code", "核实为真时不填排除原因")
    ask_again_on = _ask_again(case, wanted.ask_again_on, today)
    case.state, case.note, case.reason_code = wanted.decision, note, wanted.reason_code
    case.ask_again_on, case.ended_at, case.ended_by = ask_again_on, now, principal.actor.name
    case.version += 1
    detail = {"reason_code": wanted.reason_code, "ask_again_on": ask_again_on.isoformat()}
    _note(principal, case, wanted.decision, note, detail, now)
    await scope.session.flush()
    return case


def _ask_again(case: DiscoveryCase, wanted: date | None, today: date) -> date:
    hard = any(reason["hard"] for reason in case.reasons)
    longest = LONGEST_WAIT_HARD if hard else LONGEST_WAIT
    if wanted is None:
        return today + min(longest, timedelta(days=ASK_AGAIN_DAYS))
    if wanted <= today:
        raise BadFieldError("ask_again_on", "再次提醒的日期要晚于今天")
    if wanted > today + longest:
        raise BadFieldError(
            "ask_again_on",
            f"{'有二次跌倒或失去监护的，' if hard else ''}最迟 {longest.days} 天后要再次提醒",
        )
    return wanted


async def ask_from(
    principal: Principal, case_id: uuid.UUID, wanted: DiscoveryAskIn, now: datetime
) -> DiscoveryCase:
    """Ask for something; asked for twice it is one. Raises as `answer` does."""
    scope = principal.scope
    case = await _locked(principal, case_id)
    if case.ended_at is not None:
        raise ProblemError(409, "case_ended", "这一条已经有人处理过了，请看最新内容。")
    if wanted.due_on < local_date(now):
        raise BadFieldError("due_on", "要求完成的日期不能早于今天")
    known = {task.kind for task in (await tasks_by_case(scope, [case]))[case.id]
             if task.state == "open"}  # fmt: skip
    if wanted.kind in known:
        return case
    why = "；".join(reason["text_zh"] for reason in case.reasons[:3])
    note = wanted.note.strip()
    asked = Asked(
        wanted.kind, case.elder_id, f"主动发现：{why}" + (f"。{note}" if note else ""),
        wanted.due_on, SOURCE, case.id,
    )  # fmt: skip
    task = await ask(scope, asked, principal.actor.name, now)
    case.state = "working"
    case.version += 1
    detail = {"task_id": str(task.id), "kind": wanted.kind, "due_on": wanted.due_on.isoformat()}
    _note(principal, case, f"asked_{wanted.kind}", note, detail, now)
    await scope.session.flush()
    return case


def _note(  # noqa: PLR0917 - one step of a case
    principal: Principal, case: DiscoveryCase, move: str, note: str, detail: dict[str, Any],
    now: datetime,
) -> None:  # fmt: skip
    scope = principal.scope
    scope.session.add(
        DiscoveryMove(
            institution_id=scope.institution_id, case_id=case.id, at=now, by=principal.actor.name,
            move=move, note=note, detail=detail,
        )
    )  # fmt: skip
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=case.elder_id,
        subject=("discovery_case", case.id), detail={"move": move, **detail},
    )  # fmt: skip


async def _locked(principal: Principal, case_id: uuid.UUID) -> DiscoveryCase:
    scope = principal.scope
    statement = scope.select(DiscoveryCase).where(DiscoveryCase.id == case_id).with_for_update()
    case = (await scope.session.scalars(statement)).one_or_none()
    if case is None:
        raise NotFoundError("case")
    await (await reach_of(principal)).require_elder(case.elder_id)
    return case


def _refuse_stale(case: DiscoveryCase, version: int) -> None:
    if case.ended_at is not None or case.version != version:
        raise ProblemError(409, "changed_meanwhile", "这一条已在别处处理过，请先看最新内容。")


async def stats(scope: TenantScope, now: datetime) -> DiscoveryStatsOut:
    """What came of the cases opened or answered in the last 90 days: counts, no names."""
    since = local_date(now) - STATS_DAYS
    statement = scope.select(DiscoveryCase).where(
        (DiscoveryCase.opened_on >= since) | (DiscoveryCase.ended_at >= now - STATS_DAYS)
    )
    cases = list(await scope.session.scalars(statement))
    ended = [case for case in cases if case.ended_at is not None]
    waits = [(local_date(case.ended_at) - case.opened_on).days for case in ended if case.ended_at]
    return DiscoveryStatsOut(
        opened=sum(case.opened_on >= since for case in cases),
        waiting=len(cases) - len(ended),
        confirmed=sum(case.state == "confirmed" for case in ended),
        dismissed=sum(case.state == "dismissed" for case in ended),
        median_days_to_answer=float(median(waits)) if waits else None,
        dismissals=dict(Counter(case.reason_code for case in ended if case.reason_code)),
    )


async def days_of(scope: TenantScope, elder_id: uuid.UUID, since: date) -> list[DiscoveryDay]:
    """An elder's days since, oldest first."""
    statement = (
        scope.select(DiscoveryDay)
        .where(DiscoveryDay.elder_id == elder_id, DiscoveryDay.day >= since)
        .order_by(DiscoveryDay.day)
    )
    return list(await scope.session.scalars(statement))


async def scores_of(scope: TenantScope, elder_id: uuid.UUID, since: date) -> dict[date, float]:
    """An elder's points by night."""
    statement = scope.select(DiscoveryScore).where(
        DiscoveryScore.elder_id == elder_id, DiscoveryScore.day >= since
    )
    return {row.day: row.score for row in await scope.session.scalars(statement)}
