"""One's own account: password, second factor, logins, and the institutions one works for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import cast

from sqlalchemy import text

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.crypto import Keyring
from cloud.database import enter_tenant
from cloud.errors import BadFieldError, NotFoundError, ProblemError
from cloud.identity import second_factor
from cloud.identity.models import User, UserSession
from cloud.identity.passwords import weakness
from cloud.identity.secrets import hash_password, password_matches, token_hash
from cloud.identity.service import (
    Caller,
    Principal,
    Rules,
    SignedInBy,
    end_sessions,
    start_login,
    wake_streams,
)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A second factor to be confirmed with its first code."""

    secret: str
    uri: str
    qr_svg: str


@dataclass(frozen=True, slots=True)
class Workplace:
    """An institution that the person behind a login has an account in."""

    institution_id: uuid.UUID
    name: str
    user_id: uuid.UUID
    role: str


async def change_password(principal: Principal, current: str, new: str) -> None:
    """Other logins of theirs end. Raises BadFieldError, ProblemError."""
    user = principal.user
    await _prove(principal, current)
    wrong = weakness(new, (user.username, user.display_name))
    if wrong is None and new == current:
        wrong = "与原密码相同 the same as before"
    if wrong is not None:
        raise BadFieldError("new_password", wrong)
    user.password_hash = await hash_password(new)
    user.must_change_password = False
    user.password_changed_at = principal.at
    user.version += 1
    await end_sessions(principal.scope, user.id, principal.at, but=principal.own_login.id)
    record(principal.scope, principal.actor, Action.PASSWORD_CHANGED, principal.at)


async def begin_second_factor(principal: Principal, password: str, keyring: Keyring) -> Enrolment:
    """A new secret, not asked for until `confirm_second_factor`. Raises ProblemError."""
    user = principal.user
    await _prove(principal, password)
    if user.totp_confirmed_at is not None:
        raise ProblemError(409, "second_factor_there", "Remove the present second factor first.")
    secret = second_factor.new_secret()
    user.totp_sealed = second_factor.seal_secret(keyring, user.id, secret)
    uri = second_factor.provisioning_uri(secret, user.username)
    return Enrolment(secret, uri, second_factor.qr_svg(uri))


async def confirm_second_factor(principal: Principal, code: str, keyring: Keyring) -> list[str]:
    """From now on logging in asks for a code; the recovery codes, shown once."""
    user = principal.user
    if user.totp_sealed is None or user.totp_confirmed_at is not None:
        raise ProblemError(409, "no_second_factor_begun", "Begin a second factor first.")
    if not second_factor.code_matches(keyring, user, code.replace(" ", ""), principal.at):
        raise BadFieldError("code", "this is not the code of now: is the phone's clock right?")
    user.totp_confirmed_at = principal.at
    user.version += 1
    codes = await second_factor.new_recovery_codes(principal.scope, user)
    await end_sessions(principal.scope, user.id, principal.at, but=principal.own_login.id)
    record(principal.scope, principal.actor, Action.TOTP_ENABLED, principal.at)
    return codes


async def remove_own_second_factor(principal: Principal, password: str) -> None:
    """Logging in asks for the password only. Raises ProblemError."""
    await _prove(principal, password)
    user = principal.user
    if user.totp_sealed is None:
        return
    user.totp_sealed = user.totp_confirmed_at = None
    user.version += 1
    await second_factor.forget_recovery_codes(principal.scope, user)
    record(principal.scope, principal.actor, Action.TOTP_REMOVED, principal.at)


async def _prove(principal: Principal, password: str) -> None:
    """An open screen is not enough to take an account over."""
    if principal.user.home_account_id is not None:
        raise ProblemError(
            409, "linked_account", "Do this in your home institution: the login is kept there."
        )
    if not await password_matches(password, principal.user.password_hash):
        raise BadFieldError("password", "this is not your password")


async def own_sessions(principal: Principal) -> list[UserSession]:
    """One's logins that are open, the newest first."""
    statement = (
        principal.scope.select(UserSession)
        .where(
            UserSession.user_id == principal.user.id,
            UserSession.ended_at.is_(None),
            UserSession.expires_at > principal.at,
        )
        .order_by(UserSession.created_at.desc(), UserSession.id)
    )
    return list(await principal.scope.session.scalars(statement))


async def revoke_session(principal: Principal, session_id: uuid.UUID) -> None:
    """End one of one's logins. Raises NotFoundError."""
    statement = principal.scope.select(UserSession).where(
        UserSession.id == session_id, UserSession.user_id == principal.user.id
    )
    login = (await principal.scope.session.scalars(statement)).one_or_none()
    if login is None:
        raise NotFoundError("session")
    if login.ended_at is None:
        login.ended_at = principal.at
        await wake_streams(principal.scope)
        record(
            principal.scope, principal.actor, Action.SESSION_REVOKED, principal.at,
            subject=("session", session_id),
        )  # fmt: skip


async def workplaces(principal: Principal, token: str) -> list[Workplace]:
    """Where the person behind this login has accounts."""
    rows = await principal.scope.session.execute(
        text("SELECT * FROM auth_accounts(:hash, :now)"),
        {"hash": token_hash(token), "now": principal.at},
    )
    return [Workplace(*row) for row in rows]


async def enter_institution(
    principal: Principal, token: str, institution_id: uuid.UUID, rules: Rules
) -> tuple[Principal, str]:
    """A login in another institution of theirs; this one ends. Raises NotFoundError."""
    places = {place.institution_id: place for place in await workplaces(principal, token)}
    place = places.get(institution_id)
    if place is None:
        raise NotFoundError("institution of yours")
    login = principal.own_login
    login.ended_at = principal.at
    await wake_streams(principal.scope)
    session = principal.scope.session
    await session.flush()
    # Written down where they arrive; two chains in one transaction could wait for each other.
    scope = await enter_tenant(session, institution_id)
    user = (await session.scalars(scope.select(User).where(User.id == place.user_id))).one()
    caller = Caller(login.user_agent, login.address)
    entered, new_token = await start_login(
        scope, user, principal.at, rules, caller, by=cast(SignedInBy, login.signed_in_by)
    )
    record(scope, entered.actor, Action.INSTITUTION_ENTERED, principal.at)
    return entered, new_token
