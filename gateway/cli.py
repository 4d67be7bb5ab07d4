"""`yuyue gateway ...`: run it, and look at it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn

import structlog
import typer
from prometheus_client import start_http_server
from rich.console import Console
from rich.table import Table

from edge.engine import Engine, default_detectors
from edge.signals import NS_PER_S
from edge.wire import Lane
from gateway.clock import SystemClock
from gateway.metrics import Metrics
from gateway.outbox import OutboxError
from gateway.outbox.status import OutboxStatus, read_status
from gateway.registry import Registry, RegistryError
from gateway.runtime import Gateway
from gateway.settings import PREFIX, Settings, SettingsError, load_settings

app = typer.Typer(help="The gateway beside the sensors.", no_args_is_help=True)

_EXIT_BAD_SETTINGS: Final = 2


@app.command()
def run(
    verbose: Annotated[bool, typer.Option(help="Log details for debugging too.")] = False,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C. Settings come from YUYUE_GATEWAY_* variables.

    Example:

        YUYUE_GATEWAY_CLOUD_URL=https://hub.example.org YUYUE_GATEWAY_TOKEN=... yuyue gateway run
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


@app.command()
def status(
    data_dir: Annotated[
        Path,
        typer.Option(envvar=f"{PREFIX}DATA_DIR", help="Directory of the outbox."),
    ] = Path("var/gateway"),
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
    if settings.metrics_port is not None:
        server, thread = start_http_server(
            settings.metrics_port, settings.metrics_host, registry=metrics.registry
        )
    gateway = Gateway(settings, Engine(default_detectors()), SystemClock(), metrics)
    log.info("starting", cloud=settings.cloud_url, broker=settings.mqtt_host)
    try:
        await gateway.run(stop)
    finally:
        if server is not None:
            server.shutdown()
            server.server_close()
            thread.join()


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
