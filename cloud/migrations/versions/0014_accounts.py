"""Accounts: second factors, units, linked institutions, API tokens, break-glass, districts."""

from __future__ import annotations

from cloud.migrations.tenancy import owner_reads, protect, run

revision = "0014"
down_revision = "0013"

# An organization is an operator with several institutions. It is a name that institutions share,
# nothing more: the institution stays what row-level security parts.
ORGANIZATIONS = """
CREATE TABLE organization (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    created_at timestamptz NOT NULL
);

ALTER TABLE institution
    ADD COLUMN organization_id uuid REFERENCES organization,
    ADD COLUMN kind text NOT NULL DEFAULT 'care' CHECK (kind IN ('care', 'bureau')),
    ADD COLUMN demo boolean NOT NULL DEFAULT false;

CREATE TABLE district_member (
    institution_id uuid NOT NULL REFERENCES institution,
    member_id uuid NOT NULL REFERENCES institution,
    PRIMARY KEY (institution_id, member_id)
);

CREATE FUNCTION district_bureau_only() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM institution WHERE id = NEW.institution_id AND kind = 'bureau') THEN
        RAISE EXCEPTION 'only a bureau has members' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER bureau_only BEFORE INSERT OR UPDATE ON district_member
    FOR EACH ROW EXECUTE FUNCTION district_bureau_only()
"""

ACCOUNTS = """
ALTER TABLE user_account
    ADD COLUMN home_account_id uuid REFERENCES user_account (id),
    ADD COLUMN must_change_password boolean NOT NULL DEFAULT false,
    ADD COLUMN password_changed_at timestamptz,
    ADD COLUMN totp_sealed bytea,
    ADD COLUMN totp_confirmed_at timestamptz,
    ADD COLUMN totp_last_step bigint NOT NULL DEFAULT 0,
    ADD COLUMN oidc_subject text UNIQUE,
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    DROP CONSTRAINT user_account_username_key,
    ADD CONSTRAINT user_account_name_here UNIQUE (institution_id, username);

CREATE UNIQUE INDEX user_account_username_key ON user_account (username)
    WHERE home_account_id IS NULL;

CREATE INDEX user_account_of_home ON user_account (home_account_id)
    WHERE home_account_id IS NOT NULL;

ALTER TABLE user_session
    ADD COLUMN user_agent text NOT NULL DEFAULT '',
    ADD COLUMN address text NOT NULL DEFAULT '';

CREATE INDEX user_session_of_user ON user_session (institution_id, user_id, created_at);

ALTER TABLE login_throttle ADD COLUMN strikes integer NOT NULL DEFAULT 0;

CREATE TABLE recovery_code (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    user_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    used_at timestamptz,
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id)
);

CREATE TABLE user_unit (
    institution_id uuid NOT NULL,
    user_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    PRIMARY KEY (institution_id, user_id, unit_id),
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, unit_id) REFERENCES unit (institution_id, id)
);

CREATE TABLE api_token (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    token_hash bytea NOT NULL UNIQUE,
    permissions text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    last_used_at timestamptz,
    revoked_at timestamptz,
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id)
);

CREATE TABLE break_glass (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    user_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    reason text NOT NULL CHECK (length(reason) >= 4),
    opened_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL CHECK (closes_at > opened_at),
    reviewed_at timestamptz,
    reviewed_by_id uuid,
    review_note text,
    CHECK ((reviewed_at IS NULL) = (reviewed_by_id IS NULL)),
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, reviewed_by_id) REFERENCES user_account (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX break_glass_open ON break_glass (institution_id, user_id, elder_id, closes_at)
"""

