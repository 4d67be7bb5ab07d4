"""The level of the newest assessment steers the watch, unless a plan has its own."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0020"
down_revision = "0019"

# Held here, not looked up: the watch stands below the assessments. A level of 0 in a plan was the
# default that nobody had chosen; any other was.
LEVEL = """
CREATE TABLE assessed_level (
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    level integer NOT NULL CHECK (level BETWEEN 0 AND 4),
    reference_date date NOT NULL,
    assessment_id uuid NOT NULL,
    filed_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, elder_id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

ALTER TABLE watch_plan ADD COLUMN follows_assessment boolean NOT NULL DEFAULT true;

ALTER TABLE watch_plan NO FORCE ROW LEVEL SECURITY;

UPDATE watch_plan SET follows_assessment = false WHERE ability_level <> 0;

ALTER TABLE watch_plan FORCE ROW LEVEL SECURITY;

ALTER TABLE assessment NO FORCE ROW LEVEL SECURITY;

INSERT INTO assessed_level
    SELECT DISTINCT ON (institution_id, elder_id)
        institution_id, elder_id, final_level, reference_date, id, filed_at
    FROM assessment WHERE filed_at IS NOT NULL
    ORDER BY institution_id, elder_id, reference_date DESC, filed_at DESC;

ALTER TABLE assessment FORCE ROW LEVEL SECURITY;

CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON assessed_level
    FOR EACH ROW EXECUTE FUNCTION registry_changed()
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(LEVEL)
    protect("assessed_level", "SELECT, INSERT, UPDATE")
