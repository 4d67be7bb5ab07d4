"""What a relative is told: only what was agreed to, coarse, never "well" while nobody can see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from cloud.identity.permissions import Role
from cloud.people import family
from cloud.people.schemas import ConsentIn, FamilyIn
from edge.events import EventKind, Reason
from edge.signals import NS_PER_S, Reading
from edge.wire import Lane
from tests.cloud.records import KEYRING, family_login
from tests.cloud.test_coverage import online, said
from tests.cloud.test_elder_day import a_bed
from tests.cloud.world import World, alerts, fall, move

ALL = ["presence", "night", "alerts", "coverage"]
WELL = Reason("all_working")


async def relative(world: World, shares: list[str]) -> httpx.AsyncClient:
    """A daughter's login, with a consent for `shares`."""
    home, now = world.home, world.clock.now()
    async with world.database.tenant(home.institution_id) as scope:
        wanted = FamilyIn(
            name="王芳", relationship="女儿", may_see=ALL, username=home.username(Role.FAMILY)
        )
        member = await family.put_family_member(
            scope, home.elders[0], None, wanted, keyring=KEYRING, now=now
        )
        if shares:
            consent = ConsentIn(
                purpose="family_sharing", family_member_id=member.id, kinds=shares,
                text_version="1", signer="self", signer_name="王秀兰", valid_from=now,
            )  # fmt: skip
            await family.add_consent(scope, home.elders[0], consent, None, now)
    return await world.as_role(Role.FAMILY)


async def another(world: World, shares: list[str]) -> httpx.AsyncClient:
    """A son's login beside it, with a consent of his own."""
    home, now, username = world.home, world.clock.now(), "home-son"
    await family_login(world, home, username)
    async with world.database.tenant(home.institution_id) as scope:
        wanted = FamilyIn(name="王强", relationship="儿子", may_see=ALL, username=username)
        member = await family.put_family_member(
            scope, home.elders[0], None, wanted, keyring=KEYRING, now=now
        )
        consent = ConsentIn(
            purpose="family_sharing", family_member_id=member.id, kinds=shares, text_version="1",
            signer="self", signer_name="王秀兰", valid_from=now,
        )  # fmt: skip
        await family.add_consent(scope, home.elders[0], consent, None, now)
    return await world.as_user(username, home)


async def page(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/api/v1/family")
    assert answer.status_code == 200, answer.text
    (elder,) = answer.json()["elders"]
    return dict(elder)


def steps(world: World, ago_s: float = 60) -> Reading:
    at_ns = world.clock.now_ns() - round(ago_s * NS_PER_S)
    return Reading(world.home.devices[0], "steps", at_ns, 4.0)


async def test_calm_needs_sight_and_a_sign_of_life(world: World) -> None:
    gateway, daughter = await online(world), await relative(world, ALL)
    assert (await page(daughter))["mood"] == "not_seen"
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, WELL))
    assert (await page(daughter))["mood"] == "not_seen"  # the devices live; does the person?
    await gateway.send(steps(world), lane=Lane.BULK)
    told = await page(daughter)
    assert told["mood"] == "calm"
    assert told["last_sign_at"].endswith(("00:00.000Z", "15:00.000Z", "30:00.000Z", "45:00.000Z"))
    assert "wearable" not in str(told)


@pytest.mark.parametrize(
    ("kind", "mood"),
    [
        (EventKind.COVERAGE_DEGRADED, "partly_seen"),
        (EventKind.COVERAGE_BLIND, "not_seen"),
        (EventKind.INACTIVITY, "attention"),
    ],
)
async def test_what_is_missing_or_open_is_never_well(
    world: World, kind: EventKind, mood: str
) -> None:
    gateway, daughter = await online(world), await relative(world, ALL)
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, WELL, ago_s=100))
    await gateway.send(steps(world), lane=Lane.BULK)
    assert (await page(daughter))["mood"] == "calm"
    await gateway.send(said(world, kind, Reason("partial_bed", {"elapsed_h": 1.0}), episode="e2"))
    assert (await page(daughter))["mood"] == mood


async def test_a_silent_gateway_is_told_whatever_was_agreed_to(world: World) -> None:
    gateway, daughter = await online(world), await relative(world, [])
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, WELL))
    await gateway.send(steps(world), lane=Lane.BULK)
    told = await page(daughter)
    assert (told["mood"], told["last_sign_at"], told["night"], told["open_alert"]) == (
        "not_shared", None, None, None,
    )  # fmt: skip
    world.clock.advance(120)
    told = await page(daughter)
    assert (told["mood"], told["coverage"]["state"]) == ("not_seen", "blind")
    assert told["coverage"]["cause"] is None


async def test_the_night_is_the_line_that_staff_see_in_quarters(world: World) -> None:
    """02:13 in the world is 10:13 in China: the night is over."""
    await a_bed(world)
    night = (await page(await relative(world, ALL)))["night"]
    assert (night["morning"], night["watched"], night["so_far"]) == ("2026-03-01", True, False)
    assert (night["in_bed_min"], night["up_times"], night["unseen_min"]) == (540, 2, 135)
    assert "起身 2 次" in night["text_zh"]
    assert "我们看不见" in night["text_zh"]  # before ten in the evening nobody lay there to be seen


async def test_a_night_that_nobody_saw_is_said_to_be_unseen(world: World) -> None:
    await a_bed(world, deaf_h=(20, 0))
    night = (await page(await relative(world, ALL)))["night"]
    assert (night["in_bed_min"], night["unseen_min"]) == (0, 720)
    assert night["text_zh"] == "昨夜我们看不见：床位没有数据，发生了什么我们不知道。"


