"""HTTP for logging in and out, and for one's own account."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from cloud.errors import BadLoginError, Problem, SecondFactorError
from cloud.identity import account
from cloud.identity.auth import (
    PUBLIC,
    AccountOwner,
    caller_of,
    cookie_name,
    rules_of,
    set_session_cookie,
)
from cloud.identity.permissions import Role
from cloud.identity.schemas import (
    CodeIn,
    EnterIn,
    InstitutionOut,
    Login,
    Me,
    PasswordIn,
    ProofIn,
    RecoveryCodesOut,
    SecondFactorOut,
    SessionList,
    SessionOut,
    WorkplaceList,
    WorkplaceOut,
)
from cloud.identity.service import (
    Principal,
    institution_name,
    log_in,
    log_out,
    note_failed_login,
)
from cloud.identity.throttle import count_login_try
from cloud.state import AppState, ChangeHeader, State, Transaction

_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": Problem} for code in (401, 403)
}
_ACCOUNT_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": Problem} for code in (401, 403, 404, 409, 422)
}
router = APIRouter(prefix="/api/v1", tags=["session"], responses=_PROBLEMS)
account_router = APIRouter(prefix="/api/v1/account", tags=["account"], responses=_ACCOUNT_PROBLEMS)


@router.post("/session", dependencies=[PUBLIC, ChangeHeader], responses={429: {"model": Problem}})
async def create_session(
    login: Login, request: Request, response: Response, state: State, session: Transaction
) -> Me:
    """Log in: sets the session cookie. 401 `second_factor_needed`: again, with `code`."""
    now = state.clock.now()
    caller = caller_of(request)
    await count_login_try(state.database, login.username, caller.address, now)
    try:
        principal, token = await log_in(
            session, login.username, login.password, now, rules_of(state.settings),
            keyring=state.keyring, code=login.code, caller=caller,
        )  # fmt: skip
    except (BadLoginError, SecondFactorError) as error:
        if error.code != "second_factor_needed":
            await note_failed_login(state.database, login.username, error.code, now)
        raise
    return await _logged_in(response, state, principal, token)


@router.get("/session")
async def get_session(principal: AccountOwner, state: State) -> Me:
    """Who is logged in, and what they may do."""
    return principal.me(await institution_name(principal.scope), state.clock.now())


@router.delete("/session", status_code=204, dependencies=[ChangeHeader])
async def delete_session(principal: AccountOwner, response: Response, state: State) -> None:
    """Log out: ends the session and its live streams."""
    await log_out(principal, state.clock.now())
    set_session_cookie(response, state.settings, "", None)


@router.put(
    "/session/institution", dependencies=[ChangeHeader], responses={404: {"model": Problem}}
)
async def enter_institution(
    wanted: EnterIn, request: Request, response: Response, principal: AccountOwner, state: State
) -> Me:
    """Go on in another institution of one's own: a new session there, this one ends."""
    rules = rules_of(state.settings)
    old_token = request.cookies.get(cookie_name(state.settings), "")
    entered, token = await account.enter_institution(
        principal, old_token, wanted.institution_id, rules
    )
    return await _logged_in(response, state, entered, token)


@account_router.get("/institutions")
async def list_own_institutions(
    request: Request, principal: AccountOwner, state: State
) -> WorkplaceList:
    """Where one has an account."""
    token = request.cookies.get(cookie_name(state.settings), "")
    return WorkplaceList(
        institutions=[
            WorkplaceOut(
                institution=InstitutionOut(id=place.institution_id, name=place.name),
                role=Role(place.role),
                current=place.institution_id == principal.scope.institution_id,
            )
            for place in await account.workplaces(principal, token)
        ]
    )


@account_router.get("/sessions")
async def list_own_sessions(principal: AccountOwner) -> SessionList:
    """One's open logins: is there one that is not mine?"""
    return SessionList(
        sessions=[
            SessionOut(
                id=login.id,
                created_at=login.created_at,
                last_used_at=login.last_used_at,
                expires_at=login.expires_at,
                user_agent=login.user_agent,
                address=login.address,
                current=login.id == principal.own_login.id,
            )
            for login in await account.own_sessions(principal)
        ]
    )


@account_router.delete("/sessions/{session_id}", status_code=204, dependencies=[ChangeHeader])
async def revoke_own_session(session_id: UUID, principal: AccountOwner) -> None:
    """End one of one's logins."""
    await account.revoke_session(principal, session_id)


@account_router.put("/password", status_code=204, dependencies=[ChangeHeader])
async def change_own_password(
    wanted: PasswordIn, request: Request, principal: AccountOwner, state: State
) -> None:
    """A new password; one's other logins end."""
    await _slow_down(request, principal, state)
    await account.change_password(principal, wanted.password, wanted.new_password)


@account_router.post("/second-factor", dependencies=[ChangeHeader])
async def begin_own_second_factor(
    proof: ProofIn, request: Request, principal: AccountOwner, state: State
) -> SecondFactorOut:
    """A secret to scan; it counts once confirmed."""
    await _slow_down(request, principal, state)
    begun = await account.begin_second_factor(principal, proof.password, state.keyring)
    return SecondFactorOut(secret=begun.secret, uri=begun.uri, qr_svg=begun.qr_svg)


@account_router.post("/second-factor/confirm", dependencies=[ChangeHeader])
async def confirm_own_second_factor(
    wanted: CodeIn, request: Request, principal: AccountOwner, state: State
) -> RecoveryCodesOut:
    """The first code: from now on logging in asks for one."""
    await _slow_down(request, principal, state)
    codes = await account.confirm_second_factor(principal, wanted.code, state.keyring)
    return RecoveryCodesOut(recovery_codes=codes)


@account_router.post("/second-factor/remove", status_code=204, dependencies=[ChangeHeader])
async def remove_own_second_factor(
    proof: ProofIn, request: Request, principal: AccountOwner, state: State
) -> None:
    """Logging in asks for the password only."""
    await _slow_down(request, principal, state)
    await account.remove_own_second_factor(principal, proof.password)


async def _slow_down(request: Request, principal: Principal, state: AppState) -> None:
    """Guessing a password from an open screen is guessing too."""
    name = f"{principal.user.username} (own account)"
    await count_login_try(state.database, name, caller_of(request).address, principal.at)


async def _logged_in(response: Response, state: AppState, principal: Principal, token: str) -> Me:
    set_session_cookie(response, state.settings, token, principal.role)
    return principal.me(await institution_name(principal.scope), state.clock.now())
