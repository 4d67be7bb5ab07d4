"""HTTP for the audit, for who looked at a record, and for break-glass."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from cloud.audit.actions import Action
from cloud.audit.chain import entries_in_order, verify
from cloud.audit.models import AuditEntry
from cloud.audit.service import record
from cloud.errors import NotFoundError, Problem
from cloud.identity.auth import requires
from cloud.identity.models import BreakGlass, User
from cloud.identity.permissions import Permission, Role
from cloud.identity.service import Principal
from cloud.oversight import access
from cloud.oversight.schemas import (
    ActorOut,
    AuditEntryOut,
    AuditPage,
    BreakGlassIn,
    BreakGlassOut,
    BreakGlassPage,
    LookOut,
    LookPage,
    OtherElder,
    OtherElders,
    ReviewIn,
    VerificationOut,
)
from cloud.paging import DEFAULT_LIMIT, Cursor, Limit, after, page
from cloud.people.family import elders_of_user
from cloud.people.search import MAX_QUERY, Wanted, find_elders
from cloud.people.service import elders_by_id, find_elder, stays_of_any
from cloud.places.service import bed_names
from cloud.state import ChangeHeader, State

AuditReader = Annotated[Principal, requires(Permission.AUDIT_READ)]
Looker = Annotated[Principal, requires(Permission.AUDIT_READ, Permission.FAMILY_READ)]
GlassReviewer = Annotated[Principal, requires(Permission.BREAK_GLASS_REVIEW)]
GlassBreaker = Annotated[Principal, requires(Permission.BREAK_GLASS)]

MAX_OTHERS: Final = 10
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": Problem} for code in (401, 403, 404, 409, 422)
}
router = APIRouter(prefix="/api/v1", tags=["oversight"], responses=_PROBLEMS)


@router.get("/audit")
async def list_audit(
    *,
    principal: AuditReader,
    elder_id: UUID | None = None,
    actor_id: UUID | None = None,
    action: Action | None = None,
    begin: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> AuditPage:
    """Who saw or changed what, the newest first."""
    wanted = [
        *([AuditEntry.elder_id == elder_id] if elder_id else []),
        *([AuditEntry.actor_id == actor_id] if actor_id else []),
        *([AuditEntry.action == action.value] if action else []),
        *([AuditEntry.at >= begin] if begin else []),
        *([AuditEntry.at < end] if end else []),
    ]
    rows, next_cursor = await _newest(principal, wanted, cursor, limit)
    elders = {}
    if principal.may(Permission.RECORDS_READ):
        elders = await elders_by_id(principal.scope, {row.elder_id for row in rows if row.elder_id})
    names = {elder.id: elder.name for elder in elders.values()}
    return AuditPage(entries=[_entry_out(row, names) for row in rows], next_cursor=next_cursor)


@router.get(
    "/audit/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
async def export_audit(principal: AuditReader, state: State) -> StreamingResponse:
    """Everything, one JSON object a line, each with its number, text and hash."""
    scope = principal.scope
    record(scope, principal.actor, Action.AUDIT_EXPORTED, principal.at)

    async def lines() -> AsyncIterator[str]:
        async with state.database.tenant(scope.institution_id) as reading:
            async for entry in entries_in_order(reading):
                yield export_line(entry)

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.get("/audit/verification")
async def verify_audit(principal: AuditReader) -> VerificationOut:
    """Walk the whole chain: is anything missing, changed or put in?"""
    verdict = await verify(principal.scope)
    return VerificationOut(
        whole=verdict.whole,
        entries=verdict.entries,
        head=verdict.head.hex(),
        broken_at=verdict.broken_at,
        why=verdict.why,
    )


@router.get("/elders/{elder_id}/looks")
async def list_looks(
    elder_id: UUID, principal: Looker, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> LookPage:
    """Who saw or changed an elder's record: for their family, and for who oversees the house."""
    if principal.role is Role.FAMILY:
        theirs = await elders_of_user(principal.scope, principal.user.id)
        if elder_id not in {member.elder_id for member in theirs}:
            raise NotFoundError("elder")
    await find_elder(principal.scope, elder_id)
    wanted = [AuditEntry.elder_id == elder_id]
    rows, next_cursor = await _newest(principal, wanted, cursor, limit)
    return LookPage(looks=[_look_out(row) for row in rows], next_cursor=next_cursor)


@router.post("/elders/{elder_id}/break-glass", status_code=201, dependencies=[ChangeHeader])
async def break_glass(
    elder_id: UUID, wanted: BreakGlassIn, principal: GlassBreaker
) -> BreakGlassOut:
    """Open the record of an elder outside one's units, for four hours, with a reason."""
    row = await access.break_glass(principal, elder_id, wanted.reason)
    return (await _glasses_out(principal, [row]))[0]


