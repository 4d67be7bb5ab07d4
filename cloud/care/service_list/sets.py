"""Which rules hold: the national list, and the overlays of this institution in force on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import or_

from cloud.care.service_list.models import ServiceRuleSet
from cloud.care.service_list.rules import (
    NATIONAL,
    RuleError,
    RuleSet,
    national_rules,
    parse_rule_set,
    resolve,
)
from cloud.database import TenantScope


@dataclass(frozen=True)
class RulesInForce:
    """All rule sets of one day, by key; resolved once for each region."""

    sets: Mapping[str, RuleSet]
    _resolved: dict[str | None, RuleSet] = field(default_factory=dict)

    def of(self, region: str | None) -> RuleSet:
        """The rules for people of a district: its own overlay, else the one for everybody."""
        if region not in self._resolved:
            self._resolved[region] = resolve(self.sets, self._leaf(region))
        return self._resolved[region]

    @property
    def signature(self) -> str:
        """Changes when any rule in force does."""
        return ";".join(f"{key}@{one.version}" for key, one in sorted(self.sets.items()))

    def _leaf(self, region: str | None) -> str:
        own = [key for key, one in self.sets.items() if region and one.region == region]
        common = [key for key, one in self.sets.items() if one.region is None and key != NATIONAL]
        for keys in (own, common):
            extended = {self.sets[key].extends for key in keys}
            leaves = sorted(key for key in keys if key not in extended)
            if leaves:
                return leaves[-1]
        return NATIONAL


async def rules_in_force(scope: TenantScope, day: date) -> RulesInForce:
    """What holds on a day. A set whose base has ended holds no longer either."""
    statement = scope.select(ServiceRuleSet).where(
        ServiceRuleSet.published_at.is_not(None), ServiceRuleSet.valid_from <= day,
        or_(ServiceRuleSet.valid_until.is_(None), ServiceRuleSet.valid_until > day),
    )  # fmt: skip
    found = [rule_set_of(row) for row in await scope.session.scalars(statement)]
    return RulesInForce(with_base({NATIONAL: national_rules()} | {one.key: one for one in found}))


def with_base(sets: Mapping[str, RuleSet]) -> dict[str, RuleSet]:
    """Those that can be resolved."""
    kept: dict[str, RuleSet] = {}
    for key, one in sets.items():
        try:
            resolve(sets, key)
        except RuleError:
            continue
        kept[key] = one
    return kept


def rule_set_of(row: ServiceRuleSet) -> RuleSet:
    """The edition as rules. Raises RuleError."""
    return parse_rule_set(document_of(row))


def document_of(row: ServiceRuleSet) -> dict[str, Any]:
    """The edition as a whole document."""
    return {
        "key": row.key,
        "title_zh": row.title,
        "region": row.region,
        "extends": row.extends,
        "version": str(row.edition),
        "valid_from": (row.valid_from or date.min).isoformat(),
        "valid_until": None if row.valid_until is None else row.valid_until.isoformat(),
        "services": row.document.get("services", []),
        "parameters": row.document.get("parameters", {}),
    }
