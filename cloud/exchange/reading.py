"""Reads an assessment out of another body's bundle: whole, or refused with every reason. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from cloud.care.assessment.form import load_form
from cloud.exchange import codes
from cloud.exchange.codes import FhirVersion
from cloud.exchange.resources import model_of

_VERSIONS: Final[tuple[FhirVersion, ...]] = ("r5", "r4b")
_MAX_MISTAKES: Final = 50
_MAX_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong, where, in words."""

    field: str
    zh: str


class BundleError(ValueError):
    """A bundle that is refused; `wrong` says everything that is."""

    def __init__(self, wrong: list[Wrong]) -> None:
        super().__init__("; ".join(f"{one.field}: {one.zh}" for one in wrong))
        self.wrong = wrong[:_MAX_MISTAKES]


@dataclass(frozen=True, slots=True)
class OutsideAssessment:
    """What another body found: its answers, and what it made of them."""

    source_id: str
    citizen_number: str | None
    name: str
    birth_date: date | None
    reference_date: date
    answers: dict[str, str]
    total: int
    level: int


def read_assessment(bundle: Mapping[str, Any]) -> OutsideAssessment:
    """One person, one answered form, one level. Raises BundleError."""
    _require_valid(bundle)
    patient = _only(bundle, "Patient")
    response = _only(bundle, "QuestionnaireResponse")
    level = _level_of(bundle)
    wrong: list[Wrong] = []
    if response.get("questionnaire") != codes.QUESTIONNAIRE:
        said = str(response.get("questionnaire"))[:_MAX_SHOWN]
        wrong.append(Wrong("questionnaire", f"不是 GB/T 42195-2022 的量表：{said}"))
    if response.get("status") not in ("completed", "amended"):
        wrong.append(Wrong("status", "量表没有填完（status 不是 completed）"))
    answers = _answers(response, wrong)
    if wrong:
        raise BundleError(wrong)
    found_level, total, reference_date = level
    birth = patient.get("birthDate")
    return OutsideAssessment(
        source_id=str(response.get("id", ""))[:64],
        citizen_number=_citizen_number(patient),
        name=_name(patient),
        birth_date=None if birth is None else date.fromisoformat(birth),
        reference_date=reference_date,
        answers=answers,
        total=total,
        level=found_level,
    )


def _require_valid(bundle: Mapping[str, Any]) -> None:
    """In one of the two versions."""
    if bundle.get("resourceType") != "Bundle":
        raise BundleError([Wrong("resourceType", "不是 FHIR Bundle")])
    said = ""
    for version in _VERSIONS:
        try:
            model_of(version, "Bundle").model_validate(dict(bundle))
        except (ValueError, KeyError) as error:
            said = said or _first_line(error)
        else:
            return
    raise BundleError([Wrong("Bundle", f"不符合 FHIR R5 或 R4B：{said}")])


def _first_line(error: Exception) -> str:
    errors = getattr(error, "errors", None)
    if callable(errors):
        first = errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}"[:200]
    return str(error)[:200]


def _resources(bundle: Mapping[str, Any], resource_type: str) -> list[dict[str, Any]]:
    return [
        entry["resource"]
        for entry in bundle.get("entry", [])
        if entry.get("resource", {}).get("resourceType") == resource_type
    ]


def _only(bundle: Mapping[str, Any], resource_type: str) -> dict[str, Any]:
    found = _resources(bundle, resource_type)
    if len(found) != 1:
        raise BundleError(
            [Wrong(resource_type, f"应有且只有一个 {resource_type}，现有 {len(found)} 个")]
        )
    return found[0]


def _answers(response: Mapping[str, Any], wrong: list[Wrong]) -> dict[str, str]:
    items = load_form().items
    answers: dict[str, str] = {}
    for link_id, answer in _leaves(response.get("item", [])):
        item = items.get(link_id)
        if item is None:
            wrong.append(Wrong(link_id, "量表里没有这一项"))
            continue
        coding = answer.get("valueCoding", {})
        if coding.get("system") != codes.OWN_FORM:
            said = str(coding.get("system"))[:_MAX_SHOWN]
            wrong.append(Wrong(link_id, f"{item.zh}：答案的编码系统不认识（{said}）"))
            continue
        name, _, option = str(coding.get("code", "")).partition(":")
        if name != link_id or item.option(option) is None:
            said = str(coding.get("code"))[:_MAX_SHOWN]
            wrong.append(Wrong(link_id, f"{item.zh}：没有这个答案（{said}）"))
        elif link_id in answers:
            wrong.append(Wrong(link_id, f"{item.zh}：答了两次"))
        else:
            answers[link_id] = option
    wrong += [
        Wrong(code, f"{item.zh}：没有答案")
        for code, item in items.items()
        if code not in answers and all(one.field != code for one in wrong)
    ]
    return answers


def _leaves(items: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in items:
        for answer in item.get("answer", []):
            yield item["linkId"], answer
        yield from _leaves(item.get("item", []))


def _level_of(bundle: Mapping[str, Any]) -> tuple[int, int, date]:
    """(level, total, reference date) of the one Observation that says the level."""
    found = [
        one
        for one in _resources(bundle, "Observation")
        if _code(one.get("code", {}), codes.OWN_LEVEL) == "level"
    ]
    if len(found) != 1:
        raise BundleError([Wrong("Observation", f"应有且只有一个等级结果，现有 {len(found)} 个")])
    (one,) = found
    level = _code(one.get("valueCodeableConcept", {}), codes.OWN_LEVEL) or ""
    levels = {str(known.level) for known in load_form().levels}
    totals = [
        part.get("valueQuantity", {}).get("value")
        for part in one.get("component", [])
        if _code(part.get("code", {}), codes.OWN_LEVEL) == "total"
    ]
    wrong = []
    if level not in levels:
        wrong.append(Wrong("Observation.value", f"等级不认识：{level[:_MAX_SHOWN] or '没有'}"))
    if len(totals) != 1 or not isinstance(totals[0], int | float):
        wrong.append(Wrong("Observation.component", "没有总分"))
    try:
        on = date.fromisoformat(str(one.get("effectiveDateTime", ""))[:10])
    except ValueError:
        wrong.append(Wrong("Observation.effectiveDateTime", "没有评估日期"))
        on = date.min
    if wrong:
        raise BundleError(wrong)
    return int(level), int(totals[0]), on


def _code(concept: Mapping[str, Any], system: str) -> str | None:
    for coding in concept.get("coding", []):
        if coding.get("system") == system:
            return str(coding.get("code"))
    return None


def _citizen_number(patient: Mapping[str, Any]) -> str | None:
    for identifier in patient.get("identifier", []):
        if identifier.get("system") == codes.CITIZEN_NUMBER:
            return str(identifier.get("value"))
    return None


def _name(patient: Mapping[str, Any]) -> str:
    for name in patient.get("name", []):
        text = name.get("text") or f"{name.get('family', '')}{''.join(name.get('given', []))}"
        if text:
            return str(text)[:100]
    return ""
