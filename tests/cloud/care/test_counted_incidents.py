"""Confirmed falls count into an assessment by themselves; a second one makes it due at once."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.alerts.models import Incident
from cloud.care.assessment.counted import at_least, counted, trigger_of
from cloud.care.assessment.models import Assessment
from cloud.identity.permissions import Role
from edge.events import EventKind
from tests.cloud.care.assessments import a_draft, file, save
from tests.cloud.world import CHANGES, START, World, alerts, fall, move

DAY_S = 86_400


@pytest.fixture
async def nurse(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.ASSESSOR)


async def a_fall(world: World, number: int, finding: str = "real_fall") -> str:
    """Sensed, answered and resolved; the alert's id."""
    desk = await world.desk()
    before = {alert["id"] for alert in await alerts(desk)}
    gateway = world.gateway()
    gateway.outbox_id = f"outbox-{number}"  # a new one counts from 1
    await gateway.send(
        fall(
            EventKind.FALL_CONFIRMED, world.clock, episode=f"fall-{number}", event_id=f"e-{number}"
        )
    )
    (new,) = [alert["id"] for alert in await alerts(desk) if alert["id"] not in before]
    for name, more in (("acknowledge", {}), ("resolve", {"finding": finding})):
        answer = await move(desk, new, name, client_time=world.clock.now().isoformat(), **more)
        assert answer.status_code == 200, answer.text
    return str(new)


async def incidents(nurse: httpx.AsyncClient, world: World) -> dict[str, Any]:
    where = f"/api/v1/elders/{world.home.elders[0]}/assessment-incidents"
    day = world.clock.now().date().isoformat()
    answer = await nurse.get(where, params={"reference_date": day})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def first_due(nurse: httpx.AsyncClient) -> dict[str, Any]:
    row: dict[str, Any] = (await nurse.get("/api/v1/assessments-due")).json()["due"][0]
    return row


async def test_a_second_confirmed_fall_makes_an_assessment_due_and_counts_in_it(
    world: World, nurse: httpx.AsyncClient
) -> None:
    await save(nurse, world.home, a_draft())
    assert (await file(nurse, world.home)).json()["report"]["final_level"] == 0
    world.clock.advance(DAY_S)
    await a_fall(world, 1)
    nurse = await world.as_role(Role.ASSESSOR)  # a login does not last for weeks
    assert (await first_due(nurse))["falls"] is None
    world.clock.advance(20 * DAY_S)
    await a_fall(world, 2)
    nurse = await world.as_role(Role.ASSESSOR)
    due = await first_due(nurse)
    assert (due["elder_id"], due["falls"], due["overdue_days"]) == (
        str(world.home.elders[0]), 2, 0,
    )  # fmt: skip
    assert (await incidents(nurse, world))["counts"] == {"fall": 2}

    second = uuid.uuid4()
    where = f"/api/v1/elders/{world.home.elders[0]}/assessments/{second}"
    day = world.clock.now().date().isoformat()
    draft = a_draft(reference_date=day, circumstances={"risk_events": {"fall": 0}}, reason=4)
    assert (await nurse.put(where, json=draft, headers=CHANGES)).status_code == 200
    filed = (await nurse.post(f"{where}/file", json={"version": 1}, headers=CHANGES)).json()
    assert filed["circumstances"]["risk_events"] == {"fall": 2}
    assert filed["report"]["final_level"] == 1
    assert [one["kind"] for one in filed["counted"]] == ["fall", "fall"]
    walked = {row["elder_name"]: row for row in (await nurse.get("/api/v1/rounds")).json()["rows"]}
    assert (walked["王秀兰"]["level"], walked["李国强"]["level"]) == (1, 0)
    assert (await first_due(nurse))["elder_id"] != str(world.home.elders[0])


