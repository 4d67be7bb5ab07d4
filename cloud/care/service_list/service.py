"""What an elder may be entitled to, from their record as it is now."""

from __future__ import annotations

from datetime import date

from cloud.care.assessment.service import latest_filed
from cloud.care.service_list.evaluation import Entitlement, age_on, entitlements
from cloud.care.service_list.fields import Fact, known_fields
from cloud.care.service_list.rules import national_rules
from cloud.database import TenantScope
from cloud.people.models import Elder
from cloud.people.record import facts_of

SOURCE_BIRTH_DATE = "出生日期"
SOURCE_ASSESSMENT = "能力评估"


async def entitlements_of(scope: TenantScope, elder: Elder, today: date) -> tuple[Entitlement, ...]:
    """Every service of the list in force, three-valued, with its evidence."""
    return entitlements(national_rules(), await record_of(scope, elder, today))


async def record_of(scope: TenantScope, elder: Elder, today: date) -> dict[str, Fact]:
    """What is known of an elder in the list's own fields, each with source and date."""
    record = {
        name: Fact(fact.value, fact.source, fact.as_of)
        for name, fact in (await facts_of(scope, elder.id)).items()
        if name in known_fields()
    }
    record["age"] = Fact(age_on(elder.birth_date, today), SOURCE_BIRTH_DATE, today)
    latest = (await latest_filed(scope, [elder.id])).get(elder.id)
    if latest is not None and latest.final_level is not None:
        record["ability_level"] = Fact(latest.final_level, SOURCE_ASSESSMENT, latest.reference_date)
    return record
