"""The rules' numbers as data: a book with a version, the house's own in place of the default.

The shape of the rules is code (cloud/alerts/rules.py); what they compare with is here. Each alert
carries the version of the book that raised it, each move the rule that made it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final, Self

from pydantic import Field, model_validator

from cloud.alerts.codes import CODES, Category, Priority
from cloud.schema_types import ApiModel

# A delay longer than this would be a shelf that nobody signed.
MAX_DELAY_S: Final = 3600.0


class Merge(ApiModel):
    """How far apart two sensors may see one happening (alarms.md, 2: 30 s, D)."""

    fall_window_s: float = Field(gt=0, le=300)
    call_window_s: float = Field(gt=0, le=300)


class Delay(ApiModel):
    """Cures for chattering (ISA-18.2). `on_s`: only what lasts this long is told; `off_s`: only
    what stays away this long counts as passed.
    """

    on_s: float = Field(default=0.0, ge=0, le=MAX_DELAY_S)
    off_s: float = Field(default=0.0, ge=0, le=MAX_DELAY_S)


class Folds(ApiModel):
    """What a flood folds: a priority, all of its codes or these."""

    priority: Priority
    codes: list[str] | None = None


class Flood(ApiModel):
    """More than `more_than` alerts of a unit within `within_s` (EEMUA 191: 10 in 10 minutes)."""

    more_than: int = Field(ge=2, le=1000)
    within_s: float = Field(ge=10, le=86_400)
    folds: list[Folds]


class Relevance(ApiModel):
    """When what is heard of late is history and no call: null never.

    `over_history_after_s` counts where its end is known already.
    """

    history_after_s: float | None = Field(default=None, ge=0)
    over_history_after_s: float | None = Field(default=None, ge=0)


class Late(ApiModel):
    """Late truth: nothing counts as late below `late_after_s`. High alerts are never history."""

    late_after_s: float = Field(ge=0)
    default: Relevance
    by_code: dict[str, Relevance] = Field(default_factory=dict)


class RuleBookBody(ApiModel):
    """What a house may set."""

    merge: Merge
    suspicion_becomes_high_after_s: float = Field(gt=0, le=600)
    delays: dict[str, Delay]
    flood: Flood
    late: Late

    @model_validator(mode="after")
    def _known_and_safe(self) -> Self:
        named = {
            "delays": set(self.delays),
            "late.by_code": set(self.late.by_code),
            "flood.folds": {code for fold in self.flood.folds for code in fold.codes or ()},
        }
        for where, codes in named.items():
            if unknown := sorted(codes - CODES.keys()):
                raise ValueError(f"{where}: no such code {', '.join(unknown)}")
        for code, delay in self.delays.items():
            row = CODES[code]
            if delay.on_s and row.priority is not Priority.LOW:
                raise ValueError(f"delays.{code}.on_s: only what is low may be held back")
            if delay.off_s and not row.passes:
                raise ValueError(f"delays.{code}.off_s: it does not pass by itself")
        for fold in self.flood.folds:
            if fold.priority is Priority.HIGH:
                raise ValueError("flood.folds: high alerts are never folded")
            if fold.priority is Priority.MEDIUM and (
                fold.codes is None
                or any(CODES[code].category is not Category.TECHNICAL for code in fold.codes)
            ):
                raise ValueError("flood.folds: of medium ones only technical codes, by name")
        return self

    def delay_of(self, code: str) -> Delay:
        """The delays of a code; none where nothing is said."""
        return self.delays.get(code, _NO_DELAY)

    def folds(self, code: str, priority: Priority) -> bool:
        """Whether a flood folds it."""
        return any(
            fold.priority is priority and (fold.codes is None or code in fold.codes)
            for fold in self.flood.folds
        )

    def is_history(self, code: str, priority: Priority, late_s: float, *, over: bool) -> bool:
        """Whether something heard of `late_s` after it happened is history and no call."""
        if priority is Priority.HIGH or late_s < self.late.late_after_s:
            return False
        row = self.late.by_code.get(code, self.late.default)
        limits_s = [row.history_after_s, row.over_history_after_s if over else None]
        return any(limit_s is not None and late_s >= limit_s for limit_s in limits_s)


_NO_DELAY: Final = Delay()


class RuleBook(RuleBookBody):
    """A book in force. `version`: the default's (`3`), or that and the house's revision (`3.2`)."""

    version: str


@cache
def default_book() -> RuleBook:
    """The design defaults."""
    text = (files("cloud.alerts") / "data" / "rules.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    document.pop("source")
    return RuleBook.model_validate(document)
