"""${message}."""

from __future__ import annotations

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    ${upgrades if upgrades else "op.execute('')"}
