"""The service list as the API shows it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

from cloud.care.service_list.editing import editions
from cloud.care.service_list.evaluation import Entitlement, Standing
from cloud.care.service_list.fields import FieldKind, known_fields
from cloud.care.service_list.models import EntitlementChange, ServiceRuleSet
from cloud.care.service_list.preview import Preview
from cloud.care.service_list.rules import (
    NATIONAL,
    RuleSet,
    condition_document,
    national_rules,
    service_document,
)
from cloud.care.service_list.schemas import (
    ConditionOut,
    EntitlementChangeOut,
    EntitlementOut,
    HandbookOut,
    HandbookServiceOut,
    MoveCountOut,
    PreviewOut,
    RuleFieldOut,
    RuleSetOut,
    RuleSetsOut,
    TouchedOut,
)
from cloud.care.service_list.sets import rules_in_force
from cloud.database import TenantScope
from cloud.people.reach import Reach
from cloud.people.service import elders_by_id

MAX_PEOPLE = 200
MAX_CHANGES = 200


def entitlement_out(found: Entitlement) -> EntitlementOut:
    """One service for one elder."""
    service = found.service
    return EntitlementOut(
        key=service.key,
        name=service.zh,
        name_en=service.en,
        category=service.category,
        target=service.target_zh,
        hub_use=service.hub_use,
        draft=service.status != "verified",
        standing=found.standing,
        evidence=[
            ConditionOut(
                field=row.field,
                op=row.op,
                wanted=list(row.wanted) if isinstance(row.wanted, tuple) else row.wanted,
                found=row.found,
                source=row.source,
                as_of=row.as_of,
                standing=row.standing,
            )
            for row in found.evidence
        ],
        missing=list(found.missing),
        excluded_by=list(found.excluded_by),
    )


async def rule_sets_out(scope: TenantScope, today: date) -> RuleSetsOut:
    """Everything the editor needs."""
    national = national_rules()
    in_force = await rules_in_force(scope, today)
    return RuleSetsOut(
        sets=[_national_out(national), *map(rule_set_out, await editions(scope))],
        fields=[
            RuleFieldOut(
                name=one.name,
                kind=one.kind,
                values=[True, False] if one.kind is FieldKind.FLAG else sorted(one.codes),
                lowest=one.lowest,
                highest=one.highest,
            )
            for one in known_fields().values()
        ],
        in_force=sorted(in_force.sets),
    )


def _national_out(national: RuleSet) -> RuleSetOut:
    return RuleSetOut(
        id=None,
        key=NATIONAL,
        edition=0,
        title=national.title_zh,
        region=None,
        extends=None,
        services=[service_document(service) for service in national.services],
        parameters=dict(national.parameters),
        valid_from=national.valid_from,
        valid_until=None,
        edited_at=None,
        edited_by="",
        published_at=None,
        published_by=None,
        reason="",
        version=0,
    )


def rule_set_out(row: ServiceRuleSet) -> RuleSetOut:
    """One edition."""
    return RuleSetOut(
        id=row.id,
        key=row.key,
        edition=row.edition,
        title=row.title,
        region=row.region,
        extends=row.extends,
        services=row.document["services"],
        parameters=row.document["parameters"],
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        edited_at=row.edited_at,
        edited_by=row.edited_by,
        published_at=row.published_at,
        published_by=row.published_by,
        reason=row.reason,
        version=row.version,
    )


async def preview_out(
    scope: TenantScope, seen: Preview, reach: Reach, *, with_names: bool
) -> PreviewOut:
    """Counts of all; names of those whom the viewer may see."""
    ids = {one.elder_id for one in seen.touched}
    visible = ids - await reach.hidden() if with_names else set()
    elders = await elders_by_id(scope, visible)
    people = [one for one in seen.touched if one.elder_id in elders][:MAX_PEOPLE]
    return PreviewOut(
        elders=seen.elders,
        touched=len(seen.touched),
        counts=[
            MoveCountOut(
                service=service,
                name=seen.names[service][0],
                name_en=seen.names[service][1],
                before=_standing(before),
                after=_standing(after),
                count=count,
            )
            for (service, before, after), count in sorted(seen.counts.items(), key=str)
        ],
        people=[
            TouchedOut(
                elder_id=one.elder_id,
                elder_name=elders[one.elder_id].name,
                service=one.service,
                before=_standing(one.before),
                after=_standing(one.after),
            )
            for one in people
        ],
        unseen=len(ids - visible),
    )


def _standing(text: str | None) -> Standing | None:
    return None if text is None else Standing(text)


async def changes_out(
    scope: TenantScope, reach: Reach, today: date, *, elder_id: uuid.UUID | None = None
) -> list[EntitlementChangeOut]:
    """The newest changes of elders within reach; without one's elder, first judgements left out."""
    statement = scope.select(EntitlementChange).where(~reach.hides(EntitlementChange.elder_id))
    if elder_id is None:
        statement = statement.where(EntitlementChange.cause != "first")
    else:
        statement = statement.where(EntitlementChange.elder_id == elder_id)
    statement = statement.order_by(EntitlementChange.id.desc()).limit(MAX_CHANGES)
    rows = list(await scope.session.scalars(statement))
    elders = await elders_by_id(scope, {row.elder_id for row in rows})
    names = await service_names(scope, today)
    return [
        EntitlementChangeOut(
            elder_id=row.elder_id,
            elder_name=elders[row.elder_id].name,
            service=row.service,
            name=names.get(row.service, (row.service, row.service))[0],
            name_en=names.get(row.service, (row.service, row.service))[1],
            before=_standing(row.before),
            after=_standing(row.after),
            cause=cast(Literal["record", "assessment", "birthday", "rules", "first"], row.cause),
            at=row.at,
            missing=row.missing,
            rule_version=row.rule_version,
        )
        for row in rows
    ]


async def service_names(scope: TenantScope, today: date) -> Mapping[str, tuple[str, str]]:
    """Chinese and English names of all services in force."""
    in_force = await rules_in_force(scope, today)
    return {
        service.key: (service.zh, service.en)
        for rules in in_force.sets.values()
        for service in rules.services
    }


@cache
def _plain_words() -> dict[str, dict[str, str]]:
    text = (files("cloud.care") / "data" / "handbook.json").read_text("utf-8")
    words: dict[str, dict[str, str]] = json.loads(text)
    return words


async def handbook_out(scope: TenantScope, today: date, region: str | None) -> HandbookOut:
    """The list in force in plain words; services without any have their target at least."""
    rules = (await rules_in_force(scope, today)).of(region)
    words: dict[str, Any] = _plain_words()
    return HandbookOut(
        title=rules.title_zh,
        rule_version=rules.version,
        on=today,
        services=[
            HandbookServiceOut(
                key=service.key,
                name=service.zh,
                name_en=service.en,
                category=service.category,
                target=service.target_zh,
                draft=service.status != "verified",
                **{
                    name: words.get(service.key, {}).get(name, "")
                    for name in ("what", "what_en", "bring", "bring_en")
                },
                eligibility=condition_document(service.eligibility),
            )
            for service in rules.services
        ],
    )
