"""Runs simulated devices together: memory, radio, pace and progress of each; all end together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from edge.signals import NS_PER_S
from firmware_sim.clock import Clock
from firmware_sim.devices.wearable import Block, DeviceMemory, Wearable, encode_cancel
from firmware_sim.runner import Runner, SampleSource, start_ns_for
from firmware_sim.transports.mqtt import MqttPublisher, MqttSettings

Result = TypeVar("Result")

# How long a finished device waits for the broker to take what it still holds.
_DRAIN_S: Final = 30.0
# A replay faster than the broker may be so far ahead of it: far below what the memory holds.
_HURRY_BLOCKS: Final = 200


@dataclass(slots=True)
class Device:
    """One device to run. `duration_s` None: until its source ends, or for ever.

    `on_start` learns the time of the first sample; `before_block` is asked before each block.
    `cancels_s` are times, in s since the first sample, at which the wearer presses cancel.
    """

    device_id: str
    source: SampleSource
    full_scale_g: float
    duration_s: float | None = None
    label: str = ""
    drill: bool = False
    on_start: Callable[[int], None] | None = None
    before_block: Callable[[], None] | None = None
    cancels_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all devices share."""

    mqtt: MqttSettings
    state_dir: Path
    clock: Clock
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one device's blocks."""

    device_id: str
    acknowledged: int
    dropped: int
    waiting: int


async def run_devices(
    devices: list[Device], surroundings: Surroundings, progress: Progress
) -> list[Sent]:
    """Run them all until the last has sent everything. Raises what stops any of them."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_run(device, surroundings, progress), name=device.device_id)
            for device in devices
        ]
    return [task.result() for task in tasks]


async def _run(device: Device, around: Surroundings, progress: Progress) -> Sent:
    async with AsyncExitStack() as stack:
        memory = stack.enter_context(DeviceMemory(around.state_dir, device.device_id))
        radio = await stack.enter_async_context(
            MqttPublisher(around.mqtt, device.device_id, around.clock)
        )
        start_ns = start_ns_for(around.clock.now_ns(), device.duration_s, around.speed)
        wearable = Wearable(
            device_id=device.device_id,
            boot_id=memory.boot_id,
            start_ns=start_ns,
            rate_hz=device.source.rate_hz,
            full_scale_g=device.full_scale_g,
            drill=device.drill,
        )
        if device.on_start is not None:
            device.on_start(start_ns)
        bar = progress.add_task(
            f"{device.device_id} {device.label}".strip(), total=device.duration_s
        )

        def sent(block: Block) -> None:
            radio.check()
            done_s = (block.end_ns - start_ns) / NS_PER_S
            for pressed_s in [at_s for at_s in device.cancels_s if at_s <= done_s]:
                device.cancels_s.remove(pressed_s)
                pressed_ns = start_ns + round(pressed_s * NS_PER_S)
                radio.send_reading(encode_cancel(pressed_ns, drill=device.drill))
            progress.update(bar, completed=done_s)

        async def room() -> None:
            await radio.drained(to_blocks=_HURRY_BLOCKS)

        await Runner(
            clock=around.clock,
            source=device.source,
            wearable=wearable,
            send=radio.send,
            speed=around.speed,
            on_block=sent,
            # a device at real pace drops what its memory cannot hold; a hurried replay waits
            room=room if around.speed > 1.0 else None,
            before_block=device.before_block,
            duration_s=device.duration_s,
        ).run()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(radio.drained(), _DRAIN_S)
        return Sent(device.device_id, radio.acknowledged, radio.dropped, radio.waiting)


def progress_bars(console: Console) -> Progress:
    """Bars of the devices' own time; only on a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def run_until_stopped(
    work: Callable[[], Coroutine[None, None, Result]],
) -> Result | None:
    """Run `work`; SIGINT and SIGTERM cancel it in good order, and the answer is then None."""

    async def main() -> Result | None:
        task = asyncio.ensure_future(work())
        loop = asyncio.get_running_loop()
        with _handled(loop, stop_signals(), task.cancel):
            try:
                return await task
            except asyncio.CancelledError:
                return None

    return asyncio.run(main())


def stop_signals() -> tuple[signal.Signals, ...]:
    """What asks us to end: Ctrl-C, a service manager, a closed terminal (unless under nohup)."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def _handled(
    loop: asyncio.AbstractEventLoop, signals: tuple[signal.Signals, ...], then: Callable[[], object]
) -> Iterator[None]:
    for number in signals:
        loop.add_signal_handler(number, then)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def on_command(then: Callable[[], None]) -> Iterator[None]:
    """Call `then` on SIGUSR1, and on Enter when there is a terminal."""
    loop = asyncio.get_running_loop()
    terminal = sys.stdin.isatty()

    def entered() -> None:
        sys.stdin.readline()
        then()

    with _handled(loop, (signal.SIGUSR1,), then):
        if terminal:
            loop.add_reader(sys.stdin.fileno(), entered)
        try:
            yield
        finally:
            if terminal:
                loop.remove_reader(sys.stdin.fileno())


def logs_to_stderr() -> None:
    """Logs of the simulator go to stderr, what it says to a person to stdout."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whatever it is by then
    )
