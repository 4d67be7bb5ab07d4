"""Records: buildings, homes and their fitting, photos; elders in full, family, consents, risks."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0012"
down_revision = "0011"

PLACES = """
CREATE TABLE building (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    name text NOT NULL CHECK (name <> ''),
    address text NOT NULL DEFAULT '',
    sort_order integer NOT NULL DEFAULT 0,
    closed_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (institution_id, id),
    UNIQUE (institution_id, name)
);

ALTER TABLE unit
    ADD COLUMN building_id uuid,
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD FOREIGN KEY (institution_id, building_id) REFERENCES building (institution_id, id);

CREATE TABLE home (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    name text NOT NULL CHECK (name <> ''),
    operator_unit_id uuid,
    district_code text CHECK (district_code ~ '^[0-9]{6}$'),
    address_sealed bytea,
    entry_sealed bytea,
    state text NOT NULL CHECK (state IN
        ('applied', 'planned', 'agreed', 'fitting', 'in_service', 'ended')),
    accepted_at timestamptz,
    accepted_by text,
    acceptance_note text NOT NULL DEFAULT '',
    warranty_until date,
    created_at timestamptz NOT NULL,
    closed_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (institution_id, id),
    UNIQUE (institution_id, name),
    FOREIGN KEY (institution_id, operator_unit_id) REFERENCES unit (institution_id, id)
);

ALTER TABLE room
    ALTER COLUMN unit_id DROP NOT NULL,
    ADD COLUMN home_id uuid,
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD CONSTRAINT room_of_unit_or_home CHECK (num_nonnulls(unit_id, home_id) = 1),
    ADD CONSTRAINT room_home_id_name_key UNIQUE (home_id, name),
    ADD FOREIGN KEY (institution_id, home_id) REFERENCES home (institution_id, id);

ALTER TABLE bed
    ADD COLUMN kind text NOT NULL DEFAULT 'general'
        CHECK (kind IN ('general', 'nursing', 'dementia', 'short_stay', 'home')),
    ADD COLUMN state text NOT NULL DEFAULT 'available'
        CHECK (state IN ('available', 'reserved', 'out_of_use')),
    ADD COLUMN note text NOT NULL DEFAULT '',
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN version integer NOT NULL DEFAULT 1;

CREATE TABLE home_kit_item (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    home_id uuid NOT NULL,
    kind text NOT NULL,
    spot text NOT NULL DEFAULT '',
    device_id text,
    fitted_at timestamptz,
    removed_at timestamptz,
    warranty_until date,
    FOREIGN KEY (institution_id, home_id) REFERENCES home (institution_id, id),
    FOREIGN KEY (institution_id, device_id) REFERENCES device (institution_id, device_id)
);

CREATE TABLE home_check (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    home_id uuid NOT NULL,
    code text NOT NULL,
    done_at timestamptz,
    done_by text,
    note text NOT NULL DEFAULT '',
    UNIQUE (institution_id, id),
    UNIQUE (home_id, code),
    FOREIGN KEY (institution_id, home_id) REFERENCES home (institution_id, id)
);

CREATE TABLE photo (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    home_check_id uuid,
    jpeg bytea NOT NULL CHECK (octet_length(jpeg) <= 1048576),
    width_px integer NOT NULL,
    height_px integer NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (institution_id, id),
    FOREIGN KEY (institution_id, home_check_id) REFERENCES home_check (institution_id, id)
);

CREATE INDEX ON room (institution_id, unit_id);

CREATE INDEX ON room (institution_id, home_id);

CREATE INDEX ON room (institution_id, name text_pattern_ops);

CREATE INDEX ON bed (institution_id, room_id);

CREATE INDEX ON unit (institution_id, building_id);

CREATE INDEX ON home_kit_item (institution_id, home_id);

CREATE INDEX ON photo (institution_id, home_check_id)
"""

# search_keys: name, pinyin and initials, each also from its later characters on, as lexemes:
# one GIN index answers every beginning of any of them.
PEOPLE = """
ALTER TABLE elder
    ADD COLUMN name_pinyin text NOT NULL DEFAULT '',
    ADD COLUMN search_keys tsvector NOT NULL DEFAULT '',
    ADD COLUMN citizen_number_sealed bytea,
    ADD COLUMN citizen_number_index bytea,
    ADD COLUMN phone_sealed bytea,
    ADD COLUMN height_cm double precision CHECK (height_cm BETWEEN 50 AND 250),
    ADD COLUMN weight_kg double precision CHECK (weight_kg BETWEEN 10 AND 400),
    ADD COLUMN ethnicity text,
    ADD COLUMN religion text,
    ADD COLUMN education text,
    ADD COLUMN living text[] NOT NULL DEFAULT '{}',
    ADD COLUMN marital text,
    ADD COLUMN payment text[] NOT NULL DEFAULT '{}',
    ADD COLUMN income text[] NOT NULL DEFAULT '{}',
    ADD COLUMN languages text[] NOT NULL DEFAULT '{}',
    ADD COLUMN diagnoses jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN allergies jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN photo_id uuid,
    ADD COLUMN archived_at timestamptz,
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD FOREIGN KEY (institution_id, photo_id) REFERENCES photo (institution_id, id);

