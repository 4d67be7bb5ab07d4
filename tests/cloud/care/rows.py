"""A row in every table of rounds, leave, handover, notes, incidents, drill plans, discovery."""

from __future__ import annotations

import uuid
from datetime import timedelta

from cloud.alerts.drills.models import DrillPlan
from cloud.alerts.models import Incident
from cloud.care.discovery.models import (
    DiscoveryCase,
    DiscoveryDay,
    DiscoveryMove,
    DiscoveryRun,
    DiscoveryScore,
)
from cloud.care.handover.models import Handover
from cloud.care.leave.models import ElderLeave
from cloud.care.tasks.service import Asked, ask
from cloud.identity.permissions import Role
from cloud.identity.shifts import DEFAULT_PATTERN, shift_at
from cloud.places.models import Unit
from tests.cloud.world import CHANGES, PASSWORD, Home, World


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


async def fill_shift(world: World, home: Home) -> dict[str, str]:
    """By the API: a handover that was given, a note, an incident, a planned drill."""
    async with world.database.tenant(home.institution_id) as scope:
        held = [
            (await scope.session.scalars(scope.select(model))).first()
            for model in (Handover, DrillPlan)
        ]
        manual = scope.select(Incident).where(Incident.alert_id.is_(None))
        held.append((await scope.session.scalars(manual)).first())
        unit = (await scope.session.scalars(scope.select(Unit))).first()
    names = ("handover_id", "drill_plan_id", "incident_id")
    if all(held):  # asked for twice
        return {name: str(row.id) for name, row in zip(names, held, strict=True) if row}
    assert unit is not None
    head = await world.as_role(Role.HEAD_NURSE, home)
    elder, now = str(home.elders[0]), world.clock.now()
    settings = {"active": False, "earliest_min": 480}
    note = {"id": str(uuid.uuid4()), "text": "夜里咳嗽"}
    made = await head.put("/api/v1/handover-settings", json=settings, headers=CHANGES)
    assert made.status_code == 200, made.text
    await head.post(f"/api/v1/elders/{elder}/observations", json=note, headers=CHANGES)
    start = shift_at(DEFAULT_PATTERN, now).starts_at.isoformat()
    query = {"unit_id": str(unit.id), "shift_starts_at": start}
    read = (await head.get("/api/v1/handovers/sheet", params=query)).json()
    given = query | {
        "read_sha256": read["sha256"],
        "signature": {"username": home.username(Role.HEAD_NURSE), "password": PASSWORD},
    }
    incident = {
        "id": str(uuid.uuid4()), "elder_id": elder, "kind": "scald",
        "happened_at": now.isoformat(),
    }  # fmt: skip
    plan = {"kind": "fire", "year": now.year, "quarter": 4}
    found = {}
    for name, path, body in (
        ("handover_id", "/api/v1/handovers", given),
        ("incident_id", "/api/v1/incidents", incident),
        ("drill_plan_id", "/api/v1/duty/drill-plans", plan),
    ):
        answer = await head.post(path, json=body, headers=CHANGES)
        assert answer.status_code == 200, answer.text
        found[name] = str(answer.json()["id"])
    risk = {"risk": "fall", "level": "none", "version": 0}
    held_risks = (await head.get(f"/api/v1/elders/{elder}/risks")).json()["risks"]
    risk["version"] = next(one["version"] for one in held_risks if one["risk"] == "fall")
    await head.put(f"/api/v1/elders/{elder}/risks", json=risk, headers=CHANGES)
    return found


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
