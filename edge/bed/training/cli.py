"""`yuyue backtest bed`: exits told from the batteryless tag, on trials the trees never saw."""

from __future__ import annotations

import csv
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress

from edge.bed.tag import TagBedExit, committed_model
from edge.bed.training.fit_tag import out_of_trial, train
from edge.bed.training.trials import (
    ROOMS,
    STRICT_TOLERANCE_S,
    TOLERANCE_S,
    Trial,
    read_trials,
    score,
)

_WIDTH: Final = 1000
_COLOURS: Final = {1: "#9cf", 2: "#ddd", 3: "#37a", 4: "#fc6"}

backtest_bed_app = typer.Typer(help="Bed exits, on recordings.")


def as_deployed(trials: Sequence[Trial]) -> dict[str, list[float]]:
    """Alarms of the committed weights, reading by reading."""
    rooms = committed_model().rooms
    alarms: dict[str, list[float]] = {}
    for trial in trials:
        tag = TagBedExit(rooms[trial.room])
        alarms[trial.name] = [reading.time_s for reading in trial.readings if tag.add(reading)]
    return alarms


def lines(trials: Sequence[Trial], alarms: dict[str, list[float]]) -> list[str]:
    """One line a room and tolerance."""
    found = []
    for room in ROOMS:
        own = [trial for trial in trials if trial.room == room]
        for tolerance_s in (TOLERANCE_S, STRICT_TOLERANCE_S):
            result = score(own, alarms, tolerance_s)
            found.append(
                f"room {room}, within {tolerance_s:.0f} s: recall {result.recall:.3f} "
                f"({result.found} of {result.true_exits} exits), precision "
                f"{result.precision:.3f} ({result.alarms} alarms, {len(own)} trials)"
            )
    return found


@backtest_bed_app.command()
def backtest_bed(
    data: Annotated[Path, typer.Option(help="Folder with the tag recordings.", exists=True)],
    out: Annotated[Path | None, typer.Option(help="CSV: trial,t,kind (alarm or exit).")] = None,
    plot: Annotated[Path | None, typer.Option(help="HTML report with a bar a trial.")] = None,
    learn: Annotated[
        Path | None, typer.Option(help="Learn from all trials and write the weights here, too.")
    ] = None,
    *,
    deployed: Annotated[
        bool, typer.Option(help="The committed weights also where they know the trials.")
    ] = False,
) -> None:
    """Recall and precision of bed exits by trial.

    Trials that the committed weights were not learned from are judged by these weights. For the
    others trees are learned anew without them, part by part (minutes).

    Example: yuyue backtest bed --data ../shared/data/routine --plot report.html
    """
    try:
        trials = read_trials(data)
    except (OSError, KeyError, ValueError) as error:
        raise typer.BadParameter(f"{data}: {error}", param_hint="--data") from error
    known = [trial for trial in trials if trial.fingerprint in committed_model().trials]
    fresh = [trial for trial in trials if trial not in known]
    if deployed:
        fresh, known = trials, []
        typer.echo("committed weights, also on trials they were learned from: no measure of them")
    alarms = as_deployed(fresh)
    if known:
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task("trials left out", total=None)
            alarms |= out_of_trial(
                known, lambda what, done, of: bar.update(task, total=of, completed=done)
            )
    typer.echo(
        f"scripted, healthy volunteers: {len(fresh)} trials by the committed weights, "
        f"{len(known)} by trees that were learned without them"
    )
    for line in lines(trials, alarms):
        typer.echo(line)
    if out is not None:
        _write(out, trials, alarms)
    if plot is not None:
        _report(plot, trials, alarms)
        typer.echo(f"report: {plot}")
    if learn is not None:
        typer.echo(f"weights {train(trials, learn).digest}: {learn}")


def _write(path: Path, trials: Sequence[Trial], alarms: dict[str, list[float]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["trial", "t", "kind"])
        for trial in trials:
            rows = [(t, "exit") for t in trial.exits_s] + [(t, "alarm") for t in alarms[trial.name]]
            writer.writerows([trial.name, f"{t:.2f}", kind] for t, kind in sorted(rows))


def _report(path: Path, trials: Sequence[Trial], alarms: dict[str, list[float]]) -> None:
    bars = "\n".join(_bar(trial, alarms[trial.name]) for trial in trials)
    path.write_text(
        "<!doctype html><html lang='zh-CN'><meta charset='utf-8'><title>离床回测</title>"
        "<style>body{font-family:sans-serif;max-width:1040px;margin:auto}</style>"
        "<h1>离床回测 / bed exit backtest</h1><p>深蓝：躺；浅蓝：坐床边；灰：坐椅；黄：走动；"
        "红线：离床报警。<br>Dark blue: lying. Light blue: sits on the bed. Grey: chair. Yellow: "
        f"walks. Red line: alarm.</p>{bars}</html>",
        encoding="utf-8",
    )


def _bar(trial: Trial, alarms_s: list[float]) -> str:
    begin_s, end_s = trial.readings[0].time_s, trial.readings[-1].time_s
    scale = _WIDTH / max(end_s - begin_s, 1.0)
    ends = [reading.time_s for reading in trial.readings[1:]] + [end_s]
    shapes = [
        f"<rect x='{(reading.time_s - begin_s) * scale:.1f}' y='4' "
        f"width='{max((end - reading.time_s) * scale, 0.3):.1f}' height='16' "
        f"fill='{_COLOURS[int(label)]}'/>"
        for reading, end, label in zip(trial.readings, ends, trial.label, strict=True)
    ]
    shapes += [
        f"<line x1='{(t - begin_s) * scale:.1f}' x2='{(t - begin_s) * scale:.1f}' y1='0' y2='24' "
        "stroke='red' stroke-width='2'/>"
        for t in alarms_s
    ]
    name = html.escape(trial.name)
    return f"<h4>{name}</h4><svg width='{_WIDTH}' height='24'>{''.join(shapes)}</svg>"
