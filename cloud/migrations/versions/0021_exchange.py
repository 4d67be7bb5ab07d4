"""Exchange: bodies whose signature is known, their results, and where a result is from."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0021"
down_revision = "0020"

EXCHANGE = """
CREATE TABLE exchange_partner (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    name text NOT NULL CHECK (name <> ''),
    key_id text NOT NULL,
    jwk jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    UNIQUE (institution_id, id)
);

CREATE UNIQUE INDEX ON exchange_partner (institution_id, key_id) WHERE ended_at IS NULL;

CREATE TABLE outside_result (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    partner_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    source_id text NOT NULL,
    reference_date date NOT NULL,
    answers jsonb NOT NULL,
    total integer NOT NULL,
    level integer NOT NULL CHECK (level BETWEEN 0 AND 4),
    matched_by text NOT NULL CHECK (matched_by IN ('citizen_number', 'person')),
    received_at timestamptz NOT NULL,
    received_by_id uuid NOT NULL,
    decided_at timestamptz,
    decided_by_id uuid,
    accepted boolean,
    note text NOT NULL DEFAULT '',
    assessment_id uuid,
    FOREIGN KEY (institution_id, partner_id) REFERENCES exchange_partner (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    UNIQUE (institution_id, partner_id, source_id),
    CHECK ((decided_at IS NULL) = (accepted IS NULL))
);

CREATE INDEX ON outside_result (institution_id, received_at);

ALTER TABLE assessment ADD COLUMN source text NOT NULL DEFAULT ''
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(EXCHANGE)
    protect("exchange_partner", "SELECT, INSERT, UPDATE")
    protect("outside_result", "SELECT, INSERT, UPDATE")
