"""Incidents, drills, the dead man's switch."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0018"
down_revision = "0017"

TABLES = """
CREATE TABLE incident (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('fall')),
    happened_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    injury text,
    cause text,
    measure text,
    voided_at timestamptz,
    UNIQUE (institution_id, alert_id),
    FOREIGN KEY (institution_id, alert_id) REFERENCES alert (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX ON incident (institution_id, elder_id, happened_at);

CREATE TABLE drill (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    announced boolean NOT NULL,
    shift text NOT NULL,
    started_at timestamptz NOT NULL,
    started_by text NOT NULL,
    note text NOT NULL,
    FOREIGN KEY (institution_id, alert_id) REFERENCES alert (institution_id, id)
);

CREATE TABLE dead_switch (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    device_id text NOT NULL,
    contact_point_id uuid NOT NULL,
    every_s integer NOT NULL CHECK (every_s >= 60),
    since timestamptz NOT NULL,
    last_event_at timestamptz,
    last_ok_at timestamptz,
    FOREIGN KEY (institution_id, device_id) REFERENCES device (institution_id, device_id),
    FOREIGN KEY (institution_id, contact_point_id) REFERENCES contact_point (institution_id, id)
)
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("incident", "SELECT, INSERT, UPDATE")
    protect("drill", "SELECT, INSERT")
    protect("dead_switch", "SELECT, INSERT, UPDATE, DELETE")
