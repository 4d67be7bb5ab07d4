"""Ways to reach people told apart by their address; invitations of relatives."""

from __future__ import annotations

from cloud.migrations.tenancy import owner_reads, protect, run

revision = "0028"
down_revision = "0027"

# `address_index`: keyed hash of the address. One browser is one person's: whoever
# subscribes with it takes it over from whoever did before.
POINTS = """
ALTER TABLE contact_point ADD COLUMN address_index bytea;

ALTER TABLE contact_point ADD FOREIGN KEY (institution_id, family_id)
    REFERENCES family_member (institution_id, id);

CREATE INDEX ON contact_point (institution_id, address_index) WHERE removed_at IS NULL;

CREATE INDEX ON contact_point (institution_id, family_id) WHERE removed_at IS NULL
"""

INVITATIONS = """
CREATE TABLE family_invitation (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    family_id uuid NOT NULL,
    code_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    created_by_id uuid,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    accepted_at timestamptz,
    FOREIGN KEY (institution_id, family_id) REFERENCES family_member (institution_id, id),
    FOREIGN KEY (institution_id, created_by_id) REFERENCES user_account (institution_id, id)
);

CREATE INDEX ON family_invitation (institution_id, family_id);

CREATE FUNCTION auth_family_invitation(wanted_hash bytea, at timestamptz)
RETURNS TABLE (institution_id uuid, invitation_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT i.institution_id, i.id FROM family_invitation i
    WHERE i.code_hash = wanted_hash AND i.ended_at IS NULL AND i.expires_at > at
$$;

REVOKE ALL ON FUNCTION auth_family_invitation FROM PUBLIC;

GRANT EXECUTE ON FUNCTION auth_family_invitation TO yuyue_app
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(POINTS)
    run(INVITATIONS)
    protect("family_invitation", "SELECT, INSERT, UPDATE")
    owner_reads("family_invitation")
