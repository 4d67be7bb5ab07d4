"""What the API says about the basic care service list."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from cloud.care.service_list.evaluation import Standing
from cloud.care.service_list.fields import FieldKind, Value
from cloud.schema_types import ApiModel, UtcMs

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Region = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
Document = dict[str, Any]


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


class EntitlementChangeOut(ApiModel):
    """One service that stood otherwise from then on; null: not judged, or not in the list."""

    elder_id: UUID
    elder_name: str
    service: str
    name: str
    name_en: str
    before: Standing | None
    after: Standing | None
    cause: Literal["record", "assessment", "birthday", "rules", "first"]
    at: UtcMs
    missing: list[str]
    rule_version: str


class EntitlementChangesOut(ApiModel):
    """The newest first."""

    changes: list[EntitlementChangeOut]


class RuleFieldOut(ApiModel):
    """A field of the record that a condition can ask for. `values` empty: a number or a code."""

    name: str
    kind: FieldKind
    values: list[Value]
    lowest: int | None
    highest: int | None


class RuleSetIn(ApiModel):
    """An overlay as its editor holds it; `version` of the draft that was read, 0 for a new one.

    `services`: whole services, or `{"key", "removed": true}`; `parameters`: null is not known yet.
    """

    title: Title
    region: Region | None = None
    extends: str = Field(max_length=100)
    services: list[Document] = Field(max_length=200)
    parameters: dict[str, Value | None] = Field(default_factory=dict)
    version: int = 0


class RuleSetOut(ApiModel):
    """One edition. Published ones have a date; the national list has no id."""

    id: UUID | None
    key: str
    edition: int
    title: str
    region: str | None
    extends: str | None
    services: list[Document]
    parameters: dict[str, Value | None]
    valid_from: date | None
    valid_until: date | None
    edited_at: UtcMs | None
    edited_by: str
    published_at: UtcMs | None
    published_by: str | None
    reason: str
    version: int


class RuleSetsOut(ApiModel):
    """The national list, drafts, and editions, the newest first; what conditions can ask for."""

    sets: list[RuleSetOut]
    fields: list[RuleFieldOut]
    in_force: list[str] = Field(description="keys in force today")


class PreviewIn(ApiModel):
    """From which day the draft would hold."""

    valid_from: date


class MoveCountOut(ApiModel):
    """How many elders would go from one standing to another; null: not in the list."""

    service: str
    name: str
    name_en: str
    before: Standing | None
    after: Standing | None
    count: int


class TouchedOut(ApiModel):
    """One elder whom the change would touch, whom the viewer may see."""

    elder_id: UUID
    elder_name: str
    service: str
    before: Standing | None
    after: Standing | None


class PreviewOut(ApiModel):
    """Whom a draft would touch. `touched` in all; `people` are those one may see, at most 200."""

    elders: int
    touched: int
    counts: list[MoveCountOut]
    people: list[TouchedOut]
    unseen: int = Field(description="touched elders whom the viewer may not see")


class PublishIn(ApiModel):
    """In force from a day on, with the reason; `touched` as the preview said."""

    valid_from: date
    valid_until: date | None = None
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=500)]
    touched: int
    version: int


class HandbookServiceOut(ApiModel):
    """One service in plain words: what it is, whom it is for, what to bring, where to ask."""

    key: str
    name: str
    name_en: str
    category: str
    target: str
    draft: bool
    what: str
    what_en: str
    bring: str
    bring_en: str
    eligibility: Document


class HandbookOut(ApiModel):
    """The list as a handbook (解读手册)."""

    title: str
    rule_version: str
    on: date
    services: list[HandbookServiceOut]
