"""The life of home beds with append-only moves."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0034"
down_revision = "0033"

TABLES = """
ALTER TABLE home ADD COLUMN follows_steps boolean NOT NULL DEFAULT false;

CREATE TABLE home_bed (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    home_id uuid,
    step text NOT NULL CHECK (step IN ('applied', 'assessed', 'planned', 'agreed', 'fitting',
        'accepted', 'in_service', 'ended')),
    step_since timestamptz NOT NULL,
    reviewed_at timestamptz,
    purchaser text NOT NULL,
    assessment_id uuid,
    plan jsonb,
    agreement jsonb,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    UNIQUE (institution_id, id),
    CHECK ((step = 'ended') = (ended_at IS NOT NULL)),
    CHECK (step NOT IN ('fitting', 'accepted', 'in_service') OR agreement IS NOT NULL),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, home_id) REFERENCES home (institution_id, id),
    FOREIGN KEY (institution_id, assessment_id) REFERENCES assessment (institution_id, id)
);

CREATE UNIQUE INDEX one_home_bed_of_elder ON home_bed (institution_id, elder_id)
    WHERE ended_at IS NULL;

CREATE UNIQUE INDEX one_home_bed_of_home ON home_bed (institution_id, home_id)
    WHERE ended_at IS NULL;

CREATE TABLE home_bed_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    home_bed_id uuid NOT NULL,
    move text NOT NULL,
    step_before text,
    step_after text NOT NULL,
    at timestamptz NOT NULL,
    by_id uuid NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    detail jsonb NOT NULL,
    FOREIGN KEY (institution_id, home_bed_id) REFERENCES home_bed (institution_id, id)
);

CREATE INDEX moves_of_home_bed ON home_bed_move (institution_id, home_bed_id, id)
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("home_bed", "SELECT, INSERT, UPDATE")
    protect("home_bed_move", "SELECT, INSERT")