async def test_without_a_bed_sensor_nothing_is_said_of_the_night(world: World) -> None:
    night = (await page(await relative(world, ALL)))["night"]
    assert night["watched"] is False
    assert "没有传感器" in night["text_zh"]


async def test_what_staff_answered_and_how_fast(world: World) -> None:
    gateway, daughter = await online(world), await relative(world, ALL)
    await gateway.send(fall(EventKind.FALL_CONFIRMED, world.clock))
    told = await page(daughter)
    assert (told["mood"], told["open_alert"], told["answers"]["count"]) == ("attention", True, 0)
    desk = await world.desk()
    (alert,) = await alerts(desk)
    for after_s, name, more in (
        (20, "acknowledge", {}), (100, "arrive", {}),
        (300, "resolve", {"finding": "real_fall", "injury": "none", "cause": "x", "measure": "y"}),
    ):  # fmt: skip
        world.clock.advance(after_s)
        answer = await move(desk, alert["id"], name, **more)
        assert answer.status_code == 200, answer.text
    answers = (await page(daughter))["answers"]
    assert (answers["count"], answers["median_answered_s"]) == (1, 20.0)
    assert answers["median_arrived_s"] == 120.0
    (one,) = answers["recent"]
    assert one["text_zh"] == "跌倒，护理员 20 秒后应答，2 分钟后到场：确实摔倒了，没有受伤。"


async def test_blindness_is_told_with_whether_staff_know(world: World) -> None:
    gateway, daughter = await online(world), await relative(world, ALL)
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, WELL, ago_s=100))
    assert (await page(daughter))["coverage"]["text_zh"] == "需要的监测都在工作。"
    lost = Reason("lost_bed", {"elapsed_h": 1.0})
    await gateway.send(said(world, EventKind.COVERAGE_BLIND, lost, episode="e2"))
    coverage = (await page(daughter))["coverage"]
    assert coverage["staff"] in ("listed", "alerted")
    desk = await world.desk()
    for alert in await alerts(desk):
        await move(desk, alert["id"], "acknowledge")
    coverage = (await page(daughter))["coverage"]
    assert coverage["staff"] == "acknowledged"
    assert coverage["text_zh"].endswith("护理员已知道并在处理。")
    assert "我们看不见老人" in coverage["text_zh"]


async def test_a_pause_is_shown_and_its_reason_only_to_who_may_know(world: World) -> None:
    gateway = await online(world)
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, WELL))
    now, elder = world.clock.now(), world.home.elders[0]
    nurse = await world.as_role(Role.DUTY)
    body = {
        "from_at": (now - timedelta(hours=1)).isoformat(),
        "until_at": (now + timedelta(hours=5)).isoformat(), "reason": "hospital",
    }  # fmt: skip
    await nurse.post(f"/api/v1/elders/{elder}/watch-pauses", json=body)
    daughter = await relative(world, ALL)
    told = await page(daughter)
    assert (told["mood"], told["pause"]["reason"]) == ("away", "hospital")
    son = await another(world, ["night"])
    told = await page(son)
    assert told["pause"] is not None
    assert told["pause"]["reason"] is None
    assert told["mood"] != "away"


SHARED_FIELDS = {
    "presence": "last_sign_at", "night": "night", "alerts": "answers", "coverage": None,
}  # fmt: skip


@pytest.mark.parametrize("kind", ALL)
async def test_relatives_with_different_rights_see_exactly_theirs(world: World, kind: str) -> None:
    """A daughter sees all, a son one kind, in the same institution and of the same elder."""
    gateway = await online(world)
    await gateway.send(said(world, EventKind.COVERAGE_BLIND, Reason("lost_bed", {"elapsed_h": 1})))
    await gateway.send(steps(world), lane=Lane.BULK)
    await relative(world, ALL)
    son = await page(await another(world, [kind]))
    assert son["shares"] == [kind]
    for other, name in SHARED_FIELDS.items():
        if name is not None:
            assert (son[name] is not None) == (other == kind), name
    assert (son["coverage"]["missing"] != []) == (kind == "coverage")
    assert son["coverage"]["state"] == "blind"  # that nobody can see is told to everybody
    seen = {right["kind"]: right for right in son["rights"]}
    assert seen[kind]["state"] == "seen"
    assert seen[kind]["signer_name"] == "王秀兰"
    assert {k for k, right in seen.items() if right["state"] == "seen"} == {kind}
    assert seen["vitals"]["state"] == "not_allowed"
    assert {right["state"] for k, right in seen.items() if k in ALL and k != kind} == {"not_agreed"}


async def test_an_old_sign_is_no_reason_to_be_at_ease(world: World) -> None:
    gateway = await online(world)
    await relative(world, ALL)
    await gateway.send(steps(world), lane=Lane.BULK)
    world.clock.advance(timedelta(hours=25).total_seconds())
    await gateway.beat()
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, WELL))
    daughter = await world.as_role(Role.FAMILY)
    assert (await page(daughter))["mood"] == "not_seen"


async def test_relatives_of_nobody_see_nobody(world: World) -> None:
    stranger = await world.as_role(Role.FAMILY)
    assert (await stranger.get("/api/v1/family")).json()["elders"] == []
    assert (await stranger.get("/api/v1/coverage")).status_code == 403
