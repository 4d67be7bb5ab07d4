"""`yuyue sim fleet`: what ten thousand devices do to a broker and a gateway."""

from __future__ import annotations

import resource
import time
from typing import Annotated, Final, NoReturn

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from firmware_sim.fleet.fleet import Fleet, FleetCounts, FleetPlan
from firmware_sim.fleet.readings import fleet_payloads, fleet_topics, tagged_payloads
from firmware_sim.key import SimulationKey
from firmware_sim.transports.mqtt import BrokerRefusedError, MqttSettings

_console = Console()
_errors = Console(stderr=True)
# Files, epoll and the interpreter's own descriptors beside one socket for each device.
_OTHER_FILES: Final = 64


def fleet(
    *,
    devices: Annotated[int, typer.Option(min=1, max=60_000, help="How many.")] = 1000,
    messages_per_s: Annotated[
        float, typer.Option(min=0.01, help="Of all devices together, at QoS 1.")
    ] = 1000.0,
    for_s: Annotated[float, typer.Option(min=1.0, help="How long, once all are connected.")] = 60.0,
    connects_per_s: Annotated[
        float, typer.Option(min=1.0, help="How fast they come in; a power cut's end is fast.")
    ] = 1000.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed says the same values.")] = 1,
    mqtt_host: Annotated[str, typer.Option(envvar="YUYUE_SIM_MQTT_HOST")] = "127.0.0.1",
    mqtt_port: Annotated[int, typer.Option(envvar="YUYUE_SIM_MQTT_PORT", min=1, max=65535)] = 1883,
    mqtt_username: Annotated[str | None, typer.Option(envvar="YUYUE_SIM_MQTT_USERNAME")] = None,
    mqtt_password: Annotated[
        str | None,
        typer.Option(envvar="YUYUE_SIM_MQTT_PASSWORD", help="Better in the environment."),
    ] = None,
    key: SimulationKey = None,
) -> None:
    """Thousands of simulated devices from this process, each its own connection. Ctrl-C ends.

    Their readings are marked simulated; nobody owns them until an operator accepts them.

    Example: yuyue sim fleet --devices 10000 --messages-per-s 25000 --for-s 30
    """
    _enough_files(devices)
    settings = MqttSettings(mqtt_host, mqtt_port, mqtt_username, mqtt_password, key)
    topics, say = fleet_topics(devices), fleet_payloads(seed)
    if key is not None:
        say = tagged_payloads(say, topics, key)
    plan = FleetPlan(topics, devices / messages_per_s, connects_per_s)
    begun_s = time.monotonic()
    try:
        running = Fleet(settings, plan, say)
    except OSError as error:
        _stop(f"{mqtt_host}: {error.strerror}")
    with _progress() as progress:
        bar = progress.add_task("", total=for_s, tell="")
        try:
            running.run(for_s, on_progress=_Watch(progress, bar, devices))
        except BrokerRefusedError as error:
            _stop(f"{error}: --mqtt-username, YUYUE_SIM_MQTT_PASSWORD")
        except KeyboardInterrupt:
            _console.print("stopped 已停止")
    _report(running.counts, time.monotonic() - begun_s)
    if running.counts.waiting:
        _stop(f"{running.counts.waiting} messages were not acknowledged: is the broker there?")


class _Watch:
    """Keeps the line on the screen true."""

    def __init__(self, progress: Progress, bar: TaskID, devices: int) -> None:
        self._progress, self._bar, self._devices = progress, bar, devices
        self._last_s, self._last = time.monotonic(), 0
        self._speaking_since_s: float | None = None

    def __call__(self, counts: FleetCounts) -> None:
        now_s = time.monotonic()
        if self._speaking_since_s is None and counts.connected == self._devices:
            self._speaking_since_s = now_s
        rate = (counts.acknowledged - self._last) / max(1e-3, now_s - self._last_s)
        self._last_s, self._last = now_s, counts.acknowledged
        self._progress.update(
            self._bar,
            completed=0.0 if self._speaking_since_s is None else now_s - self._speaking_since_s,
            tell=f"{counts.connected:,}/{self._devices:,} 在线 connected  {rate:,.0f} 条/s  "
            f"{counts.waiting:,} 待确认 waiting",
        )


def _report(counts: FleetCounts, took_s: float) -> None:
    table = Table(show_header=False)
    table.add_row("发出 said", f"{counts.said:,}")
    table.add_row(
        "确认 acknowledged", f"{counts.acknowledged:,} ({counts.acknowledged / took_s:,.0f}/s)"
    )
    table.add_row("丢弃 dropped, memory full", f"{counts.dropped:,}")
    table.add_row("重连 reconnects", f"{counts.reconnects:,}")
    if counts.round_trips_s:
        median, high = np.percentile(np.asarray(counts.round_trips_s), [50, 99]) * 1000.0
        table.add_row("往返 round trip", f"median {median:.1f} ms, p99 {high:.1f} ms")
    _console.print(table)


def _enough_files(devices: int) -> None:
    """Each device is an open file; ask for what is needed, and say how where it is not given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = devices + _OTHER_FILES
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        _stop(
            f"{devices} devices need {wanted} open files and {hard} are allowed: ulimit -n {wanted}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _progress() -> Progress:
    return Progress(
        BarColumn(), TextColumn("{task.fields[tell]}"), TimeRemainingColumn(),
        console=_errors, disable=not _errors.is_terminal,
    )  # fmt: skip


def _stop(message: str) -> NoReturn:
    _errors.print(message, style="red", markup=False)
    raise typer.Exit(2)
