"""Ways to reach people: proved, tested, handed on; relatives invited or told without a login."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cloud.alerts.notify.gate import opens_of
from cloud.alerts.notify.models import Notice
from cloud.identity.permissions import Role
from edge.events import EventKind
from tests.cloud.alerts.night import Night
from tests.cloud.world import PASSWORD, START, World, alerts, fall, move

POINTS = "/api/v1/contact-points"


def code_of(night: Night, number: str) -> str:
    (code,) = re.findall(r"\d{6}", night.phone.to(number)[-1].body)
    return str(code)


async def add(client: httpx.AsyncClient, address: str, channel: str = "apprise") -> dict[str, Any]:
    wanted = {"channel": channel, "label": "手机", "address": address}
    answer = await client.post(POINTS, json=wanted)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_way_counts_once_its_code_has_come_back(night: Night) -> None:
    desk = await night.world.desk()
    point = await add(desk, night.phone.address("new"))
    await night.work()
    verify = f"{POINTS}/{point['id']}/verify"
    code = code_of(night, "new")
    wrong = await desk.post(verify, json={"code": "000000" if code != "000000" else "111111"})
    assert (wrong.status_code, "code" in wrong.json()["detail"]) == (422, True)
    await desk.post(f"{POINTS}/{point['id']}/code")  # another one: the first is worth nothing now
    await night.work()
    assert code_of(night, "new") != code
    assert (await desk.post(verify, json={"code": code})).status_code == 422
    done = await desk.post(verify, json={"code": code_of(night, "new")})
    assert done.json()["verified_at"] is not None
    assert (await desk.post(f"{POINTS}/{point['id']}/code")).status_code == 409
    await desk.post(f"{POINTS}/{point['id']}/test")
    await night.work()
    assert night.phone.to("new")[-1].title == "渝悦养老 测试"
    stranger = await night.world.desk(1)
    assert (await stranger.post(f"{POINTS}/{point['id']}/test")).status_code == 404


async def test_codes_are_not_guessed(night: Night) -> None:
    desk = await night.world.desk()
    point = await add(desk, night.phone.address("guess"))
    tries = [
        await desk.post(f"{POINTS}/{point['id']}/verify", json={"code": f"{number:06d}"})
        for number in range(12)
    ]
    assert [answer.status_code for answer in tries[-2:]] == [429, 429]


async def test_a_browser_is_its_last_users(night: Night) -> None:
    first, second = await night.world.desk(0), await night.world.desk(1)
    mine = await add(first, night.phone.subscription("shared"), "webpush")
    assert mine["verified_at"] is not None
    again = await add(first, night.phone.subscription("shared"), "webpush")
    listed = (await first.get(POINTS)).json()["points"]
    assert [p["id"] for p in listed if p["channel"] == "webpush"] == [again["id"]]
    await add(second, night.phone.subscription("shared"), "webpush")
    listed = (await first.get(POINTS)).json()["points"]
    assert [p for p in listed if p["channel"] == "webpush"] == []


def test_a_tap_opens_the_alert() -> None:
    alert_id = START.isoformat()
    assert opens_of(Notice(alert_id=alert_id)) == f"/duty?alert={alert_id}"
    assert opens_of(Notice(alert_id=alert_id, family_id="x")) == "/family"


async def a_relative(world: World, *, agreed: bool = True) -> tuple[httpx.AsyncClient, str, str]:
    """The head nurse, the way to the elder's family, and the relative's id."""
    head, elder = await world.as_role(Role.HEAD_NURSE), world.home.elders[0]
    where = f"/api/v1/elders/{elder}/family"
    wanted = {"name": "王丽", "relationship": "女儿", "may_see": ["alerts"]}
    member = (await head.post(where, json=wanted)).json()["family"][-1]
    if agreed:
        consent = {
            "purpose": "family_sharing", "family_member_id": member["id"], "kinds": ["alerts"],
            "text_version": "1", "signer": "self", "signer_name": "王秀兰",
            "valid_from": (START - timedelta(days=1)).isoformat(),
        }  # fmt: skip
        answer = await head.post(f"/api/v1/elders/{elder}/consents", json=consent)
        assert answer.status_code == 200, answer.text
    return head, where, str(member["id"])


@pytest.mark.parametrize("agreed", [True, False])
async def test_a_relative_without_a_login_is_told(night: Night, *, agreed: bool) -> None:
    head, where, member_id = await a_relative(night.world, agreed=agreed)
    ways = f"{where}/{member_id}/contact-points"
    wanted = {"label": "短信", "address": night.phone.address("daughter")}
    (way,) = (await head.post(ways, json=wanted)).json()["points"]
    await night.work()
    code = code_of(night, "daughter")
    night.phone.messages.clear()

    async def happens(episode: str) -> None:
        desk = await night.world.desk()
        gateway = night.world.gateway()
        gateway.outbox_id = episode
        confirmed = fall(EventKind.FALL_CONFIRMED, night.world.clock, episode=episode)
        await gateway.send(confirmed)
        (alert,) = await alerts(desk)
        await move(desk, alert["id"], "arrive")
        await move(desk, alert["id"], "resolve", finding="real_fall", injury="none", measure="扶起")
        await night.work()

    await happens("before")
    assert night.phone.to("daughter") == []  # not proved yet
    proved = await head.post(f"{ways}/{way['id']}/verify", json={"code": code})
    assert proved.json()["points"][0]["verified_at"] is not None
    night.world.clock.advance(60)
    await happens("after")
    bodies = [message.body for message in night.phone.to("daughter")]
    assert len(bodies) == (2 if agreed else 0)
    if agreed:
        assert "护理员已在身边" in bodies[0]
        assert "没有受伤" in bodies[1]
    assert (await head.delete(f"{ways}/{way['id']}")).json()["points"] == []


async def test_an_invitation_makes_a_login_once(world: World) -> None:
    head, where, member_id = await a_relative(world)
    invite = f"{where}/{member_id}/invitation"
    old = (await head.post(invite)).json()["code"]
    made = (await head.post(invite, headers={"Origin": "https://hub.test"})).json()
    assert made["qr_svg"].startswith("<svg")
    anybody, look = world.client(), "/api/v1/family-invitations/look"
    assert (await anybody.post(look, json={"code": old})).status_code == 404  # a new one ends it
    seen = (await anybody.post(look, json={"code": made["code"]})).json()
    assert (seen["name"], seen["elder_name"]) == ("王丽", "王秀兰")
    accept = "/api/v1/family-invitations/accept"
    wanted = {"code": made["code"], "username": "wangli", "password": "password123"}
    weak = await anybody.post(accept, json=wanted)
    assert (weak.status_code, "password" in weak.json()["detail"]) == (422, True)
    wanted["password"] = "three-old-trees-7"
    taken = await anybody.post(accept, json={**wanted, "username": world.home.usernames[0]})
    assert (taken.status_code, "username" in taken.json()["detail"]) == (409, True)
    assert (await anybody.post(accept, json=wanted)).status_code == 204
    assert (await anybody.post(accept, json=wanted)).status_code == 404  # once
    login = {"username": "wangli", "password": wanted["password"]}
    me = (await anybody.post("/api/v1/session", json=login)).json()
    assert me["role"] == "family"
    members = (await head.get(where)).json()["family"]
    assert [m["username"] for m in members if m["id"] == member_id] == ["wangli"]
    assert (await head.post(invite)).status_code == 409  # has a login now


async def test_an_old_invitation_is_worth_nothing(world: World) -> None:
    head, where, member_id = await a_relative(world)
    code = (await head.post(f"{where}/{member_id}/invitation")).json()["code"]
    world.clock.advance(7 * 86_400 + 1)
    answer = await world.client().post("/api/v1/family-invitations/look", json={"code": code})
    assert answer.status_code == 404
    duty = await world.desk()
    assert (await duty.post(f"{where}/{member_id}/invitation")).status_code == 403


async def test_the_night_on_one_page(night: Night) -> None:
    await night.everybody_has_a_phone()
    head, desk = await night.world.as_role(Role.HEAD_NURSE), await night.world.desk()
    await night.world.gateway().send(fall(EventKind.FALL_CONFIRMED, night.world.clock))
    (alert,) = await alerts(desk)
    await night.pass_time(40, step_s=10)
    await move(desk, alert["id"], "arrive")
    drill = {"elder_id": str(night.world.home.elders[1]), "announced": False}
    await head.post("/api/v1/duty/drills", json=drill)
    span = {"from": START.isoformat(), "to": (START + timedelta(hours=1)).isoformat()}
    page = (await head.get("/api/v1/duty/night", params=span)).json()
    (row,) = page["alerts"]
    assert (row["place"], row["step"], row["arrived_by"]) == ("2 楼 护理一区 203-1 床", 1, "周敏")
    assert {"decided", "stored", "committed", "notified", "arrived"} <= set(row["hops"])
    assert {(t["recipient"], t["state"]) for t in row["told"]} >= {("周敏", "sent")}
    assert "王秀兰" not in str(page)
    every = (await head.get("/api/v1/duty/night", params={**span, "origin": "all"})).json()
    assert [a["origin"] for a in every["alerts"]] == ["live", "drill"]
    assert (await desk.get("/api/v1/duty/night", params=span)).status_code == 403
    assert PASSWORD not in str(every)