async def test_a_contested_fall_does_not_count_and_its_reason_stays(
    world: World, nurse: httpx.AsyncClient
) -> None:
    await a_fall(world, 1)
    world.clock.advance(3600)
    await a_fall(world, 2)
    found = (await incidents(nurse, world))["incidents"]
    day = world.clock.now().date().isoformat()
    contested = [{"incident_id": found[0]["id"], "reason": " "}]
    await save(nurse, world.home, a_draft(reference_date=day, contested=contested))
    refused = await file(nurse, world.home)
    assert refused.status_code == 422
    assert "有异议的事件要写明理由" in refused.json()["detail"]
    contested[0]["reason"] = "同一次跌倒记了两遍"
    await save(nurse, world.home, a_draft(1, reference_date=day, contested=contested))
    filed = (await file(nurse, world.home, 2)).json()
    assert filed["contested"] == contested
    assert filed["circumstances"]["risk_events"] == {"fall": 1}
    assert filed["report"]["final_level"] == 0
    assert (await first_due(nurse))["falls"] is None


async def test_contesting_what_never_happened_is_refused(
    world: World, nurse: httpx.AsyncClient
) -> None:
    unknown = [{"incident_id": str(uuid.uuid4()), "reason": "不认识"}]
    await save(nurse, world.home, a_draft(contested=unknown))
    refused = await file(nurse, world.home)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"].startswith("contested.")


def incident(hours: float, recorded_after_h: float = 1.0) -> Incident:
    at = START + timedelta(hours=hours)
    return Incident(
        id=uuid.uuid4(), elder_id=uuid.uuid4(), kind="fall", happened_at=at,
        recorded_at=at + timedelta(hours=recorded_after_h),
    )  # fmt: skip


def assessed(at: datetime, *known: Incident) -> Assessment:
    told = [{"incident_id": str(one.id)} for one in known]
    return Assessment(reference_date=at.date(), filed_at=at, incidents={"counted": told})


def test_thirty_days_apart_is_no_pair() -> None:
    assert trigger_of(None, [incident(0), incident(30 * 24)]) is None
    assert trigger_of(None, [incident(0), incident(30 * 24 - 1)]) is not None


def test_a_pair_that_the_assessment_knew_asks_for_nothing() -> None:
    first, second = incident(0), incident(24)
    later = START + timedelta(days=2)
    assert trigger_of(assessed(later, first, second), [first, second]) is None
    # A third is news, and makes a pair with what was known.
    found = trigger_of(assessed(later, first, second), [first, second, incident(72)])
    assert found is not None
    assert found.count == 3


def test_a_fall_confirmed_after_the_filing_is_news_though_it_happened_before() -> None:
    first, second = incident(0), incident(1, recorded_after_h=100)
    assert trigger_of(assessed(START + timedelta(hours=5), first), [first, second]) is not None


@given(st.lists(st.floats(0, 24 * 60), max_size=6), st.integers(0, 3))
def test_counting_never_lowers_what_the_assessor_said(hours: list[float], said: int) -> None:
    _, counts = counted([incident(one) for one in hours], ())
    total = at_least({"fall": said}, counts).get("fall", 0)
    assert said <= total <= 3
    assert total >= min(len(hours), 3)


async def test_two_events_of_two_kinds_ask_for_one_as_the_house_counts_them(
    world: World, nurse: httpx.AsyncClient
) -> None:
    """A fall and a choking: together two, by kind one each (an open point, a setting)."""
    async with world.database.tenant(world.home.institution_id) as scope:
        for kind, hours in (("fall", 48), ("choking", 24)):
            scope.session.add(
                Incident(
                    id=uuid.uuid4(), institution_id=world.home.institution_id,
                    elder_id=world.home.elders[0], kind=kind, recorded_by="何静",
                    happened_at=START - timedelta(hours=hours),
                    recorded_at=START - timedelta(hours=hours), voided_at=None,
                    reviewed_at=START, reviewed_by="何静", description="x", place="203",
                )
            )  # fmt: skip
    due = await first_due(nurse)
    assert (due["elder_id"], due["events"], due["falls"]) == (str(world.home.elders[0]), 2, 1)
    head = await world.as_role(Role.HEAD_NURSE)
    settings = (await nurse.get("/api/v1/assessment-settings")).json()
    apart = await head.put(
        "/api/v1/assessment-settings", json=settings | {"events_count_together": False},
        headers=CHANGES,
    )  # fmt: skip
    assert apart.status_code == 200, apart.text
    assert (await first_due(nurse))["events"] is None
