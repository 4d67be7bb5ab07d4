"""Made-up falls beside recorded ones: how impacts look, figure by figure, as distributions.

For each body position: median and middle half of both, and the Kolmogorov-Smirnov distance (0: the
same distribution, 1: nothing in common). Example: python -m benchmarks.fall_shapes --falls 200
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import ks_2samp

from benchmarks.cloud import show_machine
from edge.signals import FloatArray, Position
from firmware_sim.devices.recordings import Recordings, data_dir
from firmware_sim.people.day import living
from firmware_sim.people.falls import Aftermath, FallKind
from firmware_sim.people.wearer import Wearer

RATE_HZ: Final = 50.0
# Recorded falls of each position (at the wrist those that were sampled fast enough), and where
# both sides are cut: the narrower of the two ranges.
SOURCES: Final = {
    Position.WAIST: ("sisfall", 8.0),
    Position.WRIST: ("weda", 4.0),
    Position.CHEST: ("umafall", 8.0),
}
_BEFORE_S: Final = 3.0
_AFTER_S: Final = 5.0
# The recorders' volunteers fall in these ways; a slide off a chair is another thing.
_WAYS: Final = (FallKind.FORWARD, FallKind.BACKWARD, FallKind.SIDEWAYS)
console = Console()


@dataclass(frozen=True, slots=True)
class Shape:
    """One fall, from three seconds before the impact to five after."""

    peak_g: float  # the largest, within half a second of the impact
    dip_g: float  # the least in the second before
    low_s: float  # below 0.8 g in that second
    wide_s: float  # above half of the peak
    jerk_g_s: float  # the steepest rise
    rest_g: float  # spread from the second second after it on
    turn_deg: float  # how far the wearer's axis has turned


FIGURES: Final = tuple(field.name for field in fields(Shape))


def shape_of(samples_g: FloatArray, rate_hz: float, impact_n: int, range_g: float) -> Shape | None:
    """Of one fall, samples (n, 3) in g; None where there is too little around it."""
    clipped = np.clip(samples_g, -range_g, range_g)
    before, after = round(_BEFORE_S * rate_hz), round(_AFTER_S * rate_hz)
    near = round(0.5 * rate_hz)
    size = np.linalg.norm(clipped, axis=1)
    around = size[max(0, impact_n - near) : impact_n + near]
    if not len(around):
        return None
    top = max(0, impact_n - near) + int(np.argmax(around))
    if top < before or top + after > len(size):
        return None
    second = size[top - round(rate_hz) : top]
    close = size[top - near : top + near]
    was = clipped[top - before : top - round(1.5 * rate_hz)].mean(axis=0)
    then = clipped[top + round(2.0 * rate_hz) : top + after].mean(axis=0)
    cosine = was @ then / max(1e-9, float(np.linalg.norm(was) * np.linalg.norm(then)))
    return Shape(
        peak_g=float(size[top]),
        dip_g=float(second.min()),
        low_s=float((second < 0.8).sum() / rate_hz),
        wide_s=float((close > size[top] / 2.0).sum() / rate_hz),
        jerk_g_s=float(np.diff(close).max() * rate_hz),
        rest_g=float(size[top + round(2.0 * rate_hz) : top + after].std()),
        turn_deg=float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))),
    )


def recorded(known: Recordings, position: Position, most: int) -> Iterator[Shape]:
    """Recorded falls, evenly over what there is."""
    dataset, range_g = SOURCES[position]
    falls = list(known.find(dataset=dataset, position=position, is_fall=True))
    for one in falls[:: max(1, len(falls) // most)]:
        if one.impact_s is None:
            continue
        shape = shape_of(
            known.samples_g(one), one.rate_hz, round(one.impact_s * one.rate_hz), range_g
        )
        if shape is not None:
            yield shape


def made_up(position: Position, count: int) -> Iterator[Shape]:
    """Falls of as many made-up people."""
    for seed in range(count):
        wearer = Wearer(seed, position, RATE_HZ, living(10.0))
        ready = wearer.read(round(4.0 * RATE_HZ))
        aftermath = Aftermath.STILL if seed % 5 < 2 else Aftermath.STRUGGLING
        impact_n = wearer.fall(_WAYS[seed % len(_WAYS)], aftermath, 8.0)
        rest = wearer.read(impact_n - len(ready) + round(8.0 * RATE_HZ))
        shape = shape_of(np.concatenate([ready, rest]), RATE_HZ, impact_n, SOURCES[position][1])
        if shape is not None:
            yield shape


def distances(real: Sequence[Shape], simulated: Sequence[Shape]) -> dict[str, float]:
    """The Kolmogorov-Smirnov distance of each figure."""
    ours, theirs = (np.array([astuple(one) for one in some]) for some in (real, simulated))
    return {
        name: float(ks_2samp(ours[:, column], theirs[:, column]).statistic)
        for column, name in enumerate(FIGURES)
    }


def _table(position: Position, real: Sequence[Shape], simulated: Sequence[Shape]) -> Table:
    table = Table(title=f"{position.value}: {len(real)} recorded ({SOURCES[position][0]}), "
                  f"{len(simulated)} made up")  # fmt: skip
    for title in ("figure", "recorded", "middle half", "made up", "middle half", "KS"):
        table.add_column(title, justify="left" if title == "figure" else "right")
    far = distances(real, simulated)
    for name in FIGURES:
        cells = []
        for some in (real, simulated):
            values = [getattr(one, name) for one in some]
            low, middle, high = np.percentile(values, [25, 50, 75])
            cells += [f"{middle:.2f}", f"{low:.2f} .. {high:.2f}"]
        table.add_row(name, *cells, f"{far[name]:.2f}")
    return table


def main() -> None:
    """Both, position by position."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--falls", type=int, default=200)
    given = parser.parse_args()
    known = Recordings(data_dir())
    show_machine()
    for position in SOURCES:
        real = list(recorded(known, position, given.falls))
        console.print(_table(position, real, list(made_up(position, given.falls))))


if __name__ == "__main__":
    main()
