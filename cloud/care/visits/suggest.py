"""Which group the record speaks for. A hint: a person sets the group. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# 80 and 60 are the ages of the verified groups (data/visits.json).
_VERY_OLD: Final = 80
_OLD: Final = 60
_ALONE: Final = {"lives_alone": "独居", "empty_nest": "空巢", "children_away": "留守"}
# The field `living` of the service list says two of the four flags too (domain page: four flags,
# never one for another).
_BY_LIVING: Final = {"lives_alone": "alone", "empty_nest": "couple_only"}
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`unknown`: facts not known that could put the elder into a group visited more often."""

    group: str
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]


def suggest(
    age: int, level: int | None, facts: Mapping[str, object], *, dementia: bool = False
) -> Suggestion:
    """`level`: of ability, None where never assessed; `facts`: the newest value of each field.

    `dementia`: the record has the diagnosis.
    """
    unknown: list[str] = []
    alone = [word for field, word in _ALONE.items() if _is_true(facts, field)]
    if age >= _VERY_OLD:
        if alone:
            return Suggestion("high_risk", (f"{age} 岁", *alone), ())
        unknown += [word for field, word in _ALONE.items() if _open(facts, field)]
    key = []
    if age >= _OLD:
        if level is not None and level > 0:
            key.append(f"能力等级 {level}")
        if dementia:
            key.append("失智（档案诊断）")
        if facts.get("economic_status") == "tekun" and facts.get("support_mode") == "dispersed":
            key.append("分散供养特困")
        if facts.get("family_planning_special") is True:
            key.append("计划生育特殊家庭")
    if key:
        return Suggestion("key", tuple(key), tuple(unknown))
    unknown += ["能力等级"] if level is None else []
    unknown += ["经济状况"] if _open(facts, "economic_status") else []
    if facts.get("economic_status") == "tekun":
        return Suggestion("hardship", ("特困",), tuple(unknown))
    return Suggestion("general", (), tuple(unknown))


def _is_true(facts: Mapping[str, object], field: str) -> bool:
    by_living = _BY_LIVING.get(field)
    said = by_living is not None and facts.get("living") == by_living
    return facts.get(field) is True or (said and facts.get(field) is not False)


def _open(facts: Mapping[str, object], field: str) -> bool:
    if field in _BY_LIVING and facts.get("living", _UNKNOWN) != _UNKNOWN:
        return False
    return facts.get(field, _UNKNOWN) == _UNKNOWN
