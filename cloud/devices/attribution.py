"""Whose a device was when, asked from the elder's side: the way back from assignment to data."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from cloud.clock import ns_from_datetime
from cloud.database import TenantScope

# `least` leaves out NULL: an interval without an end ends with the other.
SPANS: Final = """
    SELECT device_id, valid_from, valid_until FROM assignment
    WHERE institution_id = %(institution)s AND elder_id = %(elder)s
    UNION ALL
    SELECT a.device_id, greatest(a.valid_from, s.valid_from), least(a.valid_until, s.valid_until)
    FROM stay s JOIN assignment a ON a.institution_id = s.institution_id AND a.bed_id = s.bed_id
    WHERE s.institution_id = %(institution)s AND s.elder_id = %(elder)s
"""


@dataclass(frozen=True, slots=True)
class DeviceSpan:
    """A device was this elder's over [from_ns, until_ns)."""

    device_id: str
    from_ns: int
    until_ns: int


async def elder_spans(
    scope: TenantScope, elder_id: uuid.UUID, from_ns: int, until_ns: int
) -> list[DeviceSpan]:
    """Devices of an elder within [from_ns, until_ns): their own, and those of their bed."""
    where = {"institution": scope.institution_id, "elder": elder_id}
    spans: list[DeviceSpan] = []
    async with scope.driver_cursor() as cursor:
        await cursor.execute(SPANS, where)
        for device_id, begin, end in await cursor.fetchall():
            begin_ns = max(from_ns, ns_from_datetime(begin))
            end_ns = until_ns if end is None else min(until_ns, ns_from_datetime(end))
            if begin_ns < end_ns:
                spans.append(DeviceSpan(device_id, begin_ns, end_ns))
    return sorted(spans, key=lambda span: (span.device_id, span.from_ns))
