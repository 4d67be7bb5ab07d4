"""Rules as data: the house's own book, the rule that decided, floods, alerts nobody was told of."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0026"
down_revision = "0023"

TABLES = """
ALTER TABLE alert
    ADD COLUMN rule text NOT NULL DEFAULT '',
    ADD COLUMN filed text CHECK (filed IN ('history', 'unheard')),
    ADD COLUMN flood_id uuid,
    ADD FOREIGN KEY (institution_id, flood_id) REFERENCES alert (institution_id, id);

ALTER TABLE alert ALTER COLUMN rule DROP DEFAULT;

ALTER TABLE alert_move ADD COLUMN rule text;

CREATE INDEX alert_of_unit ON alert (institution_id, unit_id, raised_at);

CREATE INDEX alert_of_flood ON alert (institution_id, flood_id) WHERE flood_id IS NOT NULL;

CREATE INDEX alert_of_elder ON alert (institution_id, elder_id)
    WHERE state NOT IN ('resolved', 'closed');

CREATE TABLE alert_rule_book (
    institution_id uuid NOT NULL REFERENCES institution,
    revision integer NOT NULL CHECK (revision >= 1),
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (institution_id, revision)
)
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("alert_rule_book", "SELECT, INSERT")
