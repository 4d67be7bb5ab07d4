"""Who is watched with what, what can be seen of them, and when it could not."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0015"
down_revision = "0014"

COVERAGE = """
CREATE TABLE sensor (
    institution_id uuid NOT NULL,
    device_id text NOT NULL,
    role text NOT NULL CHECK (role <> ''),
    room text NOT NULL DEFAULT '',
    room_kind text NOT NULL DEFAULT 'other',
    capabilities text[],
    report_interval_s double precision CHECK (report_interval_s > 0),
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL,
    PRIMARY KEY (institution_id, device_id),
    FOREIGN KEY (institution_id, device_id) REFERENCES device (institution_id, device_id)
);

CREATE TABLE watch_plan (
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    timezone text NOT NULL,
    ability_level integer NOT NULL CHECK (ability_level BETWEEN 0 AND 4),
    lives_alone boolean,
    requires text[],
    overrides jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL,
    PRIMARY KEY (institution_id, elder_id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE TABLE watch_pause (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL CHECK (until_at > from_at),
    reason text NOT NULL CHECK (reason IN ('leave', 'hospital', 'works', 'other')),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    ended_by text,
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX ON watch_pause (institution_id, elder_id, until_at);

CREATE TABLE gateway_area (
    institution_id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    PRIMARY KEY (institution_id, gateway_id, unit_id),
    FOREIGN KEY (institution_id, gateway_id) REFERENCES gateway (institution_id, id),
    FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id)
);

CREATE TABLE coverage_state (
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('protected', 'degraded', 'blind')),
    since timestamptz NOT NULL,
    decided_ns bigint NOT NULL,
    lacking jsonb NOT NULL,
    origin text NOT NULL,
    gateway_id uuid NOT NULL,
    event_id text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, elder_id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE TABLE coverage_gap (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid,
    room_id uuid,
    device_id text,
    gateway_id uuid,
    episode_id text NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz,
    cause text NOT NULL,
    CHECK (num_nonnulls(elder_id, room_id) = 1),
    UNIQUE (institution_id, episode_id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, room_id) REFERENCES room (institution_id, id)
);

CREATE INDEX ON coverage_gap (institution_id, elder_id, from_at);

CREATE INDEX coverage_gap_open ON coverage_gap (institution_id) WHERE until_at IS NULL;

-- A finding about a person may have no device.
ALTER TABLE alert ALTER COLUMN device_id DROP NOT NULL;

ALTER TABLE live_event DROP CONSTRAINT live_event_kind_check;

ALTER TABLE live_event ADD CONSTRAINT live_event_kind_check
    CHECK (kind IN ('alert', 'status', 'coverage'))
"""

# What gateways are told is made of these too.
REGISTRY = ";\n\n".join(
    f"CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON {table}"
    " FOR EACH ROW EXECUTE FUNCTION registry_changed()"
    for table in ("sensor", "watch_plan", "watch_pause", "gateway_area")
)


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(COVERAGE)
    run(REGISTRY)
    for table in ("sensor", "watch_plan", "gateway_area", "coverage_state"):
        protect(table)
    for table in ("watch_pause", "coverage_gap"):
        protect(table, "SELECT, INSERT, UPDATE")
