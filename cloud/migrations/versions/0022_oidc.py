"""How somebody signed in, and what sign-in with the house's own accounts must look up."""

from __future__ import annotations

from cloud.migrations.tenancy import run

revision = "0022"
down_revision = "0021"

SCRIPT = """
ALTER TABLE user_session ADD COLUMN signed_in_by text NOT NULL DEFAULT 'password'
    CHECK (signed_in_by IN ('password', 'oidc', 'oidc_strong'));

CREATE FUNCTION oidc_subject_is_taken(wanted_subject text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT EXISTS (SELECT 1 FROM user_account u WHERE u.oidc_subject = wanted_subject)
$$;

CREATE FUNCTION username_is_taken(wanted_username text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT EXISTS (SELECT 1 FROM user_account u WHERE u.username = wanted_username)
$$;

REVOKE ALL ON FUNCTION oidc_subject_is_taken, username_is_taken FROM PUBLIC;

GRANT EXECUTE ON FUNCTION oidc_subject_is_taken, username_is_taken TO yuyue_app
"""


def upgrade() -> None:
    """Forward only."""
    run(SCRIPT)
