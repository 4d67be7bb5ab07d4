"""Row-level security, the same for every table."""

from __future__ import annotations

from alembic import op

TENANT = "nullif(current_setting('app.institution_id', true), '')::uuid"


def run(script: str) -> None:
    """Run statements parted by a line that ends in a semicolon followed by an empty line."""
    for statement in script.strip().split(";\n\n"):
        # exec_driver_sql: a colon in our SQL is a colon.
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))


def protect(
    table: str, grants: str = "SELECT, INSERT, UPDATE, DELETE", column: str = "institution_id"
) -> None:
    """Only rows of the institution that the transaction has named; `grants` for the app's role."""
    run(
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;\n\n"
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;\n\n"
        f"CREATE POLICY tenant ON {table} TO yuyue_app"
        f" USING ({column} = {TENANT}) WITH CHECK ({column} = {TENANT});\n\n"
        f"GRANT {grants} ON {table} TO yuyue_app"
    )


def owner_reads(table: str) -> None:
    """Let the narrow look-up functions, which run as the owner, read this table."""
    run(f"CREATE POLICY owner_reads ON {table} FOR SELECT TO CURRENT_USER USING (true)")
