"""Rule sets of the basic care service list: data with a validity, checked when they are read.

A rule set holds services with their conditions; a district's overlay extends another set and adds,
changes or removes services and sets parameters. Everything wrong is named at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any, Final

from cloud.care.service_list.fields import (
    Field,
    FieldKind,
    Value,
    known_fields,
    list_document,
)

NATIONAL: Final = "national-2023"
# A parameter that every rule set may set: a full year counts from the day after the birthday
# (local practice, mark U). Not set: from the birthday itself.
AGE_FROM_DAY_AFTER: Final = "age_from_day_after"
# Nobody writes conditions by hand deeper than this; a file may be damaged, though.
MAX_DEPTH: Final = 12


class Op(StrEnum):
    """How a field is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    AT_LEAST = ">="
    AT_MOST = "<="
    IN = "in"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that the rule set's parameters give; None there: not set, so nobody can know."""

    key: str


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison. `wanted` is a value, for IN several."""

    field: str
    op: Op
    wanted: Value | tuple[Value, ...] | Parameter


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part must hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part must hold."""

    parts: tuple[Condition, ...]


Condition = Test | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Service:
    """One row of the list. `status` is its mark: `unverified` rows are shown as draft."""

    key: str
    zh: str
    en: str
    category: str
    target_zh: str
    eligibility: Condition
    hub_use: str
    status: str
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Services and parameters over `[valid_from, valid_until)`."""

    key: str
    title_zh: str
    region: str | None
    extends: str | None
    version: str
    valid_from: date
    valid_until: date | None
    parameters: Mapping[str, Value | None]
    services: tuple[Service, ...]
    removed: tuple[str, ...] = ()

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.valid_from <= day and (self.valid_until is None or day < self.valid_until)


class RuleError(ValueError):
    """What is wrong with a rule set, each with the place in it."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@cache
def national_rules() -> RuleSet:
    """The national list as far as it is known: every row is a draft until it is checked."""
    return parse_rule_set(
        {
            "key": NATIONAL,
            "title_zh": "国家基本养老服务清单（草稿，待核对）",
            "version": "2023-draft-1",
            "valid_from": "2023-05-01",
            "services": list_document()["services"],
        }
    )


def parse_rule_set(document: Mapping[str, Any]) -> RuleSet:
    """Read a rule set from its JSON. Raises RuleError naming every service and field at fault."""
    reader = _Reader()
    services, removed = [], []
    rows = reader.rows(document.get("services"), "services")
    for position, row in enumerate(rows):
        where = f"services[{row.get('key', position)}]"
        if row.get("removed") is True:
            removed.append(reader.text(row, "key", where))
        elif (service := reader.service(row, where)) is not None:
            services.append(service)
    _twice(reader, [str(row.get("key")) for row in rows])
    rule_set = RuleSet(
        key=reader.text(document, "key", ""),
        title_zh=reader.text(document, "title_zh", ""),
        region=document.get("region"),
        extends=document.get("extends"),
        version=reader.text(document, "version", ""),
        valid_from=reader.day(document, "valid_from") or date.min,
        valid_until=reader.day(document, "valid_until", needed=False),
        parameters=reader.parameters(document.get("parameters", {})),
        services=tuple(services),
        removed=tuple(removed),
    )
    if rule_set.valid_until is not None and rule_set.valid_until <= rule_set.valid_from:
        reader.problems.append("valid_until: 应晚于生效日期 (must be after valid_from)")
    if reader.problems:
        raise RuleError(tuple(reader.problems))
    return rule_set


def resolve(rule_sets: Mapping[str, RuleSet], key: str) -> RuleSet:
    """A rule set with all it extends worked in. Raises RuleError for a circle or a missing one."""
    chain: list[RuleSet] = []
    names: list[str] = []
    following: str | None = key
    while following is not None:
        if following in names:
            circle = " → ".join([*names, following])
            raise RuleError((f"extends: 规则集互相引用成了一圈 ({circle})",))
        names.append(following)
        rule_set = rule_sets.get(following)
        if rule_set is None:
            raise RuleError((f"extends: 没有这套规则 (there is no rule set {following!r})",))
        chain.append(rule_set)
        following = rule_set.extends
    services: dict[str, Service] = {}
    parameters: dict[str, Value | None] = {}
    for rule_set in reversed(chain):
        for removed in rule_set.removed:
            services.pop(removed, None)
        services.update({service.key: service for service in rule_set.services})
        parameters.update(rule_set.parameters)
    version = "+".join(f"{rule_set.key}@{rule_set.version}" for rule_set in reversed(chain))
    return replace(
        chain[0], services=tuple(services.values()), parameters=parameters, version=version
    )


def parameter_problems(rules: RuleSet) -> tuple[str, ...]:
    """Of a resolved rule set: conditions that ask for a parameter nobody named, or of no use."""
    found: list[str] = []
    if not isinstance(rules.parameters.get(AGE_FROM_DAY_AFTER), bool | None):
        found.append(
            f"parameters: {AGE_FROM_DAY_AFTER} 只能是 true 或 false (must be true or false)"
        )
    for service in rules.services:
        for test in tests_of(service.eligibility):
            if not isinstance(test.wanted, Parameter):
                continue
            name, where = test.wanted.key, f"services[{service.key}].{test.field}"
            if name not in rules.parameters:
                found.append(f"{where}: 参数 {name!r} 没有定义 (unknown parameter)")
            elif (value := rules.parameters[name]) is not None:
                problem = known_fields()[test.field].problem_with(value)
                if problem is not None:
                    found.append(f"{where}: 参数 {name!r} {problem}")
    return tuple(found)


