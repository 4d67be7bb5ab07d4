"""The roles of a whole house, not only duty staff and administrators."""

from __future__ import annotations

from cloud.migrations.tenancy import run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Forward only."""
    run(
        "ALTER TABLE user_account DROP CONSTRAINT user_account_role_check;\n\n"
        "ALTER TABLE user_account ADD CONSTRAINT user_account_role_check CHECK (role IN ("
        "'duty', 'head_nurse', 'manager', 'assessor', 'operator', 'family', 'district_viewer',"
        " 'admin'))"
    )
