"""A flood: more than a person can take in becomes one line for each unit. High ones never fold.

The line is an alert of its own (`flood`), so that somebody answers for it. What is folded into it
stays an alert: it is raised, counted and kept, and nobody is told of it. It comes out again when it
gets worse, and when the line is resolved before it has passed.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func

from cloud.alerts import lifecycle, store
from cloud.alerts.codes import Priority
from cloud.alerts.conditions import condition_of
from cloud.alerts.machine import ENDED, UNANSWERED, Condition, Move, MoveKind
from cloud.alerts.models import Alert
from cloud.alerts.rulebook import RuleBook
from cloud.database import TenantScope

FLOOD: Final = "flood"
# Whether it is over is looked at again and again; once it is resolved, what was in it.
FLOOD_TIMER: Final = "flood_over"
MEMBERS_TIMER: Final = "flood_members"


def folds(book: RuleBook, code: str, priority: Priority, *, recent: int) -> bool:
    """Whether one more alert goes into the flood's line. Pure."""
    return code != FLOOD and recent >= book.flood.more_than and book.folds(code, priority)


async def recent_of(scope: TenantScope, book: RuleBook, alert: Alert, now: datetime) -> int:
    """How many alerts its unit had within the window; what was only filed does not count."""
    since = now - timedelta(seconds=book.flood.within_s)
    statement = (
        scope.select(Alert)
        .where(
            Alert.unit_id.is_not_distinct_from(alert.unit_id), Alert.origin == alert.origin,
            Alert.raised_at > since, Alert.code != FLOOD, Alert.filed.is_(None),
        )
        .with_only_columns(func.count())
    )  # fmt: skip
    return int((await scope.session.execute(statement)).scalar_one())


@dataclass(frozen=True, slots=True)
class Line:
    """A flood's line to be raised."""

    key: str
    unit_id: uuid.UUID | None
    origin: str
    note: str
    rule: str
    follows_id: uuid.UUID | None = None


# The line is found by the cloud itself, like other reports (cloud/alerts/reports.py).
RaiseLine = Callable[[TenantScope, Line, datetime], Awaitable[Alert]]


async def fold(
    scope: TenantScope, book: RuleBook, alert: Alert, move: Move, raise_line: RaiseLine
) -> bool:
    """Raise it into its unit's line where there is a flood of what folds; whether it was."""
    code, priority = str(move.code), move.priority or Priority.INFO
    if move.kind is not MoveKind.RAISE or not book.folds(code, priority):
        return False
    recent = await recent_of(scope, book, alert, move.at)
    if not folds(book, code, priority, recent=recent):
        return False
    line = await _line_of(scope, book, alert, move.at, raise_line)
    alert.flood_id, alert.rule = line.id, f"{alert.rule}, flood.fold"
    folded = replace(move, rule=f"{book.version} {alert.rule}")
    await lifecycle.raise_quietly(scope, alert, folded, FLOOD)
    return True


async def _line_of(
    scope: TenantScope, book: RuleBook, alert: Alert, now: datetime, raise_line: RaiseLine
) -> Alert:
    """The flood's line of the unit: the open one, or a new one with what led to it."""
    key = _key(alert.unit_id)
    open_one = await store.open_of(scope, FLOOD, key, alert.origin)
    if open_one is not None:
        before = condition_of(open_one)
        move = Move(
            MoveKind.REPEAT, now, rule=f"{book.version} flood.fold",
            recovered=False if before.recovered else None,
        )  # fmt: skip
        await lifecycle.make_move(scope, open_one, before, move)
        return open_one
    note = f"more than {book.flood.more_than} within {book.flood.within_s:.0f} s"
    raised = Line(key, alert.unit_id, alert.origin, note, "flood.open")
    line = await raise_line(scope, raised, now)
    _look_again(scope, book, line, now)
    await _fold_earlier(scope, book, line, now)
    return line


def _key(unit_id: uuid.UUID | None) -> str:
    return f"flood {unit_id or 'house'}"


async def _fold_earlier(scope: TenantScope, book: RuleBook, line: Alert, now: datetime) -> None:
    """Those that led to the flood and that nobody has taken up are of its line as well."""
    since = now - timedelta(seconds=book.flood.within_s)
    statement = (
        scope.select(Alert)
        .where(
            Alert.unit_id.is_not_distinct_from(line.unit_id), Alert.origin == line.origin,
            Alert.raised_at > since, Alert.state.in_(UNANSWERED), Alert.flood_id.is_(None),
            Alert.id != line.id,
        )
        .order_by(Alert.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    for alert in list(await scope.session.scalars(statement)):
        before = condition_of(alert)
        if not book.folds(alert.code, before.priority):
            continue
        alert.flood_id = line.id
        move = Move(MoveKind.SUPPRESS, now, note=FLOOD, rule=f"{book.version} flood.fold")
        await lifecycle.make_move(scope, alert, before, move)


async def is_over(scope: TenantScope, book: RuleBook, line: Alert, now: datetime) -> bool:
    """Whether it has passed; else it is looked at again."""
    if await recent_of(scope, book, line, now) <= book.flood.more_than:
        return True
    _look_again(scope, book, line, now)
    return False


def _look_again(scope: TenantScope, book: RuleBook, line: Alert, now: datetime) -> None:
    due_at = now + timedelta(seconds=book.flood.within_s / 2)
    store.start_timer(scope, line.id, FLOOD_TIMER, due_at)


async def settle_members(
    scope: TenantScope, book: RuleBook, line: Alert, now: datetime, raise_line: RaiseLine
) -> None:
    """A person has resolved the line. What has passed is dealt with too; the rest comes out, or,
    where that were a flood again, goes into a new line that rings.
    """
    statement = (
        scope.select(Alert)
        .where(
            Alert.flood_id == line.id, Alert.suppressed.is_(True), Alert.state.not_in(ENDED)
        )
        .order_by(Alert.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    members = list(await scope.session.scalars(statement))
    after = condition_of(line)
    left = [alert for alert in members if not alert.recovered]
    for alert in members:
        if alert.recovered:
            await _resolve(scope, alert, after, now)
    if len(left) <= book.flood.more_than:
        for alert in left:
            alert.flood_id = None
            move = Move(MoveKind.RELEASE, now, rule=f"{book.version} flood.release")
            await lifecycle.make_move(scope, alert, condition_of(alert), move)
        return
    raised = Line(
        _key(line.unit_id), line.unit_id, line.origin, f"{len(left)} go on", "flood.goes_on",
        line.id,
    )  # fmt: skip
    fresh = await raise_line(scope, raised, now)
    _look_again(scope, book, fresh, now)
    for alert in left:
        alert.flood_id = fresh.id


async def _resolve(scope: TenantScope, alert: Alert, after: Condition, now: datetime) -> None:
    move = Move(
        MoveKind.RESOLVE, now, actor_id=after.resolved_by_id, actor=after.resolved_by,
        verdict=after.verdict, finding=after.finding, cause=after.cause, note=FLOOD,
    )  # fmt: skip
    resolved = await lifecycle.make_move(scope, alert, condition_of(alert), move)
    if lifecycle.closes_at_once(resolved):
        await lifecycle.make_move(scope, alert, resolved, replace(move, kind=MoveKind.CLOSE))
