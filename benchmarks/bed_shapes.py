"""Made-up sleepers beside recorded ones: how they breathe, beat and move, as distributions.

For each figure: median and middle half of both, the Kolmogorov-Smirnov distance (0: the same
distribution, 1: nothing in common), and how far one half of the volunteers lies from the other
half (95 % of random splits): nearer than that, nobody could tell. Every volunteer counts the same.
`--write` measures all recordings and writes the statistics that made-up ones are drawn from.
Example: python -m benchmarks.bed_shapes --people 15
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import beside
from benchmarks.beside import evenly
from benchmarks.cloud import show_machine
from edge.signals import FloatArray
from edge.vitals.training.recordings import belt_nights, rr_nights
from firmware_sim.devices.recordings import data_dir
from firmware_sim.people import bed_shapes, drawn
from firmware_sim.people.bed_motion import BedLife, BedMotion, InBed, movements
from firmware_sim.people.bed_shapes import Beating, Breathing, Moving
from firmware_sim.people.breathing import breathe
from firmware_sim.people.heartbeat import Rhythm, beat

Kind = type[Breathing] | type[Beating] | type[Moving]
BySubject = Mapping[str, FloatArray]  # (n, figures) of each person
KINDS: Final[tuple[Kind, ...]] = (Breathing, Beating, Moving)
_SOURCE: Final = "Li et al., Sci Data 2024, 10.1038/s41597-024-03950-5, CC BY 4.0"
# A made-up night of the benchmark: a quiet sleeper, with movements as often as the simulator's.
_NIGHT_S: Final = 8 * 3600.0
_MOVES: Final = 64
_TURNS: Final = 16
console = Console()


def recorded(data: Path) -> dict[Kind, BySubject]:
    """The figures of all recorded nights, by volunteer."""
    found: dict[Kind, dict[str, list[tuple[float, ...]]]] = {k: defaultdict(list) for k in KINDS}
    for night in belt_nights(data):
        who = night.record.partition("_")[0]
        _measure(night.counts.astype(np.float64), who, found)
    for name, rr_s in rr_nights(data).items():
        who = name.partition("_")[0]
        found[Beating][who] += [
            astuple(bed_shapes.beating_of(piece)) for piece in bed_shapes.beating_windows(rr_s)
        ]
    return _as_arrays(found)


def made_up(people: int) -> dict[Kind, BySubject]:
    """The figures of as many made-up people, a night each, with the hearts of the young."""
    found: dict[Kind, dict[str, list[tuple[float, ...]]]] = {k: defaultdict(list) for k in KINDS}
    for number in range(people):
        slow, rr_s = night(number)
        _measure(slow, str(number), found)
        found[Beating][str(number)] += [
            astuple(bed_shapes.beating_of(piece)) for piece in bed_shapes.beating_windows(rr_s)
        ]
    return _as_arrays(found)


def night(number: int) -> tuple[FloatArray, FloatArray]:
    """A made-up person's night: motion (n,) at 10 Hz, and R-R intervals (m,) in s."""
    rng = np.random.default_rng([number, 1])
    breath, heart = rng.normal(15.5, 2.0), rng.normal(60.0, 6.0)
    spans = [(0.0, _NIGHT_S)]
    breaths, pauses = breathe(spans, lambda t: np.full_like(t, breath), (), rng)
    beats = beat(spans, lambda t: np.full_like(t, heart), breaths, pauses, Rhythm(), rng)
    in_bed = (InBed(0.0, _NIGHT_S),)
    moments = np.sort(rng.uniform(0.0, _NIGHT_S, _MOVES))
    turns = rng.choice(moments, _TURNS, replace=False)
    moves = movements(in_bed, moments.tolist(), turns.tolist(), rng)
    motion = BedMotion(
        BedLife(in_bed, breaths, beats, moves, pauses), bed_shapes.RATE_HZ, (number, 2)
    )
    slow = motion.samples(0, round(_NIGHT_S * bed_shapes.RATE_HZ)).astype(np.float64)
    return slow, np.diff(beats.at_s)


def _measure(
    slow: FloatArray, who: str, found: Mapping[Kind, dict[str, list[tuple[float, ...]]]]
) -> None:
    for window in bed_shapes.quiet_windows(slow):
        shape = bed_shapes.breathing_of(window)
        if shape is not None:
            found[Breathing][who].append(astuple(shape))
    found[Moving][who] += [astuple(one) for one in bed_shapes.movements_of(slow)]


def _as_arrays(
    found: Mapping[Kind, Mapping[str, Sequence[tuple[float, ...]]]]
) -> dict[Kind, BySubject]:  # fmt: skip
    return {
        kind: {who: np.array(rows) for who, rows in sorted(people.items()) if rows}
        for kind, people in found.items()
    }


def balanced(found: BySubject, each: int) -> FloatArray:
    """`each` of every person (all, where there are fewer), (n, figures)."""
    return np.concatenate([
        rows[evenly(len(rows), each)] for rows in found.values()
    ])  # fmt: skip


def halves(found: BySubject, each: int) -> list[float]:
    """How far half of the volunteers lie from the other half, by figure."""
    return beside.halves(
        list(found), lambda side: balanced({who: found[who] for who in side}, each)
    )


def summed_up(kind: Kind, found: BySubject) -> dict[str, Any]:
    """What `bed_shapes.json` says of one of the three."""
    rows = np.concatenate(list(found.values()))
    subjects = [who for who, values in found.items() for _ in values]
    return {
        "subjects": len(found), "measured": len(rows),
        **drawn.summed_up(rows, subjects, bed_shapes.names_of(kind)),
        "between": drawn.between_people(rows, subjects),
    }  # fmt: skip


def written(found: Mapping[Kind, BySubject]) -> str:
    """The whole of `bed_shapes.json`."""
    content = {
        "made_by": "python -m benchmarks.bed_shapes --write",
        "note": "Statistics of volunteers of 19 to 27 years asleep, each with the same weight. "
        "No recording is part of this file.",
        "source": _SOURCE,
        "levels": "0, 0.025 .. 1 of what was measured is at or below the quantile",
        "shapes": {kind.__name__.lower(): summed_up(kind, found[kind]) for kind in KINDS},
    }
    return json.dumps(content, indent=1) + "\n"


def _table(kind: Kind, real: BySubject, ours: BySubject, each: int) -> Table:
    theirs, made = balanced(real, each), balanced(ours, each)
    title = (
        f"{kind.__name__}: {len(theirs)} of {len(real)} recorded people, "
        f"{len(made)} of {len(ours)} made up"
    )
    return beside.table(title, bed_shapes.names_of(kind), theirs, made, halves(real, each), 3)


def main() -> None:
    """Both, figure by figure; or the statistics anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=15)
    parser.add_argument("--each", type=int, default=30, help="windows of each person")
    parser.add_argument("--write", action="store_true", help=f"make {bed_shapes.FILE.name} anew")
    given = parser.parse_args()
    data = data_dir() / "vitals"
    real = recorded(data)
    if given.write:
        bed_shapes.FILE.write_text(written(real), encoding="utf-8")
        console.print(f"wrote {bed_shapes.FILE.name}")
        return
    show_machine()
    ours = made_up(given.people)
    for kind in KINDS:
        console.print(_table(kind, real[kind], ours[kind], given.each))
    often = [bed_shapes.moves_per_h(n.counts.astype(np.float64)) for n in belt_nights(data)]
    low, high = min(often), max(often)
    console.print(f"movements an hour, recorded: {low:.0f} to {high:.0f} by night")


if __name__ == "__main__":
    main()
