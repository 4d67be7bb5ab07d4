"""What the API says about gateways and devices."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from cloud.schema_types import ApiModel, UtcMs

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
