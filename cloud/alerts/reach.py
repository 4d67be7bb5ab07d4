"""Which alerts a user of certain units sees: those of their units, and those that are theirs.

An alert that nobody can place is everybody's. Whoever was told of an alert, or has taken it on,
sees it whatever the unit: an escalation that reaches somebody who may not look is no help.
"""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, or_, true

from cloud.alerts.models import Alert
from cloud.alerts.notify.models import Notice
from cloud.errors import NotFoundError
from cloud.identity.service import Principal
from cloud.people.reach import OutsideUnitError, Reach, reach_of


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


async def sees_every_alert(principal: Principal) -> bool:
    """Whether there is nothing to ask of each."""
    return (await reach_of(principal)).units is None


async def may_see(principal: Principal, alert_id: uuid.UUID) -> bool:
    """Whether this alert is for this user; one that is not there is not."""
    reach = await reach_of(principal)
    statement = reach.scope.select(Alert).where(Alert.id == alert_id, sees(reach))
    return (await reach.scope.session.scalars(statement)).first() is not None


async def guard_alert(principal: Principal, alert_id: uuid.UUID) -> None:
    """For every route with `{alert_id}`. Raises NotFoundError, OutsideUnitError."""
    reach = await reach_of(principal)
    if reach.units is None or await may_see(principal, alert_id):
        return
    there = reach.scope.select(Alert).where(Alert.id == alert_id)
    if (await reach.scope.session.scalars(there)).first() is None:
        raise NotFoundError("alert")
    raise OutsideUnitError
