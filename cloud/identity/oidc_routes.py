"""HTTP for signing in with the house's own accounts. A person's browser calls these, by links."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import IntegrityError

from cloud.database import Database
from cloud.errors import ProblemError, TooManyTriesError
from cloud.identity import oidc_login
from cloud.identity.auth import PUBLIC, caller_of, rules_of, set_session_cookie
from cloud.identity.oidc import ATTEMPT_LASTS, Identity, OidcError, Provider, new_attempt, opened
from cloud.identity.permissions import Role
from cloud.identity.schemas import OidcWay, WaysIn
from cloud.identity.service import Principal, institution_name
from cloud.identity.throttle import count_address_try
from cloud.settings import Settings
from cloud.state import AppState, State

router = APIRouter(prefix="/api/v1/session", tags=["session"])
_log = structlog.get_logger(__name__)
_HOME = "/"
_Text = Annotated[str | None, Query(max_length=4000)]


@router.get("/ways", dependencies=[PUBLIC])
async def list_ways_in(state: State) -> WaysIn:
    """How one can log in here: always by password; by the house's own accounts if set up."""
    settings = state.settings
    if not settings.oidc_issuer:
        return WaysIn(password=True, oidc=None)
    return WaysIn(
        password=True, oidc=OidcWay(label=settings.oidc_label, start="/api/v1/session/oidc")
    )


@router.get(
    "/oidc", dependencies=[PUBLIC], status_code=302, response_class=RedirectResponse,
    responses={302: {"description": "to the identity provider, or back to the login page"}},
)  # fmt: skip
async def begin_oidc(request: Request, state: State) -> Response:
    """Go to the identity provider."""
    try:
        provider = _provider(request, state)
        attempt = new_attempt(state.clock.now())
        answer = RedirectResponse(await provider.address(attempt), 302)
    except OidcError as error:
        return _back(error)
    answer.set_cookie(
        _cookie_name(state.settings), attempt.sealed(state.keyring), path="/", httponly=True,
        max_age=round(ATTEMPT_LASTS.total_seconds()), secure=state.settings.cookie_secure,
        samesite="lax",  # the way back begins at the provider's page
    )  # fmt: skip
    return answer


@router.get(
    "/oidc/callback", dependencies=[PUBLIC], status_code=302, response_class=RedirectResponse,
    responses={302: {"description": "logged in, or back to the login page with the reason"}},
)  # fmt: skip
async def finish_oidc(
    *,
    request: Request,
    state: State,
    code: _Text = None,
    given_state: Annotated[str, Query(alias="state", max_length=4000)] = "",
    issuer: Annotated[str | None, Query(alias="iss", max_length=4000)] = None,
    error: _Text = None,
) -> Response:
    """The way back from the provider: sets the session cookie as a login by password does."""
    answered = _Answer(code, given_state, issuer, error)
    try:
        principal, token = await _log_in(request, state, answered)
    except OidcError as failed:
        return _back(failed, state.settings)
    except TooManyTriesError:
        return _back(OidcError("oidc_busy", "too many tries from this address"), state.settings)
    answer = RedirectResponse(_HOME, 302)
    _forget_attempt(answer, state.settings)
    set_session_cookie(answer, state.settings, token, principal.role)
    return answer


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the provider sent along with the browser."""

    code: str | None
    state: str
    issuer: str | None
    error: str | None


async def _log_in(request: Request, state: AppState, answered: _Answer) -> tuple[Principal, str]:
    now, caller, provider = state.clock.now(), caller_of(request), _provider(request, state)
    await count_address_try(state.database, caller.address, now)
    sealed = request.cookies.get(_cookie_name(state.settings))
    attempt = opened(sealed, answered.state, state.keyring, now)
    if answered.error or not answered.code:
        raise OidcError("oidc_refused", "the provider refused")
    # No connection to the database is held while the provider thinks.
    identity = await provider.identity(answered.code, answered.issuer, attempt, now)
    await _make_user_if_allowed(state, identity)
    async with state.database.transaction() as session:
        return await oidc_login.log_in_as(session, identity, now, rules_of(state.settings), caller)


async def _make_user_if_allowed(state: AppState, identity: Identity) -> None:
    settings = state.settings
    if not settings.oidc_create_in:
        return
    async with state.database.transaction() as session:
        if await oidc_login.is_known(session, identity.subject):
            return
    institution_id = await _institution(state.database, settings.oidc_create_in)
    role, now = Role(settings.oidc_create_role), state.clock.now()
    with suppress(IntegrityError):  # the same person, in another window, a moment ago
        async with state.database.tenant(institution_id) as scope:
            await oidc_login.create_for(scope, identity, role, now)


async def _institution(database: Database, name: str) -> uuid.UUID:
    for institution_id in await database.institutions():
        async with database.tenant(institution_id) as scope:
            if await institution_name(scope) == name:
                return institution_id
    raise OidcError("oidc_unavailable", "YUYUE_CLOUD_OIDC_CREATE_IN: there is no such institution")


def _provider(request: Request, state: AppState) -> Provider:
    if not state.settings.oidc_issuer:
        raise ProblemError(404, "not_found", "Signing in with other accounts is not set up here.")
    provider: Provider = request.app.state.oidc()
    return provider


def _back(error: OidcError, settings: Settings | None = None) -> Response:
    _log.warning("oidc_failed", code=error.code, why=error.why)
    answer = RedirectResponse(f"/login?{urlencode({'failed': error.code})}", 302)
    if settings is not None:
        _forget_attempt(answer, settings)
    return answer


def _cookie_name(settings: Settings) -> str:
    return "__Host-yuyue_oidc" if settings.cookie_secure else "yuyue_oidc"


def _forget_attempt(answer: Response, settings: Settings) -> None:
    answer.delete_cookie(
        _cookie_name(settings), path="/", httponly=True, secure=settings.cookie_secure,
        samesite="lax",
    )  # fmt: skip
