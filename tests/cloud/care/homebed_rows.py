"""A home bed made through the API, step by step."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import httpx

from cloud.care.homebed.models import HomeBed
from cloud.identity.permissions import Role
from tests.cloud.care.assessments import a_draft, file, save
from tests.cloud.world import CHANGES, Home, World

PLAN = {"services": ["watching", "visits"], "visit_group": "high_risk", "text": "每周上门"}


async def applied(client: httpx.AsyncClient, elder_id: uuid.UUID) -> dict[str, Any]:
    wanted = {"applicant": "王芳", "purchaser": "区民政局", "reason": "独居"}
    answer = await client.post(f"/api/v1/elders/{elder_id}/home-beds", json=wanted, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def step(
    client: httpx.AsyncClient, bed_id: str, move: str, **more: Any
) -> httpx.Response:  # fmt: skip
    where = f"/api/v1/home-beds/{bed_id}/moves"
    return await client.post(where, json={"move": move, **more}, headers=CHANGES)


def agreement(world: World) -> dict[str, Any]:
    return {
        "text_version": "示范 1", "signer": "王秀兰",
        "signed_on": world.clock.now().date().isoformat(),
    }  # fmt: skip


def acceptance(world: World, days: int = 400) -> dict[str, Any]:
    until = world.clock.now().date() + timedelta(days=days)
    return {"accepted_by": "王芳", "warranty_until": until.isoformat()}


async def assessed(world: World, home: Home | None = None) -> None:
    """The first elder has an assessment that is filed."""
    home = home or world.home
    assessor = await world.as_role(Role.ASSESSOR, home)
    saved = await save(assessor, home, a_draft())
    assert saved.status_code < 300, saved.text
    answer = await file(assessor, home, saved.json()["version"])
    assert answer.status_code < 300, answer.text


async def fill_home_beds(world: World, home: Home) -> dict[str, str]:
    """An application; the ids that routes name."""
    async with world.database.tenant(home.institution_id) as scope:
        known = (await scope.session.scalars(scope.select(HomeBed))).first()
    if known is not None:
        return {"home_bed_id": str(known.id)}
    head = await world.as_role(Role.HEAD_NURSE, home)
    return {"home_bed_id": (await applied(head, home.elders[0]))["row"]["id"]}
