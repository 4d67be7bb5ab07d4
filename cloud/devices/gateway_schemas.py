"""What the API says about gateways to those who run them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from cloud.devices.schemas import GatewayState
from cloud.schema_types import ApiModel, UtcMs
from edge.gateway_wire import check_topics

# Stands for a secret that is set: it is never told again, and sent back it changes nothing.
KEPT_SECRET: Final = "********"  # noqa: S105  # a mask, no password
_MAX_CHANNELS: Final = 10


def _has_no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold a NUL")
    return value.strip()


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_has_no_nul)]
Text = Annotated[str, Field(max_length=200), AfterValidator(_has_no_nul)]
_ChannelUrl = Annotated[str, Field(min_length=3, max_length=500), AfterValidator(_has_no_nul)]


class GatewaySettings(ApiModel):
    """What a gateway is told to do. A field that is not set: as the gateway itself is set up.

    The names are those of the gateway's own settings, whose environment variables override these.
    """

    mqtt_host: Text | None = None
    mqtt_port: int | None = Field(default=None, ge=1, le=65535)
    mqtt_username: Text | None = None
    mqtt_password: Text | None = None
    mqtt_zigbee2mqtt: Text | None = Field(
        default=None, description="base topics of Zigbee2MQTT, with commas; empty: none"
    )
    mqtt_discovery: Text | None = Field(
        default=None, description="prefix of Home Assistant's MQTT discovery; empty: none"
    )
    ble_adapters: Text | None = Field(default=None, description="such as hci0,hci1")
    ble_scan: Literal["active", "passive"] | None = None
    ble_slots: int | None = Field(default=None, ge=1, le=32)
    ble_timezone: str | None = None
    local_alarm: bool | None = Field(default=None, description="serve the local alarm page")
    local_alarm_delay_s: float | None = Field(default=None, ge=0, le=600)
    local_alarm_mqtt: bool | None = Field(default=None, description="bells and lamps by MQTT")
    local_alarm_channels: list[_ChannelUrl] | None = Field(
        default=None, max_length=_MAX_CHANNELS, description="apprise addresses for texts"
    )

    self_test_device: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.:-]{1,64}$",
        description="in whose name it sends the hourly proof (dead man's switch)",
    )
    self_test_every_s: float | None = Field(default=None, ge=60, le=86_400)

    @field_validator("ble_adapters")
    @classmethod
    def _are_adapters(cls, value: str | None) -> str | None:
        for name in (value or "").split(","):
            if name.strip() and re.fullmatch(r"hci\d{1,2}", name.strip()) is None:
                raise ValueError(f"{name[:32]!r} is no adapter; they are called hci0, hci1 ...")
        return value

    @field_validator("mqtt_zigbee2mqtt", "mqtt_discovery")
    @classmethod
    def _are_topics(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        return check_topics(value, only_one=info.field_name == "mqtt_discovery")

    @field_validator("ble_timezone")
    @classmethod
    def _is_timezone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"{value[:64]!r} is no time zone such as Asia/Shanghai")
        return value

    @field_validator("local_alarm_channels")
    @classmethod
    def _are_addresses(cls, value: list[str] | None, _info: ValidationInfo) -> list[str] | None:
        for address in value or ():
            if address != KEPT_SECRET and "://" not in address:
                raise ValueError("an address looks like wxwork://... or mailto://...")
        return value

    @model_validator(mode="after")
    def _password_has_a_user(self) -> Self:
        if self.mqtt_password and not self.mqtt_username:
            raise ValueError("mqtt_password is set but mqtt_username is not")
        return self


def masked(settings: dict[str, Any]) -> GatewaySettings:
    """Settings as they may be shown: secrets only as set or not."""
    shown = dict(settings)
    if shown.get("mqtt_password"):
        shown["mqtt_password"] = KEPT_SECRET
    if shown.get("local_alarm_channels"):
        shown["local_alarm_channels"] = [KEPT_SECRET] * len(shown["local_alarm_channels"])
    return GatewaySettings.model_validate(shown)


def merged(wanted: GatewaySettings, present: dict[str, Any]) -> dict[str, Any]:
    """What to store: as wanted, with masked secrets as they are. Raises ValueError."""
    result = wanted.model_dump(exclude_none=True)
    if result.get("mqtt_password") == KEPT_SECRET:
        result["mqtt_password"] = present.get("mqtt_password")
    held = list(present.get("local_alarm_channels") or [])
    channels = result.get("local_alarm_channels")
    if channels is not None:
        for index, address in enumerate(channels):
            if address == KEPT_SECRET:
                if index >= len(held):
                    raise ValueError("local_alarm_channels: more masked addresses than are held")
                channels[index] = held[index]
    return {key: value for key, value in result.items() if value is not None}


class GatewayIn(ApiModel):
    """A gateway to make."""

    name: Name
    settings: GatewaySettings = GatewaySettings()


class GatewayOut(ApiModel):
    """A gateway as it last said it was."""

    id: UUID
    name: str
    state: GatewayState
    created_at: UtcMs
    enrolled_at: UtcMs | None
    revoked_at: UtcMs | None
    last_heartbeat_at: UtcMs | None
    started_at: UtcMs | None
    software_version: str | None
    urgent_pending: int = Field(description="events it holds that the cloud lacks")
    bulk_pending: int
    oldest_pending_at: UtcMs | None
    outbox_bytes: int | None
    disk_free_bytes: int | None
    rejected_total: int
    clock_offset_s: float | None = Field(description="its machine's clock minus ours")
    sources: dict[str, bool] = Field(description="its sources, and whether each is connected")
    devices_heard: int | None = Field(description="devices heard in the last minute")
    mains: bool | None = Field(description="the machine has mains power; null: it has no battery")
    battery_percent: float | None
    local_alarm: str = Field(description="off, ready, alarming")
    settings_version: int
    settings_applied: int = Field(description="the version it works with")
    settings_error: str | None
    rotating: bool = Field(description="asked for a new token, which it has not used yet")
    code_expires_at: UtcMs | None = Field(description="an unused code is open until then")


class GatewayList(ApiModel):
    """All gateways of an institution."""

    server_time: UtcMs
    gateways: list[GatewayOut]


class GatewayCodeOut(ApiModel):
    """A code, shown once."""

    gateway: GatewayOut
    code: str
    code_expires_at: UtcMs


class GatewaySettingsOut(ApiModel):
    """Settings of a gateway, secrets masked."""

    settings: GatewaySettings
    settings_version: int
    settings_applied: int
    settings_error: str | None


class GatewayGapOut(ApiModel):
    """Signals that were missed, or may have been."""

    cause: Literal["source_down", "gateway_down", "thinned", "dropped"]
    source: str | None
    device_ids: list[str] = Field(description="empty: all of the source's, or of the gateway's")
    from_at: UtcMs
    until_at: UtcMs
    records: int = Field(description="stored records that were given up")


class GatewayGapList(ApiModel):
    """What a gateway missed, newest first."""

    gaps: list[GatewayGapOut]


class EnrolmentOut(ApiModel):
    """edge/gateway_wire.py Enrolment."""

    gateway_id: str
    name: str
    institution_name: str
    token: str
    settings_version: int
    settings: dict[str, Any]


class GatewayConfigOut(ApiModel):
    """edge/gateway_wire.py GatewayConfig."""

    settings_version: int
    settings: dict[str, Any]
    registry_version: int
    rotate_token: bool


class NewTokenOut(ApiModel):
    """edge/gateway_wire.py NewToken."""

    token: str


class SimulationKeyOut(ApiModel):
    """The institution's key for simulators."""

    key: str = Field(description="in hexadecimal; YUYUE_SIM_KEY of a simulator")
