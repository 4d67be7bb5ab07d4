"""Plays a world at the pace of the clock: each message leaves when a real device would send it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zlib import crc32

from edge.signals import NS_PER_S
from firmware_sim.clock import Clock
from firmware_sim.devices.wearable import DeviceMemory
from firmware_sim.live.air import AIR, Radios
from firmware_sim.live.wire import Parcel, Voices
from firmware_sim.scenarios.schema import Scenario
from firmware_sim.transports.mqtt import MqttPublisher, MqttSettings
from firmware_sim.world.world import World

# A connection for each device up to here; beyond, devices share.
MAX_LINES: Final = 256
_MAX_STEP_S: Final = 1.0
_DRAIN_S: Final = 30.0


@dataclass(slots=True)
class Figures:
    """Of a run: what was put on the wire, and how late the latest left."""

    messages: int = 0
    latest_s: float = 0.0
    dropped: int = 0
    waiting: int = 0
    acknowledged: int = 0


def starting_now(scenario: Scenario, from_s: float, now_ns: int) -> Scenario:
    """The scenario moved so that its second `from_s` is now: its people live at the hub's hour.

    The hub tells night from day by its own clock; a night that is played at noon is a noon.
    """
    now = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
    begins = (now - timedelta(seconds=from_s)).astimezone(scenario.starts_at.tzinfo)
    return scenario.model_copy(update={"starts_at": begins.replace(microsecond=0)})


def played(world: World, from_s: float, until_s: float) -> World:
    """The world as it is judged: up to the end, with incidents that began while it was played."""
    hours = until_s / 3600.0
    return replace(
        world,
        scenario=world.scenario.model_copy(update={"duration_h": hours}),
        track=world.track.keep(world.track.sent_s < until_s),
        residents=tuple(
            replace(
                resident,
                incidents=tuple(i for i in resident.incidents if from_s <= i.from_s < until_s),
            )
            for resident in world.residents
        ),
        raw_beds=tuple(replace(bed, duration_s=until_s) for bed in world.raw_beds),
    )


@contextmanager
def boot_counters(state_dir: Path, voiced: Iterable[str]) -> Iterator[Callable[[str], int]]:
    """The memory of wearables: a counter for each that never goes back, from run to run."""
    with contextlib.ExitStack() as stack:
        memories = {
            device_id: stack.enter_context(DeviceMemory(state_dir, device_id))
            for device_id in voiced
        }
        yield lambda device_id: memories[device_id].boot_id


class Lines:
    """The connections. Use as `async with`; sending never waits for the network."""

    def __init__(self, settings: MqttSettings, names: Iterable[str], clock: Clock) -> None:
        distinct = sorted({name for name in names if not name.startswith(AIR)})
        self._radios: Radios | None = None
        self._shared = len(distinct) > MAX_LINES
        self._publishers = {
            name: MqttPublisher(settings, f"sim-{name}"[:64], clock)
            for name in sorted({self._key(name) for name in distinct})
        }
        self._stack = AsyncExitStack()

    def _key(self, name: str) -> str:
        if not self._shared or name == "zigbee2mqtt":
            return name
        return f"line-{crc32(name.encode()) % MAX_LINES:03d}"

    async def __aenter__(self) -> Lines:
        for publisher in self._publishers.values():
            await self._stack.enter_async_context(publisher)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def take_air(self, radios: Radios) -> None:
        """What is addressed to an adapter goes there from now on."""
        self._radios = radios

    def send(self, line: str, topic: str, payload: bytes, *, retain: bool) -> None:
        """Into the memory of its connection. Raises BrokerRefusedError."""
        if line.startswith(AIR):
            assert self._radios is not None  # noqa: S101  # the air is taken before it is played
            self._radios.send(line, topic, payload)
            return
        publisher = self._publishers[self._key(line)]
        publisher.check()
        publisher.send_to(topic, payload, retain=retain)

    async def drained(self) -> None:
        """Wait until the broker has all, or for half a minute."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                for publisher in self._publishers.values():
                    await publisher.drained()

    def note(self, figures: Figures) -> None:
        """Add up what the connections did."""
        all_of_them = self._publishers.values()
        figures.acknowledged = sum(one.acknowledged for one in all_of_them)
        figures.dropped = sum(one.dropped for one in all_of_them)
        figures.waiting = sum(one.waiting for one in all_of_them)


async def announce(lines: Lines, voices: Voices) -> None:
    """Bridges and devices introduce themselves."""
    for line, message in voices.announce():
        lines.send(line, message.topic, message.payload, retain=message.retain)
    await lines.drained()


async def take_back(lines: Lines, voices: Voices) -> None:
    """Nothing of the run stays announced in the broker."""
    for line, message in voices.goodbye():
        lines.send(line, message.topic, message.payload, retain=message.retain)
    await lines.drained()


async def play(
    parcels: Iterable[Parcel], start_ns: int, lines: Lines, clock: Clock,
    on_sent: Callable[[Parcel, Figures], None],
) -> Figures:  # fmt: skip
    """Send everything at its time. Never early: no time stamp lies ahead of the clock."""
    figures = Figures()
    for parcel in parcels:
        due_ns = start_ns + round(parcel.at_s * NS_PER_S)
        while (wait_s := (due_ns - clock.now_ns()) / NS_PER_S) > 0.0:
            await clock.sleep(min(wait_s, _MAX_STEP_S))
        figures.latest_s = max(figures.latest_s, -wait_s)
        message = parcel.message
        lines.send(parcel.line, message.topic, message.payload, retain=message.retain)
        figures.messages += 1
        on_sent(parcel, figures)
        if figures.messages % 64 == 0:
            await clock.sleep(0.0)
    await lines.drained()
    lines.note(figures)
    return figures
