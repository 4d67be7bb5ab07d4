"""What the running application holds, and how a request gets at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.clock import Clock
from cloud.crypto import Keyring
from cloud.database import Database
from cloud.errors import ProblemError
from cloud.metrics import Metrics
from cloud.settings import Settings


@dataclass(slots=True)
class AppState:
    """Made once by the application; reached by requests through `get_state`."""

    settings: Settings
    database: Database
    clock: Clock
    metrics: Metrics
    keyring: Keyring


def get_state(request: Request) -> AppState:
    """The application's state."""
    return cast(AppState, request.app.state.yuyue)


State = Annotated[AppState, Depends(get_state)]


async def _transaction(state: State) -> AsyncIterator[AsyncSession]:
    async with state.database.transaction() as session:
        yield session


# scope="function": the commit is done before the answer leaves, so an answer is a promise kept.
# (FastAPI's default would commit after the answer.)
Transaction = Annotated[AsyncSession, Depends(_transaction, scope="function")]


def require_change_header(request: Request) -> None:
    """Changing calls need a header that a cross-site form cannot send."""
    if request.headers.get("X-Yuyue-Request") != "1":
        raise ProblemError(403, "missing_header", "X-Yuyue-Request: must be 1 for a changing call.")


ChangeHeader = Depends(require_change_header)
