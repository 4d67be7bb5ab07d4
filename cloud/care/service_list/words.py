"""What is wrong with a rule set, told to the person who edits it: in words, place first. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

_SERVICE: Final = re.compile(r"services\[(?P<key>[^\]]*)\](?P<rest>\S*): (?P<what>.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"\[(\d+)\]")
_PARTS: Final = MappingProxyType(
    {
        "zh": "名称", "en": "英文名称", "category": "类别", "target_zh": "服务对象",
        "hub_use": "用途", "status": "核实状态", "excludes": "不能同时享受的服务", "key": "代号",
    }
)  # fmt: skip
_TOP: Final = MappingProxyType(
    {
        "title_zh": "名称", "valid_from": "生效日期", "valid_until": "失效日期",
        "extends": "上级规则", "parameters": "参数", "services": "服务", "version": "版本",
        "key": "代号",
    }
)  # fmt: skip


def in_words(problem: str, document: Mapping[str, Any]) -> str:
    """A problem of `RuleError` with its place as an editor knows it."""
    found = _SERVICE.fullmatch(problem)
    if found is None:
        place, colon, what = problem.partition(": ")
        return f"{_TOP.get(place, place)}：{what}" if colon else problem
    rest = found["rest"].removeprefix(".")
    part = rest.partition(".")[0].partition("[")[0]
    numbers = "、".join(str(int(number) + 1) for number in _NUMBER.findall(rest))
    if part == "eligibility":
        place = f"条件第 {numbers} 行" if numbers else "条件"
    else:
        place = _PARTS.get(part, part)
    of = _name_of(found["key"], document)
    return f"服务“{of}”{'的' + place if place else ''}：{found['what']}"


def _name_of(key: str, document: Mapping[str, Any]) -> str:
    rows = document.get("services")
    for position, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict) and key in (str(row.get("key")), str(position)):
            return str(row.get("zh") or key)
    return key
