"""The whole life of an alert: who goes, who is there, closed; shelves, findings, second persons."""

from __future__ import annotations

from cloud.migrations.tenancy import run

revision = "0010"
down_revision = "0009"

COLUMNS = """
ALTER TABLE alert
    ALTER COLUMN device_id DROP NOT NULL,
    ADD COLUMN unit_id uuid,
    ADD COLUMN rings integer NOT NULL DEFAULT 1,
    ADD COLUMN step integer NOT NULL DEFAULT 0,
    ADD COLUMN second_due boolean NOT NULL DEFAULT false,
    ADD COLUMN suppressed boolean NOT NULL DEFAULT false,
    ADD COLUMN shelved_until timestamptz,
    ADD COLUMN shelved_by text,
    ADD COLUMN finding text CHECK (finding IN ('real_fall', 'lowered_self', 'sat_hard',
        'device_dropped', 'care_handling', 'visitor', 'real', 'false_alarm', 'test', 'unclear')),
    ADD COLUMN injury text CHECK (injury IN ('none', 'minor', 'serious', 'hospital', 'death',
        'unknown')),
    ADD COLUMN cause text,
    ADD COLUMN measure text,
    ADD COLUMN family text CHECK (family IN ('told', 'not_required', 'unreachable')),
    ADD COLUMN second_by text,
    ADD COLUMN second_by_id uuid,
    ADD COLUMN attending_at timestamptz,
    ADD COLUMN attending_by text,
    ADD COLUMN attending_by_id uuid,
    ADD COLUMN arrived_at timestamptz,
    ADD COLUMN arrived_by text,
    ADD COLUMN arrived_by_id uuid,
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN closed_by text,
    ADD COLUMN closed_by_id uuid,
    ADD COLUMN rules_version text NOT NULL DEFAULT '1',
    ADD COLUMN key text,
    ADD FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id),
    ADD FOREIGN KEY (institution_id, second_by_id) REFERENCES user_account (institution_id, id),
    ADD FOREIGN KEY (institution_id, attending_by_id) REFERENCES user_account (institution_id, id),
    ADD FOREIGN KEY (institution_id, arrived_by_id) REFERENCES user_account (institution_id, id),
    ADD FOREIGN KEY (institution_id, closed_by_id) REFERENCES user_account (institution_id, id);

ALTER TABLE alert ALTER COLUMN rings DROP DEFAULT, ALTER COLUMN step DROP DEFAULT,
    ALTER COLUMN second_due DROP DEFAULT, ALTER COLUMN suppressed DROP DEFAULT,
    ALTER COLUMN rules_version DROP DEFAULT;

ALTER TABLE alert DROP CONSTRAINT alert_state_check;

ALTER TABLE alert ADD CONSTRAINT alert_state_check CHECK (state IN ('raised', 'notified',
    'acknowledged', 'attending', 'arrived', 'resolved', 'closed'));

DROP INDEX alert_open;

CREATE INDEX alert_open ON alert (institution_id, happened_ns)
    WHERE state NOT IN ('resolved', 'closed');

ALTER TABLE alert_move
    ADD COLUMN finding text,
    ADD COLUMN injury text,
    ADD COLUMN cause text,
    ADD COLUMN measure text,
    ADD COLUMN family text,
    ADD COLUMN second_due boolean,
    ADD COLUMN step integer,
    ADD COLUMN until timestamptz,
    ADD COLUMN source text;

CREATE UNIQUE INDEX alert_move_source ON alert_move (institution_id, alert_id, source)
    WHERE source IS NOT NULL
"""

# Where an alert was, as far as its bed or room tells. What is not high was closed by whoever
# resolved it; the move that says so has the time and the person of the resolving.
BACKFILL = """
UPDATE alert SET unit_id = room.unit_id FROM bed, room
    WHERE bed.id = alert.bed_id AND room.id = bed.room_id;

UPDATE alert SET unit_id = room.unit_id FROM room
    WHERE alert.unit_id IS NULL AND room.id = alert.room_id;

INSERT INTO alert_move (institution_id, alert_id, move, at, actor_id, actor)
    SELECT institution_id, id, 'close', resolved_at, resolved_by_id, resolved_by FROM alert
    WHERE state = 'resolved' AND priority <> 'high';

UPDATE alert SET state = 'closed', closed_at = resolved_at, closed_by = resolved_by,
    closed_by_id = resolved_by_id, updated_at = resolved_at
    WHERE state = 'resolved' AND priority <> 'high'
"""
TABLES = ("alert", "alert_move", "bed", "room")


def upgrade() -> None:
    """Forward only. Row-level security stands aside for the owner while old rows are brought up."""
    run(COLUMNS)
    for table in TABLES:
        run(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    run(BACKFILL)
    for table in TABLES:
        run(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
