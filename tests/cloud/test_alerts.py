"""Alerts through the API and the database: raised, answered, escalated, proved."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.alerts import conditions, machine, store
from cloud.alerts.lifecycle import ESCALATE_TIMER
from cloud.alerts.models import Alert, AlertTimer
from cloud.alerts.timers import work_timers
from edge.events import EventKind
from edge.signals import Origin
from edge.wire import Lane
from tests.cloud.world import ManualClock, World, alerts, fall, move

SUSPECTED, CONFIRMED = EventKind.FALL_SUSPECTED, EventKind.FALL_CONFIRMED
RECOVERED = EventKind.FALL_RECOVERED


async def detail(desk: Any, alert_id: str) -> dict[str, Any]:
    answer = await desk.get(f"/api/v1/alerts/{alert_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_one_fall_from_the_wrist_to_the_end(world: World, clock: ManualClock) -> None:
    gateway, first, second = world.gateway(), await world.desk(0), await world.desk(1)
    await gateway.send(fall(SUSPECTED, clock, ago_s=2.5, origin=Origin.SIMULATED))
    (alert,) = await alerts(first)
    assert alert | {"id": "", "elder": {**alert["elder"], "id": ""}} == {
        "id": "", "code": "fall_suspected", "category": "person", "priority": "medium",
        "state": "raised", "recovered": False, "origin": "simulated",
        "elder": {"id": "", "name": "王秀兰", "age": 84, "sex": "female",
                  "care_note": "搀扶时走左侧", "photo_id": None},
        "place": {"unit": "2 楼 护理一区", "room": "203", "bed": "1",
                  "label": "2 楼 护理一区 203-1 床"},
        "device_id": "wearable-1", "happened_at": "2026-03-01T02:12:57.500Z",
        "raised_at": "2026-03-01T02:13:00.000Z", "late_s": 2.5, "acknowledged_at": None,
        "acknowledged_by": None, "resolved_at": None, "resolved_by": None, "verdict": None,
        "confidence": 0.9, "count": 1, "updated_at": "2026-03-01T02:13:00.000Z",
        "follows_id": None, "rings": 1, "step": 0, "second_due": False, "suppressed": False,
        "filed": None, "flood_id": None,
        "shelved_until": None, "shelved_by": None, "attending_at": None, "attending_by": None,
        "arrived_at": None, "arrived_by": None, "closed_at": None, "closed_by": None,
        "finding": None, "injury": None, "to_close": [],
    }  # fmt: skip

    clock.advance(10)
    await gateway.send(fall(CONFIRMED, clock, ago_s=1, origin=Origin.SIMULATED))
    (alert,) = await alerts(second)
    assert (alert["code"], alert["priority"], alert["count"]) == ("fall_confirmed", "high", 1)

    at, sound = f"/api/v1/alerts/{alert['id']}/shown", {"sound": "running"}
    await first.post(at, json={"sound": "off"})
    shown = await second.post(at, json=sound)
    clock.advance(5)
    assert (await second.post(at, json=sound)).json() == shown.json()
    answer = await move(second, alert["id"], "acknowledge", note="马上到")
    assert answer.status_code == 200
    clock.advance(60)
    answer = await move(first, alert["id"], "resolve", verdict="true")
    story = answer.json()
    assert (story["state"], story["verdict"]) == ("resolved", "true")
    assert story["to_close"] == ["injury", "measure", "family"]
    assert (story["acknowledged_by"], story["resolved_by"]) == ("吴倩", "周敏")
    assert [(m["move"], m["actor"], m["note"]) for m in story["moves"]] == [
        ("raise", None, None), ("upgrade", None, None), ("notify", None, "吴倩"),
        ("acknowledge", "吴倩", "马上到"), ("resolve", "周敏", None),
    ]  # fmt: skip
    assert story["moves"][3]["client_time"] == "2026-03-01T02:13:00.000Z"
    assert story["moves"][3]["at"] == "2026-03-01T02:13:15.000Z"
    assert [(hop["hop"], hop["by"]) for hop in story["ledger"]] == [
        ("sensed", "wearable-1"), ("decided", "fall 1"), ("stored", "网关-1"),
        ("committed", "cloud"), ("sensed", "wearable-1"), ("decided", "fall 1"),
        ("stored", "网关-1"), ("committed", "cloud"), ("drawn", "周敏"), ("shown", "吴倩"),
        ("notified", "吴倩"), ("acknowledged", "吴倩"), ("resolved", "周敏"),
    ]  # fmt: skip
    evidence = story["events"][0]["evidence"]
    assert (evidence["unit"], evidence["rate_hz"]) == ("g", 50.0)
    assert [len(channel) for channel in evidence["samples"]] == [100, 100, 100]
    assert evidence["samples"][1][:3] == [0.001, 0.004, 0.007]
    reason = story["events"][0]["reasons"][0]
    assert (reason["code"], reason["text_zh"]) == ("impact", "身体受到撞击，最大 3.4 g")
    assert story["events"][0]["detector"]["settings"] == {"threshold": 0.5}
    assert await alerts(first) == []
    assert len(await alerts(first, "recent")) == 1
    clock.advance(24 * 3600 + 1)
    assert await alerts(await world.desk(), "recent") == []


async def test_a_recovery_marks_but_does_not_close(world: World, clock: ManualClock) -> None:
    gateway, desk = world.gateway(), await world.desk()
    await gateway.send(fall(SUSPECTED, clock, ago_s=5), fall(RECOVERED, clock, ago_s=1))
    clock.advance(600)
    await work_timers(world.database, clock.now())  # the steps of a medium one
    (alert,) = await alerts(desk)
    assert (alert["state"], alert["recovered"], alert["priority"]) == ("raised", True, "medium")


async def test_a_cancel_by_the_wearer_marks_and_is_kept(world: World, clock: ManualClock) -> None:
    gateway, desk = world.gateway(), await world.desk()
    await gateway.send(fall(SUSPECTED, clock, ago_s=5))
    await gateway.send(fall(EventKind.FALL_CANCELLED, clock, ago_s=1))
    clock.advance(600)
    await work_timers(world.database, clock.now())  # the steps of a medium one; not high
    (alert,) = await alerts(desk)  # and it does not close: somebody still looks
    assert (alert["state"], alert["recovered"], alert["priority"]) == ("raised", True, "medium")
    story = await detail(desk, alert["id"])
    assert [m["move"] for m in story["moves"]][:2] == ["raise", "cancel"]
    assert all(m["priority"] is None for m in story["moves"][1:])
    assert [event["kind"] for event in story["events"]] == ["fall_suspected", "fall_cancelled"]


async def test_a_recovery_before_its_fall_is_not_lost(world: World, clock: ManualClock) -> None:
    gateway, other = world.gateway(), world.gateway()
    other.outbox_id = "outbox-2"
    await gateway.send(fall(RECOVERED, clock, ago_s=1))
    assert await alerts(await world.desk()) == []
    await other.send(fall(SUSPECTED, clock, ago_s=5))
    (alert,) = await alerts(await world.desk())
    assert alert["recovered"] is True
    assert len((await detail(await world.desk(), alert["id"]))["events"]) == 2


async def test_two_sensors_one_fall(world: World, clock: ManualClock) -> None:
    gateway, desk = world.gateway(), await world.desk()
    await gateway.send(fall(SUSPECTED, clock, episode="belt", ago_s=20))
    await gateway.send(fall(CONFIRMED, clock, episode="radar", ago_s=1))
    (alert,) = await alerts(desk)
    assert (alert["count"], alert["priority"], alert["code"]) == (2, "high", "fall_confirmed")
    story = await detail(desk, alert["id"])
    assert [event["kind"] for event in story["events"]] == ["fall_suspected", "fall_confirmed"]


@pytest.mark.parametrize("other", [{"device": "wearable-2"}, {"origin": Origin.DRILL}])
async def test_people_and_drills_do_not_mix(
    world: World, clock: ManualClock, other: dict[str, Any]
) -> None:
    gateway = world.gateway()
    await gateway.send(
        fall(SUSPECTED, clock, episode="a"), fall(SUSPECTED, clock, episode="b", **other)
    )
    shown = await alerts(await world.desk())
    assert [alert["count"] for alert in shown] == [1, 1]
    assert {alert["origin"] for alert in shown} == {"live", other.get("origin", "live")}


async def test_an_event_sent_again_in_another_outbox_changes_nothing(
    world: World, clock: ManualClock
) -> None:
    """A replaced gateway may send an event that the old one had sent already."""
    event = fall(SUSPECTED, clock)
    old, new = world.gateway(), world.gateway()
    new.outbox_id = "outbox-new"
    await old.send(event)
    (before,) = await alerts(await world.desk())
    clock.advance(3)
    await new.send(event)
    assert await alerts(await world.desk()) == [before]


async def test_two_gateways_raise_one_fall_once(world: World, clock: ManualClock) -> None:
    gateways = [world.gateway() for _ in range(6)]
    for number, gateway in enumerate(gateways):
        gateway.outbox_id = f"outbox-{number}"
    await asyncio.gather(
        *(
            gateway.send(fall(SUSPECTED, clock, episode=f"e{number}"))
            for number, gateway in enumerate(gateways)
        )
    )
    (alert,) = await alerts(await world.desk())
    assert alert["count"] == 6


async def test_a_late_alert_says_when_it_happened(world: World, clock: ManualClock) -> None:
    await world.gateway().send(fall(CONFIRMED, clock, ago_s=28 * 60))
    (alert,) = await alerts(await world.desk())
    assert alert["happened_at"] == "2026-03-01T01:45:00.000Z"
    assert alert["raised_at"] == "2026-03-01T02:13:00.000Z"
    assert alert["late_s"] == 1680.0


async def test_nobody_up_nobody_answers_becomes_high(world: World, clock: ManualClock) -> None:
    await world.gateway().send(fall(SUSPECTED, clock, ago_s=10))
    desk = await world.desk()
    clock.advance(49.9)
    assert await work_timers(world.database, clock.now()) == 0
    clock.advance(0.2)
    # Two workers, as after a restart that overlapped: once in all.
    fired = await asyncio.gather(*(work_timers(world.database, clock.now()) for _ in range(3)))
    assert sum(fired) == 1
    (alert,) = await alerts(desk)
    assert (alert["priority"], alert["code"], alert["state"]) == (
        "high", "fall_suspected", "raised",
    )  # fmt: skip
    assert await work_timers(world.database, clock.now()) == 0
    moves = (await detail(desk, alert["id"]))["moves"]
    assert [(m["move"], m["priority"]) for m in moves] == [
        ("raise", "medium"), ("escalate", "high"),
    ]  # fmt: skip


async def test_a_late_suspected_fall_is_due_at_once(world: World, clock: ManualClock) -> None:
    await world.gateway().send(fall(SUSPECTED, clock, ago_s=300))
    assert await work_timers(world.database, clock.now()) == 1


@pytest.mark.parametrize("answer", ["acknowledge", "resolve"])
async def test_an_answer_stops_the_timer(world: World, clock: ManualClock, answer: str) -> None:
    await world.gateway().send(fall(SUSPECTED, clock))
    desk = await world.desk()
    (alert,) = await alerts(desk)
    more = {"verdict": "false"} if answer == "resolve" else {}
    assert (await move(desk, alert["id"], answer, **more)).status_code == 200
    clock.advance(3600)
    await work_timers(world.database, clock.now())
    (alert,) = await alerts(desk, "recent")
    assert (alert["priority"], alert["step"]) == ("medium", 0)
    async with world.database.tenant(world.home.institution_id) as scope:
        (timer,) = await scope.session.scalars(
            scope.select(AlertTimer).where(AlertTimer.kind == ESCALATE_TIMER)
        )
    assert timer.outcome == "cancelled"


async def test_timers_of_all_institutions_are_worked(world: World, clock: ManualClock) -> None:
    for home in (world.home, world.other):
        await world.gateway(home).send(fall(SUSPECTED, clock))
    clock.advance(61)
    assert await work_timers(world.database, clock.now()) == 2


async def test_a_confirmation_after_false_raises_anew(world: World, clock: ManualClock) -> None:
    gateway, desk = world.gateway(), await world.desk()
    await gateway.send(fall(SUSPECTED, clock))
    (first,) = await alerts(desk)
    await move(desk, first["id"], "resolve", verdict="false")
    clock.advance(20)
    await gateway.send(fall(CONFIRMED, clock))
    (second,) = await alerts(desk)
    assert (second["code"], second["priority"]) == ("fall_confirmed", "high")
    assert second["follows_id"] == first["id"] != second["id"]
    assert (await detail(desk, first["id"]))["state"] == "closed"


async def test_what_is_not_allowed_says_so(world: World, clock: ManualClock) -> None:
    await world.gateway().send(fall(SUSPECTED, clock))
    first, second = await world.desk(0), await world.desk(1)
    (alert,) = await alerts(first)
    assert (await move(first, alert["id"], "resolve")).json()["detail"].startswith("verdict")
    assert (await move(first, alert["id"], "acknowledge", verdict="true")).status_code == 422
    assert (await move(first, alert["id"], "dance")).status_code == 422
    assert (await move(first, alert["id"], "acknowledge")).status_code == 200
    again = await move(first, alert["id"], "acknowledge")
    assert again.status_code == 200
    assert len(again.json()["moves"]) == 2
    refused = await move(second, alert["id"], "acknowledge")
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "illegal_move")
    assert (problem["state"], problem["by"]) == ("acknowledged", "周敏")
    assert (await move(second, alert["id"], "resolve", verdict="unclear")).status_code == 200
    assert (await move(second, alert["id"], "resolve", verdict="unclear")).status_code == 200
    assert (await move(second, alert["id"], "resolve", verdict="true")).status_code == 409
    assert (await move(first, alert["id"], "resolve", verdict="unclear")).status_code == 409
    assert (await move(first, alert["id"], "acknowledge")).status_code == 409


async def test_two_people_at_the_same_moment(world: World, clock: ManualClock) -> None:
    await world.gateway().send(fall(SUSPECTED, clock))
    desks = [await world.desk(0), await world.desk(1)]
    (alert,) = await alerts(desks[0])
    answers = await asyncio.gather(
        *(move(desk, alert["id"], "acknowledge") for desk in desks for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 3
    story = await detail(desks[0], alert["id"])
    assert [m["move"] for m in story["moves"]] == ["raise", "acknowledge"]


async def test_ordering_newest_first(world: World, clock: ManualClock) -> None:
    gateway = world.gateway()
    for number, ago_s in enumerate((500, 100, 900)):
        await gateway.send(fall(SUSPECTED, clock, episode=f"e{number}", ago_s=ago_s))
    times = [alert["happened_at"] for alert in await alerts(await world.desk())]
    assert times == sorted(times, reverse=True)
    assert len(times) == 3


async def test_a_log_entry_raises_nothing(world: World, clock: ManualClock) -> None:
    await world.gateway().send(fall(EventKind.NIGHT_SUMMARY, clock, evidence=False))
    assert await alerts(await world.desk()) == []


steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([SUSPECTED, CONFIRMED, RECOVERED, EventKind.SOS, EventKind.INACTIVITY,
                             EventKind.INACTIVITY_HIGH, EventKind.INACTIVITY_CLEARED]),
            st.sampled_from(["e1", "e2", "e3"]),
            st.sampled_from(["wearable-1", "wearable-2"]),
        ),
        st.tuples(st.sampled_from(["acknowledge", "resolve"]), st.integers(0, 1),
                  st.sampled_from(["true", "false"])),
        st.tuples(st.just("wait"), st.integers(1, 90), st.none()),
    ),
    min_size=3, max_size=12,
)  # fmt: skip


@pytest.fixture
async def desks(world: World) -> list[httpx.AsyncClient]:
    return [await world.desk(0), await world.desk(1)]


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps)
async def test_the_cached_state_is_what_the_moves_say(
    world: World,
    clock: ManualClock,
    desks: list[httpx.AsyncClient],
    steps: list[tuple[Any, Any, Any]],
) -> None:
    """Whatever happens in whatever order; and nothing that happened is ever refused."""
    gateway = world.gateway()
    clock.advance(7200)
    gateway.outbox_id = f"outbox-{clock.now_ns()}"
    for number, (what, which, more) in enumerate(steps):
        if what == "wait":
            clock.advance(which)
            await work_timers(world.database, clock.now())
        elif isinstance(what, EventKind):
            run = f"{clock.now_ns()}/{number}"
            event = fall(what, clock, device=more, episode=f"{which}/{more}", event_id=run)
            await gateway.send(event, lane=Lane.URGENT)
        else:
            for alert in (await alerts(desks[0]))[:1]:
                extra = {"verdict": more} if what == "resolve" else {}
                await move(desks[which], alert["id"], what, **extra)
    async with world.database.tenant(world.home.institution_id) as scope:
        for alert in await scope.session.scalars(scope.select(Alert)):
            moves = [conditions.move_of(row) for row in await store.moves_of(scope, alert.id)]
            assert machine.fold(moves) == conditions.condition_of(alert)
    status = (await desks[0].get("/api/v1/status")).json()
    assert status["quarantine"] == []
