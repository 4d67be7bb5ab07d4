"""No name and no number in logs and metrics, whatever is called and however it goes wrong.

Every call of the API is made as every role with what this house's people are called; then the same
with a broken database behind it. What was logged, and what Prometheus would read, is searched.
"""

from __future__ import annotations

import io
import logging
import re
import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import text

from cloud.audit.models import AuditEntry
from cloud.identity.permissions import Role
from tests.cloud.access import calls_of, perform, staged
from tests.cloud.access_ids import ids_of
from tests.cloud.world import CHANGES, World

pytestmark = pytest.mark.timeout(400)
NAMES = ("王秀兰", "李国强", "周敏", "吴倩", "张家", "某路 1 号", "钥匙在邻居处", "搀扶时走左侧")
NUMBER = "999999194103100024"
PHONE = "13800000000"
# 18 characters as a citizen number has them; 11 as a mobile phone has.
NUMBERS = re.compile(r"(?<![0-9a-f.-])(?:\d{17}[\dXx]|1[3-9]\d{9})(?![0-9a-f-])")


@pytest.fixture
async def stage(world: World) -> AsyncIterator[FastAPI]:
    async with staged(world, world.home) as app:
        yield app


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the cloud writes down, as production writes it; libraries' warnings too."""
    written, before = io.StringIO(), structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written))
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)
    structlog.configure(**before)


async def walk(world: World, app: FastAPI, roles: list[Role], ids: dict[str, str]) -> int:
    """Every call as these roles; how many there were."""
    count = 0
    for role in roles:
        client = await world.as_role(role)
        headers = {**CHANGES, "Cookie": f"yuyue_session={client.cookies['yuyue_session']}"}
        for call in calls_of(app):
            made_up = {name: str(uuid.uuid4()) for name in call.path_names}
            await perform(app, call, made_up | ids, headers)
            count += 1
    return count


def told(said: str) -> list[str]:
    return [name for name in NAMES if name in said] + NUMBERS.findall(said)


async def test_logs_and_metrics_name_nobody(world: World, stage: FastAPI, log: io.StringIO) -> None:
    ids = await ids_of(world, world.home)
    assert await walk(world, stage, [Role.HEAD_NURSE, Role.MANAGER], ids) > 200
    head = await world.as_role(Role.HEAD_NURSE)
    elder = {
        "name": "王秀兰", "sex": "female", "birth_date": "1941-03-10", "citizen_number": NUMBER,
        "phone": PHONE, "care_note": "搀扶时走左侧",
    }  # fmt: skip
    for _ in range(2):  # the second time the number is taken, or wrong: both are refused
        await head.post("/api/v1/elders", json=elder)
    await head.get("/api/v1/elders", params={"q": "王秀兰"})
    await head.get("/api/v1/elders", params={"q": NUMBER})
    await head.post("/api/v1/session", json={"username": "王秀兰", "password": PHONE})
    # What is never to be logged is most likely to be where things break.
    async with world.database.transaction() as session:
        await session.execute(text("SELECT 1"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(stage, raise_app_exceptions=False),
        base_url="http://cloud.test",
    ) as client:
        metrics = (await client.get("/metrics")).text
    assert "yuyue_" in metrics
    assert told(metrics) == []
    assert told(log.getvalue()) == []


async def test_a_broken_database_does_not_make_them_talk(
    world: World, stage: FastAPI, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors are where parameters of statements come up."""

    async def refused(*_: object, **__: object) -> None:
        raise RuntimeError("a bug, somewhere deep")

    head = await world.as_role(Role.HEAD_NURSE)
    headers = {**CHANGES, "Cookie": f"yuyue_session={head.cookies['yuyue_session']}"}
    monkeypatch.setattr("cloud.people.routes.find_elders", refused)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(stage, raise_app_exceptions=False),
        base_url="http://cloud.test",
        headers=headers,
    ) as client:
        answer = await client.get("/api/v1/elders", params={"q": "王秀兰"})
    assert answer.status_code == 500
    assert told(answer.text) == []
    assert "a bug, somewhere deep" in log.getvalue()  # it is logged
    assert told(log.getvalue()) == []


async def test_the_audit_holds_no_sealed_value(world: World) -> None:
    """Names stand in it, that is what it is for; numbers and phones do not."""
    head = await world.as_role(Role.HEAD_NURSE)
    made = await head.post(
        "/api/v1/elders",
        json={"name": "张三", "sex": "female", "birth_date": "1941-03-10", "phone": PHONE,
              "care_note": ""},
    )  # fmt: skip
    assert made.status_code < 300, made.text
    async with world.database.tenant(world.home.institution_id) as scope:
        bodies = "\n".join(e.body for e in await scope.session.scalars(scope.select(AuditEntry)))
    assert "张" in bodies or "record.created" in bodies
    assert NUMBERS.findall(bodies) == []
