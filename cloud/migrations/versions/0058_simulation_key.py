"""The key by which an institution's gateways know its simulators."""

from __future__ import annotations

from cloud.migrations.tenancy import run

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    """Made when it is first asked for: sealing it needs the application's keys."""
    run("ALTER TABLE registry_state ADD COLUMN simulation_key_sealed bytea")


def downgrade() -> None:
    """Simulators' marks are taken without a tag again."""
    run("ALTER TABLE registry_state DROP COLUMN simulation_key_sealed")
