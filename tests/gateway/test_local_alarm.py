"""The local alarm: what rings when the cloud is away, on the page, on MQTT, as text; and after."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest

from edge.events import EventKind
from edge.gateway_wire import LocalActionKind
from edge.signals import Origin
from edge.wire import Lane
from gateway.local_alarm.bell import state_of
from gateway.local_alarm.book import AlarmBook
from gateway.local_alarm.keeper import AlarmKeeper
from gateway.local_alarm.pin import MAX_TRIES, Doorkeeper, clean_name, save_pin
from gateway.outbox import Group, Outbox
from tests.gateway.conftest import World
from tests.gateway.makers import T0_NS, HandClock, S, event
from tests.support.processes import free_port, wait_until

PIN = "20481632"
CHANGES = {"X-Yuyue-Request": "1"}


class Phone:
    """Someone's browser at the local page."""

    def __init__(self, port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=CHANGES, timeout=5)

    def log_in(self, name: str = "张护士", pin: str = PIN) -> httpx.Response:
        return self.http.post("/api/login", json={"pin": pin, "name": name})

    def close(self) -> None:
        self.http.close()

    def alarms(self) -> list[dict[str, Any]]:
        answer = self.http.get("/api/state")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["alarms"])


def start(world: World, **more: Any) -> Phone:
    port = free_port()
    values = {
        "local_alarm_host": "127.0.0.1", "local_alarm_port": port, "local_alarm_pin": PIN,
        "local_alarm_delay_s": 1.0,
    }  # fmt: skip
    before = world.said("local_page_on")
    world.start_inside(**values | more)
    wait_until(lambda: world.said("local_page_on") > before, "the page is served")
    phone = Phone(port)
    world.publishers.append(phone)  # type: ignore[arg-type]  # closed with the others
    return phone


def press(world: World, device_id: str = "w-1") -> None:
    world.publisher().senml(device_id, [{"n": "sos", "v": 1}])


class Lamps:
    """Whatever hangs on the alarm topics."""

    def __init__(self, world: World) -> None:
        self.seen: dict[str, list[bytes]] = defaultdict(list)
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(world.broker.username, world.broker.password)
        self._client.on_message = lambda _c, _u, m: self.seen[m.topic].append(m.payload)
        self._client.connect("127.0.0.1", world.broker.port)
        self._client.subscribe("yuyue/local/alarm/#", qos=1)
        self._client.loop_start()

    def last(self, name: str) -> bytes | None:
        found = self.seen[f"yuyue/local/alarm/{name}"]
        return found[-1] if found else None

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def lamps(world: World) -> Iterator[Lamps]:
    made = Lamps(world)
    yield made
    made.close()


def test_a_call_rings_here_while_the_cloud_is_away_and_the_cloud_hears_what_was_done(
    world: World, lamps: Lamps
) -> None:
    phone = start(world)
    assert phone.log_in().status_code == 200
    press(world)
    world.wait_urgent(1)
    time.sleep(1.5)
    assert phone.alarms() == []  # the cloud has it: nothing rings here
    assert lamps.last("bell") == b"OFF"
    world.cloud.stop()
    time.sleep(0.3)
    world.publisher().senml("w-1", [{"n": "sos", "v": 1, "t": time.time() - 60}])
    (alarm,) = wait_until(phone.alarms, "it rings here", 15)
    assert (alarm["zh"], alarm["elder"], alarm["priority"]) == ("紧急呼叫", "试用甲", "high")
    assert alarm["is_ringing"] is True
    wait_until(lambda: lamps.last("bell") == b"ON", "the bell rings")
    state = json.loads(lamps.last("state") or b"{}")
    assert (state["ringing"], state["priority"]) == (1, "high")
    done = phone.http.post(f"/api/alarms/{alarm['alarm_id']}/acknowledge", json={})
    assert done.json()["acknowledged_by"] == "张护士"
    wait_until(lambda: lamps.last("bell") == b"OFF", "the bell is silent")
    told = [json.loads(body)["what"] for body in lamps.seen["yuyue/local/alarm/event"]]
    assert told == ["raised", "acknowledged"]
    world.cloud.start()
    actions = wait_until(
        lambda: [r.local for r in world.cloud.of(Lane.URGENT) if r.local] or None, "it is told", 20
    )
    events = [r.event.event_id for r in world.cloud.of(Lane.URGENT) if r.event]
    assert len(events) == len(set(events)) == 2
    assert [(a.kind, a.by) for a in actions if a.event_id == events[-1]] == [
        (LocalActionKind.RAISED, "gateway"),
        (LocalActionKind.SHOWN, "张护士"),
        (LocalActionKind.ACKNOWLEDGED, "张护士"),
    ]
    wait_until(lambda: phone.alarms()[0]["delivered_ms"], "the page says that the cloud has it")
    wait_until(lambda: world.cloud.heartbeats[-1].local_alarm == "ready", "the heartbeat too", 40)


