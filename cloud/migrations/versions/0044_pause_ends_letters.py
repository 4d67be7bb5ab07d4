"""When a pause was ended early; the weekly letters of relatives."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0044"
down_revision = "0042"

TABLES = """
ALTER TABLE watch_pause ADD COLUMN ended_at timestamptz;

UPDATE watch_pause p SET ended_at = l.back_at FROM elder_leave l
WHERE l.pause_id = p.id AND l.back_at IS NOT NULL;

CREATE TABLE family_letter (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    elder_id uuid NOT NULL,
    family_id uuid NOT NULL,
    week date NOT NULL CHECK (extract(isodow FROM week) = 1),
    made_at timestamptz NOT NULL,
    shares text[] NOT NULL,
    text_zh text NOT NULL,
    text_en text NOT NULL,
    read_at timestamptz,
    UNIQUE (institution_id, family_id, week),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, family_id) REFERENCES family_member (institution_id, id)
)
"""


def upgrade() -> None:
    """Forward only: what was written to people stays as it was."""
    run(TABLES)
    protect("family_letter", "SELECT, INSERT")
    # A letter is never rewritten; that it was read is noted once.
    run("GRANT UPDATE (read_at) ON family_letter TO yuyue_app")
