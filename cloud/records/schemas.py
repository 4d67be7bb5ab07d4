"""What the API says where people, devices, measurements and alerts meet."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from cloud.alerts.schemas import AlertSummary
from cloud.coverage.schemas import ElderCoverage
from cloud.devices.schemas import AssignmentOut, DeviceOut
from cloud.people.schemas import ContactOut, ElderOut, Purpose, StayOut
from cloud.schema_types import ApiModel, UtcMs


class StayChangeOut(ApiModel):
    """A stay as it is now, and how many alerts a correction of the past has moved."""

    stay: StayOut | None
    alerts_moved: int


class AssignmentChangeOut(ApiModel):
    """An assignment as it is now, and how many alerts a correction of the past has moved."""

    assignment: AssignmentOut | None
    alerts_moved: int


class LatestValue(ApiModel):
    """The newest reading of one quantity."""

    quantity: str
    unit: str
    label_zh: str
    value: float
    at: UtcMs
    device_id: str
    origin: str


class ElderDevices(ApiModel):
    """What watches over an elder now: worn, at the bed, in the room."""

    devices: list[DeviceOut]


class ElderPage(ApiModel):
    """An elder at one look."""

    record: ElderOut
    contacts: list[ContactOut]
    latest: list[LatestValue]
    open_alerts: list[AlertSummary]
    coverage: ElderCoverage | None = Field(
        description="what can be seen of them now; null: the caller may not see coverage"
    )
    devices: list[DeviceOut]
    consents_missing: list[Purpose] = Field(description="what nobody agreed to is not measured")
    server_time: UtcMs


class Removed(ApiModel):
    """What was taken away."""

    id: UUID
