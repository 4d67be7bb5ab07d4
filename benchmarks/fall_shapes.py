"""Made-up falls beside recorded ones: how impacts look, figure by figure, as distributions.

For each body position: median and middle half of both, the Kolmogorov-Smirnov distance (0: the
same distribution, 1: nothing in common), and how far one half of the volunteers lies from the
other half (95 % of random splits): nearer than that, nobody could tell. Every volunteer counts the
same. `--write` measures all recorded falls and writes the statistics that made-up ones are drawn
from. Example: python -m benchmarks.fall_shapes --falls 200
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import beside
from benchmarks.beside import evenly
from benchmarks.cloud import show_machine
from edge.events import EventKind
from edge.fall.detector import FallDetector
from edge.signals import NS_PER_S, FloatArray, Origin, Position, Waveform
from firmware_sim.devices.recordings import Recordings, data_dir
from firmware_sim.devices.wearable import quantise, scale_nano_of
from firmware_sim.people import impact_shapes
from firmware_sim.people.day import living
from firmware_sim.people.falls import Aftermath, FallKind
from firmware_sim.people.impact_shapes import Impact, measured
from firmware_sim.people.wearer import Wearer


@dataclass(frozen=True, slots=True)
class Source:
    """Which recorded falls; made-up ones are sampled as fast and cut at the same range."""

    dataset: str
    range_g: float
    rate_hz: float
    licence: str


_NONE_STATED: Final = "none stated by the authors; here are only figures derived from it"
SOURCES: Final = {
    Position.WAIST: Source("sisfall", 8.0, 50.0, _NONE_STATED),
    Position.WRIST: Source("weda", 4.0, 40.0, _NONE_STATED),
    Position.CHEST: Source("umafall", 8.0, 20.0, "CC BY 4.0"),
}
# Of the chest there are 30 whole falls, at 20 Hz: too few and too slow to draw from.
WRITTEN: Final = (Position.WAIST, Position.WRIST)
_BEFORE_S: Final = 3.0
_AFTER_S: Final = 5.0
_FOUND_NS: Final = 5 * NS_PER_S
# The recorders' volunteers fall in these ways; a slide off a chair is another thing.
_WAYS: Final = (FallKind.FORWARD, FallKind.BACKWARD, FallKind.SIDEWAYS)
console = Console()


@dataclass(frozen=True, slots=True)
class Shape(Impact):
    """One fall, from three seconds before the impact to five after."""

    rest_g: float  # spread from the second second after it on
    turn_deg: float  # how far the wearer's axis has turned


FIGURES: Final = tuple(field.name for field in fields(Shape))
BySubject = Mapping[str, Sequence[Shape]]


def shape_of(samples_g: FloatArray, rate_hz: float, impact_n: int, range_g: float) -> Shape | None:
    """Of one fall, samples (n, 3) in g; None where there is too little around it."""
    clipped = np.clip(samples_g, -range_g, range_g)
    before, after = round(_BEFORE_S * rate_hz), round(_AFTER_S * rate_hz)
    near = round(impact_shapes.NEAR_S * rate_hz)
    size = np.linalg.norm(clipped, axis=1)
    around = size[max(0, impact_n - near) : impact_n + near]
    if not len(around):
        return None
    top = max(0, impact_n - near) + int(np.argmax(around))
    if top < before or top + after > len(size):
        return None
    was = clipped[top - before : top - round(1.5 * rate_hz)].mean(axis=0)
    then = clipped[top + round(2.0 * rate_hz) : top + after].mean(axis=0)
    cosine = was @ then / max(1e-9, float(np.linalg.norm(was) * np.linalg.norm(then)))
    return Shape(
        *astuple(measured(size, rate_hz, top)),
        rest_g=float(size[top + round(2.0 * rate_hz) : top + after].std()),
        turn_deg=float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))),
    )


def recorded(known: Recordings, position: Position) -> BySubject:
    """The shapes of all recorded falls that have enough around them, by volunteer."""
    source = SOURCES[position]
    found: dict[str, list[Shape]] = defaultdict(list)
    for one in known.find(dataset=source.dataset, position=position, is_fall=True):
        if one.impact_s is None:
            continue
        impact_n = round(one.impact_s * one.rate_hz)
        shape = shape_of(known.samples_g(one), one.rate_hz, impact_n, source.range_g)
        if shape is not None:
            found[one.subject].append(shape)
    return found


def balanced(found: BySubject, most: int) -> list[Shape]:
    """About `most` of them, of every volunteer as many (all, where there are fewer)."""
    each = max(1, round(most / len(found)))
    return [falls[n] for falls in found.values() for n in evenly(len(falls), each)]


def _falls(position: Position, count: int) -> Iterator[tuple[FloatArray, int]]:
    rate_hz = SOURCES[position].rate_hz
    for seed in range(count):
        wearer = Wearer(seed, position, rate_hz, living(10.0))
        ready = wearer.read(round(4.0 * rate_hz))
        aftermath = Aftermath.STILL if seed % 5 < 2 else Aftermath.STRUGGLING
        impact_n = wearer.fall(_WAYS[seed % len(_WAYS)], aftermath, 8.0)
        rest = wearer.read(impact_n - len(ready) + round(8.0 * rate_hz))
        yield np.concatenate([ready, rest]), impact_n


def made_up(position: Position, count: int) -> Iterator[Shape]:
    """Falls of as many made-up people."""
    source = SOURCES[position]
    for samples_g, impact_n in _falls(position, count):
        shape = shape_of(samples_g, source.rate_hz, impact_n, source.range_g)
        if shape is not None:
            yield shape


def found_by_detector(
    samples_g: FloatArray, rate_hz: float, impact_n: int, position: Position, range_g: float
) -> bool:
    """Whether our detector, at its own limits, suspects a fall near the impact."""
    detector = FallDetector()
    detector.open("d", position)
    counts, every = quantise(samples_g, range_g), round(rate_hz)
    blocks = [
        Waveform(
            "d", "acceleration", 10**18 + round(at * NS_PER_S / rate_hz), rate_hz,
            scale_nano_of(range_g) * 1e-9, range_g, counts[at : at + every], number, 1,
            Origin.SIMULATED,
        )
        for number, at in enumerate(range(0, len(counts), every))
    ]  # fmt: skip
    events = detector.process(blocks)
    return any(
        event.kind is EventKind.FALL_SUSPECTED
        and abs(event.time_ns - 10**18 - impact_n * NS_PER_S / rate_hz) < _FOUND_NS
        for event in events
    )


def found_recorded(known: Recordings, position: Position, most: int) -> float:
    """The share of recorded falls that the detector finds (it learned from these volunteers)."""
    source = SOURCES[position]
    falls = [
        one
        for one in known.find(dataset=source.dataset, position=position, is_fall=True)
        if one.impact_s is not None
        and one.impact_s > _BEFORE_S
        and one.duration_s - one.impact_s > _AFTER_S
    ]
    picked = falls[:: max(1, len(falls) // most)]
    found = [
        found_by_detector(
            known.samples_g(one), one.rate_hz, round((one.impact_s or 0.0) * one.rate_hz),
            position, source.range_g,
        )
        for one in picked
    ]  # fmt: skip
    return float(np.mean(found))


def found_made_up(position: Position, count: int) -> float:
    """The share of made-up falls that the detector finds."""
    source = SOURCES[position]
    return float(
        np.mean([
            found_by_detector(samples_g, source.rate_hz, impact_n, position, source.range_g)
            for samples_g, impact_n in _falls(position, count)
        ])
    )  # fmt: skip


def halves(found: BySubject, each: int) -> dict[str, float]:
    """How far half of the volunteers lie from the other half, by figure."""
    apart = beside.halves(
        list(found), lambda side: _rows(balanced({who: found[who] for who in side}, each))
    )
    return dict(zip(FIGURES, apart, strict=True))


def summed_up(found: BySubject, position: Position) -> dict[str, Any]:
    """What `impact_shapes.json` says of one position."""
    source = SOURCES[position]
    falls = [(who, astuple(shape)) for who, shapes in sorted(found.items()) for shape in shapes]
    figures = np.array([values[: len(impact_shapes.FIGURES)] for _, values in falls])
    return {
        "dataset": source.dataset, "licence": source.licence, "subjects": len(found),
        "falls": len(falls), "rate_hz": source.rate_hz, "range_g": source.range_g,
        **impact_shapes.summed_up(figures, [who for who, _ in falls]),
    }  # fmt: skip


def written(known: Recordings) -> str:
    """The whole of `impact_shapes.json`."""
    content = {
        "made_by": "python -m benchmarks.fall_shapes --write",
        "note": "Statistics of acted falls, every volunteer with the same weight. Sources and how "
        "to cite them: docs/data.md. No recording is part of this file.",
        "levels": "0, 0.025 .. 1 of the falls are at or below the quantile",
        "positions": {p.value: summed_up(recorded(known, p), p) for p in WRITTEN},
    }
    return json.dumps(content, indent=1) + "\n"


def distances(real: Sequence[Shape], simulated: Sequence[Shape]) -> dict[str, float]:
    """The Kolmogorov-Smirnov distance of each figure."""
    return dict(zip(FIGURES, beside.distances(_rows(real), _rows(simulated)), strict=True))


def _rows(shapes: Sequence[Shape]) -> FloatArray:
    return np.array([astuple(one) for one in shapes], dtype=np.float64)


def _table(position: Position, found: BySubject, most: int) -> Table:
    real, simulated = balanced(found, most), list(made_up(position, most))
    title = (
        f"{position.value}: {len(real)} recorded ({SOURCES[position].dataset}, "
        f"{len(found)} people), {len(simulated)} made up"
    )
    apart = list(halves(found, most // 2).values())
    return beside.table(title, FIGURES, _rows(real), _rows(simulated), apart, 2)


def main() -> None:
    """Both, position by position; or the statistics anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--falls", type=int, default=200)
    parser.add_argument("--write", action="store_true", help=f"make {impact_shapes.FILE.name} anew")
    given = parser.parse_args()
    known = Recordings(data_dir())
    if given.write:
        impact_shapes.FILE.write_text(written(known), encoding="utf-8")
        console.print(f"wrote {impact_shapes.FILE.name}")
        return
    show_machine()
    for position in SOURCES:
        console.print(_table(position, recorded(known, position), given.falls))
        real = found_recorded(known, position, given.falls)
        ours = found_made_up(position, given.falls)
        console.print(f"found by the detector: {real:.0%} of recorded, {ours:.0%} of made-up ones")


if __name__ == "__main__":
    main()
