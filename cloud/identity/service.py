"""Rules of identity: who asks, logging in and out, and making institutions and users."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.audit.actions import Action
from cloud.audit.service import Actor, record
from cloud.crypto import Keyring
from cloud.database import Database, TenantScope, enter_tenant
from cloud.errors import BadLoginError, NotLoggedInError, SecondFactorError
from cloud.identity import second_factor
from cloud.identity.models import ApiToken, Institution, User, UserSession
from cloud.identity.permissions import GRANTS, Permission, Role
from cloud.identity.schemas import InstitutionOut, Me
from cloud.identity.secrets import hash_password, new_token, password_matches, token_hash
from cloud.identity.throttle import forgive

# Using a session extends it; writing that down more often than this would only cost.
_TOUCH_INTERVAL: Final = timedelta(minutes=1)
_MAX_AGENT_CHARS: Final = 200

Restriction = Literal["password_change", "second_factor"]
# `oidc_strong`: the identity provider asked for more than one factor.
SignedInBy = Literal["password", "oidc", "oidc_strong"]


@dataclass(frozen=True, slots=True)
class SessionLife:
    """How long a login lasts: `idle` after its last use, `longest` in all."""

    idle: timedelta
    longest: timedelta


SessionLives = Mapping[Role, SessionLife]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about logins."""

    lives: SessionLives
    admins_need_totp: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a login comes from, to be recognised by its owner in the list of sessions."""

    user_agent: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, in the transaction in which they ask: a login, or an API token of a user."""

    scope: TenantScope
    user: User
    login: UserSession | None
    at: datetime
    token: ApiToken | None = None
    restriction: Restriction | None = None

    @property
    def role(self) -> Role:
        """What they are here."""
        return Role(self.user.role)

    @property
    def permissions(self) -> frozenset[Permission]:
        """What they may do; only their own account until a new password or second factor is set."""
        granted = GRANTS[self.role]
        if self.restriction is not None:
            return granted & {Permission.OWN_ACCOUNT}
        if self.token is not None:
            return granted & frozenset(map(Permission, self.token.permissions))
        return granted

    def may(self, permission: Permission) -> bool:
        """Whether they may."""
        return permission in self.permissions

    @property
    def actor(self) -> Actor:
        """How the audit names them."""
        if self.token is not None:
            name = f"{self.token.name} ({self.user.display_name})"
            return Actor("token", self.token.id, name, self.role.value)
        return Actor("user", self.user.id, self.user.display_name, self.role.value)

    @property
    def source(self) -> str:
        """Which login or token it is, for ledgers."""
        return f"session {self.login.id}" if self.login else f"token {self.user.id}"

    @property
    def own_login(self) -> UserSession:
        """The login; a token has none. Raises NotLoggedInError."""
        if self.login is None:
            raise NotLoggedInError
        return self.login

    def me(self, institution_name: str, now: datetime) -> Me:
        """What the API says about them."""
        return Me(
            id=self.user.id,
            username=self.user.username,
            name=self.user.display_name,
            role=self.role,
            permissions=sorted(self.permissions),
            restriction=self.restriction,
            second_factor=self.user.totp_confirmed_at is not None,
            institution=InstitutionOut(id=self.scope.institution_id, name=institution_name),
            session_expires_at=self.own_login.expires_at,
            server_time=now,
        )


def restriction_of(user: User, rules: Rules, by: str = "password") -> Restriction | None:
    """What must be done before anything else. A linked account's home account has done it.

    A password that was not used need not be changed, nor a second factor set up here that the
    identity provider has asked for.
    """
    if user.home_account_id is not None or by == "oidc_strong":
        return None
    if user.must_change_password and by == "password":
        return "password_change"
    if rules.admins_need_totp and user.role == Role.ADMIN and user.totp_confirmed_at is None:
        return "second_factor"
    return None


async def log_in(
    session: AsyncSession,
    username: str,
    password: str,
    now: datetime,
    rules: Rules,
    *,
    keyring: Keyring,
    code: str | None = None,
    caller: Caller = Caller(),
) -> tuple[Principal, str]:
    """A new login and its token. Raises BadLoginError, SecondFactorError."""
    found = (
        await session.execute(text("SELECT * FROM auth_login(:name)"), {"name": username})
    ).one_or_none()
    matches = await password_matches(password, None if found is None else found.password_hash)
    if found is None or not matches:
        raise BadLoginError
    scope = await enter_tenant(session, found.institution_id)
    user = (
        await session.scalars(scope.select(User).where(User.id == found.user_id).with_for_update())
    ).one()
    if found.has_totp:
        await _check_second_factor(scope, user, code, now, keyring)
    await forgive(session, username)
    return await start_login(scope, user, now, rules, caller)


async def _check_second_factor(
    scope: TenantScope, user: User, code: str | None, now: datetime, keyring: Keyring
) -> None:
    if not code:
        raise SecondFactorError("second_factor_needed", "Enter the code of your authenticator.")
    if second_factor.code_matches(keyring, user, code.replace(" ", ""), now):
        return
    if not await second_factor.use_recovery_code(scope, user, code, now):
        raise SecondFactorError("bad_second_factor", "This code is wrong or was used before.")
    actor = Actor("user", user.id, user.display_name, user.role)
    record(scope, actor, Action.RECOVERY_CODE_USED, now)


