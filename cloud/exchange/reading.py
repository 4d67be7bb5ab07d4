"""Reads an assessment out of another body's bundle: whole, or refused with every reason. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from cloud.canonical import canonical_json
from cloud.care.assessment.form import load_form
from cloud.exchange import codes
from cloud.exchange.codes import FhirVersion
from cloud.exchange.resources import model_of

_VERSIONS: Final[tuple[FhirVersion, ...]] = ("r5", "r4b")
_MAX_MISTAKES: Final = 50
_MAX_SHOWN: Final = 80
_MAX_ID: Final = 64
_SCORE: Final = "{score}"
_FINAL: Final = ("final", "amended", "corrected")
# Levels of the scale of 2013 run otherwise (domain page): nobody should type them over.
_OLD_SCALE: Final = "（MZ/T 039-2013 等旧量表的等级不能直接换算，请重新评估）"


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
    """One person, and the newest answered form with its level. Raises BundleError.

    A bundle of ours holds every assessment of an elder: the level says which form it is of.
    """
    _require_valid(bundle)
    patient = _only(bundle, "Patient")
    names = _names_of(bundle, patient)
    level = _level_of(bundle, names)
    response = _response_of(bundle, level)
    wrong: list[Wrong] = []
    said = str(response.get("questionnaire"))[:_MAX_SHOWN]
    if said.partition("|")[0] != codes.QUESTIONNAIRE:
        wrong.append(Wrong("questionnaire", f"不是 GB/T 42195-2022 的量表：{said}{_OLD_SCALE}"))
    if response.get("status") not in ("completed", "amended"):
        wrong.append(Wrong("status", "量表没有填完（status 不是 completed）"))
    _require_subject(response, names, wrong)
    answers = _answers(response, wrong)
    birth_date = _birth_date(patient, wrong)
    if wrong:
        raise BundleError(wrong)
    return OutsideAssessment(
        source_id=_source_id(bundle, response),
        citizen_number=_citizen_number(patient),
        name=_name(patient),
        birth_date=birth_date,
        reference_date=level.on,
        answers=answers,
        total=level.total,
        level=level.level,
    )


def _source_id(bundle: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    """What the other body calls it; where it calls it nothing, what is in it."""
    identifiers = response.get("identifier", [])
    if isinstance(identifiers, Mapping):  # one in R4B, several in R5
        identifiers = [identifiers]
    values = [response.get("id"), *(one.get("value") for one in identifiers)]
    named = next((str(value) for value in values if value), "")
    if named and len(named) <= _MAX_ID:
        return named
    held = {key: value for key, value in bundle.items() if key not in ("signature", "timestamp")}
    return hashlib.sha256(canonical_json(held).encode()).hexdigest()


def _birth_date(patient: Mapping[str, Any], wrong: list[Wrong]) -> date | None:
    birth = patient.get("birthDate")
    if birth is None:
        return None
    try:
        return date.fromisoformat(str(birth))
    except ValueError:
        wrong.append(Wrong("Patient.birthDate", "出生日期不全，需要年月日"))
        return None


def _names_of(bundle: Mapping[str, Any], patient: Mapping[str, Any]) -> frozenset[str]:
    """All that a reference to this patient can say."""
    held, url = patient.get("id"), _full_url(bundle, patient)
    names = {f"Patient/{held}", f"urn:uuid:{held}"} if held else set()
    return frozenset(names | ({url} if url else set()))


def _require_subject(
    resource: Mapping[str, Any], names: frozenset[str], wrong: list[Wrong]
) -> None:
    """Answers of nobody, or of somebody else than the bundle's person, are of no use."""
    field = f"{resource['resourceType']}.subject"
    said = resource.get("subject", {}).get("reference")
    if not said:
        wrong.append(Wrong(field, "没有写明是哪位老人的（缺 subject）"))
    elif said not in names and not any(
        said.endswith(f"/{name}") for name in names if name.startswith("Patient/")
    ):
        wrong.append(Wrong(field, "subject 指的不是来文里的这位老人"))


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


@dataclass(frozen=True, slots=True)
class _Level:
    """What an Observation says of a level; `of`: the form it was derived from, if it says so."""

    level: int
    total: int
    on: date
    of: str | None


