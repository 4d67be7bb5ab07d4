"""Inviting a relative: a one-time code, handed over by the house, with which they make a login."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.audit.actions import Action
from cloud.audit.service import Actor, record
from cloud.database import TenantScope, enter_tenant
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.identity.models import User
from cloud.identity.passwords import weakness
from cloud.identity.permissions import Role
from cloud.identity.secrets import new_token, token_hash
from cloud.identity.service import add_user, institution_name
from cloud.people.models import Elder, FamilyInvitation, FamilyMember

# Long enough to reach a daughter who reads her messages at the weekend.
LIFE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom a code is for."""

    scope: TenantScope
    invitation: FamilyInvitation
    member: FamilyMember
    elder_name: str
    institution: str


async def invite(
    scope: TenantScope, member: FamilyMember, by: uuid.UUID | None, now: datetime
) -> tuple[str, datetime]:
    """A new code and its end; an earlier one no longer works. Raises ConflictError."""
    if member.user_id is not None:
        raise ConflictError("family_member_id", "this relative has a login already")
    await scope.session.execute(
        update(FamilyInvitation)
        .where(
            FamilyInvitation.institution_id == scope.institution_id,
            FamilyInvitation.family_id == member.id,
            FamilyInvitation.ended_at.is_(None),
        )
        .values(ended_at=now)
    )
    code, expires_at = new_token(), now + LIFE
    scope.session.add(
        FamilyInvitation(
            id=uuid.uuid4(), institution_id=scope.institution_id, family_id=member.id,
            code_hash=token_hash(code), created_at=now, created_by_id=by, expires_at=expires_at,
        )
    )  # fmt: skip
    await scope.session.flush()
    return code, expires_at


async def open_invitation(session: AsyncSession, code: str, now: datetime) -> Invited:
    """Whom it is for. Raises NotFoundError."""
    found = (
        await session.execute(
            text("SELECT * FROM auth_family_invitation(:hash, :at)"),
            {"hash": token_hash(code), "at": now},
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError("invitation")
    scope = await enter_tenant(session, found.institution_id)
    statement = scope.select(FamilyInvitation).where(FamilyInvitation.id == found.invitation_id)
    invitation = (await session.scalars(statement.with_for_update())).one()
    wanted = scope.select(FamilyMember).where(FamilyMember.id == invitation.family_id)
    member = (await session.scalars(wanted.with_for_update())).one()
    if invitation.ended_at is not None or member.ended_at is not None or member.user_id is not None:
        raise NotFoundError("invitation")
    elder = (await session.scalars(scope.select(Elder).where(Elder.id == member.elder_id))).one()
    return Invited(scope, invitation, member, elder.name, await institution_name(scope))


async def accept(invited: Invited, username: str, password: str, now: datetime) -> User:
    """The relative's login, linked to their elder; the code ends.

    Raises BadFieldError for a weak password, ConflictError for a name that is taken.
    """
    scope = invited.scope
    if (wrong := weakness(password, (username, invited.member.name))) is not None:
        raise BadFieldError("password", wrong)
    try:
        async with scope.savepoint():
            user = await add_user(
                scope, username, invited.member.name, role=Role.FAMILY, password=password, now=now
            )
    except IntegrityError as error:
        raise ConflictError("username", "this name is taken") from error
    invited.invitation.ended_at = invited.invitation.accepted_at = now
    invited.member.user_id = user.id
    invited.member.version += 1
    await scope.session.flush()
    actor = Actor("user", user.id, user.display_name, user.role)
    record(
        scope, actor, Action.FAMILY_LINKED, now, subject=("family_member", invited.member.id),
        elder_id=invited.member.elder_id,
    )  # fmt: skip
    return user
