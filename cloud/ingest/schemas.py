"""What the API says about the gateway calls and the status."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cloud.devices.schemas import DevicesStatus, GatewayStatus
from cloud.schema_types import ApiModel, UtcMs


class AcknowledgementOut(ApiModel):
    """Everything up to and including this number is committed."""

    acknowledged_through: int


class HeartbeatReplyOut(ApiModel):
    """When it came, and the registry version the gateway should have."""

    received_ns: int
    registry_version: int


class RegisteredDeviceOut(ApiModel):
    """Whose device it is now."""

    device_id: str
    model: str
    position: str | None
    elder_id: str | None
    elder_name: str | None
    place: str | None
    assigned_from_ns: int


class RegistryOut(ApiModel):
    """All devices assigned now."""

    version: int
    gateway_id: str
    institution_name: str
    devices: list[RegisteredDeviceOut]
    subjects: list[dict[str, Any]] = Field(description="edge/subject.py: Subject, one each")
    simulation_key: str = Field(description="in hexadecimal; docs/simulation.md: the tag")


class QuarantineCount(ApiModel):
    """How many frames or records could not be used, of one reason."""

    reason: str
    count: int


class Status(ApiModel):
    """How the way of the data is."""

    server_time: UtcMs
    gateways: list[GatewayStatus]
    devices: DevicesStatus
    quarantine: list[QuarantineCount] = Field(description="of the last 24 hours, most first")


class Health(ApiModel):
    """The cloud answers and so does its database."""

    status: str
    version: str
