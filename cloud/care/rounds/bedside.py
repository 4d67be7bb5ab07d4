"""Whose bedside a check was made at: by whom it names, or by the tag of a bed, at its own time."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_

from cloud.care.rounds.models import BedTag
from cloud.care.rounds.schemas import RoundCheckIn
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.people.models import Stay
from cloud.people.service import elders_by_id
from cloud.places.models import Bed, Room

# A phone that was without a network sends within a shift or two; older is a mistake.
OLDEST_CHECK: Final = timedelta(hours=24)
_CLOCK_AHEAD: Final = timedelta(minutes=2)


def time_of(wanted: RoundCheckIn, now: datetime) -> datetime:
    """When somebody was seen. Raises BadFieldError."""
    at = wanted.at or now
    if not now - OLDEST_CHECK <= at <= now + _CLOCK_AHEAD:
        raise BadFieldError("at", "打卡时间应在最近 24 小时内")
    return min(at, now)


@dataclass(frozen=True, slots=True)
class Bedside:
    """Where a check was made. `until` None: the stay still goes on."""

    elder_id: uuid.UUID
    bed_id: uuid.UUID
    unit_id: uuid.UUID
    since: datetime
    until: datetime | None

    def held_at(self, at: datetime) -> bool:
        """Half-open: the moment it ends it is over."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Bedsides:
    """Beds of units within the time that a check may tell of, and what their tags say."""

    stays: Sequence[Bedside]
    tags: Mapping[str, uuid.UUID]

    def whom(self, wanted: RoundCheckIn, at: datetime) -> Bedside:
        """Raises BadFieldError, ConflictError."""
        there = [one for one in self.stays if one.held_at(at)]
        if wanted.tag is None:
            found = next((one for one in there if one.elder_id == wanted.elder_id), None)
            if found is None:
                raise ConflictError("elder_id", "这位老人现在没有住在护理单元的床位上")
            return found
        if wanted.tag not in self.tags:
            raise BadFieldError("tag", "这个标签没有登记在任何床位上")
        found = next((one for one in there if one.bed_id == self.tags[wanted.tag]), None)
        if found is None:
            raise ConflictError("tag", "这张床现在没有人入住")
        return found


async def bedsides(scope: TenantScope, wanted: Sequence[RoundCheckIn], now: datetime) -> Bedsides:
    """Whose beds they can mean. Raises BadFieldError, NotFoundError."""
    if any((one.elder_id is None) == (one.tag is None) for one in wanted):
        raise BadFieldError("elder_id", "elder_id 和 tag 填且只填一个")
    elder_ids = {one.elder_id for one in wanted if one.elder_id is not None}
    if elder_ids - (await elders_by_id(scope, elder_ids)).keys():
        raise NotFoundError("elder")
    named = [one.tag for one in wanted if one.tag is not None]
    tags = {}
    if named:
        rows = await scope.session.scalars(scope.select(BedTag).where(BedTag.tag.in_(named)))
        tags = {row.tag: row.bed_id for row in rows}
    statement = (
        scope.select(Stay)
        .join(Bed, (Bed.institution_id == Stay.institution_id) & (Bed.id == Stay.bed_id))
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .where(
            Room.unit_id.is_not(None),
            or_(Stay.elder_id.in_(elder_ids), Stay.bed_id.in_(tags.values())),
            Stay.valid_from <= now,
            or_(Stay.valid_until.is_(None), Stay.valid_until > now - OLDEST_CHECK),
        )
        .order_by(Room.name, Bed.name)
        .with_only_columns(
            Stay.elder_id, Stay.bed_id, Room.unit_id, Stay.valid_from, Stay.valid_until
        )
    )
    found = (await scope.session.execute(statement)).all()
    stays = [
        Bedside(elder_id, bed_id, unit_id, since, until)
        for elder_id, bed_id, unit_id, since, until in found
        if unit_id is not None  # the query says so too
    ]
    return Bedsides(stays, tags)
