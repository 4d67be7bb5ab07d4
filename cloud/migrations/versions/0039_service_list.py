"""Rule sets of the service list as data, and how each elder's standing changed."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0039"
down_revision = "0038"

TABLES = """
CREATE TABLE service_rule_set (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    key text NOT NULL,
    edition integer NOT NULL,
    title text NOT NULL,
    region text,
    extends text NOT NULL,
    document jsonb NOT NULL,
    valid_from date,
    valid_until date,
    edited_at timestamptz NOT NULL,
    edited_by text NOT NULL,
    published_at timestamptz,
    published_by text,
    reason text NOT NULL,
    version integer NOT NULL,
    CHECK (valid_until > valid_from),
    CHECK (published_at IS NULL OR valid_from IS NOT NULL),
    UNIQUE (institution_id, key, edition)
);

CREATE UNIQUE INDEX service_rule_set_one_draft ON service_rule_set (institution_id, key)
    WHERE published_at IS NULL;

CREATE TABLE entitlement_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    service text NOT NULL,
    before text CHECK (before IN ('met', 'not_met', 'unknown')),
    after text CHECK (after IN ('met', 'not_met', 'unknown')),
    cause text NOT NULL,
    at timestamptz NOT NULL,
    evidence jsonb NOT NULL,
    missing text[] NOT NULL,
    rule_version text NOT NULL,
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX entitlement_change_of_elder
    ON entitlement_change (institution_id, elder_id, service, id);

CREATE TABLE entitlement_due (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    cause text NOT NULL
);

CREATE INDEX entitlement_due_next ON entitlement_due (institution_id, id);

CREATE TABLE entitlement_clock (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    day date NOT NULL,
    rules text NOT NULL
);

CREATE FUNCTION note_entitlement_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO entitlement_due (institution_id, elder_id, cause)
    VALUES (NEW.institution_id, NEW.elder_id, TG_ARGV[0]);
    RETURN NULL;
END $$;

CREATE FUNCTION note_elder_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO entitlement_due (institution_id, elder_id, cause)
    VALUES (NEW.institution_id, NEW.id, 'record');
    RETURN NULL;
END $$;

CREATE TRIGGER entitlement_due_fact AFTER INSERT ON elder_fact
    FOR EACH ROW EXECUTE FUNCTION note_entitlement_due('record');

CREATE TRIGGER entitlement_due_elder AFTER INSERT OR UPDATE OF birth_date, archived_at ON elder
    FOR EACH ROW EXECUTE FUNCTION note_elder_due();

CREATE TRIGGER entitlement_due_assessment AFTER INSERT OR UPDATE OF filed_at ON assessment
    FOR EACH ROW WHEN (NEW.filed_at IS NOT NULL)
    EXECUTE FUNCTION note_entitlement_due('assessment')
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("service_rule_set")
    protect("entitlement_change", "SELECT, INSERT")
    protect("entitlement_due")
    protect("entitlement_clock", "SELECT, INSERT, UPDATE")
