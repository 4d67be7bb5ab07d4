"""What a gateway may take in from each device: what the person behind it agreed to."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import aliased

from cloud.database import TenantScope
from cloud.devices.service import DescribedDevice
from cloud.people.family import purposes_in_force
from cloud.people.models import Stay
from cloud.people.service import covers
from cloud.places.models import Bed, Room
from edge.consent import DataKind

_KINDS: Final = frozenset(kind.value for kind in DataKind)


async def allowed_kinds(
    scope: TenantScope, devices: Sequence[DescribedDevice], now: datetime
) -> dict[str, list[str]]:
    """By device; left out: no person is meant. In a home its residents are meant by every room."""
    at_home = await _home_residents(scope, {d.room_id for d in devices if d.room_id}, now)
    meant: dict[str, frozenset[uuid.UUID]] = {}
    for item in devices:
        if item.elder_id is not None:
            meant[item.device.device_id] = frozenset({item.elder_id})
        elif item.room_id in at_home:
            meant[item.device.device_id] = at_home[item.room_id]
    everybody = {elder_id for elders in meant.values() for elder_id in elders}
    agreed = await purposes_in_force(scope, everybody, now)
    return {
        device_id: sorted(_KINDS.intersection(*(agreed[elder_id] for elder_id in elders)))
        for device_id, elders in meant.items()
    }


async def _home_residents(
    scope: TenantScope, room_ids: set[uuid.UUID], now: datetime
) -> dict[uuid.UUID | None, frozenset[uuid.UUID]]:
    """Who lives in the home a room belongs to; rooms of units are left out."""
    if not room_ids:
        return {}
    bedroom = aliased(Room)
    statement = (
        scope.select(Stay)
        .join(Bed, (Bed.institution_id == Stay.institution_id) & (Bed.id == Stay.bed_id))
        .join(bedroom, bedroom.id == Bed.room_id)
        .join(Room, Room.home_id == bedroom.home_id)
        .where(*covers(now), Room.id.in_(room_ids))
        .with_only_columns(Room.id, Stay.elder_id)
    )
    found: dict[uuid.UUID | None, set[uuid.UUID]] = defaultdict(set)
    for room_id, elder_id in await scope.session.execute(statement):
        found[room_id].add(elder_id)
    return {room_id: frozenset(elders) for room_id, elders in found.items()}
