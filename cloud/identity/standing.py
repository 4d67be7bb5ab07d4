"""Whether many logins still stand, asked at once.

A screen asks every few seconds whether it may go on. Asked one by one that is three statements
each: with 200 screens it took two thirds of a worker's time.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from cloud.database import TenantScope
from cloud.identity.models import ApiToken, User, UserSession
from cloud.identity.service import Principal, Rules, extend_login, restriction_of


def key_of(principal: Principal) -> uuid.UUID:
    """The id of what they came in with: a login, or an API token."""
    return principal.own_login.id if principal.token is None else principal.token.id


async def still_standing(
    scope: TenantScope, keys: Collection[uuid.UUID], now: datetime, rules: Rules
) -> dict[uuid.UUID, Principal]:
    """Whom those of `keys` that still open something stand for; being asked for extends a login."""
    session = scope.session
    found = await session.scalars(
        text("SELECT auth_standing(:keys, :now)"), {"keys": list(keys), "now": now}
    )
    standing = set(found)
    users = {
        user.id: user
        for user in await session.scalars(
            scope.select(User).where(
                User.id.in_(
                    scope.select(UserSession)
                    .where(UserSession.id.in_(standing))
                    .with_only_columns(UserSession.user_id)
                )
                | User.id.in_(
                    scope.select(ApiToken)
                    .where(ApiToken.id.in_(standing))
                    .with_only_columns(ApiToken.user_id)
                )
            )
        )
    }
    principals = {}
    logins = scope.select(UserSession).where(UserSession.id.in_(standing))
    for login in await session.scalars(logins):
        user = users[login.user_id]
        extend_login(login, user, now, rules)
        restriction = restriction_of(user, rules, login.signed_in_by)
        principals[login.id] = Principal(scope, user, login, now, restriction=restriction)
    if len(principals) < len(standing):
        for token in await session.scalars(scope.select(ApiToken).where(ApiToken.id.in_(standing))):
            user = users[token.user_id]
            principals[token.id] = Principal(
                scope, user, None, now, token, restriction_of(user, rules)
            )
    return principals
