"""What a filed assessment knew of confirmed incidents, and what was contested of them."""

from __future__ import annotations

from cloud.migrations.tenancy import run

revision = "0031"
down_revision = "0029"

# {"contested": [{incident_id, reason}], "counted": [{incident_id, kind, happened_at}]}
COLUMN = """
ALTER TABLE assessment ADD COLUMN incidents jsonb NOT NULL DEFAULT '{}'::jsonb
"""


def upgrade() -> None:
    """Forward only."""
    run(COLUMN)
