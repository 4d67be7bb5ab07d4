"""The incident register: by alerts and by hand, reviewed, closed, counted, exported."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.care.incidents.machine import STEPS, IncidentState, IncidentStep, Told, after, lacks
from cloud.identity.permissions import Role
from edge.events import EventKind
from tests.cloud.world import CHANGES, World, alerts, fall

TOLD = {
    "kind": "choking", "description": "早餐吃馒头呛住", "injury": "none", "cause": "吃得急",
    "measure": "海姆立克法，改软食",
}  # fmt: skip


@given(st.lists(st.sampled_from(IncidentStep), max_size=20))
def test_nothing_is_closed_without_a_review(steps: list[IncidentStep]) -> None:
    state, reviewed = IncidentState.REPORTED, False
    for step in steps:
        following = after(state, step)
        if following is None:
            continue
        if step is IncidentStep.CLOSE:
            assert reviewed
        reviewed = following in (IncidentState.REVIEWED, IncidentState.CLOSED)
        state = following
    assert all(before is not IncidentState.VOIDED for before, _ in STEPS)


def test_what_a_review_needs() -> None:
    bare = Told(None, None, None)
    assert [name for name, _ in lacks(IncidentStep.REVIEW, bare, "")] == [
        "injury", "cause", "measure",
    ]  # fmt: skip
    told = Told("unknown", "湿滑", "加扶手", "复查", date(2026, 3, 2))
    assert lacks(IncidentStep.REVIEW, told, "") == []
    assert [name for name, _ in lacks(IncidentStep.CLOSE, told, "")] == ["injury", "words"]


@pytest.fixture
async def head(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.HEAD_NURSE)


async def report(client: httpx.AsyncClient, world: World, **more: Any) -> httpx.Response:
    body = {
        "id": str(uuid.uuid4()), "elder_id": str(world.home.elders[0]),
        "happened_at": world.clock.now().isoformat(), **TOLD,
    } | more  # fmt: skip
    return await client.post("/api/v1/incidents", json=body, headers=CHANGES)


async def move(
    client: httpx.AsyncClient, incident: dict[str, Any], step: str, words: str = ""
) -> httpx.Response:
    body = {"step": step, "words": words, "version": incident["version"]}
    return await client.post(
        f"/api/v1/incidents/{incident['id']}/moves", json=body, headers=CHANGES
    )


async def a_real_fall(world: World, episode: str) -> str:
    # A device's clock is finer than what the API tells.
    event = fall(EventKind.FALL_CONFIRMED, world.clock, episode=episode, ago_s=1.000123)
    await world.gateway().send(event)
    desk = await world.desk()
    (alert,) = [one for one in await alerts(desk) if one["code"] == "fall_confirmed"]
    body = {
        "move": "resolve", "client_time": world.clock.now().isoformat(), "finding": "real_fall",
        "injury": "minor", "cause": "地滑", "measure": "擦干地面",
    }  # fmt: skip
    answer = await desk.post(f"/api/v1/alerts/{alert['id']}/moves", json=body, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    return str(alert["id"])


async def test_reported_reviewed_closed(world: World, head: httpx.AsyncClient) -> None:
    desk = await world.desk()
    one = str(uuid.uuid4())
    made = (await report(desk, world, id=one)).json()
    assert (made["state"], made["place"]) == ("reported", "2 楼 护理一区 203-1 床")
    again = await report(desk, world, id=one)
    assert again.json()["id"] == one
    twin = await report(desk, world)
    assert (twin.status_code, twin.json()["code"]) == (409, "maybe_the_same")
    assert twin.json()["incident_id"] == one
    assert (await move(desk, made, "review")).status_code == 403
    assert (await move(head, made, "close")).json()["code"] == "illegal_step"
    reviewed = (await move(head, made, "review", "全区改软食")).json()
    assert (reviewed["state"], reviewed["reviewed_by"]) == ("reviewed", "head_nurse 测试")
    stale = await move(head, made, "close")
    assert stale.json()["code"] == "changed_meanwhile"
    day = (world.clock.now() + timedelta(days=1)).date().isoformat()
    changed = {
        name: reviewed[name] for name in (*TOLD, "happened_at", "place")
    } | {"follow_up": "请营养师看", "follow_up_on": day}  # fmt: skip
    changed["version"] = reviewed["version"]
    answer = await desk.put(f"/api/v1/incidents/{one}", json=changed, headers=CHANGES)
    assert (answer.json()["state"], answer.json()["review"]) == ("reported", "")
    reviewed = (await move(head, answer.json(), "review")).json()
    wordless = await move(head, reviewed, "close")
    assert wordless.json()["errors"][0]["field"] == "body.words"
    world.clock.advance(3 * 86_400)
    head = await world.as_role(Role.HEAD_NURSE)
    (line,) = (await head.get("/api/v1/incidents")).json()["incidents"]
    assert line["overdue"]
    closed = (await move(head, reviewed, "close", "已改软食")).json()
    assert [one["move"] for one in closed["moves"]] == [
        "report", "review", "change", "review", "close",
    ]  # fmt: skip
    assert closed["moves"][2]["changes"]["follow_up"] == ["", "请营养师看"]
    assert (await move(head, closed, "reopen", "家属有异议")).json()["state"] == "reported"


async def test_an_alert_brings_its_fall_and_the_register_keeps_what_it_worked_on(
    world: World, head: httpx.AsyncClient
) -> None:
    alert_id = await a_real_fall(world, "episode-1")
    (line,) = (await head.get("/api/v1/incidents")).json()["incidents"]
    assert (line["kind"], line["alert_id"], line["cause"]) == ("fall", alert_id, "地滑")
    assert (await move(head, line, "void", "写错")).json()["code"] == "voided_by_alert"
    told = {name: line[name] for name in ("kind", "happened_at", "injury", "measure")}
    changed = told | {"cause": "拖地后没有放警示牌", "version": 1}
    where = f"/api/v1/incidents/{line['id']}"
    assert (await head.put(where, json=changed, headers=CHANGES)).status_code == 200
    other_kind = changed | {"kind": "scald", "version": 2}
    assert (await head.put(where, json=other_kind, headers=CHANGES)).status_code == 422
    desk = await world.desk()
    close = {"move": "close", "client_time": world.clock.now().isoformat(), "family": "told"}
    await desk.post(f"/api/v1/alerts/{alert_id}/moves", json=close, headers=CHANGES)
    assert (await head.get(where)).json()["cause"] == "拖地后没有放警示牌"
    reopen = {"move": "reopen", "client_time": world.clock.now().isoformat(), "note": "看错了"}
    answer = await head.post(f"/api/v1/alerts/{alert_id}/moves", json=reopen, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    assert (await head.get(where)).json()["state"] == "voided"


async def test_by_hand_counts_for_the_assessment_once_reviewed(
    world: World, head: httpx.AsyncClient
) -> None:
    where = f"/api/v1/elders/{world.home.elders[0]}/assessment-incidents"
    query = {"reference_date": world.clock.now().date().isoformat()}
    made = (await report(head, world)).json()
    await report(head, world, kind="bed_fall", description="夜里坠床", id=str(uuid.uuid4()))
    assert (await head.get(where, params=query)).json()["counts"] == {}
    await move(head, made, "review")
    assert (await head.get(where, params=query)).json()["counts"] == {"choke": 1}


async def test_counts_and_export(world: World, head: httpx.AsyncClient) -> None:
    await a_real_fall(world, "episode-1")
    await report(head, world, description="=HYPERLINK(1)")
    void = (await report(head, world, kind="scald")).json()
    assert (await move(head, void, "void", "登记错人")).json()["state"] == "voided"
    listed = (await head.get("/api/v1/incidents")).json()
    counts = {one["kind"]: (one["count"], one["injured"]) for one in listed["counts"]}
    assert (counts["fall"], counts["choking"], counts["scald"]) == ((1, 1), (1, 0), (0, 0))
    only = (await head.get("/api/v1/incidents", params={"kind": "choking"})).json()
    assert [one["kind"] for one in only["incidents"]] == ["choking"]
    answer = await head.get("/api/v1/incidents/export")
    assert answer.headers["content-type"].startswith("text/csv")
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(table) == 4
    assert {row[4] for row in table[1:]} == {"跌倒", "噎食", "烫伤"}
    assert "'=HYPERLINK(1)" in {row[5] for row in table[1:]}


async def test_bad_reports_are_refused(world: World, head: httpx.AsyncClient) -> None:
    ahead = (world.clock.now() + timedelta(days=1)).isoformat()
    assert (await report(head, world, happened_at=ahead)).status_code == 422
    assert (await report(head, world, kind="tripped")).status_code == 422
    assert (await report(head, world, follow_up="复查")).status_code == 422
    assert (await report(head, world, alert_id=str(uuid.uuid4()))).status_code == 422
    assert (await report(head, world, elder_id=str(uuid.uuid4()))).status_code == 404
    assert (await head.get("/api/v1/incidents")).json()["incidents"] == []


async def test_the_register_of_risks_and_its_history(world: World, head: httpx.AsyncClient) -> None:
    elder = world.home.elders[0]
    where = f"/api/v1/elders/{elder}/risks"
    high = {
        "risk": "wandering", "level": "high", "measures": "门磁，每班点名", "owner": "周敏",
        "review_on": "2026-02-28", "version": 0,
    }  # fmt: skip
    assert (await head.put(where, json=high, headers=CHANGES)).status_code == 200
    lower = high | {"level": "watch", "review_on": "2026-06-01", "version": 1}
    overdue = (await head.get("/api/v1/risks", params={"level": "high", "overdue": True})).json()
    assert [row["elder_name"] for row in overdue["rows"]] == ["王秀兰"]
    count = next(one for one in overdue["counts"] if one["risk"] == "wandering")
    assert (count["high"], count["overdue"], count["not_assessed"], overdue["elders"]) == (
        1, 1, 1, 2,
    )  # fmt: skip
    assert (await head.put(where, json=lower, headers=CHANGES)).status_code == 200
    mine = (await head.get("/api/v1/risks", params={"owner": "周敏"})).json()
    assert [(row["entry"]["level"], row["entry"]["is_due"]) for row in mine["rows"]] == [
        ("watch", False)
    ]
    path = f"/api/v1/elders/{elder}/risk-history"
    changes = (await head.get(path, params={"risk": "wandering"})).json()["changes"]
    assert [(one["version"], one["level"]) for one in changes] == [(2, "watch"), (1, "high")]
    everything = (await head.get("/api/v1/risks")).json()
    assert len(everything["rows"]) == 18


async def test_planned_drills(world: World, head: httpx.AsyncClient) -> None:
    where = "/api/v1/duty/drill-plans"
    past = await head.post(where, json={"kind": "fire", "year": 2025, "quarter": 4})
    assert (past.status_code, past.json()["errors"][0]["field"]) == (422, "body.quarter")
    plans = {}
    for kind, quarter in (("fire", 1), ("choking", 2), ("wandering", 1)):
        body = {"kind": kind, "year": 2026, "quarter": quarter}
        plans[kind] = (await head.post(where, json=body, headers=CHANGES)).json()
    assert {kind: plan["standing"] for kind, plan in plans.items()} == {
        "fire": "due", "choking": "later", "wandering": "due",
    }  # fmt: skip
    drill = {"elder_id": str(world.home.elders[0]), "announced": False}
    sheet = (await head.post("/api/v1/duty/drills", json=drill, headers=CHANGES)).json()
    done = {"done_on": "2026-03-01", "participants": ["周敏 ", ""], "version": 1}
    path = f"{where}/{plans['fire']['id']}/done"
    nobody = await head.post(path, json=done | {"participants": [" "]}, headers=CHANGES)
    assert nobody.json()["errors"][0]["field"] == "body.participants"
    unknown = await head.post(path, json=done | {"drill_id": str(uuid.uuid4())}, headers=CHANGES)
    assert unknown.json()["errors"][0]["field"] == "body.drill_id"
    linked = done | {"drill_id": sheet["drills"][0]["id"]}
    finished = (await head.post(path, json=linked, headers=CHANGES)).json()
    assert (finished["standing"], finished["participants"]) == ("done", ["周敏"])
    assert (await head.post(path, json=done | {"version": 2})).json()["code"] == "illegal_step"
    cancel = f"{where}/{plans['choking']['id']}/cancel"
    answer = await head.post(cancel, json={"reason": "合并", "version": 1}, headers=CHANGES)
    assert answer.json()["standing"] == "cancelled"
    listed = (await head.get(where)).json()
    assert listed["halves_done"] == [1, 0]
    world.clock.advance(60 * 86_400)
    head = await world.as_role(Role.HEAD_NURSE)
    late = {one["kind"]: one["standing"] for one in (await head.get(where)).json()["plans"]}
    assert late["wandering"] == "overdue"
