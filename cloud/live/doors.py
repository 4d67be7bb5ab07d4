"""Who may be on the live stream, asked for all screens of an institution at once.

A screen asks before each sign of life, and at once when somebody logs out. What it hears must be
of after it asked (or nearly so); within that, one question to the database answers everybody.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from cloud.clock import Clock
from cloud.database import Database, TenantScope

# Alerts whose screens are remembered: a screen that reads further back asks for itself.
_ALERTS_KEPT: Final = 500


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whom a screen stands for. `units`: those they serve, None for all of the institution."""

    units: frozenset[uuid.UUID] | None


Visitors = Mapping[uuid.UUID, Visitor]
# Those of these logins (or tokens) that may listen.
Admit = Callable[[TenantScope, frozenset[uuid.UUID]], Awaitable[Visitors]]
# Those of these logins who see this alert.
WhoSees = Callable[[TenantScope, frozenset[uuid.UUID], uuid.UUID], Awaitable[frozenset[uuid.UUID]]]


class Doors:
    """Of one institution, in one process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        institution_id: uuid.UUID,
        admit: Admit,
        who_sees: WhoSees,
    ) -> None:
        self._database = database
        self._clock = clock
        self._institution_id = institution_id
        self._admit = admit
        self._who_sees = who_sees
        self._inside: Counter[uuid.UUID] = Counter()
        self._visitors: dict[uuid.UUID, Visitor] = {}
        self._asked_at_s = -float("inf")
        self._asked_of: frozenset[uuid.UUID] = frozenset()
        self._asking: asyncio.Task[None] | None = None
        self._seen: OrderedDict[int, asyncio.Task[tuple[frozenset[uuid.UUID], ...]]] = OrderedDict()

    @contextmanager
    def inside(self, key: uuid.UUID) -> Iterator[None]:
        """A screen of this login is here."""
        self._inside[key] += 1
        try:
            yield
        finally:
            self._inside[key] -= 1
            if not self._inside[key]:
                del self._inside[key]
                self._visitors.pop(key, None)

    async def visitor(self, key: uuid.UUID, not_before_s: float) -> Visitor | None:
        """Whom the login stands for, asked at that time or later; None: it may not listen."""
        while self._asked_at_s < not_before_s or key not in self._asked_of:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            await asyncio.shield(self._asking)
        return self._visitors.get(key)

    async def _ask(self) -> None:
        try:
            began_s, keys = self._clock.monotonic_s(), frozenset(self._inside)
            async with self._database.tenant(self._institution_id) as scope:
                self._visitors = dict(await self._admit(scope, keys))
            self._asked_at_s, self._asked_of = began_s, keys
        finally:
            self._asking = None

    async def sees(self, key: uuid.UUID, position: int, alert_id: uuid.UUID) -> bool:
        """Whether this login may be told of this alert."""
        visitor = self._visitors.get(key)
        if visitor is not None and visitor.units is None:
            return True
        if position not in self._seen:
            limited = frozenset(k for k, who in self._visitors.items() if who.units is not None)
            self._seen[position] = asyncio.create_task(self._ask_of(limited | {key}, alert_id))
            while len(self._seen) > _ALERTS_KEPT:
                self._seen.popitem(last=False)
        try:
            asked, seen_by = await asyncio.shield(self._seen[position])
        except BaseException:
            self._seen.pop(position, None)  # the next to ask tries anew
            raise
        if key not in asked:  # came later
            asked, seen_by = await self._ask_of(frozenset({key}), alert_id)
        return key in seen_by

    async def _ask_of(
        self, keys: frozenset[uuid.UUID], alert_id: uuid.UUID
    ) -> tuple[frozenset[uuid.UUID], ...]:
        async with self._database.tenant(self._institution_id) as scope:
            return keys, await self._who_sees(scope, keys, alert_id)
