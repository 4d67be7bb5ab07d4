"""The indicators: what each counts, what it does not, where it comes from. Data, shown as pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final


class Shape(StrEnum):
    """How an indicator is read."""

    SHARE = "share"  # part of whole
    TIMES = "times"  # median and p95 of seconds; part: how many; whole: with those without a time
    COUNT = "count"  # part; whole: what it is set against, where there is something
    HOURS = "hours"  # seconds of each kind; whole: all of them
    STOCK = "stock"  # part of whole as it stood at the end of the month


@dataclass(frozen=True, slots=True)
class Words:
    """One language."""

    name: str
    part: str
    whole: str
    counts: str
    leaves_out: str
    source: str


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator. `of_people`: its numbers tell of people, so small ones are masked.

    `kinds`: its parts, the one that is asked for first; those of alerts are their codes.
    """

    code: str
    shape: Shape
    zh: Words
    en: Words
    of_people: bool = True
    goal_percent: float | None = None
    per: int | None = None
    kinds: tuple[str, ...] = ()
    drill: bool = False
    connected: bool = True


def _load() -> dict[str, Indicator]:
    text = (files("cloud.bureau") / "data" / "indicators.json").read_text(encoding="utf-8")
    return {row["code"]: _indicator(row) for row in json.loads(text)}


def _indicator(row: Mapping[str, Any]) -> Indicator:
    words = {"zh": Words(**row["zh"]), "en": Words(**row["en"])}
    made = {"shape": Shape(row["shape"]), "kinds": tuple(row.get("kinds", ()))}
    return Indicator(**{**row, **words, **made})


CATALOGUE: Final[Mapping[str, Indicator]] = MappingProxyType(_load())
# The states of a covered hour and of a device's; the first is the one that is asked for.
COVERED: Final = CATALOGUE["coverage"].kinds
ONLINE: Final = CATALOGUE["devices_online"].kinds
# Whose events one looks at behind a number.
EVENTS_OF: Final = MappingProxyType(
    {
        "answered_60_s": "alerts", "answered_180_s": "alerts", "answer_time": "alerts",
        "alerts": "alerts", "falls": "falls", "drills": "drills",
    }
)  # fmt: skip
