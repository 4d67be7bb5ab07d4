"""A row in every table of visits."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import httpx

from cloud.care.visits.models import Visit, VisitFollowup
from cloud.identity.models import User
from cloud.identity.permissions import Role
from tests.cloud.world import CHANGES, Home, World

PLACE = {"lat": 29.5322, "lon": 106.4989}


async def plan_visits(
    client: httpx.AsyncClient, world: World, elder_id: uuid.UUID, **changes: Any
) -> httpx.Response:
    """A weekly plan from today on."""
    wanted = {
        "group": "high_risk", "starts_on": world.clock.now().date().isoformat(), "place": PLACE,
        "purchaser": "区民政局", "version": 0,
    } | changes  # fmt: skip
    where = f"/api/v1/elders/{elder_id}/visit-plan"
    return await client.put(where, json=wanted, headers=CHANGES)


async def visited(
    client: httpx.AsyncClient, world: World, elder_id: uuid.UUID, **changes: Any
) -> httpx.Response:
    """At the door now, all well, unless told otherwise."""
    now = world.clock.now()
    body = {
        "id": str(uuid.uuid4()), "elder_id": str(elder_id), "findings": ["all_well"],
        "started_at": (now - timedelta(minutes=20)).isoformat(), "ended_at": now.isoformat(),
        "place": {**PLACE, "accuracy_m": 20},
    } | changes  # fmt: skip
    return await client.post("/api/v1/visits", json=body, headers=CHANGES)


async def staff_id(world: World, home: Home, role: Role = Role.DUTY) -> str:
    """Somebody of that role."""
    async with world.database.tenant(home.institution_id) as scope:
        users = scope.select(User).where(User.username == home.username(role))
        return str((await scope.session.scalars(users)).one().id)


async def fill_visits(world: World, home: Home) -> dict[str, str]:
    """By the API; the ids that routes name."""
    async with world.database.tenant(home.institution_id) as scope:
        visit = (await scope.session.scalars(scope.select(Visit))).first()
        followup = (await scope.session.scalars(scope.select(VisitFollowup))).first()
    if visit is not None and followup is not None:  # asked for twice
        return {"visit_id": str(visit.id), "followup_id": str(followup.id)}
    head = await world.as_role(Role.HEAD_NURSE, home)
    elder_id, now = home.elders[0], world.clock.now()
    owner_id = await staff_id(world, home)
    followup_id = str(uuid.uuid4())
    todo = {
        "id": followup_id, "what": "联系助餐点", "owner_id": owner_id,
        "due_on": (now.date() + timedelta(days=3)).isoformat(),
    }  # fmt: skip
    settings = {"pull_forward_h": 24, "remote_in_a_row": 1, "version": 0}
    asked = {"due_at": (now + timedelta(hours=8)).isoformat(), "note": "邻居说没见到老人"}
    answers = [
        await head.put("/api/v1/visit-settings", json=settings, headers=CHANGES),
        await plan_visits(head, world, elder_id),
        await head.post(f"/api/v1/elders/{elder_id}/visit-requests", json=asked, headers=CHANGES),
        await visited(head, world, elder_id, findings=["eats_little"], followups=[todo]),
    ]
    visit_id = str(answers[-1].json()["id"])
    correction = {"reason": "时间记错", "void": True}
    where = f"/api/v1/visits/{visit_id}/corrections"
    answers.append(await head.post(where, json=correction, headers=CHANGES))
    for answer in answers:
        assert answer.status_code < 300, answer.text
    return {"visit_id": visit_id, "followup_id": followup_id}
