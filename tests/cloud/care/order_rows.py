"""Orders made through the API."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import httpx

from cloud.care.orders.models import ServiceOrder
from cloud.identity.permissions import Role
from tests.cloud.world import CHANGES, Home, World


async def ordered(
    client: httpx.AsyncClient, world: World, elder_id: uuid.UUID, **changes: Any
) -> httpx.Response:
    """A lunch in an hour."""
    wanted = {
        "id": str(uuid.uuid4()), "kind": "meal", "provider": "示范街助餐点",
        "wanted_at": (world.clock.now() + timedelta(hours=1)).isoformat(),
    } | changes  # fmt: skip
    where = f"/api/v1/elders/{elder_id}/service-orders"
    return await client.post(where, json=wanted, headers=CHANGES)


async def move_order(
    client: httpx.AsyncClient, order_id: str, move: str, **more: Any
) -> httpx.Response:
    where = f"/api/v1/service-orders/{order_id}/moves"
    return await client.post(where, json={"move": move, **more}, headers=CHANGES)


async def fill_orders(world: World, home: Home) -> dict[str, str]:
    """An order that has begun; the ids that routes name."""
    async with world.database.tenant(home.institution_id) as scope:
        known = (await scope.session.scalars(scope.select(ServiceOrder))).first()
    if known is not None:
        return {"order_id": str(known.id)}
    head = await world.as_role(Role.HEAD_NURSE, home)
    made = await ordered(head, world, home.elders[0])
    order_id = str(made.json()["id"])
    place = {"lat": 29.5, "lon": 106.5, "accuracy_m": 5}
    begun = await move_order(head, order_id, "begin", place=place)
    assert begun.status_code == 200, begun.text
    return {"order_id": order_id}
