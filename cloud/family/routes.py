"""HTTP for relatives."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request

from cloud.errors import Problem
from cloud.family.entitlements import entitlements_for
from cloud.family.schemas import FamilyEntitlementsOut, FamilyPage
from cloud.family.service import page_of
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.series.service import SeriesStore
from cloud.state import State

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
