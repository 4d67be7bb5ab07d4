"""What the cloud told of a month against what really was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from firmware_sim.district.truth import Figures

_FIELDS = ("part", "whole", "median_s", "p95_s")


@dataclass(frozen=True, slots=True)
class Line:
    """One number of one node."""

    node: str
    indicator: str
    kind: str
    field: str
    truth: float | None
    told: float | None

    @property
    def difference(self) -> float:
        """0: the same. What one of them has not counts as infinitely far."""
        if self.truth is None or self.told is None:
            return 0.0 if self.truth == self.told else float("inf")
        return self.told - self.truth


def compare(truth: Figures, told: Iterable[Mapping[str, Any]]) -> list[Line]:
    """Every number of either; what did not happen is a zero."""
    ours = {(f["node"], f["indicator"], f["kind"]): f for f in told}
    nothing: dict[str, Any] = {"part": 0, "whole": 0}
    lines = []
    for key in sorted(truth.keys() | ours.keys()):
        node, indicator, kind = key
        for name in _FIELDS:
            was, said = (side.get(key, nothing).get(name) for side in (truth, ours))
            if was is not None or said is not None:
                lines.append(Line(node, indicator, kind, name, was, said))
    return lines


def table_of(lines: Iterable[Line], nodes: Iterable[str]) -> Table:
    """Of these nodes; elsewhere only what differs."""
    shown = set(nodes)
    table = Table("Where", "Indicator", "Kind", "Number", title="Truth and told")
    for name in ("Truth", "Told", "Difference"):
        table.add_column(name, justify="right")
    for line in lines:
        if line.node in shown or line.difference:
            style = "bold red" if line.difference else None
            table.add_row(
                line.node, line.indicator, line.kind, line.field, f"{line.truth:,}"
                if line.truth is not None else "-", f"{line.told:,}"
                if line.told is not None else "-", f"{line.difference:g}", style=style,
            )  # fmt: skip
    return table
