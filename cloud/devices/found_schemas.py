"""What the API says and takes about found devices and links."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from cloud.schema_types import ApiModel, UtcMs
from edge.signals import Position
from edge.subject import SensorRole

PROFILES: Final = (
    "heart_rate|blood_pressure|thermometer|oximeter_spot|oximeter|glucose|weight|battery|polar|"
    "witmotion|device_information"
)
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00]*$")
]


class FoundTakenOut(ApiModel):
    """How many devices of a report were kept; those assigned meanwhile are not."""

    kept: int


class DeviceLinkIn(ApiModel):
    """How a device is reached. A key that is left out stays as it was; an empty one goes."""

    ble_address: Annotated[
        str | None, Field(pattern=r"^(|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5})$")
    ] = None
    ble_key: Annotated[
        str | None,
        Field(pattern=r"^(|[0-9A-Fa-f]{32}|[0-9A-Fa-f]{24})$", description="bind key; never shown"),
    ] = None
    ble_profiles: Annotated[
        str | None,
        Field(pattern=rf"^(|auto|({PROFILES})(,({PROFILES}))*)$", max_length=200),
    ] = None
    mqtt_occupancy: Literal["", "presence", "motion"] | None = Field(
        default=None, description="what a Zigbee device's `occupancy` is"
    )


class DeviceLinkOut(ApiModel):
    """How a device is reached; secrets are masked."""

    device_id: str
    role: SensorRole | None
    link: dict[str, str]


class HeardBy(ApiModel):
    """One gateway that hears it."""

    gateway_id: UUID
    gateway: str
    rssi_dbm: int | None
    link_quality: int | None = Field(description="0..255, of a Zigbee device")
    last_heard_at: UtcMs
    messages: int


class FoundDeviceOut(ApiModel):
    """A device that gateways hear and nobody has accepted; `heard_by` the nearest first."""

    id: str
    transport: Literal["ble", "mqtt"]
    format: str
    name: str
    vendor: str
    model: str
    description: str
    suggested_role: SensorRole | None
    quantities: dict[str, float | None] = Field(description="the last value of each")
    link: dict[str, str]
    problem: str | None = Field(description="why it cannot be used yet, such as no_bind_key")
    first_heard_at: UtcMs
    last_heard_at: UtcMs
    heard_by: list[HeardBy]
    is_known: bool = Field(description="it was accepted before, and is nobody's now")
    ignored_at: UtcMs | None
    ignored_by: str | None


class FoundDeviceList(ApiModel):
    """Found devices, the last heard first; and how many are ignored."""

    server_time: UtcMs
    devices: list[FoundDeviceOut]
    ignored: int


class AcceptIn(ApiModel):
    """Take a found device in: what it is, what for, and whose. One of elder, bed and room."""

    model: Line = ""
    label: Line = ""
    role: SensorRole
    position: Position | None = Field(default=None, description="where a wearable is worn")
    elder_id: UUID | None = None
    bed_id: UUID | None = None
    room_id: UUID | None = None
    link: DeviceLinkIn = DeviceLinkIn()


class AcceptedOut(ApiModel):
    """The device as it was taken in; the gateways follow within seconds."""

    device_id: str
    model: str
    role: SensorRole
    place: str | None
    elder_name: str | None
    assigned_from: UtcMs
    registry_version: int
