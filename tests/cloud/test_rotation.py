"""Keys are changed while the cloud serves; whoever ends it in the middle loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import date
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import LargeBinary, text

from cloud.app import create_app
from cloud.crypto import DEMO_KEYS, Keyring, new_key
from cloud.database import Base
from cloud.identity.permissions import Role
from cloud.people.citizen_number import check_character
from cloud.people.models import Elder
from cloud.people.record import CITIZEN_NUMBER, number_purpose
from cloud.people.service import set_name
from cloud.places.models import Photo
from cloud.places.sealing import seal
from cloud.rotation import SEALED, Rotated, Rotation
from cloud.settings import Settings
from tests.cloud.access_ids import fill
from tests.cloud.world import PASSWORD, World
from tests.support.postgres import Postgres
from tests.support.processes import REPOSITORY

NEW = f"k2027:{new_key()}"
BOTH = f"{NEW},{DEMO_KEYS}"
ELDERS = 60


def number_of(index: int) -> str:
    """Made up: no place has the code 999999."""
    body = f"9999991941031{index:04d}"[:17]
    return body + check_character(body)


async def many_elders(world: World) -> None:
    """Each with a citizen number under the old key."""
    old = Settings().keyring
    async with world.database.tenant(world.home.institution_id) as scope:
        for index in range(ELDERS):
            elder = Elder(
                id=uuid.uuid4(), institution_id=scope.institution_id, sex="female",
                birth_date=date(1941, 3, 1), care_note="", created_at=world.clock.now(),
            )  # fmt: skip
            set_name(elder, f"老人{index}")
            number = number_of(index)
            elder.citizen_number_sealed = seal(old, number, CITIZEN_NUMBER, elder.id)
            elder.citizen_number_index = old.blind_index(
                number, number_purpose(scope.institution_id)
            )
            scope.session.add(elder)


def test_every_sealed_column_is_known() -> None:
    """A new one must be rotated too, or its key can never go."""
    columns = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and "sealed" in column.name
    }
    assert columns == {sealed.name for sealed in SEALED}


async def serving(world: World, keys: str) -> httpx.AsyncClient:
    """The head nurse at an application with these keys."""
    settings = Settings(data_keys=SecretStr(keys))
    app: FastAPI = create_app(settings, world.database, world.clock, with_tasks=False)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://cloud.test",
        headers={"X-Yuyue-Request": "1"},
    )  # fmt: skip
    body = {"username": world.home.username(Role.HEAD_NURSE), "password": PASSWORD}
    assert (await client.post("/api/v1/session", json=body)).status_code == 200
    return client


async def found(client: httpx.AsyncClient, index: int) -> list[str]:
    answer = await client.get("/api/v1/elders", params={"q": number_of(index)})
    return [elder["name"] for elder in answer.json()["elders"]]


async def test_all_is_sealed_anew_and_read_meanwhile(world: World) -> None:
    await fill(world, world.home)
    await many_elders(world)
    rotation = Rotation(world.database, Keyring.parse(BOTH), batch=7)
    before = await rotation.count()
    assert before["elder.citizen_number_sealed"] >= ELDERS
    client = await serving(world, BOTH)

    class KilledError(Exception):
        pass

    def stop_in_the_middle(what: str, done: int, _total: int) -> None:
        if what == "elder.citizen_number_sealed" and done > ELDERS // 3:
            raise KilledError

    with pytest.raises(KilledError):
        await rotation.run(stop_in_the_middle)
    halfway = await rotation.count()
    assert 0 < halfway["elder.citizen_number_sealed"] < before["elder.citizen_number_sealed"]
    for index in (0, ELDERS // 2, ELDERS - 1):  # found by the old key's index or by the new one's
        assert await found(client, index) == [f"老人{index}"]
    # A number that is indexed by the old key still is another's.
    body: dict[str, Any] = {"name": "重复", "sex": "female", "birth_date": "1941-03-10"}
    taken = [
        (await client.post("/api/v1/elders", json=body | {"citizen_number": number_of(index)}))
        for index in range(10)
    ]
    assert {answer.status_code for answer in taken} <= {409, 422}

    rotated = await rotation.run(lambda *_: None)
    assert rotated.left == []
    assert rotated.sealed == sum(halfway.values())
    assert set((await rotation.count()).values()) == {0}
    again = await rotation.run(lambda *_: None)
    assert again == Rotated()
    # The old key is gone now, and everything still opens.
    alone = await serving(world, NEW)
    assert await found(alone, 3) == ["老人3"]
    elder = world.home.elders[0]
    assert (await alone.get(f"/api/v1/elders/{elder}")).status_code == 200
    for one in (client, alone):
        await one.aclose()


async def test_photos_from_before_are_sealed(world: World) -> None:
    jpeg = b"\xff\xd8 a picture"
    async with world.database.tenant(world.home.institution_id) as scope:
        photo = Photo(
            id=uuid.uuid4(), institution_id=scope.institution_id, jpeg=jpeg, width_px=1,
            height_px=1, created_at=world.clock.now(),
        )  # fmt: skip
        scope.session.add(photo)
        await scope.session.flush()
        (await scope.session.get_one(Elder, world.home.elders[0])).photo_id = photo.id
    client = await world.as_role(Role.HEAD_NURSE)
    where = f"/api/v1/elders/{world.home.elders[0]}/photo"
    assert (await client.get(where)).content == jpeg
    rotation = Rotation(world.database, Settings().keyring)
    assert (await rotation.run(lambda *_: None)).sealed == 1
    async with world.database.tenant(world.home.institution_id) as scope:
        held = (await scope.session.scalars(scope.select(Photo))).one()
        assert held.jpeg is None
        assert held.sealed is not None
        assert b"a picture" not in held.sealed
    assert (await client.get(where)).content == jpeg


async def test_what_does_not_open_is_told_and_left(world: World) -> None:
    lost = Keyring.parse(f"lost:{new_key()}")
    elder_id = world.home.elders[0]
    async with world.database.tenant(world.home.institution_id) as scope:
        elder = await scope.session.get_one(Elder, elder_id)
        elder.phone_sealed = lost.encrypt("x", f"elder.phone:{elder_id}")
    rotated = await Rotation(world.database, Keyring.parse(BOTH)).run(lambda *_: None)
    assert (f"elder.phone_sealed {elder_id}" in dict(rotated.left), "lost" in str(rotated)) == (
        True, True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_killed_for_real_it_goes_on(
    world: World, postgres: Postgres, database_name: str
) -> None:
    """`kill -9` of the command, then the command again."""
    await many_elders(world)
    environment = {
        **os.environ, "YUYUE_CLOUD_DATA_KEYS": BOTH,
        "YUYUE_CLOUD_DATABASE_URL": postgres.owner_url(database_name).render_as_string(False),
        "YUYUE_CLOUD_APP_DATABASE_URL": postgres.app_url(database_name).render_as_string(False),
    }  # fmt: skip
    command = [sys.executable, "-m", "yuyue", "cloud", "rotate-keys", "--batch", "1"]
    rotation = Rotation(world.database, Keyring.parse(BOTH))
    at_first = sum((await rotation.count()).values())
    running = subprocess.Popen(  # noqa: ASYNC220 - the command itself, to be killed
        command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )  # fmt: skip
    until = time.monotonic() + 150
    left = at_first
    while left > at_first - 3 and running.poll() is None and time.monotonic() < until:
        await asyncio.sleep(0.1)
        left = sum((await rotation.count()).values())
    running.send_signal(signal.SIGKILL)
    said = running.communicate()[0]
    halfway = sum((await rotation.count()).values())
    assert halfway < at_first, said.decode()
    rotated = await rotation.run(lambda *_: None)
    assert (rotated.sealed, rotated.left) == (halfway, [])
    async with world.database.tenant(world.home.institution_id) as scope:
        indexed = await scope.session.scalar(
            text("SELECT count(DISTINCT citizen_number_index) FROM elder")
        )
    assert indexed == ELDERS
