"""Orders for meals, bathing and medical help; mutual-aid helpers; monthly statements."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0035"
down_revision = "0034"

TABLES = """
ALTER TABLE family_member
    ADD COLUMN role text NOT NULL DEFAULT 'relative' CHECK (role IN ('relative', 'helper'));

ALTER TABLE visit ADD COLUMN purchaser text NOT NULL DEFAULT '';

CREATE TABLE service_order (
    institution_id uuid NOT NULL,
    id uuid NOT NULL,
    elder_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('meal', 'bath', 'medical')),
    wanted_at timestamptz NOT NULL,
    provider text NOT NULL,
    purchaser text NOT NULL,
    note text NOT NULL,
    state text NOT NULL CHECK (state IN ('ordered', 'begun', 'done', 'cancelled', 'missed')),
    created_at timestamptz NOT NULL,
    begun_at timestamptz,
    ended_at timestamptz CHECK (ended_at >= begun_at),
    served_by text,
    place_sealed bytea,
    accuracy_m double precision,
    distance_m double precision,
    no_place_reason text NOT NULL,
    confirmed_by text CHECK (confirmed_by IN ('elder', 'relative', 'nobody')),
    confirmed_name text NOT NULL,
    PRIMARY KEY (institution_id, id),
    CHECK (state <> 'done' OR (ended_at IS NOT NULL AND confirmed_by IS NOT NULL)),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX service_order_by_time ON service_order (institution_id, wanted_at);

CREATE TABLE service_order_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    order_id uuid NOT NULL,
    move text NOT NULL,
    state_after text NOT NULL,
    at timestamptz NOT NULL,
    by_id uuid NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    FOREIGN KEY (institution_id, order_id) REFERENCES service_order (institution_id, id)
);

CREATE INDEX moves_of_order ON service_order_move (institution_id, order_id, id);

CREATE TABLE service_statement (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    purchaser text NOT NULL,
    body jsonb NOT NULL,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    signed_at timestamptz NOT NULL,
    signed_by_id uuid NOT NULL,
    signed_by text NOT NULL,
    UNIQUE (institution_id, month, purchaser)
)
"""


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("service_order", "SELECT, INSERT, UPDATE")
    protect("service_order_move", "SELECT, INSERT")
    protect("service_statement", "SELECT, INSERT")
