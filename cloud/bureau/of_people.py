"""Who had a bed when, and who was away: what several indicators are set against."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_

from cloud.bureau.tally import Interval, Span, merged
from cloud.care.leave.models import ElderLeave
from cloud.coverage.models import WatchPause
from cloud.database import TenantScope
from cloud.people.models import Stay
from cloud.places.models import Bed, Room


@dataclass(frozen=True, slots=True)
class InBed:
    """A stay, clipped to nothing. `unit_id` None: at home."""

    elder_id: uuid.UUID
    bed_id: uuid.UUID
    room_id: uuid.UUID
    unit_id: uuid.UUID | None
    begin: datetime
    end: datetime | None

    def covers(self, at: datetime) -> bool:
        """Half-open: the moment it ends it is over."""
        return self.begin <= at and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class People:
    """Of a span."""

    stays: list[InBed]
    away: Mapping[uuid.UUID, list[Interval]]

    def occupied(self, span: Span) -> dict[object, int]:
        """Beds with somebody in them at the end of each day."""
        return {day: len(self.at_end(span, day)) for day in span.days()}

    def at_end(self, span: Span, day: date) -> set[uuid.UUID]:
        """Who had a bed at the end of a day."""
        at = span.end_of(day)
        return {stay.elder_id for stay in self.stays if stay.covers(at)}


async def people_of(scope: TenantScope, span: Span) -> People:
    """Everybody with a bed in the span."""
    statement = (
        scope.select(Stay)
        .join(Bed, (Bed.institution_id == Stay.institution_id) & (Bed.id == Stay.bed_id))
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .where(
            Stay.valid_from <= span.end,
            or_(Stay.valid_until.is_(None), Stay.valid_until > span.begin),
        )
        .order_by(Stay.valid_from, Stay.id)
        .with_only_columns(
            Stay.elder_id, Stay.bed_id, Room.id, Room.unit_id, Stay.valid_from, Stay.valid_until
        )
    )
    stays = [InBed(*row) for row in (await scope.session.execute(statement)).all()]
    return People(stays, await _away(scope, span))


async def _away(scope: TenantScope, span: Span) -> dict[uuid.UUID, list[Interval]]:
    """On leave until back (a planned return is no return), or in hospital as the pause says."""
    found: dict[uuid.UUID, list[Interval]] = defaultdict(list)
    leaves = await scope.session.scalars(
        scope.select(ElderLeave).where(
            ElderLeave.out_at < span.end,
            or_(ElderLeave.back_at.is_(None), ElderLeave.back_at > span.begin),
        )
    )
    for leave in leaves:
        found[leave.elder_id].append((leave.out_at, leave.back_at or span.end))
    pauses = await scope.session.scalars(
        scope.select(WatchPause).where(
            WatchPause.reason == "hospital", WatchPause.from_at < span.end,
            WatchPause.until_at > span.begin,
        )
    )  # fmt: skip
    for pause in pauses:
        # Ended before we kept when: not believed to have lasted.
        ended = pause.ended_at if pause.ended_by else pause.until_at
        if ended is not None:
            found[pause.elder_id].append((pause.from_at, min(ended, pause.until_at)))
    return {elder_id: merged(intervals) for elder_id, intervals in found.items()}
