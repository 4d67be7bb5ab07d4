"""What the API says about the basic care service list."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from cloud.care.service_list.evaluation import Standing
from cloud.care.service_list.fields import Value
from cloud.schema_types import ApiModel


class ConditionOut(ApiModel):
    """One condition: what is asked, what is known, from where and as of when."""

    field: str
    op: str
    wanted: Value | list[Value] | None
    found: Value | None
    source: str
    as_of: date | None
    standing: Standing


class EntitlementOut(ApiModel):
    """One service for one elder. `missing`: what would settle an unknown (待核实)."""

    key: str
    name: str
    name_en: str
    category: str
    target: str
    hub_use: str
    draft: bool
    standing: Standing
    evidence: list[ConditionOut]
    missing: list[str]
    excluded_by: list[str]


class EntitlementsOut(ApiModel):
    """The whole list for one elder: hints, not decisions."""

    elder_id: UUID
    on: date
    rule_version: str
    services: list[EntitlementOut]
