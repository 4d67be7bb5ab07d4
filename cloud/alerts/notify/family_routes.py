"""HTTP for ways that the house keeps for relatives without a login."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from cloud.alerts.notify import points
from cloud.alerts.notify.models import ContactPoint
from cloud.alerts.notify.routes import PointCodeIn, PointOut, point_out, send_code, slow_down
from cloud.errors import NotFoundError, Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.family import find_family_member
from cloud.people.models import FamilyMember
from cloud.people.routes import note_record
from cloud.schema_types import ApiModel
from cloud.state import ChangeHeader, State

ConsentManager = Annotated[Principal, requires(Permission.CONSENTS_MANAGE)]

router = APIRouter(
    prefix="/api/v1/elders/{elder_id}/family/{family_member_id}/contact-points",
    tags=["elders"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422, 429)},
)


class FamilyPointIn(ApiModel):
    """An address that apprise knows: a message service for the number, a mail address, a chat."""

    label: str = Field(min_length=1, max_length=100)
    address: str = Field(min_length=1, max_length=4000)


class FamilyPointList(ApiModel):
    """The ways of one relative, in order. Only proved ones are used."""

    points: list[PointOut]


@router.get("")
async def list_family_points(
    elder_id: UUID, family_member_id: UUID, who: ConsentManager
) -> FamilyPointList:
    """How this relative is told."""
    member = await find_family_member(who.scope, elder_id, family_member_id)
    return await _list(who, member)


@router.post("", dependencies=[ChangeHeader])
async def add_family_point(
    *, elder_id: UUID, family_member_id: UUID, wanted: FamilyPointIn, who: ConsentManager,
    state: State,
) -> FamilyPointList:  # fmt: skip
    """A way to tell this relative. They get a code there and say it to whoever asked."""
    now = state.clock.now()
    member = await find_family_member(who.scope, elder_id, family_member_id)
    point, code = await points.add_point(
        who.scope, state.keyring, "apprise", wanted.label, wanted.address, now=now,
        family_id=member.id,
    )  # fmt: skip
    send_code(who.scope, point, code, member.name, now)
    note_record(who, elder_id, subject=("contact_point", point.id))
    return await _list(who, member)


@router.post("/{family_point_id}/code", dependencies=[ChangeHeader])
async def send_family_code(
    *, elder_id: UUID, family_member_id: UUID, family_point_id: UUID, who: ConsentManager,
    state: State,
) -> FamilyPointList:  # fmt: skip
    """Send another code."""
    now = state.clock.now()
    member = await find_family_member(who.scope, elder_id, family_member_id)
    point = await _point(who, member, family_point_id)
    await slow_down(state, point, now)
    send_code(who.scope, point, points.renew_code(point, now), member.name, now)
    return await _list(who, member)


@router.post("/{family_point_id}/verify", dependencies=[ChangeHeader])
async def verify_family_point(
    *, elder_id: UUID, family_member_id: UUID, family_point_id: UUID, wanted: PointCodeIn,
    who: ConsentManager, state: State,
) -> FamilyPointList:  # fmt: skip
    """The code that the relative read out: from now on they are told here."""
    now = state.clock.now()
    member = await find_family_member(who.scope, elder_id, family_member_id)
    point = await _point(who, member, family_point_id)
    await slow_down(state, point, now)
    await points.verify_point(point, wanted.code, now)
    return await _list(who, member)


@router.delete("/{family_point_id}", dependencies=[ChangeHeader])
async def remove_family_point(
    *, elder_id: UUID, family_member_id: UUID, family_point_id: UUID, who: ConsentManager,
    state: State,
) -> FamilyPointList:  # fmt: skip
    """Not this way any more."""
    member = await find_family_member(who.scope, elder_id, family_member_id)
    point = await _point(who, member, family_point_id)
    point.removed_at = state.clock.now()
    note_record(who, elder_id, subject=("contact_point", point.id))
    await who.scope.session.flush()
    return await _list(who, member)


async def _point(who: Principal, member: FamilyMember, point_id: UUID) -> ContactPoint:
    point = await points.find_point(who.scope, point_id)
    if point.family_id != member.id:
        raise NotFoundError("contact point")
    return point


async def _list(who: Principal, member: FamilyMember) -> FamilyPointList:
    found = await points.points_of(who.scope, family_id=member.id)
    return FamilyPointList(points=[point_out(point) for point in found])
