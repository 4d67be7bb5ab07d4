"""HTTP for drills, the pre-flight check and the dead man's switch."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from cloud.alerts.consoles.models import PreFlight
from cloud.alerts.consoles.preflight import make_pre_flight, sign_pre_flight
from cloud.alerts.drills import service
from cloud.alerts.drills.models import DeadSwitch, Drill
from cloud.alerts.ledger import first_hops
from cloud.alerts.models import Alert
from cloud.alerts.notify.points import find_point
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.devices.models import Device
from cloud.errors import NotFoundError, Problem, ProblemError
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.schema_types import ApiModel, UtcMs
from cloud.state import ChangeHeader, State

DrillRunner = Annotated[Principal, requires(Permission.DRILLS_RUN)]
CheckMaker = Annotated[Principal, requires(Permission.ALERTS_ACT)]
CheckReader = Annotated[Principal, requires(Permission.ROSTER_READ)]

router = APIRouter(
    prefix="/api/v1/duty",
    tags=["duty"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 404: {"model": Problem}},
)


class DrillIn(ApiModel):
    """A drill at an elder's bed. Not announced: the desk sees it is a drill, staff did not know."""

    elder_id: UUID
    code: str = "fall_confirmed"
    announced: bool = True
    note: str = Field(default="", max_length=500)


class DrillOut(ApiModel):
    """A drill and how it went: seconds from its start to each hop, null where it never came."""

    id: UUID
    alert_id: UUID
    announced: bool
    shift: str
    started_at: UtcMs
    started_by: str
    note: str
    step: int
    notified_s: float | None
    shown_s: float | None
    acknowledged_s: float | None
    arrived_s: float | None
    resolved_s: float | None
    acknowledged_by: str | None
    arrived_by: str | None


class DrillList(ApiModel):
    """The result sheet, newest first."""

    drills: list[DrillOut]


class PreFlightOut(ApiModel):
    """What the check found. A problem names its kind and whom it concerns."""

    id: UUID
    made_at: UtcMs
    made_by: str
    result: dict[str, Any]
    signed_at: UtcMs | None
    signed_by: str | None
    remark: str | None


class PreFlightList(ApiModel):
    """The last checks, newest first."""

    checks: list[PreFlightOut]


class SignIn(ApiModel):
    """Signing says: I have read this."""

    remark: str | None = Field(default=None, max_length=500)


class SwitchIn(ApiModel):
    """Which device sends the proof, and which test recipient must get it."""

    device_id: str = Field(min_length=1, max_length=64)
    point_id: UUID
    gateway_id: UUID | None = Field(
        default=None, description="the gateway that sends it; null: the device does by itself"
    )
    every_s: int = Field(default=service.DEFAULT_EVERY_S, ge=60, le=86_400)


class SwitchOut(ApiModel):
    """The switch as it stands."""

    device_id: str
    gateway_id: UUID | None
    every_s: int
    since: UtcMs
    last_event_at: UtcMs | None
    last_ok_at: UtcMs | None


class SwitchState(ApiModel):
    """Null where there is none: nothing then proves that the path works."""

    dead_switch: SwitchOut | None


@router.get("/drills")
async def list_drills(principal: CheckReader) -> DrillList:
    """The last drills with their times."""
    scope = principal.scope
    rows = (
        await scope.session.execute(
            scope.select(Drill)
            .join(
                Alert,
                (Alert.institution_id == Drill.institution_id) & (Alert.id == Drill.alert_id),
            )
            .add_columns(Alert)
            .order_by(Drill.started_at.desc())
            .limit(100)
        )
    ).all()
    hops = await first_hops(scope, [drill.alert_id for drill, _ in rows])
    return DrillList(drills=[_drill_out(d, a, hops.get(d.alert_id, {})) for d, a in rows])


