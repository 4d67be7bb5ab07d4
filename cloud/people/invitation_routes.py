"""HTTP for inviting relatives, and for taking an invitation up without being logged in."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request
from pydantic import Field

from cloud.errors import Problem
from cloud.identity.auth import PUBLIC, requires
from cloud.identity.permissions import Permission
from cloud.identity.schemas import Username
from cloud.identity.second_factor import qr_svg
from cloud.identity.service import Principal
from cloud.identity.throttle import count_login_try
from cloud.people import invitations
from cloud.people.family import find_family_member
from cloud.people.routes import note_record
from cloud.schema_types import ApiModel, UtcMs
from cloud.state import AppState, ChangeHeader, State, Transaction

ConsentManager = Annotated[Principal, requires(Permission.CONSENTS_MANAGE)]

router = APIRouter(
    prefix="/api/v1",
    tags=["family"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422, 429)},
)


class InvitationOut(ApiModel):
    """Shown once. The page to open is `/invite#CODE` of this server."""

    code: str
    expires_at: UtcMs
    qr_svg: str | None = Field(description="the page as a QR code; null: asked for by no browser")


class InvitationCode(ApiModel):
    """The code of an invitation. In a body: addresses end up in logs."""

    code: str = Field(min_length=20, max_length=100)


class InvitedOut(ApiModel):
    """Whom it is for."""

    institution: str
    name: str
    elder_name: str
    expires_at: UtcMs


class InvitationAcceptIn(InvitationCode):
    """The login that the relative chooses."""

    username: Username
    password: str = Field(min_length=1, max_length=1000)


@router.post("/elders/{elder_id}/family/{family_member_id}/invitation", dependencies=[ChangeHeader])
async def invite_family_member(
    *, elder_id: UUID, family_member_id: UUID, who: ConsentManager, state: State,
    origin: Annotated[str | None, Header(max_length=200)] = None,
) -> InvitationOut:  # fmt: skip
    """A one-time code for a relative without a login; an earlier one no longer works."""
    member = await find_family_member(who.scope, elder_id, family_member_id)
    code, expires_at = await invitations.invite(who.scope, member, who.user.id, state.clock.now())
    note_record(who, elder_id, subject=("family_invitation", member.id))
    picture = None if not origin else qr_svg(f"{origin}/invite#{code}")
    return InvitationOut(code=code, expires_at=expires_at, qr_svg=picture)


@router.post("/family-invitations/look", dependencies=[PUBLIC, ChangeHeader])
async def look_at_invitation(
    said: InvitationCode, request: Request, state: State, session: Transaction
) -> InvitedOut:
    """Whom a code is for."""
    await _slow_down(request, state)
    invited = await invitations.open_invitation(session, said.code, state.clock.now())
    return InvitedOut(
        institution=invited.institution, name=invited.member.name, elder_name=invited.elder_name,
        expires_at=invited.invitation.expires_at,
    )  # fmt: skip


@router.post("/family-invitations/accept", status_code=204, dependencies=[PUBLIC, ChangeHeader])
async def accept_invitation(
    said: InvitationAcceptIn, request: Request, state: State, session: Transaction
) -> None:
    """Make the relative's login; log in with it then. The code ends."""
    await _slow_down(request, state)
    now = state.clock.now()
    invited = await invitations.open_invitation(session, said.code, now)
    await invitations.accept(invited, said.username, said.password, now)


async def _slow_down(request: Request, state: AppState) -> None:
    address = request.client.host if request.client else ""
    await count_login_try(
        state.database, f"invitation from {address}", f"invitation {address}", state.clock.now()
    )
