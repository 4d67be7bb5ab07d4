"""Settings of the gateway, from the environment (`YUYUE_GATEWAY_*`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX: Final = "YUYUE_GATEWAY_"
_MIN_TOKEN_CHARS: Final = 16
# HTTP header values are visible ASCII; anything else is a token copied with its surroundings.
_FIRST_VISIBLE: Final = "!"
_LAST_VISIBLE: Final = "~"


class SettingsError(ValueError):
    """Settings that cannot work; the message names each variable and says what to do."""


class Settings(BaseSettings):
    """Where the broker and the cloud are, who we are to them, where data is kept."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    cloud_url: str = Field(
        description="address of the cloud, such as https://hub.example.org",
    )
    token: SecretStr = Field(description="the gateway's token, made by 'yuyue cloud add-gateway'")
    cloud_ca_file: Path | None = Field(
        default=None, description="certificate authority of the cloud, when it is a private one"
    )
    mqtt_host: str = Field(default="127.0.0.1", description="host of the MQTT broker")
    mqtt_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=1883, description="port of the MQTT broker"
    )
    mqtt_username: str | None = Field(default=None, description="user name at the broker")
    mqtt_password: SecretStr | None = Field(default=None, description="password at the broker")
    mqtt_client_id: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="yuyue-gateway",
        description="name of the broker session; must stay the same, and be used by one gateway",
    )
    mqtt_ca_file: Path | None = Field(
        default=None, description="certificate authority of the broker; set it to use TLS"
    )
    ble_adapters: str = Field(
        default="",
        description="Bluetooth adapters such as hci0,hci1; empty: no Bluetooth",
    )
    ble_scan: Literal["active", "passive"] = Field(
        default="active",
        description="how to scan; passive spares batteries, and needs bluetoothd --experimental",
    )
    ble_slots: Annotated[int, Field(ge=1, le=32)] = Field(
        default=5, description="Bluetooth connections at a time; cheap adapters hold 5 to 7"
    )
    ble_timezone: str = Field(
        default="Asia/Shanghai", description="time zone that the clocks of health devices show"
    )
    data_dir: Path = Field(default=Path("var/gateway"), description="directory of the outbox")
    disk_budget_mib: Annotated[int, Field(ge=16)] = Field(
        default=4096,
        description="what the outbox may take on the disk; old bulk data thins beyond it",
    )
    disk_reserve_mib: Annotated[int, Field(ge=1)] = Field(
        default=16, description="kept free for urgent events on a full disk"
    )
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="port for Prometheus; not set: no metrics port"
    )
    metrics_host: str = Field(default="127.0.0.1", description="address of the metrics port")

    @field_validator("cloud_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")) or len(value) <= len("https://"):
            raise ValueError("must start with https:// (or http:// inside one machine)")
        return value.rstrip("/")

    @field_validator("token")
    @classmethod
    def _is_token(cls, value: SecretStr) -> SecretStr:
        secret = value.get_secret_value()
        if len(secret) < _MIN_TOKEN_CHARS:
            raise ValueError("is empty or too short; make one with 'yuyue cloud add-gateway'")
        if not all(_FIRST_VISIBLE <= char <= _LAST_VISIBLE for char in secret):
            raise ValueError("holds blanks or line ends; copy the token alone")
        return value

    @field_validator("ble_adapters")
    @classmethod
    def _are_adapters(cls, value: str) -> str:
        for name in _names(value):
            if re.fullmatch(r"hci\d{1,2}", name) is None:
                raise ValueError(f"{name[:32]!r} is no adapter; they are called hci0, hci1 ...")
        return value

    @field_validator("ble_timezone")
    @classmethod
    def _is_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value[:64]!r} is no time zone such as Asia/Shanghai")
        return value

    @field_validator("metrics_port", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _password_has_a_user(self) -> Self:
        if self.mqtt_password is not None and not self.mqtt_username:
            raise ValueError(f"{PREFIX}MQTT_PASSWORD is set but {PREFIX}MQTT_USERNAME is not")
        for path in (self.cloud_ca_file, self.mqtt_ca_file):
            if path is not None and not path.is_file():
                raise ValueError(f"there is no certificate file {path}")
        return self

    @property
    def ble_adapter_names(self) -> tuple[str, ...]:
        """Each adapter once, in the order given."""
        return tuple(dict.fromkeys(_names(self.ble_adapters)))

    @property
    def outbox_path(self) -> Path:
        """The outbox database."""
        return self.data_dir / "outbox.sqlite3"

    @property
    def registry_path(self) -> Path:
        """The registry as last heard from the cloud."""
        return self.data_dir / "registry.json"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def load_settings() -> Settings:
    """Settings from the environment. Raises SettingsError saying what to set."""
    try:
        return Settings()  # type: ignore[call-arg]  # the environment gives the arguments
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False):
            name = PREFIX + str(problem["loc"][0]).upper() if problem["loc"] else "settings"
            if problem["type"] == "missing":
                field = Settings.model_fields[str(problem["loc"][0])]
                lines.append(f"{name} is not set: {field.description}")
            else:
                lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
        raise SettingsError("\n".join(lines)) from None
