"""schemathesis against the real application, as somebody of each kind: no call answers 5xx.

One minute of it here (slow suite); `make fuzz-api` gives it 20 (YUYUE_FUZZ_S). The time is shared
by a session of each role, an API token and nobody at all. What was found, and the log of the
cloud, stay in the directory that is printed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cloud.identity.permissions import Role
from tests.support.processes import REPOSITORY, Process, free_port, wait_until

BUDGET_S = int(os.environ.get("YUYUE_FUZZ_S", "60"))
CHANGES = {"X-Yuyue-Request": "1"}
# Endless by nature; and those that would end the session the rest is tried with.
LEFT_OUT = ("/api/v1/live", "/api/v1/gateway/settings")
ENDS_THE_SESSION = r"^(delete_session|enter_institution|change_own_password|.*second_factor)$"
NAMES = re.compile(r"王秀兰|李国强|张桂芳|刘德明|周敏|吴倩|郑海|wearable-000")


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="yuyue-fuzz-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def cloud(directory: Path) -> Iterator[tuple[str, Path]]:
    port = free_port()
    environment = {
        "YUYUE_CLOUD_DATA_DIR": str(directory / "cloud"), "YUYUE_CLOUD_PORT": str(port),
        "YUYUE_CLOUD_HOST": "127.0.0.1",
    }  # fmt: skip
    server = Process("cloud", ["cloud", "serve"], environment, directory)
    server.start()
    url = f"http://127.0.0.1:{port}"

    def healthy() -> bool:
        try:
            return httpx.get(f"{url}/healthz", timeout=2, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_until(healthy, "the cloud answers", 300)
        seed = directory / "seed.json"
        subprocess.run(
            [sys.executable, "-m", "yuyue", "cloud", "seed-demo", "--out", str(seed)],
            env={**os.environ, **environment}, cwd=REPOSITORY, check=True, timeout=300,
            capture_output=True,
        )  # fmt: skip
        yield url, seed
    finally:
        server.stop()


def headers_by_kind(url: str, seed: Path) -> dict[str, dict[str, str]]:
    """Nobody, one session of each role, an API token."""
    document = json.loads(seed.read_text())
    by_role = {login["role"]: login for login in document["logins"]}
    kinds: dict[str, dict[str, str]] = {"nobody": dict(CHANGES)}
    for role in Role:
        login = by_role[role.value]
        with httpx.Client(base_url=url, headers=CHANGES, trust_env=False) as client:
            body = {"username": login["username"], "password": login["password"]}
            assert client.post("/api/v1/session", json=body).status_code == 200
            cookie = f"yuyue_session={client.cookies['yuyue_session']}"
            kinds[role.value] = {**CHANGES, "Cookie": cookie}
            if role is Role.MANAGER:
                until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
                wanted = {"name": "fuzz", "expires_at": until, "permissions": ["records_read"]}
                token = client.post("/api/v1/tokens", json=wanted).json()["secret"]
                kinds["token"] = {**CHANGES, "Authorization": f"Bearer {token}"}
    kinds["gateway"] = {"Authorization": f"Bearer {document['gateway']['token']}"}
    return kinds


def fuzz(url: str, headers: dict[str, str], seconds: int, report: Path) -> str:
    """Run it; what it says of failures, empty where there were none."""
    command = [
        str(Path(sys.executable).with_name("st")), "run", f"{url}/api/v1/openapi.json",
        "--checks", "not_a_server_error", "--phases", "examples,coverage,fuzzing",
        "--max-time", str(max(2, seconds)), "--continue-on-failure", "--warnings", "off",
        "--suppress-health-check", "all", "--request-timeout", "20",
        "--exclude-operation-id-regex", ENDS_THE_SESSION,
        *(part for path in LEFT_OUT for part in ("--exclude-path", path)),
        *(part for item in headers.items() for part in ("-H", ": ".join(item))),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=report.parent, capture_output=True, text=True, check=False,
        timeout=seconds * 3 + 300, env={**os.environ, "NO_COLOR": "1", "NO_PROXY": "*"},
    )  # fmt: skip
    report.write_text(done.stdout + done.stderr, encoding="utf-8")
    assert "Loaded specification" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    return "" if done.returncode == 0 else done.stdout[-6000:]


def calls_made(url: str) -> str:
    """What the cloud itself counted: answers by status class, and how many routes gave any."""
    told = httpx.get(f"{url}/metrics", timeout=20, trust_env=False).text
    by_status: dict[str, float] = {}
    routes: set[tuple[str, str]] = set()
    for line in told.splitlines():
        counted = re.fullmatch(r"yuyue_request_seconds_count\{(.*)\} (\S+)", line)
        if counted is not None:
            labels = dict(re.findall(r'(\w+)="([^"]*)"', counted[1]))
            by_status[labels["status"]] = by_status.get(labels["status"], 0) + float(counted[2])
            routes.add((labels["method"], labels["route"]))
    answers = ", ".join(f"{status} {count:,.0f}" for status, count in sorted(by_status.items()))
    return f"{sum(by_status.values()):,.0f} calls of {len(routes)} operations: {answers}"


@pytest.mark.slow
@pytest.mark.timeout(BUDGET_S * 4 + 900)
def test_no_call_answers_with_a_server_error(cloud: tuple[str, Path], directory: Path) -> None:
    url, seed = cloud
    kinds = headers_by_kind(url, seed)
    found: dict[str, str] = {}
    for kind, headers in kinds.items():
        wrong = fuzz(url, headers, BUDGET_S // len(kinds), directory / f"{kind}.txt")
        if wrong:
            found[kind] = wrong
    print(f"\n{calls_made(url)}")  # noqa: T201 - the figures of the run
    broken = "\n".join(
        line[:4000] for line in (directory / "cloud.log").read_text().splitlines()
        if "request_failed" in line
    )  # fmt: skip
    kept = Path(os.environ.get("YUYUE_FUZZ_REPORT", directory))
    if found and kept != directory:
        shutil.copytree(directory, kept, dirs_exist_ok=True, ignore=lambda *_: ["cloud"])
    assert not found, f"{found}\n{broken[:8000]}"
    assert broken == ""


@pytest.mark.slow
def test_the_log_of_all_that_names_nobody(cloud: tuple[str, Path], directory: Path) -> None:
    """After a minute of bad input, which is when programs say what they should not."""
    assert cloud
    log = (directory / "cloud.log").read_text(encoding="utf-8")
    assert "database_ready" in log
    assert NAMES.findall(log) == []
