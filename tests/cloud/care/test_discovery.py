"""The nightly job and what people do with its list."""

from __future__ import annotations

import asyncio
import uuid
from datetime import date, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import func, select, text

from cloud.alerts.models import Alert, Incident
from cloud.care.discovery import gather
from cloud.care.discovery.features import Feature, day_of, first_hour
from cloud.care.discovery.models import DiscoveryCase, DiscoveryDay, DiscoveryRun, DiscoveryScore
from cloud.care.discovery.nightly import run_nightly, score_day
from cloud.care.tasks.models import CareTask
from cloud.care.tasks.service import Asked, ask
from cloud.clock import NS_PER_S, ns_from_datetime
from cloud.coverage.models import CoverageGap, WatchPause
from cloud.database import Database
from cloud.devices.service import Subject, add_device, assign
from cloud.identity.permissions import Role
from cloud.series.columns import Key, ReadingColumns
from edge.signals import Origin
from tests.cloud.care.assessments import a_draft, file, save
from tests.cloud.care.visit_rows import visited
from tests.cloud.world import CHANGES, World

Body = dict[str, Any]


def last_night(world: World) -> date:
    return day_of(world.clock.now()) - timedelta(days=1)


async def tell_days(
    world: World, number: int = 0, *, dropped: bool = True, dark: int = 0, days: int = 70
) -> None:
    """Ten weeks of movement of one elder; `dropped`: half of it in the last two."""
    last, now = last_night(world), world.clock.now()
    async with world.database.tenant(world.home.institution_id) as scope:
        for back in range(days):
            value = 60.0 + back % 5 if back >= 14 or not dropped else 20.0
            bed = 9.0 + (back % 5) / 10 if back >= 14 or not dropped else 14.0
            scope.session.add(
                DiscoveryDay(
                    institution_id=scope.institution_id, elder_id=world.home.elders[number],
                    day=last - timedelta(days=back), origin="live",
                    features={} if back < dark else {"activity": value, "time_in_bed": bed},
                    watched=True, away=False, computed_at=now,
                )
            )  # fmt: skip


async def score(world: World) -> int:
    async with world.database.tenant(world.home.institution_id) as scope:
        return await score_day(scope, last_night(world), world.clock.now())


@pytest.fixture
async def worker(world: World) -> httpx.AsyncClient:
    """A social worker."""
    return await world.as_role(Role.ASSESSOR)


async def listed(client: httpx.AsyncClient) -> Body:
    answer = await client.get("/api/v1/discovery")
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


async def post(client: httpx.AsyncClient, path: str, body: Body) -> httpx.Response:
    return await client.post(f"/api/v1/discovery/cases/{path}", json=body, headers=CHANGES)


async def one_case(world: World, client: httpx.AsyncClient) -> Body:
    await tell_days(world)
    await tell_days(world, 1, dropped=False)
    await score(world)
    (case,) = (await listed(client))["cases"]
    found: Body = case
    return found


async def test_a_drop_is_listed_with_reasons_in_words_and_a_curve(
    world: World, worker: httpx.AsyncClient
) -> None:
    case = await one_case(world, worker)
    assert case["elder_name"] == "王秀兰"
    assert "203" in case["place"]
    first = case["reasons"][0]
    assert (first["kind"], first["curve"]) == ("activity", "activity")
    assert "白天活动减少：近 14 天多为 20 次，平时 62 次" in first["text_zh"]
    assert {"night", "vitals", "level"} <= set(case["unknown"])
    answer = await worker.get(f"/api/v1/elders/{case['elder_id']}/discovery")
    told = answer.json()
    assert len(told["days"]) == len(told["scores"]) == 70
    curve = {one["feature"]: one for one in told["curves"]}["activity"]
    assert curve["values"][-1] == 20
    assert curve["low"] < curve["usual"] < curve["high"]
    assert told["scores"][-1] == case["score"]
    assert [move["move"] for move in told["cases"][0]["moves"]] == ["listed"]


async def test_the_same_night_twice_changes_nothing(
    world: World, worker: httpx.AsyncClient
) -> None:
    case = await one_case(world, worker)
    assert await score(world) == 1
    (again,) = (await listed(worker))["cases"]
    assert again == case
    async with world.database.tenant(world.home.institution_id) as scope:
        scores = scope.select(DiscoveryScore).with_only_columns(func.count())
        assert await scope.session.scalar(scores) == 2


async def test_a_case_that_eased_waits_for_a_person(
    world: World, worker: httpx.AsyncClient
) -> None:
    await one_case(world, worker)
    async with world.database.tenant(world.home.institution_id) as scope:
        for row in await scope.session.scalars(scope.select(DiscoveryDay)):
            row.features = {"activity": 60.0, "time_in_bed": 9.0}
    await score(world)
    (case,) = (await listed(worker))["cases"]
    assert (case["listed"], case["state"]) == (False, "open")


