"""Home beds through the API: from the application to the review, with fitting and consent."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cloud.identity.permissions import Role
from cloud.people import family
from cloud.people.schemas import ConsentIn
from tests.cloud.care.homebed_rows import (
    PLAN,
    acceptance,
    agreement,
    applied,
    assessed,
    step,
)
from tests.cloud.world import CHANGES, World


@pytest.fixture
async def manager(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.MANAGER)


async def done(answer: httpx.Response, at: str) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["row"]["step"] == at
    return told


async def agreed(world: World, manager: httpx.AsyncClient) -> str:
    """As far as the signature; the home bed's id."""
    bed_id = str((await applied(manager, world.home.elders[0]))["row"]["id"])
    await assessed(world)
    await done(await step(manager, bed_id, "assess"), "assessed")
    await done(await step(manager, bed_id, "plan", plan=PLAN), "planned")
    await done(await step(manager, bed_id, "agree", agreement=agreement(world)), "agreed")
    return bed_id


async def fitted(manager: httpx.AsyncClient, home_id: str) -> None:
    """Every device of the list, every point of the checklist."""
    home = (await manager.get(f"/api/v1/homes/{home_id}")).json()
    for line in home["kit"]:
        answer = await manager.put(
            f"/api/v1/homes/{home_id}/kit/{line['id']}",
            json={"kind": line["kind"], "fitted": True}, headers=CHANGES,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
    for check in home["checks"]:
        where = f"/api/v1/homes/{home_id}/checks/{check['id']}"
        answer = await manager.put(where, json={"done": True}, headers=CHANGES)
        assert answer.status_code == 200, answer.text


async def agreed_to_be_watched(world: World) -> None:
    now = world.clock.now()
    async with world.database.tenant(world.home.institution_id) as scope:
        consent = ConsentIn(
            purpose="safety", text_version="1", signer="self", signer_name="王秀兰", valid_from=now
        )
        await family.add_consent(scope, world.home.elders[0], consent, None, now)


def codes(answer: httpx.Response) -> list[str]:
    assert (answer.status_code, answer.json()["code"]) == (409, "step_refused"), answer.text
    return [one["code"] for one in answer.json()["refused"]]


async def test_from_application_to_review(world: World, manager: httpx.AsyncClient) -> None:
    bed_id = await agreed(world, manager)
    new_home = {"name": "王家", "address": "示范街 1 号"}
    told = await done(await step(manager, bed_id, "begin_fitting", new_home=new_home), "fitting")
    home_id = told["row"]["home_id"]
    assert [one["code"] for one in told["lacking"]] == ["kit_unfitted", "checklist_open"]
    refused = await step(manager, bed_id, "accept", acceptance=acceptance(world))
    assert codes(refused) == ["kit_unfitted", "checklist_open"]
    await fitted(manager, home_id)
    short = await step(manager, bed_id, "accept", acceptance=acceptance(world, 364))
    assert codes(short) == ["warranty_short"]
    told = await done(
        await step(manager, bed_id, "accept", acceptance=acceptance(world)), "accepted"
    )
    assert (await manager.get(f"/api/v1/homes/{home_id}")).json()["state"] == "fitting"
    assert codes(await step(manager, bed_id, "start")) == ["no_consent"]
    await agreed_to_be_watched(world)
    await done(await step(manager, bed_id, "start"), "in_service")
    assert (await manager.get(f"/api/v1/homes/{home_id}")).json()["state"] == "in_service"
    # The elder lives there now, and is on the list of visits.
    (row,) = (await manager.get("/api/v1/visits/due")).json()["rows"]
    assert (row["elder_name"], row["where"], row["group"]) == ("王秀兰", "王家", "high_risk")
    told = await done(await step(manager, bed_id, "review", reason="服务照旧"), "in_service")
    assert [one["move"] for one in reversed(told["moves"])] == [
        "apply", "assess", "plan", "agree", "begin_fitting", "accept", "start", "review",
    ]  # fmt: skip
    assert all(one["by"] == "manager 测试" for one in told["moves"])
    ended = await done(await step(manager, bed_id, "end", reason="搬去女儿家"), "ended")
    assert (ended["row"]["next"], ended["allowed"]) == (None, [])


async def test_nothing_is_fitted_before_the_agreement(
    world: World, manager: httpx.AsyncClient
) -> None:
    bed_id = str((await applied(manager, world.home.elders[0]))["row"]["id"])
    early = await step(manager, bed_id, "begin_fitting", new_home={"name": "王家"})
    assert codes(early) == ["not_agreed"]
    bed = (await manager.get(f"/api/v1/home-beds/{bed_id}")).json()
    assert (bed["row"]["step"], len(bed["moves"])) == ("applied", 1)  # nothing was changed


async def test_the_homes_own_page_does_not_go_round_the_steps(
    world: World, manager: httpx.AsyncClient
) -> None:
    bed_id = await agreed(world, manager)
    told = (await step(manager, bed_id, "begin_fitting", new_home={"name": "王家"})).json()
    where = f"/api/v1/homes/{told['row']['home_id']}"
    home = await manager.get(where)
    changed = {"name": "王家", "state": "in_service"}
    etag = {**CHANGES, "If-Match": home.headers["ETag"]}
    assert (await manager.put(where, json=changed, headers=etag)).status_code == 409
    accepted = await manager.post(f"{where}/acceptance", json=acceptance(world), headers=CHANGES)
    assert accepted.status_code == 409
    await fitted(manager, told["row"]["home_id"])
    await done(await step(manager, bed_id, "accept", acceptance=acceptance(world)), "accepted")
    back = await done(await step(manager, bed_id, "step_back", reason="按钮坏了"), "fitting")
    assert back["warranty_until"] is None
    # All the way back before the signature: the home is free again.
    await done(await step(manager, bed_id, "step_back", reason="x 改期"), "agreed")
    told = await done(await step(manager, bed_id, "step_back", reason="协议作废"), "planned")
    assert (told["agreement"], told["row"]["home_id"]) == (None, None)
    assert (await manager.get(where)).json()["state"] == "planned"


async def test_one_open_home_bed_for_one_elder_and_one_home(
    world: World, manager: httpx.AsyncClient
) -> None:
    bed_id = await agreed(world, manager)
    again = await manager.post(
        f"/api/v1/elders/{world.home.elders[0]}/home-beds", json={"applicant": "x"}, headers=CHANGES
    )
    assert again.status_code == 409
    told = (await step(manager, bed_id, "begin_fitting", new_home={"name": "王家"})).json()
    other = str((await applied(manager, world.home.elders[1]))["row"]["id"])
    rows = (await manager.get("/api/v1/home-beds")).json()["rows"]
    assert [(row["step"], row["next"]) for row in rows] == [
        ("applied", "assess"), ("fitting", "accept"),
    ]  # fmt: skip
    assert codes(await step(manager, other, "assess")) == ["no_assessment"]
    assert told["row"]["home_name"] == "王家"


async def test_what_is_due_is_overdue_after_its_days(
    world: World, manager: httpx.AsyncClient
) -> None:
    await applied(manager, world.home.elders[0])
    (row,) = (await manager.get("/api/v1/home-beds")).json()["rows"]
    assert (row["due_on"], row["overdue"]) == ("2026-03-16", False)
    world.clock.advance(16 * 86_400)
    (row,) = (await (await world.as_role(Role.MANAGER)).get("/api/v1/home-beds")).json()["rows"]
    assert row["overdue"]


async def test_an_assessment_older_than_a_year_is_no_ground(
    world: World, manager: httpx.AsyncClient
) -> None:
    bed_id = str((await applied(manager, world.home.elders[0]))["row"]["id"])
    await assessed(world)
    world.clock.advance(366 * 86_400)
    later = await world.as_role(Role.MANAGER)
    assert codes(await step(later, bed_id, "assess")) == ["assessment_old"]
