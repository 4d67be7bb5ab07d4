"""Every move through the API and the database; moves made elsewhere; what the cloud raises."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from cloud.alerts import conditions, machine, store
from cloud.alerts.codes import Priority
from cloud.alerts.elsewhere import MoveElsewhere, add_move_elsewhere
from cloud.alerts.machine import MoveKind
from cloud.alerts.models import Alert
from cloud.alerts.reports import Report, raise_alert, recover_raised
from cloud.alerts.timers import work_timers
from cloud.devices.service import Subject
from cloud.identity.permissions import Role
from edge.events import EventKind
from tests.cloud.world import ManualClock, World, alerts, fall, move

SUSPECTED, CONFIRMED = EventKind.FALL_SUSPECTED, EventKind.FALL_CONFIRMED
REPORT = {"injury": "none", "measure": "扶起，量血压", "family": "told"}


async def one_alert(world: World, kind: EventKind = SUSPECTED) -> tuple[Any, str]:
    await world.gateway().send(fall(kind, world.clock))
    desk = await world.desk()
    (alert,) = await alerts(desk)
    return desk, str(alert["id"])


async def test_go_arrive_resolve_close(world: World, clock: ManualClock) -> None:
    desk, alert_id = await one_alert(world, CONFIRMED)
    for name, state in (
        ("acknowledge", "acknowledged"), ("take_over", "attending"), ("arrive", "arrived"),
    ):  # fmt: skip
        clock.advance(10)
        story = (await move(desk, alert_id, name)).json()
        assert story["state"] == state
    clock.advance(60)
    story = (await move(desk, alert_id, "resolve", finding="real_fall", cause="地面湿滑")).json()
    assert (story["state"], story["verdict"], story["finding"]) == ("resolved", "true", "real_fall")
    assert await alerts(desk) == []
    (waiting,) = await alerts(desk, "unclosed")
    assert waiting["to_close"] == ["injury", "measure", "family"]
    refused = await move(desk, alert_id, "close", injury="none")
    assert (refused.status_code, refused.json()["lacks"]) == (422, "measure")
    clock.advance(60)
    story = (await move(desk, alert_id, "close", **REPORT)).json()
    assert (story["state"], story["closed_by"], story["cause"]) == ("closed", "周敏", "地面湿滑")
    hops = [hop["hop"] for hop in story["ledger"] if hop["by"] == "周敏"]
    assert hops == ["acknowledged", "attending", "arrived", "resolved", "closed"]
    assert await alerts(desk, "unclosed") == []


async def test_what_is_not_high_is_closed_with_its_finding(world: World) -> None:
    desk, alert_id = await one_alert(world)
    story = (await move(desk, alert_id, "resolve", finding="sat_hard")).json()
    assert (story["state"], story["verdict"]) == ("closed", "false")
    assert [m["move"] for m in story["moves"]] == ["raise", "resolve", "close"]


@pytest.mark.parametrize(
    ("name", "more", "field"),
    [
        ("resolve", {}, "verdict"),
        ("resolve", {"finding": "real_fall", "verdict": "false"}, "verdict"),
        ("acknowledge", {"finding": "real_fall"}, "finding"),
        ("arrive", {"injury": "minor"}, "injury"),
        ("resolve", {"finding": "flew"}, "finding"),
    ],
)
async def test_a_wrong_field_is_named(
    world: World, name: str, more: dict[str, Any], field: str
) -> None:
    desk, alert_id = await one_alert(world)
    answer = await move(desk, alert_id, name, **more)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]


async def test_shelving_is_for_the_head_nurse_and_ends_by_itself(
    world: World, clock: ManualClock
) -> None:
    desk, alert_id = await one_alert(world)
    until = (clock.now() + timedelta(hours=2)).isoformat()
    assert (await move(desk, alert_id, "shelve", note="x", until=until)).status_code == 403
    await move(desk, alert_id, "acknowledge")
    head = await world.as_role(Role.HEAD_NURSE)
    assert (await move(head, alert_id, "shelve", until=until)).json()["lacks"] == "note"
    late = (clock.now() + timedelta(hours=9)).isoformat()
    assert (await move(head, alert_id, "shelve", note="x", until=late)).json()["lacks"] == "until"
    story = (await move(head, alert_id, "shelve", note="康复训练", until=until)).json()
    assert story["shelved_by"] == "head_nurse 测试"
    clock.advance(2 * 3600 - 1)
    await work_timers(world.database, clock.now())
    (alert,) = await alerts(desk)
    assert alert["shelved_until"] is not None
    clock.advance(2)
    await work_timers(world.database, clock.now())
    (alert,) = await alerts(desk)
    assert (alert["shelved_until"], alert["state"]) == (None, "raised")
    assert alert["rings"] == 2


async def test_reopening(world: World) -> None:
    desk, alert_id = await one_alert(world)
    await move(desk, alert_id, "resolve", finding="false_alarm")
    assert (await move(desk, alert_id, "reopen", note="x")).status_code == 403
    head = await world.as_role(Role.HEAD_NURSE)
    story = (await move(head, alert_id, "reopen", note="家属说确实摔了")).json()
    assert (story["state"], story["verdict"], story["rings"]) == ("raised", None, 2)
    assert (await move(desk, alert_id, "acknowledge")).status_code == 200


async def test_two_people_go_at_once(world: World) -> None:
    desk, alert_id = await one_alert(world)
    other = await world.desk(1)
    answers = await asyncio.gather(
        move(desk, alert_id, "take_over"), move(other, alert_id, "take_over")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    made = next(answer.json() for answer in answers if answer.status_code == 200)
    assert refused["by"] == made["attending_by"]
    # who comes first is there; the other may still say that they arrived
    assert (await move(other, alert_id, "arrive")).status_code == 200


async def test_a_confirmation_rings_again_for_who_acknowledged(
    world: World, clock: ManualClock
) -> None:
    desk, alert_id = await one_alert(world)
    await move(desk, alert_id, "acknowledge")
    clock.advance(8)
    gateway = world.gateway()
    gateway.outbox_id = "outbox-2"
    await gateway.send(fall(CONFIRMED, clock))
    (alert,) = await alerts(desk)
    assert (alert["state"], alert["priority"], alert["rings"]) == ("raised", "high", 2)
    assert (await move(desk, alert_id, "acknowledge")).json()["state"] == "acknowledged"
    hops = (await desk.get(f"/api/v1/alerts/{alert_id}")).json()["ledger"]
    assert [hop["hop"] for hop in hops].count("acknowledged") == 2


async def local(world: World, kind: MoveKind, source: str, **more: Any) -> MoveKind | None:
    made = MoveElsewhere(
        kind, f"episode-1/{SUSPECTED.value}", world.clock.now() - timedelta(minutes=20),
        "值班台 2 楼", source, **more,
    )  # fmt: skip
    async with world.database.tenant(world.home.institution_id) as scope:
        return await add_move_elsewhere(scope, made, world.clock.now())


async def test_a_move_of_a_gateways_desk_counts_at_its_own_time(
    world: World, clock: ManualClock
) -> None:
    desk, alert_id = await one_alert(world)
    assert await local(world, MoveKind.ACKNOWLEDGE, "outbox-1/7") is MoveKind.ACKNOWLEDGE
    assert await local(world, MoveKind.ACKNOWLEDGE, "outbox-1/7") is None  # sent twice
    story = (await desk.get(f"/api/v1/alerts/{alert_id}")).json()
    assert (story["state"], story["acknowledged_by"]) == ("acknowledged", "值班台 2 楼")
    (made,) = [m for m in story["moves"] if m["move"] == "acknowledge"]
    assert (made["client_time"], made["at"]) == (
        "2026-03-01T01:53:00.000Z", "2026-03-01T02:13:00.000Z",
    )  # fmt: skip
    (hop,) = [hop for hop in story["ledger"] if hop["hop"] == "acknowledged"]
    assert hop["at"] == "2026-03-01T01:53:00.000Z"


async def test_a_late_move_of_a_gateways_desk_is_kept_as_a_note(world: World) -> None:
    desk, alert_id = await one_alert(world)
    await move(desk, alert_id, "acknowledge")
    assert await local(world, MoveKind.ACKNOWLEDGE, "outbox-1/8", note="马上去") is MoveKind.NOTE
    story = (await desk.get(f"/api/v1/alerts/{alert_id}")).json()
    assert story["acknowledged_by"] == "周敏"
    assert (story["moves"][-1]["move"], story["moves"][-1]["note"]) == (
        "note",
        "acknowledge: 马上去",
    )


async def test_what_the_cloud_raises_is_one_alert_for_each_key(
    world: World, clock: ManualClock
) -> None:
    subject = Subject(world.home.elders[0], world.home.beds[0], None)
    report = Report("round_missed", "round 7", subject)
    async with world.database.tenant(world.home.institution_id) as scope:
        first = await raise_alert(scope, report, clock.now())
        again = await raise_alert(scope, report, clock.now())
        other = await raise_alert(scope, Report("round_missed", "round 8"), clock.now())
        assert first.id == again.id != other.id
        assert (first.count, first.device_id) == (2, None)
        assert first.unit_id is not None
        worse = Report("round_missed", "round 7", subject, priority=Priority.HIGH)
        assert (await raise_alert(scope, worse, clock.now())).priority == "high"
        assert await recover_raised(scope, "round_missed", "round 7", clock.now())
        assert not await recover_raised(scope, "round_missed", "round 9", clock.now())
        for alert in await scope.session.scalars(scope.select(Alert)):
            moves = [conditions.move_of(row) for row in await store.moves_of(scope, alert.id)]
            assert machine.fold(moves) == conditions.condition_of(alert)
    assert len(await alerts(await world.desk())) == 2
