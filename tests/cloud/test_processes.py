"""The cloud as a process: started twice at a time, killed, stopped, seeded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from cloud.identity.permissions import Role
from tests.support.processes import REPOSITORY, free_port, wait_until

RUN = [sys.executable, "-c", "from cloud.cli import app; app()"]


class Cloud:
    """`yuyue cloud ...` with a data directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.environment = {
            **os.environ,
            "YUYUE_CLOUD_DATA_DIR": str(directory / "cloud"),
            "YUYUE_CLOUD_PORT": str(self.port),
        }
        self.server: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*RUN, *arguments], env=self.environment | changes, cwd=REPOSITORY,
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    def serve(self) -> None:
        log = (self.directory / "serve.log").open("ab")
        self.server = subprocess.Popen(
            [*RUN, "serve"], env=self.environment, cwd=REPOSITORY, stdout=log, stderr=log
        )
        log.close()

    def healthy(self) -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def end(self, number: signal.Signals) -> int:
        assert self.server is not None
        self.server.send_signal(number)
        return self.server.wait(20)

    def postgres(self) -> psutil.Process | None:
        try:
            first = (self.directory / "cloud/postgres/postmaster.pid").read_text().splitlines()[0]
            return psutil.Process(int(first))
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None

    def seed(self) -> dict[str, Any]:
        path = self.directory / "seed.json"
        done = self.run("seed-demo", "--out", str(path))
        assert done.returncode == 0, done.stderr
        assert path.stat().st_mode & 0o777 == 0o600
        return dict(json.loads(path.read_text()))

    def log_in(self, login: dict[str, str]) -> httpx.Response:
        return httpx.post(
            f"http://127.0.0.1:{self.port}/api/v1/session",
            json={"username": login["username"], "password": login["password"]},
            headers={"X-Yuyue-Request": "1"},
            trust_env=False,
        )


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    directory = Path(tempfile.mkdtemp(prefix="yuyue-cloud-"))
    started = Cloud(directory)
    yield started
    if started.server is not None and started.server.poll() is None:
        started.end(signal.SIGTERM)
    left = started.postgres()
    if left is not None:
        left.terminate()
        left.wait(20)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_serve_seed_kill_and_come_back(cloud: Cloud) -> None:
    # Both on an empty directory at the same time, as the demo does.
    with ThreadPoolExecutor(2) as pool:
        cloud.serve()
        seed = pool.submit(cloud.seed).result()
    wait_until(cloud.healthy, "the cloud answers", 40)
    assert len(seed["devices"]) == 6
    roles = [login["role"] for login in seed["logins"]]
    assert roles[:3] == ["duty", "duty", "admin"]
    assert set(roles) == set(Role)
    assert {d["device_id"]: d["position"] for d in seed["devices"]}["wearable-0002"] == "wrist"
    assert seed["devices"][0]["place"]["label"] == "2 楼 护理一区 201-1 床"
    assert cloud.log_in(seed["logins"][0]).status_code == 200
    assert cloud.seed() == seed  # what works is kept

    database = cloud.postgres()
    assert database is not None
    cloud.end(signal.SIGKILL)
    assert database.is_running()
    cloud.serve()
    wait_until(cloud.healthy, "the cloud answers again", 40)
    assert cloud.postgres() == database  # attached, not started anew
    assert cloud.log_in(seed["logins"][0]).status_code == 200

    (cloud.directory / "seed.json").unlink()
    renewed = cloud.seed()
    assert renewed["gateway"]["id"] == seed["gateway"]["id"]
    assert cloud.log_in(seed["logins"][0]).status_code == 401
    assert cloud.log_in(renewed["logins"][0]).status_code == 200

    assert cloud.end(signal.SIGTERM) == 0
    deadline_s = time.monotonic() + 10
    while database.is_running() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not database.is_running()  # nobody uses it any more


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_what_an_operator_makes_by_hand(cloud: Cloud) -> None:
    made = cloud.run("add-institution", "某养老院", "--username", "g1", "--display-name", "管理员")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("某养老院: g1 ")
    gateway = cloud.run("add-gateway", "二楼网关")
    assert gateway.stdout.startswith("YUYUE_GATEWAY_TOKEN=ygw_")
    again = cloud.run("add-user", "g1", "--display-name", "又一个")
    assert again.returncode == 1
    assert "already" in again.stderr
    assert "Traceback" not in again.stderr


def test_no_demo_in_production(cloud: Cloud) -> None:
    refused = cloud.run(
        "seed-demo",
        YUYUE_CLOUD_ENVIRONMENT="production",
        YUYUE_CLOUD_COOKIE_SECURE="true",
        YUYUE_CLOUD_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
    )
    assert refused.returncode == 1
    assert "production" in refused.stderr
    unsafe = cloud.run("serve", YUYUE_CLOUD_ENVIRONMENT="production")
    assert unsafe.returncode == 1
    assert "YUYUE_CLOUD_DATABASE_URL" in unsafe.stderr
