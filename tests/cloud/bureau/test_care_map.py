"""The care map: what a house says and what is counted of it; who sees it; what meets a need."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from cloud.bureau.caremap.count import Beds, count_beds, count_waiting
from cloud.bureau.caremap.waiting import waiting_of
from cloud.bureau.masking import SMALL
from cloud.bureau.sheet import ALL, Member
from cloud.care.homebed.models import HomeBed
from cloud.care.tasks.service import Asked, ask
from cloud.identity.models import User, UserUnit
from cloud.identity.permissions import Role
from cloud.people.family import put_family_member
from cloud.people.schemas import FamilyIn
from cloud.people.service import add_elder
from cloud.places.models import Bed, Unit
from cloud.places.service import add_bed, add_room, add_unit
from tests.cloud.bureau.care_map_rows import PROFILE, count, publish, set_skills
from tests.cloud.bureau.scene import Stage, inspector, make_bureau, staged
from tests.cloud.care.visit_rows import plan_visits, staff_id
from tests.cloud.records import KEYRING
from tests.cloud.world import CHANGES, START, Home, World
from tests.support.postgres import Postgres

NEED: dict[str, Any] = {"kind": "nursing", "place": {"lat": 29.80, "lon": 106.40}, "within_km": 10}


@pytest.fixture
async def stage(world: World, postgres: Postgres, database_name: str) -> Stage:
    """A bureau that counts both houses, in two districts; neither is on the map yet."""
    return await staged(world, postgres, database_name, other_shows_events=True)


async def beds_in(world: World, home: Home, **kinds: int) -> list[uuid.UUID]:
    """So many empty beds of each kind."""
    made: list[uuid.UUID] = []
    async with world.database.tenant(home.institution_id) as scope:
        unit = await add_unit(scope, "5 楼", 5)
        room = await add_room(scope, unit.id, "501")
        made += [
            (await add_bed(scope, room.id, f"{kind}{each}", kind=kind)).id
            for kind, number in kinds.items()
            for each in range(number)
        ]
    return made


async def care_map(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/api/v1/bureau/care-map")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def matched(client: httpx.AsyncClient, where: str = "bureau/care-map", **need: Any) -> Any:
    body = NEED | need
    answer = await client.post(f"/api/v1/{where}/matches", json=body, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    return answer.json()


def codes(one: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in one["reasons"]}


async def counted(world: World, home: Home | None = None) -> dict[str, Beds]:
    async with world.database.tenant((home or world.home).institution_id) as scope:
        return await count_beds(scope, world.clock.now())


async def test_beds_are_counted_from_the_house_itself(world: World) -> None:
    nursing = await beds_in(world, world.home, nursing=4, dementia=1)
    async with world.database.tenant(world.home.institution_id) as scope:
        for bed_id, changes in zip(
            nursing, ({"state": "reserved"}, {"state": "out_of_use"}, {"closed_at": START}),
            strict=False,
        ):  # fmt: skip
            bed = (await scope.session.scalars(scope.select(Bed).where(Bed.id == bed_id))).one()
            for name, value in changes.items():
                setattr(bed, name, value)
    # Two elders stay in the two general beds; one nursing bed is promised, one is left.
    assert await counted(world) == {
        "general": Beds(2, 2), "nursing": Beds(2, 0, 1), "dementia": Beds(1, 0),
    }  # fmt: skip
    assert Beds(2, 0, 1).free == 1
    head = await world.as_role(Role.HEAD_NURSE)
    left = {"at": START.isoformat(), "reason": "left"}
    where = f"/api/v1/elders/{world.home.elders[0]}"
    answer = await head.post(f"{where}/leave", json=left, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    assert (await counted(world))["general"] == Beds(2, 1)


async def home_bed(world: World, step: str, elder: int | uuid.UUID = 0) -> None:
    elder_id = world.home.elders[elder] if isinstance(elder, int) else elder
    async with world.database.tenant(world.home.institution_id) as scope:
        scope.session.add(
            HomeBed(
                id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id, step=step,
                step_since=START, purchaser="", created_at=START,
            )
        )  # fmt: skip


async def test_a_home_bed_is_a_place_in_a_capacity(world: World) -> None:
    await publish(world, world.home, home_bed_capacity=3)
    assert (await counted(world))["home"] == Beds(3, 0)
    await home_bed(world, "planned", 0)  # waits, takes none yet
    await home_bed(world, "agreed", 1)
    assert (await counted(world))["home"] == Beds(3, 1)
    await publish(world, world.home, home_bed_capacity=None, version=1)
    # Served, but nobody said how many more could be: not offered, and not "full".
    assert (await counted(world))["home"].free is None


async def test_the_manager_alone_says_where_the_house_stands(world: World) -> None:
    assert (await publish(world, world.home)).status_code == 200
    for role in (Role.HEAD_NURSE, Role.OPERATOR, Role.ADMIN, Role.DUTY, Role.DISTRICT_VIEWER):
        client = await world.as_role(role)
        answer = await client.put(
            "/api/v1/care-map/profile", json=PROFILE | {"version": 1}, headers=CHANGES
        )
        assert answer.status_code == 403, role
    operator = await world.as_role(Role.OPERATOR)
    said = (await operator.get("/api/v1/care-map/profile")).json()
    assert (said["may_change"], said["services"]) == (False, ["dementia_care", "respite"])


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"address": ""}, "address"), ({"phone": ""}, "phone"), ({"place": None}, "place"),
    ({"services": ["flying"]}, "services"), ({"services": ["night"]}, "services"),
    ({"phone": "call me"}, "phone"), ({"place": {"lat": 200, "lon": 106}}, "place.lat"),
    ({"home_bed_capacity": -1}, "home_bed_capacity"),
)  # fmt: skip


async def test_what_is_wrong_is_named_and_changes_nothing(world: World) -> None:
    for changes, field in WRONG:
        answer = await publish(world, world.home, **changes)
        assert answer.status_code == 422
        errors = answer.json()["errors"]
        assert [one["field"].removeprefix("body.") for one in errors] == [field], changes
    manager = await world.as_role(Role.MANAGER)
    assert (await manager.get("/api/v1/care-map/profile")).json()["version"] == 0


async def test_an_older_version_does_not_win(world: World) -> None:
    await publish(world, world.home)
    answer = await publish(world, world.home, note="old")
    assert answer.status_code == 409
    assert (await publish(world, world.home, note="new", version=1)).json()["note"] == "new"


async def test_the_bureau_sees_what_is_published_and_who_is_not(stage: Stage) -> None:
    world = stage.world
    await publish(world, world.home)
    await publish(world, world.other, published=False)
    said = await care_map(stage.client)
    assert [house["name"] for house in said["houses"]] == ["home 养老院"]
    assert [one["name"] for one in said["unpublished"]] == ["other 养老院"]
    (house,) = said["houses"]
    assert (house["own"], house["stale"], house["district_name"]) == (False, False, "北碚区")
    assert house["beds"][0] == {
        "kind": "general", "total": 2, "taken": 2, "reserved": 0, "free": 0,
    }  # fmt: skip


async def test_houses_of_one_bureau_see_each_other_and_nobody_else_does(stage: Stage) -> None:
    world = stage.world
    await publish(world, world.other)
    head = await world.as_role(Role.HEAD_NURSE)
    assert [one["name"] for one in (await care_map(head))["houses"]] == ["other 养老院"]
    stranger = await inspector(world, await make_bureau(world.database, START, "外地民政局"))
    said = await care_map(stranger)
    assert (said["houses"], said["unpublished"]) == ([], [])


async def test_how_many_are_served_at_home_is_told_only_against_a_capacity(stage: Stage) -> None:
    world = stage.world
    await home_bed(world, "agreed", 0)
    await publish(world, world.home, home_bed_capacity=None)
    told = {one["kind"]: one for one in (await care_map(stage.client))["houses"][0]["beds"]}
    assert (told["home"]["taken"], told["home"]["free"]) == (None, None)
    own = (await (await world.as_role(Role.MANAGER)).get("/api/v1/care-map/profile")).json()
    assert [one["taken"] for one in own["beds"] if one["kind"] == "home"] == [1]
    said = await matched(stage.client, kind="home")
    assert codes(said["left_out"][0]) == {"capacity_unknown"}


async def test_old_counts_are_told_as_old_and_nobody_is_sent_there(stage: Stage) -> None:
    world = stage.world
    await beds_in(world, world.home, nursing=3)
    await publish(world, world.home)
    assert [one["free"] for one in (await matched(stage.client))["fitting"]] == [3]
    world.clock.advance(16 * 60)
    client = await inspector(world, stage.bureau)
    assert (await care_map(client))["houses"][0]["stale"]
    said = await matched(client)
    assert (said["fitting"], codes(said["left_out"][0])) == ([], {"counts_old"})
    await count(world, world.home)
    assert (await matched(client))["fitting"]


async def test_every_house_says_why_it_fits_or_not(stage: Stage) -> None:
    world = stage.world
    await beds_in(world, world.home, nursing=2)
    await publish(world, world.home)
    await publish(world, world.other, place={"lat": 30.5, "lon": 107.0}, services=[])
    said = await matched(stage.client, needs=["dementia_care"], wishes=["rehabilitation"])
    (fits,), (left,) = said["fitting"], said["left_out"]
    assert codes(fits) == {"distance", "free", "load", "has_needed", "lacks_wished"}
    assert (fits["phone"], fits["free"], fits["total"]) == ("023-00000000", 2, 2)
    assert codes(left) == {"no_such_beds", "lacks_needed", "too_far"}
    home = await matched(stage.client, kind="home", place=None)
    assert [one["free"] for one in home["fitting"]] == [3, 3]
    assert {one["distance_km"] for one in home["fitting"]} == {None}
    bad = await stage.client.post(
        "/api/v1/bureau/care-map/matches", json=NEED | {"needs": ["night"]}, headers=CHANGES
    )
    assert bad.json()["errors"][0]["field"] == "body.needs"


async def test_the_bureau_reads_no_name_and_no_small_count(stage: Stage) -> None:
    world = stage.world
    await publish(world, world.home)
    await publish(world, world.other)
    async with world.database.tenant(world.home.institution_id) as scope:
        for number in range(3):
            await add_elder(
                scope, f"未住老人{number}", sex="female", birth_date=date(1940, 1, 1), care_note="",
                now=START,
            )  # fmt: skip
    await count(world, world.home)
    said = await care_map(stage.client)
    waiting = {(one["level"], one["name"], one["kind"]): one for one in said["waiting"]}
    assert waiting["institution", "home 养老院", "bed"]["masked"]
    assert waiting["institution", "home 养老院", "bed"]["count"] is None
    assert waiting["institution", "other 养老院", "bed"]["count"] == 0
    # The total would be the number itself.
    assert waiting["all", "某某市民政局", "bed"]["masked"]
    words = str(said) + str(await matched(stage.client))
    assert not [name for name in ("王秀兰", "李国强", "未住老人", "周敏", "测试") if name in words]
    own = await care_map(await world.as_role(Role.MANAGER))
    assert [one["count"] for one in own["waiting"] if one["kind"] == "bed"] == [3]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=7), st.data())
def test_a_shown_number_never_gives_a_small_one_away(counts: list[int], data: Any) -> None:
    members, said = [], {}
    for number, waits in enumerate(counts):
        code = data.draw(st.sampled_from(("500109", "500108", None)))
        one = Member(uuid.UUID(int=number + 1), f"院{number}", code, code or "", shows_events=False)
        members.append(one)
        said[one.id] = {"bed": waits}
    found = {one.node: one for one in waiting_of(members, said, title="市") if one.kind == "bed"}
    for member in members:
        shown = found[member.key].count
        assert shown is None or shown == 0 or shown >= SMALL
    # One masked house alone under a shown total would be the total less the rest.
    for node in {member.district for member in members} | {ALL}:
        if found[node].count is not None and node != ALL:
            hidden = [m for m in members if m.district == node and found[m.key].masked]
            assert len(hidden) != 1


async def test_open_needs_are_what_waits_already(world: World) -> None:
    async with world.database.tenant(world.home.institution_id) as scope:
        newcomer = await add_elder(
            scope, "赵玉华", sex="female", birth_date=date(1940, 1, 1), care_note="", now=START
        )
        why = Asked("visit", world.home.elders[0], "三天没有出门", date(2026, 3, 3), "person")
        await ask(scope, why, "何静", START)
    await home_bed(world, "applied", 1)
    head = await world.as_role(Role.HEAD_NURSE)
    needs = (await head.get("/api/v1/care-map/needs")).json()["needs"]
    assert {(one["elder_name"], one["source"], one["kind"]) for one in needs} == {
        ("赵玉华", "no_bed", None), ("李国强", "home_bed", "home"), ("王秀兰", "task", "responder"),
    }  # fmt: skip
    async with world.database.tenant(world.home.institution_id) as scope:
        assert await count_waiting(scope) == {"bed": 1, "home": 1, "task": 1}
    await home_bed(world, "applied", newcomer.id)
    needs = (await head.get("/api/v1/care-map/needs")).json()["needs"]
    assert {one["source"] for one in needs} == {"home_bed", "task"}


async def match_responder(client: httpx.AsyncClient, world: World, **need: Any) -> Any:
    wanted = {"kind": "responder", "place": None, "elder_id": str(world.home.elders[0])} | need
    return await matched(client, "care-map", **wanted)


async def test_who_is_on_duty_comes_first_by_skill_and_load(world: World) -> None:
    head = await world.as_role(Role.HEAD_NURSE)
    await publish(world, world.home, place={"lat": 29.54, "lon": 106.50})
    await plan_visits(head, world, world.home.elders[0])
    busy = await staff_id(world, world.home)
    async with world.database.tenant(world.home.institution_id) as scope:
        users = scope.select(User).where(User.username == "home-duty2")
        free = str((await scope.session.scalars(users)).one().id)
    for who in (busy, free):
        assert (await set_skills(world, world.home, who, skills=["bathing"])).status_code == 200
    said = await match_responder(head, world, needs=["bathing"])
    # `busy` has the role but no duty tonight; duty2 is on the roster.
    assert [one["id"] for one in said["fitting"]] == [free]
    assert said["place_from"] == "house"  # the elder stays in the house
    left = {one["id"]: codes(one) for one in said["left_out"]}
    assert left[busy] == {"off_duty"}
    head_nurse = await staff_id(world, world.home, Role.HEAD_NURSE)
    assert left[head_nurse] == {"lacks_needed"}
    assert all(one["place"] is None for one in (*said["fitting"], *said["left_out"]))
    await plan_visits(head, world, world.home.elders[1], visitor_id=free)
    (one,) = (await match_responder(head, world, needs=["bathing"]))["fitting"]
    assert {"code": "visits_due", "value": 1.0, "names": []} in one["reasons"]
    await set_skills(world, world.home, free, skills=["bathing"], capacity=1, version=1)
    said = await match_responder(head, world, needs=["bathing"])
    assert (said["fitting"], "full" in codes(_of(said, free))) == ([], True)


def _of(said: Any, who: str) -> Any:
    return next(one for one in (*said["fitting"], *said["left_out"]) if one["id"] == who)


async def a_helper(world: World, elder: int, name: str) -> str:
    async with world.database.tenant(world.home.institution_id) as scope:
        wanted = FamilyIn(name=name, relationship="邻居", role="helper", may_see=["alerts"])
        made = await put_family_member(
            scope, world.home.elders[elder], None, wanted, keyring=KEYRING, now=START
        )
    return str(made.id)


async def test_a_helper_is_for_their_own_elder_unless_more_is_agreed(world: World) -> None:
    head = await world.as_role(Role.HEAD_NURSE)
    near, other = await a_helper(world, 0, "刘邻居"), await a_helper(world, 1, "陈邻居")
    await plan_visits(head, world, world.home.elders[1])
    said = await match_responder(head, world, place={"lat": 29.5325, "lon": 106.4990})
    assert "place_unknown" in codes(_of(said, near))  # no door of that elder is known
    assert codes(_of(said, other)) == {"paired_with_another"}
    await plan_visits(head, world, world.home.elders[0])
    said = await match_responder(head, world, place={"lat": 29.5325, "lon": 106.4990})
    assert {"paired", "distance"} <= codes(_of(said, near))
    assert _of(said, near)["score"] is not None
    await set_skills(world, world.home, other, skills=["meals"])
    assert _of(await match_responder(head, world), other)["score"] is not None


async def test_whom_one_does_not_reach_is_not_told(world: World) -> None:
    other = await a_helper(world, 1, "陈邻居")
    async with world.database.tenant(world.home.institution_id) as scope:
        unit = (await scope.session.scalars(scope.select(Unit))).first()
        assert unit is not None
        far = await add_unit(scope, "9 楼", 9)
        room = await add_room(scope, far.id, "901")
        bed = await scope.session.scalars(scope.select(Bed).where(Bed.id == world.home.beds[1]))
        bed.one().room_id = room.id
        users = scope.select(User).where(User.username == world.home.username(Role.DUTY))
        carer = (await scope.session.scalars(users)).one()
        scope.session.add(
            UserUnit(institution_id=scope.institution_id, user_id=carer.id, unit_id=unit.id)
        )
        why = Asked("visit", world.home.elders[1], "x", date(2026, 3, 3), "person")
        await ask(scope, why, "何静", START)
    duty = await world.as_role(Role.DUTY)
    assert (await duty.get("/api/v1/care-map/needs")).json()["needs"] == []
    answer = await duty.post(
        "/api/v1/care-map/matches", json=NEED | {"elder_id": str(world.home.elders[1])},
        headers=CHANGES,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (403, "outside_unit")
    people = (await duty.get("/api/v1/care-map/responders")).json()["responders"]
    assert other not in {one["id"] for one in people}


async def test_a_need_without_a_bed_of_ones_own_finds_the_neighbour(stage: Stage) -> None:
    world = stage.world
    await beds_in(world, world.other, dementia=1)
    await publish(world, world.other)
    head = await world.as_role(Role.HEAD_NURSE)
    said = await matched(head, "care-map", kind="dementia", elder_id=str(world.home.elders[0]))
    (house,) = said["fitting"]
    assert (house["name"], house["own"], house["who"]) == ("other 养老院", False, "house")
    async with world.database.tenant(world.home.institution_id) as scope:
        bodies = [row.body for row in await scope.session.execute(text(
            "SELECT body FROM audit_entry WHERE body LIKE '%care_map.matched%'"))]  # fmt: skip
    assert len(bodies) == 1
    assert "29.8" not in bodies[0]  # where somebody lives is not written down
