"""Nights of made-up sleepers as raw bed motion through the hub's own estimation, against the truth.

Each night is one person of the gallery's `apnoea-night`, for ten hours. Three kinds of nights: calm
ones, and ones with two hours of apnoea in which the chest rests (central) or works on in vain
(obstructive). What the hub says of breath, heart and bed is held against the breaths, beats and
hours that the simulator made. Example: python -m benchmarks.bed_nights --nights 20
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.cloud import show_machine
from edge.events import EventKind as E
from edge.signals import NS_PER_S, FloatArray
from firmware_sim.scenarios.load import find_scenario
from firmware_sim.scenarios.schema import BuildingSpec, IncidentKind, IncidentSpec, Scenario
from firmware_sim.world.offline import Heard, derived, listen
from firmware_sim.world.raw_bed import RawBed
from firmware_sim.world.track import QUANTITY_CODE, Track, joined
from firmware_sim.world.world import World, make_world

_APNOEA_AT_H: Final = 3.0
CENTRAL_SHARE: Final[dict[str, float | None]] = {"calm": None, "central": 1.0, "obstructive": 0.0}
_BREATH_S: Final = 60.0
_HEART_S: Final = 30.0
# A bed that is told empty this long after somebody left was told right; shorter ways out than this
# nobody promises to see.
_TOLD_WITHIN_S: Final = 300.0
_AWAY_S: Final = 180.0
_ASLEEP_MARGIN_S: Final = 60.0
_VITAL: Final = (E.VITAL_WARNING, E.VITAL_CRITICAL)
console = Console()


@dataclass(slots=True)
class Figures:
    """Of some nights."""

    in_bed_h: float = 0.0
    windows: int = 0  # of ten seconds, with somebody lying there for a minute and more
    breath_errors: list[float] = field(default_factory=list)
    heart_errors: list[float] = field(default_factory=list)
    pauses: int = 0
    pauses_answered: list[float] = field(default_factory=list)
    told_empty: int = 0  # windows, of those
    false_exits: int = 0  # events
    left: int = 0
    left_told: int = 0  # by the bank
    vital: Counter[str] = field(default_factory=Counter)


def night(kind: str, seed: int) -> World:
    """One person's night."""
    scenario: Scenario = find_scenario("apnoea-night")
    share = CENTRAL_SHARE[kind]
    apnoea = () if share is None else (
        IncidentSpec(kind=IncidentKind.APNOEA, at_h=_APNOEA_AT_H, person=0, central_share=share),
    )  # fmt: skip
    one = BuildingSpec(units=1, rooms_per_unit=1)
    return make_world(scenario.model_copy(update={"building": one, "incidents": apnoea}), seed)


def add(figures: Figures, world: World) -> None:
    """What the hub said of a night, held against it."""
    (bed,) = world.raw_beds
    said = derived(bed, world.device_ids.index(bed.device_id))
    ends_s = _ends_lying(bed, said)
    figures.in_bed_h += sum(one.until_s - one.from_s for one in bed.life.in_bed) / 3600.0
    figures.windows += len(ends_s)
    figures.pauses += len(bed.pauses)
    breath, heart = (_value(said, name, ends_s) for name in ("respiration_rate", "heart_rate"))
    breaths = bed.life.breaths.start_s[bed.life.breaths.air]
    figures.breath_errors += _errors(breath, breaths, ends_s, _BREATH_S)
    figures.heart_errors += _errors(heart, bed.life.beats.at_s, ends_s, _HEART_S)
    figures.told_empty += int((_value(said, "in_bed", ends_s) == 0.0).sum())
    for pause in bed.pauses:
        during = (ends_s >= pause.until_s) & (ends_s < pause.until_s + 10.0)
        figures.pauses_answered.append(float(np.isfinite(breath[during]).any()))
    _add_leavings(figures, world, bed, said)
    # What was derived is heard as if the bed had told it: the same, and not worked out twice.
    told = replace(world, track=joined([world.track, said]).in_order(), raw_beds=())
    _add_events(figures, world, bed, listen(told))


def _add_leavings(figures: Figures, world: World, bed: RawBed, said: Track) -> None:
    empty = (said.quantity == QUANTITY_CODE["in_bed"]) & (said.value == 0.0)
    for back_s, left_s in _leavings(bed, world.duration_s).items():
        if back_s - left_s >= _AWAY_S:
            figures.left += 1
            in_time = (said.time_s > left_s) & (said.time_s <= left_s + _TOLD_WITHIN_S)
            figures.left_told += bool((empty & in_time).any())


