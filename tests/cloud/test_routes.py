"""Answers of the API that hold for all of it; who may call what is in test_access.py."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from cloud.app import create_app
from cloud.settings import Settings
from edge.events import EventKind
from tests.cloud.world import CHANGES, World, alerts, fall


def problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_lists_hold_nothing_of_another_institution(world: World) -> None:
    await world.gateway().send(fall(EventKind.SOS, world.clock))
    (alert,) = await alerts(await world.desk())
    stranger = await world.desk(home=world.other)
    assert await alerts(stranger) == await alerts(stranger, "recent") == []
    assert (await stranger.get("/api/v1/alerts")).json()["position"] == 0
    status = (await stranger.get("/api/v1/status")).json()
    assert {gateway["id"] for gateway in status["gateways"]} == {str(world.other.gateway_id)}
    assert (await alerts(await world.desk())) == [alert]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("POST", "/api/v1/status", 405, "method_not_allowed"),
        ("GET", "/api/v1/alerts/not-a-uuid", 422, "bad_request"),
        ("GET", "/api/v1/alerts?view=all", 422, "bad_request"),
        ("POST", "/api/v1/session", 422, "bad_request"),
        ("GET", "/assets/gone.js", 404, "not_found"),
    ],
)
async def test_every_error_is_a_problem(
    world: World, method: str, path: str, *, status: int, code: str
) -> None:
    desk = await world.desk()
    answer = await desk.request(method, path)
    problem(answer, status, code)
    assert answer.json()["status"] == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if status == 422:
        assert answer.json()["errors"][0]["field"]


async def test_a_failure_of_ours_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("cloud.alerts.present._summary", fail)
    await world.gateway().send(fall(EventKind.NIGHT_SUMMARY, world.clock))
    desk = await world.desk()
    monkeypatch.setattr("cloud.alerts.routes.read_head", fail)
    answer = await desk.get("/api/v1/alerts")
    problem(answer, 500, "internal")
    assert "secret" not in answer.text


async def test_health_and_metrics_name_nobody(world: World) -> None:
    await world.gateway().send(fall(EventKind.SOS, world.clock))
    client = world.client()
    assert (await client.get("/healthz")).json()["status"] == "ok"
    page = (await client.get("/metrics")).text
    assert 'yuyue_ingest_records_total{kind="event",lane="urgent"} 1.0' in page
    assert 'yuyue_alert_moves_total{move="raise"} 1.0' in page
    assert "王秀兰" not in page
    assert "wearable-1" not in page


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<html>desk</html>")
    (built / "assets" / "app-1a2b.js").write_text("let x")
    (tmp_path / "secret.txt").write_text("not for the web")
    return built


async def test_the_built_web_is_served(world: World, dist: Path) -> None:
    app = create_app(Settings(), world.database, world.clock, with_tasks=False, dist=dist)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://c") as client:
        for path in ("/", "/login", "/duty", "/duty/alerts/1"):
            page = await client.get(path)
            assert (page.status_code, page.text) == (200, "<html>desk</html>")
            assert page.headers["Cache-Control"] == "no-cache"
            assert "script-src 'self';" in page.headers["Content-Security-Policy"]
            assert page.headers["X-Frame-Options"] == "DENY"
        asset = await client.get("/assets/app-1a2b.js")
        assert "immutable" in asset.headers["Cache-Control"]
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//etc/passwd"):
            answer = await client.get(path)
            assert "not for the web" not in answer.text
            assert "root:" not in answer.text


async def test_a_web_that_is_not_built_says_how(world: World, tmp_path: Path) -> None:
    app = create_app(Settings(), world.database, world.clock, with_tasks=False, dist=tmp_path)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://c", headers=CHANGES
    ) as client:
        page = await client.get("/duty")
    assert page.status_code == 503
    assert "npm run build" in page.text
