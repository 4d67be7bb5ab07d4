"""Which alerts a user of certain units sees: those of their units, and those that are theirs.

An alert that nobody can place is everybody's. Whoever was told of an alert, or has taken it on,
sees it whatever the unit: an escalation that reaches somebody who may not look is no help.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import ColumnElement, or_, true

from cloud.alerts.models import Alert
from cloud.alerts.notify.models import Notice
from cloud.database import TenantScope
from cloud.errors import NotFoundError
from cloud.identity.models import BreakGlass
from cloud.identity.service import Principal
from cloud.people.reach import OutsideUnitError, Reach, reach_of

Key = TypeVar("Key")


def sees(reach: Reach) -> ColumnElement[bool]:
    """A condition on alerts."""
    if reach.units is None:
        return true()
    told = reach.scope.select(Notice).where(Notice.user_id == reach.user_id)
    return or_(
        Alert.unit_id.is_(None),
        Alert.unit_id.in_(reach.units),
        Alert.elder_id.in_(reach.opened()),
        Alert.id.in_(told.with_only_columns(Notice.alert_id).where(Notice.alert_id.is_not(None))),
        *(
            who == reach.user_id
            for who in (
                Alert.acknowledged_by_id, Alert.second_by_id, Alert.attending_by_id,
                Alert.arrived_by_id, Alert.resolved_by_id,
            )
        ),
    )  # fmt: skip


async def who_sees(
    scope: TenantScope, reaches: Mapping[Key, Reach], alert_id: uuid.UUID
) -> frozenset[Key]:
    """Those of many who see one alert: what `sees` says, read once for all of them."""
    session = scope.session
    alert = (await session.scalars(scope.select(Alert).where(Alert.id == alert_id))).one_or_none()
    if alert is None:
        return frozenset()
    close = {
        alert.acknowledged_by_id, alert.second_by_id, alert.attending_by_id, alert.arrived_by_id,
        alert.resolved_by_id,
    }  # fmt: skip
    if any(reach.units is not None for reach in reaches.values()):
        told = scope.select(Notice).where(Notice.alert_id == alert_id)
        close.update(await session.scalars(told.with_only_columns(Notice.user_id)))
        if alert.elder_id is not None:
            opened = scope.select(BreakGlass).where(BreakGlass.elder_id == alert.elder_id)
            for glass in await session.scalars(opened):
                close.update(
                    reach.user_id for reach in reaches.values()
                    if reach.user_id == glass.user_id and glass.closes_at > reach.at
                )  # fmt: skip
    return frozenset(
        key for key, reach in reaches.items()
        if reach.units is None or alert.unit_id is None or alert.unit_id in reach.units
        or reach.user_id in close
    )  # fmt: skip


async def may_see(principal: Principal, alert_id: uuid.UUID) -> bool:
    """Whether this alert is for this user; one that is not there is not."""
    reach = await reach_of(principal)
    return bool(await who_sees(principal.scope, {None: reach}, alert_id))


async def guard_alert(principal: Principal, alert_id: uuid.UUID) -> None:
    """For every route with `{alert_id}`. Raises NotFoundError, OutsideUnitError."""
    reach = await reach_of(principal)
    if reach.units is None or await may_see(principal, alert_id):
        return
    there = reach.scope.select(Alert).where(Alert.id == alert_id)
    if (await reach.scope.session.scalars(there)).first() is None:
        raise NotFoundError("alert")
    raise OutsideUnitError
