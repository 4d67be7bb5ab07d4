"""The form of the ability assessment (GB/T 42195-2022), read from its data file.

`cloud/care/data/ability_assessment.json` is the one source of items, options, bands and rules; it
is a paraphrase for software, and the standard itself governs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

COMA: Final = "coma"


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer. `code` is what is stored: the score, or a flag where two share one."""

    code: str
    score: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Item:
    """One of the 26 second-level indicators."""

    code: str
    key: str
    zh: str
    en: str
    scope_en: str
    highest: int
    options: tuple[Option, ...]
    note: str | None

    def option(self, code: str) -> Option | None:
        """The option with this code."""
        return next((option for option in self.options if option.code == code), None)


@dataclass(frozen=True, slots=True)
class Domain:
    """One of the four first-level indicators."""

    code: str
    key: str
    zh: str
    en: str
    highest: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """An ability level: 0 (intact) .. 4 (complete loss), and the totals that give it."""

    level: int
    key: str
    zh: str
    short_zh: str
    en: str
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class LevelRule:
    """A rule that changes the first level, with its mark (`verified`, `unverified`)."""

    key: str
    zh: str
    status: str
    set_level: int | None
    raise_level: int | None


@dataclass(frozen=True, slots=True)
class Form:
    """The whole form. `document` holds the lists around the items as they came."""

    standard: str
    domains: tuple[Domain, ...]
    levels: tuple[Level, ...]
    rules: tuple[LevelRule, ...]
    risk_events: tuple[str, ...]
    total: int
    document: dict[str, Any]

    @property
    def items(self) -> dict[str, Item]:
        """All items by code, in the order of the form."""
        return {item.code: item for domain in self.domains for item in domain.items}

    def level_of(self, total: int) -> Level:
        """The level of a total. Raises ValueError outside 0 .. 90."""
        for level in self.levels:
            if level.lowest <= total <= level.highest:
                return level
        raise ValueError(f"total {total} is not 0 .. {self.total}")

    def rule(self, key: str) -> LevelRule:
        """A rule by key. Raises KeyError."""
        return {rule.key: rule for rule in self.rules}[key]


@cache
def load_form() -> Form:
    """The form in force. Raises ValueError where its arithmetic does not add up."""
    text = (files("cloud.care") / "data" / "ability_assessment.json").read_text("utf-8")
    document = json.loads(text)
    form = Form(
        standard=document["standard"]["id"],
        domains=tuple(_domain(domain) for domain in document["domains"]),
        levels=tuple(
            Level(
                row["level"], row["key"], row["zh"], row["short_zh"], row["en"],
                row["min"], row["max"],
            )
            for row in document["levels"]
        ),
        rules=tuple(_rule(rule) for rule in document["level_rules"]),
        risk_events=_risk_events(document["level_rules"]),
        total=document["total_max"],
        document=document,
    )  # fmt: skip
    _check(form, document["item_count"])
    return form


def _domain(row: dict[str, Any]) -> Domain:
    return Domain(
        row["code"], row["key"], row["name_zh"], row["name_en"], row["max"],
        tuple(_item(item) for item in row["items"]),
    )  # fmt: skip


def _item(row: dict[str, Any]) -> Item:
    options = tuple(
        Option(
            option.get("flag", str(option["score"])), option["score"], option["zh"], option["en"]
        )
        for option in row["options"]
    )
    return Item(
        row["code"], row["key"], row["name_zh"], row["name_en"], row["scope_en"], row["max"],
        options, row.get("note"),
    )  # fmt: skip


def _rule(row: dict[str, Any]) -> LevelRule:
    effect = row["effect"]
    return LevelRule(
        row["key"], row["zh"], row["status"], effect.get("set_level"), effect.get("raise_level")
    )


def _risk_events(rules: list[dict[str, Any]]) -> tuple[str, ...]:
    events = next(rule["events"] for rule in rules if "events" in rule)
    return tuple(event.split()[0] for event in events)


def _check(form: Form, item_count: int) -> None:
    if len(form.items) != item_count:
        raise ValueError(f"the form has {len(form.items)} items, not {item_count}")
    for domain in form.domains:
        if sum(item.highest for item in domain.items) != domain.highest:
            raise ValueError(f"{domain.code}: the items do not add up to {domain.highest}")
    for item in form.items.values():
        codes = [option.code for option in item.options]
        if len(set(codes)) != len(codes):
            raise ValueError(f"{item.code}: two options share a code")
        if max(option.score for option in item.options) != item.highest:
            raise ValueError(f"{item.code}: no option reaches {item.highest}")
    covered = [total for level in form.levels for total in range(level.lowest, level.highest + 1)]
    if sorted(covered) != list(range(form.total + 1)):
        raise ValueError("the levels do not cover each total once")
