"""How a route asks for the person behind a request, and says what they must be allowed to.

Every route of the API states its access, or tests/cloud/test_access.py fails: a permission
(`requires(...)`), or one of the marks `PUBLIC` (answers anybody) and `GATEWAY` (a gateway's
token, cloud/devices/auth.py). A module names its own alias:

    AlertReader = Annotated[Principal, requires(Permission.ALERTS_READ)]

    @router.get("/alerts")
    async def list_alerts(principal: AlertReader) -> AlertList: ...

A GET with `{elder_id}` in its path and a permission of HEALTH_READS is written into the audit by
itself. A call that shows a record by another way (a list, a search, an alert) says so with
cloud.audit.service.record_read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant

from cloud.audit.service import record_read
from cloud.errors import ForbiddenError, ProblemError
from cloud.identity.permissions import HEALTH_READS, Permission, Role
from cloud.identity.service import Caller, Principal, Rules, SessionLife, principal_of
from cloud.identity.tokens import principal_of_token
from cloud.settings import Settings
from cloud.state import State, Transaction

# Desks have settings of their own: a wall screen is used all the time and stays. The others (D):
# an office computer is left open over lunch, not over night; a family's phone is their own.
_OFFICE: Final = SessionLife(timedelta(hours=2), timedelta(hours=12))
_ADMIN: Final = SessionLife(timedelta(hours=1), timedelta(hours=12))
_PHONE: Final = SessionLife(timedelta(days=30), timedelta(days=90))


def cookie_name(settings: Settings) -> str:
    """`__Host-` makes browsers refuse the cookie from anywhere but this host over TLS."""
    return "__Host-yuyue_session" if settings.cookie_secure else "yuyue_session"


def set_session_cookie(
    response: Response, settings: Settings, token: str, role: Role | None
) -> None:
    """The login's token to the browser; without a role it is taken away."""
    life_s = 0.0 if role is None else rules_of(settings).lives[role].longest.total_seconds()
    response.set_cookie(
        cookie_name(settings), token, max_age=round(life_s), path="/", httponly=True,
        samesite="strict", secure=settings.cookie_secure,
    )  # fmt: skip


def caller_of(request: Request) -> Caller:
    """Where a call comes from."""
    address = request.client.host if request.client else ""
    return Caller(request.headers.get("User-Agent", ""), address)


def rules_of(settings: Settings) -> Rules:
    """How long logins last, by role, and who needs a second factor."""
    desk = SessionLife(
        timedelta(hours=settings.session_idle_h), timedelta(hours=settings.session_lifetime_h)
    )
    lives = dict.fromkeys(Role, _OFFICE) | {
        Role.DUTY: desk,
        Role.HEAD_NURSE: desk,
        Role.FAMILY: _PHONE,
        Role.ADMIN: _ADMIN,
    }
    return Rules(lives, settings.admins_need_totp)


async def _current_principal(request: Request, state: State, session: Transaction) -> Principal:
    now, rules = state.clock.now(), rules_of(state.settings)
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await principal_of_token(session, bearer.strip(), now, rules)
    token = request.cookies.get(cookie_name(state.settings))
    return await principal_of(session, token, now, rules)


# Not for routes: they say what they require.
_CurrentPrincipal = Annotated[Principal, Depends(_current_principal)]


@dataclass(frozen=True, slots=True)
class Access:
    """What a route says of who may call it."""

    kind: str  # permission, public or gateway
    any_of: frozenset[Permission] = frozenset()


# Whether this person may come near what an id in the path names; raises if not. The application
# has one each for `elder_id`, `home_id` and `alert_id` (cloud/app.py).
PathGuard = Callable[[Principal, UUID], Awaitable[None]]
# To open a record with a reason one need not be of its unit; its family asks by its own rules.
_UNGUARDED: Final = frozenset({Permission.BREAK_GLASS, Permission.FAMILY_READ})
_ACCESS: Final[dict[Callable[..., Any], Access]] = {}


def requires(*any_of: Permission) -> Any:
    """A dependency: the principal, who has at least one of these. 401 without a login, else 403."""
    if not any_of:
        raise ValueError("requires(): name a permission")
    wanted = frozenset(any_of)

    async def principal_who_may(request: Request, principal: _CurrentPrincipal) -> Principal:
        if not wanted & principal.permissions:
            raise _refusal(principal, wanted)
        if not wanted & _UNGUARDED:
            await _guard_path(request, principal)
        if wanted & HEALTH_READS:
            _note_look(request, principal)
        return principal

    return _marked(principal_who_may, Access("permission", wanted))


def _refusal(principal: Principal, wanted: frozenset[Permission]) -> ProblemError:
    if principal.restriction == "password_change":
        return ProblemError(403, "password_change_needed", "Choose a password of your own first.")
    if principal.restriction == "second_factor":
        detail = "Set up a second factor first: administrators here need one."
        return ProblemError(403, "second_factor_setup_needed", detail)
    return ForbiddenError(sorted(wanted))


async def _guard_path(request: Request, principal: Principal) -> None:
    guards: Mapping[str, PathGuard] = request.app.state.path_guards
    for name, guard in guards.items():
        named = _id_in_path(request, name)
        if named is not None:
            await guard(principal, named)


def _note_look(request: Request, principal: Principal) -> None:
    """A look at one elder's record is written down by itself."""
    elder_id = _id_in_path(request, "elder_id")
    if elder_id is not None and request.method in ("GET", "HEAD"):
        call = getattr(request.scope.get("route"), "name", request.url.path)
        record_read(principal.scope, principal.actor, elder_id, call, principal.at)


def _id_in_path(request: Request, name: str) -> UUID | None:
    try:
        return UUID(str(request.path_params[name]))
    except (KeyError, ValueError):
        return None  # not there, or the route will say so


def _marked(dependency: Callable[..., Awaitable[object]], access: Access) -> Any:
    _ACCESS[dependency] = access
    return Depends(dependency)


async def _anybody() -> None:
    """Nothing is asked."""


async def _a_gateway() -> None:
    """The route itself asks for the gateway's token."""


PUBLIC: Final = _marked(_anybody, Access("public"))
GATEWAY: Final = _marked(_a_gateway, Access("gateway"))

AccountOwner = Annotated[Principal, requires(Permission.OWN_ACCOUNT)]


def access_of(dependant: Dependant) -> Iterator[Access]:
    """What a route's dependencies say of its access: exactly one, or the route is wrong."""
    for dependency in dependant.dependencies:
        if dependency.call is not None and dependency.call in _ACCESS:
            yield _ACCESS[dependency.call]
        else:
            yield from access_of(dependency)
