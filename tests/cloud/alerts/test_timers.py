"""Timers through kills, several workers and steps of the clock; and the ways to a home bed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

import pytest

from cloud.alerts.clock_steps import ClockWatch
from cloud.alerts.notify.points import add_point
from cloud.alerts.timers import work_timers
from cloud.clock import SystemClock
from cloud.identity.permissions import Role
from cloud.identity.service import find_user
from cloud.people.family import SHARING
from cloud.people.models import Consent, FamilyMember
from cloud.places.models import Bed, Home, Room
from cloud.settings import Settings
from edge.events import EventKind
from tests.cloud.alerts.night import Night
from tests.cloud.conftest import Seeded
from tests.cloud.world import World, alerts, fall, move
from tests.support.alert_rows import how_they_fired, waiting_suspicions
from tests.support.postgres import Postgres
from tests.support.processes import wait_until
from tests.support.timer_worker import TimerWorker

CONFIRMED, SUSPECTED = EventKind.FALL_CONFIRMED, EventKind.FALL_SUSPECTED


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_workers_killed_in_turn_lose_nothing_and_fire_nothing_twice(
    postgres: Postgres, database_name: str, seeded: Seeded
) -> None:
    """`kill -9` of one, then of the other, while 300 of 2,300 timers fall due."""
    owner = postgres.superuser_url(database_name)
    url = postgres.app_url(database_name).render_as_string(hide_password=False)
    workers = [TimerWorker(url) for _ in range(4)]
    try:
        for worker in workers:
            worker.wait_ready()
        waiting_suspicions(
            owner, seeded.home.institution_id, SystemClock().now(), near=300, far=2000,
            first_s=0.5, spread_s=5,
        )  # fmt: skip
        workers[0].go()
        workers[1].go()
        for turn, fired in enumerate((30, 150)):
            wait_until(lambda n=fired: how_they_fired(owner)[0]["fired"] >= n, "some fired", 60)
            workers[turn].kill_9()
            workers[turn + 2].go()
        wait_until(lambda: how_they_fired(owner)[0]["fired"] >= 300, "all fired", 60)
    finally:
        for worker in workers:
            worker.kill_9()
    assert how_they_fired(owner)[0] == {"fired": 300, "moves": 300, "twice": 0, "left": 0}


@dataclass
class Machine:
    """Its clock since boot, which nobody sets."""

    world: World
    boot_ns: int = 5_000_000_000

    def watch(self) -> ClockWatch:
        return ClockWatch(
            self.world.database, self.world.clock, boot="boot-1", boot_ns=lambda: self.boot_ns
        )

    async def pass_time(self, night: Night, seconds: int, *watches: ClockWatch) -> None:
        for _ in range(seconds):
            self.boot_ns += 1_000_000_000
            self.world.clock.advance(1)
            for watch in watches:
                await watch.look()
            await night.work()


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 7.0, -7.0])
async def test_a_step_of_the_clock_neither_hurries_nor_holds_up(
    night: Night, step_s: float
) -> None:
    world, machine = night.world, Machine(night.world)
    await night.everybody_has_a_phone()
    first, second = machine.watch(), machine.watch()
    await first.look()
    await second.look()
    await world.gateway().send(fall(CONFIRMED, world.clock))
    await machine.pass_time(night, 20, first, second)
    assert night.told() == {"duty1": 1, "duty2": 1}
    world.clock.advance(step_s)
    assert await first.look() == pytest.approx(step_s)
    assert await second.look() == 0.0  # taken in once
    await night.work()
    assert night.told() == {"duty1": 1, "duty2": 1}
    await machine.pass_time(night, 8, first, second)
    assert night.told() == {"duty1": 1, "duty2": 1}
    await machine.pass_time(night, 3, first, second)  # 30 s after it began to sound
    assert night.told() == {"duty1": 2, "duty2": 2}


async def test_a_step_while_all_workers_are_down_is_found(night: Night) -> None:
    world, machine = night.world, Machine(night.world)
    await machine.watch().look()
    await world.gateway().send(fall(SUSPECTED, world.clock))
    machine.boot_ns += 10_000_000_000
    world.clock.advance(10 - 600)  # ten minutes back while nobody looked
    fresh = machine.watch()
    assert await fresh.look() == pytest.approx(-600)
    world.clock.advance(45)
    assert await work_timers(world.database, world.clock.now()) == 0
    world.clock.advance(6)
    assert await work_timers(world.database, world.clock.now()) == 1


async def to_a_home(night: Night, *, consent: bool = True) -> None:
    """The first elder lives at home now; her daughter has a phone, and may hear of alerts."""
    world, now = night.world, night.world.clock.now()
    home, keyring = world.home, Settings().keyring
    async with world.database.tenant(home.institution_id) as scope:
        mine = {"institution_id": home.institution_id}
        room = await scope.session.get_one(Room, home.room_id)
        bed = await scope.session.get_one(Bed, home.beds[0])
        place, flat = uuid.uuid4(), uuid.uuid4()
        scope.session.add(
            Home(**mine, id=place, name="王家", operator_unit_id=room.unit_id, state="in_service",
                 created_at=now)
        )  # fmt: skip
        await scope.session.flush()
        scope.session.add(Room(**mine, id=flat, unit_id=None, home_id=place, name="卧室"))
        await scope.session.flush()
        bed.room_id = flat
        user = await find_user(scope, home.username(Role.FAMILY))
        assert user is not None
        member = FamilyMember(
            **mine, id=uuid.uuid4(), elder_id=home.elders[0], name="王小红",
            relationship="daughter", user_id=user.id, may_see=["alerts"], created_at=now,
        )  # fmt: skip
        scope.session.add(member)
        await scope.session.flush()
        if consent:
            scope.session.add(
                Consent(
                    **mine, id=uuid.uuid4(), elder_id=home.elders[0], purpose=SHARING,
                    family_member_id=member.id, kinds=["alerts"], signer="self",
                    signer_name="王秀兰", text_version="1", recorded_at=now,
                    valid_from=now - timedelta(days=1),
                )
            )  # fmt: skip
        await add_point(
            scope, keyring, "apprise", "daughter", night.phone.address("daughter"), now=now,
            user_id=user.id, verified=True,
        )  # fmt: skip


async def test_nobody_answers_for_a_home_the_family_is_asked(night: Night) -> None:
    await night.everybody_has_a_phone()
    await to_a_home(night)
    await night.world.gateway().send(fall(CONFIRMED, night.world.clock))
    await night.pass_time(178, step_s=10)
    assert "daughter" not in night.told()
    await night.pass_time(4)
    assert night.told()["daughter"] == night.told()["manager"] == 1
    (message,) = night.phone.to("daughter")
    assert "王秀兰老人家中可能需要帮助" in message.body
    assert "3.4" not in message.body  # no raw values


@pytest.mark.parametrize("at_home", [True, False])
async def test_without_a_home_or_a_consent_the_family_is_not_asked(
    night: Night, *, at_home: bool
) -> None:
    await night.everybody_has_a_phone()
    if at_home:
        await to_a_home(night, consent=False)
    await night.world.gateway().send(fall(CONFIRMED, night.world.clock))
    await night.pass_time(185, step_s=20)
    assert night.told()["manager"] == 1
    assert "daughter" not in night.told()


async def test_the_way_to_a_home_may_take_longer(night: Night) -> None:
    await night.everybody_has_a_phone()
    await to_a_home(night)
    await night.world.gateway().send(fall(CONFIRMED, night.world.clock))
    (alert,) = await alerts(await night.world.desk())
    await move(await night.world.desk(), alert["id"], "acknowledge")
    await night.pass_time(890, step_s=60)
    assert "head_nurse" not in night.told()
    await night.pass_time(20, step_s=10)  # 15 min
    assert night.told()["head_nurse"] == 1
