"""Visits: plans by group, visits with place and findings, corrections, follow-ups."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0033"
down_revision = "0032"

TABLES = """
CREATE TABLE visit_settings (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    interval_days jsonb NOT NULL,
    pull_forward_h integer NOT NULL CHECK (pull_forward_h BETWEEN 1 AND 168),
    remote_in_a_row integer NOT NULL CHECK (remote_in_a_row BETWEEN 0 AND 12),
    station jsonb,
    version integer NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL
);

CREATE TABLE visit_plan (
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    group_key text NOT NULL,
    interval_days integer CHECK (interval_days BETWEEN 1 AND 366),
    visitor_id uuid,
    purchaser text NOT NULL,
    place_sealed bytea,
    starts_on date NOT NULL,
    ended_at timestamptz,
    note text NOT NULL,
    version integer NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL,
    PRIMARY KEY (institution_id, elder_id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE TABLE visit (
    institution_id uuid NOT NULL,
    id uuid NOT NULL,
    elder_id uuid NOT NULL,
    by_id uuid NOT NULL,
    by text NOT NULL,
    way text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('done', 'not_home', 'refused', 'no_answer')),
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL CHECK (ended_at >= started_at),
    recorded_at timestamptz NOT NULL,
    due_at timestamptz,
    place_sealed bytea,
    accuracy_m double precision,
    distance_m double precision,
    no_place_reason text NOT NULL,
    findings text[] NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (institution_id, id),
    CHECK (outcome <> 'done' OR cardinality(findings) > 0),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX visit_of_elder ON visit (institution_id, elder_id, started_at);

CREATE INDEX visit_by_time ON visit (institution_id, started_at);

CREATE TABLE visit_correction (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    visit_id uuid NOT NULL,
    at timestamptz NOT NULL,
    by text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    void boolean NOT NULL,
    started_at timestamptz,
    ended_at timestamptz CHECK (ended_at >= started_at),
    FOREIGN KEY (institution_id, visit_id) REFERENCES visit (institution_id, id)
);

CREATE INDEX correction_of_visit ON visit_correction (institution_id, visit_id, at);

CREATE TABLE visit_followup (
    institution_id uuid NOT NULL,
    id uuid NOT NULL,
    elder_id uuid NOT NULL,
    visit_id uuid NOT NULL,
    what text NOT NULL CHECK (what <> ''),
    owner_id uuid NOT NULL,
    owner text NOT NULL,
    due_on date NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    done_at timestamptz,
    done_by text,
    result text NOT NULL,
    PRIMARY KEY (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, visit_id) REFERENCES visit (institution_id, id)
);

CREATE INDEX open_followups ON visit_followup (institution_id, due_on) WHERE done_at IS NULL;

CREATE TABLE visit_request (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    due_at timestamptz NOT NULL,
    reason text NOT NULL,
    note text NOT NULL,
    source text NOT NULL,
    evidence jsonb NOT NULL,
    UNIQUE (institution_id, elder_id, source),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
)
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("visit_settings", "SELECT, INSERT, UPDATE")
    protect("visit_plan", "SELECT, INSERT, UPDATE")
    protect("visit", "SELECT, INSERT")
    run("GRANT UPDATE (place_sealed) ON visit TO yuyue_app")  # keys are changed while serving
    protect("visit_correction", "SELECT, INSERT")
    protect("visit_followup", "SELECT, INSERT, UPDATE")
    protect("visit_request", "SELECT, INSERT")
