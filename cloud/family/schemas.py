"""What a relative is told: coarse, honest, and nothing raw."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from cloud.care.service_list.evaluation import Standing
from cloud.care.service_list.fields import Value
from cloud.schema_types import ApiModel, UtcMs

# `calm` only where everything that is needed can be seen, and nothing is open.
Mood = Literal["calm", "attention", "partly_seen", "not_seen", "not_shared"]


class NightOut(ApiModel):
    """The last night, rounded to quarters of an hour."""

    morning: date
    in_bed_min: int
    up_times: int
    unseen_min: int = Field(description="time without data: not rest, and not being up")


class MissingOut(ApiModel):
    """What cannot be seen, in the terms of a relative."""

    what: str = Field(description="fall, inactivity, bed, sos, vitals or exit")
    level: Literal["partial", "lost"]
    since: UtcMs


class CoverageOut(ApiModel):
    """Whether the hub can see. Blind is never well."""

    state: Literal["protected", "degraded", "blind"]
    since: UtcMs | None
    cause: str | None
    missing: list[MissingOut]


class FamilyElder(ApiModel):
    """One elder as their relative may see them. What was not agreed to is null."""

    elder_id: UUID
    name: str
    relationship: str
    mood: Mood
    last_sign_at: UtcMs | None = Field(description="rounded down to a quarter of an hour")
    night: NightOut | None
    coverage: CoverageOut | None
    open_alert: bool | None = Field(description="staff are dealing with something now")
    shares: list[str] = Field(description="what the consent in force names")


class FamilyPage(ApiModel):
    """All elders of one relative."""

    server_time: UtcMs
    elders: list[FamilyElder]


class FamilyConditionOut(ApiModel):
    """One condition of a service and how it stands; not what the record holds, nor from whom."""

    field: str
    op: str
    wanted: Value | list[Value] | None
    standing: Standing


class FamilyServiceOut(ApiModel):
    """One service for a relative. `missing`: what the house does not know yet (待核实)."""

    key: str
    name: str
    name_en: str
    category: str
    target: str
    draft: bool
    standing: Standing
    missing: list[str]
    conditions: list[FamilyConditionOut]
    excluded_by: list[str]


class FamilyEntitlementsOut(ApiModel):
    """What an elder may be entitled to; `shared` false: the elder did not agree to share it."""

    elder_id: UUID
    on: date
    shared: bool
    services: list[FamilyServiceOut]
