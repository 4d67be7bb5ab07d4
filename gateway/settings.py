"""Settings of the gateway: from the environment (`YUYUE_GATEWAY_*`), else as enrolment and the
cloud say (files in the data directory), else defaults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict

from edge.gateway_wire import SettingValue, check_topics
from gateway.identity import IdentityError, load_cloud_settings, load_identity

PREFIX: Final = "YUYUE_GATEWAY_"
_MIN_TOKEN_CHARS: Final = 16
MIN_PIN_CHARS: Final = 6
# HTTP header values are visible ASCII; anything else is a token copied with its surroundings.
_FIRST_VISIBLE: Final = "!"
_LAST_VISIBLE: Final = "~"


# What the cloud may decide. Where it is itself, and where data is kept, is not among it.
CLOUD_FIELDS: Final = frozenset(
    {
        "mqtt_host", "mqtt_port", "mqtt_username", "mqtt_password",
        "mqtt_zigbee2mqtt", "mqtt_discovery",
        "ble_adapters", "ble_scan", "ble_slots", "ble_timezone",
        "local_alarm", "local_alarm_delay_s", "local_alarm_mqtt", "local_alarm_channels",
        "self_test_device", "self_test_every_s",
    }
)  # fmt: skip


class SettingsError(ValueError):
    """Settings that cannot work; the message names each variable and says what to do."""


class Settings(BaseSettings):
    """Where the broker and the cloud are, who we are to them, where data is kept."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    cloud_url: str = Field(
        description="address of the cloud, such as https://hub.example.org",
    )
    token: SecretStr = Field(
        description="the gateway's token; 'yuyue gateway enroll' gets one, or set it here"
    )
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
    mqtt_zigbee2mqtt: str = Field(
        default="zigbee2mqtt",
        description="base topics of Zigbee2MQTT, with commas; empty: do not listen to it",
    )
    mqtt_discovery: str = Field(
        default="homeassistant",
        description="prefix of Home Assistant's MQTT discovery; empty: do not listen to it",
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
    local_alarm: bool = Field(default=True, description="alarm on the spot while the cloud is away")
    local_alarm_host: str = Field(default="0.0.0.0", description="address of the local alarm page")  # noqa: S104
    local_alarm_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=8090, description="port of the local alarm page"
    )
    local_alarm_pin: SecretStr | None = Field(
        default=None,
        description="PIN of the page, where 'yuyue gateway local-pin' cannot be used",
    )
    local_alarm_cert_file: Path | None = Field(
        default=None, description="certificate of the page; not set: plain HTTP"
    )
    local_alarm_key_file: Path | None = Field(default=None, description="its private key")
    local_alarm_delay_s: Annotated[float, Field(ge=0, le=600)] = Field(
        default=10.0, description="how long the cloud may be away before the gateway alarms itself"
    )
    local_alarm_mqtt: bool = Field(
        default=True, description="tell bells and lamps by MQTT (docs/gateway.md)"
    )
    local_alarm_channels: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="apprise addresses for texts, parted by blanks"
    )
    self_test_device: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.:-]{0,64}$",
        description="device in whose name the hourly proof is sent; empty: none is sent",
    )
    self_test_every_s: Annotated[float, Field(ge=60, le=86_400)] = Field(
        default=3600.0, description="how often the proof is sent"
    )
    power_dir: Path = Field(
        default=Path("/sys/class/power_supply"), description="where the kernel tells of batteries"
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
            raise ValueError("is empty or too short; make one with 'yuyue gateway enroll'")
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

    @field_validator("mqtt_zigbee2mqtt")
    @classmethod
    def _are_topics(cls, value: str) -> str:
        return check_topics(value)

    @field_validator("mqtt_discovery")
    @classmethod
    def _is_topic(cls, value: str) -> str:
        return check_topics(value, only_one=True)

    @field_validator("ble_timezone")
    @classmethod
    def _is_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value[:64]!r} is no time zone such as Asia/Shanghai")
        return value

    @field_validator("local_alarm_channels", mode="before")
    @classmethod
    def _split_channels(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("local_alarm_channels")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all("://" in address for address in value):
            raise ValueError("an address looks like wxwork://... or mailto://...")
        return value

    @field_validator("local_alarm_pin")
    @classmethod
    def _is_pin(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_PIN_CHARS:
            raise ValueError(f"must have at least {MIN_PIN_CHARS} characters")
        return value

    @field_validator("metrics_port", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _password_has_a_user(self) -> Self:
        if self.mqtt_password is not None and not self.mqtt_username:
            raise ValueError(f"{PREFIX}MQTT_PASSWORD is set but {PREFIX}MQTT_USERNAME is not")
        if (self.local_alarm_cert_file is None) != (self.local_alarm_key_file is None):
            raise ValueError(f"set both or none of {PREFIX}LOCAL_ALARM_CERT_FILE and _KEY_FILE")
        files = (self.local_alarm_cert_file, self.local_alarm_key_file)
        for path in (self.cloud_ca_file, self.mqtt_ca_file, *files):
            if path is not None and not path.is_file():
                raise ValueError(f"there is no certificate file {path}")
        return self

    @property
    def ble_adapter_names(self) -> tuple[str, ...]:
        """Each adapter once, in the order given."""
        return tuple(dict.fromkeys(_names(self.ble_adapters)))

    @property
    def zigbee2mqtt_bases(self) -> tuple[str, ...]:
        """Each base topic once."""
        return tuple(dict.fromkeys(_names(self.mqtt_zigbee2mqtt)))

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


def data_dir_from_environment() -> Path:
    """Where the files are, before anything else is known."""
    given = EnvSettingsSource(Settings)().get("data_dir")
    return Path(given) if given else Settings.model_fields["data_dir"].default


def load_settings(cloud: Mapping[str, SettingValue] | None = None) -> Settings:
    """The settings in force; `cloud`: what it wants, in place of what is on disk.

    Raises SettingsError saying what to set.
    """
    given = EnvSettingsSource(Settings)()
    data_dir = data_dir_from_environment()
    values: dict[str, Any] = {}
    try:
        identity = load_identity(data_dir)
        wanted = load_cloud_settings(data_dir).values if cloud is None else cloud
    except IdentityError as error:
        raise SettingsError(str(error)) from error
    values |= {name: wanted[name] for name in CLOUD_FIELDS & wanted.keys()}
    if identity is not None:
        # Compose hands an unset variable on as an empty one.
        given = {name: value for name, value in given.items() if value != ""}
        values |= {"cloud_url": identity.cloud_url, "token": identity.token}
        if identity.cloud_ca_file is not None:
            values["cloud_ca_file"] = identity.cloud_ca_file
    try:
        return Settings(**(values | given))
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def token_is_given() -> bool:
    """Whether the environment says the token: then it cannot be renewed here."""
    return bool(EnvSettingsSource(Settings)().get("token"))


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = PREFIX + str(problem["loc"][0]).upper() if problem["loc"] else "settings"
        if problem["type"] == "missing":
            field = Settings.model_fields[str(problem["loc"][0])]
            lines.append(f"{name} is not set: {field.description}")
        else:
            lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)
