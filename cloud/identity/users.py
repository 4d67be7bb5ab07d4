"""Rules of users: who may make whom, which units they serve, and how they are let go."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import delete, func, text
from sqlalchemy.exc import IntegrityError

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, NotFoundError, ProblemError
from cloud.etag import require_version
from cloud.identity import second_factor
from cloud.identity.models import User, UserUnit
from cloud.identity.permissions import Role
from cloud.identity.secrets import hash_password, new_password
from cloud.identity.service import Principal, end_sessions
from cloud.identity.throttle import forgive

# Whom a role may make, change and let go. A manager does not touch administrators, nor the
# district's people, who are not of the house.
MAY_APPOINT: Final[Mapping[Role, frozenset[Role]]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Role),
        Role.MANAGER: frozenset(Role) - {Role.ADMIN, Role.DISTRICT_VIEWER},
    }
)


@dataclass(frozen=True, slots=True)
class NewUser:
    """What is wanted of a new user, or of a colleague's account in a further institution."""

    username: str
    name: str
    role: Role
    unit_ids: Collection[uuid.UUID] = ()
    oidc_subject: str | None = None


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to be changed; None: left as it is."""

    name: str | None = None
    role: Role | None = None
    unit_ids: Collection[uuid.UUID] | None = None
    oidc_subject: str | None = None


async def create_user(principal: Principal, wanted: NewUser) -> tuple[User, str]:
    """A new user and the password to tell them, which they must change. Raises ConflictError."""
    _may_appoint(principal, wanted.role)
    password = new_password()
    user = User(
        id=uuid.uuid4(),
        institution_id=principal.scope.institution_id,
        username=wanted.username,
        display_name=wanted.name,
        role=wanted.role,
        password_hash=await hash_password(password),
        created_at=principal.at,
        must_change_password=True,
        oidc_subject=wanted.oidc_subject,
    )
    await _add(principal, user, wanted.unit_ids)
    return user, password


async def link_colleague(principal: Principal, wanted: NewUser) -> User:
    """An account here for someone of another institution of our organization.

    They enter it from their own login. Raises NotFoundError, ConflictError.
    """
    _may_appoint(principal, wanted.role)
    found = (
        await principal.scope.session.execute(
            text("SELECT * FROM colleague_account(:name)"), {"name": wanted.username}
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError("colleague in another institution of your organization")
    user = User(
        id=uuid.uuid4(),
        institution_id=principal.scope.institution_id,
        username=wanted.username,
        display_name=found.display_name,
        role=wanted.role,
        password_hash="",
        created_at=principal.at,
        home_account_id=found.user_id,
    )
    await _add(principal, user, wanted.unit_ids)
    return user


async def _add(principal: Principal, user: User, unit_ids: Collection[uuid.UUID]) -> None:
    scope = principal.scope
    try:
        async with scope.savepoint():
            scope.session.add(user)
            await scope.session.flush()
    except IntegrityError as error:
        raise _taken(error) from error
    await _set_units(scope, user, unit_ids)
    record(
        scope, principal.actor, Action.USER_CREATED, principal.at, subject=("user", user.id),
        detail={
            "username": user.username, "name": user.display_name, "role": user.role,
            "unit_ids": list(unit_ids), "linked": user.home_account_id is not None,
        },
    )  # fmt: skip


async def find_account(scope: TenantScope, user_id: uuid.UUID) -> User:
    """Raises NotFoundError."""
    user = (await scope.session.scalars(scope.select(User).where(User.id == user_id))).one_or_none()
    if user is None:
        raise NotFoundError("user")
    return user


async def change_user(
    principal: Principal, user_id: uuid.UUID, change: UserChange, if_match: str | None
) -> User:
    """Name, role, units. Raises NotFoundError, ProblemError 403, 409, 412, 428."""
    scope = principal.scope
    user = await to_act_on(principal, user_id)
    require_version(if_match, user.version)
    changes: dict[str, tuple[object, object]] = {}
    if change.name is not None:
        changes["name"] = (user.display_name, change.name)
        user.display_name = change.name
    if change.role is not None and change.role != user.role:
        _may_appoint(principal, change.role)
        if user.id == principal.user.id:
            raise ProblemError(409, "own_role", "body.role: nobody changes their own role.")
        await _not_the_last_admin(scope, user)
        changes["role"] = (user.role, change.role)
        user.role = change.role
    if change.oidc_subject is not None:
        changes["oidc_subject"] = (user.oidc_subject, change.oidc_subject or None)
        user.oidc_subject = change.oidc_subject or None
    if change.unit_ids is not None:
        before = (await units_of(scope, [user.id])).get(user.id, [])
        changes["unit_ids"] = (sorted(before), sorted(change.unit_ids))
        await _set_units(scope, user, change.unit_ids)
    user.version += 1
    try:
        async with scope.savepoint():
            await scope.session.flush()
    except IntegrityError as error:
        raise _taken(error) from error
    record(
        scope, principal.actor, Action.USER_CHANGED, principal.at, subject=("user", user.id),
        changes=changes,
    )  # fmt: skip
    return user


async def disable_user(principal: Principal, user_id: uuid.UUID) -> User:
    """Out at once, everywhere. Their acts stay theirs. Raises NotFoundError, ProblemError."""
    user = await to_act_on(principal, user_id)
    if user.id == principal.user.id:
        raise ProblemError(409, "own_account", "Nobody disables their own account.")
    if user.disabled_at is None:
        await _not_the_last_admin(principal.scope, user)
        user.disabled_at = principal.at
        user.version += 1
        await end_sessions(principal.scope, user.id, principal.at)
        _note(principal, Action.USER_DISABLED, user)
    return user


async def enable_user(principal: Principal, user_id: uuid.UUID) -> User:
    """In again, with the password they had. Raises NotFoundError, ProblemError."""
    user = await to_act_on(principal, user_id)
    if user.disabled_at is not None:
        user.disabled_at = None
        user.version += 1
        _note(principal, Action.USER_ENABLED, user)
    return user


async def reset_password(principal: Principal, user_id: uuid.UUID) -> tuple[User, str]:
    """A new password to tell them, which they must change; their logins end."""
    user = await to_act_on(principal, user_id)
    if user.home_account_id is not None:
        raise ProblemError(409, "linked_account", "Its password is that of the home institution.")
    password = new_password()
    user.password_hash = await hash_password(password)
    user.must_change_password = True
    user.version += 1
    await end_sessions(principal.scope, user.id, principal.at)
    await forgive(principal.scope.session, user.username)
    _note(principal, Action.PASSWORD_RESET, user)
    return user, password


async def remove_second_factor(principal: Principal, user_id: uuid.UUID) -> User:
    """For someone whose phone and recovery codes are gone; their logins end."""
    user = await to_act_on(principal, user_id)
    if user.totp_sealed is not None:
        user.totp_sealed = user.totp_confirmed_at = None
        user.version += 1
        await second_factor.forget_recovery_codes(principal.scope, user)
        await end_sessions(principal.scope, user.id, principal.at)
        _note(principal, Action.TOTP_REMOVED, user)
    return user


async def units_of(
    scope: TenantScope, user_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """The units of users; who has none serves the whole institution."""
    rows = await scope.session.scalars(
        scope.select(UserUnit).where(UserUnit.user_id.in_(user_ids)).order_by(UserUnit.unit_id)
    )
    found: dict[uuid.UUID, list[uuid.UUID]] = {}
    for row in rows:
        found.setdefault(row.user_id, []).append(row.unit_id)
    return found


async def _set_units(scope: TenantScope, user: User, unit_ids: Collection[uuid.UUID]) -> None:
    await scope.session.execute(
        delete(UserUnit).where(
            UserUnit.institution_id == scope.institution_id, UserUnit.user_id == user.id
        )
    )
    try:
        async with scope.savepoint():
            for unit_id in set(unit_ids):
                scope.session.add(
                    UserUnit(institution_id=scope.institution_id, user_id=user.id, unit_id=unit_id)
                )
            await scope.session.flush()
    except IntegrityError as error:
        raise BadFieldError("unit_ids", "there is no such unit here") from error


async def to_act_on(principal: Principal, user_id: uuid.UUID) -> User:
    """A user whom the principal manages, or themselves. Raises NotFoundError, ProblemError."""
    user = await find_account(principal.scope, user_id)
    if user.id != principal.user.id:
        _may_appoint(principal, Role(user.role))
    return user


def _may_appoint(principal: Principal, role: Role) -> None:
    if role not in MAY_APPOINT.get(principal.role, frozenset()):
        raise ProblemError(
            403, "not_yours_to_appoint", f"A {principal.role} does not manage users of role {role}."
        )


async def _not_the_last_admin(scope: TenantScope, user: User) -> None:
    if user.role != Role.ADMIN:
        return
    others = (
        scope.select(User)
        .where(User.role == Role.ADMIN, User.id != user.id, User.disabled_at.is_(None))
        .with_only_columns(func.count())
    )
    if not await scope.session.scalar(others):
        raise ProblemError(409, "last_admin", "This is the last administrator: make another first.")


def _taken(error: IntegrityError) -> ConflictError:
    if "oidc_subject" in str(error.orig):
        return ConflictError("oidc_subject", "another user has this identity already")
    return ConflictError("username", "this user name is taken; user names are unique everywhere")


def _note(principal: Principal, action: Action, user: User) -> None:
    record(
        principal.scope, principal.actor, action, principal.at, subject=("user", user.id),
        detail={"username": user.username},
    )  # fmt: skip
