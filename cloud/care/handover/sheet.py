"""What is handed over, as lines that can be signed and compared. Pure.

A line says nothing that only time changes ("4 minutes overdue"): the same facts give the same
text and the same hash, so that what differs between giving and taking is what happened.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from cloud.canonical import canonical_json

SECTIONS: Final = (
    "open_alerts", "quiet_alerts", "alerts_of_shift", "out", "blind", "rounds_missed", "turning",
    "follow_ups", "attention", "observations",
)  # fmt: skip
FORMAT: Final = "yuyue-handover-1"


@dataclass(frozen=True, slots=True)
class Line:
    """One fact. `key` tells the same thing again; the words are what a person reads and signs."""

    section: str
    key: str
    zh: str
    en: str
    elder_id: str | None = None
    elder: str = ""
    place: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What differs: only `after`: new; only `before`: gone; both: changed."""

    before: Line | None
    after: Line | None


def text_of(head: dict[str, Any], lines: Sequence[Line]) -> str:
    """What is signed: one canonical text."""
    ordered = sorted(lines, key=lambda line: (SECTIONS.index(line.section), line.key))
    return canonical_json(
        {"format": FORMAT, "head": head, "lines": [asdict(one) for one in ordered]}
    )


def changes_text(changes: Sequence[Change]) -> str:
    """What the taker has read beside the snapshot."""
    return canonical_json(
        {
            "format": FORMAT,
            "changes": [
                {
                    "before": None if one.before is None else asdict(one.before),
                    "after": None if one.after is None else asdict(one.after),
                }
                for one in changes
            ],
        }
    )


def lines_in(text: str) -> list[Line]:
    """The lines of a signed text."""
    return [Line(**one) for one in json.loads(text)["lines"]]


def changes_in(text: str) -> list[Change]:
    """The changes of a signed text."""
    return [
        Change(*(None if one[side] is None else Line(**one[side]) for side in ("before", "after")))
        for one in json.loads(text)["changes"]
    ]


def digest(text: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def compare(before: Iterable[Line], after: Iterable[Line]) -> list[Change]:
    """What happened in between, in the order of the sections."""
    old = {(line.section, line.key): line for line in before}
    new = {(line.section, line.key): line for line in after}
    found = [
        Change(old.get(key), new.get(key))
        for key in old.keys() | new.keys()
        if old.get(key) != new.get(key)
    ]
    return sorted(found, key=_order)


def _order(change: Change) -> tuple[int, str]:
    line = change.after or change.before
    assert line is not None  # noqa: S101 - one of the two is there
    return SECTIONS.index(line.section), line.key
