"""Rosters, escalation policies, ways to reach people, notices with every attempt, consoles."""

from __future__ import annotations

from cloud.migrations.tenancy import owner_reads, protect, run

revision = "0017"
down_revision = "0016"

ROSTER = """
CREATE TABLE duty (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    user_id uuid NOT NULL,
    unit_id uuid,
    duty_as text NOT NULL CHECK (duty_as IN ('duty', 'head_nurse', 'manager')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    removed_at timestamptz,
    removed_by text,
    CHECK (starts_at < ends_at),
    UNIQUE (institution_id, id),
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id)
);

CREATE INDEX ON duty (institution_id, ends_at);

CREATE TABLE shift_pattern (
    institution_id uuid NOT NULL REFERENCES institution,
    name text NOT NULL CHECK (name <> ''),
    starts_minute integer NOT NULL CHECK (starts_minute BETWEEN 0 AND 1439),
    ends_minute integer NOT NULL CHECK (ends_minute BETWEEN 0 AND 1439),
    PRIMARY KEY (institution_id, name)
);

CREATE TABLE escalation_policy (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    name text NOT NULL,
    priority text NOT NULL CHECK (priority IN ('high', 'medium', 'low', 'info')),
    unit_id uuid,
    elder_id uuid,
    shift text,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    retired_at timestamptz,
    UNIQUE (institution_id, id),
    FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
)
"""

TIMERS = """
ALTER TABLE alert_timer ADD COLUMN step integer;

CREATE INDEX alert_timer_of ON alert_timer (institution_id, alert_id) WHERE ended_at IS NULL
"""

NOTICES = """
CREATE TABLE contact_point (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    user_id uuid,
    family_id uuid,
    channel text NOT NULL CHECK (channel IN ('webpush', 'apprise')),
    label text NOT NULL,
    sealed_address bytea NOT NULL,
    position integer NOT NULL,
    is_test boolean NOT NULL,
    per_hour integer NOT NULL CHECK (per_hour > 0),
    created_at timestamptz NOT NULL,
    code_hash bytea,
    code_expires_at timestamptz,
    verified_at timestamptz,
    removed_at timestamptz,
    dead_at timestamptz,
    UNIQUE (institution_id, id),
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id)
);

CREATE INDEX ON contact_point (institution_id, user_id);

CREATE TABLE notice (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    alert_id uuid,
    kind text NOT NULL CHECK (kind IN ('step', 'not_on_spot', 'family', 'outcome', 'verify',
        'dead_switch')),
    step integer NOT NULL,
    ring integer NOT NULL,
    user_id uuid,
    family_id uuid,
    contact_point_id uuid,
    recipient text NOT NULL,
    priority text NOT NULL,
    urgency integer NOT NULL,
    origin text NOT NULL CHECK (origin IN ('live', 'simulated', 'drill')),
    title text NOT NULL,
    body text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'skipped')),
    tries integer NOT NULL,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    done_at timestamptz,
    UNIQUE (institution_id, id),
    FOREIGN KEY (institution_id, alert_id) REFERENCES alert (institution_id, id),
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, contact_point_id) REFERENCES contact_point (institution_id, id)
);

CREATE INDEX notice_waiting ON notice (due_at) WHERE state = 'pending';

CREATE INDEX ON notice (institution_id, alert_id);

CREATE TABLE notice_attempt (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    notice_id uuid NOT NULL,
    contact_point_id uuid,
    channel text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    result text NOT NULL CHECK (result IN ('started', 'ok', 'failed', 'dead', 'limited',
        'blocked')),
    detail text NOT NULL,
    FOREIGN KEY (institution_id, notice_id) REFERENCES notice (institution_id, id),
    FOREIGN KEY (institution_id, contact_point_id) REFERENCES contact_point (institution_id, id)
);

CREATE INDEX ON notice_attempt (institution_id, notice_id);

CREATE INDEX ON notice_attempt (institution_id, contact_point_id, started_at);

CREATE FUNCTION due_notice_institutions(at timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT institution_id FROM notice WHERE state = 'pending' AND due_at <= at
$$;

REVOKE ALL ON FUNCTION due_notice_institutions FROM PUBLIC;

GRANT EXECUTE ON FUNCTION due_notice_institutions TO yuyue_app
"""

CONSOLES = """
CREATE TABLE console (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    session_id uuid NOT NULL,
    user_id uuid NOT NULL,
    unit_id uuid,
    audio text NOT NULL CHECK (audio IN ('running', 'off', 'stopped', 'unsupported')),
    live boolean NOT NULL,
    wake_lock text NOT NULL CHECK (wake_lock IN ('held', 'refused', 'unsupported')),
    visible boolean NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    healthy_since timestamptz,
    lost_at timestamptz,
    closed_at timestamptz,
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id)
);

CREATE INDEX ON console (institution_id, last_seen_at);

CREATE TABLE pre_flight (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    result jsonb NOT NULL,
    signed_at timestamptz,
    signed_by_id uuid,
    signed_by text,
    remark text,
    FOREIGN KEY (institution_id, signed_by_id) REFERENCES user_account (institution_id, id)
);

CREATE INDEX ON pre_flight (institution_id, made_at)
"""


def upgrade() -> None:
    """Forward only."""
    for script in (ROSTER, TIMERS, NOTICES, CONSOLES):
        run(script)
    for table in ("duty", "escalation_policy", "contact_point", "notice", "notice_attempt"):
        protect(table, "SELECT, INSERT, UPDATE")
    for table in ("console", "pre_flight"):
        protect(table, "SELECT, INSERT, UPDATE")
    protect("shift_pattern")
    owner_reads("notice")
