"""`yuyue backtest inactivity`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge.inactivity.limits import S_PER_DAY, S_PER_HOUR
from edge.inactivity.reasons import REASONS
from edge.inactivity.training.backtest import (
    TIMERS_H,
    Result,
    dead_sensors,
    deadlines,
    iso,
    no_returns,
    run,
    score,
    warmup_days,
)
from edge.inactivity.training.backtest import Progress as Report
from edge.inactivity.training.homes import Home, HomeFileError, read_home
from edge.inactivity.training.report import report
from edge.reasons import say
from edge.signals import FloatArray, SignalError

import numpy as np  # isort: skip

backtest_app = typer.Typer(
    help="A detector over recordings: what it finds and misses. 回测", no_args_is_help=True
)
_console: Final = Console(stderr=True)

# Homes whose files tell when somebody was seen. Aruba holds annotated episodes only: the time
# between them is not inactivity, and it is left out.
PATTERNS: Final = ("*_hourly.csv*", "*_events_*.csv*", "ordonez_*_sensors.csv*")

# What battery sensors of the home kit commonly keep (D): each half hour a sign of life.
BEAT_S: Final = 1800


@backtest_app.callback()
def _group() -> None:
    """Keep `inactivity` a sub-command."""


@contextmanager
def _bar(what: str) -> Iterator[Report]:
    columns = (TextColumn("{task.description:36}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=_console, transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)


@backtest_app.command("inactivity")
def backtest_inactivity(  # noqa: PLR0917  each is an option of the command
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Directory with recorded homes (docs/data.md); all are run."),
    ] = None,
    home: Annotated[Path | None, typer.Option("--home", help="One recorded home.")] = None,
    hourly: Annotated[
        bool, typer.Option("--hourly", help="The home is a table of hourly counts.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Deadlines as CSV (time,deadline,...); a directory for several homes."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Learned days and alarms as an HTML page.")
    ] = None,
    warmup: Annotated[
        float | None, typer.Option(help="Days not scored; default as the published scorer.")
    ] = None,
    false_alarms: Annotated[
        float | None, typer.Option(help="Allowed false alarms a week; default of the product.")
    ] = None,
    dead: Annotated[
        bool, typer.Option("--dead-sensors", help="Kill each sensor in turn, too (minutes).")
    ] = False,
) -> None:
    """Deadlines and alarms in recorded homes, beside fixed timers on the same gaps.

    Example: yuyue backtest inactivity --data ../shared/data/routine --plot report.html
    """
    try:
        homes = [read_home(path, hourly=hourly or None) for path in _paths(data, home)]
        results = []
        for one in (_allowing(one, false_alarms) for one in homes):
            with _bar(one.name) as progress:
                results.append(run(one, progress))
    except (HomeFileError, SignalError, OSError) as error:
        _console.print(f"error: {error}", highlight=False, markup=False)
        raise typer.Exit(2) from error
    for result in results:
        _print(result, warmup)
        if out is not None:
            _write(result, out if len(results) == 1 else out / f"{result.home.name}.csv")
        if dead:
            _print_dead(result.home)
    if plot is not None:
        plot.write_text(report(results), encoding="utf-8")
        _console.print(f"report: {plot}", highlight=False)


def _allowing(home: Home, false_alarms: float | None) -> Home:
    if false_alarms is None:
        return home
    overrides = {"inactivity.false_alarms_per_week": false_alarms}
    return replace(home, settings=replace(home.settings, overrides=overrides))


def _paths(data: Path | None, home: Path | None) -> list[Path]:
    if (data is None) == (home is None):
        raise typer.BadParameter("give either --data DIR or --home FILE")
    if home is not None:
        return [home]
    assert data is not None  # noqa: S101  for mypy: one of the two is there
    paths = sorted({path for pattern in PATTERNS for path in data.glob(pattern)})
    if not paths:
        raise typer.BadParameter(f"no recorded homes in {data}")
    return paths


def _print(result: Result, warmup: float | None) -> None:
    home = result.home
    days = warmup_days(home) if warmup is None else warmup
    table = Table(title=f"{home.name} (warm-up {days:.1f} d)", box=box.SIMPLE, title_justify="left")
    for name in ("rule", "false alarms/week", "(number)", "median h", "mean h", "p90 h"):
        table.add_column(name, justify="left" if name == "rule" else "right")

    def add(name: str, limits_s: FloatArray) -> None:
        figures = score(home, limits_s, days * S_PER_DAY)
        table.add_row(
            name, f"{figures.per_week:.2f}", str(figures.false_alarms),
            f"{figures.median_h:.2f}", f"{figures.mean_h:.2f}", f"{figures.p90_h:.2f}",
        )  # fmt: skip

    add("inactivity", deadlines(result.rows, any_call=False))
    add("inactivity or no return", deadlines(result.rows, any_call=True))
    for hours in TIMERS_H:
        add(f"timer {hours} h", np.full(len(result.rows), float(hours * S_PER_HOUR)))
    figures = score(home, deadlines(result.rows, any_call=False), days * S_PER_DAY)
    console = Console()
    console.print(table)
    console.print(
        f"  scored weeks {figures.weeks:.1f}, injections {figures.injections}, "
        f"no-return alarms {no_returns(result, days * S_PER_DAY)}",
        highlight=False,
    )


def _write(result: Result, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("time", "deadline", "no_return", "reasons"))
        for row in result.rows:
            writer.writerow(
                (
                    iso(row.time_ns),
                    "" if row.inactivity_ns is None else iso(row.inactivity_ns),
                    "" if row.no_return_ns is None else iso(row.no_return_ns),
                    "; ".join(say(REASONS, reason, "en") for reason in row.reasons),
                )
            )


def _print_dead(home: Home) -> None:
    """As recorded, and for event files again as if each sensor kept a beat of its own."""
    variants = [("as recorded", home)]
    if not home.hourly:
        variants.append((f"with a beat every {BEAT_S // 60} min added", home.with_beats(BEAT_S)))
    for name, variant in variants:
        with _bar(f"{home.name}: dead sensors") as progress:
            found = dead_sensors(variant, progress=progress)
        table = Table(title=f"{home.name}, {name}: each sensor dead for a week", box=box.SIMPLE)
        for column in ("sensor", "interval", "found after", "after h", "extra inactivity"):
            table.add_column(
                column, justify="left" if column in ("sensor", "interval") else "right"
            )
        for one in found:
            table.add_row(
                one.device_id, one.learned_as,
                "not found" if one.after is None else f"{one.after:.2f}",
                "" if one.after_h is None else f"{one.after_h:.1f}", str(one.extra_inactivity),
            )  # fmt: skip
        Console().print(table)
