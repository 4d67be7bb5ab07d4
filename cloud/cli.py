"""`yuyue cloud ...`: serve, migrate, and what an operator makes by hand."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

import structlog
import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import IntegrityError

from cloud import cli_running
from cloud.app import create_lasting_app, openapi_document
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.bureau import cli as bureau_cli
from cloud.clock import SystemClock
from cloud.crypto import Keyring, new_key
from cloud.database import Database, TenantScope
from cloud.devices.enrolment import issue_code
from cloud.devices.service import add_gateway, find_gateway, issue_gateway_token
from cloud.devices.simulation_key import simulation_key
from cloud.identity.permissions import Role
from cloud.identity.secrets import new_password
from cloud.identity.service import add_institution, add_user, institution_name
from cloud.logs import set_up_logs
from cloud.migrate import NewerDatabaseError
from cloud.private_file import write_private
from cloud.seed_demo import seed_demo as make_demo
from cloud.seed_house import seed_house
from cloud.series.choose import series_store
from cloud.server import ready_database
from cloud.settings import Environment, Settings

# Screens are told to come back; what takes longer than this to end is ended.
SHUTDOWN_S: Final = 5

app = typer.Typer(help="渝悦云端: the cloud of the hub.", no_args_is_help=True)
_out = Console()
_err = Console(stderr=True)
Result = TypeVar("Result")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0: any free one.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes behind it.")] = None,
) -> None:
    """Migrate, then serve the API and the web.

    Example: YUYUE_CLOUD_PORT=8080 yuyue cloud serve
    """
    settings = _settings()
    if host is not None:
        settings.host = host
    if port is not None:
        settings.port = port
    if workers is not None:
        settings.workers = workers
    set_up_logs()
    try:
        with ready_database(settings) as ready:
            log = structlog.get_logger("cloud")
            log.info("database_ready", revision=ready.revision)
            if settings.workers > 1:
                cli_running.serve_workers(settings, ready, SHUTDOWN_S)
                log.info("stopped")
                return
            config = uvicorn.Config(
                create_lasting_app(settings, ready.connect()),
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_S,
                lifespan="on",
            )
            # uvicorn ends in order and then raises the signal again, for the handler it found:
            # without ours the process would be gone before the database is released.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: None)
            server = uvicorn.Server(config)
            server.run()
            if not server.started:
                _fail("the cloud did not start; the reason stands above")
            log.info("stopped")
    except NewerDatabaseError as error:
        _fail(str(error))


@app.command()
def migrate() -> None:
    """Bring the database to this version (serve does it too).

    Example: YUYUE_CLOUD_DATABASE_URL=postgresql://yuyue@db/yuyue yuyue cloud migrate
    """
    try:
        with ready_database(_settings()) as ready:
            _out.print(f"database is at revision {ready.revision}")
    except NewerDatabaseError as error:
        _fail(str(error))


@app.command("seed-demo")
def seed_demo(
    out: Annotated[
        Path | None, typer.Option(help="Write logins, token and devices here (mode 600).")
    ] = None,
) -> None:
    """Make the demo's nursing home, or keep it. Passwords are random and shown once.

    Example: yuyue cloud seed-demo --out var/demo/seed.json
    """
    settings = _settings()
    if settings.environment is Environment.PRODUCTION:
        _fail("YUYUE_CLOUD_ENVIRONMENT is production: no demo data there")
    earlier = _read_json(out)
    document, fresh = _with_database(
        settings, lambda database: make_demo(database, SystemClock(), earlier, settings.keyring)
    )
    if out is not None:
        write_private(out, document)
    if fresh:
        _print_logins(document)
    else:
        _out.print(f"{document['institution']}: unchanged, its logins are in {out}")


@app.command("seed")
def seed(
    number: Annotated[int, typer.Option("--seed", help="The same seed, the same house.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the logins here (mode 600).")] = None,
) -> None:
    """Make a made-up institution of 60 beds and 12 home beds. Passwords are shown once.

    Example: yuyue cloud seed --seed 7 --out var/house.json
    """
    settings = _settings()
    if settings.environment is Environment.PRODUCTION:
        _fail("YUYUE_CLOUD_ENVIRONMENT is production: no made-up people there")
    document = _with_database(
        settings,
        lambda database: seed_house(
            database,
            settings.keyring,
            number,
            SystemClock().now(),
            series_store(settings, database),
        ),
    )
    if out is not None:
        write_private(out, document)
    _print_logins(document)


@app.command("add-institution")
def add_institution_command(
    name: Annotated[str, typer.Argument(help="Name of the institution.")],
    username: Annotated[str, typer.Option(help="User name of its first administrator.")],
    display_name: Annotated[str, typer.Option(help="Name of that person.")],
    organization: Annotated[
        str | None, typer.Option(help="The operator, if it has several institutions.")
    ] = None,
    bureau: Annotated[
        bool, typer.Option(help="A district bureau: sees counts, has no beds.")
    ] = False,
) -> None:
    """Make an institution and its first administrator, whose password is shown once.

    Example: yuyue cloud add-institution 某某养老院 --username guanli --display-name 管理员
    """
    password = new_password()

    async def work(database: Database) -> None:
        now = SystemClock().now()
        async with database.transaction() as session:
            kind: Literal["care", "bureau"] = "bureau" if bureau else "care"
            scope = await add_institution(session, name, now, organization=organization, kind=kind)
            await add_user(
                scope,
                username,
                display_name,
                role=Role.ADMIN,
                password=password,
                now=now,
                must_change_password=True,
            )

    _with_database(_settings(), work)
    _out.print(f"{name}: {username} {password}", soft_wrap=True)


@app.command("add-user")
def add_user_command(
    username: Annotated[str, typer.Argument(help="User name.")],
    display_name: Annotated[str, typer.Option(help="Name of the person.")],
    role: Annotated[Role, typer.Option(help="What they are there.")] = Role.DUTY,
    institution: Annotated[str, typer.Option(help="Institution, if there are several.")] = "",
) -> None:
    """Make a user, whose password is shown once.

    Example: yuyue cloud add-user zhiban3 --display-name 值班三
    """
    password = new_password()

    async def work(scope: TenantScope) -> None:
        now = SystemClock().now()
        await add_user(
            scope,
            username,
            display_name,
            role=role,
            password=password,
            now=now,
            must_change_password=True,
        )

    _in_institution(institution, work)
    _out.print(f"{username} {password}", soft_wrap=True)


@app.command("add-gateway")
def add_gateway_command(
    name: Annotated[str, typer.Argument(help="Name of the gateway, unique in its institution.")],
    institution: Annotated[str, typer.Option(help="Institution, if there are several.")] = "",
    code: Annotated[bool, typer.Option("--code", help="A one-time code for enrolment.")] = False,
) -> None:
    """Make a gateway, or renew the token of one; the token (or the code) is shown once.

    Example: yuyue cloud add-gateway 二楼网关 --code
    """

    async def work(scope: TenantScope) -> str:
        now = SystemClock().now()
        gateway = await find_gateway(scope, name) or await add_gateway(scope, name, now)
        if code:
            secret, _ = await issue_code(scope, gateway, None, now)
            return f"yuyue gateway enroll --code {secret} --cloud https://..."
        return f"YUYUE_GATEWAY_TOKEN={await issue_gateway_token(scope, gateway, now)}"

    _out.print(_in_institution(institution, work), soft_wrap=True)


@app.command("simulation-key")
def simulation_key_command(
    institution: Annotated[str, typer.Option(help="Institution, if there are several.")] = "",
) -> None:
    """The key that simulators tag their messages with; without it gateways refuse what they say.

    Example: export $(yuyue cloud simulation-key --institution 渝悦示范养老院)
    """
    keyring = _settings().keyring

    async def work(scope: TenantScope) -> str:
        now = SystemClock().now()
        key = await simulation_key(scope, keyring, now)
        audit.record(scope, audit.SYSTEM, Action.SIMULATION_KEY_READ, now)
        return f"YUYUE_SIM_KEY={key}"

    _out.print(_in_institution(institution, work), soft_wrap=True, highlight=False)


@app.command("new-key")
def new_key_command(
    key_id: Annotated[str, typer.Argument(help="Its id, letters and digits: the year, say.")],
) -> None:
    """Make a key for encrypted fields, to put in front of YUYUE_CLOUD_DATA_KEYS.

    Example: yuyue cloud new-key 2026
    """
    try:
        Keyring.parse(line := f"{key_id}:{new_key()}")
    except ValueError as error:
        _fail(str(error))
    _out.print(line, soft_wrap=True, highlight=False)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document; needs no database.

    Example: yuyue cloud openapi > cloud/web/openapi.json
    """
    sys.stdout.write(json.dumps(openapi_document(), ensure_ascii=False, indent=2) + "\n")


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        _fail("; ".join(_plain(item) for item in error.errors()))


