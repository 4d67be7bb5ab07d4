"""What is asked for, for whom, why and by when: visits, assessments, applications."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0036"
down_revision = "0035"

TABLES = """
CREATE TABLE care_task (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    kind text NOT NULL
        CHECK (kind IN ('visit', 'assessment', 'home_bed_application', 'service_application')),
    why text NOT NULL,
    source text NOT NULL,
    source_id uuid,
    asked_at timestamptz NOT NULL,
    asked_by text NOT NULL,
    due_on date NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'done', 'cancelled')),
    ended_at timestamptz,
    ended_by text,
    result text,
    outcome text,
    CHECK ((state = 'open') = (ended_at IS NULL)),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX care_task_of_elder ON care_task (institution_id, elder_id, asked_at);

CREATE UNIQUE INDEX one_open_task_of_a_source ON care_task (institution_id, source_id, kind)
    WHERE state = 'open' AND source_id IS NOT NULL
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("care_task", "SELECT, INSERT, UPDATE")
