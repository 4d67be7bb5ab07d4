"""Notices gateways that fall silent or come back, for everybody they watch over."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from cloud.coverage.service import follow_gateways, is_deaf
from cloud.database import TenantScope
from cloud.devices.models import Gateway
from cloud.devices.service import gateway_state

# Somebody new, a device given away: looked for this often beside every change of a gateway.
LOOK_AGAIN: Final = timedelta(seconds=30)


class CoverageWatch:
    """Looks only when a gateway has changed, or after LOOK_AGAIN."""

    def __init__(self) -> None:
        self._seen: dict[uuid.UUID, tuple[datetime, frozenset[tuple[uuid.UUID, str, bool]]]] = {}

    async def look(self, scope: TenantScope, now: datetime) -> int:
        """How many gaps began or ended."""
        rows = await scope.session.scalars(scope.select(Gateway))
        states = frozenset((row.id, str(gateway_state(row, now)), is_deaf(row)) for row in rows)
        looked_at, known = self._seen.get(scope.institution_id, (None, None))
        if looked_at is not None and known == states and now - looked_at < LOOK_AGAIN:
            return 0
        changed = await follow_gateways(scope, now)
        self._seen[scope.institution_id] = (now, states)
        return changed
