"""HTTP for logging in and out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy import text

from cloud.errors import Problem
from cloud.identity.auth import PUBLIC, AccountOwner, cookie_name, session_life
from cloud.identity.schemas import Login, Me
from cloud.identity.service import count_login_try, institution_name, log_in, log_out
from cloud.settings import Settings
from cloud.state import ChangeHeader, State, Transaction

router = APIRouter(prefix="/api/v1", tags=["session"])


@router.post(
    "/session",
    dependencies=[PUBLIC, ChangeHeader],
    responses={401: {"model": Problem}, 429: {"model": Problem}},
)
async def create_session(
    login: Login, request: Request, response: Response, state: State, session: Transaction
) -> Me:
    """Log in: sets the session cookie."""
    now = state.clock.now()
    address = request.client.host if request.client else ""
    await count_login_try(state.database, login.username, address, now)
    life = session_life(state.settings)
    principal, token = await log_in(session, login.username, login.password, now, life)
    _set_cookie(response, state.settings, token, round(life.longest.total_seconds()))
    return principal.me(await institution_name(principal.scope), now)


@router.get("/session", responses={401: {"model": Problem}})
async def get_session(principal: AccountOwner, state: State) -> Me:
    """Who is logged in."""
    return principal.me(await institution_name(principal.scope), state.clock.now())


@router.delete(
    "/session", status_code=204, dependencies=[ChangeHeader], responses={401: {"model": Problem}}
)
async def delete_session(principal: AccountOwner, response: Response, state: State) -> None:
    """Log out: ends the session and its live streams."""
    await log_out(principal, state.clock.now())
    # Streams of this session look again at once (cloud/live/hub.py).
    await principal.scope.session.execute(
        text("SELECT pg_notify('yuyue_live', :payload)"),
        {"payload": str(principal.scope.institution_id)},
    )
    _set_cookie(response, state.settings, "", 0)


def _set_cookie(response: Response, settings: Settings, token: str, max_age_s: int) -> None:
    response.set_cookie(
        cookie_name(settings), token, max_age=max_age_s, path="/", httponly=True,
        samesite="strict", secure=settings.cookie_secure,
    )  # fmt: skip