def test_what_was_not_acknowledged_still_rings_after_a_restart(world: World) -> None:
    phone = start(world)
    world.cloud.stop()
    press(world)
    phone.log_in()
    wait_until(phone.alarms, "it rings", 15)
    assert world.inner is not None
    world.inner.stop()
    again = start(world)
    again.http.cookies = phone.http.cookies  # the login too outlives it
    (alarm,) = again.alarms()
    assert alarm["is_ringing"] is True


def text_server() -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.received.append(json.loads(body))  # type: ignore[attr-defined]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.received = []  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.timeout(90)
def test_a_text_goes_to_the_local_channel_and_a_dead_channel_is_told(world: World) -> None:
    server = text_server()
    channels = (f"json://127.0.0.1:{server.server_port}", "json://127.0.0.1:9")
    start(world, local_alarm_channels=channels)
    world.cloud.stop()
    press(world)
    received: list[dict[str, Any]] = server.received  # type: ignore[attr-defined]
    wait_until(lambda: received, "the text came", 40)
    assert "紧急呼叫" in received[0]["title"]
    assert "试用甲" in received[0]["title"]
    wait_until(lambda: world.said("local_text_failed"), "the dead channel is told", 20)
    server.shutdown()
    server.server_close()
    world.cloud.start()
    actions = wait_until(
        lambda: [r.local for r in world.cloud.of(Lane.URGENT) if r.local and r.local.by == "json"],
        "the cloud hears of the text", 20,
    )  # fmt: skip
    assert actions[0].kind is LocalActionKind.SENT


def test_nobody_gets_in_without_the_pin(world: World) -> None:
    phone = start(world)
    for path in ("/api/state", "/api/stream"):
        assert phone.http.get(path).status_code == 401
    assert phone.http.post("/api/alarms/x/acknowledge", json={}).status_code == 401
    no_header = httpx.post(
        f"http://127.0.0.1:{phone.http.base_url.port}/api/login", json={"pin": PIN, "name": "a"}
    )
    assert no_header.status_code == 403
    assert phone.log_in(name=" \n ").json()["code"] == "no_name"
    codes = [phone.log_in(pin="00000000").json()["code"] for _ in range(MAX_TRIES + 1)]
    assert codes == ["bad_pin"] * MAX_TRIES + ["busy"]
    assert phone.log_in().status_code == 429  # the right one has to wait too
    page = phone.http.get("/")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    phone.http.cookies.set("yuyue_local", "forged.token")
    assert phone.http.get("/api/state").status_code == 401


def test_the_stream_replays_what_a_page_missed(world: World) -> None:
    phone = start(world)
    phone.log_in()
    world.cloud.stop()
    for k in range(3):
        world.publisher().senml("w-1", [{"n": "sos", "v": 1, "t": time.time() - 100 * k}])
    wait_until(lambda: len(phone.alarms()) == 3, "all ring", 15)
    with phone.http.stream("GET", "/api/stream", headers={"Last-Event-ID": "1"}) as stream:
        ids = []
        for line in stream.iter_lines():
            if line.startswith("id: "):
                ids.append(int(line[4:]))
            if line.startswith("event: situation"):
                break
    assert ids == sorted(ids)
    assert len(ids) >= 2
    assert min(ids) > 1


# -- without a network: the keeper by hand ----------------------------------------------------


class Desk:
    """Outbox, book and keeper, with a clock by hand."""

    def __init__(self, directory: Path) -> None:
        self.clock = HandClock()
        self.outbox = Outbox(directory / "outbox.sqlite3", self.clock)
        self.book = AlarmBook(directory / "alarms.sqlite3")
        self.keeper = AlarmKeeper(self.outbox, self.book, self.clock, lambda _: None)

    def happen(
        self, name: str, kind: EventKind, episode: str = "e", origin: Origin = Origin.LIVE
    ) -> None:
        made = replace(event(name), event_id=name, kind=kind, episode_id=episode, origin=origin)
        self.outbox.commit(Group(events=[made]))

    def step(self, away_s: float = 60.0) -> list[str]:
        return [alarm.kind for alarm in self.keeper.step(10.0, away_s).raised]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.book.close()
    made.outbox.close()


