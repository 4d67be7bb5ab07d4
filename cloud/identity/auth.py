"""How a route asks for the person behind a request."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from cloud.identity.service import Principal, SessionLife, principal_of
from cloud.settings import Settings
from cloud.state import State, Transaction


def cookie_name(settings: Settings) -> str:
    """`__Host-` makes browsers refuse the cookie from anywhere but this host over TLS."""
    return "__Host-yuyue_session" if settings.cookie_secure else "yuyue_session"


def session_life(settings: Settings) -> SessionLife:
    """How long logins last."""
    return SessionLife(
        timedelta(hours=settings.session_idle_h), timedelta(hours=settings.session_lifetime_h)
    )


async def _current_principal(request: Request, state: State, session: Transaction) -> Principal:
    token = request.cookies.get(cookie_name(state.settings))
    return await principal_of(session, token, state.clock.now(), session_life(state.settings))


CurrentPrincipal = Annotated[Principal, Depends(_current_principal)]
