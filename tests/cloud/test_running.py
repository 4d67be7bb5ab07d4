"""Running it: ready or not, several workers, a backup that comes back the same."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from sqlalchemy import text

from cloud.backup import BackupError, backup, manifest_path, restore
from cloud.clock import SystemClock
from cloud.database import Database, libpq_arguments
from cloud.election import Leadership
from cloud.migrate import migrate
from cloud.roles import OWNER_ROLE
from cloud.series.influx import InfluxSeries
from cloud.series.influx_client import InfluxClient
from edge.events import EventKind
from edge.wire import Lane
from tests.cloud.test_processes import RUN, Cloud, cloud  # noqa: F401 - a fixture
from tests.cloud.world import World, fall, reading, waveform
from tests.support.postgres import Postgres
from tests.support.processes import REPOSITORY, wait_until


def quiet(_what: str) -> None:
    """No bar in tests."""


async def fill(world: World) -> None:
    gateway = world.gateway()
    await gateway.send(fall(EventKind.SOS, world.clock), waveform(world.clock))
    old = [reading(world.clock, ago_s=day * 86_400.0) for day in (3, 2)]
    await gateway.send(*old, reading(world.clock), lane=Lane.BULK)
    await world.app.state.series.pack(world.clock.now_ns())


async def test_a_backup_comes_back_the_same(
    world: World, postgres: Postgres, database_name: str, tmp_path: Path
) -> None:
    await fill(world)
    path = tmp_path / "hub.dump"
    admin = postgres.superuser_url(database_name)
    manifest = await asyncio.to_thread(backup, admin, path, SystemClock(), quiet)
    assert path.stat().st_mode & 0o777 == 0o600
    assert manifest.tables["alert"].rows == 1
    # What happens afterwards is not in it.
    await world.gateway().send(reading(world.clock, ago_s=9), lane=Lane.URGENT)

    name = postgres.empty()
    target = postgres.superuser_url(name)
    restored = await asyncio.to_thread(restore, target, OWNER_ROLE, path, quiet)
    assert restored == manifest
    migrate(postgres.owner_url(name))
    pool = Database(postgres.app_url(name))
    await pool.check()
    async with pool.tenant(world.home.institution_id) as scope:
        held = await world.app.state.series.readings(
            scope, "wearable-1", "heart_rate", 0, world.clock.now_ns()
        )
        assert len(held) == 3
    async with pool.tenant(world.other.institution_id) as scope:
        assert await scope.session.scalar(text("SELECT count(*) FROM series_key")) == 0
    await pool.close()
    with pytest.raises(BackupError, match="not empty"):
        await asyncio.to_thread(restore, target, OWNER_ROLE, path, quiet)
    postgres.drop(name)


def test_a_backup_says_what_is_wrong_with_it(
    postgres: Postgres, database_name: str, tmp_path: Path
) -> None:
    path = tmp_path / "hub.dump"
    with pytest.raises(BackupError, match="does not see the rows of all institutions"):
        backup(postgres.app_url(database_name), path, SystemClock(), quiet)
    assert not path.exists()
    backup(postgres.superuser_url(database_name), path, SystemClock(), quiet)
    proof = json.loads(manifest_path(path).read_text())
    proof["tables"]["elder"]["hashes"] = "1"
    manifest_path(path).write_text(json.dumps(proof))
    name = postgres.empty()
    with pytest.raises(BackupError, match="not what was backed up: elder"):
        restore(postgres.superuser_url(name), OWNER_ROLE, path, quiet)
    postgres.drop(name)
    path.write_bytes(path.read_bytes()[:200])
    name = postgres.empty()
    with pytest.raises(BackupError, match="pg_restore"):
        restore(postgres.superuser_url(name), OWNER_ROLE, path, quiet)
    postgres.drop(name)
    manifest_path(path).unlink()
    with pytest.raises(BackupError, match="cannot be read"):
        restore(postgres.superuser_url(database_name), OWNER_ROLE, path, quiet)


async def test_ready_only_with_its_database_and_its_series_store(
    world: World, postgres: Postgres, database_name: str
) -> None:
    client = world.client()
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    world.app.state.series = InfluxSeries(
        InfluxClient("http://127.0.0.1:9", "none", "none"), world.database
    )
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert "series store" in answer.json()["detail"]
    await world.app.state.series.close()
    with psycopg.connect(**libpq_arguments(postgres.owner_url(database_name))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    answer = await client.get("/readyz")
    assert "revision 0001" in answer.json()["detail"]
    assert (await client.get("/healthz")).status_code == 200


async def test_requests_are_counted_by_route_and_nobody_is_named(world: World) -> None:
    desk = await world.desk()
    elder = world.home.elders[0]
    await desk.get(f"/api/v1/elders/{elder}/series", params={"quantity": "no"})
    told = (await desk.get("/metrics")).text
    assert 'route="/api/v1/elders/{elder_id}/series",status="4xx"' in told
    assert str(elder) not in told
    assert "yuyue_ingest_bulk_working 0.0" in told


async def test_one_leads_and_another_follows(postgres: Postgres, database_name: str) -> None:
    pools = [Database(postgres.app_url(database_name)) for _ in range(2)]
    first, second = (Leadership(pool) for pool in pools)
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    assert await first.beat()
    assert await first.beat()
    assert not await second.beat()
    await second.only(work)()
    assert done == []
    with psycopg.connect(**libpq_arguments(postgres.superuser_url(database_name))) as connection:
        connection.execute(  # as if the leader had been killed
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND objid = (x'79750003'::bit(32)::bigint)::oid"
            " OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
        )
    await asyncio.sleep(0.1)
    assert await second.beat()
    assert not await first.beat()
    await second.only(work)()
    assert done == [1]
    for leadership in (first, second):
        await leadership.release()
    for pool in pools:
        await pool.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_workers_behind_one_address(cloud: Cloud) -> None:  # noqa: F811
    """Both serve, one leads, one that is killed is replaced, and ingest counts once."""
    seed = cloud.seed()
    log = (cloud.directory / "serve.log").open("ab")
    cloud.server = subprocess.Popen(
        [*RUN, "serve", "--workers", "2"], env=cloud.environment, cwd=REPOSITORY,
        stdout=log, stderr=log,
    )  # fmt: skip
    log.close()
    wait_until(cloud.healthy, "the cloud answers", 120)
    url = f"http://127.0.0.1:{cloud.port}"

    def ready() -> list[dict[str, Any]]:
        """A new connection each: the workers share them."""
        answers = [httpx.get(f"{url}/readyz", trust_env=False) for _ in range(12)]
        return [answer.json() for answer in answers if answer.status_code == 200]

    wait_until(lambda: {r["leads"] for r in ready()} == {True, False}, "one of two leads", 40)
    workers = [
        child for child in psutil.Process(cloud.server.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]  # fmt: skip
    assert len(workers) == 2
    workers[0].kill()
    wait_until(lambda: {r["leads"] for r in ready()} == {True, False}, "replaced", 60)
    assert cloud.log_in(seed["logins"][0]).status_code == 200
    told = httpx.get(f"{url}/metrics", trust_env=False).text
    assert (
        'yuyue_request_seconds_count{method="POST",route="/api/v1/session",status="2xx"} 1.0'
        in told
    )
    assert cloud.end(signal.SIGTERM) == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_backup_and_restore_by_command(cloud: Cloud, tmp_path: Path) -> None:  # noqa: F811
    cloud.seed()
    path = tmp_path / "hub.dump"
    done = cloud.run("backup", str(path))
    assert done.returncode == 0, done.stderr
    other = str(cloud.directory / "restored")
    done = cloud.run("restore", str(path), YUYUE_CLOUD_DATA_DIR=other)
    assert done.returncode == 0, done.stderr
    assert "the same as was backed up" in done.stdout
    again = cloud.run("restore", str(path), YUYUE_CLOUD_DATA_DIR=other)
    assert again.returncode == 1
    assert "not empty" in again.stderr
    code = (
        "from cloud.embedded import start_embedded; import sys, pathlib;"
        "start_embedded(pathlib.Path(sys.argv[1])).release()"
    )
    subprocess.run([sys.executable, "-c", code, f"{other}/postgres"], check=True, timeout=50)
