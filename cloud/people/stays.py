"""Who stays in which bed when: admission, move, leaving, and the past put right."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cloud.conflicts import refusals_named
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.people.models import Elder, Stay
from cloud.people.schemas import LeaveIn, MoveInIn, StayCorrectionIn
from cloud.people.service import covers, elders_by_id, find_elder, stays_of
from cloud.places.models import Bed
from cloud.places.service import bed_names, require_open


@dataclass(frozen=True, slots=True)
class StayChange:
    """What a change touched: these elders and beds, from `since` on."""

    elder_ids: frozenset[uuid.UUID]
    bed_ids: frozenset[uuid.UUID]
    since: datetime


async def move_in(
    scope: TenantScope, elder_id: uuid.UUID, wanted: MoveInIn, now: datetime
) -> tuple[Stay, StayChange]:
    """Admission, or a move: a stay that is open then ends. Raises BadFieldError, ConflictError."""
    elder = await find_elder(scope, elder_id)
    if elder.archived_at is not None:
        raise ConflictError("elder_id", "the record is archived")
    _not_in_future(wanted.at, now)
    await _require_usable(scope, wanted.bed_id)
    before = await _stay_at(scope, elder_id, wanted.at)
    beds = {wanted.bed_id}
    if before is not None:
        if before.bed_id == wanted.bed_id:
            raise ConflictError("bed_id", "the elder has this bed already")
        if before.valid_from == wanted.at:
            raise ConflictError("at", "a stay begins at this very moment; correct that one")
        beds.add(before.bed_id)
        before.valid_until, before.end_reason = wanted.at, "moved"
        await scope.session.flush()
    stay = Stay(
        id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id,
        bed_id=wanted.bed_id, valid_from=wanted.at, note=wanted.note,
    )  # fmt: skip
    async with refusals_named(scope):
        scope.session.add(stay)
    return stay, StayChange(frozenset({elder_id}), frozenset(beds), wanted.at)


async def leave(
    scope: TenantScope, elder_id: uuid.UUID, wanted: LeaveIn, now: datetime
) -> tuple[Stay, StayChange]:
    """The stay of that time ends. Raises ConflictError where there is none."""
    _not_in_future(wanted.at, now)
    stay = await _stay_at(scope, elder_id, wanted.at)
    if stay is None or stay.valid_from == wanted.at:
        raise ConflictError("at", "the elder has no bed at this time")
    stay.valid_until, stay.end_reason = wanted.at, wanted.reason
    stay.note = wanted.note or stay.note
    await scope.session.flush()
    return stay, StayChange(frozenset({elder_id}), frozenset({stay.bed_id}), wanted.at)


async def correct_stay(
    scope: TenantScope, stay_id: uuid.UUID, wanted: StayCorrectionIn, now: datetime
) -> tuple[Stay, StayChange]:
    """The past as it was. Raises NotFoundError, BadFieldError, ConflictError."""
    stay = await find_stay(scope, stay_id)
    _not_in_future(wanted.valid_from, now)
    if wanted.valid_until is not None and wanted.valid_until <= wanted.valid_from:
        raise BadFieldError("valid_until", "must be later than valid_from")
    if wanted.bed_id != stay.bed_id:
        await require_open(scope, Bed, wanted.bed_id, "bed_id")
    since = min(stay.valid_from, wanted.valid_from)
    beds = frozenset({stay.bed_id, wanted.bed_id})
    async with refusals_named(scope):
        stay.bed_id = wanted.bed_id
        stay.valid_from, stay.valid_until = wanted.valid_from, wanted.valid_until
        if wanted.valid_until is None:
            stay.end_reason = None
    return stay, StayChange(frozenset({stay.elder_id}), beds, since)


async def delete_stay(scope: TenantScope, stay_id: uuid.UUID) -> StayChange:
    """A stay that never was. Raises NotFoundError."""
    stay = await find_stay(scope, stay_id)
    change = StayChange(frozenset({stay.elder_id}), frozenset({stay.bed_id}), stay.valid_from)
    await scope.session.delete(stay)
    await scope.session.flush()
    return change


async def find_stay(scope: TenantScope, stay_id: uuid.UUID) -> Stay:
    """Raises NotFoundError."""
    stay = (await scope.session.scalars(scope.select(Stay).where(Stay.id == stay_id))).one_or_none()
    if stay is None:
        raise NotFoundError("stay")
    return stay


async def stay_history(scope: TenantScope, elder_id: uuid.UUID) -> list[tuple[Stay, str]]:
    """All stays of an elder with their places in words, newest first."""
    stays = sorted(await stays_of(scope, elder_id), key=lambda stay: stay.valid_from, reverse=True)
    names = await bed_names(scope, {stay.bed_id for stay in stays})
    return [(stay, names[stay.bed_id].label) for stay in stays]


async def residents(
    scope: TenantScope, now: datetime, bed_ids: Sequence[uuid.UUID] | None = None
) -> dict[uuid.UUID, Elder]:
    """Who has which bed now, by bed."""
    statement = scope.select(Stay).where(*covers(now))
    if bed_ids is not None:
        statement = statement.where(Stay.bed_id.in_(bed_ids))
    stays = list(await scope.session.scalars(statement))
    elders = await elders_by_id(scope, {stay.elder_id for stay in stays})
    return {stay.bed_id: elders[stay.elder_id] for stay in stays}


async def _stay_at(scope: TenantScope, elder_id: uuid.UUID, at: datetime) -> Stay | None:
    statement = scope.select(Stay).where(Stay.elder_id == elder_id, *covers(at)).with_for_update()
    return (await scope.session.scalars(statement)).one_or_none()


async def _require_usable(scope: TenantScope, bed_id: uuid.UUID) -> None:
    await require_open(scope, Bed, bed_id, "bed_id")
    bed = (await scope.session.scalars(scope.select(Bed).where(Bed.id == bed_id))).one()
    if bed.state == "out_of_use":
        raise ConflictError("bed_id", "the bed is out of use")


def _not_in_future(at: datetime, now: datetime) -> None:
    if at > now:
        raise BadFieldError("at", "must not be in the future")
