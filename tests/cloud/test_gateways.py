"""Heartbeats, the registry, and the status the screens see."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cloud.devices.gateways import announce_gateway_states
from cloud.devices.service import (
    Subject,
    add_device,
    assign,
    find_gateway,
    issue_gateway_token,
)
from cloud.live.service import read_after
from cloud.people.age import age_on
from cloud.people.family import add_consent
from cloud.people.schemas import ConsentIn
from cloud.people.service import add_elder, add_stay
from cloud.places.homes import add_home
from cloud.places.schemas import HomeIn
from cloud.places.service import add_bed, add_room
from cloud.series.postgres import PostgresSeries
from edge.signals import NS_PER_S
from edge.wire import LaneState, RegistryDocument
from tests.cloud.world import ManualClock, World, reading, waveform


async def status(world: World) -> dict[str, Any]:
    return dict((await (await world.desk()).get("/api/v1/status")).json())


async def watch(world: World) -> int:
    async with world.database.tenant(world.home.institution_id) as scope:
        return await announce_gateway_states(scope, world.clock.now())


async def test_never_online_offline(world: World, clock: ManualClock) -> None:
    gateway = world.gateway()
    assert (await status(world))["gateways"][0]["state"] == "never"
    clock.advance(3600)
    assert await watch(world) == 0
    assert (await gateway.beat(urgent=LaneState(3, clock.now_ns() - NS_PER_S))).status_code == 200
    (seen,) = (await status(world))["gateways"]
    assert (seen["state"], seen["urgent_pending"], seen["bulk_pending"]) == ("online", 3, 2)
    assert seen["oldest_pending_at"] == "2026-03-01T03:12:59.000Z"
    assert seen["sources"] == {"mqtt": True}
    clock.advance(89.9)
    assert await watch(world) == 0
    clock.advance(0.2)
    assert (await status(world))["gateways"][0]["state"] == "offline"
    assert await watch(world) == 1
    assert await watch(world) == 0  # told once, also by a second watcher or after a restart
    await gateway.beat()
    async with world.database.tenant(world.home.institution_id) as scope:
        told = await read_after(scope, 0, 10)
    assert [event.kind for event in told] == ["status"] * 3


async def test_a_clock_that_is_off_is_seen(world: World, clock: ManualClock) -> None:
    await world.gateway().beat(sent_ns=clock.now_ns() - 7 * NS_PER_S)
    assert (await status(world))["gateways"][0]["clock_offset_s"] == -7.0


@pytest.mark.parametrize(
    "changes",
    [
        {"sent_ns": -1},
        {"started_ns": 2**64},
        {"urgent": LaneState(-1, None)},
        {"bulk": LaneState(2**31, None)},
        {"outbox_id": "a\0"},
        {"sources": {"mq\0": True}},
        {"rejected_total": -1},
    ],
)
async def test_an_impossible_heartbeat(world: World, changes: dict[str, Any]) -> None:
    answer = await world.gateway().beat(**changes)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_batch")
    assert (await status(world))["gateways"][0]["state"] == "never"


async def test_devices_that_say_nothing_are_silent(world: World, clock: ManualClock) -> None:
    await world.gateway().send(reading(clock), waveform(clock))
    devices = (await status(world))["devices"]
    assert (devices["assigned"], devices["silent"]) == (2, 1)
    first, second = devices["devices"]
    assert (first["silent"], first["elder_name"]) == (False, "王秀兰")
    assert first["last_data_at"] == "2026-03-01T02:12:59.000Z"
    assert (second["silent"], second["last_data_at"]) == (True, None)
    clock.advance(90)
    assert (await status(world))["devices"]["silent"] == 2


async def registry(world: World, version: int | None = None) -> RegistryDocument | None:
    headers = {} if version is None else {"If-None-Match": f'"{version}"'}
    answer = await world.gateway().client.get("/api/v1/gateway/registry", headers=headers)
    if answer.status_code == 304:
        assert answer.content == b""
        return None
    document = msgspec.json.decode(answer.content, type=RegistryDocument)
    assert answer.headers["ETag"] == f'"{document.version}"'
    return document


async def known(world: World) -> RegistryDocument:
    document = await registry(world)
    assert document is not None
    return document


async def test_the_registry_is_sent_once(world: World) -> None:
    document = await known(world)
    assert document.gateway_id == str(world.home.gateway_id)
    first, second = document.devices
    assert (first.device_id, first.elder_name) == ("wearable-1", "王秀兰")
    assert (first.place, first.position) == ("2 楼 护理一区 203-1 床", "waist")
    assert first.elder_id == str(world.home.elders[0])
    assert second.elder_id == str(world.home.elders[1])
    assert await registry(world, document.version) is None
    reply = (await world.gateway().beat()).json()
    assert reply == {
        "received_ns": world.clock.now_ns(), "registry_version": document.version,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE elder SET name = '王秀英' WHERE name = '王秀兰'",
        "UPDATE room SET name = '204'",
        "UPDATE unit SET name = '3 楼'",
        "UPDATE bed SET name = '9' WHERE name = '1'",
        "UPDATE device SET position = 'wrist'",
        "UPDATE stay SET valid_until = now() + interval '90 years'",
        "DELETE FROM assignment WHERE device_id = 'wearable-1'",
    ],
)
async def test_every_change_raises_the_version(world: World, change: str) -> None:
    before = await known(world)
    async with world.database.tenant(world.home.institution_id) as scope:
        await scope.session.execute(text(change))
    after = await registry(world, before.version)
    assert after is not None
    assert after.version > before.version
    changed_text = "UPDATE stay" not in change
    assert (after.devices != before.devices) == changed_text


async def test_an_assignment_that_begins_or_ends_by_the_clock(
    world: World, clock: ManualClock
) -> None:
    home, at = world.home, clock.now() + timedelta(hours=1)
    async with world.database.tenant(home.institution_id) as scope:
        await scope.session.execute(
            text("UPDATE assignment SET valid_until = :at WHERE device_id = 'wearable-1'"),
            {"at": at},
        )
        await assign(scope, "wearable-1", Subject(home.elders[1], None, None), at)
    before = await known(world)
    clock.advance(3599.9)
    assert await registry(world, before.version) is None
    clock.advance(0.1)
    assert (await world.gateway().beat()).json()["registry_version"] > before.version
    after = await registry(world, before.version)
    assert after is not None
    assert [device.elder_name for device in after.devices] == ["李国强", "李国强"]


async def test_a_device_is_never_given_twice_at_a_time(world: World, clock: ManualClock) -> None:
    home, now = world.home, clock.now()

    async def give(begins: float, ends: float | None) -> None:
        async with world.database.tenant(home.institution_id) as scope:
            until = None if ends is None else now + timedelta(days=ends)
            subject = Subject(home.elders[1], None, None)
            await assign(scope, "wearable-1", subject, now + timedelta(days=begins), until)

    for begins, ends in ((0, None), (-1, 1), (-31, -29), (5, 6)):
        with pytest.raises(IntegrityError) as caught:
            await give(begins, ends)
        assert isinstance(caught.value.orig, psycopg.errors.ExclusionViolation)
    await give(-40, -30)  # ends where the other begins
    with pytest.raises(IntegrityError):
        await give(-50, -60)


async def test_a_bed_has_one_elder_and_an_elder_one_bed(world: World, clock: ManualClock) -> None:
    home = world.home
    for elder, bed in ((0, 1), (1, 0), (0, 0)):
        with pytest.raises(IntegrityError):
            async with world.database.tenant(home.institution_id) as scope:
                await add_stay(scope, home.elders[elder], home.beds[bed], clock.now())


async def test_a_renewed_token_ends_the_old_one(world: World) -> None:
    old = world.gateway()
    async with world.database.tenant(world.home.institution_id) as scope:
        gateway = await find_gateway(scope, world.home.gateway_name)
        assert gateway is not None
        world.home.token, before = (
            await issue_gateway_token(scope, gateway, world.clock.now()),
            world.home.token,
        )
    try:
        assert (await old.beat()).status_code == 401
        assert (await world.gateway().beat()).status_code == 200
    finally:
        world.home.token = before


@pytest.mark.parametrize(
    ("day", "age"), [(date(2026, 3, 11), 84), (date(2026, 3, 12), 85), (date(2026, 3, 13), 85)]
)
def test_age(day: date, age: int) -> None:
    assert age_on(date(1941, 3, 12), day) == age


async def test_the_series_store_keeps_what_it_was_given(world: World, clock: ManualClock) -> None:
    series = PostgresSeries(world.database)
    blocks = [waveform(clock, number=number) for number in range(3)]
    values = [reading(clock, ago_s=ago_s) for ago_s in (1, 2, 3)]
    times = [block.start_ns for block in blocks] + [value.time_ns for value in values]
    await series.prepare(times, clock.now_ns())
    for _ in range(2):  # the second time changes nothing
        async with world.database.tenant(world.home.institution_id) as scope:
            await series.append(scope, blocks, values)
    async with world.database.tenant(world.home.institution_id) as scope:
        span = (clock.now_ns() - 10 * NS_PER_S, clock.now_ns())
        stored = await series.waveforms(scope, "wearable-1", "acceleration", *span)
        found = await series.readings(scope, "wearable-1", "heart_rate", *span)
        # Half-open in time, by device, by quantity.
        none = await series.readings(scope, "wearable-2", "heart_rate", *span)
        few = await series.readings(
            scope, "wearable-1", "heart_rate", values[2].time_ns, values[0].time_ns
        )
        touching = await series.waveforms(
            scope, "wearable-1", "acceleration", blocks[0].end_ns - 1, clock.now_ns()
        )
        after = await series.waveforms(
            scope, "wearable-1", "acceleration", blocks[2].end_ns, clock.now_ns()
        )
    assert [(b.start_ns, b.rate_hz, b.scale, b.origin) for b in stored] == [
        (b.start_ns, b.rate_hz, b.scale, b.origin) for b in blocks
    ]
    assert all((a.counts == b.counts).all() for a, b in zip(stored, blocks, strict=True))
    assert found == values[::-1]
    assert few == [values[2], values[1]]
    assert none == []
    assert len(touching) == 3
    assert after == []
    async with world.database.tenant(world.other.institution_id) as scope:
        assert await series.waveforms(scope, "wearable-1", "acceleration", *span) == []


async def kinds_of(world: World) -> dict[str, list[str] | None]:
    return {device.device_id: device.allowed_kinds for device in (await known(world)).devices}


async def test_gateways_are_told_what_people_agreed_to(world: World, clock: ManualClock) -> None:
    home, now = world.home, clock.now()
    assert await kinds_of(world) == {"wearable-1": [], "wearable-2": []}
    async with world.database.tenant(home.institution_id) as scope:
        for purpose, until in (("safety", None), ("vitals", now + timedelta(hours=1))):
            consent = ConsentIn(
                purpose=purpose, text_version="1", signer="self", signer_name="王秀兰",
                valid_from=now, valid_until=until,
            )  # type: ignore[arg-type]  # fmt: skip
            held = await add_consent(scope, home.elders[0], consent, None, now)
        await add_device(scope, "climate-1", "m", None, now)
        await assign(scope, "climate-1", Subject(None, None, home.room_id), now)
    before = await known(world)
    assert await kinds_of(world) == {
        "climate-1": None, "wearable-1": ["safety", "vitals"], "wearable-2": [],
    }  # fmt: skip
    clock.advance(3600)
    assert (await world.gateway().beat()).json()["registry_version"] > before.version
    assert (await kinds_of(world))["wearable-1"] == ["safety"]
    async with world.database.tenant(home.institution_id) as scope:
        await scope.session.execute(text("UPDATE consent SET withdrawn_at = :at"), {"at": now})
    assert held.purpose == "vitals"
    assert (await kinds_of(world))["wearable-1"] == []
    world.app.state.yuyue.settings.consent_required = False
    assert await kinds_of(world) == {"climate-1": None, "wearable-1": None, "wearable-2": None}


async def test_in_a_home_everybody_who_lives_there_is_meant(
    world: World, clock: ManualClock
) -> None:
    home, now = world.home, clock.now()
    async with world.database.tenant(home.institution_id) as scope:
        private = await add_home(scope, HomeIn(name="张家"), world.app.state.yuyue.keyring, now)
        bedroom = await add_room(scope, None, "卧室", private.id)
        living = await add_room(scope, None, "客厅", private.id)
        bed = await add_bed(scope, bedroom.id, "1", kind="home")
        await add_device(scope, "radar-1", "m", None, now, kind="radar")
        await assign(scope, "radar-1", Subject(None, None, living.id), now)
    assert (await kinds_of(world))["radar-1"] is None
    async with world.database.tenant(home.institution_id) as scope:
        elder = await add_elder(
            scope, "张桂芳", sex="female", birth_date=date(1941, 3, 12), care_note="", now=now
        )
        await add_stay(scope, elder.id, bed.id, now)
    assert (await kinds_of(world))["radar-1"] == []


async def test_the_registry_grows_once_for_each_transaction(world: World) -> None:
    """However many rows change; and again where what made it grow was undone."""

    async def version() -> int:
        async with world.database.tenant(world.home.institution_id) as scope:
            found = await scope.session.execute(text("SELECT version FROM registry_state"))
            return int(found.scalar_one())

    before, now = await version(), world.clock.now()
    async with world.database.tenant(world.home.institution_id) as scope:
        for number in range(5):
            await add_device(scope, f"many-{number}", "model", None, now)
            await scope.session.flush()
    assert await version() == before + 1
    async with world.database.tenant(world.home.institution_id) as scope:
        with suppress(ZeroDivisionError):
            async with scope.savepoint():
                await add_device(scope, "undone", "model", None, now)
                await scope.session.flush()
                raise ZeroDivisionError
        await add_device(scope, "kept", "model", None, now)
    assert await version() == before + 2
