"""HTTP for relatives."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request

from cloud.errors import Problem
from cloud.family.schemas import FamilyPage
from cloud.family.service import page_of
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.series.service import SeriesStore
from cloud.state import State

Relative = Annotated[Principal, requires(Permission.FAMILY_READ)]

router = APIRouter(
    prefix="/api/v1", tags=["family"], responses={code: {"model": Problem} for code in (401, 403)}
)


@router.get("/family")
async def get_family_page(request: Request, principal: Relative, state: State) -> FamilyPage:
    """The elders this login is a relative of, as far as consents in force allow."""
    store: SeriesStore = request.app.state.series
    return await page_of(principal, store, state.clock.now())
