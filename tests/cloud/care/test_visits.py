"""Visits through the API: due lists, check-in, findings, follow-ups, what pulls one forward."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from cloud.app import create_app
from cloud.care.discovery.nightly import run_nightly
from cloud.care.tasks.models import CareTask
from cloud.care.tasks.service import Asked, ask
from cloud.care.visits.activity import follow_activity
from cloud.care.visits.service import ask_for_visit
from cloud.identity.permissions import Role
from cloud.people import family
from cloud.people.schemas import ConsentIn, FamilyIn
from cloud.places.homes import add_home
from cloud.places.models import Bed, Room
from cloud.places.schemas import HomeIn
from cloud.settings import Settings
from edge.events import EventKind
from edge.signals import NS_PER_S, Reading
from edge.wire import Lane
from tests.cloud.care.test_counted_incidents import a_fall
from tests.cloud.care.visit_rows import PLACE, plan_visits, staff_id, visited
from tests.cloud.records import KEYRING
from tests.cloud.world import CHANGES, World, alerts, fall

DAY_S = 86_400


@pytest.fixture
async def worker(world: World) -> httpx.AsyncClient:
    """Who goes from door to door."""
    return await world.as_role(Role.ASSESSOR)


async def later(world: World, days: int) -> httpx.AsyncClient:
    """So many days on; logged in again."""
    world.clock.advance(days * DAY_S)
    return await world.as_role(Role.ASSESSOR)


async def due(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/api/v1/visits/due")
    assert answer.status_code == 200, answer.text
    return {row["elder_name"]: row for row in answer.json()["rows"]}


async def moved_home(world: World, number: int = 0) -> None:
    """The elder's room is one of a home from now on."""
    async with world.database.tenant(world.home.institution_id) as scope:
        wanted = HomeIn(name="王家", address="示范街 1 号")
        home = await add_home(scope, wanted, KEYRING, world.clock.now())
        beds = scope.select(Bed).where(Bed.id == world.home.beds[number])
        bed = (await scope.session.scalars(beds)).one()
        room = Room(
            id=uuid.uuid4(), institution_id=scope.institution_id, home_id=home.id, name="卧室"
        )
        scope.session.add(room)
        await scope.session.flush()
        bed.room_id = room.id


async def test_due_done_and_due_again(world: World, worker: httpx.AsyncClient) -> None:
    elder = world.home.elders[0]
    assert (await plan_visits(worker, world, elder)).status_code == 200
    assert (await due(worker))["王秀兰"]["standing"] == "today"
    worker = await later(world, 2)
    assert (await due(worker))["王秀兰"]["standing"] == "overdue"
    answer = await visited(worker, world, elder)
    assert answer.status_code == 200, answer.text
    row = (await due(worker))["王秀兰"]
    assert (row["standing"], row["last_done_by"]) == ("ok", "assessor 测试")
    worker = await later(world, 7)
    assert (await due(worker))["王秀兰"]["standing"] == "today"
    told = (await worker.get(f"/api/v1/elders/{elder}/visits")).json()
    assert told["visits"][0]["due_at"] < told["visits"][0]["started_at"]  # it was late


async def test_a_week_of_normal_sensor_data_never_stands_for_a_visit(
    world: World, worker: httpx.AsyncClient
) -> None:
    elder, other = world.home.elders
    for one in (elder, other):
        await plan_visits(worker, world, one)
        await visited(worker, world, one)
    before = await due(worker)
    gateway = world.gateway()
    for _ in range(8):
        told = [
            Reading("wearable-1", name, world.clock.now_ns() - 60_000_000_000 * minute, value)
            for minute in range(0, 24 * 60, 30)
            for name, value in (("steps", 40.0), ("heart_rate", 71.0))
        ]
        await gateway.send(*told, lane=Lane.BULK)
        worker = await later(world, 1)
    after = await due(worker)
    # The one who is seen to be well by sensors is as overdue as the one of whom nothing is known.
    assert [after[name]["standing"] for name in ("王秀兰", "李国强")] == ["overdue", "overdue"]
    assert after["王秀兰"]["due_at"] == before["王秀兰"]["due_at"] == after["李国强"]["due_at"]


