"""How many rounds an hour a plan asks of each shift: shown before it is set."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud.care.rounds.plan import LevelPlan, is_night, rate_per_h
from cloud.care.rounds.service import InBed, in_beds, levels_of, plans
from cloud.database import TenantScope
from cloud.identity.shifts import Shift, pattern_of, shift_after, shift_at


@dataclass(frozen=True, slots=True)
class ShiftLoad:
    """Of one unit in one shift, everybody being there."""

    shift: Shift
    night: bool
    rounds: float
    rounds_per_h: float
    turnings_per_h: float


def load_of(people: Mapping[int, int], levels: Mapping[int, LevelPlan], shift: Shift) -> ShiftLoad:
    """`people`: how many of each level. A turning is a look too, so it is not counted twice
    where it comes at least as often; both are told.
    """
    per_h = sum(count * rate_per_h(levels[level], shift) for level, count in people.items())
    turnings = sum(
        count * timedelta(hours=1) / timedelta(minutes=minutes)
        for level, count in people.items()
        if (minutes := levels[level].turning_min) is not None
    )
    hours = (shift.ends_at - shift.starts_at) / timedelta(hours=1)
    return ShiftLoad(shift, is_night(shift), per_h * hours, per_h, turnings)


def a_day(pattern: Sequence[tuple[str, int, int]], now: datetime) -> list[Shift]:
    """Each shift once, from the one that runs."""
    shifts = [shift_at(pattern, now)]
    while len(shifts) < len(pattern):
        shifts.append(shift_after(pattern, shifts[-1]))
    return sorted(shifts, key=lambda one: (one.starts_at.hour, one.starts_at.minute))


async def loads(
    scope: TenantScope, now: datetime, wanted: Mapping[int, LevelPlan], unit_id: uuid.UUID | None
) -> dict[uuid.UUID, tuple[Counter[int], list[ShiftLoad], list[ShiftLoad]]]:
    """By unit that the plan would be of: people by level, the load now and as wanted."""
    held, shifts = await plans(scope), a_day(await pattern_of(scope), now)
    units: dict[uuid.UUID, list[InBed]] = {}
    for who in await in_beds(scope, now, None if unit_id is None else [unit_id]):
        units.setdefault(who.unit_id, []).append(who)
    found = {}
    for own_id, residents in units.items():
        if unit_id is None and own_id in held:
            continue  # has a plan of its own
        people = Counter(who.level for who in residents)
        before = levels_of(held.get(own_id) or held.get(None))
        found[own_id] = (
            people,
            [load_of(people, before, shift) for shift in shifts],
            [load_of(people, wanted, shift) for shift in shifts],
        )
    return found
