"""HTTP for the floor at a glance."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request

from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.records.floor import FloorOut, floor_of
from cloud.state import State

FloorReader = Annotated[Principal, requires(Permission.ALERTS_READ)]

router = APIRouter(
    prefix="/api/v1", tags=["duty"], responses={code: {"model": Problem} for code in (401, 403)}
)


@router.get("/floor")
async def get_floor(who: FloorReader, request: Request, state: State) -> FloorOut:
    """Units, rooms and beds with how each stands; names only for who may read records."""
    return await floor_of(who, request.app.state.series, state.clock.now())
