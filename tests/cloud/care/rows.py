"""A row in every table of rounds and leave."""

from __future__ import annotations

import uuid
from datetime import timedelta

from cloud.care.leave.models import ElderLeave
from cloud.identity.permissions import Role
from tests.cloud.world import CHANGES, Home, World


async def fill_rounds(world: World, home: Home) -> dict[str, str]:
    """By the API; the ids that routes name."""
    head = await world.as_role(Role.HEAD_NURSE, home)
    async with world.database.tenant(home.institution_id) as scope:
        known = (await scope.session.scalars(scope.select(ElderLeave))).first()
    if known is not None:  # asked for twice
        return {"leave_id": str(known.id)}
    now = world.clock.now()
    calls = (
        ("PUT", "/api/v1/round-plans", {"active": False, "version": 0}),
        ("POST", "/api/v1/round-tags", {"tag": "bed-203-1", "bed_id": str(home.beds[0])}),
        (
            "POST", "/api/v1/rounds/checks",
            {"id": str(uuid.uuid4()), "elder_id": str(home.elders[0])},
        ),
        (
            "POST", f"/api/v1/elders/{home.elders[0]}/leaves",
            {
                "out_at": (now + timedelta(days=3)).isoformat(),
                "due_back_at": (now + timedelta(days=4)).isoformat(),
            },
        ),
    )  # fmt: skip
    for method, path, body in calls:
        answer = await head.request(method, path, json=body, headers=CHANGES)
        assert answer.status_code < 300, answer.text
    return {"leave_id": str(answer.json()["id"])}
