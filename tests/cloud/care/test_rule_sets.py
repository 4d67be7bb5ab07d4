"""Overlays of the service list: edited, looked at, published; elders judged anew."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from cloud.care.service_list.evaluation import entitlements
from cloud.care.service_list.follow import follow_entitlements
from cloud.care.service_list.rules import (
    NATIONAL,
    condition_document,
    national_rules,
    parse_rule_set,
    service_document,
)
from cloud.care.service_list.sets import RulesInForce
from cloud.care.service_list.words import in_words
from cloud.identity.permissions import Role
from tests.cloud.care.test_service_list import RULES, a_rule_set, a_service, facts, records
from tests.cloud.world import CHANGES, World

WHERE = "/api/v1/service-rule-sets"
OVER_80 = {"all": [{"field": "age", "op": ">=", "value": 80}]}
TODAY = "2026-03-01"


def meals(eligibility: Any = None, **more: Any) -> dict[str, Any]:
    return a_service(eligibility or OVER_80) | more


async def draft(client: httpx.AsyncClient, *services: Any, **changes: Any) -> httpx.Response:
    wanted = {"title": "示范区清单", "extends": NATIONAL, "services": list(services)} | changes
    return await client.post(WHERE, json=wanted, headers=CHANGES)


async def publish(
    client: httpx.AsyncClient, one: dict[str, Any], valid_from: str = TODAY, **changes: Any
) -> httpx.Response:
    where = f"{WHERE}/{one['id']}"
    asked = {"valid_from": valid_from}
    seen = (await client.post(f"{where}/preview", json=asked, headers=CHANGES)).json()
    wanted = {
        "valid_from": valid_from, "reason": "区民政局文件", "touched": seen.get("touched"),
        "version": one["version"],
    } | changes  # fmt: skip
    return await client.post(f"{where}/publish", json=wanted, headers=CHANGES)


async def follow(world: World) -> None:
    looked_at = -1
    while looked_at != 0:
        async with world.database.tenant(world.home.institution_id) as scope:
            looked_at = await follow_entitlements(scope, world.clock.now())


async def standing(client: httpx.AsyncClient, world: World, service: str, elder: int = 0) -> str:
    answer = await client.get(f"/api/v1/elders/{world.home.elders[elder]}/entitlements")
    found = {one["key"]: one["standing"] for one in answer.json()["services"]}
    return str(found.get(service))


async def changes(client: httpx.AsyncClient) -> list[tuple[str, str | None, str | None, str]]:
    answer = await client.get("/api/v1/entitlement-changes")
    assert answer.status_code == 200, answer.text
    return [
        (row["service"], row["before"], row["after"], row["cause"])
        for row in answer.json()["changes"]
    ]


async def write_fact(
    client: httpx.AsyncClient, world: World, field: str, value: object, elder: int = 0
) -> None:
    fact = {"field": field, "value": value, "source": "低保证", "as_of": "2026-01-05"}
    where = f"/api/v1/elders/{world.home.elders[elder]}/facts"
    assert (await client.post(where, json=fact, headers=CHANGES)).status_code == 200


@pytest.fixture
async def head(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.HEAD_NURSE)


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (meals({"field": "shoe_size", "op": "=", "value": 1}), "服务“助餐”的条件：档案里没有字段"),
        (meals({"all": [OVER_80, {"field": "age", "op": ">=", "value": "八十"}]}),
         "服务“助餐”的条件第 2 行：应为整数"),
        (meals({"all": []}), "至少要有一个条件"),
        (meals(zh=""), "名称：没有填写"),
        (meals({"field": "age", "op": ">=", "value": {"parameter": "min_age"}}),
         "参数 'min_age' 没有定义"),
        (meals(excludes=["nowhere"]), "不能同时享受的服务：没有服务 'nowhere'"),
    ],
)  # fmt: skip
async def test_a_rule_that_cannot_be_is_named_and_nothing_is_kept(
    head: httpx.AsyncClient, service: dict[str, Any], words: str
) -> None:
    with structlog.testing.capture_logs() as logged:
        refused = await draft(head, service)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_rules")
    assert words in refused.json()["detail"]
    assert [one["key"] for one in (await head.get(WHERE)).json()["sets"]] == [NATIONAL]
    assert "rule_set_refused" in [line["event"] for line in logged]


async def test_a_parameter_of_the_wrong_kind_is_named(head: httpx.AsyncClient) -> None:
    asks = meals({"field": "age", "op": ">=", "value": {"parameter": "min_age"}})
    refused = await draft(head, asks, parameters={"min_age": "八十"})
    assert (refused.status_code, "参数 'min_age' 应为整数" in refused.json()["detail"]) == (
        422,
        True,
    )
    assert (await draft(head, asks, parameters={"min_age": None})).status_code == 200


async def test_a_circle_of_overlays_is_named_and_nothing_is_kept(head: httpx.AsyncClient) -> None:
    one = (await draft(head, meals())).json()
    two = (await draft(head, meals(), extends=one["key"])).json()
    wanted = {
        "title": "绕回来", "extends": two["key"], "services": [meals()], "version": one["version"]
    }  # fmt: skip
    refused = await head.put(f"{WHERE}/{one['id']}", json=wanted, headers=CHANGES)
    assert (refused.status_code, "互相引用成了一圈" in refused.json()["detail"]) == (422, True)
    missing = await draft(head, meals(), extends="nowhere")
    assert (missing.status_code, "没有这套规则" in missing.json()["detail"]) == (422, True)
    held = {row["id"]: row for row in (await head.get(WHERE)).json()["sets"]}
    assert held[one["id"]]["extends"] == NATIONAL


async def test_a_preview_says_whom_it_would_touch_and_writes_nothing(
    world: World, head: httpx.AsyncClient
) -> None:
    one = (await draft(head, meals(), {"key": "vagrant_relief", "removed": True})).json()
    where = f"{WHERE}/{one['id']}/preview"
    seen = (await head.post(where, json={"valid_from": TODAY}, headers=CHANGES)).json()
    moves = {(row["service"], row["before"], row["after"]): row["count"] for row in seen["counts"]}
    assert moves == {("meals", None, "met"): 2, ("vagrant_relief", "unknown", None): 2}
    assert {row["elder_name"] for row in seen["people"]} == {"王秀兰", "李国强"}
    assert await standing(head, world, "meals") == "None"
    # Who keeps the rules but may not see records gets the numbers and no names.
    admin = await world.as_role(Role.ADMIN)
    told = (await admin.post(where, json={"valid_from": TODAY}, headers=CHANGES)).json()
    assert (told["touched"], told["people"], told["unseen"]) == (4, [], 2)


async def test_published_rules_hold_from_their_day_and_open_clues(
    world: World, head: httpx.AsyncClient
) -> None:
    await follow(world)
    one = (await draft(head, meals())).json()
    tomorrow = (date.fromisoformat(TODAY) + timedelta(days=1)).isoformat()
    assert (await publish(head, one, tomorrow)).status_code == 200
    await follow(world)
    assert (await standing(head, world, "meals"), await changes(head)) == ("None", [])
    world.clock.advance(86_400)
    head = await world.as_role(Role.HEAD_NURSE)
    await follow(world)
    assert await standing(head, world, "meals") == "met"
    assert await changes(head) == [("meals", None, "met", "rules")] * 2
    tasks = (await head.get("/api/v1/discovery-clues")).json()["clues"]
    assert {(row["elder_name"], row["detail"]["name"]) for row in tasks} == {
        ("王秀兰", "助餐"), ("李国强", "助餐"),
    }  # fmt: skip


async def test_a_new_edition_ends_the_former_on_its_day(head: httpx.AsyncClient) -> None:
    one = (await draft(head, meals())).json()
    first = (await publish(head, one)).json()
    assert (await head.put(
        f"{WHERE}/{one['id']}", headers=CHANGES,
        json={"title": "x", "extends": NATIONAL, "services": [], "version": first["version"]},
    )).status_code == 409  # fmt: skip
    following = (await head.post(f"{WHERE}/{one['id']}/next", headers=CHANGES)).json()
    assert (following["edition"], following["published_at"]) == (2, None)
    assert (await publish(head, following)).status_code == 409  # from the same day
    assert (await publish(head, following, "2026-05-01")).status_code == 200
    held = {row["edition"]: row for row in (await head.get(WHERE)).json()["sets"]}
    assert (held[1]["valid_from"], held[1]["valid_until"]) == (TODAY, "2026-05-01")
    assert held[2]["valid_from"] == "2026-05-01"


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        ({"touched": 99}, 409, "请重新预览"),
        ({"valid_from": "2026-02-28"}, 422, "不能早于今天"),
        ({"valid_until": TODAY}, 422, "晚于生效日期"),
        ({"reason": "  x "}, 422, "reason"),
        ({"version": 7}, 409, "别人改过"),
    ],
)
async def test_publishing_needs_a_second_look_a_day_and_a_reason(
    head: httpx.AsyncClient, wanted: dict[str, Any], status: int, words: str
) -> None:
    one = (await draft(head, meals())).json()
    refused = await publish(head, one, **wanted)
    assert (refused.status_code, words in refused.json()["detail"]) == (status, True)
    assert (await head.get(WHERE)).json()["in_force"] == [NATIONAL]


async def test_a_district_s_overlay_holds_for_its_people_only(
    world: World, head: httpx.AsyncClient
) -> None:
    one = (await draft(head, meals(), region="500109")).json()
    assert (await publish(head, one)).status_code == 200
    assert await standing(head, world, "meals") == "None"
    await write_fact(head, world, "hukou_region", "500109")
    assert await standing(head, world, "meals") == "met"
    assert await standing(head, world, "meals", 1) == "None"


async def test_a_draft_can_be_given_up(head: httpx.AsyncClient) -> None:
    one = (await draft(head, meals())).json()
    assert (await head.delete(f"{WHERE}/{one['id']}", headers=CHANGES)).status_code == 204
    assert len((await head.get(WHERE)).json()["sets"]) == 1


async def test_only_changes_are_kept_and_the_first_judgement_opens_no_task(
    world: World, head: httpx.AsyncClient
) -> None:
    await follow(world)
    assert await changes(head) == []
    assert (await head.get("/api/v1/discovery-clues")).json()["clues"] == []
    where = f"/api/v1/elders/{world.home.elders[0]}/entitlement-changes"
    first = (await head.get(where)).json()["changes"]
    assert {row["cause"] for row in first} == {"first"}
    assert len(first) == len(RULES.services)
    await write_fact(head, world, "economic_status", "dibao")
    await follow(world)
    await follow(world)
    told = await changes(head)
    assert ("subsistence", "unknown", "met", "record") in told
    assert len(told) == len(set(told))
    tasks = (await head.get("/api/v1/discovery-clues")).json()["clues"]
    assert "最低生活保障" in {row["detail"]["name"] for row in tasks}
    assert {row["elder_name"] for row in tasks} == {"王秀兰"}


async def test_a_task_is_withdrawn_where_the_condition_holds_no_longer(
    world: World, head: httpx.AsyncClient
) -> None:
    await follow(world)
    await write_fact(head, world, "economic_status", "dibao")
    await follow(world)
    await write_fact(head, world, "economic_status", "ordinary")
    await follow(world)
    tasks = (await head.get("/api/v1/discovery-clues")).json()["clues"]
    assert "最低生活保障" not in {row["detail"]["name"] for row in tasks}


async def test_a_birthday_is_noticed_on_its_day(world: World, head: httpx.AsyncClient) -> None:
    async with world.database.tenant(world.home.institution_id) as scope:
        await scope.session.execute(
            text("UPDATE elder SET birth_date = '1946-03-02' WHERE id = :id"),
            {"id": world.home.elders[0]},
        )
    await follow(world)
    assert await standing(head, world, "old_age_allowance") == "not_met"
    world.clock.advance(86_400)
    head = await world.as_role(Role.HEAD_NURSE)
    await follow(world)
    assert ("old_age_allowance", "not_met", "met", "birthday") in await changes(head)
    (task,) = (await head.get("/api/v1/discovery-clues")).json()["clues"]
    ended = await head.post(
        f"/api/v1/discovery-clues/{task['id']}/end", json={"outcome": "dismissed"}, headers=CHANGES
    )
    assert ended.status_code == 422
    done = {"outcome": "done", "note": "已陪同申请"}
    where = f"/api/v1/discovery-clues/{task['id']}/end"
    assert (await head.post(where, json=done, headers=CHANGES)).status_code == 200
    assert (await head.post(where, json=done, headers=CHANGES)).status_code == 409


async def test_the_handbook_has_plain_words_for_every_service(head: httpx.AsyncClient) -> None:
    book = (await head.get("/api/v1/service-handbook")).json()
    assert [one["key"] for one in book["services"]] == [one.key for one in RULES.services]
    for one in book["services"]:
        assert one["what"], one["key"]
        assert one["what_en"], one["key"]
        assert one["bring"], one["key"]


def test_a_service_written_down_and_read_again_is_the_same() -> None:
    again = parse_rule_set(a_rule_set(*map(service_document, RULES.services)))
    assert again.services == RULES.services
    assert condition_document(RULES.services[0].eligibility) == {
        "all": [
            {"field": "pension_scheme", "op": "=", "value": "employee"},
            {"field": "pension_age_reached", "op": "=", "value": True},
        ]
    }


@given(records, st.integers(60, 100))
def test_an_overlay_that_changes_one_service_leaves_the_others(
    record: dict[str, Any], age: int
) -> None:
    overlay = parse_rule_set(
        a_rule_set(a_service({"field": "age", "op": ">=", "value": age}, key="old_age_allowance"))
    )
    rules = RulesInForce({NATIONAL: national_rules(), "district": overlay}).of(None)
    before = {one.service.key: one.standing for one in entitlements(RULES, facts(record))}
    after = {one.service.key: one.standing for one in entitlements(rules, facts(record))}
    changed = {key for key in before if before[key] is not after[key]}
    assert changed <= {"old_age_allowance"}


def test_places_in_a_rule_set_are_told_in_words() -> None:
    document = {"services": [{"key": "meals", "zh": "助餐"}]}
    assert in_words("services[meals].eligibility.any[1].age: 应为整数", document) == (
        "服务“助餐”的条件第 2 行：应为整数"
    )
    assert in_words("services[meals]: 出现了两次", document) == "服务“助餐”：出现了两次"
    assert in_words("valid_from: 应为日期", {}) == "生效日期：应为日期"


async def fill_rule_sets(client: httpx.AsyncClient) -> dict[str, str]:
    """The id of an overlay that is a draft."""
    sets = [one for one in (await client.get(WHERE)).json()["sets"] if one["id"]]
    if not sets:
        sets = [(await draft(client, meals())).json()]
    assert uuid.UUID(sets[0]["id"])
    return {"rule_set_id": sets[0]["id"]}