async def test_dismissed_with_a_reason_rests_and_weighs_less(
    world: World, worker: httpx.AsyncClient
) -> None:
    case = await one_case(world, worker)
    wanted = {"version": 1, "decision": "dismissed"}
    refused = await post(worker, f"{case['id']}/answer", wanted)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.reason_code")
    other = await post(worker, f"{case['id']}/answer", wanted | {"reason_code": "other"})
    assert other.json()["errors"][0]["field"] == "body.note"
    late = wanted | {"reason_code": "away", "ask_again_on": "2027-03-01"}
    assert (await post(worker, f"{case['id']}/answer", late)).status_code == 422
    answer = await post(worker, f"{case['id']}/answer", wanted | {"reason_code": "away"})
    told = answer.json()
    assert (told["state"], told["version"]) == ("dismissed", 2)
    assert told["ask_again_on"] == (world.clock.now().date() + timedelta(days=30)).isoformat()
    again = await post(worker, f"{case['id']}/answer", wanted | {"reason_code": "away"})
    assert again.json() == told
    stale = await post(worker, f"{case['id']}/answer", {"version": 1, "decision": "confirmed"})
    assert (stale.status_code, stale.json()["code"]) == (409, "changed_meanwhile")

    # The next night: what was answered today weighs from then on.
    world.clock.advance(86_400)
    await tell_days(world, days=1)
    await tell_days(world, 1, dropped=False, days=1)
    await score(world)
    body = await listed(await world.as_role(Role.ASSESSOR))
    assert body["cases"] == []
    assert body["stats"]["dismissals"] == {"away": 1}
    async with world.database.tenant(world.home.institution_id) as scope:
        held = await scope.session.scalar(
            scope.select(DiscoveryScore)
            .where(DiscoveryScore.elder_id == world.home.elders[0])
            .order_by(DiscoveryScore.day.desc())
            .with_only_columns(DiscoveryScore.score)
        )
        assert held is not None
        assert held < case["score"]
        reasons = await scope.session.scalar(
            scope.select(DiscoveryScore)
            .where(DiscoveryScore.elder_id == world.home.elders[0])
            .order_by(DiscoveryScore.day.desc())
            .with_only_columns(DiscoveryScore.reasons)
        )
    assert "外出探亲或旅行" in reasons[0]["text_zh"]


async def a_fall(world: World, ago_days: float) -> None:
    """As staff confirmed it."""
    at = world.clock.now() - timedelta(days=ago_days)
    async with world.database.tenant(world.home.institution_id) as scope:
        alert = Alert(
            id=uuid.uuid4(), institution_id=scope.institution_id, code="fall_confirmed",
            category="person", priority="high", state="closed", recovered=True, origin="live",
            elder_id=world.home.elders[0], happened_ns=ns_from_datetime(at), raised_at=at,
            late_s=0.0, confidence=1.0, count=1, rings=0, step=0, second_due=False,
            suppressed=False, verdict="true", updated_at=at, rules_version="t",
        )  # fmt: skip
        scope.session.add(alert)
        await scope.session.flush()
        scope.session.add(
            Incident(
                id=uuid.uuid4(), institution_id=scope.institution_id, alert_id=alert.id,
                elder_id=world.home.elders[0], kind="fall", happened_at=at, recorded_at=at,
                recorded_by="周敏",
            )
        )  # fmt: skip


async def test_no_answer_hides_a_second_fall(world: World, worker: httpx.AsyncClient) -> None:
    case = await one_case(world, worker)
    wanted = {"version": 1, "decision": "dismissed", "reason_code": "habit"}
    await post(worker, f"{case['id']}/answer", wanted)
    await a_fall(world, 9)
    await a_fall(world, 1)
    await score(world)
    (again,) = (await listed(worker))["cases"]
    assert again["id"] != case["id"]
    assert again["reasons"][0]["kind"] == "second_fall"
    longer = {**wanted, "ask_again_on": (last_night(world) + timedelta(days=30)).isoformat()}
    refused = await post(worker, f"{again['id']}/answer", longer)
    assert refused.json()["errors"][0]["field"] == "body.ask_again_on"
    week = (await post(worker, f"{again['id']}/answer", wanted)).json()["ask_again_on"]
    assert week == (world.clock.now().date() + timedelta(days=7)).isoformat()


async def test_nothing_seen_is_listed_and_leave_is_not(
    world: World, worker: httpx.AsyncClient
) -> None:
    await tell_days(world, dropped=False, dark=3)
    await score(world)
    (case,) = (await listed(worker))["cases"]
    assert case["reasons"][0]["kind"] == "coverage_lost"
    assert case["reasons"][0]["hard"]


