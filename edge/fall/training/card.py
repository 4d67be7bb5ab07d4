"""The tables of the model card, in Markdown, as measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from edge.fall.training.perturb import Perturbation
from edge.fall.training.score import Row, wilson

# What the world does to a recording, and what the card calls it.
CONDITIONS: Final = MappingProxyType(
    {
        "sensor turned at random": Perturbation(rotate=True),
        "5 % of samples lost in bursts of 0.2 s": Perturbation(lose_share=0.05),
        "the same, other bursts": Perturbation(lose_share=0.05, seed=8),
        "5 % of samples lost one by one": Perturbation(drop_share=0.05),
        "cut to 25 Hz": Perturbation(rate_hz=25.0),
        "times of arrival": Perturbation(arrival=True),
    }
)
_FIGURES_HEAD: Final = (
    "| Data set / position / age | Falls | Sensitivity (95 % CI) | Activities "
    "| Specificity (95 % CI) | F1 | False | per h | Latency median / p95, s |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)
_CONDITIONS_HEAD: Final = (
    "| Input | trunk sensitivity | trunk specificity | wrist sensitivity | wrist specificity "
    "| p95 latency, s |\n|---|---|---|---|---|---|\n"
)


def card(rows: Sequence[Row], conditions: Mapping[str, Sequence[Row]]) -> str:
    """The table of figures, then one line for each condition."""
    figures = "".join(_figures(row) for row in rows if row.group != "ALL")
    lines = _condition("as recorded", rows)
    lines += "".join(_condition(name, changed) for name, changed in conditions.items())
    return f"{_FIGURES_HEAD}{figures}\n{_CONDITIONS_HEAD}{lines}"


def _figures(row: Row) -> str:
    name = f"**{row.group.lower()}, all**" if row.group.isupper() else row.group
    cells = (
        name, str(row.falls), _share(row.hits, row.falls), str(row.activities),
        _share(row.quiet, row.activities), _number(row.f1, 3), str(row.false_alarms),
        _number(row.false_per_hour, 2),
        f"{_number(row.latency_s(50), 2)} / {_number(row.latency_s(95), 2)}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _condition(name: str, rows: Sequence[Row]) -> str:
    totals = {row.group: row for row in rows}
    cells = [name]
    for group in ("TRUNK", "WRIST"):
        row = totals.get(group, Row(group))
        cells += [_number(row.sensitivity, 3), _number(row.specificity, 3)]
    cells.append(_number(totals["ALL"].latency_s(95), 2))
    return f"| {' | '.join(cells)} |\n"


def _share(part: int, whole: int) -> str:
    if not whole:
        return "-"
    low, high = wilson(part, whole)
    return f"{part / whole:.3f} ({low:.3f}-{high:.3f})"


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
