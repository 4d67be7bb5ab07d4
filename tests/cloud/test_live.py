"""The live stream over a real connection: nothing skipped, nothing out of order, no blindness."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import text

from cloud.app import create_app
from cloud.database import Database
from cloud.live import routes as live_routes
from cloud.live import stream as live_stream
from cloud.live.models import LiveEvent
from cloud.live.service import forget_old, publish_at_commit, read_after, read_head
from cloud.settings import Settings
from edge.events import EventKind
from tests.cloud.conftest import Seeded
from tests.cloud.world import CHANGES, FakeGateway, ManualClock, World, alerts, fall, move

# Not a suspected one: its timer would add events of its own.
FALL = EventKind.FALL_CONFIRMED


@pytest.fixture
async def served(world: World) -> AsyncIterator[World]:
    """The application on a real port, with its background tasks."""
    database = Database(world.database.app_url)
    app = create_app(Settings(), database, world.clock)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1)
    )
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    real = RealWorld(app, world.database, world.clock, world.home, world.other)
    real.base_url = f"http://127.0.0.1:{port}"
    yield real
    await real.close()
    server.should_exit = True
    await running


async def until(ask: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not ask():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)


class RealWorld(World):
    """Clients over TCP."""

    base_url = ""

    def client(self, **headers: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            base_url=self.base_url, headers={**CHANGES, **headers}, timeout=20, trust_env=False
        )
        self.clients.append(client)
        return client


class Screen:
    """Reads a stream into a list of (event, id, data)."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.ended = False

    async def next(self, *kinds: str, within_s: float = 10.0) -> tuple[str, str | None, Any]:
        """The next event of one of these kinds; what else comes is passed over."""
        async with asyncio.timeout(within_s):
            while True:
                event = await self._event()
                if event[0] in kinds:
                    return event

    async def _event(self) -> tuple[str, str | None, Any]:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and fields:
                return fields["event"], fields.get("id"), json.loads(fields["data"])
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
        self.ended = True
        return "closed", None, None


