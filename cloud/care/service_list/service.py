"""What elders may be entitled to, from their records as they are now."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from cloud.care.assessment.service import latest_filed
from cloud.care.service_list.evaluation import (
    AGE_DAY_AFTER,
    Entitlement,
    age_on,
    entitlements,
)
from cloud.care.service_list.fields import Fact, known_fields
from cloud.care.service_list.rules import RuleSet
from cloud.care.service_list.sets import RulesInForce, rules_in_force
from cloud.database import TenantScope
from cloud.people.models import Elder, ElderFact
from cloud.people.record import newest_facts

SOURCE_BIRTH_DATE = "出生日期"
SOURCE_DAY_AFTER = "出生日期（满岁从生日次日起算）"
SOURCE_ASSESSMENT = "能力评估"
REGION = "hukou_region"


async def entitlements_of(
    scope: TenantScope, elder: Elder, today: date
) -> tuple[RuleSet, tuple[Entitlement, ...]]:
    """The list in force for this elder, and every service three-valued with its evidence."""
    record = (await records_of(scope, [elder], today))[elder.id]
    rules = rules_for(await rules_in_force(scope, today), record)
    return rules, entitlements(rules, record)


def rules_for(in_force: RulesInForce, record: Mapping[str, Fact]) -> RuleSet:
    """By the district of the household registration: the seed asks for it."""
    region = record.get(REGION)
    return in_force.of(str(region.value) if region is not None and region.is_known else None)


async def records_of(
    scope: TenantScope, elders: Sequence[Elder], today: date
) -> dict[uuid.UUID, dict[str, Fact]]:
    """What is known of elders in the list's own fields, each with source and date."""
    ids = [elder.id for elder in elders]
    rows: dict[uuid.UUID, list[ElderFact]] = defaultdict(list)
    held = (
        scope.select(ElderFact)
        .where(ElderFact.elder_id.in_(ids), ElderFact.field.in_(known_fields()))
        .order_by(ElderFact.as_of, ElderFact.id)
    )
    for row in await scope.session.scalars(held):
        rows[row.elder_id].append(row)
    latest = await latest_filed(scope, ids)
    found: dict[uuid.UUID, dict[str, Fact]] = {}
    for elder in elders:
        record = {
            name: Fact(fact.value, fact.source, fact.as_of)
            for name, fact in newest_facts(rows[elder.id]).items()
        }
        record["age"] = Fact(age_on(elder.birth_date, today), SOURCE_BIRTH_DATE, today)
        record[AGE_DAY_AFTER] = Fact(
            age_on(elder.birth_date, today, day_after=True), SOURCE_DAY_AFTER, today
        )
        filed = latest.get(elder.id)
        if filed is not None and filed.final_level is not None:
            record["ability_level"] = Fact(
                filed.final_level, SOURCE_ASSESSMENT, filed.reference_date
            )
        found[elder.id] = record
    return found
