"""Indicators by day: what counts, late truth, and counting twice."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cloud.bureau.job import changed_days, follow
from cloud.bureau.models import CoverageChange, IndicatorDay
from cloud.bureau.of_watch import timeline
from cloud.bureau.tally import Span, merged, within, without
from cloud.care.visits.models import Visit, VisitCorrection, VisitPlan
from cloud.clock import LOCAL_ZONE, day_begins, local_date
from cloud.coverage.models import CoverageGap, CoverageState
from cloud.devices.models import DeviceActivity, DeviceTest
from cloud.identity.permissions import Role
from edge.events import EventKind
from tests.cloud.bureau.scene import count, figure, sheet
from tests.cloud.care.assessments import a_draft, file, save
from tests.cloud.world import CHANGES, START, World, alerts, fall, move

TODAY = local_date(START)
DAY = timedelta(days=1)


async def rows(world: World, indicator: str, kind: str = "") -> dict[date, IndicatorDay]:
    async with world.database.tenant(world.home.institution_id) as scope:
        found = await scope.session.scalars(
            scope.select(IndicatorDay).where(
                IndicatorDay.indicator == indicator, IndicatorDay.kind == kind
            )
        )
        return {row.day: row for row in found}


async def a_fall(
    world: World, *, answered_s: float | None = 30.0, finding: str | None = None, number: int = 1
) -> str:
    """Raised now, answered and resolved after."""
    episode = f"fall-{number}"
    gateway = world.gateway()
    gateway.outbox_id = episode  # numbers begin anew
    await gateway.send(fall(EventKind.FALL_SUSPECTED, world.clock, episode=episode))
    desk = await world.desk()
    (alert,) = [a for a in await alerts(desk) if a["state"] == "raised"]
    if answered_s is not None:
        world.clock.advance(answered_s)
        assert (await move(desk, alert["id"], "acknowledge")).status_code == 200
    if finding is not None:
        for name, more in (("arrive", {}), ("resolve", {"finding": finding, "injury": "none"})):
            answer = await move(desk, alert["id"], name, **more)
            assert answer.status_code == 200, answer.text
    return str(alert["id"])


async def test_answers_are_counted_on_the_day_of_their_raising(world: World) -> None:
    await a_fall(world, answered_s=30, finding="real_fall")
    world.clock.advance(86_400)
    await a_fall(world, answered_s=100.5, finding="device_dropped", number=2)
    await count(world)
    within_60, within_180 = await rows(world, "answered_60_s"), await rows(world, "answered_180_s")
    times = await rows(world, "answer_time")
    assert (within_60[TODAY].part, within_60[TODAY].whole) == (1, 1)
    assert (within_60[TODAY + DAY].part, within_180[TODAY + DAY].part) == (0, 1)
    assert (times[TODAY].seconds, times[TODAY + DAY].seconds) == ([30.0], [100.5])
    # A zero that was counted.
    assert (within_60[TODAY - DAY].part, within_60[TODAY - DAY].whole) == (0, 0)
    assert [(row.day, row.part) for row in (await rows(world, "falls")).values() if row.part] == [
        (TODAY, 1)
    ]
    assert (await rows(world, "falls"))[TODAY].whole == len(world.home.elders)


async def test_who_was_not_answered_yet_is_in_the_whole(world: World) -> None:
    await a_fall(world, answered_s=None)
    world.clock.advance(60)
    await count(world)
    row = (await rows(world, "answer_time"))[TODAY]
    assert (row.part, row.whole, row.seconds) == (0, 1, [])


async def test_drills_are_no_alerts(world: World) -> None:
    head = await world.as_role(Role.HEAD_NURSE)
    wanted = {"elder_id": str(world.home.elders[0]), "code": "sos", "announced": True, "note": ""}
    assert (await head.post("/api/v1/duty/drills", json=wanted, headers=CHANGES)).status_code < 300
    world.clock.advance(60)
    await count(world)
    assert (await rows(world, "answer_time"))[TODAY].whole == 0
    drill = (await rows(world, "drills"))[TODAY]
    assert (drill.part, drill.whole) == (0, 1)


async def test_counting_twice_changes_nothing(world: World) -> None:
    await a_fall(world, finding="real_fall")

    async def all_rows() -> list[Any]:
        async with world.database.tenant(world.home.institution_id) as scope:
            found = await scope.session.scalars(
                scope.select(IndicatorDay).order_by(
                    IndicatorDay.day, IndicatorDay.indicator, IndicatorDay.kind
                )
            )
            return [(r.day, r.indicator, r.kind, r.part, r.whole, r.seconds) for r in found]

    await count(world)
    first = await all_rows()
    await count(world)
    assert await all_rows() == first
    assert first


async def test_late_truth_counts_its_day_again(world: World) -> None:
    alert_id = await a_fall(world)
    async with world.database.tenant(world.home.institution_id) as scope:
        await follow(scope, world.clock.now())
    assert (await rows(world, "falls"))[TODAY].part == 0
    world.clock.advance(3 * 86_400)
    async with world.database.tenant(world.home.institution_id) as scope:
        await follow(scope, world.clock.now())
    # Two days later the head nurse finds out that it was a real fall.
    world.clock.advance(3600)
    desk = await world.desk()
    for name, more in (("arrive", {}), ("resolve", {"finding": "real_fall", "injury": "minor"})):
        answer = await move(desk, alert_id, name, **more)
        assert answer.status_code == 200, answer.text
    async with world.database.tenant(world.home.institution_id) as scope:
        counted = await follow(scope, world.clock.now())
    assert TODAY in counted
    assert TODAY + DAY not in counted, "only what changed is counted again, and today"
    assert (await rows(world, "falls"))[TODAY].part == 1
    async with world.database.tenant(world.home.institution_id) as scope:
        later = world.clock.now() + timedelta(hours=2)
        assert await changed_days(scope, later, later) == set()


async def test_rounds_by_the_plan_that_was_in_force(world: World) -> None:
    """A plan that asks for more from tomorrow on does not make yesterday worse."""
    head = await world.as_role(Role.HEAD_NURSE)
    # 07:00, 15:00, 22:00 in China; START is 10:13 there.
    wanted: dict[str, Any] = {"active": True, "version": 0}
    assert (await head.put("/api/v1/round-plans", json=wanted, headers=CHANGES)).status_code == 200
    for _ in range(6):
        world.clock.advance(3600)
        body = {"id": str(uuid.uuid4()), "elder_id": str(world.home.elders[0])}
        answer = await head.post("/api/v1/rounds/checks", json=body, headers=CHANGES)
        assert answer.status_code < 300, answer.text
    world.clock.advance(2 * 86_400)
    await count(world)
    day = (await rows(world, "rounds"))[TODAY]
    # Level 0: once in the middle shift (15-22), twice at night; the morning had begun already.
    # One of the two was seen in the middle shift, however often.
    assert (day.part, day.whole) == (1, 2 * (1 + 2))
    often = {"night": {"every_min": 60}, "day": {"every_min": 60}}
    plan = {"active": True, "version": 1, "levels": [{"level": 0, **often}]}
    head = await world.as_role(Role.HEAD_NURSE)
    answer = await head.put("/api/v1/round-plans", json=plan, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    await count(world)
    again = (await rows(world, "rounds"))[TODAY]
    assert (again.part, again.whole) == (day.part, day.whole)


async def test_blind_and_unknown_hours_are_never_well(world: World) -> None:
    """One is told of since ten days, blind since two; the other never: unknown."""
    now = world.clock.now()
    midnight = day_begins(TODAY)
    async with world.database.tenant(world.home.institution_id) as scope:
        state = CoverageState(
            institution_id=world.home.institution_id, elder_id=world.home.elders[0],
            state="protected", since=now - 10 * DAY,
            decided_ns=round((now - 10 * DAY).timestamp()) * 10**9, lacking={"capabilities": []},
            origin="live", gateway_id=world.home.gateway_id, event_id="e1", updated_at=now,
        )  # fmt: skip
        scope.session.add(state)
        await scope.session.flush()
        # Told at noon two days ago: blind since six.
        state.state, state.since = "blind", midnight - 2 * DAY + timedelta(hours=6)
        state.decided_ns = round((midnight - 2 * DAY + timedelta(hours=12)).timestamp()) * 10**9
        scope.session.add(
            CoverageGap(
                id=uuid.uuid4(), institution_id=world.home.institution_id,
                elder_id=world.home.elders[0], gateway_id=world.home.gateway_id, episode_id="g",
                from_at=midnight - 4 * DAY, until_at=midnight - 4 * DAY + timedelta(hours=3),
                cause="gateway_offline",
            )
        )  # fmt: skip
    await count(world)
    hours = {
        kind: {
            day - TODAY: row.part / 3600
            for day, row in (await rows(world, "coverage", kind)).items()
        }
        for kind in ("protected", "degraded", "blind", "unknown")
    }  # fmt: skip
    assert (hours["protected"][-3 * DAY], hours["unknown"][-3 * DAY]) == (24, 24)
    assert (hours["protected"][-2 * DAY], hours["blind"][-2 * DAY]) == (6, 18)
    assert (hours["protected"][-4 * DAY], hours["blind"][-4 * DAY]) == (21, 3)
    assert hours["blind"][-DAY] == 24
    assert hours["unknown"][-20 * DAY] == 48
    assert hours["degraded"][-DAY] == 0


async def test_devices_online_and_tested(world: World) -> None:
    now, midnight = world.clock.now(), day_begins(TODAY)
    here = {"institution_id": world.home.institution_id}
    async with world.database.tenant(world.home.institution_id) as scope:
        scope.session.add_all([
            DeviceActivity(**here, device_id="wearable-1", last_data_at=now, last_received_at=now),
            CoverageGap(
                id=uuid.uuid4(), **here, elder_id=world.home.elders[0], device_id="wearable-1",
                episode_id="d", from_at=midnight - 2 * DAY, cause="battery",
                until_at=midnight - 2 * DAY + timedelta(hours=6),
            ),
            DeviceTest(id=uuid.uuid4(), **here, device_id="wearable-1", passed=True, tester="x",
                       tested_at=midnight - 9 * DAY, note=""),
            DeviceTest(id=uuid.uuid4(), **here, device_id="wearable-2", passed=False, tester="x",
                       tested_at=midnight - 2 * DAY, note=""),
        ])  # fmt: skip
        await scope.session.connection()
        for device in ("wearable-1", "wearable-2"):
            from cloud.devices.register import find_device

            (await find_device(scope, device)).kind = "wearable"
    await count(world)
    parts = {
        kind: (await rows(world, "devices_online", kind))[TODAY - 2 * DAY].part / 3600
        for kind in ("online", "offline", "unknown")
    }
    assert parts == {"online": 18, "offline": 6, "unknown": 24}
    tests = {
        day - TODAY: (r.part, r.whole) for day, r in (await rows(world, "device_tests")).items()
    }
    assert (tests[-4 * DAY], tests[-2 * DAY]) == ((1, 2), (0, 2))


async def test_an_assessment_in_date_and_a_second_fall(world: World) -> None:
    assessor = await world.as_role(Role.ASSESSOR)
    assert (await save(assessor, world.home, a_draft())).status_code == 200
    filed = await file(assessor, world.home)
    assert filed.status_code == 200, filed.text
    world.clock.advance(60)
    await count(world)
    assert [(await rows(world, one))[TODAY].part for one in ("assessed", "assessments")] == [1, 1]
    world.clock.advance(86_400)
    await a_fall(world, finding="real_fall")
    await a_fall(world, finding="real_fall", number=2)
    await count(world)
    stock = await rows(world, "assessed")
    assert (stock[TODAY].part, stock[TODAY + DAY].part, stock[TODAY + DAY].whole) == (1, 0, 2)


async def test_visits_count_on_the_day_they_fell_due(world: World) -> None:
    """Late; in time; voided; and due under a plan that has ended since."""
    here, midnight = world.home.institution_id, day_begins(TODAY)

    def plan(elder: int, starts_days_ago: int, ended: datetime | None = None) -> VisitPlan:
        return VisitPlan(
            institution_id=here, elder_id=world.home.elders[elder], group_key="high_risk",
            interval_days=7, visitor_id=None, purchaser="", place_sealed=None, note="", version=1,
            starts_on=TODAY - starts_days_ago * DAY, ended_at=ended, updated_at=START,
            updated_by="x",
        )  # fmt: skip

    def visit(days_ago: int, outcome: str = "done", elder: int = 0) -> Visit:
        started = midnight - days_ago * DAY + timedelta(hours=10)
        # What was due then was written down then; it may have been overtaken since.
        return Visit(
            institution_id=here, id=uuid.uuid4(), elder_id=world.home.elders[elder],
            by_id=uuid.uuid4(), by="探访员", way="in_person", outcome=outcome, started_at=started,
            ended_at=started + timedelta(minutes=20), recorded_at=started + timedelta(hours=1),
            due_at=midnight - DAY, interval_days=7, findings=["all_well"], note="",
            no_place_reason="",
        )  # fmt: skip

    void = visit(5)
    async with world.database.tenant(here) as scope:
        scope.session.add_all(
            [
                plan(0, 11), visit(11, "not_home"), visit(10), void, visit(3),
                plan(1, 4, midnight - 2 * DAY),
            ]
        )  # fmt: skip
    async with world.database.tenant(here) as scope:
        await follow(scope, START)
        scope.session.add(
            VisitCorrection(
                id=uuid.uuid4(), institution_id=here, visit_id=void.id, at=START + timedelta(1),
                by="x", reason="记错了人", void=True,
            )
        )  # fmt: skip
        await scope.session.flush()
        later = START + timedelta(days=1)
        # On the day that it was written down as due, not on the day of the correction.
        assert local_date(void.due_at or START) in await changed_days(scope, later, later)
    await count(world)
    counted = {day - TODAY: (r.part, r.whole) for day, r in (await rows(world, "visits")).items()}
    assert counted[-11 * DAY] == (0, 1)
    assert counted[-3 * DAY] == (1, 1)
    assert counted[-4 * DAY] == (0, 1)
    assert sum(whole for _, whole in counted.values()) == 3


async def test_an_institution_sees_its_own_numbers_unmasked(world: World) -> None:
    await a_fall(world, finding="real_fall")
    await count(world)
    manager = await world.as_role(Role.MANAGER)
    said = await sheet(manager)
    assert said["whose"] == "own"
    found = figure(said, "falls")
    assert (found["part"], found["masked"]) == (1, False)
    node = f"institution:{world.home.institution_id}"
    query = {
        "indicator": "falls",
        "member_id": str(world.home.institution_id),
        "month": "2026-03-01",
    }
    (event,) = (await manager.get("/api/v1/bureau/events", params=query)).json()["events"]
    assert event["alert_id"] is not None
    assert figure(said, "falls", node)["part"] == 1


def at(hour: float) -> datetime:
    return datetime(2026, 3, 1, tzinfo=LOCAL_ZONE) + timedelta(hours=hour)


def test_intervals() -> None:
    assert merged([(at(3), at(5)), (at(1), at(3)), (at(7), at(7))]) == [(at(1), at(5))]
    assert without([(at(0), at(10))], [(at(2), at(3)), (at(9), at(12))]) == [
        (at(0), at(2)), (at(3), at(9)),
    ]  # fmt: skip
    assert within([(at(0), at(4)), (at(6), at(9))], [(at(3), at(7))]) == [
        (at(3), at(4)), (at(6), at(7)),
    ]  # fmt: skip


def test_hours_of_a_day_in_china() -> None:
    span = Span(date(2026, 3, 1), date(2026, 3, 2), at(40))
    parts = dict(span.by_day(at(-5), at(60)))
    assert parts == {date(2026, 3, 1): 86_400, date(2026, 3, 2): 16 * 3600}
    assert list(span.days()) == [date(2026, 3, 1), date(2026, 3, 2)]


def test_what_is_told_later_of_earlier_stands() -> None:
    span = Span(date(2026, 3, 1), date(2026, 3, 1), at(24))

    def change(since: float, state: str) -> CoverageChange:
        return CoverageChange(elder_id=uuid.uuid4(), since=at(since), told_at=at(24), state=state)

    told = timeline([change(1, "protected"), change(8, "degraded"), change(6, "blind")], span)
    assert told == {"protected": [(at(1), at(6))], "blind": [(at(6), at(24))]}


@pytest.mark.parametrize("month", ["2026-13-01", "2027-01-01", "1999-01-01", "nonsense"])
async def test_a_month_that_is_none_is_named(world: World, month: str) -> None:
    manager = await world.as_role(Role.MANAGER)
    answer = await manager.get("/api/v1/bureau/sheet", params={"month": month})
    assert answer.status_code == 422
    assert "month" in answer.text
