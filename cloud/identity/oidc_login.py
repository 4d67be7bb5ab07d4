"""From what the provider says of a person to a login of a user here."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.audit.actions import Action
from cloud.audit.service import SYSTEM, record
from cloud.database import TenantScope, enter_tenant
from cloud.identity.models import User
from cloud.identity.oidc import Identity, OidcError
from cloud.identity.permissions import Role
from cloud.identity.schemas import USERNAME_PATTERN
from cloud.identity.secrets import hash_password, new_token
from cloud.identity.service import Caller, Principal, Rules, SignedInBy, start_login

_MAX_NAME: Final = 60
_MAX_USERNAME: Final = 40


async def log_in_as(
    session: AsyncSession, identity: Identity, now: datetime, rules: Rules, caller: Caller
) -> tuple[Principal, str]:
    """A login of the user who has this subject. Raises OidcError.

    Somebody disabled is as unknown as somebody who never was here.
    """
    found = (
        await session.execute(
            text("SELECT * FROM auth_oidc(:subject)"), {"subject": identity.subject}
        )
    ).one_or_none()
    if found is None:
        raise OidcError("oidc_unknown_user", "no user has this subject")
    scope = await enter_tenant(session, found.institution_id)
    user = (
        await session.scalars(scope.select(User).where(User.id == found.user_id).with_for_update())
    ).one()
    if user.totp_confirmed_at is not None and not identity.strong:
        # A second factor that was set up here is not to be gone around.
        raise OidcError("oidc_second_factor", "the provider asked for one factor only")
    by: SignedInBy = "oidc_strong" if identity.strong else "oidc"
    return await start_login(scope, user, now, rules, caller, by=by)


async def is_known(session: AsyncSession, subject: str) -> bool:
    """Whether anybody has this subject, disabled or not."""
    return bool(
        (
            await session.execute(
                text("SELECT oidc_subject_is_taken(:subject)"), {"subject": subject}
            )
        ).scalar_one()
    )


async def create_for(scope: TenantScope, identity: Identity, role: Role, now: datetime) -> User:
    """A user for someone whom the provider knows and we did not; without a password to know."""
    taken = await _usernames_taken(scope, identity)
    username = next(name for name in _usernames(identity) if name not in taken)
    user = User(
        id=uuid.uuid4(),
        institution_id=scope.institution_id,
        username=username,
        display_name=_one_line(identity.name)[:_MAX_NAME] or username,
        role=role.value,
        password_hash=await hash_password(new_token()),
        created_at=now,
        oidc_subject=identity.subject,
    )
    scope.session.add(user)
    await scope.session.flush()
    record(
        scope, SYSTEM, Action.USER_CREATED, now, subject=("user", user.id),
        detail={"username": username, "role": role.value, "by": "oidc"},
    )  # fmt: skip
    return user


def _usernames(identity: Identity) -> list[str]:
    digest = hashlib.sha256(identity.subject.encode()).hexdigest()
    wanted = identity.username.strip()[: _MAX_USERNAME - 9]
    own = [f"sso-{digest[:12]}", f"sso-{digest[:32]}"]
    if len(wanted) > 1 and re.fullmatch(USERNAME_PATTERN, wanted):
        return [wanted, f"{wanted}-{digest[:8]}", *own]
    return own


async def _usernames_taken(scope: TenantScope, identity: Identity) -> set[str]:
    """User names are unique over all institutions, which only a function may look at."""
    taken = set()
    for name in _usernames(identity):
        answer = await scope.session.execute(
            text("SELECT username_is_taken(:name)"), {"name": name}
        )
        if answer.scalar_one():
            taken.add(name)
    return taken


def _one_line(name: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", name).strip()
