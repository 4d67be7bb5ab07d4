"""Chattering, floods, late truth and one room's fall, through the API and the database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cloud.alerts import conditions, machine, store
from cloud.alerts.models import Alert
from cloud.alerts.reports import Report, raise_alert, recover_raised
from cloud.alerts.timers import work_timers
from cloud.devices.service import Subject, add_device, assign
from edge.events import Event, EventKind
from edge.signals import NS_PER_S, Position
from tests.cloud.alerts.night import Night
from tests.cloud.world import World, alerts, fall, move

OFFLINE, BACK = EventKind.DEVICE_OFFLINE, EventKind.DEVICE_OFFLINE_CLEARED


def said(world: World, kind: EventKind, number: int, device: str, ago_s: float = 1.0) -> Event:
    made = fall(
        kind, world.clock, device=device, episode=f"{device}/{number}", ago_s=ago_s, evidence=False
    )
    return replace(made, event_id=f"{made.event_id}/{number}/{kind.value}", reasons=())


async def devices(world: World, count: int, room: bool = True) -> list[str]:
    """So many sensors that belong to nobody, each in a room of its own of the unit."""
    from cloud.places.models import Room
    from cloud.places.service import add_room

    home, names = world.home, [f"pir-{number}" for number in range(count)]
    async with world.database.tenant(home.institution_id) as scope:
        unit_id = (await scope.session.get_one(Room, home.room_id)).unit_id
        assert unit_id is not None
        since = world.clock.now().replace(hour=0)
        for number, name in enumerate(names):
            place = await add_room(scope, unit_id, f"9{number:02d}")
            await add_device(scope, name, "yuyue-wearable-1", Position.WAIST, world.clock.now())
            await assign(scope, name, Subject(None, None, place.id), since)
    return names


async def consistent(world: World) -> None:
    """Every cached state is what its moves say."""
    async with world.database.tenant(world.home.institution_id) as scope:
        for alert in await scope.session.scalars(scope.select(Alert)):
            moves = [conditions.move_of(row) for row in await store.moves_of(scope, alert.id)]
            assert machine.fold(moves) == conditions.condition_of(alert)


async def tick(world: World, seconds: float) -> None:
    world.clock.advance(seconds)
    while await work_timers(world.database, world.clock.now()):
        pass


async def all_of(world: World) -> list[dict[str, Any]]:
    return await alerts(await world.desk(), "recent")


async def test_what_flaps_is_held_until_it_stays(world: World) -> None:
    gateway, (pir,) = world.gateway(), await devices(world, 1)
    await gateway.send(said(world, OFFLINE, 1, pir))
    (alert,) = await all_of(world)
    assert (alert["suppressed"], alert["state"]) == (True, "raised")
    await tick(world, 10)
    await gateway.send(said(world, BACK, 1, pir))
    await tick(world, 100)  # it stayed back: nobody was ever told
    assert await alerts(await world.desk()) == []
    await gateway.send(said(world, OFFLINE, 2, pir))
    await tick(world, 31)
    (alert,) = await alerts(await world.desk())
    assert (alert["suppressed"], alert["filed"], alert["recovered"]) == (False, None, False)
    # Back and gone again within the off-delay: it has not passed, and does not begin anew.
    await gateway.send(said(world, BACK, 2, pir))
    await tick(world, 30)
    await gateway.send(said(world, OFFLINE, 3, pir))
    await tick(world, 60)
    (alert,) = await alerts(await world.desk())
    assert (alert["recovered"], alert["count"], alert["rings"]) == (False, 2, 1)
    await gateway.send(said(world, BACK, 3, pir))
    await tick(world, 61)
    (alert,) = await alerts(await world.desk())
    assert alert["recovered"]
    await consistent(world)


async def test_a_flood_is_one_line_and_hides_nothing_high(night: Night) -> None:
    world = night.world
    await night.everybody_has_a_phone()
    gateway, names = world.gateway(), await devices(world, 30)
    await gateway.send(*(said(world, OFFLINE, 1, name) for name in names))
    await gateway.send(fall(EventKind.FALL_CONFIRMED, world.clock))
    await night.pass_time(40, step_s=10)
    desk = await world.desk()
    listed = {alert["code"]: alert for alert in await alerts(desk)}
    lines = [alert for alert in await alerts(desk) if not alert["suppressed"]]
    assert sorted(line["code"] for line in lines) == ["fall_confirmed", "flood"]
    assert len(await alerts(desk)) == 32  # nothing is dropped
    folded = [a for a in await alerts(desk) if a["flood_id"] == listed["flood"]["id"]]
    assert len(folded) == 30
    told = [message.title for message in night.phone.to("duty1")]
    assert sorted(told)[:2] == sorted(told) or "【高】跌倒" in told
    assert "【中】警报洪峰" in told
    assert not any("设备离线" in title for title in told)
    story = (await desk.get(f"/api/v1/alerts/{folded[0]['id']}")).json()
    assert (story["rules_version"], "flood.fold" in story["moves"][-1]["rule"]) == ("3", True)
    await consistent(world)


async def test_the_line_is_resolved_with_what_has_passed(night: Night) -> None:
    world = night.world
    gateway, names = world.gateway(), await devices(world, 14)
    await gateway.send(*(said(world, OFFLINE, 1, name) for name in names))
    world.clock.advance(60)
    await gateway.send(*(said(world, BACK, 1, name) for name in names[:10]))
    await tick(world, 61)
    await tick(world, 601)  # the flood is over
    desk = await world.desk()
    (line,) = [alert for alert in await alerts(desk) if alert["code"] == "flood"]
    assert line["recovered"]
    await move(desk, line["id"], "resolve", finding="real")
    await tick(world, 1)
    left = await alerts(desk)
    assert len(left) == 4  # not back: a line each
    assert not any(alert["suppressed"] or alert["flood_id"] for alert in left)
    ended = [a for a in await all_of(world) if a["resolved_by"] == "周敏"]
    assert len(ended) == 11
    await consistent(world)


async def test_a_flood_that_goes_on_rings_anew(night: Night) -> None:
    world = night.world
    gateway, names = world.gateway(), await devices(world, 26)
    await gateway.send(*(said(world, OFFLINE, 1, name) for name in names))
    desk = await world.desk()
    (line,) = [alert for alert in await alerts(desk) if alert["code"] == "flood"]
    await move(desk, line["id"], "resolve", finding="real")
    await tick(world, 1)
    (fresh,) = [alert for alert in await alerts(desk) if not alert["suppressed"]]
    assert (fresh["code"], fresh["follows_id"]) == ("flood", line["id"])
    assert sum(alert["flood_id"] == fresh["id"] for alert in await alerts(desk)) == 26


async def test_an_outage_is_told_as_it_was(night: Night) -> None:
    """Happened 02:13, seen 02:41: a fall is a call, a bathroom that was left is history."""
    world = night.world
    await night.everybody_has_a_phone()
    at_ns = world.clock.now_ns()
    dwell = said(world, EventKind.BATH_DWELL, 1, "wearable-1", ago_s=0)
    left = replace(
        said(world, EventKind.BATH_DWELL_CLEARED, 1, "wearable-1", ago_s=0),
        decided_ns=at_ns + 600 * NS_PER_S,
    )
    down = fall(EventKind.FALL_CONFIRMED, world.clock, device="wearable-2", ago_s=0)
    world.clock.advance(28 * 60)
    await world.gateway().send(dwell, left, down)
    await night.work()
    (call,) = await alerts(await world.desk())
    assert (call["code"], call["late_s"]) == ("fall_confirmed", 28 * 60.0)
    assert night.told()["duty1"] == 1
    history = [a for a in await alerts(await world.desk(), "recent") if a["filed"] == "history"]
    assert [(a["code"], a["state"], a["rings"]) for a in history] == [("bath_dwell", "closed", 0)]
    assert history[0]["happened_at"] == call["happened_at"] == "2026-03-01T02:13:00.000Z"
    assert history[0]["raised_at"] == "2026-03-01T02:41:00.000Z"
    story = (await (await world.desk()).get(f"/api/v1/alerts/{history[0]['id']}")).json()
    assert [m["move"] for m in story["moves"]] == ["file", "evidence"]
    assert story["rule"] == "late.history"
    await consistent(world)


async def test_a_fall_of_the_room_is_the_fall_of_whoever_wears_the_sensor(night: Night) -> None:
    world, home = night.world, night.world.home
    async with world.database.tenant(home.institution_id) as scope:
        await add_device(scope, "radar-1", "yuyue-wearable-1", Position.WAIST, world.clock.now())
        since = world.clock.now().replace(hour=0)
        await assign(scope, "radar-1", Subject(None, None, home.room_id), since)
    gateway = world.gateway()
    await gateway.send(fall(EventKind.FALL_SUSPECTED, world.clock, device="radar-1", episode="r"))
    (alert,) = await alerts(await world.desk())
    assert alert["elder"] is None
    await gateway.send(fall(EventKind.FALL_SUSPECTED, world.clock, device="wearable-2", ago_s=9))
    (alert,) = await alerts(await world.desk())
    assert (alert["elder"]["name"], alert["count"]) == ("李国强", 2)
    story = (await (await world.desk()).get(f"/api/v1/alerts/{alert['id']}")).json()
    assert {event["device_id"] for event in story["events"]} == {"radar-1", "wearable-2"}
    # The other one's fall is another alert.
    await gateway.send(fall(EventKind.FALL_SUSPECTED, world.clock, episode="x"))
    assert len(await alerts(await world.desk())) == 2


async def test_what_the_cloud_itself_finds_floods_too(world: World) -> None:
    """A city's line is down: hundreds of homes' gateways are silent, and a nurse sees one line."""
    now = world.clock.now()
    async with world.database.tenant(world.home.institution_id) as scope:
        for number in range(14):
            await raise_alert(scope, Report("gateway_offline", f"g-{number}"), now)
    seen = await all_of(world)
    lost = [alert for alert in seen if alert["code"] == "gateway_offline"]
    (line,) = [alert for alert in seen if alert["code"] == "flood"]
    assert len(lost) == 14
    assert all(alert["suppressed"] and alert["flood_id"] == line["id"] for alert in lost)
    await consistent(world)
    async with world.database.tenant(world.home.institution_id) as scope:
        assert await recover_raised(scope, "gateway_offline", "g-3", now)
        # Whatever a flood folds, what is high comes through.
        high = await raise_alert(scope, Report("dead_switch", "path"), now)
        assert (high.suppressed, high.flood_id) == (False, None)
    await consistent(world)
