"""`yuyue cloud admit`, `indicators` and `rehearse`: oversight by hand."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import IntegrityError

from cloud.bureau.job import recount
from cloud.bureau.rehearsal import JOBS, DiaryError, Rehearsal, read_diary
from cloud.clock import SystemClock
from cloud.database import Database, libpq_arguments
from cloud.identity.models import Institution
from cloud.identity.permissions import Role
from cloud.identity.secrets import new_password
from cloud.identity.service import add_institution, add_user, institution_name
from cloud.private_file import write_private
from cloud.seed_care_map import add_neighbours
from cloud.server import ready_database
from cloud.settings import Environment, Settings

_out = Console()
_err = Console(stderr=True)
_DISTRICTS = (("500109", "北碚区"), ("500108", "南岸区"))


def register(
    app: typer.Typer, settings: Callable[[], Settings], fail: Callable[[str], NoReturn]
) -> None:
    """Add the commands; `settings` reads them, or ends with what is wrong."""
    _register_members(app, settings, fail)
    _register_numbers(app, settings, fail)


def _register_members(
    app: typer.Typer, settings: Callable[[], Settings], fail: Callable[[str], NoReturn]
) -> None:

    @app.command()
    def admit(
        bureau: Annotated[str, typer.Argument(help="Name of the bureau.")],
        institution: Annotated[str, typer.Argument(help="Name of the institution it counts.")],
        district_code: Annotated[str | None, typer.Option(help="Six digits.")] = None,
        district: Annotated[str, typer.Option(help="Name of the district.")] = "",
        events: Annotated[
            bool, typer.Option("--events", help="It may see times and kinds behind numbers.")
        ] = False,
    ) -> None:
        """Let a bureau count an institution. Only this command can: no request does.

        Example: yuyue cloud admit 某某区民政局 某某养老院 --district-code 500109 --district 北碚区
        """
        with ready_database(settings()) as ready:
            named = asyncio.run(_named(ready.connect()))
            for wanted in (bureau, institution):
                count = sum(name == wanted for name, _ in named)
                if count != 1:
                    fail(f"{wanted}: there are {count} of that name")
            ids = dict(named)
            with psycopg.connect(**libpq_arguments(ready.owner_url)) as connection:
                try:
                    connection.execute(
                        "SELECT admit_to_district(%s, %s, %s, %s, %s)",
                        [ids[bureau], ids[institution], district_code, district, events],
                    )
                except psycopg.errors.CheckViolation as error:
                    fail(str(error).splitlines()[0])
        _out.print(f"{bureau} counts {institution}")

    @app.command("seed-bureau")
    def seed_bureau(
        out: Annotated[Path | None, typer.Option(help="Write the login here (mode 600).")] = None,
    ) -> None:
        """Make a made-up bureau that counts every institution here, and neighbours for its map.

        Its login is shown once.

        Example: yuyue cloud seed-bureau --out var/bureau.json
        """
        held = settings()
        if held.environment is Environment.PRODUCTION:
            fail("YUYUE_CLOUD_ENVIRONMENT is production: no made-up bureau there")
        with ready_database(held) as ready:
            try:
                login, bureau_id, members = asyncio.run(_make_bureau(ready.connect()))
            except IntegrityError:
                fail("the made-up bureau is there already")
            with psycopg.connect(**libpq_arguments(ready.owner_url)) as connection:
                for number, member in enumerate(members):
                    connection.execute(
                        "SELECT admit_to_district(%s, %s, %s, %s, true)",
                        [bureau_id, member, *_DISTRICTS[number % len(_DISTRICTS)]],
                    )
            today = SystemClock().now()
            asyncio.run(_recount(ready.connect(), today - timedelta(days=62), today))
        if out is not None:
            write_private(out, login)
        _out.print(f"{login['username']} {login['password']}", soft_wrap=True)


def _register_numbers(
    app: typer.Typer, settings: Callable[[], Settings], fail: Callable[[str], NoReturn]
) -> None:
    @app.command()
    def indicators(
        first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
        last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"])],
    ) -> None:
        """Count the days anew, of every institution; twice changes nothing.

        Example: yuyue cloud indicators --from 2026-03-01 --to 2026-03-31
        """
        if last < first:
            fail("--to: must not be before --from")
        with ready_database(settings()) as ready:
            rows = asyncio.run(_recount(ready.connect(), first, last))
        _out.print(f"{rows} numbers counted")

    @app.command()
    def rehearse(
        diary: Annotated[Path, typer.Argument(help="Written by `yuyue sim district`.")],
        out: Annotated[Path, typer.Option(help="Where the figures go.")],
        jobs: Annotated[int, typer.Option(min=1, max=16, help="Houses at a time.")] = JOBS,
    ) -> None:
        """A made-up district lives its month, in a database of its own that is thrown away."""
        begin_s = time.monotonic()
        try:
            lines = read_diary(diary.read_text(encoding="utf-8"))
            figures, rows = _rehearse(settings(), lines, jobs)
        except (DiaryError, OSError) as error:
            fail(str(error))
        out.write_text(json.dumps(figures, ensure_ascii=False), encoding="utf-8")
        for table, count in rows.most_common():
            _out.print(f"{count:>9,} {table}")
        _out.print(
            f"{len(lines) - 1:,} happenings, {rows.total():,} rows, "
            f"{time.monotonic() - begin_s:,.0f} s with {jobs} processes"
        )


def _rehearse(
    held: Settings, lines: list[dict[str, Any]], jobs: int
) -> tuple[list[dict[str, Any]], Counter[str]]:
    bars = Progress(TextColumn("living"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                    console=_err)  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="yuyue-district-") as scratch:
        held.database_url, held.data_dir = "", Path(scratch)
        with ready_database(held) as ready, bars:
            bar = bars.add_task("living", total=len(lines) - 1)

            async def run() -> tuple[list[dict[str, Any]], Counter[str]]:
                database = ready.connect()
                try:
                    rehearsal = Rehearsal(database, held, jobs)
                    figures = await rehearsal.live(
                        lines, lambda done, _: bars.update(bar, completed=done)
                    )
                    return figures, rehearsal.rows
                finally:
                    await database.close()

            return asyncio.run(run())


async def _make_bureau(database: Database) -> tuple[dict[str, str], uuid.UUID, list[uuid.UUID]]:
    now, password = SystemClock().now(), new_password()
    await add_neighbours(database, now)
    members = []
    for institution_id in await database.institutions():
        async with database.tenant(institution_id) as scope:
            held = await scope.session.get_one(Institution, institution_id)
            if held.kind == "care":
                members.append(institution_id)
    async with database.transaction() as session:
        scope = await add_institution(session, "某某市民政局（示范）", now, kind="bureau")
        await add_user(
            scope, "ducha", "督查员", role=Role.DISTRICT_VIEWER, password=password, now=now
        )
    await database.close()
    return {"username": "ducha", "password": password}, scope.institution_id, members


async def _named(database: Database) -> list[tuple[str, uuid.UUID]]:
    """Every institution; a name may stand for several."""
    found = []
    for institution_id in await database.institutions():
        async with database.tenant(institution_id) as scope:
            found.append((await institution_name(scope), institution_id))
    await database.close()
    return found


async def _recount(database: Database, first: datetime, last: datetime) -> int:
    rows, now = 0, SystemClock().now()
    for institution_id in await database.institutions():
        async with database.tenant(institution_id) as scope:
            rows += await recount(scope, first.date(), last.date(), now)
    await database.close()
    return rows