async def test_a_confirmed_fall_pulls_the_visit_forward_and_says_why(
    world: World, worker: httpx.AsyncClient
) -> None:
    elder = world.home.elders[0]
    await plan_visits(worker, world, elder, group="general")
    await visited(worker, world, elder)
    worker = await later(world, 1)
    await a_fall(world, 1, finding="sat_hard")
    assert (await due(worker))["王秀兰"]["pulls"] == []  # a false alarm asks for nothing
    await a_fall(world, 2)
    row = (await due(worker))["王秀兰"]
    assert (row["standing"], row["pulls"][0]["reason"]) == ("soon", "alert")
    assert row["pulls"][0]["note"].startswith("fall_")
    assert row["due_at"] < row["regular_at"]
    world.clock.advance(3600)
    await visited(worker, world, elder)
    assert (await due(worker))["王秀兰"]["pulls"] == []


async def test_an_open_alert_is_the_desks_and_pulls_nothing_yet(
    world: World, worker: httpx.AsyncClient
) -> None:
    await plan_visits(worker, world, world.home.elders[0])
    await world.gateway().send(fall(EventKind.SOS, world.clock))
    assert len(await alerts(await world.desk())) == 1
    assert (await due(worker))["王秀兰"]["pulls"] == []


async def test_a_drop_in_activity_pulls_the_visit_forward_and_says_by_how_much(
    world: World, worker: httpx.AsyncClient
) -> None:
    elder = world.home.elders[0]
    await plan_visits(worker, world, elder, group="general")
    gateway = world.gateway()
    begin_ns = world.clock.now_ns() - 28 * DAY_S * NS_PER_S
    for day in range(28):  # assigned 30 days ago; 21 usual days, then a week of a third
        steps = 300.0 if day < 21 else 100.0
        told = [
            Reading("wearable-1", "steps", begin_ns + (day * DAY_S + hour * 3600) * NS_PER_S, steps)
            for hour in range(10)
        ]  # fmt: skip
        await gateway.send(*told, lane=Lane.BULK)
    now = world.clock.now()
    await run_nightly(world.database, world.app.state.series, world.home.institution_id, now)
    async with world.database.tenant(world.home.institution_id) as scope:
        assert await follow_activity(scope, now) == 1
        assert await follow_activity(scope, now + timedelta(hours=1)) == 0
    (pull,) = (await due(worker))["王秀兰"]["pulls"]
    assert pull["reason"] == "activity_drop"
    assert pull["note"] == "近一周每天约 1600 步，之前四周约 4800 步（按全天佩戴算）"


async def test_what_asks_twice_for_one_reason_asks_once(
    world: World, worker: httpx.AsyncClient
) -> None:
    elder, now = world.home.elders[0], world.clock.now()
    await plan_visits(worker, world, elder, group="general")
    await visited(worker, world, elder)
    world.clock.advance(60)
    async with world.database.tenant(world.home.institution_id) as scope:
        made = [
            await ask_for_visit(
                scope, elder, due_at=now + timedelta(days=1), reason="discovery",
                note="一周没有出门", source="discovery:1", by="系统", now=world.clock.now(),
            )
            for _ in range(2)
        ]  # fmt: skip
    assert made == [True, False]
    assert [one["note"] for one in (await due(worker))["王秀兰"]["pulls"]] == ["一周没有出门"]


