"""One question answers all screens; who comes later, or leaves meanwhile, is answered rightly."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import ExitStack

import pytest

from cloud.database import Database, TenantScope
from cloud.identity.permissions import Permission, Role
from cloud.live.doors import Doors, Visitor
from tests.cloud.conftest import Seeded
from tests.cloud.test_accounts import token_body
from tests.cloud.test_live import FALL, served, watching
from tests.cloud.world import ManualClock, World, fall

__all__ = ["served"]  # a fixture
ALERT = uuid.UUID(int=7)


class House:
    """Who may listen, and how often that was asked."""

    def __init__(self, database: Database, seeded: Seeded) -> None:
        self.allowed: set[uuid.UUID] = set()
        self.limited: set[uuid.UUID] = set()
        self.asked: list[frozenset[uuid.UUID]] = []
        self.asked_of_alert: list[frozenset[uuid.UUID]] = []
        self.fails = False
        self.doors = Doors(
            database, ManualClock(), seeded.home.institution_id, self._admit, self._who_sees
        )

    def now_s(self) -> float:
        return ManualClock().monotonic_s()

    async def _admit(
        self, _scope: TenantScope, keys: frozenset[uuid.UUID]
    ) -> dict[uuid.UUID, Visitor]:
        self.asked.append(keys)
        await asyncio.sleep(0.02)
        if self.fails:
            raise ConnectionError("no database")
        units = {key: frozenset({ALERT}) if key in self.limited else None for key in keys}
        return {key: Visitor(units[key]) for key in keys & self.allowed}

    async def _who_sees(
        self, _scope: TenantScope, keys: frozenset[uuid.UUID], _alert: uuid.UUID
    ) -> frozenset[uuid.UUID]:
        self.asked_of_alert.append(keys)
        await asyncio.sleep(0.01)
        return keys & self.limited


@pytest.fixture
def house(database: Database, seeded: Seeded) -> House:
    return House(database, seeded)


async def test_a_whole_house_asks_once(house: House) -> None:
    keys = [uuid.uuid4() for _ in range(200)]
    house.allowed.update(keys[:150])
    with ExitStack() as here:
        for key in keys:
            here.enter_context(house.doors.inside(key))
        found = await asyncio.gather(*(house.doors.visitor(key, house.now_s()) for key in keys))
        assert [visitor is not None for visitor in found] == [True] * 150 + [False] * 50
        assert len(house.asked) == 1


async def test_an_answer_from_before_the_question_does_not_count(house: House) -> None:
    """Somebody logs out while the house is being asked: they are asked again."""
    key = uuid.uuid4()
    house.allowed.add(key)
    with house.doors.inside(key):
        early = asyncio.create_task(house.doors.visitor(key, house.now_s()))
        await asyncio.sleep(0.005)
        later_s = house.now_s()
        late = asyncio.create_task(house.doors.visitor(key, later_s))
        assert await early == Visitor(None)
        house.allowed.clear()
        assert await late is None
        assert len(house.asked) == 2


async def test_who_comes_while_it_is_asked_is_asked_for(house: House) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    house.allowed |= {first, second}
    with house.doors.inside(first):
        asking = asyncio.create_task(house.doors.visitor(first, house.now_s()))
        await asyncio.sleep(0.005)
        with house.doors.inside(second):
            assert await house.doors.visitor(second, -float("inf")) == Visitor(None)
        await asking


async def test_a_failure_is_everybodys_and_not_kept(house: House) -> None:
    key = uuid.uuid4()
    house.allowed.add(key)
    house.fails = True
    with house.doors.inside(key):
        with pytest.raises(ConnectionError):
            await house.doors.visitor(key, house.now_s())
        house.fails = False
        assert await house.doors.visitor(key, house.now_s()) == Visitor(None)


async def test_an_alert_is_asked_of_once_for_all_limited_screens(house: House) -> None:
    keys = [uuid.uuid4() for _ in range(20)]
    house.allowed.update(keys)
    house.limited.update(keys[:10])
    with ExitStack() as here:
        for key in keys:
            here.enter_context(house.doors.inside(key))
        await house.doors.visitor(keys[0], house.now_s())
        sees = await asyncio.gather(*(house.doors.sees(key, 1, ALERT) for key in keys))
        assert all(sees)
        assert house.asked_of_alert == [frozenset(keys[:10])]
        stranger = uuid.uuid4()
        assert not await house.doors.sees(stranger, 1, ALERT)  # came later: asked for itself
        assert house.asked_of_alert[1:] == [frozenset({stranger})]


async def test_a_program_listens_with_its_token(served: World) -> None:
    """An API token is asked about like a login, and its stream ends when it is revoked."""
    admin = await served.as_role(Role.MANAGER)
    made = await admin.post(
        "/api/v1/tokens", json=token_body(served.clock, Permission.ALERTS_READ.value)
    )
    assert made.status_code == 201, made.text
    program = served.client(Authorization=f"Bearer {made.json()['secret']}")
    async with watching(program, 0) as screen:
        await screen.next("ping")
        await served.gateway().send(fall(FALL, served.clock))
        assert (await screen.next("alert"))[2]["code"] == "fall_confirmed"
        await screen.next("ping", within_s=8)  # let through the door once more
        token_id = made.json()["token"]["id"]
        assert (await admin.delete(f"/api/v1/tokens/{token_id}")).status_code == 204
        await screen.next("end", "closed", within_s=8)
