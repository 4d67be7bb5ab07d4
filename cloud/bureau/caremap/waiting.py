"""Open needs of a district, masked: how many wait is a count of people. Pure.

Free beds and totals of beds are not masked: they are of furniture and contracts that a house
offers by itself, and of no elder. How many wait at a house is another matter: "1 waits for a home
bed at X" is somebody in that street.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloud.bureau.caremap.count import WAITING_KINDS
from cloud.bureau.masking import Sum, masked_cells
from cloud.bureau.sheet import ALL, Member


@dataclass(frozen=True, slots=True)
class Waiting:
    """Of one node and kind. None: masked, or (`known` False) not counted yet."""

    node: str
    level: str
    name: str
    kind: str
    count: int | None
    masked: bool
    known: bool


def waiting_of(
    members: Sequence[Member], said: Mapping[uuid.UUID, Mapping[str, int]], *, title: str,
    masking: bool = True,
) -> list[Waiting]:  # fmt: skip
    """All, districts and houses, each kind. A house that was not counted is not in the sums."""
    counted = [member for member in members if member.id in said]
    districts = sorted({member.district for member in counted} - {ALL})
    parts: dict[str, list[Member]] = {ALL: counted}
    parts |= {key: [member for member in counted if member.district == key] for key in districts}
    found = []
    for kind in WAITING_KINDS:
        of_house = {member.key: said[member.id].get(kind, 0) for member in counted}
        counts = of_house | {
            node: sum(of_house[member.key] for member in theirs) for node, theirs in parts.items()
        }
        hidden = _hidden(counts, districts, parts) if masking else frozenset()
        levels = [(ALL, "all", title)]
        levels += [(key, "district", parts[key][0].district_name) for key in districts]
        levels += [(member.key, "institution", member.name) for member in members]
        for node, level, name in levels:
            known = node in counts and (level == "institution" or bool(counted))
            masked = node in hidden
            count = None if masked or not known else counts[node]
            found.append(Waiting(node, level, name, kind, count, masked, known))
    return found


def _hidden(
    counts: Mapping[str, int], districts: Sequence[str], parts: Mapping[str, Sequence[Member]]
) -> frozenset[str]:
    of_none = [member.key for member in parts[ALL] if member.district == ALL]
    sums = [Sum(ALL, (*districts, *of_none))]
    sums += [Sum(key, tuple(member.key for member in parts[key])) for key in districts]
    cells = {key: (count,) for key, count in counts.items()}
    return masked_cells(cells, [one for one in sums if one.parts])
