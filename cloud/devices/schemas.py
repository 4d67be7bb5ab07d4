"""What the API says about gateways and devices."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cloud.places.schemas import Line, Name
from cloud.schema_types import ApiModel, UtcMs
from edge.signals import Position

GatewayState = Literal["online", "offline", "never"]


class GatewayStatus(ApiModel):
    """How a gateway is. `offline`: three heartbeats missed."""

    id: UUID
    name: str
    state: GatewayState
    last_heartbeat_at: UtcMs | None
    urgent_pending: int = Field(description="events it holds that the cloud lacks")
    bulk_pending: int
    oldest_pending_at: UtcMs | None
    rejected_total: int
    software_version: str | None
    clock_offset_s: float | None = Field(description="its clock minus ours")
    sources: dict[str, bool] = Field(description="its sources, and whether each is connected")
    source_details: dict[str, dict[str, float]] = Field(
        description="figures of its sources: scanner restarts, adapter recoveries, connections"
    )


class DeviceStatus(ApiModel):
    """An assigned device. `silent`: nothing came for 90 s, or ever."""

    device_id: str
    silent: bool
    last_data_at: UtcMs | None
    elder_name: str | None
    place: str | None


class DevicesStatus(ApiModel):
    """The assigned devices."""

    assigned: int
    silent: int
    devices: list[DeviceStatus]


DeviceKind = Literal[
    "button", "wearable", "bed", "radar", "motion", "door", "smoke", "gas", "water", "climate",
    "meter", "locator", "gateway", "other",
]  # fmt: skip
Condition = Literal["ok", "faulty", "retired"]
StopgapWay = Literal["substitute", "staff"]
ListState = Literal["assigned", "spare", "faulty", "retired"]


class DeviceIn(ApiModel):
    """A device to take in by hand; found ones are accepted from the list of found devices."""

    id: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$", description="unique in the institution")
    model: Name
    kind: DeviceKind
    position: Position | None = None
    label: Line = ""
    serial: Line = ""
    warranty_until: date | None = None


class DeviceChangeIn(ApiModel):
    """What may be changed of a device."""

    kind: DeviceKind
    position: Position | None = None
    label: Line = ""
    serial: Line = ""
    warranty_until: date | None = None


class TestIn(ApiModel):
    """A weekly test: pressed and seen at the desk, or worn and heard."""

    passed: bool
    note: Line = ""


class FaultIn(ApiModel):
    """A device does not work."""

    description: Name


class StopgapIn(ApiModel):
    """What stands in until it is repaired."""

    way: StopgapWay
    substitute_device_id: str | None = Field(default=None, max_length=64)
    note: Line = ""


class FaultEndIn(ApiModel):
    """The end of a fault: repaired. To give a device up, retire it."""

    outcome: Literal["repaired"] = "repaired"


class RetireIn(ApiModel):
    """Out of use for good."""

    reason: Name


class AssignmentIn(ApiModel):
    """To whom or where from `at` on: exactly one of the three."""

    elder_id: UUID | None = None
    bed_id: UUID | None = None
    room_id: UUID | None = None
    at: AwareDatetime
    take_over: bool = Field(default=False, description="end another assignment at this moment")


class TakeBackIn(ApiModel):
    """From `at` on nobody's."""

    at: AwareDatetime


class AssignmentCorrectionIn(ApiModel):
    """The past as it really was; `reason` goes into the audit trail."""

    elder_id: UUID | None = None
    bed_id: UUID | None = None
    room_id: UUID | None = None
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None
    reason: Name


class AssignmentOut(ApiModel):
    """Whose a device was over [valid_from, valid_until)."""

    id: UUID
    device_id: str
    elder_id: UUID | None
    bed_id: UUID | None
    room_id: UUID | None
    elder_name: str | None
    place: str | None
    valid_from: UtcMs
    valid_until: UtcMs | None


class TestOut(ApiModel):
    """A line of the test register."""

    id: UUID
    device_id: str
    tested_at: UtcMs
    passed: bool
    tester: str
    note: str


class FaultOut(ApiModel):
    """A fault. `stopgap_due_at`: by then something or somebody stands in."""

    id: UUID
    device_id: str
    reported_at: UtcMs
    reported_by: str
    description: str
    elder_name: str | None
    place: str | None
    stopgap_due_at: UtcMs | None
    is_overdue: bool
    stopgap_at: UtcMs | None
    stopgap_by: str | None
    stopgap_way: StopgapWay | None
    stopgap_note: str
    substitute_device_id: str | None


class DeviceOut(ApiModel):
    """A device as it is now. The ETag of the answer is its `version`."""

    device_id: str
    model: str
    kind: DeviceKind
    label: str
    serial: str
    position: Position | None
    condition: Condition
    elder_id: UUID | None
    elder_name: str | None
    bed_id: UUID | None
    room_id: UUID | None
    place: str | None
    assigned_from: UtcMs | None
    last_data_at: UtcMs | None
    silent: bool = Field(description="assigned, and nothing came for 90 s or ever")
    tested_at: UtcMs | None
    test_due_at: UtcMs | None
    warranty_until: date | None
    retired_at: UtcMs | None
    retired_reason: str
    fault: FaultOut | None
    version: int


class DeviceListOut(ApiModel):
    """A page of devices by id; `next` leads to the one after it."""

    devices: list[DeviceOut]
    next: str | None


class DeviceHistoryOut(ApiModel):
    """What became of a device: whose it was, and its tests."""

    assignments: list[AssignmentOut]
    tests: list[TestOut]


class DeviceTasksOut(ApiModel):
    """What is to be done about devices: tests that are due, and open faults."""

    tests_due: list[DeviceOut]
    faults: list[FaultOut]
    stopgaps_overdue: int
