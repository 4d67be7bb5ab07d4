"""Who of one's own house could come: staff, and helpers paired with elders (互助).

What they have in hand is asked of the records: alerts they answered and have not resolved, visits
of theirs that are due, follow-ups until today; for a helper, elders they are paired with.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from cloud.alerts.machine import State
from cloud.alerts.models import Alert
from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.bureau.caremap.catalogue import (
    HELPER_CAPACITY,
    RESPONDER,
    STAFF_CAPACITY,
    known_services,
)
from cloud.bureau.caremap.count import find_profile
from cloud.bureau.caremap.models import Responder
from cloud.bureau.caremap.schemas import ResponderIn, ResponderOut
from cloud.bureau.matching import Candidate, Reason
from cloud.care.visits.history import followups
from cloud.care.visits.models import VisitPlan
from cloud.care.visits.places import open_place
from cloud.care.visits.service import due_rows, figures, staff
from cloud.clock import local_date
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import ChangedMeanwhileError, NotFoundError
from cloud.geo import Point
from cloud.identity.service import Principal
from cloud.identity.shifts import on_duty
from cloud.people.family import HELPER
from cloud.people.models import Elder, FamilyMember
from cloud.people.reach import Reach
from cloud.people.service import elders_by_id

_IN_HAND: Final = (State.ACKNOWLEDGED, State.ATTENDING, State.ARRIVED)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be sent. `elder`: whom a helper is paired with."""

    id: uuid.UUID
    who: Literal["staff", "helper"]
    name: str
    on_duty: bool
    settings: Responder | None
    elder: Elder | None = None
    user_id: uuid.UUID | None = None

    @property
    def skills(self) -> tuple[str, ...]:
        """What the house has written down that they can do."""
        return () if self.settings is None else tuple(self.settings.skills)

    @property
    def capacity(self) -> int:
        """How much at a time."""
        own = None if self.settings is None else self.settings.capacity
        return own or (STAFF_CAPACITY if self.who == "staff" else HELPER_CAPACITY)


async def persons(scope: TenantScope, reach: Reach, now: datetime) -> list[Person]:
    """Staff by name, then helpers of elders whom the caller reaches."""
    held = list(await scope.session.scalars(scope.select(Responder)))
    of_user = {row.user_id: row for row in held}
    of_member = {row.family_member_id: row for row in held}
    here = {user.id for user in await on_duty(scope, now, whole_house=True)}
    found = [
        Person(user_id, "staff", name, user_id in here, of_user.get(user_id))
        for user_id, name in (await staff(scope)).items()
    ]
    hidden = await reach.hidden()
    helpers = [row for row in await _helpers(scope) if row.elder_id not in hidden]
    elders = await elders_by_id(scope, {row.elder_id for row in helpers})
    found += [
        Person(row.id, "helper", row.name, True, of_member.get(row.id), elders[row.elder_id],
               row.user_id)
        for row in helpers
        if elders[row.elder_id].archived_at is None
    ]  # fmt: skip
    return found


async def _helpers(scope: TenantScope) -> list[FamilyMember]:
    statement = scope.select(FamilyMember).where(
        FamilyMember.role == HELPER, FamilyMember.ended_at.is_(None)
    )
    return list(await scope.session.scalars(statement.order_by(FamilyMember.name, FamilyMember.id)))


async def candidates_of(
    scope: TenantScope, people: Sequence[Person], elder_id: uuid.UUID | None, keyring: Keyring,
    now: datetime, *, inside: bool,
) -> list[Candidate]:  # fmt: skip
    """As the matcher weighs them, for the need of an elder (or of nobody named).

    `inside`: the elder stays in the house, and so are the staff already.
    """
    work = await _in_hand(scope, now)
    base = await _base(scope, inside=inside)
    doors = await _doors(scope, {one.elder.id for one in people if one.elder is not None}, keyring)
    pairs = Counter(row.user_id or row.id for row in await _helpers(scope))
    found = []
    also: tuple[Reason, ...]
    against: tuple[Reason, ...]
    for one in people:
        if one.who == "staff":
            also = work.get(one.id, ())
            load, where = round(sum(part.value or 0 for part in also)), base
            against = () if one.on_duty else (Reason("off_duty"),)
        else:
            theirs = None if one.elder is None else one.elder.id
            load, where = pairs[one.user_id or one.id], doors.get(theirs)
            own = theirs is not None and theirs == elder_id
            also = (Reason("paired"),) if own else ()
            # For this elder they are there already; for others only where they said so.
            against = () if own or one.settings is not None else (Reason("paired_with_another"),)
            load -= int(own)
        found.append(
            Candidate(str(one.id), RESPONDER, where, frozenset(one.skills), load, one.capacity,
                      against, also)
        )  # fmt: skip
    return found


