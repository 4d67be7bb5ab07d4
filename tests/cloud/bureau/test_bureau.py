"""What a bureau reads: its members only, masked, and nothing that names anybody."""

from __future__ import annotations

import base64
import io
import json
import uuid
from datetime import timedelta

import openpyxl
import pytest
from joserfc import jws
from sqlalchemy import text

from cloud.bureau.document import hash_of
from cloud.bureau.models import IndicatorDay, IndicatorEvent
from cloud.clock import local_date
from cloud.database import Database
from cloud.identity.permissions import Role
from cloud.people.models import Elder
from tests.cloud.bureau.scene import (
    Stage,
    count,
    figure,
    inspector,
    make_bureau,
    sheet,
    staged,
)
from tests.cloud.conftest import Seeded
from tests.cloud.records import fill_records
from tests.cloud.world import START, Home, World
from tests.support.postgres import Postgres

TODAY = local_date(START)
MARCH = {"month": "2026-03-01"}


@pytest.fixture
async def stage(world: World, postgres: Postgres, database_name: str) -> Stage:
    """A bureau with both institutions, in two districts; the other one shows no events."""
    return await staged(world, postgres, database_name, other_shows_events=False)


def node(home: Home) -> str:
    return f"institution:{home.institution_id}"


async def counted(
    world: World, home: Home, indicator: str, part: int, whole: int, *, kind: str = "",
    days: int = 0,
) -> None:  # fmt: skip
    """A day as the job would have counted it, with the row that every day has."""
    async with world.database.tenant(home.institution_id) as scope:
        for code, numbers, of in ((indicator, (part, whole), kind), ("falls", (0, 100), "")):
            held = await scope.session.get(
                IndicatorDay, (home.institution_id, TODAY - timedelta(days=days), code, of)
            )
            if held is not None and code == "falls" != indicator:
                continue
            if held is not None:
                held.part, held.whole = numbers
                continue
            scope.session.add(
                IndicatorDay(
                    institution_id=home.institution_id, day=TODAY - timedelta(days=days),
                    indicator=code, kind=of, part=numbers[0], whole=numbers[1], seconds=[],
                    computed_at=START,
                )
            )  # fmt: skip
            await scope.session.flush()


async def test_a_small_count_is_masked_and_cannot_be_subtracted(stage: Stage) -> None:
    world = stage.world
    await counted(world, world.home, "assessments", 3, 0)
    await counted(world, world.other, "assessments", 20, 0)
    said = await sheet(stage.client)
    home, other = (figure(said, "assessments", node(h)) for h in (world.home, world.other))
    assert home["masked"]
    assert home["part"] is None
    # Shown, it would give the first away: 23 - 20.
    assert other["masked"] or figure(said, "assessments")["masked"]
    assert figure(said, "assessments", "district:500109")["masked"]


async def test_zero_is_shown_and_no_day_is_no_zero(stage: Stage) -> None:
    world = stage.world
    await counted(world, world.home, "assessments", 0, 0)
    said = await sheet(stage.client)
    home, other = (figure(said, "assessments", node(h)) for h in (world.home, world.other))
    assert (home["known"], home["masked"], home["part"]) == (True, False, 0)
    assert (other["known"], other["part"], other["percent"]) == (False, None, None)
    (all_node,) = [n for n in said["nodes"] if n["level"] == "all"]
    assert (all_node["days"], all_node["of_days"]) == (1, 2)


async def test_visits_are_not_connected_and_say_so(stage: Stage) -> None:
    await counted(stage.world, stage.world.home, "assessments", 9, 0)
    catalogue = (await stage.client.get("/api/v1/bureau/indicators")).json()["indicators"]
    connected = {one["code"]: one["connected"] for one in catalogue}
    said = await sheet(stage.client)
    assert figure(said, "visits")["known"] is connected["visits"]


async def test_a_bureau_sees_its_members_only(
    stage: Stage, world: World, database: Database
) -> None:
    await counted(world, world.home, "assessments", 9, 0)
    stranger = await make_bureau(database, START, "别的区民政局")
    client = await inspector(world, stranger)
    said = await sheet(client)
    assert [n["level"] for n in said["nodes"]] == ["all"]
    assert all(not f["known"] for f in said["figures"])
    # A district viewer within an institution is no bureau.
    viewer = await world.as_role(Role.DISTRICT_VIEWER)
    assert [n["level"] for n in (await sheet(viewer))["nodes"]] == ["all"]
    query = {
        "indicator": "falls",
        "member_id": str(world.home.institution_id),
        "month": "2026-03-01",
    }
    assert (await client.get("/api/v1/bureau/events", params=query)).status_code == 404


async def test_row_level_security_shows_a_bureau_no_rows(stage: Stage, database: Database) -> None:
    await counted(stage.world, stage.world.home, "assessments", 9, 0)
    async with database.tenant(stage.bureau.institution_id) as scope:
        for table in ("indicator_day", "indicator_event", "alert", "elder"):
            rows = await scope.session.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            assert rows == 0, table


async def _some_events(world: World, home: Home, count_: int) -> None:
    await counted(world, home, "alerts", count_, 0, kind="sos")
    await counted(world, home, "answer_time", count_, count_)
    for code in ("answered_60_s", "answered_180_s"):
        await counted(world, home, code, count_, count_)
    async with world.database.tenant(home.institution_id) as scope:
        scope.session.add_all(
            IndicatorEvent(
                institution_id=home.institution_id, indicator="alerts", ref=uuid.uuid4(),
                day=TODAY, at=START, code="sos", priority="high", answer_s=20.0, arrival_s=80.0,
                outcome="real",
            )
            for _ in range(count_)
        )  # fmt: skip


