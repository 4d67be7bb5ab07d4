"""`yuyue sim live`: a whole building that does not exist, at a real hub."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from dbus_fast import DBusError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge.signals import NS_PER_S
from firmware_sim.clock import SystemClock
from firmware_sim.devices.wearable import DeviceStateError
from firmware_sim.key import SimulationKey
from firmware_sim.live.air import Radios, on_air
from firmware_sim.live.hub import PERMISSIONS, Hub, HubError, Told
from firmware_sim.live.run import (
    Figures,
    Lines,
    announce,
    boot_counters,
    play,
    played,
    starting_now,
    take_back,
)
from firmware_sim.live.shapes import LiveDevice, ShapeError, live_devices
from firmware_sim.live.wire import (
    Parcel,
    Stage,
    Voices,
    counts_records,
    line_of,
    parcels,
    senml,
)
from firmware_sim.scenarios.load import ScenarioError, find_scenario
from firmware_sim.scenarios.schema import Scenario, Shape
from firmware_sim.session import logs_to_stderr, run_until_stopped
from firmware_sim.transports.mqtt import BrokerRefusedError, MqttSettings, readings_topic
from firmware_sim.world.offline import listen
from firmware_sim.world.report import card_fields, scorecard_tables
from firmware_sim.world.scorecard import Scorecard, score
from firmware_sim.world.world import World, make_world

_console = Console()
_errors = Console(stderr=True)
_S_PER_H: Final = 3600.0
_S_PER_DAY: Final = 86_400.0
# The hub decides some seconds after the last message: its settle time, a look a second, its tasks.
_AFTERMATH_S: Final = 20.0
_KNOWN_WITHIN_S: Final = 90.0
_PROBE_S: Final = 1.0
_FORMATS: Final = (Shape.OURS, Shape.ZIGBEE2MQTT, Shape.HOME_ASSISTANT)

TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token", envvar="YUYUE_SIM_HUB_TOKEN",
        help="An API token of the hub, with: " + ", ".join(PERMISSIONS) + ".",
    ),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Order:
    scenario: Scenario
    seed: int
    from_s: float
    for_s: float
    formats: tuple[Shape, ...]
    adapters: tuple[str, ...]
    prefix: str
    mqtt: MqttSettings
    state_dir: Path
    out: Path | None


def live(
    name: Annotated[
        str, typer.Argument(help="One of `yuyue sim scenarios`, or a .toml file of your own.")
    ],
    *,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same world.")] = 1,
    speed: Annotated[
        int, typer.Option(help="Only 1: the hub's rules count seconds of its own clock.")
    ] = 1,
    from_h: Annotated[
        float, typer.Option(min=0.0, help="Begin at this hour of the scenario, not at its start.")
    ] = 0.0,
    for_min: Annotated[
        float | None, typer.Option(min=0.1, help="Play so many minutes; else to its end.")
    ] = None,
    formats: Annotated[
        str, typer.Option(help="Shapes the devices may have; others speak ours.")
    ] = "ours,zigbee2mqtt,homeassistant",
    bluez: Annotated[
        str,
        typer.Option(help="Adapters such as hci1,hci2: so many devices are on the air instead."),
    ] = "",
    prefix: Annotated[
        str, typer.Option(help="Before each device id, for a second world at the same hub.")
    ] = "",
    mqtt: Annotated[
        str, typer.Option(envvar="YUYUE_SIM_MQTT", help="HOST:PORT of the broker.")
    ] = "127.0.0.1:1883",
    mqtt_username: Annotated[str | None, typer.Option(envvar="YUYUE_SIM_MQTT_USERNAME")] = None,
    mqtt_password: Annotated[
        str | None,
        typer.Option(envvar="YUYUE_SIM_MQTT_PASSWORD", help="Better in the environment."),
    ] = None,
    key: SimulationKey = None,
    hub: Annotated[
        str | None,
        typer.Option(
            envvar="YUYUE_SIM_HUB",
            help="URL of the hub: the people are fitted in there, and its alerts are scored.",
        ),
    ] = None,
    token: TokenOption = None,
    state_dir: Annotated[
        Path, typer.Option(envvar="YUYUE_SIM_STATE_DIR", help="Memory of the wearables.")
    ] = Path("var/sim"),
    out: Annotated[
        Path | None, typer.Option(help="Folder for truth, devices, alerts and scorecard.")
    ] = None,
) -> None:
    """Send a scenario as real devices would, in real time, and score the alerts of the real hub.

    Everything is marked simulated at the source: no alert of it reaches a real phone.

    Example: yuyue sim live busy-night --from-h 2 --for-min 30 --hub http://127.0.0.1:8080
    """
    if speed != 1:
        _stop(
            "--speed: only 1. The hub's rules count seconds of its own clock (20 minutes out of "
            "bed, 90 s of silence), and messages from the future are refused: at another speed "
            "the scorecard would judge another world. Use --from-h to begin where it matters, or "
            "`yuyue sim run`, which is thousands of times faster."
        )
    if hub is not None and not token:
        _stop("--token: a hub is asked with an API token (YUYUE_SIM_HUB_TOKEN)")
    try:
        scenario = find_scenario(name)
        from_s = from_h * _S_PER_H
        left_s = scenario.duration_h * _S_PER_H - from_s
        if left_s <= 0.0:
            _stop(f"--from-h: the scenario lasts {scenario.duration_h:g} h")
        for_s = left_s if for_min is None else min(left_s, for_min * 60.0)
        order = _Order(
            scenario, seed, from_s, for_s, _formats(formats),
            tuple(filter(None, bluez.split(","))), prefix,
            _broker(mqtt, mqtt_username, mqtt_password, key), state_dir, out,
        )  # fmt: skip
        logs_to_stderr()
        run_until_stopped(lambda: _perform(order, hub, token))
    except (ScenarioError, ShapeError, HubError, DeviceStateError, BrokerRefusedError) as error:
        _stop(str(error))
    except (DBusError, OSError) as error:
        _stop(f"--bluez: {error}")


async def _perform(order: _Order, url: str | None, token: str | None) -> None:
    clock = SystemClock()
    if url is not None and token is not None and order.mqtt.simulation_key is None:
        key = await asyncio.to_thread(_key_of, url, token)
        order = replace(order, mqtt=replace(order.mqtt, simulation_key=key))
    first, devices = _world(order, clock.now_ns())
    raw = {bed.device_id for bed in first.raw_beds}
    streaming = [
        d.hub_id
        for d in devices
        if (d.shape is Shape.OURS and (d.sensor.role == "wearable" or d.sensor.device_id in raw))
        or counts_records(d)
    ]
    with boot_counters(order.state_dir, streaming) as boot_id_of:
        voices = Voices(first, devices, boot_id_of)
        async with (
            Radios(devices, order.mqtt.simulation_key) as radios,
            Lines(order.mqtt, [line_of(d) for d in devices], clock) as lines,
        ):
            lines.take_air(radios)
            links = radios.links()
            try:
                await announce(lines, voices)
                if url is None or token is None:
                    _console.print(
                        "没有 --hub：设备要先在新设备里接受 without --hub, accept the devices first"
                    )
                    world, _, figures = await _play(order, clock, lines, boot_id_of)
                    _close(order, world, devices, None, figures)
                    return
                with Hub(url, token) as hub:
                    with _bar("入住 fitting in", len(first.residents)) as (bar, task):
                        elders = await asyncio.to_thread(
                            hub.install, devices, datetime.now(UTC),
                            lambda done: bar.update(task, completed=done), links,
                        )  # fmt: skip
                    await _until_known(hub, lines, devices, clock)
                    world, devices, figures = await _play(order, clock, lines, boot_id_of)
                    await clock.sleep(_AFTERMATH_S)
                    told = await asyncio.to_thread(hub.alerts, devices, elders)
                    _close(order, world, devices, told, figures)
            finally:
                await take_back(lines, voices)


def _key_of(url: str, token: str) -> bytes | None:
    with Hub(url, token) as hub:
        return hub.simulation_key()


def _world(order: _Order, now_ns: int) -> tuple[World, tuple[LiveDevice, ...]]:
    scenario = starting_now(order.scenario, order.from_s, now_ns)
    world = make_world(scenario, order.seed)
    devices = live_devices(world, order.formats, order.prefix)
    return world, on_air(devices, order.adapters)


async def _play(
    order: _Order, clock: SystemClock, lines: Lines, boot_id_of: Callable[[str], int]
) -> tuple[World, tuple[LiveDevice, ...], Figures]:
    """From this moment on: the world begins now."""
    world, devices = _world(order, clock.now_ns())
    if order.out is not None:
        _write(order.out, world, devices)
    voices = Voices(world, devices, boot_id_of)
    stage = Stage(order.from_s, order.from_s + order.for_s, boot_id_of)
    truth = [row for row in world.truth() if "incident" in row]
    with _bar("运行 running", order.for_s) as (bar, task):

        def sent(parcel: Parcel, figures: Figures) -> None:
            now_ns = world.start_ns + round(parcel.at_s * NS_PER_S)
            begun = sum(1 for row in truth if int(str(row["from_ns"])) <= now_ns)
            bar.update(
                task, completed=parcel.at_s - order.from_s,
                description=f"运行 running · {figures.messages:,} 条 messages · "
                f"{begun}/{len(truth)} 事件 incidents",
            )  # fmt: skip

        figures = await play(parcels(world, voices, stage), world.start_ns, lines, clock, sent)
        end_ns = world.start_ns + round((order.from_s + order.for_s) * NS_PER_S)
        await clock.sleep((end_ns - clock.now_ns()) / NS_PER_S)
    return world, devices, figures


async def _until_known(
    hub: Hub, lines: Lines, devices: tuple[LiveDevice, ...], clock: SystemClock
) -> None:
    """The gateway asks for its registry by itself; the last device fitted in comes last."""
    last = next((d for d in reversed(devices) if d.shape is Shape.OURS), None)
    if last is None:
        await clock.sleep(2 * _AFTERMATH_S)
        return
    deadline_s = clock.monotonic_s() + _KNOWN_WITHIN_S
    while await asyncio.to_thread(hub.last_data, last.hub_id) is None:
        if clock.monotonic_s() > deadline_s:
            raise HubError(f"the hub has heard nothing of {last.hub_id}: is its gateway running?")
        pack = senml({"battery_level": (clock.now_ns(), 90.0)})
        lines.send(line_of(last), readings_topic(last.hub_id), pack, retain=False)
        await clock.sleep(_PROBE_S)


def _close(
    order: _Order, world: World, devices: tuple[LiveDevice, ...], told: list[Told] | None,
    figures: Figures,
) -> None:  # fmt: skip
    until_s = order.from_s + order.for_s
    judged = played(world, order.from_s, until_s)
    _console.print(
        f"{figures.messages:,} 条消息 messages, {figures.acknowledged:,} 已确认 acknowledged, "
        f"{figures.dropped:,} 丢弃 dropped, {figures.waiting:,} 未送出 waiting; "
        f"最迟 latest {max(0.0, figures.latest_s):.2f} s"
    )
    if told is None:
        return
    from_ns, end_ns = (world.start_ns + round(at_s * NS_PER_S) for at_s in (order.from_s, until_s))
    person_days = len(world.residents) * order.for_s / _S_PER_DAY
    told = [one for one in told if one.event.decided_ns >= from_ns]
    card = replace(score(judged, told), person_days=person_days)
    for table in scorecard_tables(card):
        _console.print(table)
    alone = [one for one in listen(judged) if from_ns <= one.event.decided_ns <= end_ns]
    offline = replace(score(judged, alone), person_days=person_days)
    _console.print(beside(card, offline))
    if order.out is not None:
        _write_result(order.out, told, card, offline)
        _console.print(f"已写入 written to {order.out}")


def beside(hub: Scorecard, offline: Scorecard) -> Table:
    """What the hub found beside what the detectors find of the same world without a network.

    What neither found in time lies beyond the end of the run and says nothing of the hub.
    """
    table = Table(title="系统与离线检测对照 the hub beside the detectors alone")
    for title in ("kind", "发生 happened", "系统 hub", "离线 offline"):
        table.add_column(title, justify="left" if title == "kind" else "right")
    alone = {row.kind: row.found for row in offline.rows}
    for row in hub.rows:
        table.add_row(row.kind, str(row.happened), str(row.found), str(alone.get(row.kind, 0)))
    return table


def _write(folder: Path, world: World, devices: tuple[LiveDevice, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.jsonl").write_bytes(world.truth_bytes())
    lines = (
        {
            "device": d.sensor.device_id, "hub_id": d.hub_id, "shape": d.shape.value,
            "role": d.sensor.role.value, "room": d.sensor.room, "elder": d.resident.key,
            "place": d.resident.dwelling.label,
        }
        for d in devices
    )  # fmt: skip
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "devices.jsonl").write_text(text, encoding="utf-8")


def _write_result(folder: Path, told: list[Told], card: Scorecard, offline: Scorecard) -> None:
    alerts = (
        {
            "elder": one.elder, "code": one.event.kind.value, "device": one.event.device_id,
            "happened_ns": one.event.time_ns, "raised_ns": one.event.decided_ns,
        }
        for one in told
    )  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in alerts)
    (folder / "alerts.jsonl").write_text(text, encoding="utf-8")
    result = {
        "hub": card_fields(card), "offline": card_fields(offline),
        "written_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip
    (folder / "scorecard.json").write_text(json.dumps(result, indent=2), encoding="utf-8")


def _formats(stated: str) -> tuple[Shape, ...]:
    names = [name.strip() for name in stated.split(",") if name.strip()]
    unknown = sorted(set(names) - {shape.value for shape in _FORMATS})
    if unknown:
        _stop(f"--formats: {unknown[0]!r} is none of {', '.join(_FORMATS)}")
    return tuple(Shape(name) for name in names)


def _broker(
    stated: str, username: str | None, password: str | None, key: bytes | None
) -> MqttSettings:
    host, _, port = stated.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        _stop(f"--mqtt: {stated!r} is not HOST:PORT")
    return MqttSettings(host.strip("[]"), int(port), username, password, key)


@contextmanager
def _bar(what: str, total: float) -> Iterator[tuple[Progress, TaskID]]:
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(), console=_errors, disable=not _errors.is_terminal,
    )  # fmt: skip
    with progress:
        yield progress, progress.add_task(what, total=total)


def _stop(message: str) -> NoReturn:
    _errors.print(message, style="red", markup=False)
    raise typer.Exit(2)
