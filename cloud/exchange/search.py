"""FHIR's search parameters as far as they are served, read and held against resources. Pure.

A parameter that is not served is refused, not passed over: whoever narrows a search and gets
everything has been told something wrong, and more than was asked for.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from cloud.clock import LOCAL_ZONE
from cloud.errors import FieldProblem, ProblemError
from cloud.exchange import codes
from cloud.exchange.codes import panel_code, quantity_of

Resource = dict[str, Any]

PREFIXES: Final = ("eq", "ne", "ge", "gt", "le", "lt", "sa", "eb", "ap")
# Of FHIR's answer parameters those that change nothing here.
_OF_FORM: Final = frozenset({"_format", "_pretty", "_count", "_offset"})
_FORM: Final = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d{2})(-(?P<day>\d{2})"
    r"(T(?P<hour>\d{2}):(?P<minute>\d{2})(:(?P<second>\d{2})(\.(?P<fraction>\d{1,6}))?)?"
    r"(?P<zone>Z|[+-]\d{2}:\d{2})?)?)?)?"
)
_Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class DateTest:
    """`ge2026-03-01`: a prefix and the stretch [begin, end) that its value stands for."""

    prefix: str
    begin: datetime
    end: datetime

    def holds(self, begin: datetime, end: datetime) -> bool:
        """Of something that was over [begin, end), as FHIR's table of prefixes has it."""
        within = self.begin <= begin and end <= self.end
        match self.prefix:
            case "eq":
                return within
            case "ne":
                return not within
            case "gt":
                return end > self.end
            case "ge":
                return end > self.end or within
            case "lt":
                return begin < self.begin
            case "le":
                return begin < self.begin or within
            case "sa":
                return begin >= self.end
            case "eb":
                return end <= self.begin
        return begin < self.end and end > self.begin  # ap: they overlap


def date_test(text: str, name: str) -> DateTest:
    """Of one value. A date without a zone is a day in China. Raises ProblemError 422."""
    prefix, value = (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)
    # A `+` in an address that nobody wrote as %2B arrives as a blank.
    stretch = _stretch(value.replace(" ", "+"))
    if stretch is None:
        raise wrong(name, f"{value[:40]!r} is no date or time such as ge2026-03-01")
    return DateTest(prefix, *stretch)


def _stretch(value: str) -> _Stretch | None:
    found = _FORM.fullmatch(value)
    if found is None:
        return None
    try:
        begin = datetime(
            int(found["year"]), int(found["month"] or 1), int(found["day"] or 1),
            int(found["hour"] or 0), int(found["minute"] or 0), int(found["second"] or 0),
            int((found["fraction"] or "0").ljust(6, "0")), tzinfo=_zone(found["zone"]),
        )  # fmt: skip
        return begin, _after(begin, found)
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> Any:
    return LOCAL_ZONE if text is None else datetime.fromisoformat(f"2000-01-01T00:00{text}").tzinfo


def _after(begin: datetime, found: re.Match[str]) -> datetime:
    """Where the stretch that was written so exactly is over."""
    if found["month"] is None:
        return begin.replace(year=begin.year + 1)
    if found["day"] is None:
        later = begin.replace(day=1) + timedelta(days=32)
        return later.replace(day=1)
    if found["hour"] is None:
        return begin + timedelta(days=1)
    if found["second"] is None:
        return begin + timedelta(minutes=1)
    if found["fraction"] is None:
        return begin + timedelta(seconds=1)
    return begin + timedelta(microseconds=10 ** (6 - len(found["fraction"])))


def over(tests: Sequence[DateTest]) -> tuple[datetime | None, datetime | None]:
    """[from, until) outside of which no moment can satisfy them; None: no bound."""
    begin: datetime | None = None
    end: datetime | None = None
    for test in tests:
        if test.prefix in ("eq", "ge", "ap"):
            begin = test.begin if begin is None else max(begin, test.begin)
        elif test.prefix in ("gt", "sa"):
            begin = test.end if begin is None else max(begin, test.end)
        if test.prefix in ("eq", "le", "ap"):
            end = test.end if end is None else min(end, test.end)
        elif test.prefix in ("lt", "eb"):
            end = test.begin if end is None else min(end, test.begin)
    return begin, end


