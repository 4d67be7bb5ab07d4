"""A month of indicators by city, district and institution, masked. Pure."""

from __future__ import annotations

import uuid
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median
from typing import Final, Literal

from cloud.alerts.codes import CODES, Category
from cloud.bureau.catalogue import CATALOGUE, Indicator, Shape
from cloud.bureau.masking import Sum, masked_cells

ALL: Final = "all"
_ANSWERS: Final = ("answered_60_s", "answered_180_s", "answer_time")
# Whose rows say on how many days an institution was counted: one a day, whatever happened.
_EVERY_DAY: Final = "falls"
_DAY_S: Final = 86_400
Level = Literal["all", "district", "institution"]


@dataclass(frozen=True, slots=True)
class Member:
    """An institution that is counted."""

    id: uuid.UUID
    name: str
    district_code: str | None
    district_name: str
    shows_events: bool

    @property
    def district(self) -> str:
        """The key of its district's node; who is in none stands right under all."""
        return ALL if self.district_code is None else f"district:{self.district_code}"

    @property
    def key(self) -> str:
        """The key of its own node."""
        return f"institution:{self.id}"


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One indicator and kind of one institution's month, as `bureau_months` tells it."""

    member_id: uuid.UUID
    month: date
    indicator: str
    kind: str
    part: int
    whole: int
    last_part: int
    last_whole: int
    days: int
    seconds: Sequence[float]
    computed_at: datetime


@dataclass(frozen=True, slots=True)
class Node:
    """What figures are told of; `days`: institution days counted, of those there were."""

    key: str
    level: Level
    name: str
    parent: str | None
    days: int
    of_days: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one node. Masked: nothing of it is told. Without days: nothing is known."""

    node: str
    indicator: str
    kind: str
    masked: bool
    known: bool
    part: int | None = None
    whole: int | None = None
    percent: float | None = None
    per_1000: float | None = None
    median_s: float | None = None
    p95_s: float | None = None


@dataclass(slots=True)
class _Cell:
    part: int = 0
    whole: int = 0
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A month."""

    month: date
    nodes: list[Node]
    figures: list[Figure]
    computed_at: datetime | None

    def figure(self, node: str, indicator: str, kind: str = "") -> Figure | None:
        """None: there is no such."""
        return next(
            (f for f in self.figures if (f.node, f.indicator, f.kind) == (node, indicator, kind)),
            None,
        )


def sheet_of(
    members: Sequence[Member], rows: Iterable[MonthRow], month: date, today: date, *,
    title: str, masking: bool = True,
) -> Sheet:  # fmt: skip
    """The sheet. `masking` False: an institution's own numbers, for itself."""
    own = [row for row in rows if row.month == month]
    days = {row.member_id: row.days for row in own if row.indicator == _EVERY_DAY}
    nodes, above = _nodes(members, days, _days_so_far(month, today), title)
    kinds = _kinds(own)
    cells = _cells(members, own, above)
    hidden = _hidden(nodes, members, cells, kinds) if masking else frozenset()
    figures = [
        _figure(node, CATALOGUE[code], kind, cells.get((node.key, code, kind)),
                masked=_group(node.key, code, kind) in hidden)
        for node in nodes
        for code in CATALOGUE
        for kind in kinds[code]
    ]  # fmt: skip
    return Sheet(month, nodes, figures, max((row.computed_at for row in own), default=None))


def _days_so_far(month: date, today: date) -> int:
    """Days of the month that have begun."""
    if today < month:
        return 0
    length = monthrange(month.year, month.month)[1]
    last = month.replace(day=length)
    return length if today > last else today.day


def _nodes(
    members: Sequence[Member], days: Mapping[uuid.UUID, int], so_far: int, title: str
) -> tuple[list[Node], dict[uuid.UUID, tuple[str, ...]]]:
    """City, its districts, their institutions; and which nodes each institution counts in."""
    by_district: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        by_district[member.district].append(member)
    everywhere = sum(days.get(member.id, 0) for member in members)
    nodes = [Node(ALL, "all", title, None, everywhere, so_far * len(members))]
    for key, theirs in sorted(by_district.items()):
        if key != ALL:
            here = sum(days.get(member.id, 0) for member in theirs)
            name = next((m.district_name for m in theirs if m.district_name), "")
            nodes.append(Node(key, "district", name, ALL, here, so_far * len(theirs)))
        nodes += [
            Node(member.key, "institution", member.name, key, days.get(member.id, 0), so_far)
            for member in theirs
        ]
    above = {
        member.id: tuple(dict.fromkeys((ALL, member.district, member.key))) for member in members
    }
    return nodes, above


def _kinds(rows: Iterable[MonthRow]) -> dict[str, tuple[str, ...]]:
    seen: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        seen[row.indicator].add(row.kind)
    return {
        code: indicator.kinds or (tuple(sorted(seen["alerts"])) if code == "alerts" else ("",))
        for code, indicator in CATALOGUE.items()
    }


