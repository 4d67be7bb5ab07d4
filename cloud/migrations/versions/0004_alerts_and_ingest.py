"""Alerts with their events, moves, timers and ledger; the live stream; lanes and quarantine."""

from __future__ import annotations

from cloud.migrations.tenancy import owner_reads, protect, run

revision = "0004"
down_revision = "0003"

LIVE = """
CREATE TABLE live_head (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    position bigint NOT NULL,
    forgotten_through bigint NOT NULL DEFAULT 0
);

CREATE TABLE live_event (
    institution_id uuid NOT NULL REFERENCES institution,
    position bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('alert', 'status')),
    subject_id uuid,
    payload text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, position)
);

CREATE INDEX ON live_event (created_at)
"""

ALERTS = """
CREATE TABLE alert (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    code text NOT NULL,
    category text NOT NULL CHECK (category IN ('person', 'environment', 'technical', 'duty')),
    priority text NOT NULL CHECK (priority IN ('high', 'medium', 'low', 'info')),
    state text NOT NULL CHECK (state IN ('raised', 'acknowledged', 'resolved')),
    recovered boolean NOT NULL,
    origin text NOT NULL CHECK (origin IN ('live', 'simulated', 'drill')),
    elder_id uuid,
    bed_id uuid,
    room_id uuid,
    device_id text NOT NULL,
    happened_ns bigint NOT NULL,
    raised_at timestamptz NOT NULL,
    late_s double precision NOT NULL,
    confidence double precision NOT NULL,
    count integer NOT NULL,
    verdict text CHECK (verdict IN ('true', 'false', 'unclear', 'test')),
    acknowledged_at timestamptz,
    acknowledged_by text,
    acknowledged_by_id uuid,
    resolved_at timestamptz,
    resolved_by text,
    resolved_by_id uuid,
    updated_at timestamptz NOT NULL,
    follows_id uuid,
    UNIQUE (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, bed_id) REFERENCES bed (institution_id, id),
    FOREIGN KEY (institution_id, room_id) REFERENCES room (institution_id, id),
    FOREIGN KEY (institution_id, device_id) REFERENCES device (institution_id, device_id),
    FOREIGN KEY (institution_id, acknowledged_by_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, resolved_by_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, follows_id) REFERENCES alert (institution_id, id)
);

CREATE INDEX alert_open ON alert (institution_id, happened_ns) WHERE state <> 'resolved';

CREATE INDEX alert_recent ON alert (institution_id, happened_ns);

CREATE TABLE alert_event (
    institution_id uuid NOT NULL REFERENCES institution,
    event_id text NOT NULL,
    alert_id uuid,
    episode_id text NOT NULL,
    kind text NOT NULL,
    device_id text NOT NULL,
    gateway_id uuid NOT NULL,
    happened_ns bigint NOT NULL,
    decided_ns bigint NOT NULL,
    stored_ns bigint NOT NULL,
    received_at timestamptz NOT NULL,
    confidence double precision NOT NULL,
    origin text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (institution_id, event_id),
    FOREIGN KEY (institution_id, alert_id) REFERENCES alert (institution_id, id),
    FOREIGN KEY (institution_id, gateway_id) REFERENCES gateway (institution_id, id)
);

CREATE INDEX ON alert_event (institution_id, alert_id);

CREATE INDEX ON alert_event (institution_id, episode_id);

CREATE TABLE alert_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    move text NOT NULL,
    at timestamptz NOT NULL,
    client_time timestamptz,
    actor_id uuid,
    actor text,
    note text,
    verdict text,
    code text,
    priority text,
    recovered boolean,
    event_id text,
    FOREIGN KEY (institution_id, alert_id) REFERENCES alert (institution_id, id),
    FOREIGN KEY (institution_id, actor_id) REFERENCES user_account (institution_id, id)
);

CREATE INDEX ON alert_move (institution_id, alert_id, id);

CREATE TABLE alert_timer (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    kind text NOT NULL,
    due_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('fired', 'cancelled')),
    FOREIGN KEY (institution_id, alert_id) REFERENCES alert (institution_id, id)
);

CREATE INDEX alert_timer_waiting ON alert_timer (due_at) WHERE ended_at IS NULL;

CREATE TABLE alert_ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    hop text NOT NULL,
    at timestamptz NOT NULL,
    by text NOT NULL,
    source text NOT NULL,
    UNIQUE (institution_id, alert_id, hop, source),
    FOREIGN KEY (institution_id, alert_id) REFERENCES alert (institution_id, id)
);

CREATE FUNCTION due_timer_institutions(at timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT institution_id FROM alert_timer WHERE ended_at IS NULL AND due_at <= at
$$;

REVOKE ALL ON FUNCTION due_timer_institutions FROM PUBLIC;

GRANT EXECUTE ON FUNCTION due_timer_institutions TO yuyue_app
"""

INGEST = """
CREATE TABLE ingest_lane (
    institution_id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    outbox_id text NOT NULL,
    lane text NOT NULL CHECK (lane IN ('urgent', 'bulk')),
    last_seq bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, gateway_id, outbox_id, lane),
    FOREIGN KEY (institution_id, gateway_id) REFERENCES gateway (institution_id, id)
);

CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    device_id text,
    source text NOT NULL,
    found_by text NOT NULL CHECK (found_by IN ('gateway', 'cloud')),
    received_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    frame bytea NOT NULL,
    FOREIGN KEY (institution_id, gateway_id) REFERENCES gateway (institution_id, id)
);

CREATE INDEX ON quarantine (institution_id, stored_at)
"""

# What happened is never rewritten: these tables can only grow.
APPEND_ONLY = ("alert_move", "alert_ledger", "quarantine")


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(LIVE)
    run(ALERTS)
    run(INGEST)
    protect("live_event", "SELECT, INSERT, DELETE")
    for table in ("live_head", "alert", "alert_timer", "ingest_lane"):
        protect(table, "SELECT, INSERT, UPDATE")
    for table in APPEND_ONLY:
        protect(table, "SELECT, INSERT")
    # An event that came before its alert is tied to it later; nothing else of it may change.
    protect("alert_event", "SELECT, INSERT, UPDATE (alert_id)")
    owner_reads("alert_timer")
