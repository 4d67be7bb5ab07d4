"""HTTP for coverage: what can be seen of whom, and how people are to be watched."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from cloud.coverage import plans, service
from cloud.coverage.schemas import (
    AreaIn,
    CoverageList,
    ElderCoverageDetail,
    PauseIn,
    SensorIn,
    WatchPlanIn,
    WatchPlanOut,
)
from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.state import ChangeHeader, State

Reader = Annotated[Principal, requires(Permission.COVERAGE_READ)]
PlanReader = Annotated[Principal, requires(Permission.CARE_READ)]
PlanWriter = Annotated[Principal, requires(Permission.RECORDS_WRITE)]
PauseWriter = Annotated[Principal, requires(Permission.CARE_WRITE)]
DeviceManager = Annotated[Principal, requires(Permission.DEVICES_MANAGE)]
GatewayManager = Annotated[Principal, requires(Permission.GATEWAYS_MANAGE)]

router = APIRouter(
    prefix="/api/v1",
    tags=["coverage"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 422)},
)


@router.get("/coverage")
async def list_coverage(principal: Reader, state: State) -> CoverageList:
    """Everybody: protected, degraded or blind, what is missing and since when."""
    everybody = await service.coverage_of_all(principal.scope, state.clock.now())
    hidden = await (await reach_of(principal)).hidden()
    seen = [line for line in everybody.elders if line.elder_id not in hidden]
    return everybody.model_copy(update={"elders": seen})


@router.get("/coverage/{elder_id}")
async def get_coverage(elder_id: UUID, principal: Reader, state: State) -> ElderCoverageDetail:
    """One elder, with sensors and the gaps of the last 30 days."""
    return await service.coverage_of(principal.scope, elder_id, state.clock.now())


@router.get("/elders/{elder_id}/watch-plan")
async def get_watch_plan(elder_id: UUID, principal: PlanReader, state: State) -> WatchPlanOut:
    """How an elder is to be watched."""
    return await plans.plan_of(principal.scope, elder_id, state.clock.now())


@router.put("/elders/{elder_id}/watch-plan", dependencies=[ChangeHeader])
async def put_watch_plan(
    elder_id: UUID, wanted: WatchPlanIn, principal: PlanWriter, state: State
) -> WatchPlanOut:
    """Change it; the gateway takes it over within a heartbeat and forgets nothing learned."""
    return await plans.set_plan(principal, elder_id, wanted, state.clock.now())


@router.post("/elders/{elder_id}/watch-pauses", dependencies=[ChangeHeader])
async def add_watch_pause(
    elder_id: UUID, wanted: PauseIn, principal: PauseWriter, state: State
) -> WatchPlanOut:
    """On leave, in hospital, works in the home: nothing over routine is alarmed or learned."""
    return await plans.add_pause(principal, elder_id, wanted, state.clock.now())


@router.delete("/elders/{elder_id}/watch-pauses/{pause_id}", dependencies=[ChangeHeader])
async def end_watch_pause(
    elder_id: UUID, pause_id: UUID, principal: PauseWriter, state: State
) -> WatchPlanOut:
    """Back sooner than planned."""
    return await plans.end_pause(principal, elder_id, pause_id, state.clock.now())


@router.put(
    "/devices/{device_id}/sensor", dependencies=[ChangeHeader], status_code=204,
    response_class=Response,
)  # fmt: skip
async def put_sensor(
    device_id: str, wanted: SensorIn, principal: DeviceManager, state: State
) -> None:
    """What a device is for where it hangs."""
    await plans.place_sensor(principal, device_id, wanted, state.clock.now())


@router.put(
    "/gateways/{gateway_id}/area", dependencies=[ChangeHeader], status_code=204,
    response_class=Response,
)  # fmt: skip
async def put_gateway_area(
    gateway_id: UUID, wanted: AreaIn, principal: GatewayManager, state: State
) -> None:
    """The units a gateway watches over. A unit has one gateway: nothing is told twice."""
    await plans.set_area(principal, gateway_id, wanted, state.clock.now())