def _cells(
    members: Sequence[Member], rows: Iterable[MonthRow], above: Mapping[uuid.UUID, tuple[str, ...]]
) -> dict[tuple[str, str, str], _Cell]:
    cells: dict[tuple[str, str, str], _Cell] = defaultdict(_Cell)
    for row in rows:
        indicator = CATALOGUE.get(row.indicator)
        if indicator is None or row.member_id not in above:
            continue
        stock = indicator.shape is Shape.STOCK
        for node in above[row.member_id]:
            cell = cells[node, row.indicator, row.kind]
            cell.part += row.last_part if stock else row.part
            cell.whole += row.last_whole if stock else row.whole
            cell.seconds += row.seconds
    for (node, code, _), cell in list(cells.items()):
        if CATALOGUE[code].shape is Shape.HOURS:
            kinds = CATALOGUE[code].kinds
            cell.whole = sum(cells[node, code, kind].part for kind in kinds)
    return cells


def _group(node: str, code: str, kind: str) -> str:
    """What is masked together: who knows one number of a group works out the others."""
    return f"{node}|{'answers' if code in _ANSWERS else code}|{kind if code == 'alerts' else ''}"


def _hidden(
    nodes: Sequence[Node], members: Sequence[Member],
    cells: Mapping[tuple[str, str, str], _Cell], kinds: Mapping[str, tuple[str, ...]],
) -> frozenset[str]:  # fmt: skip
    counts: dict[str, tuple[int, ...]] = {}
    sums: list[Sum] = []
    codes = ["answers", *(c for c, one in CATALOGUE.items() if one.of_people or c == "coverage")]
    for code in codes:
        if code in _ANSWERS:
            continue
        for kind in kinds["alerts"] if code == "alerts" else ("",):
            for node in nodes:
                counts[_group(node.key, code, kind)] = _counts(node, code, kind, cells)
            for node in nodes:
                parts = [n.key for n in nodes if n.parent == node.key]
                if parts:
                    of_parts = tuple(_group(part, code, kind) for part in parts)
                    sums.append(Sum(_group(node.key, code, kind), of_parts))
    people = [kind for kind in kinds["alerts"] if is_of_people(kind)]
    for node in nodes:
        if people:
            of_kinds = tuple(_group(node.key, "alerts", kind) for kind in people)
            sums.append(Sum(_group(node.key, "answers", ""), of_kinds))
    return masked_cells(counts, sums)


def is_of_people(alert_code: str) -> bool:
    """Whether an alert is one of those whose answers count: all but technical ones."""
    known = CODES.get(alert_code)
    return known is None or known.category is not Category.TECHNICAL


def _counts(
    node: Node, code: str, kind: str, cells: Mapping[tuple[str, str, str], _Cell]
) -> tuple[int, ...]:
    def cell(indicator: str, of: str = kind) -> _Cell:
        return cells.get((node.key, indicator, of)) or _Cell()

    if code == "answers":
        return (*(cell(one).part for one in _ANSWERS), cell("answer_time").whole)
    if code == "coverage":  # how many people the hours are of, on an average day
        whole = cell(code, CATALOGUE[code].kinds[0]).whole
        return (-(-whole // (_DAY_S * node.days)) if node.days else 0,)
    found = cell(code)
    return (found.part,) if code in ("alerts", "assessments") else (found.part, found.whole)


def _figure(
    node: Node, indicator: Indicator, kind: str, cell: _Cell | None, *, masked: bool
) -> Figure:
    if not node.days or not indicator.connected:
        return Figure(node.key, indicator.code, kind, masked=False, known=False)
    if masked:
        return Figure(node.key, indicator.code, kind, masked=True, known=True)
    cell = cell or _Cell()
    return Figure(
        node.key, indicator.code, kind, masked=False, known=True, part=cell.part, whole=cell.whole,
        **_worked_out(indicator, cell),
    )  # fmt: skip


def _worked_out(indicator: Indicator, cell: _Cell) -> dict[str, float]:
    found: dict[str, float] = {}
    if indicator.shape in (Shape.SHARE, Shape.STOCK, Shape.HOURS) and cell.whole:
        found["percent"] = round(100 * cell.part / cell.whole, 1)
    if indicator.per and cell.whole:
        found["per_1000"] = round(indicator.per * cell.part / cell.whole, 2)
    if indicator.shape is Shape.TIMES and cell.seconds:
        seconds = sorted(cell.seconds)
        found["median_s"] = round(median(seconds), 1)
        # Nearest rank: a value that happened.
        found["p95_s"] = round(seconds[max(1, -(-len(seconds) * 95 // 100)) - 1], 1)
    return found
