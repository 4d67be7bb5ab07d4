"""The field dictionary of the service list: what an elder's record can say, and in which values.

The kinds are read from the dictionary's own descriptions (`cloud/care/data/service_list.json`),
so that a field added there is known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

UNKNOWN: Final = "unknown"

Value = int | bool | str


class FieldKind(StrEnum):
    """What values a field takes."""

    NUMBER = "number"
    FLAG = "flag"
    CODE = "code"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an elder's record. `codes`: the values of a CODE, and words among numbers."""

    name: str
    kind: FieldKind
    description: str
    codes: frozenset[str]
    lowest: int | None = None
    highest: int | None = None

    def problem_with(self, value: object) -> str | None:
        """Why this cannot be a value of the field; None: it can."""
        if isinstance(value, str) and value in self.codes:
            return None
        if self.kind is FieldKind.FLAG:
            return None if isinstance(value, bool) else "应为是或否 (must be true or false)"
        if self.kind is FieldKind.REGION:
            is_code = isinstance(value, str) and _REGION.fullmatch(value) is not None
            return None if is_code else "应为六位区划代码 (must be a district code of six digits)"
        if self.kind is FieldKind.CODE:
            return f"只能是 (must be one of) {', '.join(sorted(self.codes))}"
        if isinstance(value, bool) or not isinstance(value, int):
            return "应为整数 (must be a whole number)"
        if self.lowest is not None and self.highest is not None:
            in_range = self.lowest <= value <= self.highest
            return None if in_range else f"超出范围 (must be {self.lowest}..{self.highest})"
        return None if value >= 0 else "不能是负数 (must not be negative)"


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one field of one elder: the value, where it came from, and when."""

    value: Value
    source: str = ""
    as_of: date | None = None

    @property
    def is_known(self) -> bool:
        """Whether the value says anything."""
        return self.value != UNKNOWN


Record = Mapping[str, Fact]


@cache
def list_document() -> dict[str, Any]:
    """The data file as it is."""
    text = (files("cloud.care") / "data" / "service_list.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def known_fields() -> Mapping[str, Field]:
    """All fields by name."""
    return {name: _field(name, text) for name, text in list_document()["fields"].items()}


# `1..4 | none | unknown (...)`: a range, then words.
_RANGE: Final = re.compile(r"^(\d+)\.\.(\d+)")
_CODE: Final = re.compile(r"[a-z_]+")
_REGION: Final = re.compile(r"[0-9]{6}")


def _field(name: str, description: str) -> Field:
    parts = [part.strip() for part in description.split("|")]
    codes = frozenset(found.group() for part in parts if (found := _CODE.match(part)) is not None)
    if {"true", "false"} <= codes:
        return Field(name, FieldKind.FLAG, description, frozenset({UNKNOWN}))
    span = _RANGE.match(description)
    if span is not None:
        low, high = int(span.group(1)), int(span.group(2))
        return Field(name, FieldKind.NUMBER, description, codes | {UNKNOWN}, low, high)
    if len(parts) == 1:
        kind = FieldKind.NUMBER if description.startswith("whole") else FieldKind.REGION
        return Field(name, kind, description, frozenset({UNKNOWN}))
    return Field(name, FieldKind.CODE, description, codes | {UNKNOWN})
