"""Incident register of all kinds, history of the nine risks, plan of emergency drills."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0041"
down_revision = "0040"

TABLES = """
ALTER TABLE incident
    ALTER COLUMN alert_id DROP NOT NULL,
    DROP CONSTRAINT incident_kind_check,
    ADD CHECK (kind IN ('choking', 'wrong_intake', 'pressure_injury', 'scald', 'bed_fall', 'fall',
                        'wandering', 'harm', 'activity', 'other')),
    ADD COLUMN place text NOT NULL DEFAULT '',
    ADD COLUMN description text NOT NULL DEFAULT '',
    ADD COLUMN follow_up text NOT NULL DEFAULT '',
    ADD COLUMN follow_up_on date,
    ADD COLUMN reviewed_at timestamptz,
    ADD COLUMN reviewed_by text,
    ADD COLUMN review text NOT NULL DEFAULT '',
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN closed_by text,
    ADD COLUMN outcome text NOT NULL DEFAULT '',
    ADD COLUMN void_reason text NOT NULL DEFAULT '',
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD UNIQUE (institution_id, id),
    ADD CHECK (closed_at IS NULL OR reviewed_at IS NOT NULL);

CREATE INDEX incident_by_time ON incident (institution_id, happened_at);

CREATE TABLE incident_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    move text NOT NULL,
    at timestamptz NOT NULL,
    by text NOT NULL,
    words text NOT NULL,
    changes jsonb NOT NULL,
    FOREIGN KEY (institution_id, incident_id) REFERENCES incident (institution_id, id)
);

CREATE INDEX incident_moves ON incident_move (institution_id, incident_id, id);

CREATE TABLE risk_history (
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    risk text NOT NULL,
    version integer NOT NULL,
    level text NOT NULL,
    measures text NOT NULL,
    owner text NOT NULL,
    review_on date,
    at timestamptz NOT NULL,
    by text NOT NULL,
    PRIMARY KEY (institution_id, elder_id, risk, version),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE TABLE drill_plan (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    kind text NOT NULL,
    year integer NOT NULL CHECK (year BETWEEN 2020 AND 2100),
    quarter integer NOT NULL CHECK (quarter BETWEEN 1 AND 4),
    unit_id uuid,
    note text NOT NULL,
    planned_at timestamptz NOT NULL,
    planned_by text NOT NULL,
    done_on date,
    done_by text,
    participants text[] NOT NULL DEFAULT '{}',
    remarks text NOT NULL DEFAULT '',
    drill_id uuid,
    cancelled_at timestamptz,
    cancelled_by text,
    cancel_reason text NOT NULL DEFAULT '',
    version integer NOT NULL DEFAULT 1,
    UNIQUE (institution_id, id),
    CHECK (done_on IS NULL OR cancelled_at IS NULL),
    FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id)
);

CREATE INDEX drill_plan_by_quarter ON drill_plan (institution_id, year, quarter)
"""


def upgrade() -> None:
    """Forward only. Incidents of before are falls that alerts told."""
    run(TABLES)
    protect("incident_move", "SELECT, INSERT")
    protect("risk_history", "SELECT, INSERT")
    protect("drill_plan", "SELECT, INSERT, UPDATE")
