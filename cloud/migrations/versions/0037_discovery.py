"""Active discovery: days of each elder as numbers, nightly scores, cases and what people said."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0037"
down_revision = "0036"

TABLES = """
CREATE TABLE discovery_day (
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    day date NOT NULL,
    origin text NOT NULL,
    features jsonb NOT NULL,
    watched boolean NOT NULL,
    away boolean NOT NULL,
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, elder_id, day),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE TABLE discovery_run (
    institution_id uuid NOT NULL REFERENCES institution,
    day date NOT NULL,
    computed_at timestamptz NOT NULL,
    scored_at timestamptz,
    elders integer NOT NULL,
    listed integer NOT NULL,
    PRIMARY KEY (institution_id, day)
);

CREATE TABLE discovery_score (
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    day date NOT NULL,
    score double precision NOT NULL,
    listed boolean NOT NULL,
    reasons jsonb NOT NULL,
    unknown jsonb NOT NULL,
    PRIMARY KEY (institution_id, elder_id, day),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE TABLE discovery_case (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    opened_on date NOT NULL,
    day date NOT NULL,
    score double precision NOT NULL,
    listed boolean NOT NULL,
    origin text NOT NULL,
    reasons jsonb NOT NULL,
    unknown jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'working', 'confirmed', 'dismissed')),
    reason_code text,
    note text,
    ask_again_on date,
    ended_at timestamptz,
    ended_by text,
    version integer NOT NULL,
    CHECK ((state IN ('confirmed', 'dismissed')) = (ended_at IS NOT NULL)),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE UNIQUE INDEX one_open_discovery_case ON discovery_case (institution_id, elder_id)
    WHERE ended_at IS NULL;

CREATE INDEX discovery_case_of_elder ON discovery_case (institution_id, elder_id, opened_on);

CREATE TABLE discovery_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    case_id uuid NOT NULL REFERENCES discovery_case,
    at timestamptz NOT NULL,
    by text NOT NULL,
    move text NOT NULL,
    note text NOT NULL,
    detail jsonb NOT NULL
);

CREATE INDEX discovery_move_of_case ON discovery_move (institution_id, case_id, id)
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("discovery_day", "SELECT, INSERT, UPDATE, DELETE")
    protect("discovery_run", "SELECT, INSERT, UPDATE")
    protect("discovery_score", "SELECT, INSERT, UPDATE, DELETE")
    protect("discovery_case", "SELECT, INSERT, UPDATE")
    protect("discovery_move", "SELECT, INSERT")
