"""Faults on purpose: a real gateway under load, real kills, and an account of every event.

Every message carries its own number, so that lost and doubled can be counted by the reader: the
cloud double keeps what it acknowledged, and nothing else counts as delivered.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho

from edge.events import EventKind
from edge.signals import Reading
from edge.wire import Lane, Record
from tests.gateway.cloud_double import CloudDouble, registry_of
from tests.gateway.conftest import World
from tests.support.processes import Process, wait_until
from tests.support.proxy import CutProxy, Line

DEVICES = tuple(f"w-{n}" for n in range(10))
_SETTLE_S = 60.0
BACKLOG_FROM = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """One row of the table. `events` are numbered messages given to the broker; urgent among them
    show at the reader as SOS events. Longest delay: broker's acknowledgement to reader.
    """

    fault: str
    tries: int
    events: int
    urgent: int
    lost: int
    doubled: int
    disordered: int
    longest_delay_s: float
    note: str = ""

    @property
    def is_clean(self) -> bool:
        return self.lost == self.doubled == self.disordered == 0 and self.events > 0


@dataclass
class Load:
    """Ten devices that count and, now and then, call for help."""

    world: World
    rate_hz: float = 100.0
    sos_every: int = 20
    devices: tuple[str, ...] = DEVICES
    flapping: bool = False
    sent: dict[tuple[str, int], float] = field(default_factory=dict)
    sent_ns: dict[tuple[str, int], int] = field(default_factory=dict)
    pressed: dict[tuple[str, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._numbers: Counter[str] = Counter()
        self._pressed: Counter[str] = Counter()
        self._since_s = int(time.time()) - 2 * 86_400
        self._thread = threading.Thread(target=self._run, name="load")

    def start(self) -> None:
        self._client = self._connect()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the load did not end"
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def _connect(self) -> paho.Client:
        broker = self.world.broker
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id="load", clean_session=False
        )
        client.username_pw_set(broker.username, broker.password)
        client.reconnect_delay_set(0.05, 0.2)
        client.max_inflight_messages_set(1)  # one after the other: the order is the device's own
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        return client

    def _run(self) -> None:
        chance = random.Random(1)  # noqa: S311
        n = 0
        while not self._stop.is_set():
            n += 1
            device_id = chance.choice(self.devices)
            self._send(device_id, is_sos=n % self.sos_every == 0)
            if self.flapping and n % 7 == 0:
                self._client.disconnect()
                self._client.loop_stop()
                self._client = self._connect()
            time.sleep(1 / self.rate_hz)

    def _send(self, device_id: str, *, is_sos: bool) -> None:
        number = self._numbers[device_id]
        self._numbers[device_id] += 1
        pack: list[dict[str, object]] = [{"n": "steps", "v": number}]
        if is_sos:
            # Calls within 10 s of each other are one: these are of the days before, so that many
            # fit, and a late call rings like any other.
            self._pressed[device_id] += 1
            pressed_s = self._since_s + 11 * self._pressed[device_id]
            pack.append({"n": "sos", "v": 1, "t": pressed_s})
        message = self._client.publish(
            f"yuyue/v1/{device_id}/senml", json.dumps(pack).encode(), qos=1
        )
        began_s = time.monotonic()
        while not message._published:  # `is_published` throws once the line was down
            if time.monotonic() - began_s > 40:
                raise AssertionError("the broker does not acknowledge")
            time.sleep(0.001)
        self.sent[device_id, number] = time.monotonic()
        self.sent_ns[device_id, number] = time.time_ns()
        if is_sos:
            self.pressed[device_id, pressed_s] = time.monotonic()


class FaultWorld(World):
    """A world whose cloud stands behind a line that can be cut, and notes when things arrive."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.cloud = TimedCloud(registry=registry_of(*DEVICES))
        self.proxy = CutProxy(self.cloud.port)
        self.gateway = Process("gateway", ["gateway", "run"], self.environment(), directory)

    def environment(self) -> dict[str, str]:
        proxy = getattr(self, "proxy", None)
        found = super().environment()
        if proxy is not None:
            found["YUYUE_GATEWAY_CLOUD_URL"] = f"http://127.0.0.1:{proxy.port}"
        return found | {"YUYUE_GATEWAY_DISK_RESERVE_MIB": "1"}

    def close(self) -> None:
        self.proxy.close()
        super().close()


