"""Ability assessments: drafts change, filed ones never do."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0011"
down_revision = "0010"

TABLES = """
CREATE TABLE assessment (
    institution_id uuid NOT NULL,
    id uuid NOT NULL,
    elder_id uuid NOT NULL,
    reason integer NOT NULL CHECK (reason BETWEEN 1 AND 5),
    reason_note text NOT NULL,
    reference_date date NOT NULL,
    answers jsonb NOT NULL,
    circumstances jsonb NOT NULL,
    informant jsonb NOT NULL,
    assessors text[] NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by_id uuid NOT NULL,
    updated_at timestamptz NOT NULL,
    filed_at timestamptz,
    filed_by_id uuid,
    result jsonb,
    rules_version text,
    total integer CHECK (total BETWEEN 0 AND 90),
    first_level integer CHECK (first_level BETWEEN 0 AND 4),
    final_level integer CHECK (final_level BETWEEN 0 AND 4),
    PRIMARY KEY (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, created_by_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, filed_by_id) REFERENCES user_account (institution_id, id),
    CHECK ((filed_at IS NULL) = (result IS NULL)),
    CHECK ((filed_at IS NULL) = (final_level IS NULL))
);

CREATE INDEX assessment_of_elder ON assessment (institution_id, elder_id, filed_at);

CREATE TABLE assessment_settings (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    changes_add_up boolean NOT NULL,
    events_count_together boolean NOT NULL,
    interval_days integer NOT NULL CHECK (interval_days BETWEEN 30 AND 1095),
    updated_at timestamptz NOT NULL
);

CREATE FUNCTION filed_assessment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.filed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a filed assessment never changes' USING ERRCODE = 'check_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;

CREATE TRIGGER filed_stays BEFORE UPDATE OR DELETE ON assessment
    FOR EACH ROW EXECUTE FUNCTION filed_assessment_stays()
"""


def upgrade() -> None:
    """Make the tables."""
    run(TABLES)
    protect("assessment")
    protect("assessment_settings", "SELECT, INSERT, UPDATE")
