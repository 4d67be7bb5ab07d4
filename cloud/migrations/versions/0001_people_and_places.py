"""Institutions, users and sessions; units, rooms, beds; elders and their stays."""

from __future__ import annotations

from cloud.migrations.tenancy import owner_reads, protect, run

revision = "0001"
down_revision = None

# Without the btree_gist extension (the embedded server lacks it) an exclusion constraint cannot
# take a plain uuid or text; as a range of one value it can.
RANGE_TYPES = """
CREATE TYPE uuid_range AS RANGE (SUBTYPE = uuid);

CREATE TYPE text_range AS RANGE (SUBTYPE = text, COLLATION = "C")
"""

IDENTITY = """
CREATE TABLE institution (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    created_at timestamptz NOT NULL
);

CREATE TABLE user_account (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    username text NOT NULL UNIQUE,
    display_name text NOT NULL,
    role text NOT NULL CHECK (role IN ('duty', 'admin')),
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    UNIQUE (institution_id, id)
);

CREATE TABLE user_session (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id)
);

CREATE TABLE login_throttle (
    key bytea PRIMARY KEY,
    failures integer NOT NULL,
    window_started_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON login_throttle TO yuyue_app
"""

PLACES = """
CREATE TABLE unit (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    name text NOT NULL,
    sort_order integer NOT NULL,
    UNIQUE (institution_id, id),
    UNIQUE (institution_id, name)
);

CREATE TABLE room (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    name text NOT NULL,
    UNIQUE (institution_id, id),
    UNIQUE (unit_id, name),
    FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id)
);

CREATE TABLE bed (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    room_id uuid NOT NULL,
    name text NOT NULL,
    UNIQUE (institution_id, id),
    UNIQUE (room_id, name),
    FOREIGN KEY (institution_id, room_id) REFERENCES room (institution_id, id)
)
"""

PEOPLE = """
CREATE TABLE elder (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    name text NOT NULL,
    sex text NOT NULL CHECK (sex IN ('female', 'male')),
    birth_date date NOT NULL,
    care_note text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (institution_id, id)
);

CREATE TABLE stay (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    bed_id uuid NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    CHECK (valid_until > valid_from),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, bed_id) REFERENCES bed (institution_id, id),
    CONSTRAINT stay_one_bed_at_a_time EXCLUDE USING gist
        (uuid_range(elder_id, elder_id, '[]') WITH &&, tstzrange(valid_from, valid_until) WITH &&),
    CONSTRAINT stay_one_elder_at_a_time EXCLUDE USING gist
        (uuid_range(bed_id, bed_id, '[]') WITH &&, tstzrange(valid_from, valid_until) WITH &&)
)
"""

# Before anyone is logged in there is no institution to name. These functions run as the owner,
# answer one question each, and take a secret or a name that must match exactly.
LOOKUPS = """
CREATE FUNCTION auth_login(wanted_username text)
RETURNS TABLE (institution_id uuid, user_id uuid, password_hash text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT u.institution_id, u.id, u.password_hash FROM user_account u
    WHERE u.username = wanted_username AND u.disabled_at IS NULL
$$;

CREATE FUNCTION auth_session(wanted_hash bytea, at timestamptz)
RETURNS TABLE (institution_id uuid, session_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT s.institution_id, s.id FROM user_session s
    JOIN user_account u ON u.id = s.user_id
    WHERE s.token_hash = wanted_hash AND s.ended_at IS NULL AND s.expires_at > at
    AND u.disabled_at IS NULL
$$;

CREATE FUNCTION worker_institutions() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT id FROM institution ORDER BY id
$$;

REVOKE ALL ON FUNCTION auth_login, auth_session, worker_institutions FROM PUBLIC;

GRANT EXECUTE ON FUNCTION auth_login, auth_session, worker_institutions TO yuyue_app
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run("GRANT USAGE ON SCHEMA public TO yuyue_app")
    for script in (RANGE_TYPES, IDENTITY, PLACES, PEOPLE, LOOKUPS):
        run(script)
    protect("institution", column="id")
    for table in ("user_account", "user_session", "unit", "room", "bed", "elder", "stay"):
        protect(table)
    for table in ("institution", "user_account", "user_session"):
        owner_reads(table)
