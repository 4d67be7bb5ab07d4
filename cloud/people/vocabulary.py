"""The words records are made of, from the domain's own data: A part of the form, service list."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

# 独居 and 空巢 and 留守 and 孤寡 are four different things (service-list.md, pitfalls). 留守 is the
# service list's own `children_away`; the other three have no field there.
LIVING_FLAGS: Final = {
    "lives_alone": "独居",
    "empty_nest": "空巢",
    "children_away": "留守",
    "no_kin": "孤寡",
}
UNKNOWN: Final = "unknown"
Value = bool | int | str
_FLAG_VALUES: Final[tuple[Value, ...]] = (True, False, UNKNOWN)
# From the birth date and from the assessments: not entered.
_DERIVED: Final = frozenset({"age", "ability_level"})
_DISTRICTS: Final = frozenset({"hukou_region", "resident_region"})
_DISTRICT_DIGITS: Final = 6
RISKS: Final = {
    "choking": "噎食",
    "wrong_intake": "食品药品误食",
    "pressure_injury": "压疮",
    "scald": "烫伤",
    "bed_fall": "坠床",
    "fall": "跌倒",
    "wandering": "走失",
    "harm": "他伤和自伤",
    "activity": "文体活动意外",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the service list. `values` empty: a district code."""

    key: str
    values: tuple[Value, ...]

    def problem_of(self, value: Value) -> str | None:
        """Why a value cannot be, or None. True is not 1."""
        if self.values:
            if any(value == known and type(value) is type(known) for known in self.values):
                return None
            return "must be one of " + ", ".join(json.dumps(known) for known in self.values)
        is_code = isinstance(value, str) and value.isdecimal() and len(value) == _DISTRICT_DIGITS
        return None if is_code or value == UNKNOWN else "must be a district code of 6 digits"


@cache
def fact_fields() -> dict[str, Field]:
    """What an elder's record holds with source and date, by key."""
    listed = _load("service_list.json")["fields"]
    fields = {
        key: Field(key, () if key in _DISTRICTS else _alternatives(text))
        for key, text in listed.items()
        if key not in _DERIVED
    }
    return {**{key: Field(key, _FLAG_VALUES) for key in LIVING_FLAGS}, **fields}


def _alternatives(text: str) -> tuple[Value, ...]:
    """`tekun 特困 | none | 1..4 | true` names its values by the first word of each part."""
    values: list[Value] = []
    for part in text.split(" | "):
        word = part.split()[0].split("(")[0]
        low, dots, high = word.partition("..")
        if dots:
            values += range(int(low), int(high) + 1)
        else:
            values.append({"true": True, "false": False}.get(word, word))
    return (*(value for value in values if value != UNKNOWN), UNKNOWN)


@cache
def form_values() -> dict[str, tuple[str, ...]]:
    """Answers of part A2: education, living, marital, payment, income."""
    values = _load("ability_assessment.json")["form"]["A2_values"]
    return {key: tuple(answers) for key, answers in values.items()}


@cache
def diagnoses() -> dict[str, str]:
    """Part A4: coded groups of illness and their names."""
    return dict(_load("ability_assessment.json")["form"]["A4_diagnoses"])


def _load(name: str) -> dict[str, Any]:
    # The one copy of it in the package is the care slice's, which stands above this one.
    text = (files("cloud") / "care" / "data" / name).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content
