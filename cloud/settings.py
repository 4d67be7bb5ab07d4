"""Settings of the cloud, from the environment (YUYUE_CLOUD_...) or a .env file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """A demo may print passwords and keep its database beside itself; production may not."""

    DEMO = "demo"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Everything an operator may set. `database_url` empty: embedded PostgreSQL in `data_dir`."""

    model_config = SettingsConfigDict(env_prefix="YUYUE_CLOUD_", extra="ignore")

    environment: Environment = Environment.DEMO
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    data_dir: Path = Path("var/cloud")
    cookie_secure: bool = False

    # The owner of the tables: runs migrations, never serves a request.
    database_url: str = ""
    # Who serves requests. Empty: role yuyue_app on the same server, its password derived from
    # the owner's (see cloud/roles.py).
    app_database_url: str = ""
    database_pool_size: int = Field(default=10, ge=2, le=100)

    # Raw readings and waveforms; minutes made of them. Hours stay. Two days at least: what
    # is not yet a day old is never taken away.
    series_raw_days: int = Field(default=30, ge=2)
    series_minute_days: int = Field(default=730, ge=30)

    # A wall screen is used all the time and stays; a phone left in a drawer is logged out.
    session_idle_h: float = Field(default=12.0, gt=0)
    session_lifetime_h: float = Field(default=24.0 * 7, gt=0)

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
        return self
