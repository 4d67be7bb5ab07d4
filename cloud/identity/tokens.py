"""API tokens: for programs, narrower than the person who made them, and always with an end."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.database import enter_tenant
from cloud.errors import BadFieldError, NotFoundError, NotLoggedInError
from cloud.identity.models import ApiToken, User
from cloud.identity.permissions import Permission
from cloud.identity.secrets import API_TOKEN_PREFIX, new_api_token, token_hash
from cloud.identity.service import Principal, Rules, restriction_of

MAX_LIFE: Final = timedelta(days=366)
# A program has no account, makes no users and no tokens, and answers no alert for a person.
NOT_FOR_TOKENS: Final = frozenset(
    {
        Permission.OWN_ACCOUNT,
        Permission.USERS_MANAGE,
        Permission.ALERTS_ACT,
        Permission.BREAK_GLASS,
        Permission.BREAK_GLASS_REVIEW,
        Permission.FAMILY_READ,
    }
)
_TOUCH_INTERVAL: Final = timedelta(minutes=1)


async def principal_of_token(
    session: AsyncSession, token: str, now: datetime, rules: Rules
) -> Principal:
    """Who an API token stands for. Raises NotLoggedInError."""
    if not token.startswith(API_TOKEN_PREFIX):
        raise NotLoggedInError
    found = (
        await session.execute(
            text("SELECT * FROM auth_token(:hash, :now)"), {"hash": token_hash(token), "now": now}
        )
    ).one_or_none()
    if found is None:
        raise NotLoggedInError
    scope = await enter_tenant(session, found.institution_id)
    row = (await session.scalars(scope.select(ApiToken).where(ApiToken.id == found.token_id))).one()
    user = (await session.scalars(scope.select(User).where(User.id == row.user_id))).one()
    if row.last_used_at is None or now - row.last_used_at >= _TOUCH_INTERVAL:
        row.last_used_at = now
    return Principal(scope, user, None, now, row, restriction_of(user, rules))


async def issue_token(
    principal: Principal, name: str, permissions: Collection[Permission], expires_at: datetime
) -> tuple[ApiToken, str]:
    """A new token, shown once. Raises BadFieldError."""
    wanted = frozenset(permissions)
    refused = (wanted & NOT_FOR_TOKENS) | (wanted - principal.permissions)
    if refused:
        raise BadFieldError(
            "permissions", f"not for a token of yours: {', '.join(sorted(refused))}"
        )
    if not principal.at < expires_at <= principal.at + MAX_LIFE:
        raise BadFieldError("expires_at", f"must be within {MAX_LIFE.days} days from now")
    token = new_api_token()
    row = ApiToken(
        id=uuid.uuid4(),
        institution_id=principal.scope.institution_id,
        user_id=principal.user.id,
        name=name,
        token_hash=token_hash(token),
        permissions=sorted(wanted),
        created_at=principal.at,
        expires_at=expires_at,
    )
    principal.scope.session.add(row)
    await principal.scope.session.flush()
    record(
        principal.scope, principal.actor, Action.TOKEN_ISSUED, principal.at,
        subject=("api_token", row.id), detail={"name": name, "permissions": sorted(wanted)},
    )  # fmt: skip
    return row, token


async def tokens_here(principal: Principal) -> list[ApiToken]:
    """Those of the institution that open anything, newest first."""
    statement = (
        principal.scope.select(ApiToken)
        .where(ApiToken.revoked_at.is_(None), ApiToken.expires_at > principal.at)
        .order_by(ApiToken.created_at.desc(), ApiToken.id)
    )
    return list(await principal.scope.session.scalars(statement))


async def revoke_token(principal: Principal, token_id: uuid.UUID) -> None:
    """From now on it opens nothing. Raises NotFoundError."""
    statement = principal.scope.select(ApiToken).where(ApiToken.id == token_id)
    row = (await principal.scope.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFoundError("token")
    if row.revoked_at is None:
        row.revoked_at = principal.at
        record(
            principal.scope, principal.actor, Action.TOKEN_REVOKED, principal.at,
            subject=("api_token", row.id), detail={"name": row.name},
        )  # fmt: skip
