"""A visit keeps the interval of the plan it was made under: due dates are lived again by it."""

from __future__ import annotations

from cloud.migrations.tenancy import run

revision = "0052"
down_revision = "0048"


def upgrade() -> None:
    """Forward only. What was before is judged by the plan as it stands."""
    run("ALTER TABLE visit ADD COLUMN interval_days integer CHECK (interval_days > 0)")