def _add_events(figures: Figures, world: World, bed: RawBed, heard: Iterable[Heard]) -> None:
    left_s = _leavings(bed, world.duration_s).values()
    for one in heard:
        if one.event.kind in _VITAL:
            figures.vital[one.event.kind.value] += 1
        if one.event.kind is E.BED_EXIT:
            at_s = (one.event.time_ns - world.start_ns) / NS_PER_S
            right = any(left - 30.0 <= at_s <= left + _TOLD_WITHIN_S for left in left_s)
            figures.false_exits += not right


def _leavings(bed: RawBed, end_s: float) -> dict[float, float]:
    """When they come back (or the night ends) -> when they left."""
    spans = bed.life.in_bed
    back = [one.from_s for one in spans[1:]] + [end_s]
    return {
        then: one.until_s for one, then in zip(spans, back, strict=True) if then > one.until_s
    }  # fmt: skip


def _ends_lying(bed: RawBed, said: Track) -> FloatArray:
    """Ends of windows whose whole minute somebody lay there."""
    times = np.unique(said.time_s)
    lying = np.zeros(len(times), dtype=np.bool_)
    for one in bed.life.in_bed:
        if not one.sits:
            lying |= (times > one.from_s + _BREATH_S + _ASLEEP_MARGIN_S) & (times < one.until_s)
    return times[lying]


def _value(said: Track, quantity: str, ends_s: FloatArray) -> FloatArray:
    """The value told at each of the moments, NaN for none."""
    rows = said.quantity == QUANTITY_CODE[quantity]
    given = dict(zip(said.time_s[rows].tolist(), said.value[rows].tolist(), strict=True))
    return np.array([given.get(end, np.nan) for end in ends_s.tolist()])


def _errors(
    told: FloatArray, happened_s: FloatArray, ends_s: FloatArray, over_s: float
) -> list[float]:
    """Told rates less counted ones, 1/min, where one was told."""
    errors = []
    for value, end in zip(told.tolist(), ends_s.tolist(), strict=True):
        if np.isfinite(value):
            inside = happened_s[(happened_s >= end - over_s) & (happened_s < end)]
            if len(inside) > 1:
                errors.append(value - 60.0 * (len(inside) - 1) / float(inside[-1] - inside[0]))
    return errors


def _rows(one: Figures, nights: int) -> list[tuple[str, str]]:
    breath, heart = np.abs(one.breath_errors), np.abs(one.heart_errors)
    return [
        ("nights, hours in bed", f"{nights}, {one.in_bed_h:.0f}"),
        ("breath answered", f"{len(breath) / one.windows:.3f}"),
        ("breath off by, mean /min", f"{breath.mean():.2f}"),
        ("breath off by more than 2", f"{(breath > 2.0).mean():.3f}"),
        ("heart answered", f"{len(heart) / one.windows:.3f}"),
        ("heart off by, mean /min", f"{heart.mean():.2f}"),
        ("heart off by more than 5", f"{(heart > 5.0).mean():.3f}"),
        ("windows told empty", f"{one.told_empty / one.windows:.4f}"),
        ("false bed exits", f"{one.false_exits}"),
        ("left for 3 min, told empty", f"{one.left_told} of {one.left}"),
        ("pauses of breath", f"{one.pauses}"),
        ("a rate told across a pause", f"{np.mean(one.pauses_answered):.2f}"),
        ("vital warnings, critical ones",
         ", ".join(str(one.vital[kind.value]) for kind in _VITAL)),
    ]  # fmt: skip


def main() -> None:
    """The three kinds, side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=20)
    given = parser.parse_args()
    show_machine()
    found = {}
    for kind in CENTRAL_SHARE:
        figures = Figures()
        for seed in track(range(1, given.nights + 1), description=kind, console=console):
            add(figures, night(kind, seed))
        found[kind] = _rows(figures, given.nights)
    table = Table(title="raw bed motion through the bank and the detectors")
    for title in ("", *found):
        table.add_column(title, justify="left" if not title else "right")
    for cells in zip(*found.values(), strict=True):
        table.add_row(cells[0][0], *(value for _, value in cells))
    console.print(table)


if __name__ == "__main__":
    main()