def patient_of(values: Sequence[str]) -> uuid.UUID:
    """Of `patient=UUID` or `patient=Patient/UUID`. Raises ProblemError 422."""
    if len(set(values)) != 1:
        raise wrong("patient", "say whose record it is, once")
    try:
        return uuid.UUID(values[0].removeprefix("Patient/"))
    except ValueError:
        raise wrong("patient", "must be the id of a Patient") from None


@dataclass(frozen=True, slots=True)
class Codes:
    """What Observations are asked for: our quantities, the blood pressure panel, levels."""

    quantities: tuple[str, ...] = ()
    panel: bool = False
    levels: bool = False


def codes_of(values: Sequence[str]) -> Codes | None:
    """Of `code=http://loinc.org|8867-4,8310-5`; None: not asked for. Raises ProblemError 422."""
    if not values:
        return None
    if len(values) > 1:
        raise wrong("code", "an Observation has one code: write a,b for one or the other")
    quantities: list[str] = []
    panel = levels = False
    for one in values[0].split(","):
        quantity = quantity_of(one)
        if quantity is not None:
            quantities.append(quantity)
        elif panel_code(one):
            panel = True
        elif one in ("level", f"{codes.OWN_LEVEL}|level"):
            levels = True
        else:
            raise wrong("code", f"{one[:80]!r} is no code that is served here")
    return Codes(tuple(quantities), panel, levels)


# Parameters beside `patient`, by type: what tokens are looked for where.
_Tokens = Callable[[Resource], Sequence[tuple[str, str]]]


def _concepts(name: str) -> _Tokens:
    def of(resource: Resource) -> list[tuple[str, str]]:
        held = resource.get(name, [])
        concepts = held if isinstance(held, list) else [held]
        return [
            (coding.get("system", ""), coding.get("code", ""))
            for concept in concepts
            for coding in (concept.get("coding", [concept]) if isinstance(concept, dict) else [])
        ]

    return of


def _status(resource: Resource) -> list[tuple[str, str]]:
    held = resource.get("status", "")
    return [("", held)] if isinstance(held, str) else [*_concepts("status")(resource)]


def _identifiers(resource: Resource) -> list[tuple[str, str]]:
    return [(one.get("system", ""), one.get("value", "")) for one in resource["identifier"]]


def _bare(name: str) -> _Tokens:
    return lambda resource: [("", str(resource.get(name, "")))]


def _active(resource: Resource) -> list[tuple[str, str]]:
    return [("", "true" if resource["active"] else "false")]


TOKENS: Final[Mapping[str, Mapping[str, _Tokens]]] = MappingProxyType(
    {
        "Patient": {"gender": _bare("gender"), "active": _active},
        "Location": {"status": _status},
        "Device": {"identifier": _identifiers, "status": _status},
        "DeviceAssociation": {"status": _status},
        "DeviceUseStatement": {"status": _status},
        "Observation": {"category": _concepts("category"), "status": _status},
        "QuestionnaireResponse": {"status": _status, "questionnaire": _bare("questionnaire")},
        "Flag": {"status": _status, "code": _concepts("code")},
        "Consent": {"status": _status},
        "AuditEvent": {"action": _bare("action")},
    }
)
DATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Observation": "date", "QuestionnaireResponse": "authored", "Flag": "date",
        "Consent": "date", "AuditEvent": "date", "Patient": "birthdate",
    }
)  # fmt: skip
# Of these nothing says when they changed last.
UNDATED: Final = frozenset({"Location"})
# `subject` is FHIR's other name for whose it is, where a type has both.
_SUBJECTS: Final = frozenset(
    {"Observation", "QuestionnaireResponse", "Flag", "DeviceAssociation", "DeviceUseStatement"}
)


@dataclass(frozen=True, slots=True)
class Search:
    """What a search of one type asks for, read from its address."""

    ids: frozenset[str] | None
    tokens: tuple[tuple[str, tuple[str, ...]], ...]
    dates: tuple[DateTest, ...]
    changed: tuple[DateTest, ...]
    codes: Codes | None
    count: int
    offset: int

    def keeps(self, resource: Resource) -> bool:
        """Whether a resource is asked for."""
        if self.ids is not None and resource["id"] not in self.ids:
            return False
        known = TOKENS.get(resource["resourceType"], {})
        for name, wanted in self.tokens:
            held = known[name](resource)
            if not any(_fits(one, pair) for one in wanted for pair in held):
                return False
        return _all(self.dates, _stretch_of(resource)) and _all(self.changed, _changed_at(resource))


