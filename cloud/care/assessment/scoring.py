"""Score and level of an ability assessment (GB/T 42195-2022, C.1 to C.5), each step explained.

Pure. The same answers, circumstances and settings always give the same result, so that a stored
assessment can be worked out again with the rules of its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cloud.care.assessment.form import COMA, Form, LevelRule, Option, load_form

CONSCIOUSNESS: Final = "B.3.9"
# Two or more in thirty days (level rule 3, verified).
RISK_EVENTS_FOR_A_CHANGE: Final = 2
# The form counts none, 1, 2, 3 or more.
MAX_RISK_COUNT: Final = 3
# Changes whenever the same input could give another result.
RULES_VERSION: Final = "GB/T 42195-2022/1"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with one field of the form, for the assessor."""

    field: str
    zh: str
    en: str


class FormError(ValueError):
    """Answers that cannot be: every mistake at once, so that none is found only after another."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("; ".join(f"{mistake.field}: {mistake.en}" for mistake in mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """Open points of the standard's level rules, as an institution has settled them.

    Both defaults are unverified readings (mark U), shown as settings and never as law.
    """

    changes_add_up: bool = True
    events_count_together: bool = True


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the A part says that changes the level. `risk_events`: kind -> 0 .. 3 (3 or more)."""

    coma: bool = False
    dementia_confirmed: bool = False
    mental_disorder_by_psychiatrist: bool = False
    risk_events: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DomainScore:
    """C.1: the subtotal of one domain."""

    code: str
    zh: str
    score: int
    highest: int


@dataclass(frozen=True, slots=True)
class Ground:
    """C.4: one ground for changing the level, and what it did."""

    rule: str
    zh: str
    status: str
    because_zh: str
    because_en: str
    level_before: int
    level_after: int


@dataclass(frozen=True, slots=True)
class Result:
    """The report: subtotals, total, first level, grounds for change, final level."""

    rules_version: str
    settings: RuleSettings
    domains: tuple[DomainScore, ...]
    total: int
    first_level: int
    grounds: tuple[Ground, ...]
    final_level: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A form that is not full yet. It has no level, whatever is already answered."""

    answered: int
    missing: tuple[str, ...]
    domains: tuple[DomainScore, ...]


def assess(
    answers: Mapping[str, str],
    circumstances: Circumstances | None = None,
    settings: RuleSettings | None = None,
    form: Form | None = None,
) -> Result | Draft:
    """Work out the report from `answers` (item code -> option code). Raises FormError."""
    circumstances = circumstances or Circumstances()
    settings = settings or RuleSettings()
    form = form or load_form()
    chosen = _chosen(form, answers, circumstances)
    domains = _subtotals(form, chosen)
    missing = tuple(code for code in form.items if code not in chosen)
    if missing:
        return Draft(len(chosen), missing, domains)
    total = sum(domain.score for domain in domains)
    first = form.level_of(total).level
    is_coma = circumstances.coma or chosen[CONSCIOUSNESS].code == COMA
    grounds = tuple(_grounds(form, first, circumstances, settings, is_coma=is_coma))
    final = grounds[-1].level_after if grounds else first
    return Result(RULES_VERSION, settings, domains, total, first, grounds, final)


def _chosen(
    form: Form, answers: Mapping[str, str], circumstances: Circumstances
) -> dict[str, Option]:
    mistakes: list[Mistake] = []
    chosen: dict[str, Option] = {}
    items = form.items
    for code, answer in answers.items():
        item = items.get(code)
        if item is None:
            mistakes.append(Mistake(code, "评估表没有这一项", "the form has no such item"))
            continue
        option = item.option(answer)
        if option is None:
            allowed = "、".join(each.code for each in item.options)
            mistakes.append(
                Mistake(
                    code,
                    f"{item.zh}：没有“{answer}”这个选项，可选 {allowed}",
                    f"{item.en}: {answer!r} is not one of {allowed}",
                )
            )
            continue
        chosen[code] = option
    for kind, count in circumstances.risk_events.items():
        if kind not in form.risk_events:
            mistakes.append(
                Mistake(f"risk_events.{kind}", "没有这一类照护风险事件", "no such kind of event")
            )
        elif not 0 <= count <= MAX_RISK_COUNT:
            mistakes.append(
                Mistake(
                    f"risk_events.{kind}",
                    "次数应为 0、1、2 或 3（3 次及以上）",
                    f"{count} is not 0, 1, 2 or 3 (3 or more)",
                )
            )
    if mistakes:
        raise FormError(tuple(mistakes))
    return chosen


def _subtotals(form: Form, chosen: Mapping[str, Option]) -> tuple[DomainScore, ...]:
    return tuple(
        DomainScore(
            domain.code,
            domain.zh,
            sum(chosen[item.code].score for item in domain.items if item.code in chosen),
            domain.highest,
        )
        for domain in form.domains
    )


def _grounds(
    form: Form, first: int, circumstances: Circumstances, settings: RuleSettings, *, is_coma: bool
) -> list[Ground]:
    """C.4 in the standard's order. At the last level nothing changes any more."""
    last = form.levels[-1].level
    if is_coma:
        ground = _ground(form.rule("coma"), "处于昏迷状态", "in a coma", first, last)
        return [] if first == last else [ground]
    grounds: list[Ground] = []
    level = first
    for rule, because in (
        (form.rule("dementia_or_mental_disorder"), _because_mind(circumstances)),
        (form.rule("risk_events_30d"), _because_events(circumstances, settings)),
    ):
        if because is None:
            continue
        may_change = settings.changes_add_up or not grounds
        after = min(level + (rule.raise_level or 0), last) if may_change else level
        if after != level:
            grounds.append(_ground(rule, *because, level, after))
            level = after
    return grounds


def _ground(rule: LevelRule, because_zh: str, because_en: str, before: int, after: int) -> Ground:
    return Ground(rule.key, rule.zh, rule.status, because_zh, because_en, before, after)


def _because_mind(circumstances: Circumstances) -> tuple[str, str] | None:
    if circumstances.dementia_confirmed:
        return "确诊痴呆（F00~F03）", "dementia confirmed (F00-F03)"
    if circumstances.mental_disorder_by_psychiatrist:
        return (
            "精神科专科医生诊断的其他精神和行为障碍（F04~F99）",
            "another mental disorder diagnosed by a psychiatrist (F04-F99)",
        )
    return None


def _because_events(circumstances: Circumstances, settings: RuleSettings) -> tuple[str, str] | None:
    counts = circumstances.risk_events.values()
    count = (sum if settings.events_count_together else max)([0, *counts])
    if count < RISK_EVENTS_FOR_A_CHANGE:
        return None
    together = "合计" if settings.events_count_together else "同一类"
    return (
        f"近 30 天照护风险事件{together} {count} 次",
        f"{count} care-risk events in the last 30 days",
    )