CREATE UNIQUE INDEX elder_citizen_number ON elder (institution_id, citizen_number_index);

CREATE INDEX elder_search ON elder USING gin (search_keys);

CREATE INDEX elder_by_name ON elder (institution_id, name_pinyin, id);

CREATE INDEX ON stay (institution_id, elder_id, valid_from);

CREATE INDEX ON stay (institution_id, bed_id, valid_from);

ALTER TABLE stay
    ADD COLUMN end_reason text CHECK (end_reason IN ('moved', 'left', 'hospital', 'died', 'other')),
    ADD COLUMN note text NOT NULL DEFAULT '';

CREATE TABLE elder_fact (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    field text NOT NULL,
    value jsonb NOT NULL,
    source text NOT NULL CHECK (source <> ''),
    as_of date NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by_id uuid,
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, recorded_by_id) REFERENCES user_account (institution_id, id)
);

CREATE INDEX ON elder_fact (institution_id, elder_id, field, as_of, id);

CREATE TABLE elder_contact (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    rank integer NOT NULL CHECK (rank >= 1),
    name text NOT NULL CHECK (name <> ''),
    relationship text NOT NULL,
    phone_sealed bytea NOT NULL,
    note text NOT NULL DEFAULT '',
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX ON elder_contact (institution_id, elder_id, rank);

CREATE TABLE family_member (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    user_id uuid,
    name text NOT NULL CHECK (name <> ''),
    relationship text NOT NULL,
    phone_sealed bytea,
    may_see text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, user_id) REFERENCES user_account (institution_id, id)
);

CREATE UNIQUE INDEX family_member_once ON family_member (institution_id, elder_id, user_id)
    WHERE ended_at IS NULL;

CREATE INDEX ON family_member (institution_id, elder_id);

CREATE INDEX ON family_member (institution_id, user_id);

CREATE TABLE consent (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    purpose text NOT NULL,
    family_member_id uuid,
    kinds text[] NOT NULL DEFAULT '{}',
    text_version text NOT NULL CHECK (text_version <> ''),
    signer text NOT NULL CHECK (signer IN ('self', 'guardian')),
    signer_name text NOT NULL CHECK (signer_name <> ''),
    proof text NOT NULL DEFAULT '',
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    recorded_at timestamptz NOT NULL,
    recorded_by_id uuid,
    withdrawn_at timestamptz,
    withdrawn_by text,
    withdrawal_note text NOT NULL DEFAULT '',
    CHECK (valid_until > valid_from),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id),
    FOREIGN KEY (institution_id, family_member_id) REFERENCES family_member (institution_id, id),
    FOREIGN KEY (institution_id, recorded_by_id) REFERENCES user_account (institution_id, id)
);

CREATE INDEX ON consent (institution_id, elder_id);

CREATE TABLE risk_entry (
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    risk text NOT NULL,
    level text NOT NULL CHECK (level IN ('not_assessed', 'none', 'watch', 'high')),
    measures text NOT NULL DEFAULT '',
    owner text NOT NULL DEFAULT '',
    review_on date,
    assessed_at timestamptz,
    assessed_by text,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (institution_id, elder_id, risk),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
)
"""

# What may be drawn of a person is part of what gateways are told; so is how a home is called.
REGISTRY = """
CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON consent
FOR EACH ROW EXECUTE FUNCTION registry_changed();

CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE ON home
FOR EACH ROW EXECUTE FUNCTION registry_changed()
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(PLACES)
    run(PEOPLE)
    run(REGISTRY)
    for table in ("building", "home", "home_kit_item", "home_check", "photo", "elder_contact"):
        protect(table)
    # Who was told what, who agreed to what, and what was known when is never rewritten.
    protect("elder_fact", "SELECT, INSERT")
    protect("consent", "SELECT, INSERT, UPDATE (withdrawn_at, withdrawn_by, withdrawal_note)")
    for table in ("family_member", "risk_entry"):
        protect(table, "SELECT, INSERT, UPDATE")
