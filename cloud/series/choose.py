"""The series store that the settings name."""

from __future__ import annotations

from typing import Literal

from cloud.database import Database
from cloud.series.influx import InfluxSeries
from cloud.series.influx_client import InfluxClient
from cloud.series.postgres import PostgresSeries
from cloud.series.service import Retention, SeriesStore
from cloud.settings import Settings

StoreName = Literal["postgres", "influxdb"]


def series_store(
    settings: Settings, database: Database, name: StoreName | None = None
) -> SeriesStore:
    """The store; its buckets are made by `ready`."""
    retention = Retention(settings.series_raw_days, settings.series_minute_days)
    if (name or settings.series_store) == "postgres":
        return PostgresSeries(database, retention)
    client = InfluxClient(
        settings.influxdb_url, settings.influxdb_token.get_secret_value(), settings.influxdb_org,
        prefix=settings.influxdb_prefix,
    )  # fmt: skip
    return InfluxSeries(client, database, retention)
