"""A list of another department: brought, compared, decided by a person, taken back, forgotten."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from cloud.care.matching import service
from cloud.care.matching.matcher import Finding, Known, match
from cloud.care.matching.meanings import propose
from cloud.care.matching.models import ListState, MatchingList, MatchingRow
from cloud.care.matching.reading import read_list
from cloud.care.matching.worker import MAX_TRIES, SILENT_AFTER
from cloud.identity.permissions import Role
from cloud.people.models import Elder
from cloud.people.record import number_purpose
from cloud.people.service import add_elder
from cloud.settings import Settings
from tests.cloud.care.lists import (
    BORN,
    HEAD,
    WHERE,
    announce,
    as_csv,
    give_number,
    imported,
    number,
    rows,
    upload,
    worker_of,
)
from tests.cloud.world import CHANGES, World

KNOWN_ROW = ("王秀兰", number(1), "", "低保")


@pytest.fixture
async def clerk(world: World) -> httpx.AsyncClient:
    await give_number(world, world.home.elders[0], number(1))
    return await world.as_role(Role.ASSESSOR)


async def facts(world: World, client: httpx.AsyncClient, elder: int = 0) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/elders/{world.home.elders[elder]}/facts")
    return {row["field"]: row for row in answer.json()["facts"]}


async def decide(
    client: httpx.AsyncClient, one: dict[str, Any], row: dict[str, Any], **body: Any
) -> httpx.Response:
    where = f"{WHERE}/{one['id']}/rows/{row['id']}/decision"
    return await client.post(where, json={"decision": "apply"} | body, headers=CHANGES)


async def undo(
    client: httpx.AsyncClient, one: dict[str, Any], row: dict[str, Any]
) -> httpx.Response:
    return await client.post(f"{WHERE}/{one['id']}/rows/{row['id']}/undo", headers=CHANGES)


async def test_nothing_changes_until_a_person_says_so(
    world: World, clerk: httpx.AsyncClient
) -> None:
    one = await imported(world, clerk, as_csv(KNOWN_ROW, ("马无人", number(9), "", "特困")))
    assert (one["state"], one["counts"]) == ("ready", {"changed": 1, "new": 1})
    assert await facts(world, clerk) == {}
    (row,) = await rows(clerk, one["id"], "changed")
    assert (row["certainty"], row["before"], row["after"]) == ("certain", None, "dibao")
    assert row["number"] == f"99{'*' * 12}{number(1)[-4:]}"
    answer = await decide(clerk, one, row)
    assert answer.status_code == 200, answer.text
    fact = (await facts(world, clerk))["economic_status"]
    assert (fact["value"], fact["source"], fact["as_of"]) == (
        "dibao", "区民政局名单", "2026-02-28",
    )  # fmt: skip


async def test_undo_restores_what_was_there_before(world: World, clerk: httpx.AsyncClient) -> None:
    path = f"/api/v1/elders/{world.home.elders[0]}/facts"
    before = {"field": "economic_status", "value": "tekun", "source": "本人", "as_of": "2026-01-05"}
    await clerk.post(path, json=before, headers=CHANGES)
    one = await imported(world, clerk, as_csv(KNOWN_ROW))
    (row,) = await rows(clerk, one["id"], "changed")
    assert row["before"] == "tekun"
    await decide(clerk, one, row)
    taken_back = (await undo(clerk, one, row)).json()
    assert taken_back["undone_by"] == "assessor 测试"
    fact = (await facts(world, clerk))["economic_status"]
    assert (fact["value"], "恢复原值" in fact["source"]) == ("tekun", True)
    assert (await undo(clerk, one, row)).status_code == 409
    # It can be decided anew, and everything that was written stays in the history.
    assert (await decide(clerk, one, row)).status_code == 200
    history = await clerk.get(path, params={"field": "economic_status"})
    said = [fact["value"] for fact in history.json()["facts"]]
    assert said == ["dibao", "tekun", "dibao", "tekun"]


async def test_undo_says_so_where_somebody_has_written_since(
    world: World, clerk: httpx.AsyncClient
) -> None:
    one = await imported(world, clerk, as_csv(KNOWN_ROW))
    (row,) = await rows(clerk, one["id"], "changed")
    await decide(clerk, one, row)
    path = f"/api/v1/elders/{world.home.elders[0]}/facts"
    later = {
        "field": "economic_status",
        "value": "ordinary",
        "source": "社区",
        "as_of": "2026-03-01",
    }
    await clerk.post(path, json=later, headers=CHANGES)
    refused = await undo(clerk, one, row)
    assert refused.status_code == 409
    assert "档案又改过（来源：社区）" in refused.json()["detail"]
    assert (await facts(world, clerk))["economic_status"]["value"] == "ordinary"


async def test_an_older_list_does_not_overwrite_a_newer_record(
    world: World, clerk: httpx.AsyncClient
) -> None:
    path = f"/api/v1/elders/{world.home.elders[0]}/facts"
    newer = {"field": "economic_status", "value": "tekun", "source": "社区", "as_of": "2026-03-01"}
    await clerk.post(path, json=newer, headers=CHANGES)
    one = await imported(world, clerk, as_csv(KNOWN_ROW))
    (row,) = await rows(clerk, one["id"], "changed")
    refused = await decide(clerk, one, row)
    assert (refused.status_code, "更新的记录" in refused.json()["detail"]) == (409, True)
    bulk = {"decision": "apply", "difference": "changed"}
    answer = await clerk.post(f"{WHERE}/{one['id']}/decisions", json=bulk, headers=CHANGES)
    assert answer.json() == {"decided": 0, "left": 0, "passed": 1}


async def test_who_is_gone_from_the_same_source_is_told(
    world: World, clerk: httpx.AsyncClient
) -> None:
    first = await imported(world, clerk, as_csv(KNOWN_ROW), as_of="2026-01-31")
    (row,) = await rows(clerk, first["id"], "changed")
    await decide(clerk, first, row)
    other = await imported(world, clerk, as_csv(("马", "", "1950-01-01", "低保")), source="区残联")
    assert other["counts"] == {"new": 1}
    second = await imported(world, clerk, as_csv(("马", "", "1950-01-02", "低保")))
    assert (second["counts"], second["previous_as_of"]) == ({"gone": 1, "new": 1}, "2026-01-31")
    (gone,) = await rows(clerk, second["id"], "gone")
    # Not being on a list is no proof of the contrary: it is to be confirmed.
    assert (gone["before"], gone["after"], gone["line"]) == ("dibao", "unknown", None)
    assert gone["elders"][0]["name"] == "王秀兰"
    third = await imported(world, clerk, as_csv(("马", "", "1950-01-03", "低保")))
    assert third["counts"] == {"new": 1}


async def test_what_a_category_means_is_chosen_by_a_person(
    world: World, clerk: httpx.AsyncClient
) -> None:
    one = await imported(world, clerk, as_csv(("王秀兰", number(1), "", "甲类")))
    assert one["meanings"] == [{"status": "甲类", "value": None}]
    (row,) = await rows(clerk, one["id"], "changed")
    refused = await decide(clerk, one, row)
    assert (refused.status_code, "甲类" in refused.json()["detail"]) == (422, True)
    where = f"{WHERE}/{one['id']}/meanings"
    for status, value, words in (("乙类", "dibao", "没有类别“乙类”"), ("甲类", "rich", "甲类")):
        wanted = {"meanings": [{"status": status, "value": value}], "version": 1}
        answer = await clerk.put(where, json=wanted, headers=CHANGES)
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True)
    wanted = {"meanings": [{"status": "甲类", "value": "tekun"}], "version": 1}
    assert (await clerk.put(where, json=wanted, headers=CHANGES)).json()["version"] == 2
    assert (await clerk.put(where, json=wanted, headers=CHANGES)).status_code == 409
    (row,) = await rows(clerk, one["id"], "changed")
    assert row["after"] == "tekun"


async def test_a_conflict_is_settled_by_a_person_who_says_how(
    world: World, clerk: httpx.AsyncClient
) -> None:
    content = as_csv(
        ("王秀芝", number(1), "", "低保"),
        ("甲", number(5), "", "低保"),
        ("乙", number(5), "", "特困"),
    )
    one = await imported(world, clerk, content)
    assert one["counts"] == {"conflict": 3}
    other_name, shared, _ = await rows(clerk, one["id"], "conflict")
    assert other_name["why"] == "身份证号相同而姓名不同（档案：王秀兰，名单：王秀芝）"
    assert shared["why"] == "第 3、4 行是同一个身份证号、不同姓名，请核对"
    elder = other_name["elders"][0]["elder_id"]
    for body, words in (
        ({}, "选定是哪一位老人"),
        ({"elder_id": str(world.home.elders[1]), "reason": "x"}, "不在这一行的候选里"),
        ({"elder_id": elder}, "写明怎样核对"),
    ):
        refused = await decide(clerk, one, other_name, **body)
        assert (refused.status_code, words in refused.json()["detail"]) == (422, True), words
    assert (await decide(clerk, one, shared)).status_code == 422
    settled = await decide(clerk, one, other_name, elder_id=elder, reason="身份证原件核对")
    assert settled.status_code == 200
    assert (await facts(world, clerk))["economic_status"]["value"] == "dibao"


async def test_refusing_needs_a_reason_and_a_stranger_becomes_a_task(
    world: World, clerk: httpx.AsyncClient
) -> None:
    one = await imported(world, clerk, as_csv(KNOWN_ROW, ("马无人", number(9), "", "特困")))
    (row,) = await rows(clerk, one["id"], "changed")
    assert (await decide(clerk, one, row, decision="reject")).status_code == 422
    assert (await decide(clerk, one, row, decision="reject", reason="人已搬走")).status_code == 200
    again = await decide(clerk, one, row)
    assert (again.status_code, "已经决定过" in again.json()["detail"]) == (409, True)
    (stranger,) = await rows(clerk, one["id"], "new")
    assert (await decide(clerk, one, stranger)).status_code == 409  # nobody to write it to
    assert (await decide(clerk, one, stranger, decision="task")).status_code == 200
    (task,) = (await clerk.get("/api/v1/discovery-clues")).json()["clues"]
    assert (task["kind"], task["detail"]["source"], task["elder_id"]) == (
        "list_row", "区民政局", None,
    )  # fmt: skip
    assert (await undo(clerk, one, stranger)).status_code == 200
    assert (await clerk.get("/api/v1/discovery-clues")).json()["clues"] == []


async def test_many_that_are_certain_at_once_and_never_those_that_are_likely(
    world: World, clerk: httpx.AsyncClient
) -> None:
    one = await imported(world, clerk, as_csv(KNOWN_ROW, ("李国强", "", "1941-03-12", "特困")))
    sure = {row["name"]: row["certainty"] for row in await rows(clerk, one["id"], "changed")}
    assert sure == {"王秀兰": "certain", "李国强": "likely"}
    bulk = {"decision": "apply", "difference": "changed"}
    answer = await clerk.post(f"{WHERE}/{one['id']}/decisions", json=bulk, headers=CHANGES)
    assert answer.json() == {"decided": 1, "left": 0, "passed": 0}
    assert (await facts(world, clerk))["economic_status"]["value"] == "dibao"
    assert await facts(world, clerk, 1) == {}
    (left,) = await rows(clerk, one["id"], "changed", undecided=True)
    assert left["name"] == "李国强"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("街道,金额\r\n某街,3".encode("gbk"), "没有找到表头"),
        (b"\x81\xff\xfe\x00\xff", "既不是 UTF-8 也不是 GBK"),
        (as_csv(*((f"甲{k}", number(k), "", f"备注{k}") for k in range(201))), "不像类别"),
    ],
)
async def test_a_file_that_is_no_list_says_why_and_can_be_sent_again(
    world: World, clerk: httpx.AsyncClient, content: bytes, words: str
) -> None:
    one = await imported(world, clerk, content)
    assert (one["state"], words in one["note"]) == ("failed", True)
    assert (await upload(clerk, one["id"], as_csv(KNOWN_ROW))).status_code == 200
    await worker_of(world).once()
    assert (await clerk.get(f"{WHERE}/{one['id']}")).json()["counts"] == {"changed": 1}


async def test_rows_that_cannot_be_read_say_why(world: World, clerk: httpx.AsyncClient) -> None:
    wrong = number(1)[:-1] + ("0" if number(1)[-1] != "0" else "1")
    content = as_csv(
        ("", number(1), "", "低保"), ("王*兰", number(1), "", "低保"),
        ("王秀兰", wrong, "", "低保"),
        ("王秀兰", "9.9E+17", "1941-02-30", "低保"), ("王秀兰", "", "", "低保"),
    )  # fmt: skip
    one = await imported(world, clerk, content)
    told = [row["why"] for row in await rows(clerk, one["id"], "unreadable")]
    assert told == [
        "姓名是空的",
        "姓名不完整（含 * 或乱码）",
        "身份证号不对：校验位对不上，可能输错了",
        "身份证号被表格软件改成了科学计数法，后几位已经丢失；没有这一天 1941-02-30",
        "既没有身份证号也没有出生日期，无法比对",
    ]
    assert await facts(world, clerk) == {}


async def test_the_same_file_twice_is_named(world: World, clerk: httpx.AsyncClient) -> None:
    await imported(world, clerk, as_csv(KNOWN_ROW))
    again = await announce(clerk)
    refused = await upload(clerk, again["id"], as_csv(KNOWN_ROW))
    assert (refused.status_code, "已由 assessor 测试" in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"field": "shoe_size"}, "没有字段"), ({"as_of": "2026-03-02"}, "还没有到"),
     ({"listed": "rich"}, "不是 economic_status 的值")],
)  # fmt: skip
async def test_a_list_that_cannot_be_is_refused(
    clerk: httpx.AsyncClient, changes: dict[str, Any], words: str
) -> None:
    wanted = {
        "source": "x", "field": "economic_status", "purpose": "x", "legal_basis": "x",
        "as_of": "2026-02-28",
    } | changes  # fmt: skip
    answer = await clerk.post(WHERE, json=wanted, headers=CHANGES)
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True)


async def test_no_citizen_number_is_kept_and_people_are_forgotten_in_time(
    world: World, clerk: httpx.AsyncClient
) -> None:
    one = await imported(world, clerk, as_csv(KNOWN_ROW, ("马无人", number(9), "", "特困")))
    async with world.database.tenant(world.home.institution_id) as scope:
        kept = await scope.session.execute(
            text("SELECT matching_row::text FROM matching_row UNION ALL"
                 " SELECT matching_list::text FROM matching_list")
        )  # fmt: skip
        everything = "".join(kept.scalars())
        assert not any(word in everything for word in (number(1), number(9), "马无人", "王秀兰"))
        row = (await scope.session.scalars(scope.select(MatchingList))).one()
        assert (await scope.session.scalars(
            scope.select(MatchingList).with_only_columns(MatchingList.file_sealed)
        )).one() is None  # fmt: skip
    world.clock.advance(service.KEEP.total_seconds() + 86_400)
    async with world.database.tenant(world.home.institution_id) as scope:
        assert await service.forget_expired(scope, world.clock.now()) == 1
        (left,) = await scope.session.scalars(scope.select(MatchingRow))
        assert (left.elder_id, left.person_sealed) == (world.home.elders[0], None)
    clerk = await world.as_role(Role.ASSESSOR)
    assert (await clerk.get(f"{WHERE}/{one['id']}")).json()["state"] == "erased"
    assert row.id == uuid.UUID(one["id"])


async def test_a_list_whose_process_died_is_begun_anew_and_given_up_in_the_end(
    world: World, clerk: httpx.AsyncClient
) -> None:
    made = await announce(clerk)
    await upload(clerk, made["id"], as_csv(KNOWN_ROW))
    worker = worker_of(world)
    for _ in range(MAX_TRIES):
        assert await worker._claim() is not None
        assert await worker._claim() is None
        world.clock.advance(SILENT_AFTER.total_seconds() + 1)
    assert await worker._claim() is None
    one = (await clerk.get(f"{WHERE}/{made['id']}")).json()
    assert (one["state"], "多次中断" in one["note"]) == ("failed", True)


async def test_a_large_list_is_read_in_a_process_of_its_own(
    world: World, clerk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.care.matching.worker._SMALL_BYTES", 0)
    made = await announce(clerk)
    await upload(clerk, made["id"], as_csv(KNOWN_ROW))
    ticks, done = 0, asyncio.Event()

    async def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            await asyncio.sleep(0.01)

    ticking = asyncio.create_task(tick())
    assert await worker_of(world).once()
    done.set()
    await ticking
    assert ticks > 5
    assert (await clerk.get(f"{WHERE}/{made['id']}")).json()["counts"] == {"changed": 1}


NAMES = ("王秀兰", "王秀芝", "阿卜杜拉·买买提", "阿卜杜拉买买提", "李国强", "李國強")
DAYS = (BORN, BORN + timedelta(days=1))


def some_rows(dice: random.Random) -> list[tuple[str, ...]]:
    def cell(day: date) -> str:
        return day.isoformat() if dice.random() < 0.8 else ""

    made = []
    for _ in range(dice.randint(1, 12)):
        day = dice.choice(DAYS)
        text_of_number = number(dice.randint(1, 5), day) if dice.random() < 0.6 else ""
        status = dice.choice(("低保", "特困", "甲类"))
        made.append((dice.choice((*NAMES, "")), text_of_number, cell(day), status))
    return made


@pytest.mark.parametrize("seed", range(12))
async def test_the_database_judges_as_the_rule_does(
    world: World, clerk: httpx.AsyncClient, seed: int
) -> None:
    """Row by row in Python and all at once in SQL: one answer."""
    dice = random.Random(seed)  # noqa: S311 - a test
    numbers = iter(dice.sample([(k, day) for k in range(1, 6) for day in DAYS], 8))
    blinds: dict[uuid.UUID, bytes | None] = {}
    async with world.database.tenant(world.home.institution_id) as scope:
        await scope.session.execute(text("UPDATE elder SET citizen_number_index = NULL"))
        for _ in range(8):
            order, day = next(numbers)
            name = dice.choice(NAMES).replace("·", dice.choice("·•"))
            elder = await add_elder(
                scope, name, sex="female", birth_date=day, care_note="", now=world.clock.now()
            )
            if dice.random() < 0.6:
                purpose = number_purpose(scope.institution_id)
                elder.citizen_number_index = Settings().keyring.blind_index(
                    number(order, day), purpose
                )
            blinds[elder.id] = elder.citizen_number_index
    content = as_csv(*some_rows(dice), encoding="utf-8")
    one = await imported(world, clerk, content)
    async with world.database.tenant(world.home.institution_id) as scope:
        elders = list(await scope.session.scalars(scope.select(Elder)))
        found = list(await scope.session.scalars(scope.select(MatchingRow)))
    expected = by_the_rule(content, elders, world)
    assert one["state"] == ListState.READY
    assert sorted(told(found)) == sorted(expected)


def told(found: Sequence[MatchingRow]) -> list[tuple[Any, ...]]:
    return [
        (row.line, row.difference, row.certainty, row.reason, sorted(map(str, row.candidates)))
        for row in found
    ]


def by_the_rule(content: bytes, elders: Sequence[Elder], world: World) -> list[tuple[Any, ...]]:
    listed = read_list(content, world.clock.now().date())
    keyring, purpose = Settings().keyring, number_purpose(world.home.institution_id)
    known = [
        Known(one.id, one.name.replace("•", "·"), one.birth_date, one.citizen_number_index, None)
        for one in elders
    ]
    findings: list[Finding] = match(
        listed, known, lambda number: keyring.blind_indexes(number, purpose)
    )
    return [
        (finding.rows[0], finding.difference.value, finding.certainty.value, finding.reason.value,
         sorted(map(str, finding.elders)))
        for finding in findings
    ]  # fmt: skip


def test_the_headings_of_a_list_are_known() -> None:
    listed = read_list(as_csv(KNOWN_ROW), date(2026, 3, 1))
    assert len(HEAD) == 4
    assert [(row.line, row.name, row.status) for row in listed] == [(2, "王秀兰", "低保")]


@pytest.mark.parametrize(
    ("field", "status", "value"),
    [
        ("economic_status", "城市低保对象", "dibao"),
        ("economic_status", "低保边缘家庭", "dibao_edge"),
        ("economic_status", "特困人员（分散）", "tekun"), ("economic_status", "dibao", "dibao"),
        ("economic_status", "甲类", None), ("disability_card_grade", "视力二级", 2),
        ("home_adapted", "是", True), ("home_adapted", "否", False), ("vagrant", "", None),
    ],
)  # fmt: skip
def test_meanings_that_are_proposed(field: str, status: str, value: object) -> None:
    assert propose(field, [status]) == {status: value}
