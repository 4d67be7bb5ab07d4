"""Who is told when, with a clock that is moved by hand and phones that do not exist."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from cloud.alerts.codes import Priority
from cloud.alerts.escalation.policies import PolicyBody, add_policy
from cloud.alerts.models import AlertTimer
from cloud.alerts.notify.models import Notice
from cloud.alerts.timers import work_timers
from cloud.identity.permissions import Role
from cloud.identity.shifts import DEFAULT_PATTERN, ZONE, shift_at
from edge.events import EventKind
from edge.signals import Origin
from tests.cloud.alerts.night import Night, beat
from tests.cloud.world import START, World, alerts, fall, move

CONFIRMED, SUSPECTED = EventKind.FALL_CONFIRMED, EventKind.FALL_SUSPECTED


async def raise_one(night: Night, kind: EventKind = CONFIRMED, **more: Any) -> str:
    await night.world.gateway().send(fall(kind, night.world.clock, **more))
    (alert,) = await alerts(await night.world.desk())
    return str(alert["id"])


async def story_of(world: World, alert_id: str) -> dict[str, Any]:
    return dict((await (await world.desk()).get(f"/api/v1/alerts/{alert_id}")).json())


async def test_nobody_answers_a_high_one(night: Night) -> None:
    await night.everybody_has_a_phone()
    alert_id = await raise_one(night)
    await night.work()
    assert night.told() == {"duty1": 1, "duty2": 1}
    (story,) = await alerts(await night.world.desk())
    assert (story["state"], story["step"]) == ("notified", 0)
    await night.pass_time(29, step_s=29)
    assert night.told() == {"duty1": 1, "duty2": 1}
    await night.pass_time(2)  # 30 s: all on shift
    assert night.told() == {"duty1": 2, "duty2": 2}
    await night.pass_time(30, step_s=5)  # 60 s: the head nurse
    assert night.told()["head_nurse"] == 1
    await night.pass_time(118, step_s=59)
    assert "manager" not in night.told()
    await night.pass_time(3)  # 3 min: the manager on call
    assert night.told()["manager"] == 1
    (story,) = await alerts(await night.world.desk())
    assert story["step"] == 3
    message = night.phone.to("manager")[0]
    assert message.title == "【高】跌倒"
    assert message.body.startswith("2 楼 护理一区 203-1 床 10:12 发生")
    assert "王秀兰" not in message.title + message.body
    moves = [(m["move"], m["step"]) for m in (await story_of(night.world, alert_id))["moves"]]
    assert moves == [
        ("raise", None), ("notify", None), ("escalate", 1), ("escalate", 2), ("escalate", 3),
    ]  # fmt: skip


async def test_an_answer_ends_it_and_silence_at_the_bedside_begins_it_again(night: Night) -> None:
    await night.everybody_has_a_phone()
    alert_id = await raise_one(night)
    await night.work()
    desk = await night.world.desk()
    await move(desk, alert_id, "acknowledge")
    await night.pass_time(299, step_s=20)
    assert night.told() == {"duty1": 1, "duty2": 1}
    await night.pass_time(20)  # 5 min: nobody on the spot
    assert night.told() == {"duty1": 1, "duty2": 1, "head_nurse": 1}
    assert "尚未到场" in night.phone.to("head_nurse")[0].body
    await move(desk, alert_id, "arrive")
    await night.pass_time(900, step_s=60)
    assert night.told()["head_nurse"] == 1


async def test_a_confirmation_tells_anew_whoever_acknowledged(night: Night) -> None:
    await night.everybody_has_a_phone()
    gateway, desk = night.world.gateway(), await night.world.desk()
    await gateway.send(fall(SUSPECTED, night.world.clock))
    await night.work()
    (alert,) = await alerts(desk)
    await move(desk, alert["id"], "acknowledge")
    await night.pass_time(5)
    await gateway.send(fall(CONFIRMED, night.world.clock))
    await night.work()
    titles = [message.title for message in night.phone.to("duty1")]
    assert titles == ["【中】疑似跌倒", "【高】跌倒（再次）"]
    await night.pass_time(61, step_s=20)
    assert night.told()["head_nurse"] == 1


async def test_empty_steps_are_skipped_at_once_and_said(night: Night) -> None:
    await night.everybody_has_a_phone()
    await night.off_duty("duty1", "duty2")
    await raise_one(night)
    await night.work()
    # nobody of the unit, nobody on shift: the head nurse hears at once, and that nobody is there
    assert night.told()["head_nurse"] == 2
    open_ones = {alert["code"]: alert for alert in await alerts(await night.world.desk())}
    assert set(open_ones) == {"fall_confirmed", "nobody_on_duty"}
    nobody = open_ones["nobody_on_duty"]
    assert (nobody["priority"], nobody["category"]) == ("high", "duty")
    story = await story_of(night.world, open_ones["fall_confirmed"]["id"])
    notes = [m["note"] for m in story["moves"] if m["move"] == "note"]
    assert notes[0].startswith("unit_duty: nobody; skipped")
    assert notes[1].startswith("on_shift: nobody; skipped")


async def test_an_empty_house_is_an_alert_once(night: Night) -> None:
    await night.everybody_has_a_phone()
    await night.off_duty("duty1", "duty2", "head_nurse", "manager")
    gateway = night.world.gateway()
    for number, device in enumerate(("wearable-1", "wearable-2")):
        await gateway.send(fall(CONFIRMED, night.world.clock, episode=f"e{number}", device=device))
    await night.pass_time(3)
    open_ones = [alert["code"] for alert in await alerts(await night.world.desk())]
    assert sorted(open_ones) == ["fall_confirmed", "fall_confirmed", "nobody_on_duty"]
    # off the roster, but somebody must know
    assert night.told() == {"head_nurse": 1, "manager": 1}


async def test_somebody_without_a_way_counts_as_nobody(night: Night) -> None:
    for name in ("head_nurse", "manager"):
        await night.phone_of(name)
    for name in ("duty1", "duty2"):
        point_id = await night.phone_of(name)
        async with night.world.database.tenant(night.world.home.institution_id) as scope:
            from cloud.alerts.notify.models import ContactPoint

            (await scope.session.get_one(ContactPoint, point_id)).dead_at = night.world.clock.now()
    alert_id = await raise_one(night)
    story = await story_of(night.world, alert_id)
    assert "no way to reach" in story["moves"][1]["note"]
    assert "周敏" in story["moves"][1]["note"]
    await night.work()
    assert night.told()["head_nurse"] == 2  # the fall, and that nobody is there


async def test_a_desk_that_stands_guard_is_a_way(night: Night) -> None:
    await night.off_duty("duty2")
    desk = await night.world.desk()
    answer = await desk.post("/api/v1/consoles/beat", json=beat(uuid.uuid4()))
    assert answer.json()["healthy"]
    await night.world.gateway().send(fall(SUSPECTED, night.world.clock))
    await night.work()
    (alert,) = await alerts(desk)
    assert alert["state"] == "notified"
    notices = (await desk.get(f"/api/v1/alerts/{alert['id']}/notices")).json()["notices"]
    assert [(n["recipient"], n["state"]) for n in notices] == [("周敏", "sent")]
    assert [a["channel"] for a in notices[0]["attempts"]] == ["console"]


@pytest.mark.parametrize("how", ["muted", "silent"])
async def test_a_desk_that_falls_silent_drops_off(night: Night, how: str) -> None:
    await night.everybody_has_a_phone()
    desk, console = await night.world.desk(), uuid.uuid4()
    await desk.post("/api/v1/consoles/beat", json=beat(console))
    await raise_one(night)
    await night.work()
    before = night.told()
    assert "head_nurse" not in before
    if how == "muted":
        answer = await desk.post("/api/v1/consoles/beat", json=beat(console, audio="stopped"))
        assert not answer.json()["healthy"]
    else:
        night.world.clock.advance(31)
    await night.work()
    codes = {alert["code"] for alert in await alerts(desk)}
    assert codes == {"fall_confirmed", "console_silent"}
    assert night.told()["duty2"] > before["duty2"]  # the next step, before its time
    assert night.told()["head_nurse"] == 1  # the duty lead sees it
    listed = (await desk.get("/api/v1/consoles")).json()["consoles"]
    assert [(c["name"], c["healthy"]) for c in listed] == [("周敏", False)]
    await desk.post("/api/v1/consoles/beat", json=beat(console))
    (silent,) = [a for a in await alerts(desk) if a["code"] == "console_silent"]
    assert silent["recovered"]


async def test_a_policy_of_the_house_of_a_unit_and_of_a_person(night: Night) -> None:
    await night.everybody_has_a_phone()
    world = night.world

    def body(target: str, **more: Any) -> PolicyBody:
        return PolicyBody.model_validate({"steps": [{"after_s": 0, "targets": [target]}], **more})

    async with world.database.tenant(world.home.institution_id) as scope:
        for name, target, more in (
            ("house", "head_nurse", {}),
            ("person", "manager", {"elder_id": world.home.elders[0]}),
            ("night", "unit_duty", {"shift": "夜班"}),
        ):
            await add_policy(
                scope, name, Priority.HIGH, body(target), now=world.clock.now(), by="test", **more
            )
    gateway = world.gateway()
    await gateway.send(fall(CONFIRMED, world.clock))  # 10:13 local: not at night
    await night.work()
    assert night.told() == {"manager": 1}
    await gateway.send(fall(CONFIRMED, world.clock, device="wearable-2", episode="e2"))
    await night.work()
    assert night.told() == {"manager": 1, "head_nurse": 1}


async def test_two_people_where_the_policy_asks(night: Night) -> None:
    world = night.world
    await night.everybody_has_a_phone()
    head = await world.as_role(Role.HEAD_NURSE)
    policy = {
        "name": "两人确认", "priority": "high",
        "body": {
            "steps": [
                {"after_s": 0, "targets": ["unit_duty"]},
                {"after_s": 60, "targets": ["head_nurse"]},
            ],
            "second_person": True,
        },
    }  # fmt: skip
    assert (await head.post("/api/v1/duty/policies", json=policy)).status_code == 200
    alert_id = await raise_one(night)
    first, second = await world.desk(0), await world.desk(1)
    story = (await move(first, alert_id, "acknowledge")).json()
    assert (story["state"], story["second_due"]) == ("acknowledged", True)
    await night.pass_time(61, step_s=10)
    assert night.told()["head_nurse"] == 1  # one person alone does not stop it
    assert not (await move(second, alert_id, "acknowledge")).json()["second_due"]


async def test_a_wrong_policy_names_the_field(night: Night) -> None:
    head = await night.world.as_role(Role.HEAD_NURSE)
    steps = [{"after_s": 60, "targets": ["on_shift"]}, {"after_s": 30, "targets": ["manager"]}]
    wanted = {"name": "x", "priority": "high", "body": {"steps": steps}}
    answer = await head.post("/api/v1/duty/policies", json=wanted)
    assert answer.status_code == 422
    assert "after_s" in answer.json()["detail"]
    duty = await night.world.desk()
    assert (await duty.post("/api/v1/duty/policies", json=wanted)).status_code == 403


async def test_the_roster_through_the_api(night: Night) -> None:
    head = await night.world.as_role(Role.HEAD_NURSE)
    user = await night.user("assessor")
    begin, end = START + timedelta(days=40), START + timedelta(days=40, hours=8)
    wanted = {
        "user_id": str(user.id), "duty_as": "duty", "starts_at": begin.isoformat(),
        "ends_at": end.isoformat(),
    }  # fmt: skip
    made = (await head.post("/api/v1/duty/roster", json=wanted)).json()
    assert [(d["name"], d["at_desk"], d["has_way"]) for d in made["duties"]] == [
        ("assessor 测试", False, False)
    ]
    wrong = await head.post("/api/v1/duty/roster", json={**wanted, "ends_at": begin.isoformat()})
    assert (wrong.status_code, "ends_at" in wrong.json()["detail"]) == (422, True)
    duty_id = made["duties"][0]["id"]
    assert (await head.delete(f"/api/v1/duty/roster/{duty_id}")).status_code == 204
    assert (await head.delete(f"/api/v1/duty/roster/{duty_id}")).status_code == 404
    now = (await (await night.world.desk()).get("/api/v1/duty/roster")).json()
    assert {d["duty_as"] for d in now["duties"]} == {"duty", "head_nurse", "manager"}


async def test_many_workers_fire_each_step_once(night: Night) -> None:
    await night.everybody_has_a_phone()
    gateway, world = night.world.gateway(), night.world
    for number in range(8):
        await gateway.send(
            fall(CONFIRMED, world.clock, episode=f"e{number}", ago_s=100.0 * (number + 1))
        )
    world.clock.advance(30.5)
    now = world.clock.now()
    fired = await asyncio.gather(*(work_timers(world.database, now) for _ in range(4)))
    assert sum(fired) == 8
    await asyncio.gather(*(night.deliverer.work() for _ in range(4)))
    async with world.database.tenant(world.home.institution_id) as scope:
        notices = list(await scope.session.scalars(scope.select(Notice)))
        timers = list(await scope.session.scalars(scope.select(AlertTimer)))
    assert len(notices) == 8 * 2 * 2  # two people, twice each
    assert sum(timer.outcome == "fired" for timer in timers) == 8
    assert len(night.phone.messages) == len(notices)


async def test_a_clock_that_jumps_does_not_skip_a_step(night: Night) -> None:
    """The machine was off for an hour: every step is done, in order, when it is back."""
    await night.everybody_has_a_phone()
    await raise_one(night)
    await night.work()
    night.world.clock.advance(3600)
    await night.work()
    assert night.told() == {"duty1": 2, "duty2": 2, "head_nurse": 1, "manager": 1}
    night.world.clock.advance(-1800)  # set back: nothing twice
    await night.work()
    assert night.told()["manager"] == 1


async def test_simulated_and_drill_data_reach_no_real_phone(night: Night) -> None:
    await night.everybody_has_a_phone()
    await night.phone_of("head_nurse", night.phone.address("test-recipient"), is_test=True)
    for number, origin in enumerate((Origin.SIMULATED, Origin.DRILL)):
        gateway = night.world.gateway()
        gateway.outbox_id = f"outbox-{number}"
        await gateway.send(fall(CONFIRMED, night.world.clock, origin=origin, episode=f"e{number}"))
    await night.pass_time(200, step_s=10)
    assert set(night.told()) == {"test-recipient"}
    titles = {message.title.partition("]")[0] for message in night.phone.messages}
    assert titles == {"[模拟", "[演练"}


@pytest.mark.parametrize(
    ("hour", "minute", "name", "begins"),
    [
        (7, 0, "早班", 7),
        (6, 59, "夜班", 22),
        (14, 59, "早班", 7),
        (22, 0, "夜班", 22),
        (0, 5, "夜班", 22),
    ],
)
def test_shifts_are_of_the_clock_on_the_wall(
    hour: int, minute: int, name: str, begins: int
) -> None:
    at = START.astimezone(ZONE).replace(hour=hour, minute=minute)
    shift = shift_at(DEFAULT_PATTERN, at)
    assert (shift.name, shift.starts_at.hour) == (name, begins)
    assert shift.starts_at <= at < shift.ends_at
