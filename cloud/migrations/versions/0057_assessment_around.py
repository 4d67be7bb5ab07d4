"""What stands around the items of an assessment: diagnoses, medicines, health problems."""

from __future__ import annotations

from cloud.migrations.tenancy import run

revision = "0057"
down_revision = "0054"


def upgrade() -> None:
    """Empty for what is filed: nothing of it changes."""
    run("ALTER TABLE assessment ADD COLUMN around jsonb NOT NULL DEFAULT '{}'")


def downgrade() -> None:
    """Forget them."""
    run("ALTER TABLE assessment DROP COLUMN around")
