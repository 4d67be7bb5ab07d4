"""Guessing at the door is slowed down: by user name and by address, more with every round.

Nobody is locked out for good: a stranger who only knows a night nurse's user name must not be able
to keep her from her desk. Logins that exist go on; an administrator lifts a wait at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import case, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.database import Database
from cloud.errors import TooManyTriesError
from cloud.identity.models import LoginThrottle
from cloud.identity.secrets import token_hash

# Ten guesses in five minutes: far from guessing, still kind to someone with cold fingers.
MAX_TRIES_PER_USERNAME: Final = 10
# Everyone of a nursing home may come from one address.
MAX_TRIES_PER_ADDRESS: Final = 100
THROTTLE_WINDOW: Final = timedelta(minutes=5)
# Every window used up doubles the next: 5, 10, 20, 40, 80 min. 10 guesses in 80 min are 180 a day.
MAX_STRIKES: Final = 4
_FORGOTTEN_AFTER: Final = timedelta(days=1)


async def count_login_try(database: Database, username: str, address: str, now: datetime) -> None:
    """Count a try before it is judged, in its own transaction. Raises TooManyTriesError."""
    by_address = (_address_key(address), MAX_TRIES_PER_ADDRESS)
    await _count_all(database, ((_user_key(username), MAX_TRIES_PER_USERNAME), by_address), now)


async def count_address_try(database: Database, address: str, now: datetime) -> None:
    """The same where no user name is known yet. Raises TooManyTriesError."""
    await _count_all(database, ((_address_key(address), MAX_TRIES_PER_ADDRESS),), now)


async def _count_all(database: Database, limits: Sequence[tuple[str, int]], now: datetime) -> None:
    async with database.transaction() as session:
        await session.execute(
            delete(LoginThrottle).where(LoginThrottle.window_started_at < now - _FORGOTTEN_AFTER)
        )
        tries = [(await _count(session, key, limit, now), limit) for key, limit in limits]
    for (failures, started_at, strikes), limit in tries:
        if failures > limit:
            until = started_at + THROTTLE_WINDOW * 2**strikes
            wait_s = round((until - now).total_seconds())
            raise TooManyTriesError("Too many failed logins; wait a little.", max(1, wait_s))


async def _count(
    session: AsyncSession, key: str, limit: int, now: datetime
) -> tuple[int, datetime, int]:
    table = LoginThrottle
    window = func.make_interval(0, 0, 0, 0, 0, 0, THROTTLE_WINDOW.total_seconds())
    over = table.window_started_at + window * func.power(2, table.strikes) < now
    used_up = table.failures >= limit
    statement = (
        insert(table)
        .values(key=token_hash(key), failures=1, window_started_at=now, strikes=0)
        .on_conflict_do_update(
            index_elements=[table.key],
            set_={
                "failures": case((over, 1), else_=table.failures + 1),
                "window_started_at": case((over, now), else_=table.window_started_at),
                "strikes": case(
                    (over & used_up, func.least(table.strikes + 1, MAX_STRIKES)),
                    else_=table.strikes,
                ),
            },
        )
        .returning(table.failures, table.window_started_at, table.strikes)
    )
    row = (await session.execute(statement)).one()
    return int(row[0]), row[1], int(row[2])


async def forgive(session: AsyncSession, username: str) -> None:
    """Forget the tries on a user name: they got in, or an administrator vouches for them."""
    await session.execute(
        delete(LoginThrottle).where(LoginThrottle.key == token_hash(_user_key(username)))
    )


def _address_key(address: str) -> str:
    return f"address:{address}"


def _user_key(username: str) -> str:
    return f"user:{username.casefold()}"
