"""When each device belonged to somebody: remembered between batches, as long as nothing changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import text

from cloud.clock import ns_from_datetime
from cloud.database import TenantScope

_FOREVER_NS: Final = 2**63 - 1
_LOAD: Final = text("""
    SELECT d.device_id, a.valid_from, a.valid_until FROM device d
    LEFT JOIN assignment a USING (institution_id, device_id)
    WHERE d.institution_id = :institution_id AND d.device_id = ANY(:device_ids)
""")

# Half-open, ns. No entry: not a device of the institution.
Intervals = dict[str, list[tuple[int, int]]]
# Of a device that needs no assignment.
ALWAYS: Final = [(0, _FOREVER_NS)]


@dataclass(slots=True)
class _Known:
    version: int
    asked: set[str] = field(default_factory=set)
    intervals: Intervals = field(default_factory=dict)


class IntervalCache:
    """By institution, for one version of its registry: triggers raise that with every change."""

    def __init__(self) -> None:
        self._known: dict[uuid.UUID, _Known] = {}

    async def of(
        self, scope: TenantScope, version: int | None, device_ids: Iterable[str]
    ) -> Intervals:
        """The intervals of the devices, at least; `version` was read in this transaction."""
        known = self._known.get(scope.institution_id)
        if known is None or version is None or known.version != version:
            known = self._known[scope.institution_id] = _Known(-1 if version is None else version)
        missing = set(device_ids) - known.asked
        if missing:
            rows = await scope.session.execute(
                _LOAD,
                {"institution_id": scope.institution_id, "device_ids": sorted(missing)},
            )
            for device_id, begin, end in rows:
                spans = known.intervals.setdefault(device_id, [])
                if begin is not None:
                    until_ns = _FOREVER_NS if end is None else ns_from_datetime(end)
                    spans.append((ns_from_datetime(begin), until_ns))
            known.asked |= missing
        return known.intervals
