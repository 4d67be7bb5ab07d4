"""Orders of meals, bathing and medical help; helpers who are asked to go."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from cloud.alerts.escalation.reach import recipients
from cloud.alerts.models import Alert
from cloud.alerts.notify.points import add_point
from cloud.alerts.notify.relatives import relatives
from cloud.care.orders.states import OrderMove, OrderState, after, allowed
from cloud.identity.permissions import Role
from cloud.people import family
from cloud.people.schemas import ConsentIn, FamilyIn
from edge.events import EventKind
from tests.cloud.care.order_rows import move_order, ordered
from tests.cloud.care.test_visits import moved_home
from tests.cloud.care.visit_rows import PLACE, plan_visits
from tests.cloud.records import KEYRING
from tests.cloud.world import CHANGES, World, fall


@pytest.fixture
async def worker(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.ASSESSOR)


def test_what_has_ended_has_ended() -> None:
    assert allowed(OrderState.CANCELLED) == allowed(OrderState.MISSED) == []
    assert allowed(OrderState.DONE) == [OrderMove.VOID]
    # Nothing is done that was not begun.
    assert after(OrderState.ORDERED, OrderMove.FINISH) is None


async def test_a_meal_from_order_to_confirmation(world: World, worker: httpx.AsyncClient) -> None:
    elder = world.home.elders[0]
    await plan_visits(worker, world, elder)
    made = (await ordered(worker, world, elder)).json()
    assert (made["state"], made["purchaser"]) == ("ordered", "区民政局")
    no_place = await move_order(worker, made["id"], "begin")
    assert no_place.json()["errors"][0]["field"] == "body.no_place_reason"
    begun = await move_order(worker, made["id"], "begin", place={**PLACE, "accuracy_m": 15})
    assert (begun.json()["state"], begun.json()["distance_m"]) == ("begun", 0.0)
    world.clock.advance(1200)
    for body, field in (
        ({}, "confirmed_by"), ({"confirmed_by": "nobody"}, "reason"),
        ({"confirmed_by": "relative"}, "confirmed_name"),
    ):  # fmt: skip
        refused = await move_order(worker, made["id"], "finish", **body)
        assert refused.json()["errors"][0]["field"] == f"body.{field}"
    done = (await move_order(worker, made["id"], "finish", confirmed_by="elder")).json()
    assert (done["state"], done["confirmed_by"], done["allowed"]) == ("done", "elder", ["void"])
    assert [one["move"] for one in done["moves"]] == ["order", "begin", "finish"]
    assert (await move_order(worker, made["id"], "begin", no_place_reason="x")).status_code == 409


async def test_cancelled_missed_and_late(world: World, worker: httpx.AsyncClient) -> None:
    elder = world.home.elders[0]
    first, second = [(await ordered(worker, world, elder)).json() for _ in range(2)]
    assert (await move_order(worker, first["id"], "cancel")).status_code == 422
    gone = await move_order(worker, first["id"], "cancel", reason="住院了")
    assert gone.json()["state"] == "cancelled"
    world.clock.advance(3 * 3600)
    listed = (await worker.get("/api/v1/service-orders")).json()["orders"]
    assert [(one["id"], one["late"]) for one in listed] == [
        (one["id"], one["id"] == second["id"]) for one in listed
    ]
    missed = await move_order(worker, second["id"], "miss", reason="敲门没有人")
    assert missed.json()["state"] == "missed"


async def test_sent_twice_is_one_order(world: World, worker: httpx.AsyncClient) -> None:
    elder, one = world.home.elders[0], str(uuid.uuid4())
    first = (await ordered(worker, world, elder, id=one)).json()
    assert (await ordered(worker, world, elder, id=one)).json() == first
    assert (await ordered(worker, world, world.home.elders[1], id=one)).status_code == 409


async def helper(world: World, **changes: Any) -> None:
    """A neighbour with a key, whom the elder agreed to have told of alerts."""
    elder, now = world.home.elders[0], world.clock.now()
    async with world.database.tenant(world.home.institution_id) as scope:
        wanted = FamilyIn(
            name="邻居老刘", relationship="对门邻居", may_see=["alerts"], role="helper"
        ).model_copy(update=changes)
        member = await family.put_family_member(
            scope, elder, None, wanted, keyring=KEYRING, now=now
        )
        consent = ConsentIn(
            purpose="family_sharing", family_member_id=member.id, kinds=["alerts"],
            text_version="1", signer="self", signer_name="王秀兰", valid_from=now,
        )  # fmt: skip
        await family.add_consent(scope, elder, consent, None, now)
        await add_point(
            scope, KEYRING, "apprise", "手机", "json://127.0.0.1:9/", now=now,
            family_id=member.id, verified=True,
        )  # fmt: skip


async def test_a_helper_is_asked_to_go_to_a_home_and_hears_no_outcomes(world: World) -> None:
    await moved_home(world)
    await helper(world)
    await world.gateway().send(fall(EventKind.SOS, world.clock))
    elder, now = world.home.elders[0], world.clock.now()
    async with world.database.tenant(world.home.institution_id) as scope:
        alert = (await scope.session.scalars(scope.select(Alert))).one()
        asked = await recipients(scope, alert, ["helpers"], now)
        assert [one.name for one in asked] == ["邻居老刘"]
        assert await recipients(scope, alert, ["family_home"], now) == []
        assert await relatives(scope, elder, now) == []  # who is told how it ended


async def test_in_the_house_no_neighbour_is_asked(world: World) -> None:
    await helper(world)
    await world.gateway().send(fall(EventKind.SOS, world.clock))
    async with world.database.tenant(world.home.institution_id) as scope:
        alert = (await scope.session.scalars(scope.select(Alert))).one()
        assert await recipients(scope, alert, ["helpers"], world.clock.now()) == []


async def test_a_helper_sees_alerts_and_nothing_else(world: World) -> None:
    head = await world.as_role(Role.HEAD_NURSE)
    where = f"/api/v1/elders/{world.home.elders[0]}/family"
    wanted = {"name": "老刘", "relationship": "邻居", "role": "helper", "may_see": ["night"]}
    answer = await head.post(where, json=wanted, headers=CHANGES)
    assert answer.json()["errors"][0]["field"] == "body.may_see"
    wanted["may_see"] = ["alerts"]
    answer = await head.post(where, json=wanted, headers=CHANGES)
    assert answer.status_code == 200, answer.text