@pytest.mark.parametrize(
    ("outcome", "left"), [("done", None), ("refused", None), ("not_home", "一周没有出门")]
)
async def test_a_visit_that_discovery_asked_for_is_made_refused_or_tried_again(
    world: World, worker: httpx.AsyncClient, outcome: str, left: str | None
) -> None:
    elder, now = world.home.elders[0], world.clock.now()
    await plan_visits(worker, world, elder, group="general")
    await visited(worker, world, elder)
    world.clock.advance(3600)
    async with world.database.tenant(world.home.institution_id) as scope:
        due_on = now.date() + timedelta(days=2)
        asked = Asked("visit", elder, "一周没有出门", due_on, "discovery", uuid.uuid4())
        task = await ask(scope, asked, "系统", world.clock.now())
    (pull,) = (await due(worker))["王秀兰"]["pulls"]
    assert (pull["reason"], pull["note"]) == ("discovery", "一周没有出门")
    world.clock.advance(3600)
    findings = ["all_well"] if outcome == "done" else []
    answer = await visited(worker, world, elder, outcome=outcome, findings=findings)
    assert answer.status_code == 200, answer.text
    assert [one["note"] for one in (await due(worker))["王秀兰"]["pulls"]] == (
        [left] if left else []
    )
    async with world.database.tenant(world.home.institution_id) as scope:
        held = (await scope.session.scalars(scope.select(CareTask))).one()
        assert held.id == task.id
        assert held.outcome == (None if left else outcome)


