"""`yuyue sim district`: a month of a district through the real cloud, against the truth."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from firmware_sim.district.compare import compare, table_of
from firmware_sim.district.diary import DISTRICTS, FULL, SMALL, Size, invent, write
from firmware_sim.district.truth import Truth

_out = Console()
_err = Console(stderr=True)


def district(  # noqa: PLR0917 - options of a command
    seed: Annotated[int, typer.Option(help="The same seed, the same month.")] = 1,
    houses: Annotated[int, typer.Option(min=1, max=50)] = FULL.houses,
    beds: Annotated[int, typer.Option(min=1, max=200, help="Beds of each house.")] = FULL.beds,
    home_beds: Annotated[int, typer.Option(min=1, max=10_000, help="Of all houses.")] = (
        FULL.home_beds
    ),
    small: Annotated[bool, typer.Option("--small", help="Three houses: a minute.")] = False,
    out: Annotated[Path | None, typer.Option(help="Keep diary, truth and figures here.")] = None,
) -> None:
    """12 houses and 1,000 home beds live a month; every indicator must equal the truth.

    Example: yuyue sim district --small --seed 7
    """
    size = SMALL if small else Size(houses, beds, home_beds, FULL.days)
    with tempfile.TemporaryDirectory() as scratch:
        directory = out or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        made = invent(seed, size)
        diary, figures = directory / "diary.jsonl", directory / "figures.json"
        write(made, diary)
        truth = Truth(made).figures()
        _out.print(f"seed {seed}: {len(made.people)} people, {len(made.lines)} happenings")
        # Meets the cloud over a file only, as devices meet it over the wire only.
        command = [
            sys.executable,
            "-m",
            "yuyue",
            "cloud",
            "rehearse",
            str(diary),
            "--out",
            str(figures),
        ]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own command
            _err.print("the cloud did not live through it; the reason stands above")
            raise typer.Exit(1)
        lines = compare(truth, json.loads(figures.read_text(encoding="utf-8")))
    _out.print(table_of(lines, ["all", *(name for _, name in DISTRICTS)]))
    wrong = [line for line in lines if line.difference]
    _out.print(f"{len(lines)} numbers compared, {len(wrong)} differ")
    if wrong:
        raise typer.Exit(1)
