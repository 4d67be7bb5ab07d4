"""The ledger of a night on one page: every alert with its hops, who came, and who was told."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from cloud.alerts.ledger import first_hops
from cloud.alerts.models import Alert
from cloud.alerts.notify.models import Notice
from cloud.alerts.schemas import (
    FindingName,
    InjuryName,
    OriginName,
    PriorityName,
    StateName,
    VerdictName,
)
from cloud.clock import datetime_from_ns
from cloud.database import TenantScope
from cloud.errors import Problem, ProblemError
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.places.service import bed_names, room_names, unit_names
from cloud.schema_types import ApiModel, UtcMs

NightReader = Annotated[Principal, requires(Permission.REPORTS_READ)]
MAX_ROWS = 500

router = APIRouter(
    prefix="/api/v1/duty",
    tags=["duty"],
    responses={code: {"model": Problem} for code in (401, 403, 422)},
)


class ToldOut(ApiModel):
    """One person who was to be told, of one step."""

    recipient: str
    kind: Literal["step", "not_on_spot", "family", "outcome", "verify", "dead_switch"]
    step: int
    state: Literal["pending", "sent", "failed", "skipped"]
    done_at: UtcMs | None


class NightAlert(ApiModel):
    """One alert from its sensor to its end. Without a name: operators read this too."""

    id: UUID
    code: str
    priority: PriorityName
    state: StateName
    origin: OriginName
    place: str | None
    happened_at: UtcMs
    raised_at: UtcMs
    late_s: float
    count: int
    rings: int
    step: int
    verdict: VerdictName | None
    finding: FindingName | None
    injury: InjuryName | None
    acknowledged_by: str | None
    arrived_by: str | None
    resolved_by: str | None
    hops: dict[str, UtcMs]
    told: list[ToldOut]


class Night(ApiModel):
    """Everything that was raised in an interval, in the order in which it happened."""

    begin: UtcMs
    end: UtcMs
    alerts: list[NightAlert]
    more: bool = Field(description="there were more than fit; take a shorter interval")


@router.get("/night")
async def get_night(
    principal: NightReader,
    begin: Annotated[AwareDatetime, Query(alias="from")],
    end: Annotated[AwareDatetime, Query(alias="to")],
    origin: Annotated[Literal["live", "all"], Query()] = "live",
) -> Night:
    """The ledger alert by alert; `origin=all` shows drills and simulations too, each marked."""
    if not begin < end:
        raise ProblemError(422, "bad_request", "to: must be later than from")
    scope = principal.scope
    statement = scope.select(Alert).where(Alert.raised_at >= begin, Alert.raised_at < end)
    if origin == "live":
        statement = statement.where(Alert.origin == "live")
    statement = statement.order_by(Alert.happened_ns, Alert.id).limit(MAX_ROWS + 1)
    alerts = list(await scope.session.scalars(statement))
    shown = alerts[:MAX_ROWS]
    ids = [alert.id for alert in shown]
    hops, told = await first_hops(scope, ids), await _told(scope, ids)
    places = await _places(scope, shown)
    return Night(
        begin=begin,
        end=end,
        alerts=[_out(a, hops.get(a.id, {}), told.get(a.id, []), places.get(a.id)) for a in shown],
        more=len(alerts) > MAX_ROWS,
    )


def _out(
    alert: Alert, hops: dict[str, datetime], told: list[ToldOut], place: str | None
) -> NightAlert:
    return NightAlert(
        id=alert.id, code=alert.code, priority=cast(PriorityName, alert.priority),
        state=cast(StateName, alert.state), origin=cast(OriginName, alert.origin), place=place,
        happened_at=datetime_from_ns(alert.happened_ns), raised_at=alert.raised_at,
        late_s=round(alert.late_s, 3), count=alert.count, rings=alert.rings, step=alert.step,
        verdict=cast(VerdictName | None, alert.verdict),
        finding=cast(FindingName | None, alert.finding),
        injury=cast(InjuryName | None, alert.injury), acknowledged_by=alert.acknowledged_by,
        arrived_by=alert.arrived_by, resolved_by=alert.resolved_by, hops=hops, told=told,
    )  # fmt: skip


async def _told(
    scope: TenantScope, alert_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[ToldOut]]:
    statement = (
        scope.select(Notice)
        .where(Notice.alert_id.in_(alert_ids))
        .order_by(Notice.created_at, Notice.step, Notice.recipient)
    )
    found: dict[uuid.UUID, list[ToldOut]] = defaultdict(list)
    for row in await scope.session.scalars(statement):
        if row.alert_id is not None:
            found[row.alert_id].append(
                ToldOut(
                    recipient=row.recipient, kind=row.kind,  # type: ignore[arg-type]
                    step=row.step, state=row.state,  # type: ignore[arg-type]
                    done_at=row.done_at,
                )
            )  # fmt: skip
    return found


async def _places(scope: TenantScope, alerts: Collection[Alert]) -> dict[uuid.UUID, str]:
    beds = await bed_names(scope, {a.bed_id for a in alerts if a.bed_id})
    rooms = await room_names(scope, {a.room_id for a in alerts if a.room_id})
    units = await unit_names(scope, {a.unit_id for a in alerts if a.unit_id})
    found = {}
    for alert in alerts:
        if alert.bed_id in beds:
            found[alert.id] = beds[alert.bed_id].label
        elif alert.room_id in rooms:
            found[alert.id] = rooms[alert.room_id].label
        elif alert.unit_id in units:
            found[alert.id] = units[alert.unit_id]
    return found
