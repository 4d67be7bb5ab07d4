"""Who looked, and who may look: units, break-glass, what the family and the manager can see."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

import httpx
from typer.testing import CliRunner

from cloud.audit_cli import app as audit_app
from cloud.identity.models import UserUnit
from cloud.identity.permissions import Role
from cloud.identity.service import find_user
from cloud.people.models import FamilyMember
from cloud.places.service import add_unit
from tests.cloud.world import World

AUDIT = "/api/v1/audit"


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def series(world: World, number: int = 0) -> str:
    query = "quantity=heart_rate&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"
    return f"/api/v1/elders/{world.home.elders[number]}/series?{query}"


async def nurse_of_another_unit(world: World) -> httpx.AsyncClient:
    async with world.database.tenant(world.home.institution_id) as scope:
        unit = await add_unit(scope, "5 楼", 5)
        user = await find_user(scope, world.home.username(Role.DUTY))  # not on the roster
        assert user is not None
        scope.session.add(
            UserUnit(institution_id=scope.institution_id, user_id=user.id, unit_id=unit.id)
        )
    return await world.as_role(Role.DUTY)


async def test_another_units_record_opens_with_a_reason_only(world: World) -> None:
    nurse, manager = await nurse_of_another_unit(world), await world.as_role(Role.MANAGER)
    assert problem(await nurse.get(series(world))) == (403, "outside_unit")
    assert (await (await world.desk(1)).get(series(world))).status_code == 200  # serves the house
    glass = f"/api/v1/elders/{world.home.elders[0]}/break-glass"
    for bad in ("", "急", "x" * 501):
        assert (await nurse.post(glass, json={"reason": bad})).status_code == 422
    opened = await nurse.post(glass, json={"reason": "夜间跌倒，需查过敏史"})
    assert opened.status_code == 201, opened.text
    assert (await nurse.get(series(world))).status_code == 200
    assert problem(await nurse.get(series(world, 1))) == (403, "outside_unit")  # this one only
    world.clock.advance(4 * 3600 + 1)
    assert problem(await nurse.get(series(world))) == (403, "outside_unit")

    (listed,) = (await manager.get("/api/v1/break-glass?reviewed=false")).json()["opened"]
    assert (listed["reason"], listed["reviewed_at"]) == ("夜间跌倒，需查过敏史", None)
    review = f"/api/v1/break-glass/{listed['id']}/review"
    assert (await manager.post(review, json={"note": "属实，已核对"})).status_code == 200
    assert (await manager.get("/api/v1/break-glass?reviewed=false")).json()["opened"] == []
    actions = [e["action"] for e in (await manager.get(AUDIT)).json()["entries"]]
    assert actions.count("record.broke_glass") == actions.count("record.break_glass_reviewed") == 1


async def test_nobody_reviews_their_own(world: World) -> None:
    manager = await world.as_role(Role.MANAGER)
    glass = f"/api/v1/elders/{world.home.elders[0]}/break-glass"
    opened = (await manager.post(glass, json={"reason": "核对用药"})).json()
    answer = await manager.post(
        f"/api/v1/break-glass/{opened['id']}/review", json={"note": "没有问题"}
    )
    assert problem(answer) == (409, "own_act")


async def family_of(world: World, number: int) -> httpx.AsyncClient:
    async with world.database.tenant(world.home.institution_id) as scope:
        user = await find_user(scope, world.home.username(Role.FAMILY))
        assert user is not None
        scope.session.add(
            FamilyMember(
                id=uuid.uuid4(), institution_id=scope.institution_id, user_id=user.id,
                elder_id=world.home.elders[number], name="王芳", relationship="女儿", may_see=[],
                created_at=world.clock.now(),
            )
        )  # fmt: skip
    return await world.as_role(Role.FAMILY)


async def test_a_daughter_sees_who_looked_at_her_mother_and_at_nobody_else(world: World) -> None:
    await (await world.desk()).get(series(world))
    await (await world.desk(1)).get(series(world, 1))
    daughter = await family_of(world, 0)
    looks = (await daughter.get(f"/api/v1/elders/{world.home.elders[0]}/looks")).json()["looks"]
    assert [(look["name"], look["role"], look["action"]) for look in looks] == [
        ("周敏", "duty", "record.read")
    ]
    for elder in (world.home.elders[1], world.other.elders[0], uuid.uuid4()):
        assert (await daughter.get(f"/api/v1/elders/{elder}/looks")).status_code == 404
    assert problem(await daughter.get(AUDIT)) == (403, "forbidden")


async def test_the_audit_by_filter_and_page(world: World) -> None:
    desk, manager = await world.desk(), await world.as_role(Role.MANAGER)
    for number in (0, 1, 0):
        await desk.get(series(world, number))
        world.clock.advance(20 * 60)

    async def of(**query: Any) -> list[dict[str, Any]]:
        answer = await manager.get(AUDIT, params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["entries"])

    assert len(await of()) == 3
    assert len(await of(elder_id=str(world.home.elders[0]))) == 2
    assert len(await of(action="record.read")) == 3
    assert await of(action="login.done") == []
    assert len(await of(**{"from": "2026-03-01T02:20:00Z", "to": "2026-03-01T02:40:00Z"})) == 1
    first = (await manager.get(AUDIT, params={"limit": 2})).json()
    rest = (await manager.get(AUDIT, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [e["seq"] for e in first["entries"] + rest["entries"]] == [3, 2, 1]
    assert rest["next_cursor"] is None


async def test_an_export_proves_itself_without_us(world: World) -> None:
    desk, manager = await world.desk(), await world.as_role(Role.MANAGER)
    for number in (0, 1):
        await desk.get(series(world, number))
    head = (await manager.get("/api/v1/audit/verification")).json()
    assert (head["whole"], head["entries"]) == (True, 2)
    lines = [json.loads(line) for line in (await manager.get(f"{AUDIT}/export")).text.splitlines()]
    previous = hashlib.sha256(str(world.home.institution_id).encode()).hexdigest()
    for line in lines:
        data = bytes.fromhex(previous) + line["seq"].to_bytes(8, "big") + line["body"].encode()
        assert line["previous_hash"] == previous
        previous = hashlib.sha256(data).hexdigest()
        assert line["hash"] == previous
    assert head["head"] in {line["hash"] for line in lines}
    assert json.loads(lines[-1]["body"])["action"] == "audit.exported"


def test_the_command_explains_itself() -> None:
    answer = CliRunner().invoke(audit_app, ["verify", "--head", "no-hex"])
    assert (answer.exit_code, "--head" in answer.output) == (2, True)
    answer = CliRunner().invoke(audit_app, ["verify", "--head", "00"])
    assert (answer.exit_code, "--institution" in answer.output) == (2, True)
