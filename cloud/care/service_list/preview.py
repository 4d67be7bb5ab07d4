"""Whom a change of the rules would touch: everybody judged by both, and nothing written down."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from cloud.care.service_list.evaluation import entitlements
from cloud.care.service_list.fields import Fact
from cloud.care.service_list.rules import RuleSet
from cloud.care.service_list.service import records_of, rules_for
from cloud.care.service_list.sets import RulesInForce, rules_in_force, with_base
from cloud.database import TenantScope
from cloud.people.models import Elder

# Read at a time; between two, others get their turn.
_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Touched:
    """One service of one elder that would stand otherwise. None: not in the list."""

    elder_id: uuid.UUID
    service: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """All who are touched, and how many of how many elders."""

    touched: tuple[Touched, ...]
    names: Mapping[str, tuple[str, str]]  # of services: Chinese, English
    elders: int

    @property
    def counts(self) -> Counter[tuple[str, str | None, str | None]]:
        """By service and move."""
        return Counter((one.service, one.before, one.after) for one in self.touched)


async def preview(scope: TenantScope, draft: RuleSet, day: date) -> Preview:
    """The draft in place of what is in force on a day, for everybody in care."""
    now = await rules_in_force(scope, day)
    then = RulesInForce(with_base({**now.sets, draft.key: draft}))
    names = {
        service.key: (service.zh, service.en)
        for rules in (*now.sets.values(), *then.sets.values())
        for service in rules.services
    }
    touched: list[Touched] = []
    count, after = 0, uuid.UUID(int=0)
    while True:
        statement = scope.select(Elder).where(Elder.archived_at.is_(None), Elder.id > after)
        elders = list(await scope.session.scalars(statement.order_by(Elder.id).limit(_BATCH)))
        if not elders:
            return Preview(tuple(touched), names, count)
        records = await records_of(scope, elders, day)
        touched += await asyncio.to_thread(compare, now, then, records)
        count, after = count + len(elders), elders[-1].id


def compare(
    now: RulesInForce, then: RulesInForce, records: Mapping[uuid.UUID, Mapping[str, Fact]]
) -> list[Touched]:
    """By both rules. Pure."""
    found: list[Touched] = []
    for elder_id, record in records.items():
        before = _standings(now, record)
        after = _standings(then, record)
        found += [
            Touched(elder_id, key, before.get(key), after.get(key))
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]
    return found


def _standings(rules: RulesInForce, record: Mapping[str, Fact]) -> dict[str, str]:
    judged = entitlements(rules_for(rules, record), record)
    return {one.service.key: one.standing.value for one in judged}