def _plain(item: Any) -> str:
    where = "".join(f"YUYUE_CLOUD_{str(part).upper()}: " for part in item["loc"])
    return where + str(item["msg"]).removeprefix("Value error, ")


def _with_database(settings: Settings, work: Callable[[Database], Awaitable[Result]]) -> Result:
    async def run(database: Database) -> Result:
        try:
            await database.check()
            return await work(database)
        finally:
            await database.close()

    try:
        with ready_database(settings) as ready:
            return asyncio.run(run(ready.connect()))
    except NewerDatabaseError as error:
        _fail(str(error))
    except IntegrityError as error:
        _fail(f"already there: {str(error.orig).splitlines()[-1]}")


def _in_institution(name: str, work: Callable[[TenantScope], Awaitable[Result]]) -> Result:
    async def run(database: Database) -> Result:
        found = []
        for institution_id in await database.institutions():
            async with database.tenant(institution_id) as scope:
                if not name or await institution_name(scope) == name:
                    found.append(institution_id)
        if len(found) != 1:
            _fail(f"--institution: name one of {len(found)}" if found else "no such institution")
        async with database.tenant(found[0]) as scope:
            return await work(scope)

    return _with_database(_settings(), run)


def _read_json(path: Path | None) -> dict[str, Any] | None:
    if path is None or not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _print_logins(document: dict[str, Any]) -> None:
    table = Table(title=document["institution"])
    for column in ("user", "password", "name", "role"):
        table.add_column(column)
    for login in document["logins"]:
        table.add_row(login["username"], login["password"], login["name"], login["role"])
    _out.print(table)
    if "gateway" in document:
        _out.print(f"gateway token: {document['gateway']['token']}", soft_wrap=True)


def _fail(message: str) -> NoReturn:
    _err.print(message, style="red", soft_wrap=True, highlight=False)
    raise typer.Exit(1)


cli_running.install(app, _settings, _fail)
bureau_cli.register(app, _settings, _fail)
