"""`yuyue gateway ...`: run it, and look at it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn

import structlog
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.engine import Engine, default_detectors
from edge.signals import NS_PER_S
from edge.wire import Lane
from gateway.clock import SystemClock
from gateway.cloud_client import CallError
from gateway.doctor import Check, Level, examine
from gateway.enrolment import enrol
from gateway.health_server import HealthServer
from gateway.identity import IdentityError, load_identity
from gateway.local_alarm.pin import new_pin, pin_path, save_pin
from gateway.metrics import Metrics
from gateway.outbox import OutboxError
from gateway.outbox.status import OutboxStatus, read_status
from gateway.registry import Registry, RegistryError
from gateway.runtime import Gateway
from gateway.settings import MIN_PIN_CHARS, PREFIX, Settings, SettingsError, load_settings

app = typer.Typer(help="The gateway beside the sensors.", no_args_is_help=True)

_EXIT_BAD_SETTINGS: Final = 2


@app.command()
def run(
    verbose: Annotated[bool, typer.Option(help="Log details for debugging too.")] = False,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C: as enrolled, or by YUYUE_GATEWAY_* variables.

    Example:

        yuyue gateway run
    """
    _configure_logs(logging.DEBUG if verbose else logging.INFO)
    try:
        settings = load_settings()
    except SettingsError as error:
        _fail(str(error))
    try:
        asyncio.run(_run(settings))
    except OutboxError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"metrics port {settings.metrics_port}: {error}")


DataDir = Annotated[
    Path, typer.Option(envvar=f"{PREFIX}DATA_DIR", help="Directory of the outbox and all files.")
]


@app.command()
def enroll(
    cloud: Annotated[str, typer.Option(help="Address of the cloud, https://...")],
    code: Annotated[str, typer.Option(help="The one-time code the operator was shown.")],
    data_dir: DataDir = Path("var/gateway"),
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificate authority of the cloud, when a private one.")
    ] = None,
    again: Annotated[bool, typer.Option(help="Replace the identity this machine has.")] = False,
) -> None:
    """Become a gateway of the cloud: fetches identity, settings and registry, mode 0600.

    Example:

        yuyue gateway enroll --cloud https://hub.example.org --code ABCD-EFGH-JKLM
    """
    try:
        present = load_identity(data_dir)
    except IdentityError:
        present = None
    if present is not None and not again:
        _fail(f"this machine is {present.name!r} already; --again replaces that")
    if not cloud.startswith(("https://", "http://")):
        _fail("--cloud: must start with https:// (or http:// inside one machine)")
    try:
        identity = asyncio.run(enrol(cloud.rstrip("/"), code, data_dir, ca_file))
    except CallError as error:
        _fail(f"the cloud did not take it: {error.detail or error.reason}")
    except OSError as error:
        _fail(f"{data_dir} cannot be written: {error}; make a new code and try again")
    console = Console()
    console.print(f"登记完成 enrolled: {identity.name}, {identity.institution_name}")
    if not pin_path(data_dir).exists():
        _set_pin(data_dir, new_pin(), console)
    console.print("现在运行 now run: yuyue gateway run   检查 check: yuyue gateway doctor")


@app.command("local-pin")
def local_pin(
    data_dir: DataDir = Path("var/gateway"),
    pin: Annotated[str, typer.Option(help="The PIN; not given: a random one.")] = "",
) -> None:
    """Set the PIN of the local alarm page anew; everybody there logs in again. Restart to apply.

    Example:

        yuyue gateway local-pin --data-dir var/gateway
    """
    if pin and len(pin) < MIN_PIN_CHARS:
        _fail(f"--pin: at least {MIN_PIN_CHARS} characters")
    try:
        _set_pin(data_dir, pin or new_pin(), Console())
    except OSError as error:
        _fail(f"{data_dir} cannot be written: {error}")


