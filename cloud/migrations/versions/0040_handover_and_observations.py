"""Shift handover with two signatures; what was observed of an elder, in free words."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0040"
down_revision = "0039"

TABLES = """
CREATE TABLE care_observation (
    institution_id uuid NOT NULL,
    id uuid NOT NULL,
    elder_id uuid NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    by_id uuid NOT NULL,
    by text NOT NULL,
    text text NOT NULL CHECK (text <> ''),
    important boolean NOT NULL,
    corrects_id uuid,
    PRIMARY KEY (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, corrects_id) REFERENCES care_observation (institution_id, id)
);

CREATE INDEX care_observation_of_elder ON care_observation (institution_id, elder_id, at);

CREATE TABLE handover_settings (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    active boolean NOT NULL,
    active_since timestamptz,
    limit_min integer NOT NULL CHECK (limit_min BETWEEN 0 AND 480),
    earliest_min integer NOT NULL CHECK (earliest_min BETWEEN 0 AND 1440),
    version integer NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL
);

CREATE TABLE handover (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    shift_name text NOT NULL,
    shift_starts_at timestamptz NOT NULL,
    shift_ends_at timestamptz NOT NULL CHECK (shift_ends_at > shift_starts_at),
    state text NOT NULL CHECK (state IN ('open', 'given', 'objected', 'taken')),
    revision integer NOT NULL,
    giver_id uuid,
    giver text,
    given_at timestamptz,
    named_id uuid,
    taker_id uuid,
    taker text,
    taken_at timestamptz,
    CHECK (taker_id IS NULL OR taker_id <> giver_id),
    UNIQUE (institution_id, id),
    UNIQUE (institution_id, unit_id, shift_starts_at),
    FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id)
);

CREATE TABLE handover_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    handover_id uuid NOT NULL,
    move text NOT NULL CHECK (move IN ('give', 'object', 'take')),
    revision integer NOT NULL,
    at timestamptz NOT NULL,
    by_id uuid NOT NULL,
    by text NOT NULL,
    signed_with text NOT NULL,
    named_id uuid,
    words text NOT NULL,
    body text NOT NULL,
    sha256 text NOT NULL,
    FOREIGN KEY (institution_id, handover_id) REFERENCES handover (institution_id, id)
);

CREATE INDEX handover_moves ON handover_move (institution_id, handover_id, id);

GRANT DELETE ON bed_tag TO yuyue_app
"""


def upgrade() -> None:
    """Forward only. What was observed and what was signed is never changed."""
    run(TABLES)
    protect("care_observation", "SELECT, INSERT")
    protect("handover_settings", "SELECT, INSERT, UPDATE")
    protect("handover", "SELECT, INSERT, UPDATE")
    protect("handover_move", "SELECT, INSERT")
