"""Lists of other departments: announced, uploaded, read by a worker, forgotten in time."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, func, not_, or_, tuple_, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.orm import InstrumentedAttribute

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.matching.compare import compare_again
from cloud.care.matching.matcher import Difference
from cloud.care.matching.models import ListState, MatchingList, MatchingRow, file_context
from cloud.care.matching.schemas import ListIn, MeaningsIn
from cloud.clock import local_date
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, NotFoundError, ProblemError
from cloud.identity.service import Principal
from cloud.people.reach import Reach
from cloud.people.vocabulary import UNKNOWN, fact_fields

# Design default (D): a quarter, for decisions and the talk about them; then people are forgotten.
KEEP: Final = timedelta(days=90)
MAX_LISTS: Final = 50
MAX_PAGE: Final = 100
_LISTED: Final = ""  # the category of a list without categories


async def announce(principal: Principal, wanted: ListIn, now: datetime) -> MatchingList:
    """A list that waits for its file. Raises BadFieldError."""
    field = fact_fields().get(wanted.field)
    if field is None:
        raise BadFieldError("field", f"档案里没有字段 {wanted.field}")
    if wanted.listed is not None and (problem := field.problem_of(wanted.listed)) is not None:
        raise BadFieldError("listed", f"不是 {wanted.field} 的值：{problem}")
    if wanted.as_of > local_date(now):
        raise BadFieldError("as_of", "名单日期还没有到")
    row = MatchingList(
        id=uuid.uuid4(), institution_id=principal.scope.institution_id, source=wanted.source,
        field=wanted.field, purpose=wanted.purpose, legal_basis=wanted.legal_basis,
        as_of=wanted.as_of, file_name=wanted.file_name, state=ListState.WAITING,
        meanings={} if wanted.listed is None else {_LISTED: wanted.listed}, uploaded_at=now,
        uploaded_by=principal.user.display_name, expires_on=local_date(now) + KEEP,
    )  # fmt: skip
    principal.scope.session.add(row)
    await principal.scope.session.flush()
    return row


async def take_file(
    principal: Principal, list_id: uuid.UUID, content: bytes, keyring: Keyring, now: datetime
) -> MatchingList:
    """Keep the file, sealed, for the worker. Raises NotFoundError, ConflictError, BadFieldError."""
    scope = principal.scope
    row = await find_list(scope, list_id, lock=True)
    if row.state not in (ListState.WAITING, ListState.FAILED):
        raise ConflictError("file", "这份名单已经有文件了")
    if not content:
        raise BadFieldError("file", "文件是空的")
    digest = hashlib.sha256(content).digest()
    same = scope.select(MatchingList).where(
        MatchingList.source == row.source, MatchingList.field == row.field,
        MatchingList.file_sha256 == digest, MatchingList.id != row.id,
        MatchingList.state.in_((ListState.QUEUED, ListState.RUNNING, ListState.READY)),
    )  # fmt: skip
    known = (await scope.session.scalars(same.limit(1))).first()
    if known is not None:
        day = local_date(known.uploaded_at)
        raise ConflictError("file", f"这份文件已由 {known.uploaded_by} 在 {day} 导入过")
    row.file_sha256 = digest
    row.file_sealed = keyring.encrypt_bytes(content, file_context(row.id))
    row.state, row.note, row.step, row.tries = ListState.QUEUED, "", "", 0
    row.done = row.total = 0
    audit.record(
        scope, principal.actor, Action.LIST_IMPORTED, now, subject=("matching_list", row.id),
        reason=f"{row.purpose}（{row.legal_basis}）",
        detail={
            "source": row.source, "field": row.field, "as_of": row.as_of,
            "file": row.file_name, "sha256": digest.hex(), "bytes": len(content),
        },
    )  # fmt: skip
    await scope.session.flush()
    return row


async def previous_of(scope: TenantScope, row: MatchingList) -> MatchingList | None:
    """The list of the same source and field that this one follows."""
    statement = (
        scope.select(MatchingList)
        .where(
            MatchingList.source == row.source, MatchingList.field == row.field,
            MatchingList.state.in_((ListState.READY, ListState.ERASED)),
            MatchingList.as_of <= row.as_of, MatchingList.id != row.id,
        )
        .order_by(MatchingList.as_of.desc(), MatchingList.uploaded_at.desc())
        .limit(1)
    )  # fmt: skip
    return (await scope.session.scalars(statement)).first()


async def newest(scope: TenantScope) -> list[MatchingList]:
    """Lists, the newest first; those that never got a file are left out."""
    statement = (
        scope.select(MatchingList)
        .where(MatchingList.file_sha256.is_not(None))
        .order_by(MatchingList.uploaded_at.desc(), MatchingList.id)
        .limit(MAX_LISTS)
    )
    return list(await scope.session.scalars(statement))


async def find_list(scope: TenantScope, list_id: uuid.UUID, *, lock: bool = False) -> MatchingList:
    """Raises NotFoundError."""
    statement = scope.select(MatchingList).where(MatchingList.id == list_id)
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(
            populate_existing=True
        )
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundError("list")
    return found


async def set_meanings(
    principal: Principal, list_id: uuid.UUID, wanted: MeaningsIn, now: datetime
) -> MatchingList:
    """What the categories mean from now on; undecided rows are compared again.

    Raises NotFoundError, BadFieldError, ProblemError (409).
    """
    scope = principal.scope
    row = await find_list(scope, list_id, lock=True)
    if row.state != ListState.READY:
        raise ConflictError("meanings", "名单还没有比对完，或已经过期")
    if row.version != wanted.version:
        raise ProblemError(409, "changed_meanwhile", "类别含义已被别人改过，请先看最新内容。")
    field = fact_fields()[row.field]
    said = {one.status: one.value for one in wanted.meanings}
    for position, one in enumerate(wanted.meanings):
        if one.status not in row.meanings:
            raise BadFieldError(f"meanings.{position}.status", f"名单里没有类别“{one.status}”")
        if one.value is not None and (problem := field.problem_of(one.value)) is not None:
            raise BadFieldError(f"meanings.{position}.value", f"“{one.status}”：{problem}")
    before = dict(row.meanings)
    row.meanings = before | said
    row.version += 1
    await scope.session.flush()
    await compare_again(scope, row)
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, subject=("matching_list", row.id),
        changes={"meanings": (before, row.meanings)},
    )  # fmt: skip
    return row


Counts = dict[Difference, int]


async def counts_of(
    scope: TenantScope, list_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, tuple[Counts, Counts]]:
    """By list: rows by difference, and those of them that nobody has decided."""
    statement = (
        scope.select(MatchingRow)
        .where(MatchingRow.list_id.in_(list_ids))
        .group_by(MatchingRow.list_id, MatchingRow.difference)
        .with_only_columns(
            MatchingRow.list_id, MatchingRow.difference, func.count(),
            func.count().filter(undecided()),
        )
    )  # fmt: skip
    found: dict[uuid.UUID, tuple[Counts, Counts]] = {one: ({}, {}) for one in list_ids}
    for list_id, difference, rows, still in (await scope.session.execute(statement)).all():
        found[list_id][0][Difference(difference)] = rows
        found[list_id][1][Difference(difference)] = still
    return found


def undecided() -> Any:
    """Nobody has decided it, or it was taken back."""
    return or_(MatchingRow.decision.is_(None), MatchingRow.undone_at.is_not(None))


def visible(reach: Reach) -> ColumnElement[bool]:
    """Rows of people without a record, and of elders within reach."""
    elder_id = cast("InstrumentedAttribute[uuid.UUID]", MatchingRow.elder_id)
    return or_(MatchingRow.elder_id.is_(None), not_(reach.hides(elder_id)))


async def rows_of(
    scope: TenantScope, list_id: uuid.UUID, difference: Difference, reach: Reach,
    *, after: uuid.UUID | None = None, open_only: bool = False, limit: int = MAX_PAGE,
) -> tuple[list[MatchingRow], uuid.UUID | None]:  # fmt: skip
    """A page in the order of the list, and where the next begins. Raises NotFoundError."""
    line = func.coalesce(MatchingRow.line, 0)
    statement = scope.select(MatchingRow).where(
        MatchingRow.list_id == list_id, MatchingRow.difference == difference,
        visible(reach),
    )  # fmt: skip
    if open_only:
        statement = statement.where(undecided())
    if after is not None:
        last = await find_row(scope, list_id, after)
        statement = statement.where(tuple_(line, MatchingRow.id) > tuple_(last.line or 0, last.id))
    statement = statement.order_by(line, MatchingRow.id).limit(limit + 1)
    found = list(await scope.session.scalars(statement))
    return found[:limit], found[limit - 1].id if len(found) > limit else None


async def find_row(
    scope: TenantScope, list_id: uuid.UUID, row_id: uuid.UUID, *, lock: bool = False
) -> MatchingRow:
    """Raises NotFoundError."""
    statement = scope.select(MatchingRow).where(
        MatchingRow.list_id == list_id, MatchingRow.id == row_id
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundError("row of the list")
    return found


async def erase(principal: Principal, list_id: uuid.UUID, now: datetime) -> MatchingList:
    """Forget its people before the time. Raises NotFoundError, ConflictError."""
    row = await find_list(principal.scope, list_id, lock=True)
    if row.state == ListState.RUNNING:
        raise ConflictError("state", "正在比对，请等它结束")
    await forget_people(principal.scope, row, now)
    audit.record(
        principal.scope, principal.actor, Action.LIST_ERASED, now,
        subject=("matching_list", row.id), detail={"source": row.source},
    )  # fmt: skip
    return row


async def forget_expired(scope: TenantScope, now: datetime) -> int:
    """People of lists whose time is over; how many lists."""
    session = scope.session
    expired = await session.scalars(
        scope.select(MatchingList)
        .where(MatchingList.expires_on <= local_date(now), MatchingList.state != ListState.ERASED)
        .where(MatchingList.state != ListState.RUNNING)
        .with_for_update(skip_locked=True)
    )
    count = 0
    for row in expired:
        await forget_people(scope, row, now)
        audit.record(
            scope, audit.SYSTEM, Action.LIST_ERASED, now, subject=("matching_list", row.id),
            detail={"source": row.source, "expired": row.expires_on},
        )  # fmt: skip
        count += 1
    return count


async def forget_people(scope: TenantScope, row: MatchingList, now: datetime) -> None:
    """Who is not in our care goes; of our own stays that they were listed, and what was decided."""
    of_list = (MatchingRow.list_id == row.id,)
    await scope.session.execute(
        sql_delete(MatchingRow).where(
            MatchingRow.institution_id == scope.institution_id,
            *of_list,
            MatchingRow.elder_id.is_(None),
            MatchingRow.decision.is_(None),
        )
    )
    await scope.session.execute(
        update(MatchingRow)
        .where(MatchingRow.institution_id == scope.institution_id, *of_list)
        .values(person_sealed=None, problems="")
    )
    row.state, row.ended_at, row.file_sealed = ListState.ERASED, now, None
    await scope.session.flush()


def values_of(field: str) -> list[Any]:
    """What a field takes; empty: a district code."""
    known = fact_fields()[field].values
    return [value for value in known if value != UNKNOWN] + ([UNKNOWN] if known else [])
