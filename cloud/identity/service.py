"""Rules of identity: logging in and out, and making institutions and users."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.audit.service import Actor
from cloud.database import Database, TenantScope, enter_tenant
from cloud.errors import BadLoginError, NotLoggedInError, TooManyTriesError
from cloud.identity.models import Institution, LoginThrottle, User, UserSession
from cloud.identity.permissions import GRANTS, Permission, Role
from cloud.identity.schemas import InstitutionOut, Me
from cloud.identity.secrets import hash_password, new_token, password_matches, token_hash

# Ten guesses in five minutes: far from guessing, still kind to someone with cold fingers.
MAX_TRIES_PER_USERNAME: Final = 10
# Everyone of a nursing home may come from one address.
MAX_TRIES_PER_ADDRESS: Final = 100
THROTTLE_WINDOW: Final = timedelta(minutes=5)
# Using a session extends it; writing that down more often than this would only cost.
_TOUCH_INTERVAL: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, in the transaction in which they ask."""

    scope: TenantScope
    user: User
    login: UserSession
    at: datetime

    @property
    def role(self) -> Role:
        """What they are here."""
        return Role(self.user.role)

    @property
    def permissions(self) -> frozenset[Permission]:
        """What they may do."""
        return GRANTS[self.role]

    def may(self, permission: Permission) -> bool:
        """Whether they may."""
        return permission in self.permissions

    @property
    def actor(self) -> Actor:
        """How the audit names them."""
        return Actor("user", self.user.id, self.user.display_name, self.role.value)

    def me(self, institution_name: str, now: datetime) -> Me:
        """What the API says about them."""
        return Me(
            id=self.user.id,
            username=self.user.username,
            name=self.user.display_name,
            role=self.role,
            permissions=sorted(self.permissions),
            institution=InstitutionOut(id=self.scope.institution_id, name=institution_name),
            session_expires_at=self.login.expires_at,
            server_time=now,
        )


@dataclass(frozen=True, slots=True)
class SessionLife:
    """How long a login lasts: `idle` after its last use, `longest` in all."""

    idle: timedelta
    longest: timedelta


async def count_login_try(database: Database, username: str, address: str, now: datetime) -> None:
    """Count a try before it is judged, in its own transaction. Raises TooManyTriesError."""
    limits = (
        (f"user:{username.casefold()}", MAX_TRIES_PER_USERNAME),
        (f"address:{address}", MAX_TRIES_PER_ADDRESS),
    )
    async with database.transaction() as session:
        await session.execute(
            delete(LoginThrottle).where(LoginThrottle.window_started_at < now - THROTTLE_WINDOW)
        )
        tries = [(await _count(session, key, now), limit) for key, limit in limits]
    for (failures, started_at), limit in tries:
        if failures > limit:
            wait_s = round((started_at + THROTTLE_WINDOW - now).total_seconds())
            raise TooManyTriesError("Too many failed logins; wait a little.", max(1, wait_s))


async def _count(session: AsyncSession, key: str, now: datetime) -> tuple[int, datetime]:
    statement = (
        insert(LoginThrottle)
        .values(key=token_hash(key), failures=1, window_started_at=now)
        .on_conflict_do_update(
            index_elements=[LoginThrottle.key],
            set_={"failures": LoginThrottle.failures + 1},
        )
        .returning(LoginThrottle.failures, LoginThrottle.window_started_at)
    )
    row = (await session.execute(statement)).one()
    return int(row[0]), row[1]


async def log_in(
    session: AsyncSession, username: str, password: str, now: datetime, life: SessionLife
) -> tuple[Principal, str]:
    """A new login and its token. Raises BadLoginError."""
    found = (
        await session.execute(text("SELECT * FROM auth_login(:name)"), {"name": username})
    ).one_or_none()
    matches = await password_matches(password, None if found is None else found.password_hash)
    if found is None or not matches:
        raise BadLoginError
    scope = await enter_tenant(session, found.institution_id)
    user = (await session.scalars(scope.select(User).where(User.id == found.user_id))).one()
    token = new_token()
    login = UserSession(
        id=uuid.uuid4(),
        institution_id=scope.institution_id,
        user_id=user.id,
        token_hash=token_hash(token),
        created_at=now,
        last_used_at=now,
        expires_at=now + min(life.idle, life.longest),
    )
    session.add(login)
    await session.execute(
        delete(LoginThrottle).where(LoginThrottle.key == token_hash(f"user:{username.casefold()}"))
    )
    return Principal(scope, user, login, now), token


async def principal_of(
    session: AsyncSession, token: str | None, now: datetime, life: SessionLife
) -> Principal:
    """Who a session token stands for; its use extends it. Raises NotLoggedInError."""
    if not token:
        raise NotLoggedInError
    found = (
        await session.execute(
            text("SELECT * FROM auth_session(:hash, :now)"),
            {"hash": token_hash(token), "now": now},
        )
    ).one_or_none()
    if found is None:
        raise NotLoggedInError
    scope = await enter_tenant(session, found.institution_id)
    login = (
        await session.scalars(scope.select(UserSession).where(UserSession.id == found.session_id))
    ).one()
    user = (await session.scalars(scope.select(User).where(User.id == login.user_id))).one()
    if now - login.last_used_at >= _TOUCH_INTERVAL:
        login.last_used_at = now
        login.expires_at = min(now + life.idle, login.created_at + life.longest)
    return Principal(scope, user, login, now)


async def log_out(principal: Principal, now: datetime) -> None:
    """End the login."""
    principal.login.ended_at = now


async def institution_name(scope: TenantScope) -> str:
    """The name of the scope's institution."""
    return (await scope.session.get_one(Institution, scope.institution_id)).name


async def add_institution(session: AsyncSession, name: str, now: datetime) -> TenantScope:
    """A new institution, and its scope."""
    institution_id = uuid.uuid4()
    scope = await enter_tenant(session, institution_id)
    session.add(Institution(id=institution_id, name=name, created_at=now))
    await session.flush()
    return scope


async def add_user(
    scope: TenantScope,
    username: str,
    display_name: str,
    *,
    role: Role,
    password: str,
    now: datetime,
) -> User:
    """A new user."""
    user = User(
        id=uuid.uuid4(),
        institution_id=scope.institution_id,
        username=username,
        display_name=display_name,
        role=role,
        password_hash=await hash_password(password),
        created_at=now,
    )
    scope.session.add(user)
    await scope.session.flush()
    return user


async def find_user(scope: TenantScope, username: str) -> User | None:
    """A user of this institution by name."""
    return (
        await scope.session.scalars(scope.select(User).where(User.username == username))
    ).first()


async def set_password(user: User, password: str) -> None:
    """Replace a password."""
    user.password_hash = await hash_password(password)
