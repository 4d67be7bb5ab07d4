"""`yuyue sim scenarios | run | what-if`: whole buildings that do not exist."""

from __future__ import annotations

import json
import time
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from firmware_sim.scenarios.load import ScenarioError, find_scenario, gallery
from firmware_sim.scenarios.schema import Scenario
from firmware_sim.world.offline import Heard, listen
from firmware_sim.world.report import (
    card_fields,
    outcome_table,
    scorecard_tables,
    what_if_page,
)
from firmware_sim.world.scorecard import Scorecard, score
from firmware_sim.world.staff import carers_at
from firmware_sim.world.what_if import what_if
from firmware_sim.world.world import World, make_world

_console = Console()
_errors = Console(stderr=True)
_MAX_CARERS: Final = 200

ScenarioName = Annotated[
    str, typer.Argument(help="One of `yuyue sim scenarios`, or a .toml file of your own.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same world.")]


def scenarios(
    *,
    schema: Annotated[bool, typer.Option("--schema", help="Print what a file may say.")] = False,
) -> None:
    """List the scenarios that come with the program.

    Example: yuyue sim scenarios
    """
    if schema:
        typer.echo(json.dumps(Scenario.model_json_schema(), ensure_ascii=False, indent=2))
        return
    table = Table()
    for title in ("名称 name", "标题 title", "人 people", "时长 hours", "说明 story"):
        table.add_column(title)
    for scenario in gallery().values():
        table.add_row(
            scenario.key, f"{scenario.title_zh}\n{scenario.title_en}",
            str(scenario.building.people), f"{scenario.duration_h:g}",
            f"{scenario.story_zh}\n{scenario.story_en}",
        )  # fmt: skip
    _console.print(table)


def run(
    name: ScenarioName,
    *,
    seed: Seed = 1,
    out: Annotated[
        Path | None, typer.Option(help="Folder for ground truth, events and scorecard.")
    ] = None,
) -> None:
    """Run a scenario straight into the detectors, without a network, and score it.

    Example: yuyue sim run busy-night --seed 7 --out var/sim/busy-night
    """
    scenario = _find(name)
    begun = time.perf_counter()
    world, heard = _run(scenario, seed)
    took_s = time.perf_counter() - begun
    card = score(world, heard)
    _console.print(f"{scenario.title_zh} · {scenario.title_en} (seed {seed})")
    for table in scorecard_tables(card):
        _console.print(table)
    _console.print(
        f"{len(world.track):,} 条读数 readings, {len(world.residents)} 人 people, "
        f"{world.duration_s / took_s:,.0f} 倍速 times real time"
    )
    if out is not None:
        _write(out, world, heard, card)
        _console.print(f"已写入 written to {out}")


def what_if_command(
    name: ScenarioName,
    *,
    carers: Annotated[
        str, typer.Option(help="Numbers of carers to compare, such as 1,2,3.")
    ] = "1,2,3",
    seeds: Annotated[int, typer.Option(min=2, max=1000, help="How many nights.")] = 40,
    seed: Seed = 1,
    out: Annotated[Path | None, typer.Option(help="An HTML page with the plot.")] = None,
) -> None:
    """How many carers are enough? Time to the bedside over many nights, with intervals.

    Example: yuyue sim what-if busy-night --carers 1,2,3 --seeds 40 --out night.html
    """
    scenario = _find(name)
    counts = _counts(carers)
    world, heard = _run(scenario, seed)
    with _progress("夜 nights") as progress:
        bar = progress.add_task("nights", total=seeds)
        outcomes = what_if(
            scenario, score(world, heard), counts, seeds,
            lambda done, _: progress.update(bar, completed=done),
        )  # fmt: skip
    middle_h = scenario.starts_at.hour + scenario.duration_h / 2
    planned = carers_at(scenario.staff, middle_h)
    _console.print(f"{scenario.title_zh} · {scenario.title_en}: 计划 planned {planned}")
    _console.print(outcome_table(outcomes, scenario.staff.target_bedside_s))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(what_if_page(scenario, outcomes, seeds), encoding="utf-8")
        _console.print(f"已写入 written to {out}")


def _find(name: str) -> Scenario:
    try:
        return find_scenario(name)
    except ScenarioError as error:
        _stop(str(error))


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        _stop(f"--carers: {text!r} is not a list of numbers such as 1,2,3")
    if not all(0 <= count <= _MAX_CARERS for count in counts):
        _stop(f"--carers: each must be 0..{_MAX_CARERS}")
    return sorted(set(counts))


def _run(scenario: Scenario, seed: int) -> tuple[World, list[Heard]]:
    with _progress("人 people") as progress:
        people = scenario.building.people
        bar = progress.add_task("make", total=people)
        world = make_world(scenario, seed, lambda done, _: progress.update(bar, completed=done))
        bar = progress.add_task("listen", total=people)
        heard = listen(world, lambda done, _: progress.update(bar, completed=done))
    return world, heard


def _write(folder: Path, world: World, heard: list[Heard], card: Scorecard) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    result = {
        "scenario": world.scenario.key, "seed": world.seed, **card_fields(card),
        "truth_sha256": sha256(world.truth_bytes()).hexdigest(),
        "signals_sha256": sha256(world.track.to_bytes()).hexdigest(),
    }  # fmt: skip
    (folder / "scorecard.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
    (folder / "truth.jsonl").write_bytes(world.truth_bytes())
    lines = (
        json.dumps(
            {
                "elder": one.elder, "kind": one.event.kind.value, "device": one.event.device_id,
                "happened_ns": one.event.time_ns, "decided_ns": one.event.decided_ns,
                "origin": one.event.origin.value,
            },
            ensure_ascii=False,
        )
        for one in heard
    )  # fmt: skip
    (folder / "events.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _progress(unit: str) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
        TimeRemainingColumn(), console=_errors, transient=True, disable=not _errors.is_terminal,
    )  # fmt: skip


def _stop(message: str) -> NoReturn:
    _errors.print(message, style="red", markup=False)
    raise typer.Exit(2)
