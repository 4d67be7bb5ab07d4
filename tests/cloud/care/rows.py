"""A row in every table of rounds and leave, and of active discovery."""

from __future__ import annotations

import uuid
from datetime import timedelta

from cloud.care.discovery.models import (
    DiscoveryCase,
    DiscoveryDay,
    DiscoveryMove,
    DiscoveryRun,
    DiscoveryScore,
)
from cloud.care.leave.models import ElderLeave
from cloud.care.tasks.service import Asked, ask
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


async def fill_discovery(world: World, home: Home) -> dict[str, str]:
    """A case of the first elder, with a task; the ids that routes name."""
    now = world.clock.now()
    day = now.date()
    async with world.database.tenant(home.institution_id) as scope:
        known = (await scope.session.scalars(scope.select(DiscoveryCase))).first()
        if known is None:
            own = {"institution_id": scope.institution_id, "elder_id": home.elders[0], "day": day}
            said = {"score": 6.0, "listed": True, "reasons": [], "unknown": []}
            known = DiscoveryCase(
                **own, **said, id=uuid.uuid4(), opened_on=day, origin="live", state="open",
                version=1,
            )  # fmt: skip
            scope.session.add(known)
            await scope.session.flush()
            scope.session.add_all(
                [
                    DiscoveryDay(
                        **own, origin="live", features={}, watched=True, away=False,
                        computed_at=now,
                    ),
                    DiscoveryScore(**own, **said),
                    DiscoveryRun(
                        institution_id=scope.institution_id, day=day, computed_at=now,
                        scored_at=now, elders=1, listed=1,
                    ),
                    DiscoveryMove(
                        institution_id=scope.institution_id, case_id=known.id, at=now, by="",
                        move="listed", note="", detail={},
                    ),
                ]
            )  # fmt: skip
        wanted = Asked("visit", home.elders[0], "活动少了", day, "discovery", known.id)
        task = await ask(scope, wanted, "许文", now)
        return {"case_id": str(known.id), "task_id": str(task.id)}
