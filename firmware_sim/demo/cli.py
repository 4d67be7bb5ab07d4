"""`yuyue demo`: broker, cloud, gateway and a simulated home, started, watched and ended together.

Cloud and gateway are processes of their own; nothing of them is imported here.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from firmware_sim.clock import Clock, SystemClock
from firmware_sim.demo.desk import Desk, DeskError
from firmware_sim.demo.plan import Plan
from firmware_sim.demo.screen import (
    Expectation,
    Welcome,
    alert_line,
    house_panel,
    true_fall_ns,
    welcome_panel,
)
from firmware_sim.demo.supervisor import (
    Child,
    ChildDiedError,
    NoFreePortError,
    Supervisor,
    free_port,
    stop_postgres_left_in,
)
from firmware_sim.home import HomeError, plan_falls, read_inhabitants
from firmware_sim.session import stop_signals

app = typer.Typer(add_completion=False)
_console = Console()
_errors = Console(stderr=True)

# The first start makes a database cluster; that takes some seconds on a small machine.
_CLOUD_START_S: Final = 120.0
_GATEWAY_START_S: Final = 45.0
_BROKER_START_S: Final = 30.0
_POLL_S: Final = 0.2


class DemoError(RuntimeError):
    """The demo cannot go on; the message says what to do."""


@app.command()
def demo(
    *,
    data_dir: Annotated[
        Path, typer.Option(help="Everything the demo keeps; a second start goes on with it.")
    ] = Path("var/demo"),
    port: Annotated[int, typer.Option(min=1024, help="Of the desk; taken: the next free.")] = 8080,
    mqtt_port: Annotated[int, typer.Option(min=1024, help="Likewise, of the broker.")] = 1883,
    first_fall_s: Annotated[float, typer.Option(min=5.0, help="Somebody falls then.")] = 20.0,
    second_fall_s: Annotated[
        float, typer.Option(min=0.0, help="Somebody else falls then; 0: nobody.")
    ] = 150.0,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="A device the home leaves free, to drive with `yuyue sim` by hand."),
    ] = None,
    house: Annotated[
        bool, typer.Option(help="Prepare a house of 60 beds and 12 home beds too, meanwhile.")
    ] = True,
) -> None:
    """Start broker, cloud, gateway and a simulated home; within a minute a fall is at the desk.

    Ctrl-C stops every process; the data stay for the next start.

    Example: yuyue demo --first-fall-s 10
    """
    data_dir = data_dir.resolve()
    try:
        from firmware_sim.demo.broker import new_password  # noqa: PLC0415  amqtt is an extra

        with _only_one(data_dir):
            plan = Plan(
                data_dir=data_dir,
                web_port=free_port(port),
                mqtt_port=free_port(mqtt_port),
                mqtt_password=new_password(),
                first_fall_s=first_fall_s,
                second_fall_s=second_fall_s,
                leave_out=tuple(leave_out or ()),
                with_house=house,
            )
            asyncio.run(_until_stopped(plan, SystemClock()))
    except ImportError as error:
        _stop(f"{error.name} is missing: pip install 'yuyue-care-hub[demo]'")
    except ChildDiedError as error:
        _errors.print(error.tail, markup=False, highlight=False)
        _stop(error)
    except (DemoError, DeskError, HomeError, NoFreePortError) as error:
        _stop(error)


async def _until_stopped(plan: Plan, clock: Clock) -> None:
    """Run the demo; SIGINT, SIGTERM or SIGHUP ends it in order, a second one changes nothing."""
    task = asyncio.ensure_future(_demo(plan, clock))
    loop = asyncio.get_running_loop()
    asked = False

    def ask_once() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    for number in stop_signals():
        loop.add_signal_handler(number, ask_once)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    _console.print("已全部停止 everything is stopped; 数据保留在 data are kept in", plan.data_dir)


async def _demo(plan: Plan, clock: Clock) -> None:
    try:
        async with Desk(plan.url, clock) as desk, Supervisor(plan.log_dir) as supervisor:
            started = await _start_all(plan, clock, desk, supervisor)
            position, open_alerts = await desk.open_alerts()
            home = await _start_home(plan, supervisor)
            with _enter_calls(lambda: home.process.send_signal(signal.SIGUSR1)) as by_enter:
                welcome = Welcome(
                    url=plan.url,
                    logins=started["logins"],
                    falls=_expected(plan),
                    log_dir=_short(plan.log_dir),
                    open_alerts=len(open_alerts),
                    pages_built=await desk.shows_pages(),
                    sim_environment=_short(plan.sim_environment_path),
                    free_devices=plan.leave_out,
                    by_enter=by_enter,
                )
                _console.print(welcome_panel(welcome))
                await _follow_until_death(plan, clock, desk, supervisor, position)
    finally:
        await asyncio.to_thread(stop_postgres_left_in, plan.data_dir)


async def _start_all(
    plan: Plan, clock: Clock, desk: Desk, supervisor: Supervisor
) -> dict[str, Any]:
    """Broker, cloud, seed, gateway, each when the one before is well; the seed."""
    with _progress() as progress:
        async with _step(progress, "消息代理 broker"):
            arguments = ["sim", "broker", "--port", str(plan.mqtt_port)]
            await supervisor.start("broker", arguments, plan.sim_environment())
            from firmware_sim.demo.broker import accepts_connections  # noqa: PLC0415  see demo()

            await _wait(
                clock,
                supervisor,
                lambda: asyncio.to_thread(accepts_connections, plan.mqtt_port),
                "broker",
                _BROKER_START_S,
            )
        async with _step(progress, "云端与数据库 cloud and PostgreSQL"):
            await supervisor.start("cloud", ["cloud", "serve"], plan.cloud_environment())
            await _wait(clock, supervisor, desk.is_healthy, "cloud", _CLOUD_START_S)
        async with _step(progress, "演示数据 demo people and devices"):
            arguments = ["cloud", "seed-demo", "--out", str(plan.seed_path)]
            await supervisor.run("seed", arguments, plan.cloud_environment())
            seed = _read_seed(plan.seed_path)
            login = seed["logins"][0]
            await desk.log_in(login["username"], login["password"])
        async with _step(progress, "边缘网关 gateway"):
            before = await desk.gateway_heartbeat()
            token = seed["gateway"]["token"]
            await supervisor.start("gateway", ["gateway", "run"], plan.gateway_environment(token))

            async def heard() -> bool:
                return await desk.gateway_heartbeat() != before

            await _wait(clock, supervisor, heard, "gateway", _GATEWAY_START_S)
    return seed


async def _start_home(plan: Plan, supervisor: Supervisor) -> Child:
    environment = plan.sim_environment(_read_seed(plan.seed_path)["simulation_key"])
    lines = [f"{name}='{value}'\n" for name, value in environment.items()]
    plan.sim_environment_path.touch(mode=0o600)
    plan.sim_environment_path.write_text("".join(lines), encoding="utf-8")
    plan.journal_path.unlink(missing_ok=True)
    arguments = [
        *("sim", "home", "--seed-file", str(plan.seed_path)),
        *("--first-fall-s", str(plan.first_fall_s), "--second-fall-s", str(plan.second_fall_s)),
        *("--journal", str(plan.journal_path)),
        *(part for device_id in plan.leave_out for part in ("--leave-out", device_id)),
    ]
    return await supervisor.start("home", arguments, environment)


def _expected(plan: Plan) -> list[Expectation]:
    people = {
        person.device_id: person for person in read_inhabitants(plan.seed_path, plan.leave_out)
    }
    falls = plan_falls(list(people.values()), plan.first_fall_s, plan.second_fall_s or None)
    return [
        Expectation(people[fall.device_id].elder, people[fall.device_id].place, fall.at_s)
        for fall in falls
    ]


async def _follow_until_death(
    plan: Plan, clock: Clock, desk: Desk, supervisor: Supervisor, position: int
) -> None:
    """Print alerts until a child dies (ChildDiedError) or we are cancelled."""
    follower = asyncio.create_task(_follow(plan, clock, desk, position), name="follow")
    watcher = asyncio.create_task(supervisor.watch(), name="watch")
    house = asyncio.create_task(_prepare_house(plan, supervisor), name="house")
    try:
        done, _ = await asyncio.wait({follower, watcher}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (follower, watcher, house):
            task.cancel()
        await asyncio.gather(follower, watcher, house, return_exceptions=True)


async def _prepare_house(plan: Plan, supervisor: Supervisor) -> None:
    """A larger house with months behind it, for the pages of care; the demo goes on without it."""
    if not plan.with_house:
        return
    for path, command in ((plan.house_path, "seed"), (plan.bureau_path, "seed-bureau")):
        if path.exists():
            continue
        try:
            arguments = ["cloud", command, "--out", str(path)]
            await supervisor.run(path.stem, arguments, plan.cloud_environment())
        except ChildDiedError as error:
            _console.print("60 床示范院没有备好 the larger house could not be made:", str(error))
            return
    house, bureau = [
        json.loads(await asyncio.to_thread(path.read_text, encoding="utf-8"))
        for path in (plan.house_path, plan.bureau_path)
    ]
    inspector = {**bureau, "name": "督查员", "role": "district_viewer"}
    _console.print(house_panel(plan.url, [inspector, *house["logins"]]))


async def _follow(plan: Plan, clock: Clock, desk: Desk, position: int) -> None:
    seen: set[tuple[Any, ...]] = set()
    async for event in desk.follow(position):
        if event.kind != "alert":
            continue
        alert = event.data
        news = (alert["id"], alert["code"], alert["state"], alert.get("count"))
        if news not in seen:
            seen.add(news)
            fell_ns = true_fall_ns(plan.journal_path, alert)
            _console.print(alert_line(alert, clock.now_ns(), fell_ns))


async def _wait(
    clock: Clock,
    supervisor: Supervisor,
    ready: Callable[[], Awaitable[bool]],
    name: str,
    limit_s: float,
) -> None:
    """Until `ready` says so. Raises ChildDiedError, or DemoError after `limit_s`."""
    begun_s = clock.monotonic_s()
    while not await ready():
        supervisor.check()
        if clock.monotonic_s() - begun_s > limit_s:
            raise DemoError(f"{name} is not ready after {limit_s:g} s; its log may say why")
        await clock.sleep(_POLL_S)


def _read_seed(path: Path) -> dict[str, Any]:
    try:
        seed = json.loads(path.read_text(encoding="utf-8"))
        seed["gateway"]["token"], seed["logins"][0]["username"], seed["logins"][0]["password"]
        seed["simulation_key"]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DemoError(f"{path}: not a seed file: {error!r}") from error
    return dict(seed)


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """One demo at a time in one directory. Raises DemoError."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "demo.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(
                f"a demo runs already in {data_dir}; another needs its own --data-dir"
            ) from error
        yield


@contextlib.contextmanager
def _enter_calls(then: Callable[[], None]) -> Iterator[bool]:
    """Call `then` on Enter; whether there is a terminal to press it on."""
    if not sys.stdin.isatty():
        yield False
        return
    loop = asyncio.get_running_loop()

    def entered() -> None:
        sys.stdin.readline()
        with contextlib.suppress(ProcessLookupError):
            then()

    loop.add_reader(sys.stdin.fileno(), entered)
    try:
        yield True
    finally:
        loop.remove_reader(sys.stdin.fileno())


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=_console,
    )


@contextlib.asynccontextmanager
async def _step(progress: Progress, text: str) -> AsyncIterator[None]:
    task = progress.add_task(text, total=1)
    yield
    progress.update(task, completed=1)


def _short(path: Path) -> Path:
    """Relative to where we are, when it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _stop(why: object) -> NoReturn:
    _errors.print(f"[bold red]error[/]: {why}", highlight=False)
    raise typer.Exit(1)