async def test_refused_and_not_home_are_kept_and_count_for_nothing(
    world: World, worker: httpx.AsyncClient
) -> None:
    elder = world.home.elders[0]
    await plan_visits(worker, world, elder)
    for outcome in ("not_home", "refused"):
        world.clock.advance(60)
        answer = await visited(worker, world, elder, outcome=outcome, findings=[])
        assert answer.status_code == 200, answer.text
    row = (await due(worker))["王秀兰"]
    assert (row["standing"], row["last_attempt"]) == ("today", "refused")
    assert row["last_done_at"] is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"findings": []}, "findings"),
        ({"findings": ["all_well", "fell"]}, "findings"),
        ({"findings": ["ghost"]}, "findings"),
        ({"outcome": "not_home"}, "findings"),
        ({"place": None}, "no_place_reason"),
        ({"started_at": "2026-02-01T00:00:00Z"}, "started_at"),
        ({"ended_at": "2026-02-28T00:00:00Z"}, "ended_at"),
        ({"way": "phone", "outcome": "not_home", "findings": []}, "outcome"),
        ({"outcome": "no_answer", "findings": []}, "outcome"),
    ],
)
async def test_a_visit_that_cannot_be_names_its_field(
    world: World, worker: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    elder = world.home.elders[0]
    answer = await visited(worker, world, elder, **changes)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == f"body.{field}"
    assert (await worker.get(f"/api/v1/elders/{elder}/visits")).json()["visits"] == []


async def test_the_place_is_measured_against_the_door(
    world: World, worker: httpx.AsyncClient
) -> None:
    elder = world.home.elders[0]
    await plan_visits(worker, world, elder)
    near = (await visited(worker, world, elder)).json()
    assert (near["distance_m"], near["far_away"]) == (0.0, False)
    away = {"lat": PLACE["lat"] + 0.02, "lon": PLACE["lon"], "accuracy_m": 30}
    far = (await visited(worker, world, elder, place=away)).json()
    assert far["distance_m"] == pytest.approx(2224, abs=5)
    assert far["far_away"]
    said = await visited(worker, world, elder, place=None, no_place_reason="楼道里没有信号")
    assert said.json()["distance_m"] is None
    assert said.json()["no_place_reason"] == "楼道里没有信号"


async def test_sent_twice_is_one_visit(world: World, worker: httpx.AsyncClient) -> None:
    elder, one = world.home.elders[0], str(uuid.uuid4())
    first = (await visited(worker, world, elder, id=one)).json()
    world.clock.advance(120)
    assert (await visited(worker, world, elder, id=one)).json() == first


async def test_followups_are_due_overdue_and_done(world: World, worker: httpx.AsyncClient) -> None:
    elder, owner = world.home.elders[0], await staff_id(world, world.home)
    todo = {
        "id": str(uuid.uuid4()), "what": "联系助餐点", "owner_id": owner,
        "due_on": (world.clock.now().date() + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    await plan_visits(worker, world, elder)
    await visited(worker, world, elder, findings=["eats_little"], followups=[todo])

    async def listed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        return list((await client.get("/api/v1/visit-followups")).json()["followups"])

    assert [(one["overdue"], one["owner"]) for one in await listed(worker)] == [
        (False, "duty 测试")
    ]
    assert (await due(worker))["王秀兰"]["open_followups"] == 1
    worker = await later(world, 2)
    assert (await listed(worker))[0]["overdue"]
    where = f"/api/v1/visit-followups/{todo['id']}/done"
    answer = await worker.post(where, json={"result": "周一起送餐"}, headers=CHANGES)
    assert answer.json()["done_by"] == "assessor 测试"
    assert await listed(worker) == []
    again = await worker.post(where, json={"result": "再来"}, headers=CHANGES)
    assert again.status_code == 409


async def test_a_visit_taken_back_counts_no_more_and_stays_in_the_record(
    world: World, worker: httpx.AsyncClient
) -> None:
    elder = world.home.elders[0]
    await plan_visits(worker, world, elder)
    visit = (await visited(worker, world, elder)).json()
    assert (await due(worker))["王秀兰"]["standing"] == "ok"
    where = f"/api/v1/visits/{visit['id']}/corrections"
    half = await worker.post(
        where,
        json={"reason": "错了", "void": False, "started_at": visit["started_at"]},
        headers=CHANGES,
    )
    assert half.status_code == 422
    answer = await worker.post(where, json={"reason": "是邻居家", "void": True}, headers=CHANGES)
    assert (answer.json()["void"], answer.json()["findings"]) == (True, ["all_well"])
    assert (await due(worker))["王秀兰"]["standing"] == "today"


async def test_the_route_goes_from_the_station_to_the_nearest_and_tells_who_is_not_on_the_map(
    world: World, worker: httpx.AsyncClient
) -> None:
    head = await world.as_role(Role.HEAD_NURSE)
    station = {"name": "服务站", "lat": PLACE["lat"], "lon": PLACE["lon"] - 0.01}
    wanted = {"pull_forward_h": 24, "remote_in_a_row": 1, "station": station, "version": 0}
    assert (await head.put("/api/v1/visit-settings", json=wanted)).status_code == 200
    await moved_home(world)
    first, second = world.home.elders
    await plan_visits(worker, world, first)
    await plan_visits(worker, world, second, place=None)
    route = (await worker.get("/api/v1/visits/route")).json()
    assert [stop["row"]["elder_name"] for stop in route["stops"]] == ["王秀兰", "李国强"]
    assert [stop["address"] for stop in route["stops"]] == ["示范街 1 号", ""]
    assert route["stops"][0]["leg_m"] == pytest.approx(967, abs=5)
    assert (route["stops"][1]["place"], route["stops"][1]["leg_m"]) == (None, None)
    mine = await worker.get("/api/v1/visits/route", params={"visitor_id": str(uuid.uuid4())})
    assert mine.json()["stops"] == []
    unplanned = (await worker.get("/api/v1/visits/due")).json()["unplanned"]
    assert unplanned == []


async def test_who_lives_at_home_without_a_plan_is_named(
    world: World, worker: httpx.AsyncClient
) -> None:
    await moved_home(world)
    (one,) = (await worker.get("/api/v1/visits/due")).json()["unplanned"]
    assert (one["elder_name"], one["where"]) == ("王秀兰", "王家")


async def test_a_plan_that_changed_meanwhile_is_not_overwritten(
    world: World, worker: httpx.AsyncClient
) -> None:
    elder = world.home.elders[0]
    assert (await plan_visits(worker, world, elder)).status_code == 200
    assert (await plan_visits(worker, world, elder)).status_code == 409
    wrong = await plan_visits(worker, world, elder, group="nobody", version=1)
    assert wrong.json()["errors"][0]["field"] == "body.group"
    ended = await plan_visits(worker, world, elder, ended=True, version=1)
    assert ended.json()["ended_at"] is not None
    assert await due(worker) == {}


async def test_the_houses_figures_count(world: World, worker: httpx.AsyncClient) -> None:
    head = await world.as_role(Role.HEAD_NURSE)
    elder = world.home.elders[0]
    await plan_visits(worker, world, elder, group="general")
    await visited(worker, world, elder)
    before = (await due(worker))["王秀兰"]["due_at"]
    wanted = {"interval_days": {"general": 30}, "pull_forward_h": 24, "remote_in_a_row": 1}
    told = (await head.put("/api/v1/visit-settings", json=wanted)).json()
    general = next(one for one in told["groups"] if one["key"] == "general")
    assert (general["interval_days"], general["default_days"], general["mark"]) == (30, 91, "V")
    assert (await due(worker))["王秀兰"]["due_at"] < before
    bad = {**wanted, "interval_days": {"x": 3}, "version": 1}
    assert (await head.put("/api/v1/visit-settings", json=bad)).status_code == 422


@pytest.mark.parametrize("shares", [[], ["visits"]])
async def test_relatives_see_visits_where_the_elder_agreed(
    world: World, worker: httpx.AsyncClient, shares: list[Any]
) -> None:
    elder, now = world.home.elders[0], world.clock.now()
    await plan_visits(worker, world, elder)
    await visited(worker, world, elder, findings=["low_mood"], note="想女儿")
    async with world.database.tenant(world.home.institution_id) as scope:
        wanted = FamilyIn(
            name="王芳", relationship="女儿", may_see=["visits"],
            username=world.home.username(Role.FAMILY),
        )  # fmt: skip
        member = await family.put_family_member(
            scope, elder, None, wanted, keyring=KEYRING, now=now
        )
        if shares:
            consent = ConsentIn(
                purpose="family_sharing", family_member_id=member.id, kinds=shares,
                text_version="1", signer="self", signer_name="王秀兰", valid_from=now,
            )  # fmt: skip
            await family.add_consent(scope, elder, consent, None, now)
    daughter = await world.as_role(Role.FAMILY)
    answer = await daughter.get("/api/v1/family/visits")
    (told,) = answer.json()["elders"]
    assert told["shared"] is bool(shares)
    assert [one["outcome"] for one in told["done"]] == (["done"] if shares else [])
    assert told["next_due_on"] == ("2026-03-08" if shares else None)
    assert "low_mood" not in answer.text
    assert "想女儿" not in answer.text


@pytest.mark.parametrize(
    ("tiles", "sources"),
    [
        ("", "img-src 'self' data: blob:;"),
        (
            "https://tiles.example.org/{z}/{x}/{y}.png?key=1",
            "img-src 'self' https://tiles.example.org data: blob:;",
        ),
    ],
)
async def test_pictures_come_from_ourselves_and_the_tile_server_that_is_set(
    world: World, tiles: str, sources: str
) -> None:
    app = create_app(Settings(map_tiles=tiles), world.database, world.clock, with_tasks=False)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://cloud.test") as client:
        headers = (await client.get("/api/v1/session")).headers
    assert sources in headers["content-security-policy"]
    assert "geolocation=(self)" in headers["permissions-policy"]


@pytest.mark.parametrize(
    "tiles", ["tiles", "https://x/{z}/{x}", "https://x; script-src */{z}{x}{y}"]
)
def test_an_address_of_tiles_that_cannot_be_is_refused(tiles: str) -> None:
    with pytest.raises(ValidationError):
        Settings(map_tiles=tiles)
