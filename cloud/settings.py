"""Settings of the cloud, from the environment (YUYUE_CLOUD_...) or a .env file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from cloud.crypto import DEMO_KEYS, Keyring, is_demo

# What stands in examples all over the world, and so in every list of guesses.
_KNOWN_PASSWORDS: Final = frozenset(
    {"postgres", "password", "changeme", "secret", "admin", "123456", "yuyue", "yuyue_app", "demo"}
)


class Environment(StrEnum):
    """A demo may print passwords and keep its database beside itself; production may not."""

    DEMO = "demo"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Everything an operator may set. `database_url` empty: embedded PostgreSQL in `data_dir`."""

    model_config = SettingsConfigDict(
        env_prefix="YUYUE_CLOUD_", extra="ignore", hide_input_in_errors=True
    )

    environment: Environment = Environment.DEMO
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    # Processes behind the address; each has a pool of its own.
    workers: int = Field(default=1, ge=1, le=64)
    data_dir: Path = Path("var/cloud")
    cookie_secure: bool = False

    # The owner of the tables: runs migrations, never serves a request.
    database_url: str = ""
    # Who serves requests. Empty: role yuyue_app on the same server, its password derived from
    # the owner's (see cloud/roles.py).
    app_database_url: str = ""
    # Who makes and restores backups, if the owner does not see all rows (superuser or BYPASSRLS).
    admin_database_url: str = ""
    database_pool_size: int = Field(default=10, ge=2, le=100)

    # Keys of encrypted fields, `ID:BASE64,...`, the newest first (yuyue cloud new-key). A demo
    # without any uses one that everybody knows.
    data_keys: SecretStr = SecretStr("")

    # Records of bulk that one gateway may send to one worker for long; ten seconds of it at once.
    # A gateway catches up on a day of 50 devices within minutes and leaves room for others.
    ingest_records_per_s: float = Field(default=20_000.0, gt=0)

    # Where time series go. InfluxDB 2 needs its address and a token that may make buckets.
    series_store: Literal["postgres", "influxdb"] = "postgres"
    influxdb_url: str = ""
    influxdb_token: SecretStr = SecretStr("")
    influxdb_org: str = "yuyue"
    # Buckets are PREFIX_raw, PREFIX_minute and PREFIX_hour.
    influxdb_prefix: str = Field(default="yuyue", pattern="^[A-Za-z0-9_-]{1,40}$")

    # Whom a push service may ask about our messages (a mailto: or https: address).
    push_contact: str = Field(default="mailto:ops@example.org", pattern=r"^(mailto:|https://)")

    # Raw readings and waveforms; minutes made of them. Hours stay. Two days at least: what
    # is not yet a day old is never taken away.
    series_raw_days: int = Field(default=30, ge=2)
    series_minute_days: int = Field(default=730, ge=30)

    # Without a consent for a kind of data the gateways drop it, except smoke, gas and calls for
    # help. False while consents are still being collected: everything is taken in.
    consent_required: bool = True

    # A wall screen is used all the time and stays; a phone left in a drawer is logged out.
    session_idle_h: float = Field(default=12.0, gt=0)
    session_lifetime_h: float = Field(default=24.0 * 7, gt=0)

    # Administrators must have a second factor; by default in production.
    require_admin_totp: bool | None = None

    # Tiles for the maps of routes, as in https://tiles.example.org/{z}/{x}/{y}.png; empty: points
    # and lines only. The browser asks that server, so it learns which districts are looked at.
    map_tiles: str = Field(
        default="", pattern=r"^(https?://[^\s;,/]+/\S*\{z\}\S*\{x\}\S*\{y\}[^\s;,]*)?$"
    )

    # How browsers reach this cloud, as in https://care.example.org: for links that come back.
    public_url: str = Field(default="", pattern=r"^(https?://[^\s/]+/?)?$")

    # Signing in with accounts of an identity provider (OpenID Connect); empty: passwords only.
    # Its client must allow PUBLIC_URL/api/v1/session/oidc/callback.
    oidc_issuer: str = Field(default="", pattern=r"^(https?://\S+)?$")
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_scopes: str = Field(default="openid profile", pattern=r"(^|\s)openid($|\s)")
    oidc_label: str = Field(default="单位账号登录 Sign in with SSO", min_length=1, max_length=60)
    # Somebody whom the provider knows and we do not is refused; with the name of an institution
    # they get an account there, of this role.
    oidc_create_in: str = ""
    oidc_create_role: Literal["duty", "head_nurse", "assessor", "operator"] = "duty"

    @property
    def admins_need_totp(self) -> bool:
        """Whether an administrator without a second factor can only set one up."""
        if self.require_admin_totp is None:
            return self.environment is Environment.PRODUCTION
        return self.require_admin_totp

    @property
    def keyring(self) -> Keyring:
        """The keys of encrypted fields."""
        return Keyring.parse(self.keys_text)

    @property
    def keys_text(self) -> str:
        """The same as text, for a process that makes its own keyring of it."""
        return self.data_keys.get_secret_value() or DEMO_KEYS

    @field_validator("data_keys")
    @classmethod
    def _keys_are_keys(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            Keyring.parse(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _store_is_known(self) -> Self:
        if self.series_store == "influxdb" and not (
            self.influxdb_url and self.influxdb_token.get_secret_value()
        ):
            raise ValueError(
                "YUYUE_CLOUD_INFLUXDB_URL, YUYUE_CLOUD_INFLUXDB_TOKEN: series_store influxdb "
                "needs both"
            )
        return self

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        if self.oidc_issuer:
            if not self.oidc_client_id:
                raise ValueError("YUYUE_CLOUD_OIDC_CLIENT_ID: needed with YUYUE_CLOUD_OIDC_ISSUER")
            if not self.public_url:
                raise ValueError("YUYUE_CLOUD_PUBLIC_URL: needed with YUYUE_CLOUD_OIDC_ISSUER")
        return self

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if self.environment is Environment.PRODUCTION:
            if not self.database_url:
                raise ValueError(
                    "YUYUE_CLOUD_DATABASE_URL: production needs a PostgreSQL server; the embedded "
                    "one trusts every user of this machine"
                )
            if not self.cookie_secure:
                raise ValueError("YUYUE_CLOUD_COOKIE_SECURE: must be true in production")
            keys = self.data_keys.get_secret_value()
            if not keys or is_demo(keys):
                raise ValueError(
                    "YUYUE_CLOUD_DATA_KEYS: production needs a key of its own; make one with "
                    "`yuyue cloud new-key` and keep a copy apart from the database"
                )
            for name in ("public_url", "oidc_issuer"):
                if getattr(self, name).startswith("http:"):
                    raise ValueError(f"YUYUE_CLOUD_{name.upper()}: must be https in production")
            for name in ("database_url", "app_database_url"):
                if _password_is_known(getattr(self, name)):
                    raise ValueError(
                        f"YUYUE_CLOUD_{name.upper()}: this password is in every list of guesses"
                    )
        return self


def _password_is_known(url: str) -> bool:
    try:
        return bool(url) and str(make_url(url).password or "").casefold() in _KNOWN_PASSWORDS
    except ArgumentError:
        return False  # said where the address is used
