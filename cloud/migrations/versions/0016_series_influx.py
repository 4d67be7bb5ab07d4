"""Which days of which series are in InfluxDB, and whether their summaries are written."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0016"
down_revision = "0015"

TABLE = """
CREATE TABLE series_influx_day (
    institution_id uuid NOT NULL REFERENCES institution,
    device_id text NOT NULL,
    quantity text NOT NULL,
    origin text NOT NULL,
    day integer NOT NULL,
    readings integer NOT NULL,
    summarised boolean NOT NULL,
    PRIMARY KEY (institution_id, device_id, quantity, origin, day)
);

CREATE INDEX ON series_influx_day (institution_id, day) WHERE NOT summarised
"""

# A worker asks whether the database is of its version; it may not read alembic's table.
REVISION = """
CREATE FUNCTION schema_revision() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT version_num FROM alembic_version
$$;

REVOKE ALL ON FUNCTION schema_revision FROM PUBLIC;

GRANT EXECUTE ON FUNCTION schema_revision TO yuyue_app
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(TABLE)
    run(REVISION)
    protect("series_influx_day", "SELECT, INSERT, UPDATE, DELETE")