def _set_pin(data_dir: Path, pin: str, console: Console) -> None:
    save_pin(data_dir, pin)
    console.print(f"本地报警页密码 PIN of the local alarm page: {pin}", soft_wrap=True)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Look at everything the gateway needs, and say what to do. Exit code 1: something fails.

    Example:

        yuyue gateway doctor --json
    """
    checks = asyncio.run(examine())
    if as_json:
        document = [
            {"name": c.name, "level": c.level.value, "found": c.found, "what_to_do": c.what_to_do}
            for c in checks
        ]
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    else:
        Console().print(_checks_table(checks))
    if any(check.level is Level.FAIL for check in checks):
        raise typer.Exit(1)


def _checks_table(checks: list[Check]) -> Table:
    colours = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
    table = Table(title="体检 doctor")
    for column in ("项目 check", "", "情况 found", "怎么办 what to do"):
        table.add_column(column)
    for check in checks:
        level = f"[{colours[check.level]}]{check.level.value}[/]"
        table.add_row(check.name, level, escape(check.found), escape(check.what_to_do))
    return table


@app.command()
def status(
    data_dir: DataDir = Path("var/gateway"),
) -> None:
    """Show what the outbox holds: lanes, refused frames, registry. Works beside a running gateway.

    Example:

        yuyue gateway status --data-dir var/gateway
    """
    registry = Registry(data_dir / "registry.json")
    try:
        outbox_status = read_status(data_dir / "outbox.sqlite3")
        registry.load()
    except (OutboxError, RegistryError) as error:
        _fail(str(error))
    console = Console()
    now_ns = SystemClock().now_ns()
    console.print(_lanes_table(outbox_status, now_ns))
    console.print(_rejected_table(outbox_status))
    document = registry.document
    if document is None:
        console.print("登记 registry: none yet; the sources stay closed until the cloud gives one")
    else:
        console.print(
            f"登记 registry: version {document.version}, {document.institution_name}, "
            f"{len(registry.assigned())} of {len(document.devices)} devices assigned"
        )


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    metrics = Metrics()
    log = structlog.get_logger(__name__)
    server = None
    gateway = Gateway(settings, Engine(default_detectors()), SystemClock(), metrics)
    if settings.metrics_port is not None:
        server = HealthServer(
            settings.metrics_host, settings.metrics_port, metrics.registry, gateway.health
        )
    log.info("starting", cloud=settings.cloud_url, broker=settings.mqtt_host)
    try:
        await gateway.run(stop)
    finally:
        if server is not None:
            server.close()


def _lanes_table(outbox_status: OutboxStatus, now_ns: int) -> Table:
    table = Table(title=f"发件箱 outbox {outbox_status.outbox_id}")
    for column in ("队列 lane", "待发 pending", "最早 oldest", "已确认 acknowledged through"):
        table.add_column(column, justify="left" if column.startswith("队列") else "right")
    for lane in Lane:
        state = outbox_status.lanes[lane]
        table.add_row(
            lane.value,
            f"{state.pending:,}",
            _age(state.oldest_stored_ns, now_ns),
            f"{outbox_status.acknowledged_through[lane]:,}",
        )
    return table


def _rejected_table(outbox_status: OutboxStatus) -> Table:
    table = Table(title="拒收 refused frames")
    table.add_column("原因 reason")
    table.add_column("次数 count", justify="right")
    for reason, n in sorted(outbox_status.rejected.items(), key=lambda item: -item[1]):
        table.add_row(reason, f"{n:,}")
    if not outbox_status.rejected:
        table.add_row("无 none", "0")
    return table


def _age(stored_ns: int | None, now_ns: int) -> str:
    if stored_ns is None:
        return "-"
    at = datetime.fromtimestamp(stored_ns / NS_PER_S, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}Z ({(now_ns - stored_ns) / NS_PER_S:,.0f} s)"


def _configure_logs(level: int) -> None:
    """To stderr: for people on a terminal, one JSON object a line otherwise."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    renderer = (
        structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if is_terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _fail(message: str) -> NoReturn:
    Console(stderr=True).print(message, style="red", highlight=False, markup=False)
    raise typer.Exit(_EXIT_BAD_SETTINGS)
