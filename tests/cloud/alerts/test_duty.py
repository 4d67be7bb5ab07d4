"""Family, incidents, drills, the check before a shift, the dead man's switch, figures."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest

from cloud.alerts.drills.service import watch_switches
from cloud.alerts.incidents import incidents_of
from cloud.alerts.notify.gate import BlockedError, Outgoing
from cloud.identity.permissions import Role
from cloud.people.family import add_consent, put_family_member
from cloud.people.schemas import ConsentIn, FamilyIn
from cloud.settings import Settings
from edge.events import EventKind
from edge.signals import Origin
from tests.cloud.alerts.night import Night
from tests.cloud.world import START, World, alerts, fall, move

CONFIRMED, SUSPECTED = EventKind.FALL_CONFIRMED, EventKind.FALL_SUSPECTED
SPAN = {
    "from": (START - timedelta(days=1)).isoformat(),
    "to": (START + timedelta(days=1)).isoformat(),
}
REPORT = {"injury": "minor", "measure": "冰敷，观察"}


async def one(night: Night, kind: EventKind = CONFIRMED, **more: Any) -> str:
    gateway = night.world.gateway()
    gateway.outbox_id = str(uuid.uuid4())
    episode = str(uuid.uuid4())
    await gateway.send(fall(kind, night.world.clock, episode=episode, **more))
    open_ones = await alerts(await night.world.desk())
    return str(max(open_ones, key=lambda alert: alert["raised_at"])["id"])


async def a_daughter(night: Night, *, agreed: bool) -> None:
    world = night.world
    elder, now = world.home.elders[0], world.clock.now()
    await night.phone_of("family", night.phone.subscription("daughter"))
    wanted = FamilyIn(
        name="王芳", relationship="女儿", username=(await night.user("family")).username,
        may_see=["alerts"],
    )  # fmt: skip
    async with world.database.tenant(world.home.institution_id) as scope:
        member = await put_family_member(
            scope, elder, None, wanted, keyring=Settings().keyring, now=now
        )
        if agreed:
            consent = ConsentIn(
                purpose="family_sharing", kinds=["alerts"], signer="self", signer_name="王秀兰",
                text_version="1", valid_from=now - timedelta(days=1), family_member_id=member.id,
            )  # fmt: skip
            await add_consent(scope, elder, consent, None, now)


async def test_the_family_hears_when_somebody_is_there_and_how_it_ended(night: Night) -> None:
    await night.everybody_has_a_phone()
    await a_daughter(night, agreed=True)
    alert_id, desk = await one(night), await night.world.desk()
    await night.work()
    assert night.phone.to("daughter") == []  # nobody has seen it yet
    await move(desk, alert_id, "arrive")
    await night.work()
    (first,) = night.phone.to("daughter")
    assert first.body == "王秀兰老人 10:12 摔倒了，护理员已在身边。结果会再告诉您。"
    await move(desk, alert_id, "resolve", finding="real_fall", **REPORT)
    await night.work()
    assert night.phone.to("daughter")[1].body == "王秀兰老人：受了轻伤，已处理。处理：冰敷，观察。"


@pytest.mark.parametrize(
    ("agreed", "kind", "finding", "origin"),
    [
        (False, CONFIRMED, "real_fall", Origin.LIVE),  # nobody agreed to it
        (True, SUSPECTED, "sat_hard", Origin.LIVE),  # a suspicion only
        (True, CONFIRMED, "real_fall", Origin.DRILL),
    ],
)
async def test_whom_the_family_does_not_hear_of(
    night: Night, *, agreed: bool, kind: EventKind, finding: str, origin: Origin
) -> None:
    await a_daughter(night, agreed=agreed)
    alert_id, desk = await one(night, kind, origin=origin), await night.world.desk()
    await move(desk, alert_id, "arrive")
    await move(desk, alert_id, "resolve", finding=finding)
    await night.work()
    assert night.phone.to("daughter") == []


def test_nothing_but_the_gate_makes_a_message() -> None:
    with pytest.raises(BlockedError):
        Outgoing("apprise", "json://127.0.0.1/", "t", "b", 1, uuid.uuid4(), "/", object())


async def test_a_confirmed_fall_is_an_incident_until_it_is_taken_back(world: World) -> None:
    desk, home = await world.desk(), world.home
    await world.gateway().send(fall(CONFIRMED, world.clock))
    (alert,) = await alerts(desk)

    async def count() -> int:
        async with world.database.tenant(home.institution_id) as scope:
            return len(await incidents_of(scope, home.elders[0], START - timedelta(days=30)))

    assert await count() == 0
    await move(desk, alert["id"], "resolve", finding="real_fall", injury="none")
    assert await count() == 1
    head = await world.as_role(Role.HEAD_NURSE)
    await move(head, alert["id"], "reopen", note="看错了人")
    assert await count() == 0
    await move(desk, alert["id"], "resolve", finding="lowered_self")
    assert await count() == 0


async def test_a_drill_is_measured_and_counts_nowhere(night: Night) -> None:
    await night.everybody_has_a_phone()
    head, desk = await night.world.as_role(Role.HEAD_NURSE), await night.world.desk()
    wanted = {"elder_id": str(night.world.home.elders[0]), "announced": False, "note": "夜间抽查"}
    assert (await desk.post("/api/v1/duty/drills", json=wanted)).status_code == 403
    made = (await head.post("/api/v1/duty/drills", json=wanted)).json()["drills"][0]
    (alert,) = await alerts(desk)
    assert (alert["origin"], alert["id"]) == ("drill", made["alert_id"])
    await night.pass_time(40, step_s=10)
    assert night.told() == {}
    await move(desk, alert["id"], "acknowledge")
    night.world.clock.advance(50)
    await move(desk, alert["id"], "arrive")
    await move(desk, alert["id"], "resolve", finding="test")
    (sheet,) = (await desk.get("/api/v1/duty/drills")).json()["drills"]
    assert (sheet["acknowledged_s"], sheet["arrived_s"], sheet["step"]) == (40, 90, 1)
    assert (sheet["announced"], sheet["acknowledged_by"], sheet["shift"]) == (False, "周敏", "早班")
    figures = (await head.get("/api/v1/duty/figures", params=SPAN)).json()
    assert figures["alerts"] == 0


async def test_the_check_before_a_shift_lists_what_is_missing_and_is_signed(night: Night) -> None:
    desk = await night.world.desk()
    check = (await desk.post("/api/v1/duty/pre-flight")).json()
    assert check["result"]["elders"] == 2
    assert {p["kind"] for p in check["result"]["problems"]} == {"no_console"}
    await night.off_duty("head_nurse")
    check = (await desk.post("/api/v1/duty/pre-flight")).json()
    (empty,) = [p for p in check["result"]["problems"] if p["kind"] == "empty_step"]
    assert (empty["step"], empty["targets"]) == (2, "head_nurse")
    assert sorted(empty["elders"]) == ["李国强", "王秀兰"]
    at = f"/api/v1/duty/pre-flight/{check['id']}/sign"
    assert (await desk.post(at, json={"remark": "已电话通知"})).json()["signed_by"] == "周敏"
    assert (await desk.post(at, json={})).status_code == 409


async def test_silence_of_the_dead_mans_switch_is_an_alert(night: Night) -> None:
    await night.everybody_has_a_phone()
    point_id = await night.phone_of("operator", night.phone.address("proof"), is_test=True)
    operator = await night.world.as_role(Role.OPERATOR)
    wanted = {"device_id": "wearable-2", "point_id": str(point_id)}
    assert (await operator.put("/api/v1/duty/dead-switch", json=wanted)).status_code == 200
    for number in range(3):  # an hour each: the proof travels, nobody is disturbed
        gateway = night.world.gateway()
        gateway.outbox_id = f"proof-{number}"
        await gateway.send(
            fall(EventKind.SOS, night.world.clock, device="wearable-2", origin=Origin.SIMULATED,
                 episode=f"proof-{number}")
        )  # fmt: skip
        await night.work()
        assert await watch_switches(night.world.database, night.world.clock.now()) == 0
        night.world.clock.advance(3600)
    assert night.told() == {"proof": 3}
    assert await alerts(await night.world.desk()) == []
    night.world.clock.advance(301)
    assert await watch_switches(night.world.database, night.world.clock.now()) == 1
    assert await watch_switches(night.world.database, night.world.clock.now()) == 0
    (alert,) = await alerts(await night.world.desk())
    assert (alert["code"], alert["priority"]) == ("dead_switch", "high")
    await night.work()
    assert night.told() == {"proof": 4, "manager": 1}  # live now: every way there is


async def test_a_real_phone_is_no_test_recipient(night: Night) -> None:
    point_id = await night.phone_of("operator")
    operator = await night.world.as_role(Role.OPERATOR)
    wanted = {"device_id": "wearable-2", "point_id": str(point_id)}
    answer = await operator.put("/api/v1/duty/dead-switch", json=wanted)
    assert (answer.status_code, "point_id" in answer.json()["detail"]) == (422, True)


async def test_figures_with_the_counts_behind_them(night: Night) -> None:
    desk, head = await night.world.desk(), await night.world.as_role(Role.HEAD_NURSE)
    clock = night.world.clock
    for answer_s, finding in (
        (20, "real_fall"),
        (100, "sat_hard"),
        (400, "sat_hard"),
        (30, "test"),
    ):
        alert_id = await one(night)
        clock.advance(answer_s)
        await move(desk, alert_id, "acknowledge")
        clock.advance(60)
        await move(desk, alert_id, "arrive")
        await move(desk, alert_id, "resolve", finding=finding)
    figures = (await head.get("/api/v1/duty/figures", params=SPAN)).json()
    assert figures["alerts"] == 3  # the test does not count
    assert figures["answered_60_s"] == {
        "part": 1, "whole": 3, "percent": 33.3, "goal_percent": 97.5,
    }  # fmt: skip
    assert (figures["answered_180_s"]["part"], len(figures["late_answers"])) == (2, 1)
    assert figures["answer"] == {"count": 3, "median_s": 100, "p95_s": 400, "p99_s": 400}
    assert figures["false"] | {} == {
        "part": 2, "whole": 3, "percent": 66.7, "goal_percent": None,
    }  # fmt: skip
    assert figures["top_sources"][0]["device_id"] == "wearable-1"
    assert (figures["falls"], figures["duty_hours"]) == (1, 96.0)
    answer = await head.get("/api/v1/duty/figures/csv", params=SPAN)
    rows = {row[0]: row for row in csv.reader(io.StringIO(answer.text.lstrip("\ufeff")))}
    assert rows["answered_60_s"] == ["answered_60_s", "", "33.3", "1/3"]
    assert rows["answer_p95_s"][2:] == ["400.0", "3"]
    assert (await desk.get("/api/v1/duty/figures", params=SPAN)).status_code == 403
    turned = {"from": SPAN["to"], "to": SPAN["from"]}
    assert (await head.get("/api/v1/duty/figures", params=turned)).status_code == 422
    ledger = (await head.get("/api/v1/duty/figures/ledger", params=SPAN)).json()
    answered = [row for row in ledger["hops"] if row["hop"] == "acknowledged"]
    assert [(r["alerts"], r["median_s"], r["unit"], r["shift"]) for r in answered] == [
        (3, 100.0, "2 楼 护理一区", "早班")
    ]
    assert len(ledger["alerts"]) == 4
