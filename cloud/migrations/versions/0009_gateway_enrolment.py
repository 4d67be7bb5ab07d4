"""Gateways: enrolment by code, overlapping tokens, settings, what they say of themselves, gaps."""

from __future__ import annotations

from cloud.migrations.tenancy import owner_reads, protect, run

revision = "0009"
down_revision = "0008"

GATEWAYS = """
ALTER TABLE gateway
    ADD COLUMN enrolled_at timestamptz,
    ADD COLUMN revoked_at timestamptz,
    ADD COLUMN settings jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN settings_version bigint NOT NULL DEFAULT 1,
    ADD COLUMN settings_applied bigint NOT NULL DEFAULT 0,
    ADD COLUMN settings_error text,
    ADD COLUMN outbox_bytes bigint,
    ADD COLUMN disk_free_bytes bigint,
    ADD COLUMN mains boolean,
    ADD COLUMN battery_percent double precision,
    ADD COLUMN local_alarm text NOT NULL DEFAULT 'off',
    ADD COLUMN devices_heard integer,
    ADD COLUMN rotation_wanted_at timestamptz;

ALTER TABLE gateway_token ADD COLUMN first_used_at timestamptz;

DROP FUNCTION auth_gateway(bytea);

CREATE FUNCTION auth_gateway(wanted_hash bytea, at timestamptz)
RETURNS TABLE (institution_id uuid, gateway_id uuid, token_id uuid, is_fresh boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT t.institution_id, t.gateway_id, t.id, t.first_used_at IS NULL FROM gateway_token t
    WHERE t.token_hash = wanted_hash AND (t.revoked_at IS NULL OR t.revoked_at > at)
$$;

REVOKE ALL ON FUNCTION auth_gateway FROM PUBLIC;

GRANT EXECUTE ON FUNCTION auth_gateway TO yuyue_app;

CREATE TABLE gateway_code (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    code_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    created_by uuid,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    FOREIGN KEY (institution_id, gateway_id) REFERENCES gateway (institution_id, id),
    FOREIGN KEY (institution_id, created_by) REFERENCES user_account (institution_id, id)
);

CREATE FUNCTION auth_gateway_code(wanted_hash bytea, at timestamptz)
RETURNS TABLE (institution_id uuid, code_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT c.institution_id, c.id FROM gateway_code c
    WHERE c.code_hash = wanted_hash AND c.ended_at IS NULL AND c.expires_at > at
$$;

REVOKE ALL ON FUNCTION auth_gateway_code FROM PUBLIC;

GRANT EXECUTE ON FUNCTION auth_gateway_code TO yuyue_app
"""

GAPS = """
CREATE TABLE gateway_gap (
    institution_id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    gap_id text NOT NULL,
    cause text NOT NULL CHECK (cause IN ('source_down', 'gateway_down', 'thinned', 'dropped')),
    source text,
    device_ids text[] NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    records bigint NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, gateway_id, gap_id),
    CHECK (until_at > from_at),
    FOREIGN KEY (institution_id, gateway_id) REFERENCES gateway (institution_id, id)
);

CREATE INDEX ON gateway_gap (institution_id, until_at)
"""

# The machine's mains and battery are signals: it is a device of its own, belonging to nobody.
MACHINES = """
UPDATE gateway_token SET first_used_at = created_at;

INSERT INTO device (institution_id, device_id, model, created_at)
SELECT institution_id, 'gateway-' || id, 'yuyue-gateway', created_at FROM gateway
"""

# Gateways that wait for news are woken at the commit of whatever changed.
BELL = """
CREATE OR REPLACE FUNCTION registry_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    changed uuid;
BEGIN
    IF TG_OP = 'DELETE' THEN
        changed := OLD.institution_id;
    ELSE
        changed := NEW.institution_id;
    END IF;
    INSERT INTO registry_state AS r (institution_id, version, intervals_seen_until)
    VALUES (changed, 1, 'epoch')
    ON CONFLICT (institution_id) DO UPDATE SET version = r.version + 1;
    PERFORM pg_notify('yuyue_gateways', changed::text);
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(GATEWAYS)
    run(GAPS)
    run(BELL)
    for table in ("gateway_code", "gateway_gap"):
        protect(table)
    owner_reads("gateway_code")
    # Row-level security binds the owner too: lifted for the rows that there are already.
    tables = ("gateway", "gateway_token", "device", "registry_state")
    for table in tables:
        run(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    run(MACHINES)
    for table in tables:
        run(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
