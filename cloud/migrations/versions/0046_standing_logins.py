"""Which of many logins and API tokens still open something: one question for all screens."""

from __future__ import annotations

from cloud.migrations.tenancy import run

revision = "0046"
down_revision = "0044"

# Home accounts belong to another institution, which the transaction does not see.
FUNCTION = """
CREATE FUNCTION auth_standing(wanted uuid[], at timestamptz)
RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT k.id FROM (
        SELECT s.id, s.user_id, s.institution_id FROM user_session s
        WHERE s.id = ANY (wanted) AND s.ended_at IS NULL AND s.expires_at > at
        UNION ALL
        SELECT t.id, t.user_id, t.institution_id FROM api_token t
        WHERE t.id = ANY (wanted) AND t.revoked_at IS NULL AND t.expires_at > at
    ) k
    JOIN user_account u ON u.id = k.user_id
    LEFT JOIN user_account h ON h.id = u.home_account_id
    WHERE k.institution_id = current_setting('app.institution_id')::uuid
    AND u.disabled_at IS NULL AND h.disabled_at IS NULL
$$;

REVOKE ALL ON FUNCTION auth_standing FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth_standing TO yuyue_app
"""


def upgrade() -> None:
    """Forward only."""
    run(FUNCTION)
