"""What a person decides of a row: write it into the record, refuse it, or look into it; and undo.

A list never changes a record by itself. What is written is a fact with the list as its source and
the list's own date, so the record says where it came from; undoing writes the former value again,
unless somebody has written since, and then says who.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, exists, func, not_

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.clues.service import Wanted, end_clue, find_clue, open_clue
from cloud.care.matching.matcher import Certainty, Difference
from cloud.care.matching.models import ListState, MatchingList, MatchingRow
from cloud.care.matching.schemas import BulkIn, RowDecisionIn
from cloud.care.matching.service import find_list, find_row, undecided, visible
from cloud.clock import local_date
from cloud.errors import BadFieldError, ConflictError
from cloud.identity.service import Principal
from cloud.people.models import ElderFact
from cloud.people.reach import reach_of
from cloud.people.record import add_fact, facts_of
from cloud.people.schemas import FactIn
from cloud.people.vocabulary import UNKNOWN

# One call stays within a second or two; a page asks again until nothing is left.
MAX_BULK: Final = 200
_DECIDABLE: Final = frozenset({Difference.CHANGED, Difference.GONE, Difference.CONFLICT})


@dataclass(frozen=True, slots=True)
class BulkDone:
    """What came of a decision on many."""

    decided: int
    left: int
    passed: int


async def decide(
    principal: Principal,
    list_id: uuid.UUID,
    row_id: uuid.UUID,
    wanted: RowDecisionIn,
    now: datetime,
) -> MatchingRow:
    """One row. Raises NotFoundError, BadFieldError, ConflictError, OutsideUnitError."""
    scope = principal.scope
    one = await _ready_list(principal, list_id)
    row = await find_row(scope, list_id, row_id, lock=True)
    if row.elder_id is not None:
        await (await reach_of(principal)).require_elder(row.elder_id)
    await _decide(principal, one, row, wanted, now)
    await scope.session.flush()
    return row


async def _ready_list(principal: Principal, list_id: uuid.UUID) -> MatchingList:
    one = await find_list(principal.scope, list_id)
    if one.state != ListState.READY:
        raise ConflictError("list", "名单还没有比对完，或已经过期")
    return one


async def _decide(
    principal: Principal, one: MatchingList, row: MatchingRow, wanted: RowDecisionIn, now: datetime
) -> None:
    if row.decision is not None and row.undone_at is None:
        raise ConflictError("decision", f"{row.decided_by} 已经决定过这一行，可先撤销")
    if wanted.decision == "reject" and not wanted.reason:
        raise BadFieldError("reason", "不采用的，请写明原因")
    row.fact_id = row.clue_id = None
    if wanted.decision == "apply":
        await _apply(principal, one, row, wanted, now)
    elif wanted.decision == "task":
        row.clue_id = await _open_clue(principal, one, row, now)
    if wanted.decision != "apply":
        audit.record(
            principal.scope, principal.actor, Action.LIST_DECIDED, now, elder_id=row.elder_id,
            subject=("matching_row", row.id), reason=wanted.reason or None,
            detail={"decision": wanted.decision, "source": one.source, "line": row.line},
        )  # fmt: skip
    row.decision, row.decision_note = wanted.decision, wanted.reason
    row.decided_at, row.decided_by = now, principal.user.display_name
    row.undone_at = row.undone_by = None


async def _apply(
    principal: Principal, one: MatchingList, row: MatchingRow, wanted: RowDecisionIn, now: datetime
) -> None:
    """Write the value into the record. What the row says, or what the person says instead."""
    elder_id = await _whose(principal, row, wanted)
    field = wanted.field or one.field
    value = wanted.value
    if value is None and field == one.field:
        value = row.after
    if value is None:
        raise BadFieldError("value", f"类别“{row.status}”还没有对应的值，请先选定它的含义")
    held = (await facts_of(principal.scope, elder_id)).get(field)
    if held is not None and held.as_of > one.as_of:
        raise ConflictError(
            "value",
            f"档案里有更新的记录（{held.as_of}，{held.source}），名单是 {one.as_of} 的，没有采用",
        )
    fact = await add_fact(
        principal.scope, elder_id,
        FactIn(field=field, value=value, source=_source(one), as_of=one.as_of),
        by=principal.user.id, now=now,
    )  # fmt: skip
    before = None if held is None else held.value
    row.elder_id, row.fact_id = elder_id, fact.id
    row.before = None if before == UNKNOWN else before
    row.after = value
    audit.record(
        principal.scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=elder_id,
        subject=("matching_row", row.id), changes={field: (before, value)},
        reason=f"{_source(one)}：{wanted.reason}" if wanted.reason else _source(one),
    )  # fmt: skip


def _source(one: MatchingList) -> str:
    return f"{one.source}名单"


async def _whose(principal: Principal, row: MatchingRow, wanted: RowDecisionIn) -> uuid.UUID:
    if row.difference not in _DECIDABLE:
        raise ConflictError("decision", "这一行没有要写进档案的内容")
    if row.elder_id is not None and row.difference != Difference.CONFLICT:
        if wanted.elder_id not in (None, row.elder_id):
            raise BadFieldError("elder_id", "名单这一行说的是另一位老人")
        return row.elder_id
    if wanted.elder_id is None:
        raise BadFieldError("elder_id", "请先核对并选定是哪一位老人")
    if wanted.elder_id not in row.candidates:
        raise BadFieldError("elder_id", "这位老人不在这一行的候选里")
    if not wanted.reason:
        raise BadFieldError("reason", "有冲突的，请写明怎样核对的")
    await (await reach_of(principal)).require_elder(wanted.elder_id)
    return wanted.elder_id


async def _open_clue(
    principal: Principal, one: MatchingList, row: MatchingRow, now: datetime
) -> uuid.UUID:
    """Somebody is to look into it. The name stays in the list, sealed, until it expires."""
    detail = {
        "list_id": str(one.id), "row_id": str(row.id), "source": one.source, "line": row.line,
        "status": row.status, "difference": row.difference,
    }  # fmt: skip
    task = await open_clue(
        principal.scope,
        Wanted("list_row", str(row.id), row.elder_id, principal.user.display_name, detail),
        now,
    )
    return task.id


async def decide_many(
    principal: Principal, list_id: uuid.UUID, wanted: BulkIn, now: datetime
) -> BulkDone:
    """Rows that are certain, at most MAX_BULK of them; what cannot be applied is passed by.

    Raises NotFoundError, BadFieldError, ConflictError.
    """
    scope = principal.scope
    one = await _ready_list(principal, list_id)
    reach = await reach_of(principal)
    if wanted.decision == "reject" and not wanted.reason:
        raise BadFieldError("reason", "不采用的，请写明原因")
    sure: list[ColumnElement[bool]] = [
        MatchingRow.institution_id == scope.institution_id, MatchingRow.list_id == list_id,
        MatchingRow.difference == wanted.difference, MatchingRow.certainty == Certainty.CERTAIN,
        undecided(), visible(reach),
    ]  # fmt: skip
    if wanted.status is not None:
        sure.append(MatchingRow.status == wanted.status)
    may = list(sure)
    if wanted.decision == "apply":
        may += [MatchingRow.after.is_not(None), not_(_newer_fact(one))]
    every = scope.select(MatchingRow).where(*sure).with_only_columns(func.count())
    count = int((await scope.session.execute(every)).scalar_one())
    those = scope.select(MatchingRow).where(*may).with_only_columns(func.count())
    possible = int((await scope.session.execute(those)).scalar_one())
    rows = await scope.session.scalars(
        scope.select(MatchingRow)
        .where(*may)
        .order_by(MatchingRow.line, MatchingRow.id)
        .limit(MAX_BULK)
        .with_for_update()
    )
    decided = 0
    for row in rows:
        said = RowDecisionIn(decision=wanted.decision, reason=wanted.reason)
        await _decide(principal, one, row, said, now)
        decided += 1
    await scope.session.flush()
    return BulkDone(decided, possible - decided, count - possible)


def _newer_fact(one: MatchingList) -> ColumnElement[bool]:
    """The record knows something newer than the list: a person looks at that one."""
    return exists().where(
        ElderFact.institution_id == MatchingRow.institution_id,
        ElderFact.elder_id == MatchingRow.elder_id, ElderFact.field == one.field,
        ElderFact.as_of > one.as_of,
    )  # fmt: skip


async def undo(
    principal: Principal, list_id: uuid.UUID, row_id: uuid.UUID, now: datetime
) -> MatchingRow:
    """As it was before the decision. Raises NotFoundError, ConflictError, OutsideUnitError."""
    scope = principal.scope
    row = await find_row(scope, list_id, row_id, lock=True)
    if row.decision is None or row.undone_at is not None:
        raise ConflictError("decision", "这一行没有可以撤销的决定")
    if row.elder_id is not None:
        await (await reach_of(principal)).require_elder(row.elder_id)
    if row.decision == "apply":
        await _take_back(principal, row, now)
    elif row.decision == "task" and row.clue_id is not None:
        task = await find_clue(scope, row.clue_id)
        if task.closed_at is not None:
            raise ConflictError("decision", f"任务已由 {task.closed_by} 办结，不能再撤销")
        end_clue(task, principal.user.display_name, "withdrawn", "名单比对的决定已撤销", now)
    if row.decision != "apply":
        audit.record(
            scope, principal.actor, Action.LIST_DECIDED, now, elder_id=row.elder_id,
            subject=("matching_row", row.id), detail={"undone": row.decision, "line": row.line},
        )  # fmt: skip
    row.undone_at, row.undone_by = now, principal.user.display_name
    await scope.session.flush()
    return row


async def _take_back(principal: Principal, row: MatchingRow, now: datetime) -> None:
    """The former value, written anew: what was known in between stays in the history."""
    scope = principal.scope
    if row.elder_id is None or row.fact_id is None:
        raise ConflictError("decision", "这一行没有写进档案")
    statement = scope.select(ElderFact).where(ElderFact.id == row.fact_id)
    written = (await scope.session.scalars(statement)).one()
    newest = (await facts_of(scope, row.elder_id))[written.field]
    if newest.id != written.id:
        day = local_date(newest.recorded_at)
        raise ConflictError(
            "decision",
            f"{day} 之后档案又改过（来源：{newest.source}），没有恢复；请直接在档案里核对",
        )
    former: Any = UNKNOWN if row.before is None else row.before
    await add_fact(
        scope, row.elder_id,
        FactIn(
            field=written.field, value=cast("bool | int | str", former),
            source=f"撤销{written.source}比对，恢复原值", as_of=written.as_of,
        ),
        by=principal.user.id, now=now,
    )  # fmt: skip
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=row.elder_id,
        subject=("matching_row", row.id), changes={written.field: (written.value, former)},
        reason="撤销名单比对的决定",
    )  # fmt: skip
