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
from tests.cloud.records import KEYRING
from tests.cloud.test_coverage import online, said
from tests.cloud.world import World

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


async def test_the_night_is_told_in_quarters_of_an_hour(world: World) -> None:
    gateway, daughter = await online(world), await relative(world, ALL)
    numbers = {
        "in_bed_min": 437.0, "out_min": 41.0, "unknown_min": 8.0, "times_up": 2.0,
        "longest_out_min": 20.0, "movement_min": 30.0,
    }  # fmt: skip
    event = said(world, EventKind.NIGHT_SUMMARY, Reason("night_in_numbers", numbers))
    await gateway.send(event, lane=Lane.BULK)
    night = (await page(daughter))["night"]
    assert (night["in_bed_min"], night["up_times"], night["unseen_min"]) == (435, 2, 15)


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
