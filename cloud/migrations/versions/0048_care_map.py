"""The care map: what a house says of itself, its beds as counted, who can help with what."""

from __future__ import annotations

from cloud.migrations.tenancy import owner_reads, protect, run

revision = "0048"
down_revision = "0047"

TABLES = """
CREATE TABLE care_map_profile (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    address text NOT NULL,
    phone text NOT NULL,
    lat double precision CHECK (lat BETWEEN -90 AND 90),
    lon double precision CHECK (lon BETWEEN -180 AND 180),
    services text[] NOT NULL,
    home_bed_capacity integer CHECK (home_bed_capacity >= 0),
    note text NOT NULL,
    published boolean NOT NULL,
    version integer NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL,
    CHECK ((lat IS NULL) = (lon IS NULL)),
    CHECK (NOT published OR (lat IS NOT NULL AND address <> '' AND phone <> ''))
);

CREATE TABLE care_map_count (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    beds jsonb NOT NULL,
    waiting jsonb NOT NULL,
    counted_at timestamptz NOT NULL
);

CREATE TABLE responder (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    user_id uuid,
    family_member_id uuid,
    skills text[] NOT NULL,
    capacity integer CHECK (capacity > 0),
    version integer NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL,
    CHECK (num_nonnulls(user_id, family_member_id) = 1),
    UNIQUE (institution_id, user_id),
    UNIQUE (institution_id, family_member_id),
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, family_member_id) REFERENCES family_member (institution_id, id)
        ON DELETE CASCADE
)
"""

# What crosses houses names nobody: a house, its beds, and counts that are masked by the caller.
LOOKUPS = """
CREATE FUNCTION care_map_published()
RETURNS TABLE (house_id uuid, name text, district_code text, district_name text, address text,
    phone text, lat double precision, lon double precision, services text[], note text,
    updated_at timestamptz, beds jsonb, counted_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT ON (i.name, m.member_id) m.member_id, i.name, m.district_code, m.district_name,
        p.address, p.phone, p.lat, p.lon, p.services, p.note, p.updated_at,
        c.beds, c.counted_at
    FROM district_member m
    JOIN institution b ON b.id = m.institution_id AND b.kind = 'bureau'
    JOIN institution i ON i.id = m.member_id
    JOIN care_map_profile p ON p.institution_id = m.member_id AND p.published
    LEFT JOIN care_map_count c ON c.institution_id = m.member_id
    WHERE m.institution_id IN (
        SELECT o.institution_id FROM district_member o
        WHERE nullif(current_setting('app.institution_id', true), '')::uuid
            IN (o.institution_id, o.member_id)
    )
    ORDER BY i.name, m.member_id, m.district_code NULLS LAST
$$;

CREATE FUNCTION bureau_waiting()
RETURNS TABLE (member_id uuid, waiting jsonb, counted_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT m.member_id, c.waiting, c.counted_at
    FROM bureau_members() m JOIN care_map_count c ON c.institution_id = m.member_id
$$;

REVOKE ALL ON FUNCTION care_map_published, bureau_waiting FROM PUBLIC;

GRANT EXECUTE ON FUNCTION care_map_published, bureau_waiting TO yuyue_app
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    run(LOOKUPS)
    for table in ("care_map_profile", "care_map_count"):
        protect(table, "SELECT, INSERT, UPDATE")
        owner_reads(table)
    protect("responder", "SELECT, INSERT, UPDATE, DELETE")
