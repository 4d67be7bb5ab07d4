"""What the API says about the shift handover."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cloud.care.handover.service import DEFAULT_EARLIEST_MIN, DEFAULT_LIMIT_MIN
from cloud.identity.signing import SignatureIn
from cloud.schema_types import ApiModel, UtcMs

StateName = Literal["open", "given", "objected", "taken"]
StepName = Literal["give", "object", "take"]
SectionName = Literal[
    "open_alerts", "quiet_alerts", "alerts_of_shift", "out", "blind", "rounds_missed", "turning",
    "follow_ups", "attention", "observations",
]  # fmt: skip
_Words = Annotated[str, Field(max_length=1000)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class HandoverSettingsIO(ApiModel):
    """Off: one may hand over, nothing is called out. `version`: the one it was changed from."""

    active: bool = False
    limit_min: Annotated[int, Field(ge=0, le=480)] = DEFAULT_LIMIT_MIN
    earliest_min: Annotated[int, Field(ge=0, le=1440)] = DEFAULT_EARLIEST_MIN
    version: Annotated[int, Field(ge=0)] = 0


class HandoverLine(ApiModel):
    """One fact, in words."""

    section: SectionName
    key: str
    zh: str
    en: str
    elder_id: UUID | None
    elder: str
    place: str
    urgent: bool


class HandoverChange(ApiModel):
    """Only `after`: new; only `before`: gone; both: changed."""

    before: HandoverLine | None
    after: HandoverLine | None


class HandoverOut(ApiModel):
    """A handover as it stands."""

    id: UUID
    unit_id: UUID
    shift: str
    shift_starts_at: UtcMs
    shift_ends_at: UtcMs
    state: StateName
    revision: int
    giver: str | None
    given_at: UtcMs | None
    named: str | None
    taker: str | None
    taken_at: UtcMs | None


class ShiftToHand(ApiModel):
    """A shift that may be handed over now, or soon. `missing`: past its limit, not taken."""

    shift: str
    starts_at: UtcMs
    ends_at: UtcMs
    from_at: UtcMs
    missing: bool
    handover: HandoverOut | None


class HandoversOut(ApiModel):
    """Of a unit: the shift before and the one that runs, then the history, newest first."""

    server_time: UtcMs
    unit_id: UUID
    unit: str
    settings: HandoverSettingsIO
    shifts: list[ShiftToHand]
    history: list[HandoverOut]


class HandoverPerson(ApiModel):
    """Somebody who may sign."""

    id: UUID
    name: str


class GivenOut(ApiModel):
    """What was given last and what has happened since; whoever takes reads both."""

    by: str
    at: UtcMs
    words: str
    sha256: str
    lines: list[HandoverLine]
    changes: list[HandoverChange]
    read_sha256: str
    objection: str | None
    objected_by: str | None


class HandoverSheet(ApiModel):
    """The facts of now, and the snapshot that was given, if one was. `sha256`: of the facts."""

    unit: str
    shift: str
    starts_at: UtcMs
    ends_at: UtcMs
    lines: list[HandoverLine]
    sha256: str
    revision: int
    given: GivenOut | None
    handover: HandoverOut | None
    giving: list[HandoverPerson]
    taking: list[HandoverPerson]
    staff: list[HandoverPerson]


class GiveIn(ApiModel):
    """`read_sha256`: of the facts as they were read. `revision`: of the handover as it was read."""

    unit_id: UUID
    shift_starts_at: AwareDatetime
    read_sha256: _Sha256
    revision: Annotated[int, Field(ge=0)] = 0
    named_id: UUID | None = None
    words: _Words = ""
    signature: SignatureIn


class TakeIn(ApiModel):
    """`snapshot_sha256`: what was given; `read_sha256`: what has changed since, both as read."""

    snapshot_sha256: _Sha256
    read_sha256: _Sha256
    words: _Words = ""
    signature: SignatureIn


class ObjectIn(ApiModel):
    """What is wrong with it, in words."""

    snapshot_sha256: _Sha256
    read_sha256: _Sha256
    words: Annotated[str, Field(min_length=1, max_length=1000)]
    signature: SignatureIn


class HandoverMoveOut(ApiModel):
    """A signature with what was signed. `whole`: what is kept is what was signed."""

    move: StepName
    revision: int
    at: UtcMs
    by: str
    signed_with: str
    words: str
    sha256: str
    whole: bool
    lines: list[HandoverLine]
    changes: list[HandoverChange]


class HandoverDetail(ApiModel):
    """Everything of one handover."""

    handover: HandoverOut
    unit: str
    moves: list[HandoverMoveOut]
