"""Whom a user reaches: elders of their units, of those they are on duty for, and by break-glass.

Who serves no unit, and whoever has RECORDS_ALL_UNITS, reaches everybody. Elders who stay nowhere
are reached by all: somebody has to give them a bed. The roster counts while the duty lasts, or a
nurse who stands in for another unit tonight would stand before closed records.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Select, false, func
from sqlalchemy.orm import InstrumentedAttribute

from cloud.database import TenantScope
from cloud.errors import ProblemError
from cloud.identity.models import BreakGlass
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.identity.shift_models import Duty
from cloud.identity.users import units_of
from cloud.people.models import Stay
from cloud.people.service import covers
from cloud.places.models import Bed, Home, Room


class OutsideUnitError(ProblemError):
    """What is asked for belongs to a unit that the user does not serve."""

    def __init__(self) -> None:
        super().__init__(
            403,
            "outside_unit",
            "This elder is in another unit. In an emergency, open the record with a reason.",
        )


@dataclass(frozen=True, slots=True)
class Reach:
    """At one moment; `units` None: everything."""

    scope: TenantScope
    user_id: uuid.UUID
    at: datetime
    units: frozenset[uuid.UUID] | None

    def hides(self, elder_id: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
        """A condition that is true for elders out of reach."""
        return false() if self.units is None else elder_id.in_(self._hidden())

    def opened(self) -> Select[uuid.UUID]:
        """Elders whose record the user has opened with a reason, and still may read."""
        statement = self.scope.select(BreakGlass).where(
            BreakGlass.user_id == self.user_id, BreakGlass.closes_at > self.at
        )
        return statement.with_only_columns(BreakGlass.elder_id)

    async def hidden(self) -> frozenset[uuid.UUID]:
        """Elders out of reach."""
        if self.units is None:
            return frozenset()
        return frozenset(await self.scope.session.scalars(self._hidden()))

    async def require_elder(self, elder_id: uuid.UUID) -> None:
        """Raises OutsideUnitError. An elder who is not there passes: the route itself says so."""
        if self.units is None:
            return
        hidden = self._hidden().where(Stay.elder_id == elder_id)
        if (await self.scope.session.scalars(hidden)).first() is not None:
            raise OutsideUnitError

    async def require_home(self, home_id: uuid.UUID) -> None:
        """A home that one's units watch over, or where an opened elder lives."""
        if self.units is None:
            return
        statement = self.scope.select(Home).where(Home.id == home_id)
        home = (await self.scope.session.scalars(statement)).one_or_none()
        if home is None or home.operator_unit_id is None or home.operator_unit_id in self.units:
            return
        lives_there = (
            _stays(self.scope, self.at)
            .where(Room.home_id == home_id, Stay.elder_id.in_(self.opened()))
            .with_only_columns(Stay.elder_id)
        )
        if (await self.scope.session.execute(lives_there)).first() is None:
            raise OutsideUnitError

    def _hidden(self) -> Select[uuid.UUID]:
        unit = func.coalesce(Room.unit_id, Home.operator_unit_id)
        statement = _stays(self.scope, self.at).where(
            unit.is_not(None),
            unit.not_in(self.units or ()),
            Stay.elder_id.not_in(self.opened()),
        )
        return cast("Select[uuid.UUID]", statement.with_only_columns(Stay.elder_id))


def _stays(scope: TenantScope, at: datetime) -> Select[Stay]:
    return (
        scope.select(Stay)
        .join(Bed, (Bed.institution_id == Stay.institution_id) & (Bed.id == Stay.bed_id))
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .outerjoin(Home, (Home.institution_id == Room.institution_id) & (Home.id == Room.home_id))
        .where(*covers(at))
    )


async def reach_of(principal: Principal) -> Reach:
    """Whom they reach now."""
    (reach,) = await reaches_of(principal.scope, [principal], principal.at)
    return reach


async def reaches_of(
    scope: TenantScope, principals: Sequence[Principal], at: datetime
) -> list[Reach]:
    """Whom each reaches, in the order given."""
    asked = {who.user.id for who in principals if not who.may(Permission.RECORDS_ALL_UNITS)}
    own = await units_of(scope, asked) if asked else {}
    on_duty_for: dict[uuid.UUID, set[uuid.UUID | None]] = {}
    if own:
        duties = scope.select(Duty).where(
            Duty.user_id.in_(own), Duty.starts_at <= at, Duty.ends_at > at,
            Duty.removed_at.is_(None),
        )  # fmt: skip
        for duty in await scope.session.scalars(duties):
            on_duty_for.setdefault(duty.user_id, set()).add(duty.unit_id)
    found = []
    for who in principals:
        user_id = who.user.id
        served, stands_in = own.get(user_id), on_duty_for.get(user_id, set())
        if who.may(Permission.RECORDS_ALL_UNITS) or not served or None in stands_in:
            found.append(Reach(scope, user_id, at, None))
        else:
            units = {*served, *stands_in} - {None}
            found.append(Reach(scope, user_id, at, frozenset(filter(None, units))))
    return found
