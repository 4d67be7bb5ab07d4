"""A row in every table of the care map, by the API."""

from __future__ import annotations

from typing import Any

import httpx

from cloud.bureau.caremap.count import follow_counts
from cloud.identity.permissions import Role
from tests.cloud.care.visit_rows import staff_id
from tests.cloud.world import CHANGES, Home, World

PROFILE: dict[str, Any] = {
    "address": "示范路 1 号", "phone": "023-00000000", "place": {"lat": 29.81, "lon": 106.41},
    "services": ["respite", "dementia_care"], "home_bed_capacity": 3, "note": "",
    "published": True, "version": 0,
}  # fmt: skip


async def publish(world: World, home: Home, **changes: Any) -> httpx.Response:
    """By the manager."""
    manager = await world.as_role(Role.MANAGER, home)
    body = PROFILE | changes
    return await manager.put("/api/v1/care-map/profile", json=body, headers=CHANGES)


async def count(world: World, home: Home) -> None:
    """As the worker does every minute."""
    async with world.database.tenant(home.institution_id) as scope:
        await follow_counts(scope, world.clock.now())


async def set_skills(world: World, home: Home, who: str, **body: Any) -> httpx.Response:
    head = await world.as_role(Role.HEAD_NURSE, home)
    wanted = {"skills": [], "capacity": None, "version": 0} | body
    return await head.put(f"/api/v1/care-map/responders/{who}", json=wanted, headers=CHANGES)


async def fill_care_map(world: World, home: Home) -> dict[str, str]:
    """The ids that routes name; asked for twice it changes nothing."""
    who = await staff_id(world, home)
    await publish(world, home)
    await set_skills(world, home, who, skills=["bathing"])
    return {"responder_id": who}