def tests_of(condition: Condition) -> tuple[Test, ...]:
    """All comparisons of a condition, in order."""
    if isinstance(condition, Test):
        return (condition,)
    return tuple(test for part in condition.parts for test in tests_of(part))


def condition_document(condition: Condition) -> dict[str, Any]:
    """A condition as it stands in a document: what `parse_rule_set` read it from."""
    if isinstance(condition, Test):
        wanted: Any = condition.wanted
        if isinstance(wanted, Parameter):
            wanted = {"parameter": wanted.key}
        elif isinstance(wanted, tuple):
            wanted = list(wanted)
        return {"field": condition.field, "op": condition.op.value, "value": wanted}
    name = "all" if isinstance(condition, AllOf) else "any"
    return {name: [condition_document(part) for part in condition.parts]}


def service_document(service: Service) -> dict[str, Any]:
    """A service as it stands in a document."""
    names = ("key", "zh", "en", "category", "target_zh", "hub_use", "status")
    return {name: getattr(service, name) for name in names} | {
        "eligibility": condition_document(service.eligibility),
        "excludes": list(service.excludes),
    }


class _Reader:
    """Reads what it can and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def rows(self, value: object, where: str) -> list[Mapping[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.problems.append(f"{where}: 应为若干行 (must be a list of objects)")
            return []
        return value

    def text(self, row: Mapping[str, Any], name: str, where: str) -> str:
        value = row.get(name)
        if not isinstance(value, str) or not value.strip():
            self.problems.append(f"{where}.{name}".lstrip(".") + ": 没有填写 (must be a text)")
            return ""
        return value

    def day(self, row: Mapping[str, Any], name: str, *, needed: bool = True) -> date | None:
        value = row.get(name)
        if value is None and not needed:
            return None
        try:
            return date.fromisoformat(value)  # type: ignore[arg-type]  # anything else is an error
        except (TypeError, ValueError):
            self.problems.append(f"{name}: 应为日期 (must be a date such as 2026-01-31)")
            return None

    def parameters(self, value: object) -> dict[str, Value | None]:
        if not isinstance(value, dict) or not all(
            each is None or isinstance(each, bool | int | str) for each in value.values()
        ):
            self.problems.append("parameters: 应为名称和值 (must be names with values)")
            return {}
        return dict(value)

    def service(self, row: Mapping[str, Any], where: str) -> Service | None:
        eligibility = self.condition(row.get("eligibility"), f"{where}.eligibility", 0)
        names = ("key", "zh", "en", "category", "target_zh", "hub_use", "status")
        texts = {name: self.text(row, name, where) for name in names}
        excludes = row.get("excludes", [])
        if not isinstance(excludes, list) or not all(isinstance(key, str) for key in excludes):
            self.problems.append(f"{where}.excludes: 应为若干服务 (must be a list of service keys)")
            excludes = []
        if eligibility is None:
            return None
        return Service(eligibility=eligibility, excludes=tuple(excludes), **texts)

    def condition(self, node: object, where: str, depth: int) -> Condition | None:
        if depth > MAX_DEPTH:
            self.problems.append(f"{where}: 条件套得太深 (nested deeper than {MAX_DEPTH})")
            return None
        if not isinstance(node, dict):
            self.problems.append(f"{where}: 看不懂的条件 (must be all, any or a comparison)")
            return None
        for name, kind in (("all", AllOf), ("any", AnyOf)):
            if name in node:
                before = len(self.problems)
                rows = self.rows(node[name], f"{where}.{name}")
                if not rows and len(self.problems) == before:
                    self.problems.append(
                        f"{where}.{name}: 至少要有一个条件 (must hold at least one condition)"
                    )
                parts = [
                    self.condition(row, f"{where}.{name}[{position}]", depth + 1)
                    for position, row in enumerate(rows)
                ]
                return kind(tuple(part for part in parts if part is not None))
        return self.test(node, where)

    def test(self, node: Mapping[str, Any], where: str) -> Test | None:
        name = node.get("field")
        field = known_fields().get(name) if isinstance(name, str) else None
        if field is None:
            self.problems.append(f"{where}: 档案里没有字段 {name!r} (unknown field)")
            return None
        try:
            op = Op(node.get("op", ""))
        except ValueError:
            self.problems.append(
                f"{where}: 不认识的比较 {node.get('op')!r} (is not one of = != >= <= in)"
            )
            return None
        wanted = self.wanted(node.get("value"), field, op, f"{where}.{name}")
        return None if wanted is None else Test(field.name, op, wanted)

    def wanted(
        self, value: object, field: Field, op: Op, where: str
    ) -> Value | tuple[Value, ...] | Parameter | None:
        if op in (Op.AT_LEAST, Op.AT_MOST) and field.kind is not FieldKind.NUMBER:
            self.problems.append(f"{where}: {field.name} 不是数，不能比大小 ({op} needs a number)")
            return None
        if isinstance(value, dict) and isinstance(value.get("parameter"), str):
            if op is Op.IN:  # a parameter is one value: every answer would be no
                self.problems.append(f"{where}: 参数只有一个值，请用等于 (in takes no parameter)")
                return None
            return Parameter(value["parameter"])
        values = value if op is Op.IN else [value]
        if not isinstance(values, list) or not values:
            self.problems.append(f"{where}: 至少选一个值 (in needs a list of values)")
            return None
        found = [problem for each in values if (problem := field.problem_with(each)) is not None]
        self.problems.extend(f"{where}: {problem}" for problem in dict.fromkeys(found))
        if found:
            return None
        return tuple(values) if op is Op.IN else values[0]


def _twice(reader: _Reader, keys: list[str]) -> None:
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        reader.problems.append(f"services[{key}]: 出现了两次 (stands there twice)")
