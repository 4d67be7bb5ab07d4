"""The A part around the items: diagnoses, medicines, health problems (A.4, A.5). Pure.

The lists come from the form's own data file, as the items do. Two of them change the level: a coma
(A.5.11) and a confirmed dementia (F00-F03); another mental disorder changes it only where a
psychiatrist has found it, which the assessor says apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from cloud.care.assessment.form import load_form
from cloud.care.assessment.scoring import Circumstances, Mistake

COMA_PROBLEM: Final = "A.5.11"
DEMENTIA: Final = "F00-F03"
_YES: Final = "有"
_NONE: Final = "无"
# `A.5.3 伤口情况: 无/擦伤/... (multi)`, `A.5.6 牙齿缺失 (multi)`,
# `A.5.9 营养不良 (BMI below normal): 无/有`
_ENTRY: Final = re.compile(
    r"(?P<code>A\.5\.\d+) (?P<zh>[^:(]+?)\s*(\([^)]*\))?(: (?P<options>.+?))?(?P<multi> \(multi.*)?"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of A.5. Without `options` it is told in words."""

    code: str
    zh: str
    options: tuple[str, ...]
    several: bool


@cache
def problems() -> Mapping[str, Problem]:
    """The twelve entries by code, in the order of the form. Raises ValueError for another form."""
    found = {}
    for text in load_form().document["form"]["A5"]:
        entry = _ENTRY.fullmatch(text)
        if entry is None:
            raise ValueError(f"cannot read the entry {text!r}")
        options = () if entry["options"] is None else tuple(entry["options"].split("/"))
        found[entry["code"]] = Problem(
            entry["code"], entry["zh"].strip(), options, "multi" in text.rpartition("(")[2]
        )
    return found


@cache
def diagnoses() -> Mapping[str, str]:
    """A.4: code -> name."""
    return dict(load_form().document["form"]["A4_diagnoses"])


def mistakes_of(chosen: Mapping[str, Sequence[str]], found: Sequence[str]) -> list[Mistake]:
    """What cannot be of `chosen` (A.5: code -> options) and `found` (A.4: codes)."""
    mistakes = [
        Mistake(f"around.diagnoses.{code}", "评估表没有这一类诊断", "no such group of diagnoses")
        for code in found
        if code not in diagnoses()
    ]
    for code, options in chosen.items():
        field, problem = f"around.problems.{code}", problems().get(code)
        if problem is None:
            mistakes.append(Mistake(field, "评估表没有这一项", "the form has no such entry"))
            continue
        unknown = [one for one in options if one not in problem.options]
        if unknown:
            allowed = "、".join(problem.options) or "（用文字填写）"
            mistakes.append(
                Mistake(
                    field, f"{problem.zh}：没有“{unknown[0]}”这个选项，可选 {allowed}",
                    f"{unknown[0]!r} is not one of {allowed}",
                )
            )  # fmt: skip
        elif len(options) > 1 and (not problem.several or _NONE in options):
            mistakes.append(
                Mistake(field, f"{problem.zh}：只能选一项", "one answer only, or none beside 无")
            )
    return mistakes


def with_around(said: Circumstances, around: Mapping[str, Any]) -> Circumstances:
    """What the A part says counts like what the assessor says apart."""
    return replace(
        said,
        coma=said.coma or _YES in around.get("problems", {}).get(COMA_PROBLEM, ()),
        dementia_confirmed=said.dementia_confirmed or DEMENTIA in around.get("diagnoses", ()),
    )


def in_words(around: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(title, text) of what was filled in, for the report."""
    notes: Mapping[str, str] = around.get("notes", {})
    names = [diagnoses().get(code, code) for code in around.get("diagnoses", ())]
    told = [("疾病诊断", "、".join([*names, *filter(None, [notes.get("diagnoses", "")])]))]
    told.append(
        (
            "用药情况",
            "；".join(
                " ".join(filter(None, (one[name] for name in _OF_MEDICINE)))
                for one in around.get("medicines", ())
            ),
        )
    )
    chosen = around.get("problems", {})
    for code, problem in problems().items():
        parts = [*chosen.get(code, ()), *filter(None, [notes.get(code, "")])]
        told.append((problem.zh, "、".join(parts)))
    return [(title, text) for title, text in told if text]


_OF_MEDICINE: Final = ("name", "route", "dose", "frequency")
