"""Who may be entitled to what: three-valued, with the evidence for every condition.

A missing field gives `unknown` (待核实), never `not met`. The result is a hint for staff and
family; decisions stay with the civil affairs office.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from cloud.care.service_list.fields import UNKNOWN, Fact, Record, Value
from cloud.care.service_list.rules import (
    AGE_FROM_DAY_AFTER,
    AllOf,
    Condition,
    Op,
    Parameter,
    RuleSet,
    Service,
    Test,
)
from cloud.people import age

# Beside `age`: what it is where a year counts from the day after the birthday.
AGE_DAY_AFTER: Final = "age_day_after"


class Standing(StrEnum):
    """Kleene's three values."""

    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One comparison as it came out: what was wanted, what is known, from where and when."""

    field: str
    op: str
    wanted: Value | tuple[Value, ...] | None
    found: Value | None
    source: str
    as_of: date | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One service for one elder. `missing`: fields whose value would settle an unknown."""

    service: Service
    standing: Standing
    evidence: tuple[Evidence, ...]
    missing: tuple[str, ...]
    excluded_by: tuple[str, ...]
    rule_version: str


def entitlements(rules: RuleSet, record: Record) -> tuple[Entitlement, ...]:
    """Every service of a resolved rule set for one record."""
    if rules.parameters.get(AGE_FROM_DAY_AFTER) is True and AGE_DAY_AFTER in record:
        record = {**record, "age": record[AGE_DAY_AFTER]}
    judged = {service.key: _judge(service, rules, record) for service in rules.services}
    met = {key for key, found in judged.items() if found.standing is Standing.MET}
    return tuple(
        found
        if not (against := _excluders(found.service, rules) & met)
        else Entitlement(
            found.service, found.standing, found.evidence, found.missing,
            tuple(sorted(against)), found.rule_version,
        )
        for found in judged.values()
    )  # fmt: skip


def _excluders(service: Service, rules: RuleSet) -> set[str]:
    """Services that cannot be had together with this one, whichever of the two says so."""
    others = {other.key for other in rules.services if service.key in other.excludes}
    return (others | set(service.excludes)) - {service.key}


def _judge(service: Service, rules: RuleSet, record: Record) -> Entitlement:
    evidence: list[Evidence] = []
    standing = _weigh(service.eligibility, record, rules.parameters, evidence)
    missing: list[str] = []
    if standing is Standing.UNKNOWN:
        open_ones = [row.field for row in evidence if row.standing is Standing.UNKNOWN]
        missing = list(dict.fromkeys(open_ones))
    return Entitlement(service, standing, tuple(evidence), tuple(missing), (), rules.version)


def _weigh(
    condition: Condition,
    record: Record,
    parameters: Mapping[str, Value | None],
    evidence: list[Evidence],
) -> Standing:
    if isinstance(condition, Test):
        row = _test(condition, record.get(condition.field), parameters)
        evidence.append(row)
        return row.standing
    found = {_weigh(part, record, parameters, evidence) for part in condition.parts}
    settling = Standing.NOT_MET if isinstance(condition, AllOf) else Standing.MET
    if settling in found:
        return settling
    if Standing.UNKNOWN in found:
        return Standing.UNKNOWN
    return Standing.MET if isinstance(condition, AllOf) else Standing.NOT_MET


def _test(test: Test, fact: Fact | None, parameters: Mapping[str, Value | None]) -> Evidence:
    wanted = parameters.get(test.wanted.key) if isinstance(test.wanted, Parameter) else test.wanted
    known = fact is not None and fact.is_known and wanted is not None
    standing = Standing.UNKNOWN
    if known and fact is not None and wanted is not None:
        standing = Standing.MET if _holds(test.op, fact.value, wanted) else Standing.NOT_MET
    return Evidence(
        field=test.field,
        op=test.op,
        wanted=wanted,
        found=None if fact is None else fact.value,
        source="" if fact is None else fact.source,
        as_of=None if fact is None else fact.as_of,
        standing=standing,
    )


def _holds(op: Op, found: Value, wanted: Value | tuple[Value, ...]) -> bool:
    if op is Op.IN:
        return isinstance(wanted, tuple) and any(_same(found, each) for each in wanted)
    if isinstance(wanted, tuple):
        return False
    if op is Op.EQUAL:
        return _same(found, wanted)
    if op is Op.NOT_EQUAL:
        return not _same(found, wanted)
    # `none` where a grade is asked for is known, and is no grade.
    if isinstance(found, str) or isinstance(wanted, str):
        return False
    return found >= wanted if op is Op.AT_LEAST else found <= wanted


def _same(found: Value, wanted: Value) -> bool:
    # True is 1 to Python, but a flag is no number.
    return isinstance(found, bool) is isinstance(wanted, bool) and found == wanted


def age_on(birth_date: date, day: date, *, day_after: bool = False) -> int:
    """Full years as the list counts them (cloud/people/age.py). Raises ValueError before birth."""
    if day < birth_date:
        raise ValueError(f"{day} is before the birth date {birth_date}")
    return age.age_on(birth_date, day, day_after=day_after)


def fact(value: Value | None, source: str, as_of: date | None) -> Fact:
    """A fact from a record's field; None there is unknown."""
    return Fact(UNKNOWN if value is None else value, source, as_of)
