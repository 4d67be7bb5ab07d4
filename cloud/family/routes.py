"""HTTP for relatives."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from cloud.errors import Problem
from cloud.family import letters
from cloud.family.entitlements import entitlements_for
from cloud.family.schemas import FamilyEntitlementsOut, FamilyPage, LetterOut, LettersOut
from cloud.family.service import page_of
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.service import elders_by_id
from cloud.series.service import SeriesStore
from cloud.state import ChangeHeader, State

Relative = Annotated[Principal, requires(Permission.FAMILY_READ)]

router = APIRouter(
    prefix="/api/v1",
    tags=["family"],
    responses={code: {"model": Problem} for code in (401, 403, 404)},
)


@router.get("/family")
async def get_family_page(request: Request, principal: Relative, state: State) -> FamilyPage:
    """The elders this login is a relative of, as far as consents in force allow."""
    store: SeriesStore = request.app.state.series
    return await page_of(principal, store, state.clock.now())


@router.get("/family/elders/{elder_id}/entitlements")
async def get_family_entitlements(
    elder_id: UUID, principal: Relative, state: State
) -> FamilyEntitlementsOut:
    """What one's relative may be entitled to and what is missing, where they agreed to share it."""
    return await entitlements_for(principal, elder_id, state.clock.now())


@router.get("/family/letters")
async def list_family_letters(principal: Relative, state: State) -> LettersOut:
    """每周一信: the weeks as they were told to this login, the newest first."""
    found = await letters.letters_of(principal, state.clock.now())
    elders = await elders_by_id(principal.scope, {row.elder_id for row, _, _ in found})
    return LettersOut(
        letters=[
            LetterOut(
                id=row.id, elder_id=row.elder_id, elder_name=elders[row.elder_id].name,
                week=row.week, made_at=row.made_at, read_at=row.read_at,
                text_zh=row.text_zh if shared else None, text_en=row.text_en if shared else None,
            ) for row, _, shared in found
        ]
    )  # fmt: skip


@router.post(
    "/family/letters/{letter_id}/read", dependencies=[ChangeHeader], status_code=204,
    response_class=Response,
)  # fmt: skip
async def note_letter_read(letter_id: UUID, principal: Relative, state: State) -> None:
    """It was opened."""
    await letters.note_read(principal, letter_id, state.clock.now())