def test_a_slow_cloud_gets_its_ten_seconds_and_a_missing_one_none(desk: Desk) -> None:
    desk.happen("a", EventKind.SOS)
    assert desk.step(away_s=0) == []
    desk.clock.ns += 9 * S
    assert desk.step(away_s=0) == []
    desk.clock.ns += 1 * S
    assert desk.step(away_s=0) == ["sos"]  # whatever the cloud's excuse is
    desk.happen("b", EventKind.SMOKE, "other")
    assert desk.step(away_s=10) == ["smoke"]
    assert desk.step() == []


def test_one_fall_is_one_alarm_and_rings_again_when_it_gets_worse(desk: Desk) -> None:
    desk.happen("a", EventKind.INACTIVITY)
    assert desk.step() == ["inactivity"]
    desk.keeper.acknowledge("e", "甲")
    desk.happen("b", EventKind.INACTIVITY_HIGH)
    assert desk.step() == ["inactivity_high"]
    (alarm,) = desk.book.alarms()
    assert alarm.event_ids == ("a", "b")
    desk.happen("c", EventKind.INACTIVITY_CLEARED)
    assert desk.step() == []
    (alarm,) = desk.book.alarms()
    assert alarm.recovered_ns is not None
    assert alarm.is_ringing  # the check is still due


@pytest.mark.parametrize("origin", [Origin.SIMULATED, Origin.DRILL])
def test_what_is_not_real_is_shown_and_rings_nowhere(desk: Desk, origin: Origin) -> None:
    desk.happen("a", EventKind.SOS, origin=origin)
    assert desk.step() == []  # no bell, no text
    (alarm,) = desk.book.alarms()
    assert (alarm.origin, alarm.is_ringing) == (origin.value, False)
    assert state_of([alarm])["open"] == 0


def test_what_needs_nobody_does_not_ring(desk: Desk) -> None:
    for kind in (EventKind.BED_EXIT, EventKind.NIGHT_SUMMARY, EventKind.FALL_RECOVERED):
        desk.happen(kind.value, kind, kind.value)
    assert desk.step() == []
    assert desk.book.alarms() == []


def test_an_acknowledgement_is_kept_for_the_cloud_once(desk: Desk) -> None:
    desk.happen("a", EventKind.SOS)
    desk.step()
    for name in ("甲", "乙"):
        desk.keeper.acknowledge("e", name)
    batch = desk.outbox.read(Lane.URGENT, 100, 10**6)
    assert batch is not None
    done = [r.local for r in batch.records if r.local]
    assert [(a.kind.value, a.by) for a in done] == [("raised", "gateway"), ("acknowledged", "甲")]
    assert desk.outbox.acknowledge(Lane.URGENT, batch.outbox_id, batch.records[-1].seq)
    desk.step(away_s=0)
    (alarm,) = desk.book.alarms()
    assert alarm.delivered_ns is not None


def test_a_damaged_book_is_begun_anew_from_the_outbox(desk: Desk, tmp_path: Path) -> None:
    desk.happen("a", EventKind.SOS)
    desk.step()
    desk.book.close()
    (tmp_path / "alarms.sqlite3").write_bytes(b"\xa5" * 8192)
    desk.book = AlarmBook(tmp_path / "alarms.sqlite3")
    desk.keeper = AlarmKeeper(desk.outbox, desk.book, desk.clock, lambda _: None)
    assert desk.step() == ["sos"]


def test_a_new_pin_ends_old_logins(tmp_path: Path) -> None:
    save_pin(tmp_path, "11111111")
    before = Doorkeeper.load(tmp_path, None)
    assert before is not None
    token = before.token("甲", T0_NS)
    assert before.name_of(token, T0_NS) == "甲"
    save_pin(tmp_path, "22222222")
    after = Doorkeeper.load(tmp_path, None)
    assert after is not None
    assert after.name_of(token, T0_NS) is None
    assert after.is_right("22222222")
    assert not after.is_right("11111111")
    assert (tmp_path / "local_pin.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("text", "name"),
    [(" 张  护士 ", "张 护士"), ("a\0b\n", "ab"), ("", None), ("x" * 99, "x" * 40)],
)
def test_names(text: str, name: str | None) -> None:
    assert clean_name(text) == name
