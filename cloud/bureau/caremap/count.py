"""Beds and open needs of a house, counted from what stands in its records.

The place tree says what a bed is (its kind is what the house itself gave it) and who has it is
asked of the stays: nobody types a number of free beds. A home bed is no piece of furniture but a
place in an operator's capacity; whoever has an agreement takes one, before the service begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, and_, func
from sqlalchemy.dialects.postgresql import insert

from cloud.bureau.caremap.catalogue import BED_KINDS, HOME_BED
from cloud.bureau.caremap.models import CareMapCount, CareMapProfile
from cloud.care.homebed.models import HomeBed
from cloud.care.homebed.steps import BedStep
from cloud.care.tasks.service import open_tasks
from cloud.database import TenantScope
from cloud.people.models import Elder, Stay
from cloud.people.service import covers
from cloud.places.models import Bed, Room

# From the agreement on a home bed is somebody's; before, somebody waits for one.
TAKES_ONE: Final = (BedStep.AGREED, BedStep.FITTING, BedStep.ACCEPTED, BedStep.IN_SERVICE)
WAITS: Final = (BedStep.APPLIED, BedStep.ASSESSED, BedStep.PLANNED)
# What an open need is for: a bed, a home bed, something that a person does.
WAITING_KINDS: Final = ("bed", "home", "task")


@dataclass(frozen=True, slots=True)
class Beds:
    """Of one kind. `total` without those out of use; None: a capacity that nobody has said."""

    total: int | None
    taken: int
    reserved: int = 0

    @property
    def free(self) -> int | None:
        """Nobody has it and nobody is promised it."""
        return None if self.total is None else max(0, self.total - self.taken - self.reserved)


def beds_of(said: Mapping[str, Any] | None) -> dict[str, Beds]:
    """As a row keeps them, in the order of the kinds."""
    held = said or {}
    return {kind: Beds(**held[kind]) for kind in BED_KINDS if kind in held}


async def count_beds(scope: TenantScope, now: datetime) -> dict[str, Beds]:
    """By kind; kinds that the house does not have are left out."""
    statement = (
        scope.select(Bed)
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .outerjoin(
            Stay,
            and_(
                Stay.institution_id == Bed.institution_id, Stay.bed_id == Bed.id, *covers(now)
            ),
        )
        .where(Bed.closed_at.is_(None), Room.closed_at.is_(None), Room.unit_id.is_not(None))
        .with_only_columns(Bed.kind, Bed.state, Stay.id.is_not(None), func.count())
        .group_by(Bed.kind, Bed.state, Stay.id.is_not(None))
    )  # fmt: skip
    found: dict[str, Beds] = {}
    for kind, state, taken, count in await scope.session.execute(statement):
        if state == "out_of_use" and not taken:
            continue
        # A home bed has its room in a home: in a unit it is a bed like others.
        key = "general" if kind == HOME_BED else kind
        held = found.get(key, Beds(0, 0))
        found[key] = Beds(
            (held.total or 0) + count,
            held.taken + (count if taken else 0),
            held.reserved + (count if not taken and state == "reserved" else 0),
        )
    served, profile = await _served_at_home(scope, now), await find_profile(scope)
    capacity = None if profile is None else profile.home_bed_capacity
    if served or capacity:
        found[HOME_BED] = Beds(capacity, served)
    return {kind: found[kind] for kind in BED_KINDS if kind in found}


async def _served_at_home(scope: TenantScope, now: datetime) -> int:
    """Elders who have a home bed or an agreement on one; who has both is one."""
    staying = (
        scope.select(Stay)
        .join(Bed, (Bed.institution_id == Stay.institution_id) & (Bed.id == Stay.bed_id))
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .where(*covers(now), Room.home_id.is_not(None))
        .with_only_columns(Stay.elder_id)
    )
    agreed = (
        scope.select(HomeBed)
        .where(HomeBed.ended_at.is_(None), HomeBed.step.in_([step.value for step in TAKES_ONE]))
        .with_only_columns(HomeBed.elder_id)
    )
    elders = {elder for (elder,) in await scope.session.execute(staying)}
    return len(elders | {elder for (elder,) in await scope.session.execute(agreed)})


async def find_profile(scope: TenantScope, *, lock: bool = False) -> CareMapProfile | None:
    """What this house says of itself."""
    statement = scope.select(CareMapProfile)
    if lock:
        statement = statement.with_for_update()
    return (await scope.session.scalars(statement)).one_or_none()


def _for_home_bed(scope: TenantScope) -> Select[HomeBed]:
    return scope.select(HomeBed).where(
        HomeBed.ended_at.is_(None), HomeBed.step.in_([step.value for step in WAITS])
    )


def _for_bed(scope: TenantScope) -> Select[Elder]:
    had = scope.select(Stay).with_only_columns(Stay.elder_id)
    home = scope.select(HomeBed).where(HomeBed.ended_at.is_(None))
    return scope.select(Elder).where(
        Elder.archived_at.is_(None), Elder.id.not_in(had),
        Elder.id.not_in(home.with_only_columns(HomeBed.elder_id)),
    )  # fmt: skip


async def waiting_for_home_bed(scope: TenantScope) -> list[HomeBed]:
    """Applications before the agreement, the oldest first."""
    statement = _for_home_bed(scope).order_by(HomeBed.created_at, HomeBed.id)
    return list(await scope.session.scalars(statement))


async def waiting_for_bed(scope: TenantScope) -> list[Elder]:
    """On record, never had a bed, and no home bed on its way; the oldest record first."""
    return list(await scope.session.scalars(_for_bed(scope).order_by(Elder.created_at, Elder.id)))


async def count_waiting(scope: TenantScope) -> dict[str, int]:
    """Open needs by what they are for; counted by the database, every minute."""

    async def many(statement: Select[Any]) -> int:
        counting = statement.with_only_columns(func.count())
        return int((await scope.session.execute(counting)).scalar_one())

    return {
        "bed": await many(_for_bed(scope)),
        "home": await many(_for_home_bed(scope)),
        "task": len(await open_tasks(scope)),
    }


async def follow_counts(scope: TenantScope, now: datetime) -> None:
    """Count and keep: what the district reads is this row, never a bed or a person."""
    beds = await count_beds(scope, now)
    values = {
        "beds": {kind: asdict(one) for kind, one in beds.items()},
        "waiting": await count_waiting(scope), "counted_at": now,
    }  # fmt: skip
    await scope.session.execute(
        insert(CareMapCount)
        .values(institution_id=scope.institution_id, **values)
        .on_conflict_do_update(index_elements=[CareMapCount.institution_id], set_=values)
    )