@router.get("/break-glass/elders")
async def find_other_elders(
    principal: GlassBreaker,
    state: State,
    q: Annotated[str, Query(min_length=2, max_length=MAX_QUERY, description="name, pinyin, bed")],
) -> OtherElders:
    """Whom to open a record of, in whatever unit: name and bed, nothing else; it is audited."""
    scope, now = principal.scope, principal.at
    found, _ = await find_elders(scope, Wanted(q, limit=MAX_OTHERS), state.keyring, now)
    record(
        scope, principal.actor, Action.RECORDS_SEARCHED, now, detail={"call": "find_other_elders"}
    )
    beds = {stay.elder_id: stay.bed_id for stay in
            await stays_of_any(scope, [elder.id for elder in found], [], now)}  # fmt: skip
    names = await bed_names(scope, set(beds.values()))
    places = {elder_id: names[bed_id].label for elder_id, bed_id in beds.items()}
    return OtherElders(
        elders=[OtherElder(id=e.id, name=e.name, place=places.get(e.id)) for e in found]
    )


@router.get("/break-glass")
async def list_break_glass(
    principal: GlassReviewer,
    reviewed: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> BreakGlassPage:
    """Records that were opened from outside their unit."""
    columns = (BreakGlass.opened_at, BreakGlass.id)
    statement = principal.scope.select(BreakGlass).where(*after(cursor, *columns, descending=True))
    if reviewed is not None:
        present = BreakGlass.reviewed_at.is_not(None)
        statement = statement.where(present if reviewed else ~present)
    rows = await principal.scope.session.scalars(
        statement.order_by(*(column.desc() for column in columns)).limit(limit + 1)
    )
    items, next_cursor = page(rows.all(), limit, lambda row: (row.opened_at, row.id))
    opened = await _glasses_out(principal, items)
    return BreakGlassPage(opened=opened, next_cursor=next_cursor)


@router.post("/break-glass/{break_glass_id}/review", dependencies=[ChangeHeader])
async def review_break_glass(
    break_glass_id: UUID, wanted: ReviewIn, principal: GlassReviewer
) -> BreakGlassOut:
    """Say what came of looking at it; not by who opened it."""
    row = await access.review(principal, break_glass_id, wanted.note)
    return (await _glasses_out(principal, [row]))[0]


def export_line(entry: AuditEntry) -> str:
    """One line of an export: enough to check the chain without us (docs/security.md)."""
    line = {
        "seq": entry.seq,
        "body": entry.body,
        "previous_hash": entry.previous_hash.hex(),
        "hash": entry.hash.hex(),
    }
    return json.dumps(line, ensure_ascii=False) + "\n"


async def _newest(
    principal: Principal, wanted: list[Any], cursor: str | None, limit: int
) -> tuple[list[AuditEntry], str | None]:
    statement = (
        principal.scope.select(AuditEntry)
        .where(*wanted, *after(cursor, AuditEntry.seq, descending=True))
        .order_by(AuditEntry.seq.desc())
        .limit(limit + 1)
    )
    rows = (await principal.scope.session.scalars(statement)).all()
    items, next_cursor = page(rows, limit, lambda row: (row.seq,))
    return list(items), next_cursor


def _entry_out(row: AuditEntry, names: Mapping[UUID, str]) -> AuditEntryOut:
    body = json.loads(row.body)
    return AuditEntryOut(
        seq=row.seq,
        at=row.at,
        action=row.action,
        actor=ActorOut(**body["actor"]),
        elder_id=row.elder_id,
        elder_name=None if row.elder_id is None else names.get(row.elder_id),
        subject=body["subject"],
        reason=body["reason"],
        changes=body["changes"],
        detail=body["detail"],
        hash=row.hash.hex(),
    )


def _look_out(row: AuditEntry) -> LookOut:
    body = json.loads(row.body)
    actor = body["actor"]
    return LookOut(
        at=row.at, name=actor["name"], role=actor["role"], action=row.action, reason=body["reason"]
    )


async def _glasses_out(principal: Principal, rows: Sequence[BreakGlass]) -> list[BreakGlassOut]:
    scope, user_ids = principal.scope, {row.user_id for row in rows}
    users = await scope.session.scalars(scope.select(User).where(User.id.in_(user_ids)))
    names = {user.id: user.display_name for user in users}
    elders = {}
    if principal.may(Permission.RECORDS_READ):
        elders = await elders_by_id(scope, {row.elder_id for row in rows})
    return [
        BreakGlassOut(
            id=row.id,
            user_id=row.user_id,
            user_name=names.get(row.user_id, ""),
            elder_id=row.elder_id,
            elder_name=elders[row.elder_id].name if row.elder_id in elders else None,
            reason=row.reason,
            opened_at=row.opened_at,
            closes_at=row.closes_at,
            reviewed_at=row.reviewed_at,
            review_note=row.review_note,
        )
        for row in rows
    ]
