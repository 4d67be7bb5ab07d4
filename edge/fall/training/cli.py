"""`yuyue train falls` and `yuyue backtest falls`."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge.fall.model import WEIGHTS_FILE, FallModel, committed_model
from edge.fall.training.card import CONDITIONS, card
from edge.fall.training.evaluate import out_of_fold_alarms, out_of_fold_models
from edge.fall.training.fit import Progress as Report
from edge.fall.training.fit import train
from edge.fall.training.perturb import Perturbation
from edge.fall.training.recordings import Recording, read_index
from edge.fall.training.report import report
from edge.fall.training.score import Row, table, wilson

train_app = typer.Typer(help="Train a model again from recordings. 训练", no_args_is_help=True)
backtest_app = typer.Typer(
    help="A detector over recordings: what it finds and misses. 回测", no_args_is_help=True
)
_console: Final = Console(stderr=True)

DataDir = Annotated[
    Path,
    typer.Option(
        "--data", help="Directory with index.csv and its packs; docs/data.md says where to get it."
    ),
]


class Unseen(StrEnum):
    """How to judge with weights that have not seen the recording."""

    NO = "no"
    SUBJECT = "subject"
    DATASET = "dataset"


@train_app.callback()
@backtest_app.callback()
def _group() -> None:
    """Keep `falls` a sub-command."""


@contextmanager
def _bars() -> Iterator[Report]:
    columns = (TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=_console) as progress:
        tasks = {}

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=of)
            progress.update(tasks[what], completed=done, total=of)

        yield show


def _data(data: Path) -> Path:
    for place in (data, data / "falls"):
        if (place / "index.csv").is_file():
            return place
    raise typer.BadParameter(f"there is no index.csv in {data}", param_hint="--data")


def _needs_sklearn() -> None:
    if importlib.util.find_spec("sklearn") is None:
        _console.print("Training needs scikit-learn: pip install 'yuyue-care-hub[train]'")
        raise typer.Exit(1)


@train_app.command("falls")
def train_falls(
    data: DataDir,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the weights; the program's own by default.")
    ] = None,
) -> None:
    """Learn the fall detector's weights from all recordings. Same data, same weights.

    Example: yuyue train falls --data ../shared/data/falls --out /tmp/weights.npz
    """
    _needs_sklearn()
    target = out or Path(str(files("edge.fall").joinpath(WEIGHTS_FILE)))
    with _bars() as bars:
        model = train(_data(data), target, bars)
    _console.print(f"Weights {model.digest} written to {target}", highlight=False)


@backtest_app.command("falls")
def backtest_falls(  # noqa: PLR0917  each is an option of the command
    data: DataDir,
    out: Annotated[
        Path | None, typer.Option(help="Write recording_id,t_alarm_s to this CSV.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw misses and false alarms into this HTML page.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Write the totals by part of the body to this JSON.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights to use instead of the program's own.")
    ] = None,
    unseen: Annotated[
        Unseen,
        typer.Option(help="Train anew without the person, or the data set, that is judged."),
    ] = Unseen.NO,
    dataset: Annotated[list[str] | None, typer.Option(help="Only these data sets.")] = None,
    position: Annotated[list[str] | None, typer.Option(help="Only these positions.")] = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="Turn each sensor at random.")] = False,
    lose: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Lose this share of samples in bursts.")
    ] = 0.0,
    rate_hz: Annotated[
        float | None, typer.Option(min=20.0, help="Slow the devices down to this rate.")
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option(
            help="Write the tables of the model card to this file: the figures, and those with "
            "sensors turned, samples lost, devices slowed down."
        ),
    ] = None,
) -> None:
    """Run the very detector of the gateway over recordings, sample by sample.

    The program's own weights have seen the development recordings; say --unseen subject for
    figures that count.

    Example: yuyue backtest falls --data ../shared/data/falls --unseen subject --plot report.html
    """
    place = _data(data)
    perturbation = Perturbation(rotate, lose, rate_hz)
    chosen = _choose(read_index(place), dataset, position)
    if not chosen:
        raise typer.BadParameter("no recording is left by --dataset and --position")
    with _bars() as bars:
        if unseen is Unseen.NO:
            model = FallModel.from_bytes(weights.read_bytes()) if weights else committed_model()
            folds = [(model, chosen)]
        else:
            _needs_sklearn()
            wanted = {r.rec_id for r in chosen}
            folds = [
                (model, [r for r in part if r.rec_id in wanted])
                for model, part in out_of_fold_models(place, unseen, bars)
            ]
            chosen = [r for _, part in folds for r in part]
        alarms = out_of_fold_alarms(folds, bars, perturbation)
    rows = table(chosen, alarms)
    Console(width=120).print(_rich_table(rows))
    if out:
        _write(out, alarms)
    if figures:
        _write_figures(figures, rows, unseen)
    if tables:
        tables.write_text(card(rows, _conditions(folds)), encoding="utf-8")
    if plot:
        models = {r.rec_id: model for model, part in folds for r in part}
        title = f"Fall detector, backtest (unseen: {unseen})"
        plot.write_text(report(title, rows, chosen, alarms, models), encoding="utf-8")


def _conditions(folds: list[tuple[FallModel, list[Recording]]]) -> dict[str, list[Row]]:
    """The figures under each way to change the recordings, by its name."""
    chosen = [r for _, part in folds for r in part]
    out = {}
    for name, perturbation in CONDITIONS.items():
        with _bars() as bars:
            out[name] = table(chosen, out_of_fold_alarms(folds, bars, perturbation))
    return out


def _choose(
    recordings: list[Recording], datasets: list[str] | None, positions: list[str] | None
) -> list[Recording]:
    """Recordings asked for; copies at the native rate only when asked for by name."""
    return [
        r
        for r in recordings
        if (r.dataset in datasets if datasets else "native" not in r.dataset)
        and (not positions or r.position in positions)
    ]


def _write_figures(path: Path, rows: list[Row], unseen: Unseen) -> None:
    totals = {row.group.lower(): row for row in rows if row.group.isupper()}
    document: dict[str, object] = {"unseen": unseen.value}
    for part in sorted(totals):
        row = totals[part]
        document[part] = {
            "falls": row.falls,
            "sensitivity": round(row.sensitivity, 4),
            "specificity": round(row.specificity, 4),
            "hours": round(row.hours, 2),
            "false_alarms": row.false_alarms,
            "false_per_hour": round(row.false_per_hour, 3),
        }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _write(path: Path, alarms: dict[str, list[float]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["recording_id", "t_alarm_s"])
        for rec_id in sorted(alarms):
            writer.writerows([rec_id, f"{time_s:.3f}"] for time_s in alarms[rec_id])


def _rich_table(rows: list[Row]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    shown.add_column("data set / position / age", no_wrap=True)
    for name in (
        "falls", "short", "sens", "95 % CI", "ADL", "spec", "F1", "false", "hours", "false/h",
        "median s", "p95 s",
    ):  # fmt: skip
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        low, high = wilson(row.hits, row.falls)
        shown.add_row(
            row.group, str(row.falls), str(row.short), _number(row.sensitivity, 3),
            f"{_number(low, 3)}-{_number(high, 3)}" if row.falls else "-", str(row.activities),
            _number(row.specificity, 3), _number(row.f1, 3), str(row.false_alarms),
            _number(row.hours, 2), _number(row.false_per_hour, 2),
            _number(row.latency_s(50), 2), _number(row.latency_s(95), 2),
            style="bold" if row.group.isupper() else None,
        )  # fmt: skip
    return shown


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
