"""`yuyue sim`: devices and people who do not exist, over real MQTT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, NoReturn

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from edge.signals import Position
from firmware_sim.clock import SystemClock
from firmware_sim.devices.recordings import Recording, RecordingError, Recordings, data_dir
from firmware_sim.devices.wearable import DeviceStateError
from firmware_sim.district.cli import district
from firmware_sim.fleet.cli import fleet
from firmware_sim.home import Home, HomeError, Journal, plan_falls, read_inhabitants
from firmware_sim.key import SimulationKey
from firmware_sim.live.cli import live
from firmware_sim.people.day import living
from firmware_sim.people.falls import Aftermath, FallKind
from firmware_sim.people.wearer import Wearer
from firmware_sim.runner import ArraySource, rest_after
from firmware_sim.session import (
    Device,
    Sent,
    Surroundings,
    logs_to_stderr,
    on_command,
    progress_bars,
    run_devices,
    run_until_stopped,
)
from firmware_sim.transports.mqtt import BrokerRefusedError, MqttSettings, waveform_topic
from firmware_sim.world import cli as world_cli

app = typer.Typer(
    help="Simulated devices and people, over real MQTT. Everything they send is marked simulated.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("scenarios")(world_cli.scenarios)
app.command("run")(world_cli.run)
app.command("what-if")(world_cli.what_if_command)
app.command("fleet")(fleet)
app.command("live")(live)
app.command("district")(district)
_console = Console()
_errors = Console(stderr=True)

_LIST_LIMIT: Final = 40

MqttHost = Annotated[
    str, typer.Option("--mqtt-host", envvar="YUYUE_SIM_MQTT_HOST", help="The broker.")
]
MqttPort = Annotated[
    int, typer.Option("--mqtt-port", envvar="YUYUE_SIM_MQTT_PORT", min=1, max=65535)
]
MqttUsername = Annotated[
    str | None, typer.Option("--mqtt-username", envvar="YUYUE_SIM_MQTT_USERNAME")
]
MqttPassword = Annotated[
    str | None,
    typer.Option(
        envvar="YUYUE_SIM_MQTT_PASSWORD",
        help="Better in the environment: a command line can be read by others.",
    ),
]
StateDir = Annotated[
    Path,
    typer.Option(
        envvar="YUYUE_SIM_STATE_DIR",
        help="The devices' memory (boot counters). Keep it: a counter that goes back is refused.",
    ),
]
DeviceId = Annotated[str, typer.Option(help="1 to 64 of A-Z a-z 0-9 _ . : -")]
Drill = Annotated[bool, typer.Option("--drill", help="Mark as a drill too.")]
CancelAfter = Annotated[
    float | None,
    typer.Option(
        "--cancel-after-s", min=0.0, help="The wearer presses cancel so long after the impact."
    ),
]
Speed = Annotated[
    float,
    typer.Option(
        min=0.01,
        max=10_000.0,
        help="Times real pace. Above 1 the device's clock starts in the past, so that it ends "
        "about now and nothing is ever sent from the future. Use a device that has sent nothing "
        "since that start: what is older than what it sent before is ignored.",
    ),
]


@dataclass(frozen=True, slots=True)
class _Mqtt:
    host: str
    port: int
    username: str | None
    password: str | None
    key: bytes | None
    state_dir: Path

    def surroundings(self, speed: float) -> Surroundings:
        settings = MqttSettings(self.host, self.port, self.username, self.password, self.key)
        return Surroundings(settings, self.state_dir, SystemClock(), speed)


@app.command()
def replay(
    *,
    recording: Annotated[
        list[str] | None,
        typer.Option(help="Id of a recording; several are joined without a jump in time."),
    ] = None,
    recordings_file: Annotated[
        Path | None, typer.Option(help="A file with one id a line, joined after those.")
    ] = None,
    device_id: DeviceId = "wearable-0001",
    speed: Speed = 1.0,
    hold_s: Annotated[
        float,
        typer.Option(min=0.0, help="Then stay in the last posture so long (synthetic stillness)."),
    ] = 0.0,
    cancel_after_s: CancelAfter = None,
    drill: Drill = False,
    show_list: Annotated[
        bool, typer.Option("--list", help="Only list what matches the next three.")
    ] = False,
    dataset: Annotated[str | None, typer.Option(help="For --list.")] = None,
    position: Annotated[Position | None, typer.Option(help="For --list.")] = None,
    falls: Annotated[
        bool | None, typer.Option("--falls/--adl", help="For --list: falls, or daily life.")
    ] = None,
    mqtt_host: MqttHost = "127.0.0.1",
    mqtt_port: MqttPort = 1883,
    mqtt_username: MqttUsername = None,
    mqtt_password: MqttPassword = None,
    key: SimulationKey = None,
    state_dir: StateDir = Path("var/sim"),
) -> None:
    """Send real recordings through MQTT, at real pace or faster.

    Example: yuyue sim replay --recording sisfall/SA01/F01/R01/waist --device-id wearable-0001
    """
    try:
        known = Recordings(data_dir())
        if show_list:
            _show(list(known.find(dataset=dataset, position=position, is_fall=falls)))
            return
        chosen = [known.get(rec_id) for rec_id in _ids(recording or [], recordings_file)]
        device = _replay_device(known, chosen, device_id, hold_s)
        device.cancels_s = _cancels_s(chosen, cancel_after_s)
    except RecordingError as error:
        _stop(error)
    device.drill = drill
    mqtt = _Mqtt(mqtt_host, mqtt_port, mqtt_username, mqtt_password, key, state_dir)
    _run([device], mqtt.surroundings(speed))


@app.command()
def wearable(
    *,
    device_id: DeviceId = "wearable-0001",
    position: Annotated[Position, typer.Option(help="Where it is worn.")] = Position.WAIST,
    seed: Annotated[int, typer.Option(min=0, help="Another person, another day.")] = 1,
    fall_after_s: Annotated[
        float | None, typer.Option(min=0.0, help="Fall so many seconds after the start.")
    ] = None,
    fall_kind: Annotated[FallKind, typer.Option(help="How to go down.")] = FallKind.SIDEWAYS,
    after_fall: Annotated[Aftermath, typer.Option(help="What then.")] = Aftermath.STILL,
    down_s: Annotated[float, typer.Option(min=1.0, help="How long what follows lasts.")] = 120.0,
    cancel_after_s: CancelAfter = None,
    for_s: Annotated[
        float | None, typer.Option(min=1.0, help="Stop after so much of the wearer's time.")
    ] = None,
    rate_hz: Annotated[float, typer.Option(min=20.0, max=200.0)] = 50.0,
    full_scale_g: Annotated[float, typer.Option(min=2.0, max=16.0, help="Sensor range.")] = 8.0,
    start_hour: Annotated[
        float, typer.Option(min=0.0, max=24.0, help="Hour of the day lived.")
    ] = 9.0,
    speed: Speed = 1.0,
    drill: Drill = False,
    mqtt_host: MqttHost = "127.0.0.1",
    mqtt_port: MqttPort = 1883,
    mqtt_username: MqttUsername = None,
    mqtt_password: MqttPassword = None,
    key: SimulationKey = None,
    state_dir: StateDir = Path("var/sim"),
) -> None:
    """A synthetic wearer living an ordinary day; falls on command: press Enter, or send SIGUSR1.

    Example: yuyue sim wearable --device-id wearable-0001 --position waist --fall-after-s 20
    """
    wearer = Wearer(seed, position, rate_hz, living(start_hour))
    cancels_s: list[float] = []

    def fall() -> None:
        impact_s = wearer.fall(fall_kind, after_fall, down_s) / rate_hz
        if cancel_after_s is not None:
            cancels_s.append(impact_s + cancel_after_s)

    control = _FallControl(wearer, fall_after_s, fall)
    device = Device(
        device_id=device_id,
        source=wearer,
        full_scale_g=full_scale_g,
        duration_s=for_s,
        label=position.value,
        drill=drill,
        before_block=control.before_block,
        cancels_s=cancels_s,
    )
    mqtt = _Mqtt(mqtt_host, mqtt_port, mqtt_username, mqtt_password, key, state_dir)
    _console.print(f"{device_id} ({position}): Enter or SIGUSR1 makes the wearer fall, Ctrl-C ends")
    _run([device], mqtt.surroundings(speed), on_fall=control.ask)


@app.command()
def home(
    *,
    seed_file: Annotated[
        Path | None, typer.Option(help="What `yuyue cloud seed-demo --out` wrote.")
    ] = None,
    first_fall_s: Annotated[float, typer.Option(min=0.0, help="One person falls then.")] = 20.0,
    second_fall_s: Annotated[
        float, typer.Option(min=0.0, help="Another falls then; 0: nobody else.")
    ] = 150.0,
    leave_out: Annotated[
        list[str] | None, typer.Option(help="A device that stays free, for your own hand.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Other people, another day.")] = 11,
    journal: Annotated[
        Path | None, typer.Option(help="Write the true time of each fall here (JSON lines).")
    ] = None,
    mqtt_host: MqttHost = "127.0.0.1",
    mqtt_port: MqttPort = 1883,
    mqtt_username: MqttUsername = None,
    mqtt_password: MqttPassword = None,
    key: SimulationKey = None,
    state_dir: StateDir = Path("var/sim"),
) -> None:
    """A small home: several synthetic people live at real pace; two of them fall.

    Press Enter, or send SIGUSR1, and somebody else falls.

    Example: yuyue sim home --seed-file var/demo/seed.json --first-fall-s 20
    """
    try:
        people = read_inhabitants(seed_file, leave_out or ())
    except HomeError as error:
        _stop(error)
    falls = plan_falls(people, first_fall_s, second_fall_s or None)
    everybody = Home(people, falls, seed, Journal(journal))
    mqtt = _Mqtt(mqtt_host, mqtt_port, mqtt_username, mqtt_password, key, state_dir)
    _run(everybody.devices(), mqtt.surroundings(1.0), on_fall=everybody.fall_next)


@app.command()
def broker(
    port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1.")] = 1883,
    username: Annotated[
        str, typer.Option(envvar="YUYUE_SIM_MQTT_USERNAME", help="The only user.")
    ] = "yuyue",
    password: Annotated[
        str, typer.Option(envvar="YUYUE_SIM_MQTT_PASSWORD", help="Its password.")
    ] = "",
) -> None:
    """The demo's own small broker on the loopback. Not for production: it forgets on restart.

    Example: YUYUE_SIM_MQTT_PASSWORD=... yuyue sim broker --port 1883
    """
    if not password:
        _stop("a broker needs a password: set YUYUE_SIM_MQTT_PASSWORD")
    try:
        from firmware_sim.demo.broker import serve  # noqa: PLC0415  amqtt is an extra
    except ImportError as error:
        _stop(f"{error.name} is missing: pip install 'yuyue-care-hub[demo]'")
    run_until_stopped(lambda: serve(port, username, password))


class _FallControl:
    """Makes the wearer fall at a planned time and whenever someone asks."""

    def __init__(self, wearer: Wearer, at_s: float | None, fall: Callable[[], None]) -> None:
        self._wearer = wearer
        self._at_s = at_s
        self._fall = fall
        self._asked = False

    def ask(self) -> None:
        """Fall with the next block."""
        self._asked = True
        _console.print("falling 跌倒")

    def before_block(self) -> None:
        """Begin a fall that is due."""
        now_s = self._wearer.samples_n / self._wearer.rate_hz
        if self._at_s is not None and now_s >= self._at_s:
            self._at_s = None
            self._asked = True
        if self._asked:
            self._asked = False
            self._fall()


def _ids(given: list[str], file: Path | None) -> list[str]:
    if file is None:
        return given
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RecordingError(f"{file}: {error.strerror}") from error
    return given + [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _replay_device(
    known: Recordings, chosen: list[Recording], device_id: str, hold_s: float
) -> Device:
    if not chosen:
        raise RecordingError("which recording? --recording ID; --list shows them")
    if len({recording.position for recording in chosen}) > 1:
        raise RecordingError("recordings of different body positions cannot be one device")
    rate_hz = chosen[0].rate_hz
    samples_g = known.joined_g(chosen, rate_hz)
    if hold_s > 0.0:
        rest = rest_after(samples_g, rate_hz, hold_s, seed=0)
        samples_g = np.concatenate([samples_g, rest])
    source = ArraySource(samples_g, rate_hz)
    return Device(
        device_id=device_id,
        source=source,
        full_scale_g=max(recording.full_scale_g for recording in chosen),
        duration_s=source.duration_s,
        label=chosen[0].rec_id if len(chosen) == 1 else f"{len(chosen)} recordings",
    )


def _cancels_s(chosen: list[Recording], after_s: float | None) -> list[float]:
    """When the wearer of joined recordings presses cancel: after each impact."""
    out, start_s = [], 0.0
    for recording in chosen:
        if after_s is not None and recording.impact_s is not None:
            out.append(start_s + recording.impact_s + after_s)
        start_s += recording.duration_s
    return out


def _show(found: list[Recording]) -> None:
    table = Table("id", "s", "Hz", "range g", "impact s")
    for recording in found[:_LIST_LIMIT]:
        table.add_row(
            recording.rec_id,
            f"{recording.duration_s:.1f}",
            f"{recording.rate_hz:g}",
            f"{recording.full_scale_g:g}",
            "" if recording.impact_s is None else f"{recording.impact_s:.1f}",
        )
    _console.print(table)
    hours = sum(recording.duration_s for recording in found) / 3600.0
    _console.print(f"{len(found)} recordings, {hours:.1f} h; the first {_LIST_LIMIT} are shown")


def _run(
    devices: list[Device], around: Surroundings, on_fall: Callable[[], None] | None = None
) -> None:
    logs_to_stderr()
    if around.speed > 1.0 and any(device.duration_s is None for device in devices):
        _stop("a speed above 1 needs an end: say for how long with --for-s")
    try:
        for device in devices:
            waveform_topic(device.device_id)
        sent = run_until_stopped(lambda: _session(devices, around, on_fall))
    except ValueError as error:
        _stop(error)
    except ExceptionGroup as group:
        expected, unexpected = group.split((BrokerRefusedError, DeviceStateError))
        if expected is None or unexpected is not None:
            raise
        _stop(expected.exceptions[0])
    if sent is not None:
        for result in sent:
            _report(result)


async def _session(
    devices: list[Device], around: Surroundings, on_fall: Callable[[], None] | None
) -> list[Sent]:
    with progress_bars(_console) as progress:
        if on_fall is None:
            return await run_devices(devices, around, progress)
        with on_command(on_fall):
            return await run_devices(devices, around, progress)


def _report(sent: Sent) -> None:
    text = f"{sent.device_id}: {sent.acknowledged} blocks acknowledged by the broker"
    if sent.dropped:
        text += f", {sent.dropped} dropped (memory full)"
    _console.print(text)
    if sent.waiting:
        _stop(f"{sent.device_id}: {sent.waiting} blocks could not be sent: the broker is away")


def _stop(why: object) -> NoReturn:
    _errors.print(f"[bold red]error[/]: {why}", highlight=False)
    raise typer.Exit(1)
