"""What the API says about alerts (docs/wire.md, 3)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cloud.schema_types import ApiModel, UtcMs

PriorityName = Literal["high", "medium", "low", "info"]
CategoryName = Literal["person", "environment", "technical", "duty"]
StateName = Literal[
    "raised", "notified", "acknowledged", "attending", "arrived", "resolved", "closed"
]
OriginName = Literal["live", "simulated", "drill"]
VerdictName = Literal["true", "false", "unclear", "test"]
FindingName = Literal[
    "real_fall", "lowered_self", "sat_hard", "device_dropped", "care_handling", "visitor",
    "real", "false_alarm", "test", "unclear",
]  # fmt: skip
InjuryName = Literal["none", "minor", "serious", "hospital", "death", "unknown"]
FiledName = Literal["history", "unheard"]
FamilyName = Literal["told", "not_required", "unreachable"]
HopName = Literal[
    "sensed", "decided", "stored", "committed", "pushed", "drawn", "shown", "notified",
    "acknowledged", "attending", "arrived", "resolved", "closed",
    "local_raised", "local_shown", "local_acknowledged", "local_sent", "local_send_failed",
]  # fmt: skip
MoveName = Literal[
    "raise", "file", "evidence", "repeat", "upgrade", "escalate", "recover", "cancel", "suppress",
    "release", "notify", "note", "acknowledge", "take_over", "arrive", "resolve", "close",
    "shelve", "unshelve", "reopen",
]  # fmt: skip


class ElderBrief(ApiModel):
    """Who it is about."""

    id: UUID
    name: str
    age: int
    sex: Literal["female", "male"]
    care_note: str
    photo_id: UUID | None = None


class PlaceBrief(ApiModel):
    """Where they live: `label` is the whole of it for a person."""

    unit: str
    room: str
    bed: str | None
    label: str


class AlertSummary(ApiModel):
    """One line of the desk. `late_s`: how long after it happened the cloud heard of it."""

    id: UUID
    code: str
    category: CategoryName
    priority: PriorityName
    state: StateName
    recovered: bool
    origin: OriginName
    elder: ElderBrief | None
    place: PlaceBrief | None
    device_id: str | None = Field(description="null: raised by the cloud itself")
    happened_at: UtcMs
    raised_at: UtcMs
    late_s: float
    rings: int = Field(description="how often it began to sound; more: it sounds again")
    step: int = Field(description="how far it was escalated; 0: not")
    second_due: bool = Field(description="a second person must acknowledge")
    suppressed: bool = Field(description="nobody is told: held back, or folded into a flood's line")
    filed: FiledName | None = Field(
        description="nobody was ever told: heard of too late, or passed within its on-delay"
    )
    flood_id: UUID | None = Field(description="the line of the flood it is folded into")
    shelved_until: UtcMs | None
    shelved_by: str | None
    acknowledged_at: UtcMs | None
    acknowledged_by: str | None
    attending_at: UtcMs | None
    attending_by: str | None
    arrived_at: UtcMs | None
    arrived_by: str | None
    resolved_at: UtcMs | None
    resolved_by: str | None
    closed_at: UtcMs | None
    closed_by: str | None
    verdict: VerdictName | None
    finding: FindingName | None
    injury: InjuryName | None
    to_close: list[str] = Field(description="what is still needed to close it")
    confidence: float
    count: int
    updated_at: UtcMs
    follows_id: UUID | None = Field(description="an earlier, resolved alert of the same happening")


class ReasonOut(ApiModel):
    """Why the detector decided, in words."""

    code: str
    values: dict[str, float]
    text_zh: str
    text_en: str


class DetectorOut(ApiModel):
    """Who decided."""

    name: str
    version: str
    settings: dict[str, float | int | str | bool]


class EvidenceOut(ApiModel):
    """The signal around the moment; `samples` has one array per channel, in `unit`."""

    quantity: str
    unit: str
    start_at: UtcMs
    moment_at: UtcMs
    rate_hz: float
    samples: list[list[float]]


class EventOut(ApiModel):
    """What a detector said."""

    id: str
    kind: str
    device_id: str
    happened_at: UtcMs
    decided_at: UtcMs
    confidence: float
    reasons: list[ReasonOut]
    detector: DetectorOut
    evidence: EvidenceOut | None


class MoveOut(ApiModel):
    """One step in the life of the alert; without an actor: by a rule."""

    move: MoveName
    at: UtcMs
    client_time: UtcMs | None
    actor: str | None
    note: str | None
    verdict: VerdictName | None
    priority: PriorityName | None = Field(description="the priority it was given by this move")
    finding: FindingName | None
    injury: InjuryName | None
    step: int | None
    until: UtcMs | None
    source: str | None = Field(description="where it was made, if not at this server")
    rule: str | None = Field(description="version of the rules, and which of them made it")


class LedgerOut(ApiModel):
    """One hop on the way from the sensor to the end."""

    hop: HopName
    at: UtcMs
    by: str


class AlertDetail(AlertSummary):
    """Everything about an alert."""

    cause: str | None
    measure: str | None
    family: FamilyName | None
    rules_version: str
    rule: str = Field(description="which rule raised it")
    events: list[EventOut]
    moves: list[MoveOut]
    ledger: list[LedgerOut]


class AlertList(ApiModel):
    """Alerts newest first; start the live stream after `position`."""

    position: int
    server_time: UtcMs
    alerts: list[AlertSummary]


class MoveIn(ApiModel):
    """What a person does. `resolve` needs a finding (or a verdict); `shelve` a note and an end."""

    move: Literal[
        "acknowledge", "take_over", "arrive", "resolve", "close", "shelve", "unshelve", "reopen"
    ]
    client_time: AwareDatetime
    verdict: VerdictName | None = None
    finding: FindingName | None = None
    injury: InjuryName | None = None
    cause: str | None = Field(default=None, max_length=500)
    measure: str | None = Field(default=None, max_length=500)
    family: FamilyName | None = None
    until: AwareDatetime | None = Field(default=None, description="end of a shelf, 8 h at most")
    note: str | None = Field(default=None, max_length=2000)


class ShownIn(ApiModel):
    """Whether whoever sat there would have heard it. Without sound it was only drawn."""

    sound: Literal["running", "off", "stopped", "unsupported"]


class ShownOut(ApiModel):
    """When this login first had the alert on its screen."""

    shown_at: UtcMs