def _level_of(bundle: Mapping[str, Any], names: frozenset[str]) -> _Level:
    """The newest level of the bundle. Raises BundleError."""
    found = [
        one
        for one in _resources(bundle, "Observation")
        if _code(one.get("code", {}), codes.OWN_LEVEL) == "level"
    ]
    if not found:
        raise BundleError([Wrong("Observation", f"没有等级结果{_foreign(bundle)}")])
    wrong: list[Wrong] = []
    read = [_read_level(one, names, wrong) for one in found]
    if wrong:
        raise BundleError(wrong)
    newest = max(one.on for one in read)
    latest = [one for one in read if one.on == newest]
    if len(latest) != 1:
        raise BundleError(
            [
                Wrong(
                    "Observation",
                    f"同一天（{newest}）有 {len(latest)} 个等级结果，不知道以哪个为准",
                )
            ]
        )
    return latest[0]


def _foreign(bundle: Mapping[str, Any]) -> str:
    """A level in codes that are not known here is named, not only missed."""
    systems = {
        str(coding.get("system"))[:_MAX_SHOWN]
        for one in _resources(bundle, "Observation")
        for coding in one.get("code", {}).get("coding", [])
    }
    return f"；来文里的编码系统不认识：{'、'.join(sorted(systems)[:5])}" if systems else ""


def _read_level(one: Mapping[str, Any], names: frozenset[str], wrong: list[Wrong]) -> _Level:
    level = _code(one.get("valueCodeableConcept", {}), codes.OWN_LEVEL) or ""
    levels = {str(known.level) for known in load_form().levels}
    if level not in levels:
        wrong.append(Wrong("Observation.value", f"等级不认识：{level[:_MAX_SHOWN] or '没有'}"))
    if one.get("status") not in _FINAL:
        wrong.append(Wrong("Observation.status", f"等级结果不是最终结果（{one.get('status')}）"))
    _require_subject(one, names, wrong)
    total = _total_of(one, wrong)
    try:
        on = date.fromisoformat(str(one.get("effectiveDateTime", ""))[:10])
    except ValueError:
        wrong.append(Wrong("Observation.effectiveDateTime", "没有评估日期"))
        on = date.min
    of = next((str(ref.get("reference", "")) for ref in one.get("derivedFrom", [])), None)
    return _Level(int(level) if level in levels else 0, total, on, of or None)


def _total_of(one: Mapping[str, Any], wrong: list[Wrong]) -> int:
    totals = [
        part.get("valueQuantity", {})
        for part in one.get("component", [])
        if _code(part.get("code", {}), codes.OWN_LEVEL) == "total"
    ]
    value = totals[0].get("value") if len(totals) == 1 else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        wrong.append(Wrong("Observation.component", "没有总分"))
        return 0
    unit = totals[0].get("code", _SCORE)
    if unit != _SCORE or totals[0].get("system", codes.UCUM) != codes.UCUM:
        said = str(unit)[:_MAX_SHOWN]
        wrong.append(Wrong("Observation.component", f"总分的单位应是 {_SCORE}，来文是 {said}"))
    if value != int(value):
        wrong.append(Wrong("Observation.component", f"总分应是整数，来文是 {value}"))
    return int(value)


def _response_of(bundle: Mapping[str, Any], level: _Level) -> dict[str, Any]:
    """The form that the level was derived from; the only one, where it does not say."""
    found = _resources(bundle, "QuestionnaireResponse")
    if len(found) > 1 and level.of is not None:
        found = [one for one in found if _is_meant(level.of, bundle, one)]
    if len(found) != 1:
        raise BundleError(
            [Wrong("QuestionnaireResponse", f"这个等级应有且只有一份量表，现有 {len(found)} 份")]
        )
    return found[0]


def _is_meant(reference: str, bundle: Mapping[str, Any], resource: Mapping[str, Any]) -> bool:
    names = (f"QuestionnaireResponse/{resource.get('id')}", _full_url(bundle, resource))
    return any(name and reference.endswith(name) for name in names)


def _full_url(bundle: Mapping[str, Any], resource: Mapping[str, Any]) -> str:
    return next(
        (
            str(entry.get("fullUrl", ""))
            for entry in bundle.get("entry", [])
            if entry.get("resource") is resource
        ),
        "",
    )


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