async def _in_hand(scope: TenantScope, now: datetime) -> dict[uuid.UUID, tuple[Reason, ...]]:
    """By user: what they are at, each kind with its number."""
    found: dict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    alerts = scope.select(Alert).where(
        Alert.state.in_(_IN_HAND), Alert.flood_id.is_(None), Alert.origin == "live"
    )
    for alert in await scope.session.scalars(alerts):
        by = alert.arrived_by_id or alert.attending_by_id or alert.acknowledged_by_id
        if by is not None:
            found[by]["alerts_in_hand"] += 1
    today = local_date(now)
    for row in await due_rows(scope, now):
        if row.plan.visitor_id is not None and row.due.standing in ("today", "overdue"):
            found[row.plan.visitor_id]["visits_due"] += 1
    for followup in await followups(scope, is_open=True):
        if followup.due_on <= today:
            found[followup.owner_id]["followups_due"] += 1
    return {
        user_id: tuple(Reason(code, count) for code, count in sorted(counts.items()))
        for user_id, counts in found.items()
    }


async def _base(scope: TenantScope, *, inside: bool) -> Point | None:
    """Where staff set out from: to a home from the station of the visits, else the house."""
    settings = None if inside else (await figures(scope)).row
    if settings is not None and settings.station is not None:
        return Point(settings.station["lat"], settings.station["lon"])
    profile = await find_profile(scope)
    return None if profile is None else profile.point


async def _doors(
    scope: TenantScope, elder_ids: set[uuid.UUID], keyring: Keyring
) -> Mapping[uuid.UUID | None, Point]:
    """Where elders live, as far as a plan of visits knows: a neighbour is near that door."""
    plans = scope.select(VisitPlan).where(VisitPlan.elder_id.in_(elder_ids))
    found: dict[uuid.UUID | None, Point] = {}
    for plan in await scope.session.scalars(plans):
        place = open_place(keyring, plan.place_sealed, "visit_plan", plan.elder_id)
        if place is not None:
            found[plan.elder_id] = Point(place.lat, place.lon)
    return found


async def set_responder(
    who: Principal, reach: Reach, responder_id: uuid.UUID, wanted: ResponderIn, now: datetime
) -> Person:
    """Raises NotFoundError, BadFieldError, ChangedMeanwhileError."""
    scope = who.scope
    skills = known_services(wanted.skills, "responder", "skills")
    people = {one.id: one for one in await persons(scope, reach, now)}
    person = people.get(responder_id)
    if person is None:
        raise NotFoundError("responder")
    held = person.settings
    if wanted.version != (0 if held is None else held.version):
        raise ChangedMeanwhileError("这位人员的技能登记")
    if held is None:
        key = "user_id" if person.who == "staff" else "family_member_id"
        held = Responder(
            id=uuid.uuid4(), institution_id=scope.institution_id, skills=[], version=0,
            **{key: responder_id},
        )  # fmt: skip
        scope.session.add(held)
    record(
        scope, who.actor, Action.ROSTER_CHANGED, now, subject=("responder", responder_id),
        elder_id=None if person.elder is None else person.elder.id,
        changes={"skills": ("、".join(held.skills), "、".join(skills)),
                 "capacity": (held.capacity, wanted.capacity)},
    )  # fmt: skip
    held.skills, held.capacity = skills, wanted.capacity
    held.version += 1
    held.updated_at, held.updated_by = now, who.user.display_name
    await scope.session.flush()
    return replace(person, settings=held)


def responder_out(one: Person) -> ResponderOut:
    """As the API tells it."""
    return ResponderOut(
        id=one.id,
        who=one.who,
        name=one.name,
        paired_with=None if one.elder is None else one.elder.name,
        on_duty=one.on_duty,
        skills=list(one.skills),
        capacity=one.capacity,
        own_capacity=None if one.settings is None else one.settings.capacity,
        version=0 if one.settings is None else one.settings.version,
    )
