"""HTTP for the rule book: what alerts are raised, held back, folded and filed by."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from cloud.alerts import books
from cloud.alerts.rulebook import RuleBook, RuleBookBody, default_book
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.schema_types import ApiModel, UtcMs
from cloud.state import ChangeHeader, State

RulesReader = Annotated[Principal, requires(Permission.ALERTS_READ)]
RulesManager = Annotated[Principal, requires(Permission.ALERT_RULES_MANAGE)]

router = APIRouter(
    prefix="/api/v1/duty/rules",
    tags=["duty"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 422: {"model": Problem}},
)


class RevisionOut(ApiModel):
    """Who changed the rules when, and why."""

    revision: int
    created_at: UtcMs
    created_by: str
    note: str


class RulesOut(ApiModel):
    """The book in force, the design default behind it, and the house's revisions, newest first."""

    book: RuleBook
    default: RuleBook
    revisions: list[RevisionOut]


class RulesIn(ApiModel):
    """A whole new book, on top of the version one has seen."""

    after: str = Field(description="version of the book that this one replaces")
    body: RuleBookBody
    note: str = Field(min_length=1, max_length=500, description="why")


@router.get("")
async def get_rules(principal: RulesReader) -> RulesOut:
    """The numbers that decide about alerts, with their version."""
    scope = principal.scope
    return RulesOut(
        book=await books.book_of(scope),
        default=default_book(),
        revisions=[
            RevisionOut(
                revision=row.revision, created_at=row.created_at, created_by=row.created_by,
                note=row.note,
            )
            for row in await books.revisions(scope)
        ],
    )  # fmt: skip


@router.put("", dependencies=[ChangeHeader], responses={409: {"model": Problem}})
async def put_rules(wanted: RulesIn, principal: RulesManager, state: State) -> RulesOut:
    """The house's own numbers; alerts raised from now on carry the new version."""
    scope, now = principal.scope, state.clock.now()
    before = await books.book_of(scope)
    book = await books.add_book(
        scope, wanted.body, after=wanted.after, note=wanted.note,
        by=principal.user.display_name, now=now,
    )  # fmt: skip
    changes = {
        name: (old, new)
        for (name, old), new in zip(
            before.model_dump(mode="json").items(), book.model_dump(mode="json").values(),
            strict=True,
        )
        if old != new
    }  # fmt: skip
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, subject=("alert_rules", book.version),
        changes=changes, detail={"note": wanted.note},
    )  # fmt: skip
    return await get_rules(principal)
