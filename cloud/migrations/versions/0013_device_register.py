"""Devices over their life: kind, condition, weekly tests, faults and stopgaps, corrections."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0013"
down_revision = "0012"

DEVICES = """
ALTER TABLE device
    ADD COLUMN kind text NOT NULL DEFAULT 'other' CHECK (kind IN (
        'button', 'wearable', 'bed', 'radar', 'motion', 'door', 'smoke', 'gas', 'water', 'climate',
        'meter', 'locator', 'gateway', 'other')),
    ADD COLUMN label text NOT NULL DEFAULT '',
    ADD COLUMN serial text NOT NULL DEFAULT '',
    ADD COLUMN condition text NOT NULL DEFAULT 'ok'
        CHECK (condition IN ('ok', 'faulty', 'retired')),
    ADD COLUMN accepted_by text,
    ADD COLUMN warranty_until date,
    ADD COLUMN retired_at timestamptz,
    ADD COLUMN retired_reason text NOT NULL DEFAULT '',
    ADD COLUMN tested_at timestamptz,
    ADD COLUMN version integer NOT NULL DEFAULT 1;

UPDATE device SET kind = 'wearable' WHERE position IS NOT NULL;

UPDATE device SET kind = 'gateway' WHERE model = 'yuyue-gateway';

CREATE INDEX device_to_test ON device (institution_id, tested_at)
    WHERE kind IN ('button', 'wearable') AND condition = 'ok';

CREATE TABLE device_test (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    device_id text NOT NULL,
    tested_at timestamptz NOT NULL,
    passed boolean NOT NULL,
    tester_id uuid,
    tester text NOT NULL,
    note text NOT NULL DEFAULT '',
    FOREIGN KEY (institution_id, device_id) REFERENCES device (institution_id, device_id),
    FOREIGN KEY (institution_id, tester_id) REFERENCES user_account (institution_id, id)
);

CREATE INDEX ON device_test (institution_id, device_id, tested_at);

CREATE TABLE device_fault (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    device_id text NOT NULL,
    reported_at timestamptz NOT NULL,
    reported_by text NOT NULL,
    description text NOT NULL,
    elder_id uuid,
    bed_id uuid,
    room_id uuid,
    stopgap_due_at timestamptz,
    stopgap_at timestamptz,
    stopgap_by text,
    stopgap_way text CHECK (stopgap_way IN ('substitute', 'staff')),
    stopgap_note text NOT NULL DEFAULT '',
    substitute_device_id text,
    ended_at timestamptz,
    ended_by text,
    outcome text CHECK (outcome IN ('repaired', 'retired')),
    version integer NOT NULL DEFAULT 1,
    FOREIGN KEY (institution_id, device_id) REFERENCES device (institution_id, device_id),
    FOREIGN KEY (institution_id, substitute_device_id)
        REFERENCES device (institution_id, device_id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, bed_id) REFERENCES bed (institution_id, id),
    FOREIGN KEY (institution_id, room_id) REFERENCES room (institution_id, id)
);

CREATE UNIQUE INDEX device_fault_once ON device_fault (institution_id, device_id)
    WHERE ended_at IS NULL;

CREATE INDEX device_fault_due ON device_fault (institution_id, stopgap_due_at)
    WHERE ended_at IS NULL;

CREATE INDEX ON device_fault (institution_id, device_id, reported_at);

CREATE INDEX ON assignment (institution_id, device_id, valid_from);

CREATE INDEX ON assignment (institution_id, elder_id);

CREATE INDEX ON assignment (institution_id, bed_id);

CREATE INDEX ON assignment (institution_id, room_id)
"""

# Alerts follow the assignments; where one was before is kept here.
CORRECTIONS = """
CREATE TABLE alert_relink (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_id uuid,
    actor text NOT NULL,
    reason text NOT NULL,
    elder_id_before uuid,
    bed_id_before uuid,
    room_id_before uuid,
    FOREIGN KEY (institution_id, alert_id) REFERENCES alert (institution_id, id),
    FOREIGN KEY (institution_id, actor_id) REFERENCES user_account (institution_id, id)
);

CREATE INDEX ON alert_relink (institution_id, alert_id);

CREATE INDEX alert_by_elder ON alert (institution_id, elder_id, happened_ns);

CREATE INDEX alert_by_device ON alert (institution_id, device_id, happened_ns)
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(DEVICES)
    run(CORRECTIONS)
    protect("device_test", "SELECT, INSERT")
    protect("device_fault", "SELECT, INSERT, UPDATE")
    protect("alert_relink", "SELECT, INSERT")
