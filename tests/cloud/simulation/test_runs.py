"""Simulated runs: asked for, driven by the real simulator, told, stopped, exported, kept apart."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from cloud.identity.permissions import Role
from cloud.settings import Settings
from cloud.simulation.models import SimulationFrame
from cloud.simulation.process import COMMAND, bare_environment
from cloud.simulation.runner import Runner
from cloud.simulation.service import SILENT_AFTER, find
from edge.simulated import open_line, tagged_line
from tests.cloud.alerts.night import make_night
from tests.cloud.world import World
from tests.support.fake_phone import FakePhone

RUNS = "/api/v1/simulations"
LIARS = Path(__file__).with_name("simulators.py")
# Two people in a night in which much happens.
SMALL: dict[str, Any] = {
    "scenario": "busy-night", "seed": 5, "building": {"units": 1, "rooms_per_unit": 2},
}  # fmt: skip


def runner_of(world: World, command: tuple[str, ...] = COMMAND) -> Runner:
    return Runner(world.database, Settings().keyring, world.clock, command)


async def ask(client: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    answer = await client.post(RUNS, json=SMALL | wanted)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def drive_one(world: World, runner: Runner) -> None:
    claimed = await runner.claim()
    assert claimed is not None
    await runner.drive(claimed)


async def frames_of(world: World, run_id: str) -> list[SimulationFrame]:
    async with world.database.tenant(world.home.institution_id) as scope:
        rows = await scope.session.scalars(
            scope.select(SimulationFrame).order_by(SimulationFrame.number)
        )
        return [row for row in rows if str(row.run_id) == run_id]


async def events(client: httpx.AsyncClient, run_id: str, after: int = 0) -> list[tuple[str, Any]]:
    """Everything that a screen hears of a run, to its end."""
    heard: list[tuple[str, Any]] = []
    answer = await client.get(f"{RUNS}/{run_id}/live", params={"after": after})
    for block in answer.text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            heard.append((fields["event"], json.loads(fields["data"])))
    return heard


@pytest.mark.timeout(240)  # the real simulator, which is polite to whoever else works here
async def test_a_real_run_is_told_whole_and_reaches_no_phone(world: World, tmp_path: Path) -> None:
    """Everybody is on duty with a phone that works, and nobody answers: still nothing rings."""
    operator = await world.as_role(Role.OPERATOR)
    run = await ask(operator, carers=0)
    assert (run["state"], run["simulated"], run["asked_by"]) == ("queued", True, "operator 测试")
    with FakePhone() as phone:
        night = make_night(world, phone, tmp_path)
        await night.everybody_has_a_phone()
        await drive_one(world, runner_of(world))
        await night.pass_time(30 * 60, step_s=180)
        done = (await operator.get(f"{RUNS}/{run['id']}")).json()
        assert (done["state"], done["note"]) == ("done", None)
        assert [one["code"] for one in done["result"]["alerts"]], "without alerts proves nothing"
        assert not [one for one in phone.messages if "sim-" in one.title + one.body]
    await nothing_but_the_houses_own(world, {one["code"] for one in done["result"]["alerts"]})
    await told_whole(operator, done)
    await exported_with_its_mark(operator, done)
    await verified_later(world, run["id"])


async def nothing_but_the_houses_own(world: World, codes: set[str]) -> None:
    """The house may ring about itself (nobody at the desk); of the run there is no trace."""
    async with world.database.tenant(world.home.institution_id) as scope:
        known = await scope.session.scalars(text("SELECT code || origin FROM alert"))
        assert not {one for one in known if any(code in one for code in codes)}
        told = await scope.session.scalars(text("SELECT origin FROM notice"))
        assert set(told) <= {"live"}


async def told_whole(operator: httpx.AsyncClient, done: dict[str, Any]) -> None:
    heard = await events(operator, done["id"])
    assert heard[0][0] == "run"
    assert heard[-1] == ("over", {})
    told = [body for name, body in heard if name == "frame"]
    kinds = [body["kind"] for body in told]
    assert kinds.index("cast") < kinds.index("tick") < kinds.index("scorecard") == len(kinds) - 1
    looks = [body for body in told if body["kind"] == "tick"]
    assert [look["at_s"] for look in looks] == sorted(look["at_s"] for look in looks)
    seen = {alert["id"] for look in looks for alert in look["alerts"]}
    assert seen == {alert["id"] for alert in done["result"]["alerts"]}
    # a screen that comes back goes on where it was
    again = await events(operator, done["id"], after=len(told) - 2)
    assert [name for name, _ in again].count("frame") == 2


async def exported_with_its_mark(operator: httpx.AsyncClient, done: dict[str, Any]) -> None:
    csv = await operator.get(f"{RUNS}/{done['id']}/export?format=csv")
    lines = csv.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + len(done["result"]["alerts"])
    assert all(line.startswith("SIMULATED") for line in lines[1:])
    exported = (await operator.get(f"{RUNS}/{done['id']}/export")).json()
    assert (exported["simulated"], exported["result"]) == (True, done["result"])


async def verified_later(world: World, run_id: str) -> None:
    (first, *_) = await frames_of(world, run_id)
    async with world.database.tenant(world.home.institution_id) as scope:
        row = await find(scope, first.run_id)
    assert row.sealed_key is not None
    key = Settings().keyring.decrypt(row.sealed_key, f"simulation_run.sealed_key:{row.id}")
    line = tagged_line(bytes.fromhex(key), run_id, 1, first.body)
    assert open_line(bytes.fromhex(key), run_id, 1, line) == (first.tag, first.body)


def test_the_worker_is_given_no_setting_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUYUE_CLOUD_DATABASE_URL", "postgresql://secret")
    assert not [name for name in bare_environment() if name.startswith("YUYUE_")]


@pytest.mark.parametrize("lie", ["other-key", "other-run", "changed", "again", "left-out", "plain"])
async def test_what_is_not_tagged_with_the_runs_key_is_refused(world: World, lie: str) -> None:
    operator = await world.as_role(Role.OPERATOR)
    run = await ask(operator)
    await drive_one(world, runner_of(world, (sys.executable, str(LIARS), lie)))
    ended = (await operator.get(f"{RUNS}/{run['id']}")).json()
    assert ended["state"] == "refused"
    assert ended["result"] is None
    assert "a line of the simulator" in ended["note"]
    assert len(await frames_of(world, run["id"])) <= 1
    assert (await operator.get(f"{RUNS}/{run['id']}/export")).status_code == 409


async def test_a_simulator_that_dies_says_why(world: World) -> None:
    operator = await world.as_role(Role.OPERATOR)
    run = await ask(operator)
    await drive_one(world, runner_of(world, (sys.executable, str(LIARS), "dies")))
    ended = (await operator.get(f"{RUNS}/{run['id']}")).json()
    assert (ended["state"], ended["note"]) == ("failed", "out of memory")


async def test_an_unknown_scenario_is_named(world: World) -> None:
    operator = await world.as_role(Role.OPERATOR)
    run = await ask(operator, scenario="no-such-night")
    await drive_one(world, runner_of(world))
    ended = (await operator.get(f"{RUNS}/{run['id']}")).json()
    assert ended["state"] == "failed"
    assert "no scenario 'no-such-night'" in ended["note"]


async def test_stop_ends_the_process(world: World) -> None:
    operator = await world.as_role(Role.OPERATOR)
    run = await ask(operator)
    runner = runner_of(world, (sys.executable, str(LIARS), "hangs"))
    claimed = await runner.claim()
    assert claimed is not None
    driving = asyncio.create_task(runner.drive(claimed))
    stopped = (await operator.post(f"{RUNS}/{run['id']}/stop")).json()
    assert stopped["state"] == "running"
    await driving  # within the test's limit: the process would sleep for ten minutes
    assert (await operator.get(f"{RUNS}/{run['id']}")).json()["state"] == "stopped"
    # stopping what waits or has ended needs no process
    assert (await operator.post(f"{RUNS}/{run['id']}/stop")).json()["state"] == "stopped"
    waiting = await ask(operator)
    assert (await operator.post(f"{RUNS}/{waiting['id']}/stop")).json()["state"] == "stopped"


async def test_a_run_whose_process_is_gone_is_not_shown_as_running(world: World) -> None:
    operator = await world.as_role(Role.OPERATOR)
    run = await ask(operator)
    runner = runner_of(world)
    assert await runner.claim() is not None
    assert await runner.claim() is None
    world.clock.advance((SILENT_AFTER + timedelta(seconds=1)).total_seconds())
    assert await runner.claim() is None
    ended = (await operator.get(f"{RUNS}/{run['id']}")).json()
    assert (ended["state"], ended["note"]) == ("failed", "the process that ran it is gone")


async def test_a_server_that_stops_ends_its_run(world: World) -> None:
    operator = await world.as_role(Role.OPERATOR)
    run = await ask(operator)
    runner = runner_of(world, (sys.executable, str(LIARS), "hangs"))
    task = asyncio.create_task(runner.work(lambda: None))
    while not await frames_of(world, run["id"]):  # noqa: ASYNC110 - it is a table
        await asyncio.sleep(0.05)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert (await operator.get(f"{RUNS}/{run['id']}")).json()["state"] == "failed"


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"speed": -1}, "speed"),
        ({"scenario": "../../etc"}, "scenario"),
        ({"building": {"units": 50, "rooms_per_unit": 60}}, "building"),
        ({"building": {"kind": "homes"}}, "building"),
        ({"what_if": {"carers": []}}, "carers"),
    ],
)
async def test_a_bad_order_names_its_field(
    world: World, wanted: dict[str, Any], field: str
) -> None:
    operator = await world.as_role(Role.OPERATOR)
    answer = await operator.post(RUNS, json=SMALL | wanted)
    assert answer.status_code == 422
    assert field in answer.text
    assert (await operator.get(RUNS)).json()["runs"] == []


async def test_only_so_many_wait(world: World) -> None:
    operator = await world.as_role(Role.OPERATOR)
    for _ in range(3):
        await ask(operator)
    answer = await operator.post(RUNS, json=SMALL)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_runs")
    assert len((await operator.get(RUNS)).json()["runs"]) == 3
    assert (await (await world.as_role(Role.OPERATOR, world.other)).get(RUNS)).json()["runs"] == []
    assert (await (await world.desk()).get(RUNS)).status_code == 403


async def test_the_gallery_is_the_simulators_own(world: World) -> None:
    operator = await world.as_role(Role.OPERATOR)
    found = (await operator.get(f"{RUNS}/scenarios")).json()["scenarios"]
    quiet = next(one for one in found if one["key"] == "quiet-night")
    assert (quiet["people"], quiet["title_zh"]) == (60, "平安夜")
