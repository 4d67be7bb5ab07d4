"""Whose a device was when, asked from the elder's side: the way back from assignment to data."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_

from cloud.clock import ns_from_datetime
from cloud.database import TenantScope
from cloud.devices.models import Assignment
from cloud.people.service import stays_of


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
    stays = await stays_of(scope, elder_id)
    wanted = or_(
        Assignment.elder_id == elder_id, Assignment.bed_id.in_({stay.bed_id for stay in stays})
    )
    spans: list[DeviceSpan] = []
    for row in await scope.session.scalars(scope.select(Assignment).where(wanted)):
        own = row.elder_id is not None
        times = [(row.valid_from, row.valid_until)] if own else [
            (max(row.valid_from, stay.valid_from), _earlier(row.valid_until, stay.valid_until))
            for stay in stays if stay.bed_id == row.bed_id
        ]  # fmt: skip
        for begin, end in times:
            begin_ns = max(from_ns, ns_from_datetime(begin))
            end_ns = until_ns if end is None else min(until_ns, ns_from_datetime(end))
            if begin_ns < end_ns:
                spans.append(DeviceSpan(row.device_id, begin_ns, end_ns))
    return sorted(spans, key=lambda span: (span.device_id, span.from_ns))


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    known = [moment for moment in (one, other) if moment is not None]
    return min(known, default=None)
