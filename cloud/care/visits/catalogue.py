"""Groups, ways and findings of visits, from the domain's own data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

# A finding that needs nothing to be done.
ALL_WELL: Final = "all_well"


@dataclass(frozen=True, slots=True)
class Group:
    """Elders who are visited equally often. `mark`: V verified, U from memory, D design default."""

    key: str
    interval_days: int
    mark: str
    zh: str
    en: str
    who_zh: str
    who_en: str
    source: str


@dataclass(frozen=True, slots=True)
class Word:
    """A way or a finding in both languages. `remote`: nobody was at the door."""

    key: str
    zh: str
    en: str
    remote: bool = False


@cache
def _document() -> dict[str, Any]:
    text = (files("cloud.care") / "data" / "visits.json").read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@cache
def groups() -> dict[str, Group]:
    """By key, the most often visited first."""
    return {row["key"]: Group(**row) for row in _document()["groups"]}


@cache
def ways() -> dict[str, Word]:
    """How somebody may be visited, by key. A sensor is none of them."""
    return {row["key"]: Word(**row) for row in _document()["ways"]}


@cache
def findings() -> dict[str, Word]:
    """What a visit may find, by code."""
    return {row["key"]: Word(**row) for row in _document()["findings"]}


def default_pull_forward_h() -> int:
    """Hours after a serious change within which somebody goes."""
    return int(_document()["pull_forward_h"]["value"])


def default_remote_in_a_row() -> int:
    """So many calls in a row count; then somebody goes."""
    return int(_document()["remote_in_a_row"]["value"])


def marks() -> dict[str, str]:
    """The marks of the figures that are no group's."""
    return {name: str(_document()[name]["mark"]) for name in ("pull_forward_h", "remote_in_a_row")}
