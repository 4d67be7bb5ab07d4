"""What the API says about who looked and who changed."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from cloud.audit.actions import Action
from cloud.schema_types import ApiModel, UtcMs

Reason = Annotated[
    str,
    Field(min_length=4, max_length=500, pattern=r"^[^\x00]*$", examples=["夜间跌倒，需查过敏史"]),
]


class ActorOut(ApiModel):
    """Who acted, as they were called then."""

    kind: str
    id: UUID | None
    name: str
    role: str | None


class AuditEntryOut(ApiModel):
    """One act: who, what, when, why."""

    seq: int
    at: UtcMs
    action: Action | str
    actor: ActorOut
    elder_id: UUID | None
    elder_name: str | None = Field(description="null: nobody's, or for those who see no records")
    subject: dict[str, Any] | None
    reason: str | None
    changes: dict[str, Any] = Field(description="field: {before, after}")
    detail: dict[str, Any]
    hash: str


class AuditPage(ApiModel):
    """The newest first."""

    entries: list[AuditEntryOut]
    next_cursor: str | None


class LookOut(ApiModel):
    """Someone saw or changed something of the elder's record."""

    at: UtcMs
    name: str
    role: str | None
    action: Action | str
    reason: str | None


class LookPage(ApiModel):
    """Who looked, the newest first."""

    looks: list[LookOut]
    next_cursor: str | None


class VerificationOut(ApiModel):
    """Whether the chain is whole. Keep `head` elsewhere: it proves all entries before it."""

    whole: bool
    entries: int
    head: str
    broken_at: int | None
    why: str


class BreakGlassIn(ApiModel):
    """Why the record must be opened now."""

    reason: Reason


class OtherElder(ApiModel):
    """Enough to know that it is the right person, before their record is opened."""

    id: UUID
    name: str
    place: str | None


class OtherElders(ApiModel):
    """Ten at most: who wants another one names them better."""

    elders: list[OtherElder]


class ReviewIn(ApiModel):
    """What came of looking at it."""

    note: Reason


class BreakGlassOut(ApiModel):
    """A record that was opened from outside its unit."""

    id: UUID
    user_id: UUID
    user_name: str
    elder_id: UUID
    elder_name: str | None = Field(description="null: for those who see no records")
    reason: str
    opened_at: UtcMs
    closes_at: UtcMs
    reviewed_at: UtcMs | None
    review_note: str | None


class BreakGlassPage(ApiModel):
    """The newest first."""

    opened: list[BreakGlassOut]
    next_cursor: str | None
