"""Lines of a statement, their hash, and what has changed since others were signed. Pure.

A line is one service with its proof. Its key says which; its content says what. What was told in
a signed statement and is different now becomes a correction of the next one; nothing is counted
twice, and nothing is taken out of what was signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cloud.canonical import canonical_json

Kind = Literal["visit", "meal", "bath", "medical", "alert_response", "device"]
Change = Literal["withdrawn", "changed", "added"]


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One service. Times in ISO 8601 UTC; `minutes` of what has a length."""

    at: str
    kind: Kind
    ref: str
    elder_id: str
    elder: str
    until: str
    minutes: int
    by: str
    place: str
    confirmed: str
    note: str

    @property
    def key(self) -> str:
        """Which service this is, however it is told."""
        return f"{self.kind}:{self.ref}"


@dataclass(frozen=True, slots=True)
class Correction:
    """`before` as it was signed (None: it was not), `now` as it is (None: it is none)."""

    month: str
    change: Change
    before: Line | None
    now: Line | None


def corrections(told: Mapping[str, Line], now: Iterable[Line], month: str) -> list[Correction]:
    """What of a month that is signed is different now. `told`: by key, as last told."""
    current = {line.key: line for line in now}
    found = []
    for key in sorted(told.keys() | current.keys()):
        before, after = told.get(key), current.get(key)
        if before == after:
            continue
        change: Change = "changed"
        if before is None:
            change = "added"
        elif after is None:
            change = "withdrawn"
        found.append(Correction(month, change, before, after))
    return found


def as_told(lines: Iterable[Line], later: Iterable[Correction]) -> dict[str, Line]:
    """What was signed of a month, with the corrections that were signed after it in order."""
    told = {line.key: line for line in lines}
    for one in later:
        if one.now is not None:
            told[one.now.key] = one.now
        elif one.before is not None:
            told.pop(one.before.key, None)
    return told


def totals(lines: Iterable[Line]) -> dict[str, dict[str, int]]:
    """How many, and how many minutes, by kind."""
    counted: dict[str, dict[str, int]] = {}
    for line in lines:
        held = counted.setdefault(line.kind, {"count": 0, "minutes": 0})
        held["count"] += 1
        held["minutes"] += line.minutes
    return counted


def digest(body: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()


def line_of(held: Mapping[str, Any]) -> Line:
    """Back from JSON."""
    return Line(**held)


def correction_of(held: Mapping[str, Any]) -> Correction:
    """Back from JSON."""
    before, now = held["before"], held["now"]
    return Correction(
        held["month"], held["change"],
        None if before is None else line_of(before), None if now is None else line_of(now),
    )  # fmt: skip


def plain(one: Line | Correction) -> dict[str, Any]:
    """As JSON."""
    return asdict(one)
