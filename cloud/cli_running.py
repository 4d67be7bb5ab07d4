"""`yuyue cloud backup | restore | move-series | rotate-keys`: what whoever runs the cloud needs."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, NoReturn

import psycopg
import typer
import uvicorn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from uvicorn.supervisors import Multiprocess

from cloud.backup import BackupError, Manifest, backup, manifest_path, restore
from cloud.clock import SystemClock
from cloud.database import Database
from cloud.migrate import NewerDatabaseError, migrate
from cloud.operations import SHARED_METRICS
from cloud.rotation import BATCH, Rotated, Rotation
from cloud.series.choose import StoreName, series_store
from cloud.series.move import Journal, Moved, MoveError, Mover
from cloud.server import ReadyDatabase, bare_database, ready_database
from cloud.settings import Settings
from cloud.worker import URL_VARIABLE

# A worker that does not answer its parent for so long is ended and replaced. On a busy machine
# one takes more than uvicorn's five seconds to start.
_HUNG_S: Final = 30
_out = Console()


def install(
    app: typer.Typer, read_settings: Callable[[], Settings], fail: Callable[[str], NoReturn]
) -> None:
    """Add the commands."""

    @app.command("backup")
    def backup_command(
        path: Annotated[Path, typer.Argument(help="Where the dump goes; FILE.json beside it.")],
    ) -> None:
        """Dump the whole database, while it serves, with a proof of what is in it.

        Example: yuyue cloud backup /var/backups/yuyue-2026-03-01.dump
        """
        with bare_database(read_settings()) as bare, _bar() as bar:
            task = bar.add_task("dump", total=None)
            try:
                clock = SystemClock()
                manifest = backup(
                    bare.admin, path, clock, lambda w: bar.update(task, description=w)
                )
            except (BackupError, psycopg.Error, OSError) as error:
                fail(f"backup: {error}")
        _tell(manifest)
        _out.print(f"{path}, {manifest_path(path).name}", soft_wrap=True)

    @app.command("restore")
    def restore_command(
        path: Annotated[Path, typer.Argument(help="A dump made by backup.", exists=True)],
    ) -> None:
        """Fill an empty database from a dump, compare it, and bring it to this version.

        Example: YUYUE_CLOUD_DATA_DIR=var/restored yuyue cloud restore yuyue-2026-03-01.dump
        """
        with bare_database(read_settings()) as bare, _bar() as bar:
            task = bar.add_task("restore", total=None)
            try:
                owner = str(bare.owner.username)
                manifest = restore(
                    bare.admin, owner, path, lambda w: bar.update(task, description=w)
                )
                revision = migrate(bare.owner)
            except (BackupError, NewerDatabaseError, psycopg.Error, OSError) as error:
                fail(f"restore: {error}")
        _tell(manifest)
        _out.print(f"the same as was backed up; database is at revision {revision}")

    @app.command("move-series")
    def move_series_command(
        source: Annotated[StoreName, typer.Option("--from", help="Store to read.")],
        target: Annotated[StoreName, typer.Option("--to", help="Store to fill.")],
    ) -> None:
        """Copy time series from one store to the other; run again, it goes on where it ended.

        Run it while the cloud serves, stop the cloud, run it once more for what came meanwhile,
        set YUYUE_CLOUD_SERIES_STORE, start. Nothing is deleted from the source.

        Example: yuyue cloud move-series --from postgres --to influxdb
        """
        settings = read_settings()
        if source == target:
            fail("--to: must be another store than --from")
        if not (settings.influxdb_url and settings.influxdb_token.get_secret_value()):
            fail("YUYUE_CLOUD_INFLUXDB_URL, YUYUE_CLOUD_INFLUXDB_TOKEN: needed for InfluxDB")
        journal = Journal(settings.data_dir / f"move-series-{source}-{target}.jsonl")
        journal.load()

        async def run(database: Database) -> Moved:
            stores = [series_store(settings, database, name) for name in (source, target)]
            try:
                for store in stores:
                    await store.ready()
                with _bar() as bar:
                    task = bar.add_task("days", total=None)
                    return await Mover(database, stores[0], stores[1], journal).move(
                        SystemClock().now_ns(),
                        lambda done, total: bar.update(task, completed=done, total=total),
                    )
            finally:
                for store in stores:
                    await store.close()
                await database.close()

        with ready_database(settings) as ready:
            try:
                moved = asyncio.run(run(ready.connect()))
            except MoveError as error:
                fail(f"move-series: {error}")
        _out.print(
            f"moved and compared: {moved.readings:,} readings of {moved.days:,} days, "
            f"{moved.summaries:,} summaries; {moved.skipped:,} days were there already, "
            f"{moved.expired:,} are older than {target} keeps"
        )

    _install_rotation(app, read_settings, fail)


def _install_rotation(
    app: typer.Typer, read_settings: Callable[[], Settings], fail: Callable[[str], NoReturn]
) -> None:
    @app.command("rotate-keys")
    def rotate_keys_command(
        check: Annotated[bool, typer.Option("--check", help="Only count what is left.")] = False,
        batch: Annotated[int, typer.Option(min=1, max=10_000, help="Rows a transaction.")] = BATCH,
    ) -> None:
        """Seal anew, with the first key of YUYUE_CLOUD_DATA_KEYS, all that an older key sealed.

        Runs while the cloud serves, once all workers have both keys; run again, it goes on where
        it ended. When nothing is left the older key may go.

        Example: yuyue cloud rotate-keys
        """
        settings = read_settings()

        async def run(database: Database) -> tuple[Rotated, dict[str, int]]:
            rotation = Rotation(database, settings.keyring, batch)
            try:
                await database.check()
                rotated = Rotated()
                if not check:
                    with _bar() as bar:
                        task = bar.add_task("keys", total=None)
                        rotated = await rotation.run(
                            lambda what, done, total: bar.update(
                                task, description=what, completed=done, total=total
                            )
                        )
                return rotated, await rotation.count()
            finally:
                await database.close()

        with ready_database(settings) as ready:
            rotated, left = asyncio.run(run(ready.connect()))
        _out.print(f"sealed anew with key {settings.keyring.current_id}: {rotated.sealed:,}")
        for what, why in rotated.left:
            _out.print(f"left as it was: {what}: {why}", style="red", soft_wrap=True)
        for name, count in left.items():
            if count:
                _out.print(f"not current: {name}: {count:,}")
        if any(left.values()):
            fail("something is left: keep the older keys")
        _out.print("nothing is left that needs an older key")


def serve_workers(settings: Settings, ready: ReadyDatabase, shutdown_s: int) -> None:
    """Several processes on one socket; one that dies is started again."""
    config = uvicorn.Config(
        "cloud.worker:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=shutdown_s,
        timeout_worker_healthcheck=_HUNG_S,
        lifespan="on",
    )
    os.environ[URL_VARIABLE] = ready.app_url.render_as_string(hide_password=False)
    with tempfile.TemporaryDirectory(prefix="yuyue-metrics-") as shared:
        os.environ[SHARED_METRICS] = shared
        listening = config.bind_socket()
        Multiprocess(config, sockets=[listening]).run()


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=_out, transient=True)


def _tell(manifest: Manifest) -> None:
    rows = sum(table.rows for table in manifest.tables.values())
    _out.print(
        f"{len(manifest.tables)} tables, {rows:,} rows, revision {manifest.revision}, "
        f"taken {manifest.taken_at}"
    )