async def start_login(
    scope: TenantScope,
    user: User,
    now: datetime,
    rules: Rules,
    caller: Caller,
    *,
    by: SignedInBy = "password",
) -> tuple[Principal, str]:
    """A session for someone who has proved who they are."""
    token = new_token()
    life = rules.lives[Role(user.role)]
    login = UserSession(
        id=uuid.uuid4(),
        institution_id=scope.institution_id,
        user_id=user.id,
        token_hash=token_hash(token),
        created_at=now,
        last_used_at=now,
        expires_at=now + min(life.idle, life.longest),
        user_agent=caller.user_agent.replace("\x00", "")[:_MAX_AGENT_CHARS],
        address=caller.address,
        signed_in_by=by,
    )
    scope.session.add(login)
    principal = Principal(scope, user, login, now, restriction=restriction_of(user, rules, by))
    detail = {"user_agent": login.user_agent, **({} if by == "password" else {"by": by})}
    record(scope, principal.actor, Action.LOGGED_IN, now, detail=detail)
    return principal, token


async def note_failed_login(database: Database, username: str, why: str, now: datetime) -> None:
    """Write a failed login into the audit of the user's institution, if there is such a user."""
    async with database.transaction() as session:
        found = (
            await session.execute(text("SELECT * FROM auth_login(:name)"), {"name": username})
        ).one_or_none()
        if found is not None:
            scope = await enter_tenant(session, found.institution_id)
            actor = Actor("user", found.user_id, username)
            record(scope, actor, Action.LOGIN_FAILED, now, detail={"why": why})


async def principal_of(
    session: AsyncSession, token: str | None, now: datetime, rules: Rules
) -> Principal:
    """Who a session token stands for; its use extends it. Raises NotLoggedInError."""
    if not token:
        raise NotLoggedInError
    found = (
        await session.execute(
            # Who it is and that the transaction is theirs, in one go: every request pays for it.
            text(
                "SELECT found.*, set_config('app.institution_id', institution_id::text, true)"
                " FROM auth_session(:hash, :now) AS found"
            ),
            {"hash": token_hash(token), "now": now},
        )
    ).one_or_none()
    if found is None:
        raise NotLoggedInError
    scope = TenantScope(session, found.institution_id)
    statement = (
        scope.select(UserSession)
        .join(User, User.id == UserSession.user_id)
        .where(UserSession.id == found.session_id, User.institution_id == scope.institution_id)
        .add_columns(User)
    )
    login, user = (await session.execute(statement)).one()
    extend_login(login, user, now, rules)
    restriction = restriction_of(user, rules, login.signed_in_by)
    return Principal(scope, user, login, now, restriction=restriction)


def extend_login(login: UserSession, user: User, now: datetime, rules: Rules) -> None:
    """It is in use: it lasts on, as far as its role's rule allows."""
    if now - login.last_used_at >= _TOUCH_INTERVAL:
        life = rules.lives[Role(user.role)]
        login.last_used_at = now
        login.expires_at = min(now + life.idle, login.created_at + life.longest)


async def log_out(principal: Principal, now: datetime) -> None:
    """End the login, and its live streams."""
    principal.own_login.ended_at = now
    record(principal.scope, principal.actor, Action.LOGGED_OUT, now)
    await wake_streams(principal.scope)


async def end_sessions(
    scope: TenantScope, user_id: uuid.UUID, now: datetime, *, but: uuid.UUID | None = None
) -> int:
    """End all logins of a user here, or all but one; how many."""
    statement = (
        update(UserSession)
        .where(
            UserSession.institution_id == scope.institution_id,
            UserSession.user_id == user_id,
            UserSession.ended_at.is_(None),
            UserSession.id != but if but is not None else UserSession.id.is_not(None),
        )
        .values(ended_at=now)
        .returning(UserSession.id)
    )
    ended = len((await scope.session.execute(statement)).all())
    await wake_streams(scope)
    return ended


async def wake_streams(scope: TenantScope) -> None:
    """Live streams look again at once whether they are still allowed (cloud/live/hub.py)."""
    await scope.session.execute(
        text("SELECT pg_notify('yuyue_live', :payload)"), {"payload": str(scope.institution_id)}
    )


async def institution_name(scope: TenantScope) -> str:
    """The name of the scope's institution."""
    return (await scope.session.get_one(Institution, scope.institution_id)).name


async def add_institution(
    session: AsyncSession,
    name: str,
    now: datetime,
    *,
    organization: str | None = None,
    kind: Literal["care", "bureau"] = "care",
    demo: bool = False,
) -> TenantScope:
    """A new institution, and its scope; one of several of an organization, made where missing."""
    institution_id = uuid.uuid4()
    scope = await enter_tenant(session, institution_id)
    organization_id = None
    if organization is not None:
        organization_id = (
            await session.execute(
                text("SELECT join_organization(:name, :now)"), {"name": organization, "now": now}
            )
        ).scalar_one()
    session.add(
        Institution(
            id=institution_id, name=name, created_at=now, organization_id=organization_id,
            kind=kind, demo=demo,
        )
    )  # fmt: skip
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
    must_change_password: bool = False,
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
        must_change_password=must_change_password,
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
