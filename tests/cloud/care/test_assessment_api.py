"""Assessments through the API: drafts from a tablet, filing, what never changes, what is due."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from cloud.coverage.plans import AssessedLevelIn, plan_of, take_assessed_level
from cloud.identity.permissions import Role
from tests.cloud.care.assessments import BEST, a_draft, assessment_id_of, file, save
from tests.cloud.test_coverage import registry
from tests.cloud.world import CHANGES, START, ManualClock, World


@pytest.fixture
async def nurse(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.ASSESSOR)


async def listed(client: httpx.AsyncClient, world: World) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/elders/{world.home.elders[0]}/assessments")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_a_draft_has_no_level(world: World, nurse: httpx.AsyncClient) -> None:
    some = {code: answer for code, answer in BEST.items() if code.startswith("B.1")}
    saved = (await save(nurse, world.home, a_draft(answers=some))).json()
    assert saved["version"] == 1
    assert saved["report"] is None
    assert len(saved["missing"]) == 18
    assert saved["domains"][0] == {"code": "B.1", "name": "自理能力", "score": 32, "highest": 32}
    found = await listed(nurse, world)
    assert (found["current_level"], found["due_on"]) == (None, None)
    refused = await file(nurse, world.home)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_form")
    fields = [error["field"] for error in refused.json()["errors"]]
    assert len(fields) == 18
    assert "B.2.1" in fields


async def test_from_draft_to_level_each_step_explained(
    world: World, nurse: httpx.AsyncClient
) -> None:
    answers = BEST | {"B.1.3": "0", "B.1.5": "0", "B.2.3": "0", "B.2.4": "0", "B.4.3": "0"}
    around = {"dementia_confirmed": True, "risk_events": {"fall": 1, "choke": 1}}
    await save(nurse, world.home, a_draft(answers=answers, circumstances=around))
    filed = (await file(nurse, world.home)).json()
    report = filed["report"]
    assert (report["total"], report["first_level"], report["final_level"]) == (71, 1, 3)
    assert [(g["rule"], g["level_before"], g["level_after"]) for g in report["grounds"]] == [
        ("dementia_or_mental_disorder", 1, 2), ("risk_events_30d", 2, 3),
    ]  # fmt: skip
    assert report["final_level_name"] == "重度失能"
    found = await listed(nurse, world)
    assert (found["current_level"], found["current_level_name"]) == (3, "重度失能")
    assert found["due_on"] == (START.date() + timedelta(days=365)).isoformat()


async def test_the_level_filed_steers_the_watch_unless_the_plan_has_its_own(
    world: World, nurse: httpx.AsyncClient
) -> None:
    plan_path = f"/api/v1/elders/{world.home.elders[0]}/watch-plan"
    head_nurse = await world.as_role(Role.HEAD_NURSE)

    async def watched() -> tuple[int, int, int | None]:
        gateway = world.gateway()
        await gateway.beat()
        document = await registry(gateway)
        (own,) = [s for s in document.subjects if s.subject_id == str(world.home.elders[0])]
        said = (await head_nurse.get(plan_path)).json()
        assert said["level_in_force"] == own.settings.ability_level
        return document.version, own.settings.ability_level, said["assessed_level"]

    before, level, assessed = await watched()
    assert (level, assessed) == (0, None)
    answers = BEST | {"B.1.3": "0", "B.1.5": "0", "B.2.3": "0", "B.2.4": "0", "B.4.3": "0"}
    around = {"dementia_confirmed": True, "risk_events": {"fall": 1, "choke": 1}}
    await save(nurse, world.home, a_draft(answers=answers, circumstances=around))
    assert (await watched())[1:] == (0, None)  # a draft changes nothing
    assert (await file(nurse, world.home)).status_code == 200
    after, level, assessed = await watched()
    assert (level, assessed) == (3, 3)
    assert after > before  # so the gateway fetches it
    await head_nurse.put(plan_path, json={"ability_level": 1})
    assert (await watched())[1:] == (1, 3)
    await head_nurse.put(plan_path, json={})
    assert (await watched())[1:] == (3, 3)


async def test_an_assessment_of_an_earlier_day_does_not_steer_the_watch(world: World) -> None:
    elder_id, today = world.home.elders[0], world.clock.now()
    async with world.database.tenant(world.home.institution_id) as scope:
        for level, days_ago in ((2, 3), (4, 10), (1, 3)):
            day = (today - timedelta(days=days_ago)).date()
            told = AssessedLevelIn(level, day, uuid.uuid4(), today)
            await take_assessed_level(scope, elder_id, told)
        assert (await plan_of(scope, elder_id, today)).level_in_force == 1


async def test_what_is_filed_never_changes(world: World, nurse: httpx.AsyncClient) -> None:
    await save(nurse, world.home, a_draft())
    first = await file(nurse, world.home)
    assert (await file(nurse, world.home)).json() == first.json()  # the answer was lost
    refused = await save(nurse, world.home, a_draft(version=2, reason=3))
    assert (refused.status_code, refused.json()["code"]) == (409, "already_filed")
    async with world.database.tenant(world.home.institution_id) as scope:
        with pytest.raises(IntegrityError, match="never changes"):
            async with scope.savepoint():
                await scope.session.execute(text("UPDATE assessment SET total = 1"))
        with pytest.raises(IntegrityError, match="never changes"):
            async with scope.savepoint():
                await scope.session.execute(text("DELETE FROM assessment"))


async def test_a_tablet_that_sends_twice_is_kept_once(
    world: World, nurse: httpx.AsyncClient
) -> None:
    first = (await save(nurse, world.home, a_draft())).json()
    assert (await save(nurse, world.home, a_draft())).json() == first
    assert len((await listed(nurse, world))["assessments"]) == 1


async def test_two_tablets_do_not_overwrite_each_other(
    world: World, nurse: httpx.AsyncClient
) -> None:
    await save(nurse, world.home, a_draft())
    assert (await save(nurse, world.home, a_draft(version=1, reason=2))).status_code == 200
    late = await save(nurse, world.home, a_draft(version=1, reason=3))
    assert (late.status_code, late.json()["code"], late.json()["version"]) == (
        409, "changed_meanwhile", 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"answers": BEST | {"B.2.4": "4"}}, "B.2.4"),
        ({"answers": BEST | {"B.7.1": "1"}}, "B.7.1"),
        ({"circumstances": {"risk_events": {"quarrel": 1}}}, "risk_events.quarrel"),
        ({"reference_date": "2026-03-09"}, "reference_date"),
        ({"reference_date": "2026-02-30"}, "reference_date"),
        ({"reason": 9}, "reason"),
        ({"colour": 1}, "colour"),
        ({"circumstances": {"risk_events": {"fall": -1}}}, "fall"),
        ({"around": {"diagnoses": ["Z99"]}}, "around.diagnoses.Z99"),
        ({"around": {"problems": {"A.5.1": ["Ⅴ"]}}}, "around.problems.A.5.1"),
        ({"around": {"problems": {"A.5.5": ["轻", "重"]}}}, "around.problems.A.5.5"),
        ({"around": {"problems": {"A.5.3": ["无", "擦伤"]}}}, "around.problems.A.5.3"),
        ({"around": {"problems": {"A.6.1": ["有"]}}}, "around.problems.A.6.1"),
    ],
)
async def test_what_cannot_be_is_named_and_changes_nothing(
    world: World, nurse: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    with capture_logs() as logged:
        refused = await save(nurse, world.home, a_draft(**changes))
    (line,) = [one for one in logged if one["event"] == "input_refused"]
    assert any(field in one for one in line["fields"])
    assert refused.status_code == 422
    assert any(field in error["field"] for error in refused.json()["errors"])
    assert (await listed(nurse, world))["assessments"] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"assessors": ["陈评"]}, "assessors"),
        ({"assessors": ["陈评", "陈评 "]}, "assessors"),
        ({"informant": {"name": "王小明", "relationship": "子女", "signed": False}}, "informant"),
        ({"informant": {"name": "　", "relationship": "子女", "signed": True}}, "informant"),
    ],
)
async def test_signatures_are_needed_to_file(
    world: World, nurse: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    await save(nurse, world.home, a_draft(**changes))
    refused = await file(nurse, world.home)
    assert [error["field"] for error in refused.json()["errors"]] == [field]


async def test_health_problems_and_diagnoses_count_and_stand_in_the_record(
    world: World, nurse: httpx.AsyncClient
) -> None:
    around = {
        "diagnoses": ["I10-I15", "F00-F03"],
        "medicines": [
            {"name": "氨氯地平", "route": "口服", "dose": "5mg", "frequency": "每日一次"}
        ],
        "problems": {"A.5.1": ["Ⅱ"], "A.5.3": ["擦伤", "术后"], "A.5.11": ["无"]},
        "notes": {"A.5.1": "骶尾部"},
    }
    saved = (await save(nurse, world.home, a_draft(around=around))).json()
    assert saved["around"] == around
    report = (await file(nurse, world.home)).json()["report"]
    assert (report["first_level"], report["final_level"]) == (0, 1)
    assert [ground["rule"] for ground in report["grounds"]] == ["dementia_or_mental_disorder"]
    where = f"/api/v1/elders/{world.home.elders[0]}/assessments/{assessment_id_of(world.home)}"
    assert (await nurse.get(f"{where}/report.pdf")).content.startswith(b"%PDF-")


async def test_a_coma_among_the_health_problems_is_the_last_level(
    world: World, nurse: httpx.AsyncClient
) -> None:
    await save(nurse, world.home, a_draft(around={"problems": {"A.5.11": ["有"]}}))
    filed = (await file(nurse, world.home)).json()
    assert (filed["report"]["final_level"], filed["circumstances"]["coma"]) == (4, True)


async def test_the_draft_of_one_elder_is_not_another_s(
    world: World, nurse: httpx.AsyncClient
) -> None:
    await save(nurse, world.home, a_draft())
    assert (await save(nurse, world.home, a_draft(version=1), number=1)).status_code == 404
    path = f"/api/v1/elders/{world.home.elders[1]}/assessments/{assessment_id_of(world.home)}"
    assert (await nurse.get(path)).status_code == 404


async def test_who_is_due(world: World, nurse: httpx.AsyncClient, clock: ManualClock) -> None:
    never = (await nurse.get("/api/v1/assessments-due")).json()
    assert [row["elder_name"] for row in never["due"]] == ["李国强", "王秀兰"]
    await save(nurse, world.home, a_draft())
    await file(nurse, world.home)
    assert len((await nurse.get("/api/v1/assessments-due")).json()["due"]) == 1
    clock.advance(370 * 86_400.0)
    nurse = await world.as_role(Role.ASSESSOR)
    rows = (await nurse.get("/api/v1/assessments-due")).json()["due"]
    late = next(row for row in rows if row["last_level"] is not None)
    assert (late["elder_name"], late["overdue_days"]) == ("王秀兰", 5)


async def test_open_points_are_settings_and_filed_ones_keep_theirs(
    world: World, nurse: httpx.AsyncClient
) -> None:
    head = await world.as_role(Role.HEAD_NURSE)
    wanted = {"changes_add_up": False, "events_count_together": True, "interval_days": 180}
    answer = await head.put("/api/v1/assessment-settings", json=wanted, headers=CHANGES)
    assert answer.status_code == 200
    around = {"dementia_confirmed": True, "risk_events": {"fall": 2}}
    await save(nurse, world.home, a_draft(circumstances=around))
    report = (await file(nurse, world.home)).json()["report"]
    assert (report["first_level"], report["final_level"]) == (0, 1)
    assert report["changes_add_up"] is False
    back = wanted | {"changes_add_up": True}
    await head.put("/api/v1/assessment-settings", json=back, headers=CHANGES)
    path = f"/api/v1/elders/{world.home.elders[0]}/assessments/{assessment_id_of(world.home)}"
    assert (await nurse.get(path)).json()["report"] == report


async def test_the_report_is_a_pdf_with_the_level(world: World, nurse: httpx.AsyncClient) -> None:
    await save(nurse, world.home, a_draft())
    path = f"/api/v1/elders/{world.home.elders[0]}/assessments/{assessment_id_of(world.home)}"
    assert (await nurse.get(f"{path}/report.pdf")).status_code == 409
    await file(nurse, world.home)
    answer = await nurse.get(f"{path}/report.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