def _all(tests: Sequence[DateTest], stretch: _Stretch | None) -> bool:
    return not tests or (stretch is not None and all(test.holds(*stretch) for test in tests))


def _fits(wanted: str, held: tuple[str, str]) -> bool:
    """`code`, `system|code`, `system|`, `|code`."""
    system, bar, value = wanted.rpartition("|")
    return (not bar or held[0] == system) and (value == held[1] or (bool(bar) and not value))


def _stretch_of(resource: Resource) -> _Stretch | None:
    """When it was, by the element that the type's date parameter means."""
    match resource["resourceType"]:
        case "Observation":
            return _stretch(resource["effectiveDateTime"])
        case "QuestionnaireResponse":
            return _stretch(resource["authored"])
        case "AuditEvent":
            return _stretch(resource["recorded"])
        case "Patient":
            return _stretch(resource["birthDate"])
        case "Consent":
            return _stretch(resource.get("dateTime") or resource["date"])
        case "Flag":
            begin = _stretch(resource.get("period", {}).get("start", ""))
            return None if begin is None else (begin[0], datetime.max.replace(tzinfo=LOCAL_ZONE))
    return None


def _changed_at(resource: Resource) -> _Stretch | None:
    """`meta.lastUpdated`; of a reading, which nothing changes, when it was measured."""
    held = resource.get("meta", {}).get("lastUpdated") or resource.get("effectiveDateTime")
    return None if held is None else _stretch(held)


def parameters_of(resource_type: str) -> list[str]:
    """All that may be asked of a type, in the order of the CapabilityStatement."""
    own = [*TOKENS.get(resource_type, {})]
    if resource_type == "Observation":
        own.append("code")
    if resource_type in DATES:
        own.append(DATES[resource_type])
    whose = ["name", "identifier"] if resource_type == "Patient" else ["patient"]
    if resource_type in _SUBJECTS:
        whose.append("subject")
    last = [] if resource_type in UNDATED else ["_lastUpdated"]
    return [*dict.fromkeys([*whose, "_id", *last, *own])]


def read_search(resource_type: str, values: Mapping[str, Sequence[str]], most: int) -> Search:
    """Of the parameters of an address. Raises ProblemError 422 that names the parameter."""
    known = {*parameters_of(resource_type), *_OF_FORM}
    for name in values:
        if name not in known:
            served = ", ".join(parameters_of(resource_type))
            raise wrong(name, f"is not served for {resource_type}; served are {served}")
    said = {name: [one for one in many if one] for name, many in values.items()}
    ids = [one for text in said.get("_id", []) for one in text.split(",")]
    of_date = DATES.get(resource_type, "")
    return Search(
        ids=frozenset(ids) if ids else None,
        tokens=tuple(
            (name, tuple(text.split(",")))
            for name in TOKENS.get(resource_type, {})
            for text in said.get(name, [])
        ),
        dates=tuple(date_test(text, of_date) for text in said.get(of_date, [])),
        changed=tuple(date_test(text, "_lastUpdated") for text in said.get("_lastUpdated", [])),
        codes=codes_of(said.get("code", [])) if resource_type == "Observation" else None,
        count=_number(said, "_count", min(100, most), 1, most),
        offset=_number(said, "_offset", 0, 0, 100_000),
    )  # fmt: skip


def _number(
    said: Mapping[str, Sequence[str]], name: str, plain: int, lowest: int, highest: int
) -> int:
    values = said.get(name, [])
    if not values:
        return plain
    if not re.fullmatch(r"[0-9]{1,6}", values[0]) or not lowest <= int(values[0]) <= highest:
        raise wrong(name, f"must be a number from {lowest} to {highest}")
    return int(values[0])


def address(base: str, path: str, values: Mapping[str, Sequence[str]], **more: object) -> str:
    """The address of a page: as it was asked for, but for `more`."""
    kept = {name: list(many) for name, many in values.items() if name not in more}
    return f"{base}/{path}?{urlencode({**kept, **more}, doseq=True)}"


def wrong(name: str, message: str) -> ProblemError:
    """A parameter that cannot be, as FastAPI's own check would tell it."""
    errors = [FieldProblem(field=f"query.{name}", message=message).model_dump()]
    return ProblemError(422, "bad_request", f"query.{name}: {message}", errors=errors)
