"""Rounds and turning by level, shift and unit; the register of leave."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0032"
down_revision = "0031"

TABLES = """
CREATE TABLE round_plan (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    unit_id uuid,
    active boolean NOT NULL,
    active_since timestamptz,
    levels jsonb NOT NULL,
    sensor_allowed boolean NOT NULL,
    sensor_in_a_row integer NOT NULL CHECK (sensor_in_a_row >= 0),
    grace_min integer NOT NULL CHECK (grace_min BETWEEN 0 AND 120),
    version integer NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (institution_id, unit_id),
    FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id)
);

CREATE TABLE round_check (
    institution_id uuid NOT NULL,
    id uuid NOT NULL,
    elder_id uuid NOT NULL,
    bed_id uuid NOT NULL,
    unit_id uuid,
    kind text NOT NULL CHECK (kind IN ('round', 'turning')),
    way text NOT NULL CHECK (way IN ('tag', 'bed_list', 'sensor')),
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    by_id uuid NOT NULL,
    by text NOT NULL,
    finding text NOT NULL,
    position text,
    note text NOT NULL,
    evidence jsonb NOT NULL,
    PRIMARY KEY (institution_id, id),
    CHECK (kind = 'round' OR way <> 'sensor'),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, bed_id) REFERENCES bed (institution_id, id)
);

CREATE INDEX round_check_of_elder ON round_check (institution_id, elder_id, at);

CREATE TABLE bed_tag (
    institution_id uuid NOT NULL,
    tag text NOT NULL,
    bed_id uuid NOT NULL,
    set_at timestamptz NOT NULL,
    set_by text NOT NULL,
    PRIMARY KEY (institution_id, tag),
    FOREIGN KEY (institution_id, bed_id) REFERENCES bed (institution_id, id)
);

CREATE TABLE elder_leave (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    out_at timestamptz NOT NULL,
    due_back_at timestamptz NOT NULL CHECK (due_back_at > out_at),
    companion text NOT NULL,
    destination text NOT NULL,
    registered_at timestamptz NOT NULL,
    registered_by text NOT NULL,
    pause_id uuid NOT NULL,
    back_at timestamptz,
    back_by text,
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE UNIQUE INDEX one_open_leave ON elder_leave (institution_id, elder_id) WHERE back_at IS NULL
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("round_plan", "SELECT, INSERT, UPDATE")
    protect("round_check", "SELECT, INSERT")
    protect("bed_tag", "SELECT, INSERT, UPDATE")
    protect("elder_leave", "SELECT, INSERT, UPDATE")
