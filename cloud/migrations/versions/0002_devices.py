"""Gateways and their tokens, devices, assignments, and what gateways are told about them."""

from __future__ import annotations

from cloud.migrations.tenancy import owner_reads, protect, run

revision = "0002"
down_revision = "0001"

GATEWAYS = """
CREATE TABLE gateway (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    last_heartbeat_at timestamptz,
    started_at timestamptz,
    software_version text,
    outbox_id text,
    urgent_pending integer NOT NULL DEFAULT 0,
    bulk_pending integer NOT NULL DEFAULT 0,
    oldest_pending_at timestamptz,
    rejected_total bigint NOT NULL DEFAULT 0,
    sources jsonb NOT NULL DEFAULT '{}',
    clock_offset_s double precision,
    announced_state text NOT NULL DEFAULT 'never'
        CHECK (announced_state IN ('never', 'online', 'offline')),
    UNIQUE (institution_id, id),
    UNIQUE (institution_id, name)
);

CREATE TABLE gateway_token (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    FOREIGN KEY (institution_id, gateway_id) REFERENCES gateway (institution_id, id)
);

CREATE FUNCTION auth_gateway(wanted_hash bytea)
RETURNS TABLE (institution_id uuid, gateway_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT t.institution_id, t.gateway_id FROM gateway_token t
    WHERE t.token_hash = wanted_hash AND t.revoked_at IS NULL
$$;

REVOKE ALL ON FUNCTION auth_gateway FROM PUBLIC;

GRANT EXECUTE ON FUNCTION auth_gateway TO yuyue_app
"""

DEVICES = """
CREATE TABLE device (
    institution_id uuid NOT NULL REFERENCES institution,
    device_id text NOT NULL CHECK (device_id ~ '^[A-Za-z0-9_.:-]{1,64}$'),
    model text NOT NULL,
    position text CHECK (position IN ('wrist', 'waist', 'chest', 'neck')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, device_id)
);

CREATE TABLE assignment (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    device_id text NOT NULL,
    elder_id uuid,
    bed_id uuid,
    room_id uuid,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    CHECK (valid_until > valid_from),
    CONSTRAINT assignment_to_one_subject CHECK (num_nonnulls(elder_id, bed_id, room_id) = 1),
    FOREIGN KEY (institution_id, device_id) REFERENCES device (institution_id, device_id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, bed_id) REFERENCES bed (institution_id, id),
    FOREIGN KEY (institution_id, room_id) REFERENCES room (institution_id, id),
    CONSTRAINT assignment_one_at_a_time EXCLUDE USING gist (
        uuid_range(institution_id, institution_id, '[]') WITH &&,
        text_range(device_id, device_id, '[]') WITH &&,
        tstzrange(valid_from, valid_until) WITH &&
    )
);

CREATE TABLE device_activity (
    institution_id uuid NOT NULL,
    device_id text NOT NULL,
    last_data_at timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, device_id),
    FOREIGN KEY (institution_id, device_id) REFERENCES device (institution_id, device_id)
)
"""

# The version grows with every change of what a registry document is made from, whoever makes it.
REGISTRY = """
CREATE TABLE registry_state (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    version bigint NOT NULL,
    intervals_seen_until timestamptz NOT NULL
);

CREATE FUNCTION registry_changed() RETURNS trigger
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
    RETURN NULL;
END
$$;

CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON unit
FOR EACH ROW EXECUTE FUNCTION registry_changed();

CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON room
FOR EACH ROW EXECUTE FUNCTION registry_changed();

CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON bed
FOR EACH ROW EXECUTE FUNCTION registry_changed();

CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON elder
FOR EACH ROW EXECUTE FUNCTION registry_changed();

CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON stay
FOR EACH ROW EXECUTE FUNCTION registry_changed();

CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON device
FOR EACH ROW EXECUTE FUNCTION registry_changed();

CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON assignment
FOR EACH ROW EXECUTE FUNCTION registry_changed()
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(GATEWAYS)
    run(DEVICES)
    run(REGISTRY)
    for table in (
        "gateway", "gateway_token", "device", "assignment", "device_activity", "registry_state",
    ):  # fmt: skip
        protect(table)
    owner_reads("gateway_token")