@pytest.mark.parametrize(("number", "status"), [(6, 200), (3, 403)])
async def test_what_is_behind_a_masked_number_is_not_shown(
    stage: Stage, number: int, status: int
) -> None:
    await _some_events(stage.world, stage.world.home, number)
    query = {
        "indicator": "answered_60_s", "member_id": str(stage.world.home.institution_id),
        "month": "2026-03-01",
    }  # fmt: skip
    answer = await stage.client.get("/api/v1/bureau/events", params=query)
    assert answer.status_code == status, answer.text
    if status == 200:
        (first, *_), found = answer.json()["events"], answer.json()["events"]
        assert len(found) == number
        assert first["alert_id"] is None
        assert len(first["ref"]) == 8


async def test_an_institution_that_shows_no_events_shows_none(stage: Stage) -> None:
    await _some_events(stage.world, stage.world.other, 9)
    query = {
        "indicator": "answer_time", "member_id": str(stage.world.other.institution_id),
        "month": "2026-03-01",
    }  # fmt: skip
    answer = await stage.client.get("/api/v1/bureau/events", params=query)
    assert (answer.status_code, answer.json()["code"]) == (403, "events_not_shown")


async def test_the_sheet_is_signed_and_its_hash_stands_everywhere(stage: Stage) -> None:
    await counted(stage.world, stage.world.home, "assessments", 9, 0)
    said = await sheet(stage.client)
    document = await stage.client.get("/api/v1/bureau/sheet/document", params=MARCH)
    assert hash_of(document.content) == said["sha256"] == document.headers["X-Yuyue-Sha256"]
    key = stage.world.app.state.exchange_key()
    head, _, tail = document.headers["X-Yuyue-Signature"].split(".")
    jws.deserialize_compact(f"{head}.{_base64(document.content)}.{tail}", key, algorithms=["ES256"])
    excel = await stage.client.get("/api/v1/bureau/sheet/excel", params={"language": "en", **MARCH})
    book = openpyxl.load_workbook(io.BytesIO(excel.content))
    proof = {row[0].value: row[1].value for row in book["Signature"].iter_rows()}
    assert proof["sha256"] == said["sha256"]
    values = [row[7].value for row in book["Sheet"].iter_rows(min_row=2)]
    assert "no data" in values
    pdf = await stage.client.get("/api/v1/bureau/sheet/pdf", params=MARCH)
    assert pdf.content.startswith(b"%PDF")


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def test_no_answer_names_anybody(stage: Stage, seeded: Seeded) -> None:
    """Every answer of the bureau, with names, numbers, phones and addresses of all people."""
    world = stage.world
    for home in (seeded.home, seeded.other):
        await fill_records(world, home)
        await count(world, home)
        await _some_events(world, home, 7)
    secret: set[str] = set()
    for home in (seeded.home, seeded.other):
        async with world.database.tenant(home.institution_id) as scope:
            for elder in await scope.session.scalars(scope.select(Elder)):
                secret |= {elder.name, str(elder.id), str(elder.birth_date)}
        manager = await world.as_role(Role.MANAGER, home)
        for path in ("/api/v1/homes", "/api/v1/users", "/api/v1/places"):
            secret |= set(_texts((await manager.get(path)).json()))
        for elder_id in home.elders:
            record = (await manager.get(f"/api/v1/elders/{elder_id}")).json()
            secret |= set(_texts(record))
    allowed = {"home 养老院", "other 养老院", "督查员", "某某市民政局", "alerts", "live", "high",
               "medium", "real", "falls", "none"}  # fmt: skip
    secret = {word for word in secret - allowed if len(word) > 1 and not word.isascii()} | {
        word for word in secret - allowed if word.isdigit() and len(word) > 6
    }
    assert {"王秀兰", "李国强", "周敏"} <= secret
    for home in (seeded.home, seeded.other):
        for path, query in (
            ("sheet", MARCH), ("sheet/document", MARCH), ("indicators", {}),
            ("trend", {"indicator": "falls", "month": "2026-03-01", "node": node(home)}),
            *(
                ("events", {"indicator": code, "member_id": str(home.institution_id),
                            "month": "2026-03-01"})
                for code in ("answer_time", "alerts", "falls", "drills")
            ),
        ):  # fmt: skip
            answer = await stage.client.get(f"/api/v1/bureau/{path}", params=query)
            assert answer.status_code in (200, 403, 404), answer.text
            found = [word for word in secret if word in answer.text]
            assert not found, (path, found)
        excel = await stage.client.get("/api/v1/bureau/sheet/excel", params=MARCH)
        book = openpyxl.load_workbook(io.BytesIO(excel.content))
        cells = json.dumps([[c.value for c in row] for page in book for row in page], default=str,
                           ensure_ascii=False)  # fmt: skip
        assert not [word for word in secret if word in cells]


def _texts(said: object) -> list[str]:
    if isinstance(said, dict):
        return [word for value in said.values() for word in _texts(value)]
    if isinstance(said, list):
        return [word for value in said for word in _texts(value)]
    return [said] if isinstance(said, str) else []
