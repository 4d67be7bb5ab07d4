"""Simulated runs and what they tell, apart from everything that is real."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0029"
down_revision = "0028"

TABLES = """
CREATE TABLE simulation_run (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    wanted jsonb NOT NULL,
    state text NOT NULL CHECK
        (state IN ('queued', 'running', 'done', 'stopped', 'failed', 'refused')),
    asked_at timestamptz NOT NULL,
    asked_by text NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    beat_at timestamptz,
    stop_asked boolean NOT NULL DEFAULT false,
    note text,
    sealed_key bytea,
    cast_of jsonb,
    result jsonb,
    UNIQUE (institution_id, id)
);

CREATE INDEX ON simulation_run (institution_id, asked_at);

CREATE TABLE simulation_frame (
    institution_id uuid NOT NULL,
    run_id uuid NOT NULL,
    number integer NOT NULL,
    tag text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (run_id, number),
    FOREIGN KEY (institution_id, run_id) REFERENCES simulation_run (institution_id, id)
        ON DELETE CASCADE
)
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("simulation_run")
    protect("simulation_frame", "SELECT, INSERT, DELETE")