def _drill_out(drill: Drill, alert: Alert, hops: dict[str, datetime]) -> DrillOut:
    def after_s(hop: str) -> float | None:
        at = hops.get(hop)
        return None if at is None else round((at - drill.started_at).total_seconds(), 3)

    return DrillOut(
        id=drill.id, alert_id=drill.alert_id, announced=drill.announced, shift=drill.shift,
        started_at=drill.started_at, started_by=drill.started_by, note=drill.note, step=alert.step,
        notified_s=after_s("notified"), shown_s=after_s("shown"),
        acknowledged_s=after_s("acknowledged"), arrived_s=after_s("arrived"),
        resolved_s=after_s("resolved"), acknowledged_by=alert.acknowledged_by,
        arrived_by=alert.arrived_by,
    )  # fmt: skip


@router.post("/drills", dependencies=[ChangeHeader])
async def start_drill(wanted: DrillIn, principal: DrillRunner, state: State) -> DrillList:
    """Start a drill; answers the sheet."""
    await service.start_drill(
        principal.scope, wanted.elder_id, wanted.code, announced=wanted.announced, note=wanted.note,
        by=principal.user.display_name, now=state.clock.now(),
    )  # fmt: skip
    return await list_drills(principal)


@router.get("/pre-flight")
async def list_pre_flight(principal: CheckReader) -> PreFlightList:
    """The last checks."""
    scope = principal.scope
    rows = await scope.session.scalars(
        scope.select(PreFlight).order_by(PreFlight.made_at.desc()).limit(20)
    )
    return PreFlightList(checks=[_check_out(row) for row in rows])


@router.post("/pre-flight", dependencies=[ChangeHeader])
async def create_pre_flight(principal: CheckMaker, state: State) -> PreFlightOut:
    """Walk every elder's chain for the next 12 hours."""
    name = principal.user.display_name
    return _check_out(await make_pre_flight(principal.scope, state.clock.now(), name))


@router.post(
    "/pre-flight/{check_id}/sign",
    dependencies=[ChangeHeader],
    responses={409: {"model": Problem}},
)
async def sign_check(
    check_id: UUID, said: SignIn, principal: CheckMaker, state: State
) -> PreFlightOut:
    """Somebody has read it."""
    return _check_out(await sign_pre_flight(principal, check_id, said.remark, state.clock.now()))


def _check_out(row: PreFlight) -> PreFlightOut:
    return PreFlightOut(
        id=row.id, made_at=row.made_at, made_by=row.made_by, result=row.result,
        signed_at=row.signed_at, signed_by=row.signed_by, remark=row.remark,
    )  # fmt: skip


@router.get("/dead-switch")
async def get_dead_switch(principal: CheckReader) -> SwitchState:
    """When the path was last proved."""
    switch = await service.switch_of(principal.scope)
    return SwitchState(dead_switch=None if switch is None else _switch_out(switch))


@router.put("/dead-switch", dependencies=[ChangeHeader])
async def put_dead_switch(wanted: SwitchIn, principal: DrillRunner, state: State) -> SwitchState:
    """Set it up; only a test recipient may get the proof."""
    scope, now = principal.scope, state.clock.now()
    point = await find_point(scope, wanted.point_id)
    if not point.is_test:
        raise ProblemError(422, "bad_request", "point_id: must be a test recipient")
    known = scope.select(Device).where(Device.device_id == wanted.device_id)
    if (await scope.session.scalars(known)).first() is None:
        raise NotFoundError("device")
    switch = await service.switch_of(scope)
    if switch is None:
        switch = DeadSwitch(institution_id=scope.institution_id)
        scope.session.add(switch)
    await service.let_gateway_send(scope, wanted.gateway_id, wanted.device_id, wanted.every_s)
    switch.device_id, switch.contact_point_id = wanted.device_id, wanted.point_id
    switch.every_s, switch.since, switch.gateway_id = wanted.every_s, now, wanted.gateway_id
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, subject=("dead_switch", "path"),
        detail=wanted.model_dump(mode="json"),
    )  # fmt: skip
    await scope.session.flush()
    return SwitchState(dead_switch=_switch_out(switch))


def _switch_out(switch: DeadSwitch) -> SwitchOut:
    return SwitchOut(
        device_id=switch.device_id, gateway_id=switch.gateway_id, every_s=switch.every_s,
        since=switch.since,
        last_event_at=switch.last_event_at, last_ok_at=switch.last_ok_at,
    )  # fmt: skip
