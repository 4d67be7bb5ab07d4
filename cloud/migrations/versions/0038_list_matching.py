"""Lists of other departments held against the records; what they, and the service list, open."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0038"
down_revision = "0037"

TABLES = """
CREATE TABLE discovery_clue (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    elder_id uuid,
    kind text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    closed_at timestamptz,
    closed_by text,
    outcome text CHECK (outcome IN ('done', 'dismissed', 'withdrawn')),
    note text NOT NULL,
    CHECK ((closed_at IS NULL) = (outcome IS NULL)),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE UNIQUE INDEX discovery_clue_once ON discovery_clue (institution_id, kind, subject)
    WHERE closed_at IS NULL;

CREATE INDEX discovery_clue_open ON discovery_clue (institution_id, opened_at)
    WHERE closed_at IS NULL;

CREATE INDEX discovery_clue_of_elder ON discovery_clue (institution_id, elder_id, opened_at);

CREATE TABLE matching_list (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    source text NOT NULL,
    field text NOT NULL,
    purpose text NOT NULL,
    legal_basis text NOT NULL,
    as_of date NOT NULL,
    file_name text NOT NULL,
    file_sha256 bytea,
    file_sealed bytea,
    state text NOT NULL
        CHECK (state IN ('waiting', 'queued', 'running', 'ready', 'failed', 'erased')),
    step text NOT NULL,
    done integer NOT NULL,
    total integer NOT NULL,
    tries integer NOT NULL,
    beat_at timestamptz,
    note text NOT NULL,
    meanings jsonb NOT NULL,
    previous_id uuid,
    uploaded_at timestamptz NOT NULL,
    uploaded_by text NOT NULL,
    ended_at timestamptz,
    expires_on date NOT NULL,
    version integer NOT NULL,
    UNIQUE (institution_id, id)
);

CREATE INDEX matching_list_newest ON matching_list (institution_id, uploaded_at);

CREATE INDEX matching_list_waits ON matching_list (institution_id, state)
    WHERE state IN ('queued', 'running');

CREATE TABLE matching_row (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    list_id uuid NOT NULL,
    line integer,
    difference text NOT NULL
        CHECK (difference IN ('same', 'new', 'gone', 'changed', 'conflict', 'unreadable')),
    certainty text NOT NULL CHECK (certainty IN ('certain', 'likely', 'none')),
    reason text NOT NULL,
    other_lines integer[] NOT NULL,
    person_sealed bytea,
    status text NOT NULL,
    problems text NOT NULL,
    elder_id uuid,
    candidates uuid[] NOT NULL,
    before jsonb,
    after jsonb,
    decision text CHECK (decision IN ('apply', 'reject', 'task')),
    decided_at timestamptz,
    decided_by text,
    decision_note text NOT NULL,
    fact_id bigint,
    clue_id uuid,
    undone_at timestamptz,
    undone_by text,
    FOREIGN KEY (institution_id, list_id) REFERENCES matching_list (institution_id, id)
);

CREATE INDEX matching_row_of_list ON matching_row (institution_id, list_id, difference, line, id);

CREATE INDEX matching_row_of_elder ON matching_row (institution_id, elder_id)
    WHERE elder_id IS NOT NULL
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("discovery_clue", "SELECT, INSERT, UPDATE")
    protect("matching_list", "SELECT, INSERT, UPDATE")
    protect("matching_row")