async def test_a_visit_from_a_case_is_one_task_and_refusals_come_back_as_points(
    world: World, worker: httpx.AsyncClient
) -> None:
    case = await one_case(world, worker)
    due = (world.clock.now().date() + timedelta(days=3)).isoformat()
    past = {"kind": "visit", "due_on": "2026-02-01"}
    assert (await post(worker, f"{case['id']}/tasks", past)).status_code == 422
    wanted = {"kind": "visit", "due_on": due, "note": "看看腿"}
    working = (await post(worker, f"{case['id']}/tasks", wanted)).json()
    assert working["state"] == "working"
    again = (await post(worker, f"{case['id']}/tasks", wanted)).json()
    (task,) = again["tasks"]
    assert task["why"].startswith("主动发现：白天活动减少")
    assert task["why"].endswith("看看腿")
    (open_task,) = (await worker.get("/api/v1/care-tasks?kind=visit")).json()["tasks"]
    assert open_task == task
    where = f"/api/v1/care-tasks/{task['id']}/end"
    ended = await worker.post(where, json={"outcome": "refused"}, headers=CHANGES)
    assert (ended.json()["state"], ended.json()["outcome"]) == ("done", "refused")
    assert (await worker.get("/api/v1/care-tasks")).json()["tasks"] == []
    await score(world)
    (after,) = (await listed(worker))["cases"]
    assert "refused" in {reason["kind"] for reason in after["reasons"]}
    confirmed = {"version": after["version"], "decision": "confirmed", "note": "膝关节炎"}
    done = (await post(worker, f"{after['id']}/answer", confirmed)).json()
    assert [move["move"] for move in done["moves"]] == ["listed", "asked_visit", "confirmed"]


async def test_an_assessment_asked_for_stands_in_the_due_list(
    world: World, worker: httpx.AsyncClient
) -> None:
    case = await one_case(world, worker)
    due = (world.clock.now().date() + timedelta(days=3)).isoformat()
    await post(worker, f"{case['id']}/tasks", {"kind": "assessment", "due_on": due})
    rows = (await worker.get("/api/v1/assessments-due")).json()["due"]
    assert rows[0]["elder_id"] == case["elder_id"]
    assert "白天活动减少" in rows[0]["asked_why"]


async def test_others_do_not_see_or_answer(world: World, worker: httpx.AsyncClient) -> None:
    case = await one_case(world, worker)
    wanted = {"version": 1, "decision": "confirmed"}
    stranger = await world.as_role(Role.ASSESSOR, world.other)
    assert (await listed(stranger))["cases"] == []
    assert (await post(stranger, f"{case['id']}/answer", wanted)).status_code == 404


# --- the days themselves, from the stored series ---