@asynccontextmanager
async def watching(desk: httpx.AsyncClient, after: int | None = None, **headers: str) -> Any:
    params = {} if after is None else {"after": after}
    async with desk.stream("GET", "/api/v1/live", params=params, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        yield Screen(response)


async def test_an_alert_reaches_the_screens_that_watch(served: World) -> None:
    gateway = served.gateway()
    desks = [await served.desk(0), await served.desk(1)]
    async with watching(desks[0], 0) as first, watching(desks[1], 0) as second:
        await first.next("ping")
        await second.next("ping")
        await gateway.send(fall(FALL, served.clock))
        told = [await screen.next("alert", within_s=2) for screen in (first, second)]
        assert told[0] == told[1]
        (alert,) = await alerts(desks[0])
        assert told[0][2] == alert
        await move(desks[1], alert["id"], "acknowledge")
        _, position, data = await first.next("alert", within_s=2)
        assert (data["state"], data["acknowledged_by"]) == ("acknowledged", "吴倩")
        listed = (await desks[0].get("/api/v1/alerts")).json()["position"]
        assert str(listed) == position
        await wait_for_hop(desks[0], alert["id"], "pushed")


async def wait_for_hop(desk: httpx.AsyncClient, alert_id: str, hop: str) -> None:
    async with asyncio.timeout(5):
        while True:
            story = (await desk.get(f"/api/v1/alerts/{alert_id}")).json()
            if hop in [row["hop"] for row in story["ledger"]]:
                return
            await asyncio.sleep(0.05)


async def test_replay_after_a_cut(served: World) -> None:
    gateway, desk = served.gateway(), await served.desk()
    for number in range(4):
        await gateway.send(fall(FALL, served.clock, episode=f"e{number}", ago_s=40 * number))
    async with watching(desk, 0) as screen:
        ids = [int((await screen.next("alert"))[1]) for _ in range(4)]
    assert ids == sorted(set(ids))
    # Last-Event-ID wins over `after`, as a browser that reconnects sends both.
    async with watching(desk, 0, **{"Last-Event-ID": str(ids[1])}) as screen:
        assert [int((await screen.next("alert"))[1]) for _ in range(2)] == ids[2:]
    async with watching(desk) as screen:  # from now on
        await screen.next("ping")
        await gateway.send(fall(FALL, served.clock, episode="new", ago_s=400))
        assert int((await screen.next("alert"))[1]) == ids[-1] + 1


@pytest.mark.parametrize("position", ["-1", "x", "1.5", "٣"])
async def test_a_position_that_is_none(world: World, position: str) -> None:
    desk = await world.desk()
    answer = await desk.get("/api/v1/live", headers={"Last-Event-ID": position.encode()})
    assert answer.status_code == 422


async def test_what_is_forgotten_asks_for_a_reload(served: World, clock: ManualClock) -> None:
    gateway, desk = served.gateway(), await served.desk()
    for number in range(3):
        await gateway.send(fall(FALL, clock, episode=f"e{number}", ago_s=40 * number))
    clock.advance(timedelta(days=7, seconds=1).total_seconds())
    desk = await served.desk()
    await gateway.send(fall(FALL, clock, episode="late"))
    async with served.database.tenant(served.home.institution_id) as scope:
        # The three falls, and what else was told meanwhile (who is covered).
        assert await forget_old(scope, clock.now()) >= 3
        head = await read_head(scope)
    kept = head.forgotten_through + 1
    for behind in (0, kept - 2, head.position + 50):  # too old, or of another database
        async with watching(desk, behind) as screen:
            kind, position, data = await screen.next("reset", "alert", "ping")
            assert (kind, data) == ("reset", {"position": int(position or 0)})
            assert int(position or 0) >= head.position
    async with watching(desk, kept - 1) as screen:
        kind, position, data = await screen.next("reset", "alert")
        assert kind == "alert"
        assert int(position or 0) >= kept


async def test_pings_say_the_time(served: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "PING_S", 0.05)
    async with watching(await served.desk()) as screen:
        await screen.next("ping")
        served.clock.advance(60)  # type: ignore[attr-defined]
        async with asyncio.timeout(3):
            while (await screen.next("ping"))[2] != {"server_time": "2026-03-01T02:14:00.000Z"}:
                pass


async def test_logging_out_ends_the_stream_at_once(served: World) -> None:
    desk = await served.desk()
    async with watching(desk) as screen:
        await screen.next("ping")
        assert (await desk.delete("/api/v1/session")).status_code == 204
        kind, _, data = await screen.next("end", "closed", within_s=3)
        assert (kind, data) == ("end", {"code": "not_logged_in"})
        assert (await screen.next("closed"))[0] == "closed"


async def test_a_login_that_expires_ends_the_stream(
    served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_stream, "PING_S", 0.05)
    async with watching(await served.desk()) as screen:
        await screen.next("ping")
        served.clock.advance(8 * 24 * 3600)  # type: ignore[attr-defined]
        await screen.next("end", within_s=3)


async def test_the_other_institution_hears_nothing(served: World) -> None:
    theirs = await served.desk(home=served.other)
    async with watching(theirs, 0) as screen:
        await screen.next("ping")
        await served.gateway().send(fall(FALL, served.clock))
        await served.gateway(served.other).send(fall(EventKind.SOS, served.clock))
        _, _, data = await screen.next("alert")
        assert data["code"] == "sos"


async def test_a_gateway_that_comes_or_goes_is_told(served: World, clock: ManualClock) -> None:
    gateway, desk = served.gateway(), await served.desk()
    async with watching(desk, 0) as screen:
        _, _, first = await screen.next("status")
        assert first["gateways"][0]["state"] == "never"
        await gateway.beat()
        _, position, second = await screen.next("status", within_s=3)
        assert second["gateways"][0]["state"] == "online"
        assert position is not None
        clock.advance(90)
        _, _, third = await screen.next("status", within_s=6)
        assert third["gateways"][0]["state"] == "offline"


async def test_a_screen_too_slow_is_let_go(served: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes nothing from its connection: the server gives it up and keeps nothing for it."""
    monkeypatch.setattr(live_routes, "SEND_TIMEOUT_S", 0.3)
    desk = await served.desk()
    now = served.clock.now()
    async with served.database.tenant(served.home.institution_id) as scope:
        for number in range(400):
            await _publish(scope, number, now, "x" * 50_000)
    async with watching(desk, 0) as screen:
        await screen.next("ping")
        assert await clients(served) == 1.0
        async with asyncio.timeout(20):
            while await clients(served):  # noqa: ASYNC110 - seen from outside only
                await asyncio.sleep(0.1)


async def clients(world: World) -> float:
    page = (await world.client().get("/metrics")).text
    (line,) = [row for row in page.splitlines() if row.startswith("yuyue_live_clients ")]
    return float(line.split()[1])


async def _publish(scope: Any, key: object, now: Any, body: str = "") -> None:
    publish_at_commit(scope, key, "alert", now, what=body, write=_bodies)


async def _bodies(_scope: Any, whats: Sequence[Any], _now: Any) -> list[str]:
    return [json.dumps({"body": body}) for body in whats]


async def test_no_position_is_ever_skipped(
    database: Database, clock: ManualClock, seeded: Seeded
) -> None:
    """Many writers at once, some slow to commit, some rolled back: a reader that follows sees all.

    The reader looks for what is above its last position, again and again. If a lower position
    could commit after a higher one was read, it would miss it.
    """
    institution, writers, each = seeded.home.institution_id, 8, 12
    random_ = random.Random(7)  # noqa: S311
    committed = 0

    async def write(writer: int) -> None:
        nonlocal committed
        for number in range(each):
            rolled_back = random_.random() < 0.2
            try:
                async with database.tenant(institution) as scope:
                    await _publish(scope, (writer, number), clock.now(), f"{writer}/{number}")
                    await asyncio.sleep(random_.random() * 0.01)
                    undo_if(rolled_back)
            except Undo:
                continue
            committed += 1

    seen: list[int] = []

    async def follow(done: asyncio.Event) -> None:
        while True:
            finished = done.is_set()
            async with database.tenant(institution) as scope:
                page = await read_after(scope, seen[-1] if seen else 0, 5)
            seen.extend(event.position for event in page)
            if finished and not page:
                return
            await asyncio.sleep(0)

    done = asyncio.Event()
    reader = asyncio.create_task(follow(done))
    await asyncio.gather(*(write(writer) for writer in range(writers)))
    done.set()
    await reader
    assert committed > writers
    assert seen == list(range(1, committed + 1))


def undo_if(wanted: bool) -> None:
    if wanted:
        raise Undo


class Undo(Exception):  # noqa: N818 - not an error
    """Rolls back."""


async def test_one_transaction_tells_an_alert_once(world: World) -> None:
    """With how it is at the end; and positions are drawn after everything else."""
    await world.gateway().send(
        fall(EventKind.FALL_SUSPECTED, world.clock, ago_s=9),
        fall(EventKind.FALL_CONFIRMED, world.clock),
    )
    async with world.database.tenant(world.home.institution_id) as scope:
        (event,) = await scope.session.scalars(scope.select(LiveEvent))
    assert json.loads(event.payload or "")["priority"] == "high"


async def test_screens_of_another_process_hear_it_too(served: World) -> None:
    """One process takes the alert in, the screen is on another: only the database joins them."""
    desk = await served.desk()
    other_process = create_app(
        Settings(), Database(served.database.app_url), served.clock, with_tasks=False
    )
    transport = httpx.ASGITransport(other_process)
    headers = {"Authorization": f"Bearer {served.home.token}"}
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://b", headers=headers) as client,
        watching(desk, 0) as screen,
    ):
        await screen.next("ping")
        gateway = FakeGateway(client, served.clock)  # type: ignore[arg-type]
        await gateway.send(fall(FALL, served.clock))
        await screen.next("alert", within_s=2)
    await other_process.state.yuyue.database.close()


async def test_the_listener_comes_back(served: World) -> None:
    """The listening connection is cut: it is made again, and nothing is missed meanwhile."""
    desk, gateway = await served.desk(), served.gateway()
    owner = Database(served.database.app_url.set(username="postgres"))
    async with watching(desk, 0) as screen:
        await screen.next("ping")
        async with owner.transaction() as session:
            cut = await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
                )
            )
            assert cut.all()
        await gateway.send(fall(FALL, served.clock))
        await screen.next("alert", within_s=8)
    await owner.close()