@dataclass
class TimedCloud(CloudDouble):
    """Notes when each record was first kept."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kept_at_s: dict[Lane, list[float]] = defaultdict(list)
        self.called_at_s: dict[tuple[str, int], float] = {}

    def of(self, lane: Lane) -> list[Record]:
        records = super().of(lane)
        now_s = time.monotonic()
        times = self.kept_at_s[lane]
        times += [now_s] * (len(records) - len(times))
        return records


@contextmanager
def fault_world(directory: Path) -> Iterator[FaultWorld]:
    directory.mkdir(parents=True, exist_ok=True)
    world = FaultWorld(directory)
    try:
        world.broker.start()
        world.cloud.start()
        yield world
    finally:
        world.close()


def run_fault(
    directory: Path,
    fault: str,
    tries: int,
    strike: Callable[[FaultWorld, int], str | None],
    **load_arguments: object,
) -> Outcome:
    """Load on; strike `tries` times; load off; wait until nothing more comes; count."""
    with fault_world(directory) as world:
        world.start_gateway()
        load = Load(world, **load_arguments)  # type: ignore[arg-type]
        load.start()
        note = ""
        with watched(world):
            try:
                for number in range(tries):
                    note = strike(world, number) or note
                time.sleep(0.5)
            finally:
                load.stop()
                world.proxy.set_line(Line.UP)
            if not world.gateway.running:
                restart_gateway(world)
            settle(world, load)
        return account(world, load, fault, tries, note)


@contextmanager
def watched(world: FaultWorld) -> Iterator[None]:
    """Looks often, so that the times of arrival are good to a twentieth of a second."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.05):
            world.cloud.of(Lane.BULK)
            for key in calls(world):
                world.cloud.called_at_s.setdefault(key, time.monotonic())

    thread = threading.Thread(target=look, name="watcher")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def settle(world: FaultWorld, load: Load, at_least_s: float = 0.0) -> None:
    """Until everything that was sent has come, or nothing has come for long."""
    time.sleep(at_least_s)
    seen, deadline_s = 0, time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline_s:
        held = sum(len(world.cloud.of(lane)) for lane in Lane)
        if held > seen:
            seen, deadline_s = held, time.monotonic() + _SETTLE_S
        steps = {(r.device_id, int(r.value)) for r in step_readings(world)}
        sent = set(load.sent)
        missing = len(sent - steps) + len(set(load.pressed) - set(calls(world)))
        if (load.is_over or at_least_s) and missing <= told_as_lost(world):
            time.sleep(1.0)  # a doubled one would come now
            return
        if at_least_s and len(steps) > 0.9 * len(sent):
            return
        time.sleep(0.2)


def step_readings(world: World) -> list[Reading]:
    return [
        r.reading for r in world.cloud.of(Lane.BULK) if r.reading and r.reading.quantity == "steps"
    ]


def told_as_lost(world: World) -> int:
    """Rows that stand for records a damaged outbox has lost."""
    return sum(
        r.rejected is not None and r.rejected.reason == "damaged_record"
        for lane in Lane
        for r in world.cloud.of(lane)
    )


def calls(world: World) -> list[tuple[str, int]]:
    return [
        (r.event.device_id, r.event.time_ns // 10**9)
        for r in world.cloud.of(Lane.URGENT)
        if r.event and r.event.kind is EventKind.SOS
    ]


def account(world: FaultWorld, load: Load, fault: str, tries: int, note: str) -> Outcome:
    """Compare what was given with what the reader has."""
    bulk = world.cloud.of(Lane.BULK)
    arrived: dict[tuple[str, int], list[float]] = defaultdict(list)
    order: dict[str, list[int]] = defaultdict(list)
    for record, at_s in zip(bulk, world.cloud.kept_at_s[Lane.BULK], strict=False):
        if record.reading is not None and record.reading.quantity == "steps":
            key = (record.reading.device_id, int(record.reading.value))
            arrived[key].append(at_s)
            if key[1] < BACKLOG_FROM:  # a backlog is older than what came live before it
                order[key[0]].append(key[1])
    rung = Counter(calls(world))
    lost = sum(key not in arrived for key in load.sent) + sum(k not in rung for k in load.pressed)
    told = told_as_lost(world)
    if told:
        note += f", {lost} lost and told ({told} rows)"
        lost = max(0, lost - told)
    doubled = sum(len(times) - 1 for times in arrived.values()) + sum(n - 1 for n in rung.values())
    delays = [arrived[key][0] - at_s for key, at_s in load.sent.items() if key in arrived]
    return Outcome(
        fault=fault,
        tries=tries,
        events=len(load.sent),
        urgent=len(load.pressed),
        lost=lost,
        doubled=doubled,
        disordered=sum(sum(b < a for a, b in itertools.pairwise(row)) for row in order.values()),
        longest_delay_s=max(delays, default=0.0),
        note=note,
    )


def restart_gateway(world: FaultWorld) -> None:
    """Start it again, whatever state the cloud and the broker are in."""
    before = world.log().count('"starting"')
    world.gateway.start()
    wait_until(lambda: world.log().count('"starting"') > before, "it starts", 30)
