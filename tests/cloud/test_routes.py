"""Every route there is: not without a login, not across institutions, never a bare error."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.app import create_app, openapi_document
from cloud.settings import Settings
from edge.events import EventKind
from tests.cloud.world import CHANGES, START, World, alerts, fall

# Answer everybody, and say nothing of anybody.
OPEN = {("get", "/healthz"), ("post", "/api/v1/session")}
GATEWAYS = {"/api/v1/ingest", "/api/v1/gateway/heartbeat", "/api/v1/gateway/registry"}
ROUTES = [
    (method, path) for path, methods in openapi_document()["paths"].items() for method in methods
]
BODIES: dict[str, Any] = {
    "/api/v1/alerts/{alert_id}/moves": {
        "move": "acknowledge", "client_time": START.isoformat(),
    },
}  # fmt: skip


async def call(
    client: httpx.AsyncClient, method: str, path: str, alert_id: str, **headers: str
) -> httpx.Response:
    return await client.request(
        method, path.replace("{alert_id}", alert_id), json=BODIES.get(path), headers=headers
    )


def problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_no_route_without_a_login(world: World) -> None:
    theirs = await world.desk()
    nobody, stale = world.client(), world.client()
    stale.cookies.set("yuyue_session", "made-up")
    gateway = world.gateway().client
    for method, path in ROUTES:
        if (method, path) in OPEN:
            continue
        code = "unknown_gateway" if path in GATEWAYS else "not_logged_in"
        for client in (nobody, stale):
            problem(await call(client, method, path, str(uuid.uuid4())), 401, code)
        # A person is no gateway, a gateway is no person.
        wrong = theirs if path in GATEWAYS else gateway
        problem(await call(wrong, method, path, str(uuid.uuid4())), 401, code)


async def test_no_route_into_another_institution(world: World) -> None:
    await world.gateway().send(fall(EventKind.SOS, world.clock))
    (alert,) = await alerts(await world.desk())
    stranger = await world.desk(home=world.other)
    for method, path in ROUTES:
        if "{alert_id}" in path:
            problem(await call(stranger, method, path, alert["id"]), 404, "not_found")
        if "{elder_id}" in path:
            of_elder = path.replace("{elder_id}", str(world.home.elders[0]))
            query = "?quantity=heart_rate&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"
            problem(await call(stranger, method, of_elder + query, ""), 404, "not_found")
    assert await alerts(stranger) == await alerts(stranger, "recent") == []
    assert (await stranger.get("/api/v1/alerts")).json()["position"] == 0
    status = (await stranger.get("/api/v1/status")).json()
    assert {gateway["id"] for gateway in status["gateways"]} == {str(world.other.gateway_id)}
    assert (await alerts(await world.desk())) == [alert]


async def test_changing_calls_need_the_header(world: World) -> None:
    desk = await world.desk()
    for method, path in ROUTES:
        if method == "get" or path in GATEWAYS:
            continue
        refused = await call(desk, method, path, str(uuid.uuid4()), **{"X-Yuyue-Request": "0"})
        problem(refused, 403, "missing_header")
    assert (await desk.get("/api/v1/session")).status_code == 200


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
