"""Found devices, what a device is for, how it is reached, and figures of gateways' sources."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0019"
down_revision = "0018"

# `link_sealed`: how to reach the device, as JSON under the keyring: it may hold a bind key.
DEVICES = """
ALTER TABLE device ADD COLUMN role text CHECK (role IN (
    'motion', 'radar', 'outer_door', 'door', 'bed', 'seat', 'appliance', 'wearable', 'button',
    'locator', 'spot_vitals', 'climate', 'smoke', 'gas', 'water'
));

ALTER TABLE device ADD COLUMN link_sealed bytea;

ALTER TABLE gateway ADD COLUMN source_details jsonb NOT NULL DEFAULT '{}'
"""

FOUND = """
CREATE TABLE found_device (
    institution_id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    device_id text NOT NULL CHECK (device_id ~ '^[A-Za-z0-9_.:-]{1,64}$'),
    transport text NOT NULL CHECK (transport IN ('ble', 'mqtt')),
    format text NOT NULL,
    name text NOT NULL,
    vendor text NOT NULL,
    model text NOT NULL,
    description text NOT NULL,
    suggested_role text,
    quantities jsonb NOT NULL,
    link jsonb NOT NULL,
    problem text,
    rssi_dbm integer,
    link_quality integer,
    messages bigint NOT NULL,
    first_heard_at timestamptz NOT NULL,
    last_heard_at timestamptz NOT NULL,
    reported_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, gateway_id, device_id),
    FOREIGN KEY (institution_id, gateway_id) REFERENCES gateway (institution_id, id)
);

CREATE INDEX ON found_device (institution_id, device_id);

CREATE INDEX ON found_device (reported_at);

CREATE TABLE found_ignored (
    institution_id uuid NOT NULL REFERENCES institution,
    device_id text NOT NULL,
    ignored_at timestamptz NOT NULL,
    ignored_by text NOT NULL,
    PRIMARY KEY (institution_id, device_id)
)
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(DEVICES)
    run(FOUND)
    protect("found_device", "SELECT, INSERT, UPDATE, DELETE")
    protect("found_ignored", "SELECT, INSERT, DELETE")