# A linked account has no password of its own: it lives and dies with its home account.
LOOKUPS = """
DROP FUNCTION auth_login;

CREATE FUNCTION auth_login(wanted_username text)
RETURNS TABLE (institution_id uuid, user_id uuid, password_hash text, has_totp boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT u.institution_id, u.id, u.password_hash, u.totp_confirmed_at IS NOT NULL
    FROM user_account u
    WHERE u.username = wanted_username AND u.disabled_at IS NULL AND u.home_account_id IS NULL
$$;

CREATE OR REPLACE FUNCTION auth_session(wanted_hash bytea, at timestamptz)
RETURNS TABLE (institution_id uuid, session_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT s.institution_id, s.id FROM user_session s
    JOIN user_account u ON u.id = s.user_id
    LEFT JOIN user_account h ON h.id = u.home_account_id
    WHERE s.token_hash = wanted_hash AND s.ended_at IS NULL AND s.expires_at > at
    AND u.disabled_at IS NULL AND h.disabled_at IS NULL
$$;

CREATE FUNCTION auth_token(wanted_hash bytea, at timestamptz)
RETURNS TABLE (institution_id uuid, token_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT t.institution_id, t.id FROM api_token t
    JOIN user_account u ON u.id = t.user_id
    LEFT JOIN user_account h ON h.id = u.home_account_id
    WHERE t.token_hash = wanted_hash AND t.revoked_at IS NULL AND t.expires_at > at
    AND u.disabled_at IS NULL AND h.disabled_at IS NULL
$$;

CREATE FUNCTION auth_oidc(wanted_subject text)
RETURNS TABLE (institution_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT u.institution_id, u.id FROM user_account u
    WHERE u.oidc_subject = wanted_subject AND u.disabled_at IS NULL AND u.home_account_id IS NULL
$$;

CREATE FUNCTION auth_accounts(wanted_hash bytea, at timestamptz)
RETURNS TABLE (institution_id uuid, institution_name text, user_id uuid, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT i.id, i.name, other.id, other.role
    FROM user_session s
    JOIN user_account u ON u.id = s.user_id
    JOIN user_account h ON h.id = coalesce(u.home_account_id, u.id)
    JOIN user_account other ON other.id = h.id OR other.home_account_id = h.id
    JOIN institution i ON i.id = other.institution_id
    WHERE s.token_hash = wanted_hash AND s.ended_at IS NULL AND s.expires_at > at
    AND h.disabled_at IS NULL AND other.disabled_at IS NULL
    ORDER BY i.name
$$;

CREATE FUNCTION colleague_account(wanted_username text)
RETURNS TABLE (user_id uuid, display_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT u.id, u.display_name FROM user_account u
    JOIN institution theirs ON theirs.id = u.institution_id
    JOIN institution ours ON ours.organization_id = theirs.organization_id
    WHERE ours.id = nullif(current_setting('app.institution_id', true), '')::uuid
    AND theirs.id <> ours.id AND u.username = wanted_username
    AND u.home_account_id IS NULL AND u.disabled_at IS NULL
$$;

CREATE FUNCTION join_organization(wanted_name text, at timestamptz) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    INSERT INTO organization (id, name, created_at) VALUES (gen_random_uuid(), wanted_name, at)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name
    RETURNING id
$$;

CREATE FUNCTION admit_to_district(bureau uuid, member uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    INSERT INTO district_member VALUES (bureau, member) ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION demo_institutions() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT count(*) FROM institution WHERE demo
$$;

REVOKE ALL ON FUNCTION auth_login, auth_token, auth_oidc, auth_accounts, colleague_account,
    join_organization, admit_to_district, demo_institutions FROM PUBLIC;

GRANT EXECUTE ON FUNCTION auth_login, auth_token, auth_oidc, auth_accounts, colleague_account,
    join_organization, demo_institutions TO yuyue_app
"""


def upgrade() -> None:
    """Forward only."""
    for script in (ORGANIZATIONS, ACCOUNTS, LOOKUPS):
        run(script)
    protect("district_member", grants="SELECT")
    for table in ("recovery_code", "user_unit", "api_token", "break_glass"):
        protect(table)
    for table in ("api_token", "district_member"):
        owner_reads(table)
    # By the owner's own hand (`yuyue cloud admit`): no request can widen what a bureau counts.
    run(
        "CREATE POLICY owner_admits ON district_member FOR INSERT TO CURRENT_USER WITH CHECK (true)"
    )
