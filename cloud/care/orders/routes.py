"""HTTP for orders of meals, bathing and medical help."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from fastapi import APIRouter

from cloud.care.access import CareReader, CareWriter
from cloud.care.orders import service
from cloud.care.orders.schemas import (
    ServiceOrderIn,
    ServiceOrderMoveIn,
    ServiceOrderOut,
    ServiceOrdersOut,
)
from cloud.clock import day_begins, local_date
from cloud.errors import Problem
from cloud.people.reach import reach_of
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["orders"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/service-orders")
async def list_service_orders(
    principal: CareReader, state: State, day: date | None = None
) -> ServiceOrdersOut:
    """Of a day (today), and what is open from before; of whom the caller reaches."""
    now = state.clock.now()
    on = day or local_date(now)
    hidden = await (await reach_of(principal)).hidden()
    found = await service.orders_between(
        principal.scope, day_begins(on), day_begins(on + timedelta(days=1)), hidden
    )
    return ServiceOrdersOut(orders=await service.orders_out(principal.scope, found, now))


@router.post("/elders/{elder_id}/service-orders", dependencies=[ChangeHeader])
async def add_service_order(
    elder_id: UUID, body: ServiceOrderIn, principal: CareWriter, state: State
) -> ServiceOrderOut:
    """An order. Sent twice it is one."""
    now = state.clock.now()
    order = await service.add_order(principal, elder_id, body, now)
    return (await service.orders_out(principal.scope, [order], now))[0]


@router.post("/service-orders/{order_id}/moves", dependencies=[ChangeHeader])
async def move_service_order(
    order_id: UUID, body: ServiceOrderMoveIn, principal: CareWriter, state: State
) -> ServiceOrderOut:
    """Begun at the door, finished and confirmed, cancelled, missed, or taken back."""
    now = state.clock.now()
    order = await service.move_order(principal, order_id, body, state.keyring, now)
    return (await service.orders_out(principal.scope, [order], now))[0]