async def measure(world: World, device: str, days: int, *, origin: Origin = Origin.LIVE) -> None:
    """In bed from 22:00 to 06:00 and up in between, told every ten minutes."""
    last = last_night(world)
    begin_ns = first_hour(last - timedelta(days=days - 1)) * 3600 * NS_PER_S
    times = begin_ns + np.arange(0, days * 144, dtype=np.int64) * 600 * NS_PER_S
    in_bed = ((np.arange(len(times)) // 6) % 24 >= 16).astype(np.float64)
    keys: list[Key] = [(device, "in_bed", origin.value)]
    columns = ReadingColumns(
        keys, np.zeros(len(times), np.int64), times, in_bed, np.full(len(times), np.nan)
    )
    store = world.app.state.series
    await store.prepare([*times[::144].tolist(), int(times[-1])], int(times[-1]))
    async with world.database.tenant(world.home.institution_id) as scope:
        await store.append(scope, [], columns)


async def a_bed(world: World, number: int = 0) -> str:
    since = world.clock.now() - timedelta(days=20)
    async with world.database.tenant(world.home.institution_id) as scope:
        device_id = f"bed-{number}"
        await add_device(scope, device_id, "bed-strip-1", None, since, kind="bed", label="床垫")
        await assign(scope, device_id, Subject(None, world.home.beds[number], None), since)
    return device_id


async def nightly(world: World) -> int:
    return await run_nightly(
        world.database, world.app.state.series, world.home.institution_id, world.clock.now()
    )


async def held_days(world: World, number: int = 0) -> dict[date, DiscoveryDay]:
    async with world.database.tenant(world.home.institution_id) as scope:
        statement = scope.select(DiscoveryDay).where(
            DiscoveryDay.elder_id == world.home.elders[number]
        )
        return {row.day: row for row in await scope.session.scalars(statement)}


async def test_days_come_out_of_the_series_once_and_late_data_later(world: World) -> None:
    device = await a_bed(world)
    await measure(world, device, 5)
    assert await nightly(world) == 30  # since the wearables were given out
    days = await held_days(world)
    last = last_night(world)
    assert days[last].features[Feature.TIME_IN_BED] == pytest.approx(8.0, abs=0.2)
    assert days[last - timedelta(days=6)].features == {}
    assert await nightly(world) == 0
    world.clock.advance(86_400)
    assert await nightly(world) == 3  # the new one, and two whose data may have come late


async def test_two_workers_and_a_killed_one_make_one_list(world: World) -> None:
    device = await a_bed(world)
    await measure(world, device, 5)
    await asyncio.gather(*(nightly(world) for _ in range(3)))
    async with world.database.tenant(world.home.institution_id) as scope:
        runs = list(await scope.session.scalars(scope.select(DiscoveryRun)))
        assert len(runs) == 30
        assert sum(run.scored_at is not None for run in runs) == 1
        cases = await scope.session.scalar(select(func.count()).select_from(DiscoveryCase))
        assert cases == 1  # each is listed once, however many workers looked
    lost = [runs[5].day, max(run.day for run in runs)]  # as if it had been killed there
    owner = Database(world.database.app_url.set(username="postgres"))
    async with owner.transaction() as session:
        gone = text("DELETE FROM discovery_run WHERE day = ANY(:days) AND institution_id = :id")
        await session.execute(gone, {"days": lost, "id": world.home.institution_id})
    await owner.close()
    assert await nightly(world) == 4
    async with world.database.tenant(world.home.institution_id) as scope:
        assert await scope.session.scalar(select(func.count()).select_from(DiscoveryCase)) == 1


async def test_away_blind_and_simulated(world: World) -> None:
    device = await a_bed(world)
    await measure(world, device, 5, origin=Origin.SIMULATED)
    last, now = last_night(world), world.clock.now()
    begin = now - timedelta(days=3)
    async with world.database.tenant(world.home.institution_id) as scope:
        scope.session.add(
            WatchPause(
                id=uuid.uuid4(), institution_id=scope.institution_id,
                elder_id=world.home.elders[0], from_at=begin, until_at=begin + timedelta(days=1),
                reason="leave", created_at=now, created_by="何静",
            )
        )  # fmt: skip
        scope.session.add(
            CoverageGap(
                id=uuid.uuid4(), institution_id=scope.institution_id,
                elder_id=world.home.elders[0], device_id=device, episode_id="e",
                from_at=now - timedelta(hours=20), until_at=now - timedelta(hours=5),
                cause="offline",
            )
        )  # fmt: skip
    await nightly(world)
    days = await held_days(world)
    assert {day for day, row in days.items() if row.away} == {day_of(begin)}
    assert days[last].features == {}
    before = days[last - timedelta(days=1)]
    assert (before.origin, Feature.TIME_IN_BED in before.features) == ("simulated", True)


async def test_a_bed_that_changed_hands_tells_nothing_of_the_other(world: World) -> None:
    device = await a_bed(world)
    await measure(world, device, 5)
    await nightly(world)
    assert all(not row.features for row in (await held_days(world, 1)).values())


async def test_filing_an_assessment_ends_what_was_asked(
    world: World, worker: httpx.AsyncClient
) -> None:
    elder = world.home.elders[0]
    now = world.clock.now()
    async with world.database.tenant(world.home.institution_id) as scope:
        wanted = Asked("assessment", elder, "走路慢了", now.date(), "discovery", None)
        task = await ask(scope, wanted, "许文", now)
    await save(worker, world.home, a_draft())
    filed = await file(worker, world.home)
    assert filed.status_code == 200, filed.text
    async with world.database.tenant(world.home.institution_id) as scope:
        held = (
            await scope.session.scalars(scope.select(CareTask).where(CareTask.id == task.id))
        ).one()
        assert (held.state, held.outcome) == ("done", "done")


async def test_refused_visits_count_whoever_asked_for_them_and_once(
    world: World, worker: httpx.AsyncClient
) -> None:
    """One that nobody asked for; one that ends two tasks; one that was taken back."""
    now, elder_id = world.clock.now(), world.home.elders[1]

    async def refused() -> int:
        async with world.database.tenant(world.home.institution_id) as scope:
            day = now.date()
            found = await gather.people(scope, {}, day, world.clock.now())
            return found[elder_id].refused

    assert await refused() == 0
    said = {"outcome": "refused", "findings": []}
    assert (await visited(worker, world, elder_id, **said)).status_code == 200
    assert await refused() == 1
    world.clock.advance(60)
    async with world.database.tenant(world.home.institution_id) as scope:
        for source in ("discovery", "alert"):
            asked = Asked("visit", elder_id, "看看", now.date() + timedelta(days=1), source)
            await ask(scope, asked, "许文", now)
    second = (await visited(worker, world, elder_id, **said)).json()
    assert await refused() == 2
    where = f"/api/v1/visits/{second['id']}/corrections"
    taken = await worker.post(where, json={"reason": "记错了人", "void": True}, headers=CHANGES)
    assert taken.status_code == 200, taken.text
    assert await refused() == 1
