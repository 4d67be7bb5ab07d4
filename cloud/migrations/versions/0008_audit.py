"""The audit: append-only and chained, written by one function that nobody can get around."""

from __future__ import annotations

from cloud.migrations.tenancy import TENANT, owner_reads, protect, run

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE audit_entry (
    institution_id uuid NOT NULL REFERENCES institution,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    action text NOT NULL,
    actor_id uuid,
    elder_id uuid,
    body text NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (institution_id, seq)
);

CREATE INDEX audit_entry_of_elder ON audit_entry (institution_id, elder_id, seq)
    WHERE elder_id IS NOT NULL;

CREATE INDEX audit_entry_of_actor ON audit_entry (institution_id, actor_id, seq);

CREATE INDEX audit_entry_by_time ON audit_entry (institution_id, at);

CREATE TABLE audit_head (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    seq bigint NOT NULL,
    hash bytea NOT NULL
)
"""

# Even the owner appends only: a change needs the trigger switched off first, which breaks no
# chain by itself but has to be done on purpose.
APPEND_ONLY = """
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE TRIGGER head_stays BEFORE DELETE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();

CREATE TRIGGER head_stays_whole BEFORE TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
"""

# Runs as the owner, for the institution of the transaction and no other. The head's row stays
# locked until the commit: entries are numbered in commit order, without gaps.
APPEND = f"""
CREATE FUNCTION audit_append(
    entry_at timestamptz, entry_action text, entry_actor uuid, entry_elder uuid, entry_body text,
    not_since timestamptz
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    tenant uuid := {TENANT};
    last audit_head%ROWTYPE;
    new_hash bytea;
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION 'audit_append: no institution';
    END IF;
    IF not_since IS NOT NULL AND EXISTS (
        SELECT FROM audit_entry e
        WHERE e.institution_id = tenant AND e.elder_id = entry_elder AND e.at > not_since
        AND e.action = entry_action AND e.actor_id = entry_actor
        AND e.body::json -> 'detail' ->> 'call' IS NOT DISTINCT FROM
            entry_body::json -> 'detail' ->> 'call'
    ) THEN
        RETURN NULL;
    END IF;
    INSERT INTO audit_head VALUES (tenant, 0, sha256(convert_to(tenant::text, 'UTF8')))
        ON CONFLICT DO NOTHING;
    SELECT * INTO last FROM audit_head h WHERE h.institution_id = tenant FOR UPDATE;
    new_hash := sha256(last.hash || int8send(last.seq + 1) || convert_to(entry_body, 'UTF8'));
    INSERT INTO audit_entry VALUES (
        tenant, last.seq + 1, entry_at, entry_action, entry_actor, entry_elder, entry_body,
        last.hash, new_hash
    );
    UPDATE audit_head SET seq = last.seq + 1, hash = new_hash WHERE institution_id = tenant;
    RETURN last.seq + 1;
END
$$;

REVOKE ALL ON FUNCTION audit_append FROM PUBLIC;

GRANT EXECUTE ON FUNCTION audit_append TO yuyue_app
"""  # noqa: S608 - a constant


def upgrade() -> None:
    """Forward only."""
    for script in (TABLES, APPEND_ONLY, APPEND):
        run(script)
    for table in ("audit_entry", "audit_head"):
        protect(table, grants="SELECT")
        owner_reads(table)
        run(
            f"CREATE POLICY owner_appends ON {table} FOR INSERT TO CURRENT_USER"
            f" WITH CHECK (institution_id = {TENANT})"
        )
    run(
        f"CREATE POLICY owner_moves_on ON audit_head FOR UPDATE TO CURRENT_USER"
        f" USING (institution_id = {TENANT}) WITH CHECK (institution_id = {TENANT})"
    )
